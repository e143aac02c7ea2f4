import { appendFileSync, chmodSync, readdirSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type OpenFile, openFile, readFile } from '../../src/files/file.js';
import { Root } from '../../src/files/root.js';
import { Files } from '../../src/files/serve.js';
import { resolveLimits } from '../../src/http/limits.js';
import { pathHashOf } from '../../src/http/path-hash.js';
import type { Response } from '../../src/http/response.js';
import { kernel as realKernel } from '../../src/sys/binding.js';
import { EACCES, EIO, ENOENT } from '../../src/sys/errno.js';
import type { Kernel } from '../../src/sys/kernel.js';
import { kernelWith } from '../support/counting-kernel.js';
import { permits } from '../support/needs.js';
import { parsed } from '../support/parsed.js';
import { sleep } from '../support/raw-client.js';
import { HELLO, KIB, makeSite, type Site } from '../support/site.js';

/** Longer than the step of the kernel's coarse clock. */
const OLD_ENOUGH_MS = 40;

let site: Site;

beforeAll(async () => {
  site = await makeSite();
  await sleep(OLD_ENOUGH_MS);
});

afterAll(() => site.remove());

const field = (response: Response, name: string): string | undefined =>
  response.fields.find(([each]) => each === name)?.[1];

const textOf = ({ body }: Response): string => (body.kind === 'bytes' ? Buffer.from(body.bytes).toString() : body.kind);

describe('a file', () => {
  let root: Root;

  beforeEach(() => {
    root = Root.open(realKernel, site.root);
  });

  afterEach(() => root.close());

  const opened = (name: string, kernel: Kernel = realKernel, wallMs = Date.now()): OpenFile => {
    const file = openFile(kernel, root, Buffer.from(name), wallMs);
    if (typeof file === 'number') throw new Error(`${name}: ${file}`);
    return file;
  };

  const described = (name: string): { etag: string; identity: string; young: boolean } => {
    const file = opened(name);
    realKernel.close(file.fd);
    return { etag: file.validators.etag.toString(), identity: file.identity, young: file.young };
  };

  test('has another ETag and identity after every change, and the same without', async () => {
    site.write('etag.txt', 'one');
    await sleep(OLD_ENOUGH_MS);
    const seen = [described('etag.txt')];
    expect(described('etag.txt')).toEqual(seen[0]);
    const changes: (() => void)[] = [
      () => appendFileSync(site.path('etag.txt'), ' more'),
      () => writeFileSync(site.path('etag.txt'), 'TWO MORE'),
      () => utimesSync(site.path('etag.txt'), 5, 5),
      () => {
        writeFileSync(site.path('etag.txt'), 'two more');
        utimesSync(site.path('etag.txt'), 5, 5);
      },
      () => {
        writeFileSync(site.path('etag.new'), 'two MORE');
        utimesSync(site.path('etag.new'), 5, 5);
        renameSync(site.path('etag.new'), site.path('etag.txt'));
      },
    ];
    for (const change of changes) {
      change();
      await sleep(OLD_ENOUGH_MS);
      seen.push(described('etag.txt'));
    }
    expect(new Set(seen.map(({ etag }) => etag)).size).toBe(seen.length);
    expect(new Set(seen.map(({ identity }) => identity)).size).toBe(seen.length);
    for (const { etag, young } of seen) expect([young, etag]).toEqual([false, expect.stringMatching(/^"[0-9a-z]+"$/)]);
  });

  test('that has just changed is young, and its tag weak, whatever its modification time says', () => {
    for (const second of [null, 5]) {
      writeFileSync(site.path('young.txt'), 'one');
      if (second !== null) utimesSync(site.path('young.txt'), second, second);
      const young = described('young.txt');
      expect([young.young, young.etag]).toEqual([true, expect.stringMatching(/^W\/"[0-9a-z]+-[0-9a-z]+"$/)]);
    }
  });

  test('is not read when it changes meanwhile, or has another size than it said', async () => {
    for (const change of [
      () => truncateSync(site.path('racy.txt'), 2),
      () => appendFileSync(site.path('racy.txt'), 'x'),
      () => writeFileSync(site.path('racy.txt'), 'abcdef'),
    ]) {
      site.write('racy.txt', '123456');
      await sleep(OLD_ENOUGH_MS);
      let changed = false;
      const kernel = kernelWith({
        pread: (...args) => {
          const got = realKernel.pread(...args);
          if (!changed) change();
          changed = true;
          return got;
        },
      });
      const file = opened('racy.txt', kernel);
      expect(readFile(kernel, file)).toBeNull();
      realKernel.close(file.fd);
    }
  });

  test('is read whole by short reads, and not at all when the disk fails', () => {
    const short = kernelWith({
      pread: (fd, bytes, offset, length, position) =>
        realKernel.pread(fd, bytes, offset, Math.min(5, length), position),
    });
    const file = opened('hello.txt');
    expect(Buffer.from(readFile(short, file)!).toString()).toBe(HELLO);
    expect(readFile(kernelWith({ pread: () => EIO }), file)).toBeNull();
    realKernel.close(file.fd);
  });

  test.each(['fifo', 'socket', ...(process.getuid?.() === 0 ? ['device'] : [])])(
    'is not what %s is, and it is not opened',
    (name) => {
      if (name === 'device' && !permits(site.hasDevice, 'device', 'mknod is not permitted here')) return;
      const flags: number[] = [];
      const watched = kernelWith({}, { openat2: (args) => flags.push(args[2] as number) });
      const other = Root.open(watched, site.root);
      flags.length = 0;
      expect(openFile(watched, other, Buffer.from(name), 0)).toBe(ENOENT);
      expect(flags).toHaveLength(1);
      other.close();
    },
  );

  test('that turns into a FIFO between look and open is refused', () => {
    let looks = 0;
    const kernel = kernelWith({
      openat2: (dir, name, flags, resolve) =>
        realKernel.openat2(
          dir,
          Buffer.from(name).toString() === 'hello.txt' && looks++ > 0 ? 'fifo' : name,
          flags,
          resolve,
        ),
    });
    const racy = Root.open(kernel, site.root);
    const before = readdirSync('/proc/self/fd').length;
    expect(openFile(kernel, racy, Buffer.from('hello.txt'), 0)).toBe(ENOENT);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    racy.close();
  });
});

describe('serving', () => {
  let files: Files;
  let opens = 0;

  const kernel = kernelWith({}, { openat2: () => opens++ });
  const limits = resolveLimits();

  beforeEach(() => {
    files = new Files(kernel, site.root, limits);
    opens = 0;
  });

  afterEach(() => files.close());

  const get = (target: string, fields: string[] = [], nowMs = 0): Response =>
    files.serve(parsed(target, fields), nowMs);

  test('a small file is held: the file system is asked once in its freshness', () => {
    expect(textOf(get('/hello.txt', [], 0))).toBe(HELLO);
    const first = opens;
    for (let nowMs = 0; nowMs < limits.freshnessMs; nowMs += 100)
      expect(textOf(get('/hello.txt', [], nowMs))).toBe(HELLO);
    expect(opens).toBe(first);
    expect(get('/hello.txt?query', [], 1)).toBe(get('/hello.txt', [], 1));
    get('/hello.txt', [], limits.freshnessMs);
    expect(opens).toBeGreaterThan(first);
    expect(files.stats).toMatchObject({ cachedFiles: 1 });
  });

  test('a young file is not held, and its tag is weak', async () => {
    writeFileSync(site.path('fresh.txt'), 'one');
    expect(field(get('/fresh.txt'), 'ETag')).toMatch(/^W\//);
    writeFileSync(site.path('fresh.txt'), 'two');
    expect(textOf(get('/fresh.txt'))).toBe('two');
    expect(files.stats.cachedFiles).toBe(0);
    await sleep(OLD_ENOUGH_MS);
    expect(field(get('/fresh.txt'), 'ETag')).toMatch(/^"/);
    expect(files.stats.cachedFiles).toBe(1);
  });

  test('paths with one hash have each their own answer', () => {
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

  test('spellings of one path are answered alike', () => {
    for (const path of ['/hello.txt', '//hello.txt', '/%68ello.txt', '/hello%2Etxt'])
      expect(textOf(get(path))).toBe(HELLO);
  });

  test.each([
    [`/${64 * KIB}.bin`, 'bytes'],
    [`/${64 * KIB + 1}.bin`, 'file'],
    ['/0.bin', 'bytes'],
  ])('%s is sent from %s', (target, kind) => {
    const { body } = get(target);
    if (body.kind === 'file') realKernel.close(body.fd);
    expect(body.kind).toBe(kind);
  });

  test('neither HEAD nor 304 of a large file keeps a descriptor', () => {
    const before = readdirSync('/proc/self/fd').length;
    const head = files.serve(parsed(`/${64 * KIB + 1}.bin`, [], 'HEAD'), 0);
    expect([head.status, head.body.kind, head.contentLength]).toEqual([200, 'none', 64 * KIB + 1]);
    const same = get(`/${64 * KIB + 1}.bin`, [`If-None-Match: ${field(head, 'ETag')}`]);
    expect([same.status, same.body.kind, field(same, 'Content-Type')]).toEqual([304, 'none', undefined]);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  test.each([
    ['/', 200],
    ['/bare', 301],
    ['/bare/', 404],
    ['/hello.txt/', 404],
    ['/hello.txt/x', 404],
    ['/folder/index.html/', 404],
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
    ['/folder/.well-known/x.txt', 404],
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

  test('a file that may not be read is 403', () => {
    let refusing = false;
    const strict = kernelWith({ openat2: (...args) => (refusing ? EACCES : realKernel.openat2(...args)) });
    const others = new Files(strict, site.root, limits);
    refusing = true;
    expect(others.serve(parsed('/hello.txt'), 0).status).toBe(403);
    others.close();
    if (!permits(process.getuid?.() !== 0, 'a file without permissions', 'root reads everything')) return;
    site.write('unreadable.txt', 'secret');
    chmodSync(site.path('unreadable.txt'), 0);
    expect(get('/unreadable.txt').status).toBe(403);
  });

  test('a file that cannot be read, but opened, is tried as a large one is', () => {
    const failing = new Files(kernelWith({ pread: () => EIO }), site.root, limits);
    const { status, body } = failing.serve(parsed('/hello.txt'), 0);
    expect([status, body.kind]).toEqual([200, 'file']);
    if (body.kind === 'file') realKernel.close(body.fd);
    failing.close();
  });
});

/** Two paths that FNV-1a does not tell apart. Found by the birthday of 32 bits. */
function collision(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const path = `/c${i.toString(36)}.txt`;
    const hash = pathHashOf(Buffer.from(path));
    const other = seen.get(hash);
    if (other !== undefined) return [other, path];
    seen.set(hash, path);
  }
}
