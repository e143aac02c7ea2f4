import './prepared.js';
import { inspect } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { NativeRequest } from '../../../src/fetch/native.js';
import { FastRequest } from '../../../src/fetch/request.js';
import { parsed } from '../../support/parsed.js';
import { arrived, bytesOf, type Incoming, outcomeOf } from './both.js';

const URL_HEAD = 'http://a';

describe('url is the same as Node’s', () => {
  test.each([
    '/',
    '/index.html',
    '/a/b/',
    '/a?b=c&d=e',
    '/?',
    '/??',
    '/?a?b/../c',
    '/a;b=c/d,e',
    '/:@&=+$,-_.!~*()',
    '/.',
    '/..',
    '/./a',
    '/../a',
    '/a/.',
    '/a/..',
    '/a/./b',
    '/a/../b',
    '/a/../../b',
    '/a/...',
    '/a/.../b',
    '/.well-known/a',
    '/a./b',
    '/a../b',
    '/a.',
    '/a..',
    '/a.b/c.d',
    '/a/.?b',
    '/a/..?b',
    '/%2e',
    '/%2E/a',
    '/a/%2e%2e/b',
    '/a/%2E%2e/b',
    '/a/.%2e/b',
    '/a/%2e./b',
    '/a/%2e%2e',
    '/a%2eb',
    '/a/%2e%2eb',
    '/%2f',
    '/a%2F..%2Fb',
    '/%',
    '/%zz',
    '/%2',
    '/%00',
    '/%41',
    '/%C3%A4',
    '//',
    '//b',
    '//b/c',
    '///',
    '/a//b',
    '/a//../b',
    '/\\b',
    '/a\\b',
    '/a\\..\\b',
    '/a?b\\c',
    '/"',
    "/'",
    "/a?'",
    '/a?"',
    '/<>',
    '/a?<>',
    '/`{}|^',
    '/a?`{}|^',
    '/[b]',
    '/a?[b]',
    '/http://b/c',
    '/C:/b',
    '/C|/b',
    '/a:80/b',
    `/${'x'.repeat(4000)}`,
  ])('of %s', (target) => {
    expect(arrived({ target }).request.url).toBe(new NativeRequest(URL_HEAD + target).url);
  });

  test.each([
    ['/\xc3\xa4', '/ä'],
    ['/a?b=\xc3\xa4', '/a?b=ä'],
    ['/\xe4\xb8\x96/../\xc3\xa4', '/世/../ä'],
    ['/\xf0\x9f\x98\x80.html', '/😀.html'],
    ['/a?\xf0\x9f\x98\x80', '/a?😀'],
    ['/\xff', '/%FF'],
    ['/a?\x80\xff', '/a?%80%FF'],
  ])('of the bytes %j, which a browser sends for %s', (target, meant) => {
    expect(arrived({ target }).request.url).toBe(new NativeRequest(URL_HEAD + meant).url);
  });

  test.each([
    ['http://b/c', 'http://b/c'],
    ['http://b', 'http://b/'],
    ['http://b?c', 'http://b/?c'],
    ['http://b/../c', 'http://b/c'],
    ['http://B:80/c', 'http://b/c'],
    ['http://b:81/c', 'http://b:81/c'],
    ['HTTP://b/c', 'http://b/c'],
    ['https://b/c', 'https://b/c'],
    ['https://b:443/c', 'https://b/c'],
    ['http://b/c://d', 'http://b/c://d'],
    ['http://b//c', 'http://b//c'],
    ['http://[::1]:81/c', 'http://[::1]:81/c'],
    ['http://b/\xc3\xa4', 'http://b/%C3%A4'],
    ['http://1.2.3.4.5/c?d', 'http://default:8080/c?d'],
    ['http://1.2.3.4.5', 'http://default:8080/'],
    ['http://a%00b/c', 'http://default:8080/c'],
    ['http://xn--a:81/c', 'http://default:8080/c'],
    ['http://xn--mnchen-3ya.de/c', 'http://xn--mnchen-3ya.de/c'],
  ])('of %s in absolute form, independent of the Host field', (target, url) => {
    for (const host of ['Host: x', 'host:', 'Host: 1.2.3.4.5'])
      expect(arrived({ target, fields: [host] }).request.url).toBe(url);
  });

  test('of an asterisk', () => {
    expect(arrived({ target: '*', method: 'OPTIONS' }).request.url).toBe('http://a/*');
  });
});

describe('url with a Host field', () => {
  test.each([
    'a',
    'a.b',
    'example.com',
    'localhost:3000',
    'A.Example.COM',
    'a:80',
    'a:080',
    'a:0',
    'a:443',
    'a:8080',
    'a:08080',
    'a:65535',
    'a:',
    'a.',
    'a.b.',
    'a..b',
    'a.b..',
    '.',
    'a_b',
    'a-b',
    '-a-',
    'a~b',
    'a%41',
    'a%41.b:81',
    "a!$&'()*+,;=b",
    '127.0.0.1',
    '127.0.0.1:80',
    '127.0.0.1:8080',
    '127.0.0.1.',
    '127.0.0.1.:8080',
    '127.1',
    '127.0.0.01',
    '0.0.0.0',
    '255.255.255.255',
    '1.2.3',
    '1.2.3.4.a',
    '1',
    '0',
    '2130706433',
    '0x7f.1',
    '0x7f',
    '0X7F',
    'a.0x7f.b',
    '1.0x7f',
    '1.0x',
    '0x',
    '017700000001',
    '1a',
    'a.1a',
    'a1',
    'a.b1',
    '[::1]',
    '[::1]:80',
    '[::1]:8080',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    'xn--nxasmq6b',
    'xn--mnchen-3ya.de',
    'XN--Mnchen-3ya.DE:81',
    'a.xn--mgbb',
    'xn--mgbb.xn--mgbb:80',
    'xn--ls8h.',
  ])('%s', (host) => {
    expect(arrived({ fields: [`Host: ${host}`] }).request.url).toBe(new NativeRequest(`http://${host}/`).url);
  });

  test.each([
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.256',
    '99999999999',
    'a.1',
    'a.0x7f',
    '0x100000000',
    'a%00b',
    'a%',
    'a%2fb',
    '[v1.a]',
    '[:::::]',
    '[1:2:3:4:5:6:7:8:9]',
  ])('that is not valid in the URL standard: %s', (host) => {
    expect(() => new NativeRequest(`http://${host}/`)).toThrow(TypeError);
    const { request } = arrived({ fields: [`Host: ${host}`], target: '/c?d' });
    expect(request.url).toBe('http://default:8080/c?d');
    expect(request.headers.get('host')).toBe(host);
  });

  // Whether Node's parser accepts these depends on its version.
  test.each([
    'xn--a',
    'XN--A:81',
    'xn--',
    'a.xn--a.b',
    'xn--a.xn--nxasmq6b',
    'x%6e--a',
    'xn--0',
    'xn--ls8h=',
    'xn--8i7caa',
  ])('that has invalid Punycode: %s', (host) => {
    const { request } = arrived({ fields: [`Host: ${host}`], target: '/c?d' });
    expect(request.url).toBe('http://default:8080/c?d');
    expect(request.headers.get('host')).toBe(host);
  });

  test('that is missing', () => {
    expect(arrived({ fields: [], version: '1.0', target: '/a' }).request.url).toBe('http://default:8080/a');
    expect(arrived({ fields: ['Host:'], target: '/a' }).request.url).toBe('http://default:8080/a');
    expect(arrived({ fields: ['Accept: Host: x', 'HOST: b'] }).request.url).toBe('http://b/');
  });
});

describe('headers are the same as Node’s', () => {
  test.each<[name: string, fields: [string, string][]]>([
    ['none', []],
    ['one', [['A', 'b']]],
    [
      'several of a name',
      [
        ['A', 'b'],
        ['B', 'x'],
        ['a', 'c'],
        ['A', ''],
      ],
    ],
    [
      'several Cookie lines',
      [
        ['Cookie', 'a=b'],
        ['cookie', 'c=d; e=f'],
      ],
    ],
    [
      'several Set-Cookie lines',
      [
        ['Set-Cookie', 'a'],
        ['set-cookie', 'b'],
      ],
    ],
    [
      'empty values',
      [
        ['A', ''],
        ['B', ' \t '],
      ],
    ],
    ['blanks within and around', [['A', ' \tb \t c\t ']]],
    [
      'colons',
      [
        ['A', 'b: c'],
        ['B', ':'],
        ['C', '::'],
      ],
    ],
    ['latin1', [['A', 'Gr\xfc\xdfe \xa0 \x85']]],
    ['UTF-8, a character a byte', [['A', '\xc3\xa4']]],
    ['strange names', [["!#$%&'*+-.^_`|~0", 'a']]],
    [
      'names of objects',
      [
        ['constructor', 'a'],
        ['__proto__', 'b'],
        ['toString', 'c'],
      ],
    ],
    [
      'fields that a browser may not set',
      [
        ['Connection', 'close'],
        ['Date', 'x'],
        ['Via', 'y'],
        ['TE', 'z'],
      ],
    ],
  ])('%s', (_, fields) => {
    const { request } = arrived({ fields: ['Host: a', ...fields.map(([name, value]) => `${name}:${value}`)] });
    const native = new NativeRequest(URL_HEAD, { headers: [['Host', 'a'], ...fields] });
    expect([...request.headers]).toEqual([...native.headers]);
    expect(request.headers.getSetCookie()).toEqual(native.headers.getSetCookie());
    expect(request.headers).toBe(request.headers);
  });

  test('can be changed, also for a Request made later', () => {
    const { request } = arrived({ method: 'POST', body: ['x'], fields: ['Host: a', 'A: b'] });
    request.headers.set('A', 'c');
    expect(request.clone().headers.get('a')).toBe('c');
    request.headers.append('Set-Cookie', 'd');
    request.headers.append('Set-Cookie', 'e');
    request.headers.delete('Host');
    expect([...request.clone().headers]).toEqual([...request.headers]);
    expect([...request.headers]).toEqual([
      ['a', 'c'],
      ['set-cookie', 'd'],
      ['set-cookie', 'e'],
    ]);
  });

  test('can be changed after access to the body', () => {
    const { request } = arrived({ method: 'POST', body: ['x'] });
    expect(request.body).not.toBe(null);
    request.headers.set('A', 'c');
    expect(request.clone().headers.get('a')).toBe('c');
  });
});

interface Sent {
  type?: string;
  body: (string | Uint8Array)[] | null;
}
type Act = (request: Request) => unknown;

async function chunksOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Both requests with the same body: Node's, and one that came. */
function both({ type, body }: Sent, incoming: Incoming = {}): [light: Request, native: Request] {
  const headers: [string, string][] = [
    ['Host', 'a'],
    ...(type === undefined ? [] : [['Content-Type', type] as [string, string]]),
  ];
  const fields = headers.map(([name, value]) => `${name}: ${value}`);
  const { request } = arrived({ method: 'POST', fields, body: body ?? [], ...incoming });
  const stream = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      for (const piece of body!) if (piece.length > 0) controller.enqueue(new Uint8Array(Buffer.from(piece as string)));
      controller.close();
    },
  });
  const init = { method: 'POST', headers, body: body === null ? null : stream, duplex: 'half' };
  return [request, new NativeRequest('http://a/', init as RequestInit)];
}

describe('a body is read as by Node', () => {
  const boundary = 'multipart/form-data; boundary=xx';
  const multipart = [
    '--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n',
    '--xx\r\nContent-Disposition: form-data; name="f"; filename="ä.txt"\r\nContent-Type: text/x\r\n\r\nHel',
    'lo\r\n--xx--\r\n',
  ];
  const sent: [name: string, sent: Sent][] = [
    ['none', { body: null }],
    ['of text', { body: ['Hello'] }],
    ['of text in pieces', { body: ['He', 'l', 'lo'] }],
    ['of a character in pieces', { body: [Buffer.from('ä').subarray(0, 1), Buffer.from('ä').subarray(1)] }],
    ['with a byte order mark', { body: ['\ufeffa\ufeff'] }],
    ['with a byte order mark and nothing', { body: ['\ufeff'] }],
    [
      'that is not UTF-8',
      { body: [new Uint8Array([0x61, 0xff, 0xe4, 0xb8, 0x41, 0xf0, 0x9f, 0x98, 0xed, 0xa0, 0x80])] },
    ],
    ['of every byte', { body: [Uint8Array.from({ length: 256 }, (_, i) => i)] }],
    ['of JSON', { body: ['{"a":', '[1,"ä"]}'], type: 'application/json' }],
    ['of JSON with a byte order mark', { body: ['\ufeff{}'] }],
    ['of null', { body: ['null'] }],
    ['of what begins as JSON', { body: ['{'] }],
    ['of a form', { body: ['a=b&c=%C3%A4+d&a=e'], type: 'application/x-www-form-urlencoded;charset=UTF-8' }],
    ['of a form in parts', { body: multipart, type: boundary }],
    ['of a form that is broken', { body: ['--xx\r\nContent'], type: boundary }],
    ['of a form without its boundary', { body: multipart, type: 'multipart/form-data' }],
    ['of 1 MB', { body: Array.from({ length: 16 }, (_, i) => Buffer.alloc(65536, i)), type: 'A/B' }],
    ['of a byte at a time', { body: Array.from({ length: 9000 }, (_, i) => String(i % 10)) }],
  ];
  const acts: [name: string, act: Act][] = [
    ['text', (request) => request.text()],
    ['json', (request) => request.json()],
    ['arrayBuffer', async (request) => bytesOf(request)],
    [
      'arrayBuffer of its own',
      async (request) => {
        const buffer = await request.arrayBuffer();
        return [buffer.constructor.name, buffer.byteLength];
      },
    ],
    [
      'blob',
      async (request) => {
        const blob = await request.blob();
        return [blob.type, blob.size, await blob.text()];
      },
    ],
    [
      'formData',
      async (request) => {
        const fields: unknown[] = [];
        for (const [name, value] of await request.formData())
          fields.push([name, value instanceof File ? [value.name, value.type, await value.text()] : value]);
        return fields;
      },
    ],
    ['body', async (request) => (request.body === null ? null : bytesOf(new Response(request.body)))],
    [
      'body, a chunk after the other',
      async (request) => {
        const chunks = request.body === null ? [] : await chunksOf(request.body);
        for (const chunk of chunks) expect(chunk.constructor).toBe(Uint8Array);
        return Buffer.concat(chunks).toString('latin1');
      },
    ],
    ['clone', async (request) => [await bytesOf(request.clone()), await bytesOf(request)]],
    ['a clone and then a clone', async (request) => [request.clone(), request.clone(), request].map(bytesOf)],
    ['bodyUsed', async (request) => [request.bodyUsed, request.text().then(() => request.bodyUsed), request.bodyUsed]],
    [
      'bodyUsed with a stream',
      async (request) => [request.body?.locked, request.bodyUsed, await bytesOf(request), request.bodyUsed],
    ],
    ['text twice', async (request) => [await request.text(), await outcomeOf(() => request.text()), request.bodyUsed]],
    ['text twice at once', async (request) => [request.text(), outcomeOf(() => request.text())]],
    ['json after text', async (request) => [await request.text(), await outcomeOf(() => request.json())]],
    ['arrayBuffer after text', async (request) => [await request.text(), await outcomeOf(() => bytesOf(request))]],
    [
      'blob after text',
      async (request) => [await request.text(), await outcomeOf(async () => (await request.blob()).size)],
    ],
    ['text after blob', async (request) => [(await request.blob()).size, await outcomeOf(() => request.text())]],
    ['clone after text', async (request) => [await request.text(), await outcomeOf(() => bytesOf(request.clone()))]],
    [
      'a Request of it after text',
      async (request) => [await request.text(), await outcomeOf(() => bytesOf(new NativeRequest('http://a', request)))],
    ],
    [
      'a stream that is cancelled',
      async (request) => [await request.body?.cancel(), request.bodyUsed, await outcomeOf(() => request.text())],
    ],
    [
      'what is locked',
      (request) => {
        request.body?.getReader();
        return request.text();
      },
    ],
    ['a Request with its init', async (request) => bytesOf(new NativeRequest('http://b', request))],
  ];
  for (const [kind, act] of acts) {
    test.each(sent)(`${kind}, %s`, async (_, given) => {
      const [light, native] = await Promise.all(
        both(given).map((request) =>
          outcomeOf(async () => {
            const result = await act(request);
            return Array.isArray(result) ? Promise.all(result) : result;
          }),
        ),
      );
      expect(light).toEqual(native);
    });
  }

  test('an error has a message', async () => {
    const { request } = arrived({ method: 'POST', body: ['x'] });
    await request.text();
    for (const read of [() => request.text(), () => request.json(), () => request.arrayBuffer()])
      await expect(read()).rejects.toThrow(/^Body is unusable/);
    expect(() => request.clone()).toThrow(TypeError);
  });

  test.each(['GET', 'HEAD'])('%s has none, even if one was sent', async (method) => {
    const { request } = arrived({ method, body: ['Hello'] });
    expect(request.body).toBe(null);
    expect(await request.text()).toBe('');
    expect(request.bodyUsed).toBe(false);
    expect(request.clone().body).toBe(null);
  });

  test('bytes(), if Node has it', async () => {
    const { request } = arrived({ method: 'POST', body: ['ä'] });
    const { bytes } = request as { bytes?: () => Promise<Uint8Array> };
    expect(bytes !== undefined).toBe('bytes' in NativeRequest.prototype);
    if (bytes !== undefined) expect(await bytes.call(request)).toEqual(new Uint8Array([0xc3, 0xa4]));
  });

  test('a body that arrives later', async () => {
    const { request, feed } = arrived({ method: 'POST', isWhole: false });
    const text = request.text();
    expect(request.bodyUsed).toBe(true);
    feed.push(Buffer.from('Hel'));
    await new Promise(setImmediate);
    feed.push(Buffer.from('lo'));
    feed.end();
    expect(await text).toBe('Hello');
  });
});

describe('a body that fails midway', () => {
  const error = new DOMException('The client has disconnected', 'AbortError');
  test.each<[string, Act]>([
    ['text', (request) => request.text()],
    ['json', (request) => request.json()],
    ['arrayBuffer', (request) => request.arrayBuffer()],
    ['blob', (request) => request.blob()],
    ['body', (request) => new Response(request.body).text()],
    ['body, one after the other', (request) => chunksOf(request.body!)],
    ['clone', (request) => request.clone().text()],
    ['a Request of it', (request) => new NativeRequest('http://a', request).text()],
  ])('rejects %s', async (_, read) => {
    for (const whenFails of ['before', 'after']) {
      const { request, feed } = arrived({ method: 'POST', body: ['Hel'], isWhole: false });
      if (whenFails === 'before') feed.fail(error);
      const reading = Promise.resolve(read(request));
      setImmediate(() => feed.fail(error));
      await expect(reading).rejects.toBe(error);
      await expect(request.text()).rejects.toThrow();
    }
  });

  test('but not if it was complete before', async () => {
    const { request, feed } = arrived({ method: 'POST', body: ['Hello'] });
    feed.fail(error);
    expect(await request.text()).toBe('Hello');
  });

  test('rejects with a reason when the queue is cancelled', async () => {
    const { request, feed } = arrived({ method: 'POST', body: ['Hel'], isWhole: false });
    feed.cancel();
    await expect(request.text()).rejects.toThrow('was cancelled');
  });
});

describe('signal', () => {
  const reason = new DOMException('The client has disconnected', 'AbortError');

  test('is an AbortSignal, and aborted later', () => {
    const { request, abort } = arrived();
    const { signal } = request;
    const onAbort = vi.fn();
    signal.addEventListener('abort', onAbort);
    expect(request.signal).toBe(signal);
    expect(signal.aborted).toBe(false);
    abort(reason);
    expect(onAbort).toHaveBeenCalledOnce();
    expect(signal.reason).toBe(reason);
  });

  test('is aborted already if it is accessed late', () => {
    const { request, abort } = arrived();
    abort(reason);
    expect(request.signal.aborted).toBe(true);
    expect(request.signal.reason).toBe(reason);
    expect(() => request.signal.throwIfAborted()).toThrow(reason);
  });

  test.each(['early', 'late'])('is passed to a clone and to a Request of it: %s', (when) => {
    const { request, abort } = arrived();
    if (when === 'early') abort(reason);
    const others = [request.clone(), new NativeRequest('http://a', request)];
    abort(reason);
    for (const { signal } of others) expect([signal.aborted, signal.reason]).toEqual([true, reason]);
  });
});

describe('a FastRequest is', () => {
  test('an instance of Node’s class, and recognized by FastRequest.is', () => {
    const { request, light } = arrived();
    expect(request).toBeInstanceOf(NativeRequest);
    expect(FastRequest.is(light)).toBe(true);
    for (const other of [new NativeRequest(URL_HEAD), null, undefined, 5, {}])
      expect(FastRequest.is(other)).toBe(false);
    expect(request.clone()).toBeInstanceOf(NativeRequest);
  });

  test.each<[string, Act]>([
    ['its method', ({ method }) => method],
    [
      'members that only an init sets',
      (request) =>
        [
          'cache',
          'credentials',
          'destination',
          'duplex',
          'integrity',
          'isHistoryNavigation',
          'isReloadNavigation',
          'keepalive',
          'mode',
          'redirect',
          'referrer',
          'referrerPolicy',
        ].map((name) => request[name as keyof Request]),
    ],
    ['its log', (request) => inspect(request)],
    ['its log, of an object that has it', (request) => inspect({ a: { b: { request } } })],
    [
      'what for-in finds',
      (request) => {
        const names = [];
        for (const name in request) names.push(name);
        return names.sort();
      },
    ],
    ['its own keys', (request) => Object.keys(request)],
    ['as JSON', (request) => JSON.stringify(request)],
    ['its tag', (request) => Object.prototype.toString.call(request)],
    ['as a string', (request) => String(request)],
    [
      'a setter',
      (request) => {
        (request as { method: string }).method = 'GET';
      },
    ],
  ])('the same as Node’s: %s', async (_, act) => {
    for (const given of [{ body: null }, { body: ['x'], type: 'a/b' }]) {
      const [light, native] = both(given);
      expect(await outcomeOf(() => act(light))).toEqual(await outcomeOf(() => act(native)));
    }
  });

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])(
    'of the method %s, and so is its clone',
    (method) => {
      const { request } = arrived({ method });
      expect([request.method, request.clone().method]).toEqual([method, method]);
    },
  );

  test('of the method TRACE too, which Node’s class rejects', () => {
    const { request } = arrived({ method: 'TRACE' });
    expect([request.method, request.url, request.body, request.mode]).toEqual(['TRACE', 'http://a/', null, 'cors']);
    expect(inspect(request)).toContain("method: 'TRACE'");
    expect(() => request.clone()).toThrow(TypeError);
  });

  test('not changed by console.log', async () => {
    const { request, feed } = arrived({ method: 'POST', body: ['x'] });
    inspect(request);
    expect([request.bodyUsed, feed.isUsed]).toEqual([false, false]);
    expect(await request.text()).toBe('x');
  });
});

test('copyHead copies a head with a spare byte, and it parses to the same request', () => {
  const parser = parsed('/a?b', ['X: y']);
  const copy = parser.copyHead();
  expect(Buffer.from(copy.subarray(0, -1)).toString()).toBe('GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n');
  expect(parser.parse(copy, 0, copy.length - 1)).toBe(1);
});

test('url and method make no signal, stream or Request', () => {
  const { request, light, feed } = arrived({ method: 'POST', body: ['x'] });
  const made = vi.spyOn(FastRequest.prototype, 'native', 'get');
  const { url, method, headers, bodyUsed, mode } = request;
  expect([url, method, headers.get('host'), bodyUsed, mode]).toEqual(['http://a/', 'POST', 'a', false, 'cors']);
  expect(made).not.toHaveBeenCalled();
  expect(feed.isUsed).toBe(false);
  made.mockRestore();
  expect(light.native.url).toBe(url);
});
