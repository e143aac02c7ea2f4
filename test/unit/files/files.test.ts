import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Files } from '../../../src/files/files.js';
import { resolveSiteOptions } from '../../../src/files/rules/site-options.js';
import { type Limits, resolveLimits } from '../../../src/http/limits.js';
import type { HttpResponse } from '../../../src/http/response/response.js';
import { hashPath } from '../../../src/http/text.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { EACCES, EIO } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { countDescriptors } from '../../support/descriptors.js';
import { settled } from '../../support/directory.js';
import { permits } from '../../support/needs.js';
import { parsed } from '../../support/parsed.js';
import { HELLO, KIB, makeSite, type Site } from '../../support/site.js';

let site: Site;

beforeAll(async () => {
  site = await makeSite();
  await settled();
});

afterAll(() => site.remove());

const filesOf = (kernel: Kernel, limits: Partial<Limits> = {}): Files =>
  new Files(kernel, { root: site.root, options: resolveSiteOptions({}) }, new Map(), resolveLimits(limits));

const field = (response: HttpResponse, name: string): string | undefined =>
  response.fields.find(([each]) => each === name)?.[1];

const textOf = ({ body }: HttpResponse): string =>
  body.kind === 'bytes' ? Buffer.from(body.bytes).toString() : body.kind;

describe('serving', () => {
  let files: Files;
  let opens = 0;
  /** A fixed wall clock; null for the real one. */
  let stoppedMs: number | null = null;

  const kernel = kernelWith({ wallMs: () => stoppedMs ?? Date.now() }, { openat2: () => opens++ });
  beforeEach(() => {
    files = filesOf(kernel);
    opens = 0;
  });

  afterEach(() => {
    stoppedMs = null;
    files.close();
  });

  const get = (target: string, fields: string[] = [], nowMs = 0): HttpResponse =>
    files.serve(parsed(target, fields), nowMs);

  test.each([
    ['by inotify', {}, 30_000],
    ['by time', { maxWatches: 0 }, 500],
  ])('a small file is cached, and revalidated %s when due', (_, limits, dueMs) => {
    files.close();
    files = filesOf(kernel, limits);
    for (let time = 0; time < 2; time++) expect(textOf(get('/hello.txt', [], 0))).toBe(HELLO);
    const first = opens;
    for (let nowMs = 0; nowMs < dueMs; nowMs += 250) expect(textOf(get('/hello.txt', [], nowMs))).toBe(HELLO);
    expect(opens).toBe(first);
    expect(get('/hello.txt?query', [], 1)).toBe(get('/hello.txt', [], 1));
    const kept = get('/hello.txt', [], 1);
    expect(get('/hello.txt', [], dueMs)).toBe(kept); // the same file: what was made of it holds
    expect(opens).toBeGreaterThan(first);
    expect(files.stats).toMatchObject({ entries: 1 });
  });

  test.each<[name: string, limits: Partial<Limits>, requests: [target: string, nowMs: number][], stats: object]>([
    ['one path once', {}, [['/hello.txt', 0]], { hits: 0, misses: 1, evictions: 0, entries: 0 }],
    [
      'one path three times',
      {},
      [
        ['/hello.txt', 0],
        ['/hello.txt', 1],
        ['/hello.txt', 2],
      ],
      { hits: 1, misses: 2, evictions: 0, entries: 1 },
    ],
    [
      'a path without a file',
      {},
      [
        ['/none', 0],
        ['/none', 1],
        ['/none', 2],
      ],
      { hits: 1, misses: 2, evictions: 0, entries: 1 },
    ],
    [
      'two spellings',
      {},
      [
        ['/hello.txt', 0],
        ['//hello.txt', 0],
        ['/hello.txt', 0],
        ['//hello.txt', 0],
      ],
      { hits: 0, misses: 4, evictions: 0, entries: 2 },
    ],
    [
      'an expired entry',
      {},
      [
        ['/hello.txt', 0],
        ['/hello.txt', 0],
        ['/hello.txt', 30_000],
      ],
      { hits: 0, misses: 3, evictions: 0, entries: 1 },
    ],
    [
      'a large unwatched file, by fstat(2)',
      { maxWatches: 0 },
      [
        [`/${64 * KIB + 1}.bin`, 0],
        [`/${64 * KIB + 1}.bin`, 1],
        [`/${64 * KIB + 1}.bin`, 2],
      ],
      { hits: 1, misses: 2, evictions: 0, entries: 1 },
    ],
    [
      'a path that names nothing',
      {},
      [
        ['/.git', 0],
        ['/%', 0],
      ],
      { hits: 0, misses: 0, evictions: 0, entries: 0 },
    ],
    [
      'a cache for one entry',
      { cacheBytes: 27_000 },
      [
        ...Array.from({ length: 2 }, (): [string, number] => ['/hello.txt', 0]),
        ...Array.from({ length: 2 }, (): [string, number] => ['/8192.bin', 0]),
        ...Array.from({ length: 2 }, (): [string, number] => ['/16384.bin', 0]),
      ],
      { hits: 0, misses: 6, evictions: 2, entries: 1 },
    ],
  ])('hits, misses and evictions: %s', async (_, limits, requests, stats) => {
    for (const size of [8192, 16_384]) site.write(`${size}.bin`, Buffer.alloc(size));
    await settled();
    files.close();
    files = filesOf(kernel, limits);
    for (const [target, nowMs] of requests) get(target, [], nowMs).ownedFile?.release(realKernel);
    expect(files.stats).toMatchObject(stats);
  });

  test('a file with a racy timestamp is not cached and has a weak ETag', async () => {
    stoppedMs = Date.now();
    writeFileSync(site.path('fresh.txt'), 'one');
    expect(field(get('/fresh.txt'), 'ETag')).toMatch(/^W\//);
    writeFileSync(site.path('fresh.txt'), 'two');
    expect(textOf(get('/fresh.txt'))).toBe('two');
    expect(files.stats.entries).toBe(0);
    stoppedMs = null;
    await settled();
    expect(field(get('/fresh.txt'), 'ETag')).toMatch(/^"/);
    expect(files.stats.entries).toBe(1);
  });

  test('a file with a racy precompressed file is not cached', async () => {
    site.write('encoded.txt', 'identity');
    await settled();
    stoppedMs = Date.now();
    writeFileSync(site.path('encoded.txt.br'), 'one');
    expect(textOf(get('/encoded.txt', ['Accept-Encoding: br']))).toBe('one');
    expect(files.stats.entries).toBe(0);
    writeFileSync(site.path('encoded.txt.br'), 'two');
    expect(textOf(get('/encoded.txt', ['Accept-Encoding: br']))).toBe('two');
    stoppedMs = null;
    await settled();
    get('/encoded.txt');
    expect(files.stats.entries).toBe(1);
  });

  test('a site with a root inside another does not disturb the watches of the other', async () => {
    files.close();
    const plan = (root: string) => ({ root, options: resolveSiteOptions({}) });
    files = new Files(kernel, plan(site.root), new Map([['other', plan(site.path('sub'))]]), resolveLimits());
    site.write('watched.txt', 'one');
    await settled();
    files.inotify.read();
    expect(textOf(get('/watched.txt'))).toBe('one');
    get('http://other/index.html');
    appendFileSync(site.path('watched.txt'), ' more');
    files.inotify.read();
    expect(textOf(get('/watched.txt'))).toBe('one more');
  });

  test('paths with the same hash have their own responses', () => {
    const [first, second] = collision();
    site.write(first.slice(1), 'first');
    site.write(second.slice(1), 'second');
    for (let round = 0; round < 3; round++) {
      for (const [path, text] of [
        [first, 'first'],
        [second, 'second'],
      ] as const) {
        for (let again = 0; again < 2; again++) expect(textOf(get(path))).toBe(text);
      }
      expect(get(second.replace(/.$/, '!')).status).toBe(404);
    }
  });

  test('spellings of one path have the same response', () => {
    for (const path of ['/hello.txt', '//hello.txt', '/%68ello.txt', '/hello%2Etxt'])
      expect(textOf(get(path))).toBe(HELLO);
  });

  test.each([
    [`/${64 * KIB}.bin`, 'bytes'],
    [`/${64 * KIB + 1}.bin`, 'file'],
    ['/0.bin', 'bytes'],
  ])('%s is sent from %s', (target, kind) => {
    get(target).ownedFile?.release(realKernel);
    expect(get(target).body.kind).toBe(kind);
  });

  const LARGE = `/${64 * KIB + 1}.bin`;

  test('one descriptor of a large file serves GET, HEAD and 304, and is closed on eviction', () => {
    const before = countDescriptors();
    get(LARGE).ownedFile!.release(realKernel);
    const whole = get(LARGE);
    expect([whole.status, whole.body.kind, whole.contentLength, whole.ownedFile]).toEqual([
      200,
      'file',
      64 * KIB + 1,
      null,
    ]);
    for (const request of [parsed(LARGE, [], 'HEAD'), parsed(LARGE)]) expect(files.serve(request, 0)).toBe(whole);
    const same = get(LARGE, [`If-None-Match: ${field(whole, 'ETag')}`]);
    expect([same.status, same.body.kind, field(same, 'Content-Type')]).toEqual([304, 'none', undefined]);
    expect(countDescriptors()).toBe(before + 1);
    files.siteFor(parsed(LARGE)).cache.clear();
    expect(countDescriptors()).toBe(before);
  });

  test('an uncached large file is released after it is sent, or at once if nothing of it is sent', () => {
    files.close();
    files = filesOf(kernel, { cacheBytes: 0 });
    const before = countDescriptors();
    const whole = get(LARGE);
    expect([whole.body.kind, files.stats.entries, countDescriptors()]).toEqual(['file', 0, before + 1]);
    whole.ownedFile!.release(kernel);
    const quiet = [
      `If-None-Match: ${field(whole, 'ETag')}`,
      'If-Match: "other"',
      'Range: bytes=99999999-',
      'Range: bytes=0-9',
    ];
    expect(quiet.map((line) => get(LARGE, [line])).map(({ status, ownedFile }) => [status, ownedFile])).toEqual([
      [304, null],
      [412, null],
      [416, null],
      [206, null], // few bytes, and in memory
    ]);
    expect(countDescriptors()).toBe(before);
  });

  test.each([
    ['/', 200],
    ['/bare', 301],
    ['/bare/', 404],
    ['/hello.txt/', 404],
    ['/hello.txt/x', 404],
    ['/sub/index.html/', 404],
    ['/with%20space.txt', 200],
    ['/%C3%BCn%c3%af.txt', 200],
    ['/\xc3\xbcn\xc3\xaf.txt', 200],
    ['/%C3%BC', 404],
    ['/latin%FC%ff.txt', 200],
    ['/latin\xfc\xff.txt', 200],
    ['/a%23b%3Fc%25d.txt', 200],
    ['/q"uo%5Cte.txt', 200],
    ['/a..b.txt', 200],
    ['/...txt', 404],
    ['/.git/config', 404],
    ['/.well-known/security.txt', 200],
    ['/.well-known/.secret', 404],
    ['/.well-known/.more/x', 404],
    ['/sub/.well-known/x.txt', 404],
    ['/dir-link', 301],
    ['/in-link', 200],
    ['/abs-in', 404],
    ['/out-link', 404],
    ['/chain40-1', 200],
    ['/chain41-1', 404],
    [`/${'x'.repeat(300)}`, 404],
    [`/${'x/'.repeat(3000)}`, 404],
  ])('%s: %i', (target, status) => {
    expect(get(target).status).toBe(status);
  });

  test('a file without read permission is 403', () => {
    let refusing = false;
    const strict = kernelWith({ openat2: (...args) => (refusing ? EACCES : realKernel.openat2(...args)) });
    const others = filesOf(strict);
    refusing = true;
    expect(others.serve(parsed('/hello.txt'), 0).status).toBe(403);
    others.close();
    if (!permits(process.getuid?.() !== 0, 'a file without permissions', 'root reads everything')) return;
    site.write('unreadable.txt', 'secret');
    chmodSync(site.path('unreadable.txt'), 0);
    expect(get('/unreadable.txt').status).toBe(403);
  });

  test('a file that opens but cannot be read is 500', () => {
    const failing = filesOf(kernelWith({ pread: () => EIO }));
    const { status, body, ownedFile } = failing.serve(parsed('/hello.txt'), 0);
    expect([status, body.kind, ownedFile]).toEqual([500, 'bytes', null]);
    failing.close();
  });
});

/** Two paths with the same hash, found by a birthday search. */
function collision(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const path = `/c${i.toString(36)}.txt`;
    const hash = hashPath(Buffer.from(path));
    const other = seen.get(hash);
    if (other !== undefined) return [other, path];
    seen.set(hash, path);
  }
}
