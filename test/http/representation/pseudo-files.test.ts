import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { EIO } from '../../../src/sys/errno.js';
import { type Kernel, Stat } from '../../../src/sys/kernel.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { permits } from '../../support/needs.js';
import { exchange, RawClient, type RawResponse, request } from '../../support/raw-client.js';
import { contentOf } from '../../support/site.js';

const FUSE = 0x65735546;
const MIB = 1_048_576;

let directory: ReturnType<typeof makeWatchedDirectory>;
let server: Server;

const path = (name: string): string => join(directory.path, name);
const start = (options: Partial<ServeOptions> = {}): void => {
  server = serve({ port: 0, root: directory.path, ...options });
};
const get = (target: string, fields: string[] = [], method = 'GET'): Promise<RawResponse> =>
  exchange(server.port, request(target, fields, method));

beforeEach(() => {
  directory = makeWatchedDirectory();
});

afterEach(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

/** Requests whose response is the whole content as it is now, whatever they ask for; and those that it does not match. */
const REQUESTS: [fields: string[], status: number][] = [
  [[], 200],
  [['Range: bytes=0-1'], 200],
  [['Range: bytes=-1'], 200],
  [['Range: bytes=999999999-'], 200],
  [['Range: bytes=0-1', 'If-Range: "x"'], 200],
  [['If-None-Match: "x"'], 200],
  [['If-None-Match: ""'], 200],
  [['If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT'], 200],
  [['If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT'], 200],
  [['If-Match: *'], 200],
  [['If-Match: "x"'], 412],
  [['Accept-Encoding: gzip'], 200],
  [['Accept-Encoding: br, zstd'], 200],
  [['Accept-Encoding: identity;q=0'], 200],
];
const NOT_SENT = ['ETag', 'Last-Modified', 'Accept-Ranges', 'Content-Encoding', 'Content-Range'];

/** @param expected the content; a large one is sent in chunks */
async function expectWhole(target: string, expected: Buffer): Promise<void> {
  const isChunked = expected.length >= MIB;
  for (const [fields, status] of REQUESTS) {
    for (const method of ['GET', 'HEAD']) {
      const response = await get(target, fields, method);
      expect([fields, method, response.status]).toEqual([fields, method, status]);
      if (status !== 200) continue;
      if (method === 'GET') expect(response.body.equals(expected)).toBe(true);
      expect(response.field('Content-Length')).toBe(isChunked ? null : String(expected.length));
      expect(response.field('Transfer-Encoding')).toBe(isChunked ? 'chunked' : null);
      for (const name of NOT_SENT) expect([name, response.field(name)]).toEqual([name, null]);
    }
  }
}

describe('files of the kernel', () => {
  test('a root in /proc', async () => {
    start({ root: '/proc/sys/kernel', compress: true });
    await expectWhole('/osrelease', readFileSync('/proc/sys/kernel/osrelease'));
    const [first, second] = [await get('/random/uuid'), await get('/random/uuid')];
    expect([first.status, first.body.length, second.body.length]).toEqual([200, 37, 37]);
    expect(first.body.equals(second.body)).toBe(false);
  });

  test('a symlink to /proc', async () => {
    symlinkSync('/proc/version', path('version.txt'));
    symlinkSync('/proc/self/mem', path('mem.bin'));
    start({ symlinks: 'follow', compress: true });
    await expectWhole('/version.txt', readFileSync('/proc/version'));
    expect((await get('/mem.bin')).status).toBe(500); // its first page is not mapped
  });

  const attribute = ['/sys/kernel/fscaps', '/sys/kernel/mm/transparent_hugepage/enabled', '/sys/power/state'].find(
    (name) => statSync(name, { throwIfNoEntry: false })?.isFile(),
  );
  test.runIf(permits(attribute !== undefined, 'sysfs', 'there is none'))('a symlink to /sys', async () => {
    symlinkSync(attribute!, path('attribute.txt'));
    start({ symlinks: 'follow' });
    expect(statSync(attribute!).size).toBeGreaterThan(readFileSync(attribute!).length);
    await expectWhole('/attribute.txt', readFileSync(attribute!));
  });
});

/** A file system whose `fstat` has another size for files of `length` bytes. */
const misreporting = (length: number, size: number, calls: Partial<Kernel> = {}): Kernel =>
  kernelWith({
    fstat(fd, out) {
      const result = realKernel.fstat(fd, out);
      if (out[Stat.size] === length) out[Stat.size] = size;
      return result;
    },
    ...calls,
  });
const onFuse: Partial<Kernel> = { fstatfs: () => FUSE };

const SIZES: [length: number, size: number, calls: Partial<Kernel>][] = [
  [100, 0, {}],
  [101, 10, {}],
  [5, 4096, {}],
  [70_000, 0, {}],
  [3 * MIB, 0, {}],
  [3 * MIB, 4096, {}],
  [10_001, 200_000, onFuse],
  [300_000, 200_000, onFuse],
];

describe.each(SIZES)('a file of %i bytes with a size of %i', (length, size, calls) => {
  test('is sent as it is', async () => {
    const content = contentOf(length);
    writeFileSync(path('a.txt'), content);
    await settled();
    start({ kernel: misreporting(length, size, calls), compress: true });
    await expectWhole('/a.txt', content);
  });
});

test('a file of which fstat has the true size on FUSE has validators and ranges', async () => {
  const content = contentOf(200_000);
  writeFileSync(path('a.txt'), content);
  start({ kernel: kernelWith({ ...onFuse, wallMs: () => Date.now() + 5000 }) });
  const { status, body, field } = await get('/a.txt', ['Range: bytes=199990-']);
  expect([status, field('ETag')]).toEqual([206, expect.stringMatching(/^"/)]);
  expect(body.equals(content.subarray(199_990))).toBe(true);
});

test('an empty file is one of 0 bytes, with validators', async () => {
  writeFileSync(path('empty.txt'), '');
  await settled();
  start();
  const { status, field } = await get('/empty.txt');
  expect([status, field('Content-Length'), field('ETag')]).toEqual([200, '0', expect.stringMatching(/^"/)]);
  expect((await get('/empty.txt', [`If-None-Match: ${field('ETag')}`])).status).toBe(304);
});

test('a precompressed file with another size than its content is not used', async () => {
  writeFileSync(path('a.txt'), 'as it is');
  writeFileSync(path('a.txt.br'), contentOf(77));
  await settled();
  start({ kernel: misreporting(77, 0) });
  const { body, field } = await get('/a.txt', ['Accept-Encoding: br']);
  expect([body.toString(), field('Content-Encoding'), field('ETag')]).toEqual([
    'as it is',
    null,
    expect.stringMatching(/^"/),
  ]);
});

test.each<[string, string, Partial<ServeOptions>, number]>([
  ['404.html', '/nowhere', {}, 404],
  ['app.html', '/route', { fallback: 'app.html' }, 200],
])('the page %s with a size of 0 is read for each request', async (name, target, options, status) => {
  start({ kernel: misreporting(9, 0), limits: { revalidateMs: 0 }, ...options });
  for (const content of ['content 1', 'content 2', 'content 3']) {
    writeFileSync(path(name), content);
    await settled();
    for (let time = 0; time < 2; time++) {
      const response = await get(target, ['Accept: text/html']);
      expect([response.status, response.body.toString()]).toEqual([status, content]);
    }
  }
});

test('chunked content comes in the order of pipelined requests, and to HTTP/1.0 up to the end of the connection', async () => {
  const content = contentOf(2 * MIB);
  writeFileSync(path('large.txt'), content);
  writeFileSync(path('small.txt'), 'small');
  await settled();
  start({ kernel: misreporting(content.length, 0) });
  const client = await RawClient.connect(server.port);
  client.send(request('/large.txt') + request('/small.txt') + request('/large.txt'));
  const bodies: Buffer[] = [];
  for (let at = 0; at < 3; at++) bodies.push((await client.response()).body);
  client.close();
  expect(bodies.map((body) => body.equals(content) || body.toString())).toEqual([true, 'small', true]);
  const old = await RawClient.connect(server.port);
  old.send('GET /large.txt HTTP/1.0\r\n\r\n');
  expect((await old.response('GET', undefined, false)).body.equals(content)).toBe(true);
  old.close();
});

test('a file that cannot be read is 500', async () => {
  writeFileSync(path('a.txt'), 'content');
  await settled();
  start({ kernel: kernelWith({ pread: () => EIO }) });
  expect((await get('/a.txt')).status).toBe(500);
});
