import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { Limits } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { PACKAGE_ENTRY } from '../support/command.js';
import { deferred, handling } from '../support/handling.js';
import { eventually, RawClient, request, sleep } from '../support/raw-client.js';
import { KIB } from '../support/site.js';

const { start } = handling();

const NEXT = request('/next');
const sized = (length: number, fields: string[] = []): string =>
  request('/', [`Content-Length: ${length}`, ...fields], 'POST');
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;

/** Counts the characters that are written to it. */
class Counter extends Writable {
  length = 0;
  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.length += bytes.length;
    done();
  }
}

/** Ways to read a body without awaiting it: the length of what was read. */
const READERS: [string, (asked: Request) => Promise<number>][] = [
  ['json()', async (asked) => JSON.stringify(await asked.json()).length],
  ['arrayBuffer()', async (asked) => (await asked.arrayBuffer()).byteLength],
  ['blob()', async (asked) => (await asked.blob()).size],
  ['clone().text()', async (asked) => (await asked.clone().text()).length],
  [
    'a slow loop',
    async (asked) => {
      let length = 0;
      for await (const piece of asked.body!) {
        length += piece.length;
        await sleep(1);
      }
      return length;
    },
  ],
  [
    'pipeTo',
    async (asked) => {
      const counter = new Counter();
      await asked.body!.pipeTo(Writable.toWeb(counter));
      return counter.length;
    },
  ],
  [
    'a stream of Node',
    async (asked) => {
      const counter = Readable.fromWeb(asked.body as never).pipe(new Counter());
      await once(counter, 'finish');
      return counter.length;
    },
  ],
];

describe.each(TRIGGERS)('%s', (trigger) => {
  /** Responds at once, and reads meanwhile. */
  const served = (read: (asked: Request) => Promise<number>, limits: Partial<Limits> = {}) => {
    const length = deferred<number>();
    const server = start(
      (asked) => {
        if (asked.url.endsWith('/next')) return new Response('next');
        read(asked).then(length.resolve, length.reject);
        return new Response(null, { status: 202 });
      },
      { trigger, limits },
    );
    return { server, length: length.promise };
  };

  describe.each(READERS)('a body that is read by %s after the response', (_, read) => {
    const body = JSON.stringify('x'.repeat(600 * KIB));
    test.each<[string, string, string[], boolean]>([
      ['of a length', sized(body.length), [body], true],
      [
        'in chunks',
        request('/', ['Transfer-Encoding: chunked'], 'POST'),
        [chunk(body.slice(0, 999)), `${chunk(body.slice(999))}0\r\n\r\n`],
        true,
      ],
      ['then the connection closes', sized(body.length, ['Connection: close']), [body], false],
    ])('is complete: %s', async (_, head, pieces, isKept) => {
      const { server, length } = served(read);
      using client = await RawClient.connect(server.port);
      expect((await client.send(head).response()).status).toBe(202);
      for (const piece of pieces) client.send(piece);
      expect(await length).toBe(body.length);
      if (isKept) expect((await client.send(NEXT).response()).body.toString()).toBe('next');
      else expect(await client.untilClose(3000)).toHaveLength(0);
      expect(client.failure).toBeNull();
    });
  });

  test('a body that is read after the response is complete if its client sends it at once and leaves', async () => {
    const { server, length } = served(READERS[4]![1], { bodyHighWaterBytes: 1000 });
    using client = await RawClient.connect(server.port);
    const body = 'x'.repeat(100 * KIB);
    client.send(sized(body.length) + body);
    expect((await client.response()).status).toBe(202);
    client.socket.end();
    expect(await length).toBe(body.length);
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
  });

  test('100 (Continue) comes before the response of a handler that reads, and not of one that does not', async () => {
    for (const [read, first] of [
      [(asked: Request) => asked.arrayBuffer().then(({ byteLength }) => byteLength), 100],
      [(asked: Request) => Promise.resolve(asked.body === null ? 0 : 1), 202],
    ] as const) {
      const { server, length } = served(read);
      using client = await RawClient.connect(server.port);
      client.send(sized(5, ['Expect: 100-continue']));
      expect((await client.response()).status).toBe(first);
      if (first === 100) {
        expect((await client.response()).status).toBe(202);
        client.send(`Hello${NEXT}`);
        expect((await client.response()).body.toString()).toBe('next');
      }
      expect(await length).toBe(first === 100 ? 5 : 1);
    }
  });

  test.each<[string, (asked: Request) => Promise<number>]>([
    ['that has begun', async (asked) => (await asked.body!.getReader().read()).value!.length],
    ['that has not', async (asked) => (asked.body!.getReader() === null ? 0 : 1)],
  ])('a reader %s, and does not read on, does not hold the connection for ever', async (_, read) => {
    const { server } = served(read, { bodyTimeoutMs: 100, lingerTimeoutMs: 100, bodyHighWaterBytes: 1000 });
    using client = await RawClient.connect(server.port);
    client.send(sized(400 * KIB)).send('x'.repeat(300 * KIB));
    expect((await client.response()).status).toBe(202);
    await client.untilClose(3000);
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
    expect(server.stats().errorResponses).toEqual({});
  });
});

describe('a promise that a handler leaves without a catch', () => {
  const program = `
    import { PassThrough, Readable } from 'node:stream';
    import { serve } from ${JSON.stringify(PACKAGE_ENTRY)};
    const server = serve({
      port: 0,
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === '/own') Promise.reject(new Error('of the program'));
        else if (pathname === '/throw') setTimeout(() => { throw new Error('of the program'); });
        else if (pathname === '/pipe') Readable.fromWeb(request.body).pipe(new PassThrough());
        else if (pathname === '/form') request.formData().then(() => {});
        else if (pathname === '/signal') new Promise((_, no) => { request.signal.onabort = () => no(request.signal.reason); });
        else if (request.method === 'POST') request.json().then(() => {});
        return new Response('ok');
      },
    });
    console.log(server.port);`;

  const started = async (...args: string[]) => {
    const child = spawn(process.execPath, [...args, '--input-type=module', '-e', program], { stdio: 'pipe' });
    const errors = text(child.stderr);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return { child, errors, port: Number(line) };
  };

  test.each(['/own', '/throw'])(
    'ends the process if the program has rejected it, and not if a client has: %s',
    async (own) => {
      const { child, errors, port } = await started();
      const exit = once(child, 'exit');
      const json = (fields: string[], body: string): string => request('/', fields, 'POST') + body;
      for (const [bytes, end] of [
        [json(['Content-Length: 3'], '{"}'), 'none'],
        [json(['Content-Length: 9'], '[1,'), 'fin'],
        [json(['Content-Length: 9'], '[1,'), 'reset'],
        [json(['Transfer-Encoding: chunked'], 'zz\r\n'), 'none'],
        [`${request('/form', ['Content-Length: 3', 'Content-Type: multipart/form-data'], 'POST')}abc`, 'none'],
        [`${request('/pipe', ['Content-Length: 9'], 'POST')}abc`, 'reset'],
        [`${request('/pipe', ['Content-Length: 9'], 'POST')}abc`, 'fin'],
        [request('/signal', ['Content-Length: 9'], 'POST'), 'reset'],
      ] as const) {
        using client = await RawClient.connect(port);
        expect((await client.send(bytes).response()).status).toBe(200);
        if (end === 'fin') client.socket.end();
        else if (end === 'reset') client.socket.resetAndDestroy();
        await sleep(20);
      }
      using last = await RawClient.connect(port);
      expect((await last.send(request('/')).response()).body.toString()).toBe('ok');
      last.send(request(own));
      expect(await exit).toEqual([1, null]);
      expect(await errors).toMatch(
        /a promise of a handler failed: SyntaxError[\s\S]*Error: of the program[\s\S]*Node\.js v/,
      );
    },
  );

  test('ends the process as --unhandled-rejections has it', async () => {
    const { child, port } = await started('--unhandled-rejections=throw');
    const exit = once(child, 'exit');
    using client = await RawClient.connect(port);
    client.send(`${sized(3)}{"}`);
    expect(await exit).toEqual([1, null]);
  });
});
