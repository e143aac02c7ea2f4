import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { Stat } from '../../../src/sys/kernel.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { command } from '../../support/command.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { permits } from '../../support/needs.js';
import { exchange, type RawResponse, request, sleep } from '../../support/raw-client.js';

/** The second of every change, as the file system has it. */
const SECOND = 1_700_000_000;
const EXT4 = 0xef53;
const VFAT = 0x4d44;
const NFS = 0x6969;

/** Two versions that no size distinguishes. */
const ONE = 'one'.repeat(1000);
const TWO = 'TWO'.repeat(1000);

let directory: ReturnType<typeof makeWatchedDirectory>;
let server: Server;
let type: number;
/** Since SECOND. */
let passedMs: number;

const put = (name: string, content: string): void => writeFileSync(join(directory.path, name), content);

/** A file system whose files all changed at SECOND, on the clock of the test. */
const kernel = kernelWith({
  wallMs: () => SECOND * 1000 + passedMs,
  fstatfs: () => type,
  fstat(fd, out) {
    const result = realKernel.fstat(fd, out);
    out[Stat.mtimeSeconds] = out[Stat.ctimeSeconds] = SECOND;
    out[Stat.mtimeNanoseconds] = out[Stat.ctimeNanoseconds] = 0;
    return result;
  },
});

const start = (options: Partial<ServeOptions> = {}): void => {
  server = serve({ port: 0, root: directory.path, kernel, ...options });
};
const get = (fields: string[] = [], target = '/a.txt'): Promise<RawResponse> =>
  exchange(server.port, request(target, fields));

beforeEach(() => {
  directory = makeWatchedDirectory();
  passedMs = 0;
});

afterEach(async () => {
  await server?.stop({ force: true });
  directory[Symbol.dispose]();
});

/** [file system, its type, milliseconds after the change at which the file may change again, and at which it may not] */
const FILE_SYSTEMS: [name: string, type: number, within: number, beyond: number][] = [
  ['whole seconds', EXT4, 900, 1021],
  ['two seconds', VFAT, 1900, 2021],
  ["whole seconds of another machine's clock", NFS, 900, 1021],
];

describe.each(FILE_SYSTEMS)('with times of %s', (_, itsType, within, beyond) => {
  beforeEach(() => {
    type = itsType;
  });

  test.each([
    ['in memory', {}],
    ['by descriptor', { maxCachedFileBytes: 0 }],
  ])('a file %s has no strong validator before they are over', async (_where, limits) => {
    put('a.txt', ONE);
    start({ limits: { revalidateMs: 0, ...limits } });
    passedMs = 300;
    const first = await get();
    const tag = first.field('ETag')!;
    expect(tag).toMatch(/^W\//);
    put('a.txt', TWO);
    passedMs = within;
    const revalidated = await get([`If-None-Match: ${tag}`]);
    expect([revalidated.status, revalidated.body.toString()]).toEqual([200, TWO]);
    const date = new Date(SECOND * 1000).toUTCString();
    expect((await get([`If-Modified-Since: ${date}`])).status).toBe(200);
    for (const validator of [tag, tag.replace(/^W\//, ''), date]) {
      const rest = await get(['Range: bytes=1500-', `If-Range: ${validator}`]);
      expect([rest.status, rest.body.toString()]).toEqual([200, TWO]);
    }
    passedMs = beyond;
    const later = await get([`If-None-Match: ${tag}`]);
    const strong = later.field('ETag')!;
    expect([later.status, strong, later.body.toString()]).toEqual([200, expect.stringMatching(/^"/), TWO]);
    expect((await get([`If-None-Match: ${strong}`])).status).toBe(304);
    expect((await get(['Range: bytes=1500-', `If-Range: ${strong}`])).status).toBe(206);
  });

  test('the hash of a file is not remembered before they are over', async () => {
    put('a.txt', ONE);
    start({ etag: 'content', limits: { maxCachedFileBytes: 100 } });
    passedMs = 300;
    await get();
    await sleep(20); // a hash would be complete
    put('a.txt', TWO);
    passedMs = beyond;
    await get();
    const tag = `"${createHash('sha256').update(TWO).digest('base64url').slice(0, 22)}"`;
    await expect.poll(async () => (await get()).field('ETag')).toBe(tag);
  });
});

test('a file with a fraction in its change time is trusted at once, whatever its modification time', async () => {
  type = EXT4;
  const exact = kernelWith({
    fstat(fd, out) {
      const result = realKernel.fstat(fd, out);
      out[Stat.mtimeNanoseconds] = 0;
      return result;
    },
  });
  put('a.txt', ONE);
  start({ kernel: exact });
  await sleep(40);
  expect((await get()).field('ETag')).toMatch(/^"/);
});

/** An image of a file system with inodes of 128 bytes, which have no room for nanoseconds. */
function ext4Image(): string | null {
  const image = join(mkdtempSync(join(tmpdir(), 'epollet-image-')), 'ext4');
  writeFileSync(image, '');
  spawnSync('truncate', ['-s', '2M', image]);
  const made = spawnSync('mkfs.ext4', ['-q', '-I', '128', '-N', '64', '-F', image]);
  const mounted = spawnSync('unshare', ['--mount', 'mount', '-o', 'loop', image, '/mnt']);
  if (made.status === 0 && mounted.status === 0) return image;
  rmSync(join(image, '..'), { recursive: true });
  return null;
}

const image = ext4Image();

test.runIf(permits(image !== null, 'ext4 with whole seconds', 'a loop mount is not allowed'))(
  'ext4 with inodes of 128 bytes: no tag stands for two versions',
  async () => {
    const script = 'mount -o loop "$0" /mnt && exec "$@"';
    await using process = command(['/mnt', '--port', '0'], {
      wrapper: ['unshare', '--mount', 'sh', '-c', script, image!],
    });
    const port = await process.port();
    const versions = new Map<string, string>();
    for (let version = 0; version < 24; version++) {
      const content = `version ${version % 10}`;
      writeFileSync(`/proc/${process.process.pid}/root/mnt/a.txt`, content);
      await sleep(35);
      const { body, field } = await exchange(port, request('/a.txt'));
      expect(body.toString()).toBe(content);
      expect(versions.get(field('ETag')!) ?? content).toBe(content);
      versions.set(field('ETag')!, content);
    }
    rmSync(join(image!, '..'), { recursive: true });
  },
);
