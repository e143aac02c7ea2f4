import './prepared.js';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type HeadersSource, NativeResponse } from '../../../src/fetch/native.js';
import { FastResponse } from '../../../src/fetch/response.js';
import { bytesOf, Light, outcomeOf, type ResponseClass } from './both.js';

type Act = (Class: ResponseClass) => unknown;

/** All members of a Response. */
async function membersOf(response: Response): Promise<unknown> {
  const { status, statusText, ok, type, url, redirected } = response;
  const headers = [...response.headers];
  const hasBody = response.body !== null;
  const before = response.bodyUsed;
  const bytes = await bytesOf(response);
  return { status, statusText, ok, type, url, redirected, headers, hasBody, before, bytes, after: response.bodyUsed };
}

async function asIs(given: unknown): Promise<unknown> {
  if (given instanceof NativeResponse) return membersOf(given);
  return Array.isArray(given) ? Promise.all(given.map(async (each) => asIs(await each))) : given;
}

/** Does the same to both classes, and fails where they differ. */
async function same(act: Act): Promise<unknown> {
  const light = await outcomeOf(async () => asIs(await act(Light)));
  expect(light).toEqual(await outcomeOf(async () => asIs(await act(NativeResponse))));
  return light;
}

const bytes = (...values: number[]) => new Uint8Array(values);
const streamOf = (...chunks: unknown[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
async function* pieces() {
  yield bytes(1, 2);
  yield bytes(3);
}

const redirect = (Class: ResponseClass, url: string, status?: number) =>
  (Class.redirect as (url: string, status?: number) => Response)(url, status);

describe('a body', () => {
  /** Made anew for each class. */
  const bodies: [name: string, make: () => unknown][] = [
    ['none', () => undefined],
    ['null', () => null],
    ['an empty string', () => ''],
    ['a string', () => 'Hello'],
    ['a string beyond ASCII', () => 'Grüße, 世界 😀'],
    ['a string with half a character', () => 'a\ud800b'],
    ['a string with a byte order mark', () => '\ufeffa'],
    ['a string with every kind of line end', () => 'a\r\nb\nc\rd\0'],
    ['a String object', () => new String('Hello')],
    ['a number', () => 5],
    ['a boolean', () => false],
    ['an object', () => ({})],
    ['an array', () => ['a', 'b']],
    ['a symbol', () => Symbol('a')],
    ['a Date', () => new Date(0)],
    ['a Uint8Array', () => bytes(0, 255)],
    ['an empty Uint8Array', () => bytes()],
    ['a Buffer', () => Buffer.from('Hello')],
    ['a part of a Buffer', () => Buffer.from('Hello').subarray(1, 3)],
    ['a Uint8ClampedArray', () => new Uint8ClampedArray([1, 2])],
    ['a Uint16Array', () => new Uint16Array([258, 3])],
    ['a Float64Array', () => new Float64Array([1.5])],
    ['a DataView', () => new DataView(bytes(1, 2, 3).buffer, 1, 1)],
    ['an ArrayBuffer', () => bytes(1, 2, 3).buffer],
    ['a SharedArrayBuffer', () => new SharedArrayBuffer(2)],
    ['URLSearchParams', () => new URLSearchParams({ a: 'ä b', c: '&' })],
    ['empty URLSearchParams', () => new URLSearchParams()],
    ['a Blob', () => new Blob(['Hello'])],
    ['a Blob with a type', () => new Blob(['<p>'], { type: 'text/html' })],
    ['an empty Blob', () => new Blob([])],
    ['a stream', () => streamOf(bytes(1, 2), bytes(3))],
    ['a stream of nothing', () => streamOf()],
    ['a stream of strings', () => streamOf('Hello')],
    ['an async iterable', pieces],
    ['a stream that is locked', lockedStream],
  ];
  const inits: [name: string, init: ResponseInit | undefined][] = [
    ['', undefined],
    [' with a type', { headers: { 'Content-Type': 'x/y' } }],
    [' with a type in Headers', { headers: new Headers({ 'Content-Type': 'x/y' }) }],
    [' with other headers', { headers: { A: 'b' } }],
    [' with other Headers', { headers: new Headers({ A: 'b' }) }],
    [' with pairs of headers', { headers: [['A', 'b']] }],
    [' with 204', { status: 204 }],
  ];
  for (const [withInit, init] of inits) {
    test.each(bodies)(`of %s${withInit}`, async (_, make) => {
      await same((Class) => new Class(make() as string, init));
    });
  }

  function lockedStream() {
    const stream = streamOf(bytes(1));
    stream.getReader();
    return stream;
  }

  test('is a copy', async () => {
    for (const make of [(given: Uint8Array) => given, (given: Uint8Array) => given.buffer as ArrayBuffer]) {
      const given = bytes(1, 2);
      const response = new Light(make(given));
      given[0] = 9;
      expect(await bytesOf(response)).toBe('\x01\x02');
    }
  });

  // Node makes an error, an empty body or a text of these, by its version.
  const detached = <Body extends ArrayBuffer | ArrayBufferView>(body: Body): Body => {
    const buffer = (ArrayBuffer.isView(body) ? body.buffer : body) as ArrayBuffer;
    structuredClone(buffer, { transfer: [buffer] });
    return body;
  };
  const shrunk = (View: new (buffer: ArrayBuffer, offset: number) => ArrayBufferView): ArrayBufferView => {
    const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]);
    const buffer = resizable as ArrayBuffer & { resize(length: number): void }; // in ES2024's types
    const view = new View(buffer, 4);
    buffer.resize(2);
    return view;
  };
  test.each<[name: string, make: () => unknown, message: RegExp]>([
    ['a detached ArrayBuffer', () => detached(new ArrayBuffer(2)), /memory that was transferred/],
    ['a detached Uint8Array', () => detached(bytes(1, 2)), /memory that was transferred/],
    ['an empty detached Uint8Array', () => detached(bytes()), /memory that was transferred/],
    ['a detached Uint16Array', () => detached(new Uint16Array(2)), /memory that was transferred/],
    ['a detached DataView', () => detached(new DataView(new ArrayBuffer(2))), /memory that was transferred/],
    ['a Uint8Array beyond the end of its buffer', () => shrunk(Uint8Array), /transferred or shrunk/],
    ['a DataView beyond the end of its buffer', () => shrunk(DataView), /transferred or shrunk/],
    ['a shared Uint8Array', () => new Uint8Array(new SharedArrayBuffer(2)), /shared memory; copy it/],
    ['a shared DataView', () => new DataView(new SharedArrayBuffer(2)), /shared memory; copy it/],
  ])('of %s is an error with a code', (_, make, message) => {
    const body = make() as string;
    expect(() => new Light(body)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_EPOLLET_RESPONSE',
        message: expect.stringMatching(message),
      }),
    );
  });

  test('of FormData', async () => {
    await same(async (Class) => {
      const form = new FormData();
      form.append('a', 'ä');
      form.append('file', new Blob(['Hello'], { type: 'text/html' }), 'f.html');
      const response = new Class(form);
      const type = response.headers.get('content-type')!.replace(/boundary=.*/, '');
      const read = await response.formData();
      const file = read.get('file') as File;
      return [type, read.get('a'), file.name, file.type, await file.text()];
    });
  });
});

describe('the constructor treats as Node’s does', () => {
  test.each<unknown>([
    undefined,
    null,
    {},
    [],
    () => {},
    0,
    5,
    '',
    'abc',
    true,
    false,
    Symbol('a'),
    5n,
    new (class {
      status = 404;
    })(),
    Object.create({ status: 404 }),
    new Map([['status', 404]]),
    new NativeResponse(null, { status: 404, statusText: 'No', headers: { a: 'b' } }),
    new Light(null, { status: 404, statusText: 'No', headers: { a: 'b' } }),
    { body: 'x', ok: false, url: 'x' },
  ])('%o as its init', async (init) => {
    await same((Class) => new Class('x', init as ResponseInit));
    await same((Class) => new Class(null, init as ResponseInit));
  });

  test.each<unknown>([
    undefined,
    null,
    199,
    200,
    200.7,
    201,
    '404',
    '4xx',
    599,
    600,
    599.9,
    0,
    -1,
    100,
    101,
    103,
    204,
    205,
    304,
    1000,
    65736,
    NaN,
    Infinity,
    true,
    {},
    [404],
    404n,
  ])('%o as a status', async (status) => {
    for (const body of [null, undefined, '', 'x', bytes()])
      await same((Class) => new Class(body, { status: status as number }));
  });

  test.each<unknown>([
    undefined,
    null,
    '',
    'OK',
    'Not  Found',
    ' ',
    '\t',
    'Schön',
    'a\u0100',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\x7f',
    5,
    {},
    Symbol('a'),
  ])('%o as a status text', async (statusText) => {
    await same((Class) => new Class('x', { statusText: statusText as string }));
  });

  const headers: unknown[] = [
    undefined,
    null,
    5,
    '',
    'abc',
    {},
    [],
    { a: 'b' },
    { A: 'b', 'X-Y': 'c', c: '' },
    { b: '1', a: '2' },
    { a: undefined },
    { a: null },
    { a: 5 },
    { a: 1e21 },
    { a: true },
    { a: ['b', 'c'] },
    { a: ' \t b c \t' },
    { a: '\n b\r\n' },
    { a: 'b\nc' },
    { a: 'b\r\nc: d' },
    { a: 'b\0' },
    { a: 'b\x01c\x7f' },
    { a: '\xe4' },
    { a: '\u0100' },
    { a: '\ud83d\ude00' },
    { '': 'a' },
    { 'a b': 'c' },
    { 'a:': 'c' },
    { 'a\n': 'c' },
    { ä: 'c' },
    { 'Content-Type': '' },
    { 'Content-Type': 'a/b', 'content-type': 'c/d' },
    { ETag: 'a', etag: 'b', Etag: 'c' },
    { 'Set-Cookie': 'a=b' },
    { 'Set-Cookie': 'a=b', 'set-cookie': 'c=d' },
    { 'Content-Length': 5, Date: 'x', Connection: 'close', 'Transfer-Encoding': 'chunked' },
    [['a', 'b']],
    [
      ['a', 'b'],
      ['A', 'c'],
    ],
    [
      ['Set-Cookie', 'a=b'],
      ['set-cookie', 'c=d'],
      ['Cookie', 'a'],
      ['cookie', 'b'],
    ],
    [['a']],
    [['a', 'b', 'c']],
    [['a', 5]],
    [[5, 'a']],
    [[]],
    ['ab'],
    [{ 0: 'a', 1: 'b', length: 2 }],
    [new Set(['a', 'b'])],
    new Map([['a', 'b']]),
    new Set([['a', 'b']]),
    new Headers({ a: 'b', 'Set-Cookie': 'c' }),
    new Headers(),
    new Light('x', { headers: { a: 'b' } }).headers,
    new (class {
      a = 'b';
    })(),
    Object.assign(Object.create(null), { a: 'b' }),
    Object.assign(Object.create({ a: 'b' }), { c: 'd' }),
    Object.assign({ a: 'b' }, { [Symbol.iterator]: () => [['c', 'd']][Symbol.iterator]() }),
    {
      get a() {
        return 'b';
      },
    },
    () => {},
    new Date(0),
  ];
  test.each(headers)('%o as headers', async (given) => {
    for (const body of ['x', null, bytes(1)]) {
      await same((Class) => new Class(body, { headers: given as HeadersSource }));
      await same((Class) => new Class(body, { headers: given as HeadersSource, status: 404 }).headers.getSetCookie());
      await same((Class) => {
        const response = new Class(body, { headers: given as HeadersSource });
        return [...response.clone().headers, ...response.clone().headers, ...response.headers];
      });
    }
  });

  test('a getter, which is read once', () => {
    let value = 'b';
    const given = {
      get a() {
        const now = value;
        value = 'c\r\nd: e';
        return now;
      },
    };
    expect(new Light('x', { headers: given }).headers.get('a')).toBe('b');
  });

  test('headers, which are copied', () => {
    const record: Record<string, string> = { a: 'b' };
    const pair: [string, string] = ['a', 'b'];
    const pairs = [pair];
    const object = new Headers({ a: 'b' });
    for (const given of [record, pairs, object]) {
      const response = new Light('x', { headers: given });
      record['a'] = pair[1] = 'c';
      record['d'] = 'e';
      pairs.push(['d', 'e']);
      object.set('a', 'c');
      expect(response.headers.get('a')).toBe('b');
      expect(response.headers.has('d')).toBe(false);
      delete record['d'];
      record['a'] = pair[1] = 'b';
      pairs.pop();
      object.set('a', 'b');
    }
  });
});

describe('behaves as Node’s:', () => {
  const rows: [name: string, act: Act][] = [
    ['headers are one object', (Class) => isOne(new Class('x'), (response) => response.headers)],
    ['headers are one object, of a stream', (Class) => isOne(new Class(streamOf()), (response) => response.headers)],
    ['a body is one object', (Class) => isOne(new Class('x'), (response) => response.body)],
    ['headers that are changed', (Class) => changed(new Class('x', { headers: { a: 'b' } }))],
    ['headers that are changed, of a stream', (Class) => changed(new Class(streamOf(), { headers: { a: 'b' } }))],
    ['headers that are changed behind the body', (Class) => changed(touched(new Class('x', { headers: { a: 'b' } })))],
    [
      'a type that is deleted',
      (Class) => {
        const response = new Class('x', { headers: new Headers() });
        response.headers.delete('content-type');
        return [response.headers.get('content-type'), response.clone(), response];
      },
    ],
    ['headers that are wrong', (Class) => new Class('x').headers.set('a b', 'c')],
    ['a clone', (Class) => new Class('x', { status: 404, statusText: 'No', headers: { a: 'b' } }).clone()],
    ['a clone of a clone', (Class) => new Class('x').clone().clone()],
    ['a clone of null', (Class) => new Class(null, { status: 204 }).clone()],
    ['a clone of bytes', (Class) => new Class(bytes(1, 2)).clone()],
    ['a clone of a stream', (Class) => new Class(streamOf(bytes(1), bytes(2))).clone()],
    ['a clone of a form', (Class) => new Class(new URLSearchParams('a=b')).clone()],
    [
      'a clone with headers of its own',
      (Class) => {
        const response = new Class('x', { headers: { a: 'b' } });
        response.headers.set('c', 'd');
        const first = response.clone();
        response.headers.set('a', 'e');
        first.headers.set('f', 'g');
        const second = response.clone();
        response.headers.delete('c');
        return [[...response.headers], [...first.headers], [...second.headers]];
      },
    ],
    [
      'a clone of one whose body is out',
      (Class) => {
        const response = touched(new Class('x'));
        const first = response.clone();
        response.headers.set('a', 'b');
        const second = response.clone();
        return [first, second, response];
      },
    ],
    ['a clone that is read first', (Class) => readClone(new Class('x'))],
    ['a clone of a stream that is read first', (Class) => readClone(new Class(streamOf(bytes(1))))],
    ['a clone of what is read', async (Class) => (await readOf(new Class('x'))).clone()],
    ['a clone of what is locked', (Class) => locked(new Class('x')).clone()],
    ['text twice', async (Class) => (await readOf(new Class('x'))).text()],
    ['text of null twice', async (Class) => (await readOf(new Class(null))).text()],
    ['text of what is locked', (Class) => locked(new Class('x')).text()],
    ['json', (Class) => new Class('{"a":[1]}').json()],
    ['json of invalid JSON', (Class) => new Class('{').json()],
    ['json of nothing', (Class) => new Class(null).json()],
    ['json with a byte order mark', (Class) => new Class('\ufeff{}').json()],
    ['text of bytes that are no UTF-8', (Class) => new Class(bytes(0x61, 0xff, 0xc3)).text()],
    ['arrayBuffer', async (Class) => [...new Uint8Array(await new Class('ä').arrayBuffer())]],
    ['blob', async (Class) => blobOf(await new Class('x').blob())],
    ['blob of a type', async (Class) => blobOf(await new Class('x', { headers: { 'content-type': 'A/B' } }).blob())],
    [
      'blob of a type that is set later',
      async (Class) => {
        const response = touched(new Class('x'));
        response.headers.set('content-type', 'a/b');
        return blobOf(await response.blob());
      },
    ],
    ['formData of a form', async (Class) => [...(await new Class(new URLSearchParams('a=b&c=%20')).formData())]],
    ['formData of text', async (Class) => new Class('a=b').formData()],
    ['bodyUsed while it is read', (Class) => whileRead(new Class('x'))],
    [
      'bodyUsed of a body that a reader has',
      async (Class) => {
        const response = new Class('x');
        const reader = response.body!.getReader();
        const before = [response.bodyUsed, response.body!.locked];
        await reader.read();
        reader.releaseLock();
        return [before, response.bodyUsed, response.body!.locked];
      },
    ],
    [
      'bodyUsed of a body that is cancelled',
      async (Class) => {
        const response = new Class('x');
        await response.body!.cancel();
        return response.bodyUsed;
      },
    ],
    [
      'a stream that fails',
      (Class) => new Class(new ReadableStream({ pull: () => Promise.reject(new RangeError('no')) })).text(),
    ],
    [
      'a Response of another’s body',
      (Class) => {
        const response = new Class('x', { status: 404, headers: { a: 'b' } });
        return new Class(response.body, response);
      },
    ],
    [
      'a body through a transformation',
      (Class) => new Class(new Class('x').body!.pipeThrough(new TransformStream()), { headers: { a: 'b' } }),
    ],
    ['Response.json', (Class) => Class.json({ a: 'ä' })],
    ['Response.json with a status', (Class) => Class.json([], { status: 404, statusText: 'No' })],
    ['Response.json with headers', (Class) => Class.json([], { headers: { a: 'b' } })],
    ['Response.json with Headers', (Class) => Class.json([], { headers: new Headers({ a: 'b' }) })],
    ['Response.json with a type', (Class) => Class.json([], { headers: { 'Content-Type': 'a/b' } })],
    ['Response.json with a type in pairs', (Class) => Class.json([], { headers: [['Content-Type', 'a/b']] })],
    ['Response.json with a Response', (Class) => Class.json([], new Class('', { status: 201, statusText: 'Yes' }))],
    ['Response.json with a strange status', (Class) => Class.json([], { status: '201' as unknown as number })],
    ['Response.json of 204', (Class) => Class.json([], { status: 204 })],
    ['Response.json of 99', (Class) => Class.json([], { status: 99 })],
    ['Response.json of nothing', (Class) => Class.json(undefined)],
    ['Response.json of a function', (Class) => Class.json(() => {})],
    ['Response.json of null', (Class) => Class.json(null)],
    ['Response.json of a bigint', (Class) => Class.json(5n)],
    ['Response.json of a circle', (Class) => Class.json(circle())],
    ['Response.json that is cloned', (Class) => Class.json([]).clone()],
    ['Response.json, its headers', (Class) => [...Class.json([]).headers]],
    ['Response.redirect', (Class) => redirect(Class, 'http://a/b')],
    ['Response.redirect with a status', (Class) => redirect(Class, 'http://a/ä', 301)],
    ['Response.redirect of 200', (Class) => redirect(Class, 'http://a/b', 200)],
    ['Response.redirect to nowhere', (Class) => redirect(Class, '/b')],
    ['Response.redirect, its headers', (Class) => redirect(Class, 'http://a/b').headers.set('a', 'b')],
    ['Response.error', (Class) => [Class.error().type, Class.error().status]],
    ['no new', (Class) => (Class as unknown as () => unknown)()],
    ['its properties', (Class) => propertiesOf(Class.prototype).filter((name) => name !== 'native')],
    ['what for-in finds', (Class) => enumerated(new Class('x')).sort()],
    ['what its class has', (Class) => enumerated(Class).sort()],
    ['no properties of its own', (Class) => Object.keys(new Class('x'))],
    ['as JSON', (Class) => JSON.stringify(new Class('x'))],
    ['its tag', (Class) => Object.prototype.toString.call(new Class('x'))],
    ['as a string', (Class) => String(new Class('x'))],
    [
      'a setter',
      (Class) => {
        (new Class('x') as { status: number }).status = 5;
      },
    ],
    [
      'a subclass',
      (Class) => {
        class Mine extends Class {
          constructor() {
            super('mine', { status: 201 });
            this.headers.set('a', 'b');
          }
          added() {
            return `${this.status} ${this.ok}`;
          }
        }
        const mine = new Mine();
        const isMine = [mine instanceof Mine, mine instanceof Class, (new Class() as unknown) instanceof Mine];
        return [isMine, mine.constructor === Mine, mine.added(), [...mine.headers], mine.text()];
      },
    ],
  ];
  test.each(rows)('%s', async (_, act) => {
    await same(act);
  });

  function touched(response: Response): Response {
    expect(response.body).toBeInstanceOf(ReadableStream);
    return response;
  }
  function locked(response: Response): Response {
    response.body!.getReader();
    return response;
  }
  async function readOf(response: Response): Promise<Response> {
    await response.text();
    return response;
  }
  async function whileRead(response: Response): Promise<unknown> {
    const text = response.text();
    return [response.bodyUsed, await text, response.bodyUsed];
  }
  async function readClone(response: Response): Promise<unknown> {
    const clone = response.clone();
    const text = await clone.text();
    return [text, clone.bodyUsed, response.bodyUsed, await response.text(), response.bodyUsed];
  }
  function changed(response: Response): Response {
    const { headers } = response;
    headers.set('a', 'c');
    headers.append('Set-Cookie', 'd=e');
    headers.append('Set-Cookie', 'f=g');
    headers.delete('content-type');
    return response;
  }
  function isOne(response: Response, get: (response: Response) => unknown): boolean {
    const first = get(response);
    return first === get(response);
  }
  const blobOf = async (blob: Blob) => [blob.type, blob.size, await blob.text()];
  function circle() {
    const object: Record<string, unknown> = {};
    object['self'] = object;
    return object;
  }
  const propertiesOf = (object: object) =>
    Object.entries(Object.getOwnPropertyDescriptors(object))
      .map(([name, { enumerable, get, set }]) => `${name} ${enumerable} ${typeof get} ${typeof set}`)
      .filter((line) => !line.startsWith('native '))
      .sort();
  function enumerated(object: object): string[] {
    const names = [];
    for (const name in object) names.push(name);
    return names;
  }
});

describe('a FastResponse is', () => {
  test('an instance of both classes, as Node’s own are', () => {
    for (const response of [
      new Light('x'),
      new NativeResponse('x'),
      redirect(Light, 'http://a'),
      new Light('x').clone(),
    ])
      for (const Class of [Light, NativeResponse]) expect(response instanceof Class).toBe(true);
    for (const other of [null, undefined, 5, {}, Light, new Request('http://a')])
      for (const Class of [Light, NativeResponse]) expect((other as unknown) instanceof Class).toBe(false);
    expect(FastResponse.is(new Light('x'))).toBe(true);
    for (const other of [new NativeResponse('x'), null, 5, {}]) expect(FastResponse.is(other)).toBe(false);
  });

  test.each([
    ['of nothing', null, undefined],
    ['of text', 'x', { headers: { a: 'b' }, status: 404 }],
    ['of bytes', bytes(1), undefined],
  ])('logged as Node’s is, %s', (_, body, init) => {
    expect(inspect(new Light(body, init))).toBe(inspect(new NativeResponse(body, init)));
  });

  test('unchanged by console.log', async () => {
    const response = new Light('x');
    inspect(response);
    expect(FastResponse.plainBody(response as unknown as FastResponse)).toBe('x');
    expect(response.bodyUsed).toBe(false);
    expect(await response.text()).toBe('x');
  });
});

test('bytes(), if Node has it', async () => {
  const light = new Light('ä') as { bytes?: () => Promise<Uint8Array> };
  expect('bytes' in light).toBe('bytes' in NativeResponse.prototype);
  if (light.bytes !== undefined) expect(await light.bytes()).toEqual(new Uint8Array([0xc3, 0xa4]));
});
