import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { deferred, handling, Source } from '../support/handling.js';
import { eventually, RawClient, request, sleep } from '../support/raw-client.js';

const { start, errors } = handling();

const EVENTS = { 'Content-Type': 'text/event-stream' };
const http10 = (path: string, fields = ''): string => `GET ${path} HTTP/1.0\r\n${fields}\r\n`;

/** Sends a request, and returns once the head of the response and its first chunk have come. */
async function reading(port: number, bytes: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.send(bytes);
  await eventually(() => client.buffered.includes('hello'), 'the first chunk has come');
  return client;
}

describe.each(TRIGGERS)('%s', (trigger) => {
  test.each<[string, string, 'end' | 'close', Record<string, string>]>([
    ['an event stream', request('/'), 'close', EVENTS],
    ['an event stream, half-closed,', request('/'), 'end', EVENTS],
    ['an event stream, Connection: close', request('/', ['Connection: close']), 'close', EVENTS],
    ['an event stream over HTTP/1.0', http10('/'), 'close', EVENTS],
    ['an event stream over HTTP/1.0, half-closed,', http10('/'), 'end', EVENTS],
    ['an event stream over HTTP/1.0 with keep-alive', http10('/', 'Connection: keep-alive\r\n'), 'close', EVENTS],
    ['an event stream with a length', request('/'), 'close', { ...EVENTS, 'Content-Length': '1000000' }],
    ['a chunked stream', request('/'), 'close', {}],
  ])('%s that is silent ends at once when its reader leaves', async (_, bytes, how, headers) => {
    const source = new Source();
    const stderr = errors();
    let signal!: AbortSignal;
    const server = start(
      (asked) => {
        ({ signal } = asked);
        return new Response(source.stream, { headers });
      },
      { trigger },
    );
    source.write('hello');
    const client = await reading(server.port, bytes);
    client[how]();
    await eventually(() => source.cancelled !== null, 'it is cancelled', 3000);
    expect(signal.aborted).toBe(true);
    await eventually(() => server.stats().connections.open === 0, 'it is closed', 3000);
    expect(stderr.text).toBe('');
    client.close();
  });

  test('an event stream that is made when its reader has left already', async () => {
    const source = new Source();
    const server = start(() => sleep(30).then(() => new Response(source.stream, { headers: EVENTS })), { trigger });
    using client = await RawClient.connect(server.port);
    client.send(http10('/')).end();
    await client.untilClose();
    await eventually(() => source.cancelled !== null, 'it is cancelled');
  });

  test.each<[string, string, Record<string, string>]>([
    ['up to the end of the connection', http10('/stream'), {}],
    ['with a length', request('/stream'), { 'Content-Length': '100' }],
    ['that a handler never makes', request('/never'), {}],
    ['that a handler never makes, behind it requests that are not read', request('/never').repeat(40), {}],
  ])(
    'a response %s, without progress, ends after halfCloseTimeoutMs if its reader has left',
    async (_, bytes, headers) => {
      const source = new Source();
      const aborted = deferred();
      const server = start(
        ({ url, signal }) => {
          signal.addEventListener('abort', () => aborted.resolve());
          if (url.endsWith('/never')) return new Promise<Response>(() => {});
          return new Response(source.stream, { headers });
        },
        { trigger, limits: { halfCloseTimeoutMs: 200 } },
      );
      using client = await RawClient.connect(server.port);
      client.send(bytes).end();
      if (bytes.includes('/stream')) {
        for (let i = 0; i < 6; i++) {
          source.write('x');
          await sleep(50); // with progress it goes on
        }
        expect(source.cancelled).toBeNull();
      }
      await aborted.promise;
      await eventually(() => server.stats().connections.open === 0, 'it is closed', 3000);
      expect(server.stats()).toMatchObject({ halfCloseTimeouts: 1, timeouts: 1 });
    },
  );

  test('clients that have left do not lock out others', async () => {
    const limits = { maxConnections: 20, halfCloseTimeoutMs: 100 };
    const server = start(
      ({ url }) => (url.endsWith('/never') ? new Promise<Response>(() => {}) : new Response('here')),
      { trigger, limits },
    );
    for (let i = 0; i < 25; i++) (await RawClient.connect(server.port)).send(request('/never')).close();
    using client = await RawClient.connect(server.port);
    expect((await client.send(request('/')).response()).body.toString()).toBe('here');
  });

  test.each<[string, () => Response, boolean]>([
    ['not all sent', () => new Response('x'.repeat(8_000_000)), true],
    ['sent', () => new Response('x'), false],
  ])('a reset aborts the request of a response that is %s', async (_, made, is) => {
    let signal!: AbortSignal;
    const server = start(
      (asked) => {
        ({ signal } = asked);
        return made();
      },
      { trigger },
    );
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/'));
    await eventually(() => server.stats().bytes.out > 0, 'it begins');
    await sleep(20);
    client.reset();
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
    expect(signal.aborted).toBe(is);
  });

  test.each<[string, Record<string, string>, (source: Source) => void]>([
    ['breaks', {}, (source) => source.fail(new Error('broken'))],
    ['breaks, with a length', { 'Content-Length': '100' }, (source) => source.fail(new Error('broken'))],
    ['gives something else', {}, (source) => source.write(3 as never)],
  ])('over HTTP/1.0 a stream that %s ends with a reset', async (_, headers, how) => {
    errors();
    const source = new Source();
    const server = start(() => new Response(source.stream, { headers }), { trigger });
    source.write('hello');
    using client = await reading(server.port, http10('/'));
    how(source);
    await eventually(() => client.closed, 'it is closed');
    expect(client.failure).toBe('ECONNRESET');
  });

  test('over HTTP/1.0 a stream that the stop of the server cuts off ends with a reset, a complete one with FIN', async () => {
    const [cut, complete] = [new Source(), new Source()];
    const server = start(({ url }) => new Response((url.endsWith('/cut') ? cut : complete).stream), { trigger });
    cut.write('hello');
    complete.write('hello');
    using one = await reading(server.port, http10('/cut'));
    using other = await reading(server.port, http10('/complete'));
    complete.end();
    await other.untilClose();
    expect(other.failure).toBeNull();
    await server.stop({ force: true });
    await eventually(() => one.closed, 'it is closed');
    expect(one.failure).toBe('ECONNRESET');
  });
});

test('over HTTP/1.0 a stream whose server is killed ends with a reset', async () => {
  const script = `
    import { serve } from ${JSON.stringify(new URL('../../dist/library/index.js', import.meta.url).href)};
    const fetch = () => new Response(new ReadableStream({ start: (it) => it.enqueue(Buffer.from('hello')) }));
    process.stdout.write(String(serve({ port: 0, fetch }).port));`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    using client = await reading(Number(port), http10('/'));
    server.kill('SIGKILL');
    await eventually(() => client.closed, 'it is closed');
    expect(client.failure).toBe('ECONNRESET');
  } finally {
    server.kill('SIGKILL');
  }
});
