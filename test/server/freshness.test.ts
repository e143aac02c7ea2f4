import { appendFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { eventually, exchange, RawClient, request, sleep } from '../support/raw-client.js';
import { KIB, MIB, makeSite, type Site } from '../support/site.js';

/** What users are promised. */
const SEEN_WITHIN_MS = 1000;

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

describe.each(TRIGGERS)('%s', (trigger) => {
  let server: Server;

  beforeAll(() => {
    server = serve({ port: 0, root: site.root, trigger });
  });

  afterAll(() => server.stop({ force: true }));

  const textOf = async (target: string): Promise<string> => {
    const answer = await exchange(server.port, request(target));
    return answer.status === 200 ? answer.body.toString() : String(answer.status);
  };

  /** Asks without a pause, as a busy site is asked, so that the file is in memory all the time. */
  const seen = async (target: string, expected: string): Promise<void> => {
    const untilMs = performance.now() + SEEN_WITHIN_MS;
    let text = '';
    while (performance.now() < untilMs) {
      text = await textOf(target);
      if (text === expected) return;
      await sleep(10);
    }
    expect(text).toBe(expected);
  };

  test('a file that is edited, replaced, removed or made is seen within a second', async () => {
    const path = site.path('fresh.txt');
    const warm = async (text: string): Promise<void> => {
      await seen('/fresh.txt', text);
      await sleep(50);
      expect(await textOf('/fresh.txt')).toBe(text);
    };
    rmSync(path, { force: true });
    await warm('404');
    writeFileSync(path, 'first');
    await warm('first');
    appendFileSync(path, ' and more');
    await warm('first and more');
    writeFileSync(path, 'FIRST AND MORE');
    await warm('FIRST AND MORE');
    writeFileSync(`${path}.new`, 'replaced');
    renameSync(`${path}.new`, path);
    await warm('replaced');
    rmSync(path);
    await warm('404');
  });

  test('a rewrite of the same size whose time is set back is seen, with another ETag', async () => {
    site.write('back.txt', 'one');
    const { atime, mtime } = statSync(site.path('back.txt'));
    const first = await exchange(server.port, request('/back.txt'));
    expect(first.body.toString()).toBe('one');
    await sleep(30);
    writeFileSync(site.path('back.txt'), 'two');
    utimesSync(site.path('back.txt'), atime, mtime);
    await seen('/back.txt', 'two');
    const second = await exchange(server.port, request('/back.txt', [`If-None-Match: ${first.field('ETag')}`]));
    expect([second.status, second.body.toString()]).toEqual([200, 'two']);
  });

  test('a file that becomes a folder, and back', async () => {
    site.write('turning', 'a file');
    expect(await textOf('/turning')).toBe('a file');
    rmSync(site.path('turning'));
    renameSync(site.path('bare'), site.path('turning'));
    await seen('/turning', '301');
    renameSync(site.path('turning'), site.path('bare'));
    await seen('/turning', '404');
  });

  test.each([300, 64 * KIB, 300 * KIB])(
    'files of %i bytes that are replaced all the time are never mixed',
    async (size) => {
      const path = site.path(`hammer-${size}.txt`);
      let version = 0;
      const replace = (): void => {
        writeFileSync(`${path}.new`, String.fromCharCode(97 + (version++ % 26)).repeat(size + (version % 7)));
        renameSync(`${path}.new`, path);
      };
      replace();
      const untilMs = performance.now() + 400;
      const ask = async (): Promise<void> => {
        using client = await RawClient.connect(server.port);
        while (performance.now() < untilMs) {
          const answer = await client.send(request(`/hammer-${size}.txt`)).response();
          expect(answer.status).toBe(200);
          const text = answer.body.toString('latin1');
          expect(text === text[0]!.repeat(text.length) && text.length >= size).toBe(true);
        }
      };
      const asking = Promise.all([ask(), ask(), ask()]);
      while (performance.now() < untilMs) {
        replace();
        await sleep(1);
      }
      await asking;
    },
  );

  test('a file that gets shorter under way ends the connection', async () => {
    writeFileSync(site.path('shrinking.bin'), Buffer.alloc(8 * MIB, 'x'));
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/shrinking.bin') + request('/hello.txt'));
    await eventually(() => server.stats().connections.open > 0, 'it is accepted');
    await sleep(50);
    truncateSync(site.path('shrinking.bin'), 1000);
    client.resume();
    const got = await client.untilClose();
    expect(got.toString('latin1')).toContain('Content-Length: 8388608\r\n');
    expect(got.length).toBeLessThan(8 * MIB);
    expect(got.toString('latin1').match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(await textOf('/hello.txt')).toBe('hello, world\n');
  });

  test('a file that grows under way is sent as long as it was', async () => {
    writeFileSync(site.path('growing.bin'), Buffer.alloc(8 * MIB, 'x'));
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/growing.bin') + request('/hello.txt'));
    await sleep(50);
    appendFileSync(site.path('growing.bin'), Buffer.alloc(MIB, 'y'));
    client.resume();
    const answer = await client.response();
    expect([answer.body.length, answer.body.includes('y')]).toEqual([8 * MIB, false]);
    expect((await client.response()).body.toString()).toBe('hello, world\n');
  });
});

test('a time at the epoch says nothing: no Last-Modified, and no 304 by a date', async () => {
  const server = serve({ port: 0, root: site.root, limits: { freshnessMs: 0 } });
  for (const second of [0, 1]) {
    site.write('epoch.txt', `content ${second}`);
    utimesSync(site.path('epoch.txt'), second, second);
    const answer = await exchange(
      server.port,
      request('/epoch.txt', [`If-Modified-Since: ${new Date().toUTCString()}`]),
    );
    expect([answer.status, answer.field('Last-Modified')]).toEqual([200, null]);
  }
  await server.stop();
});
