import { appendFileSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { DESCRIPTOR_BYTES, ENTRY_OVERHEAD_BYTES } from '../../../../src/files/cache/entry.js';
import { Files } from '../../../../src/files/files.js';
import { AVAILABLE_CODINGS } from '../../../../src/files/representation/compress.js';
import { CompressionQueue } from '../../../../src/files/representation/compression-queue.js';
import { Compressor } from '../../../../src/files/representation/compressor.js';
import { etagForCompressed } from '../../../../src/files/representation/etag.js';
import { makeRepresentation } from '../../../../src/files/representation/representation.js';
import { Representations } from '../../../../src/files/representation/representations.js';
import { type ResolvedSiteOptions, resolveSiteOptions } from '../../../../src/files/rules/site-options.js';
import { type Limits, resolveLimits } from '../../../../src/http/limits.js';
import type { BytesBody, FileBody, HttpResponse } from '../../../../src/http/response/response.js';
import { AcceptEncodingCache, type ContentCoding } from '../../../../src/http/semantics/accept-encoding.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { SharedFd } from '../../../../src/sys/shared-fd.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { testDescriptors } from '../../../support/descriptors.js';
import { settled } from '../../../support/directory.js';
import { parsed } from '../../../support/parsed.js';
import { eventually, sleep } from '../../../support/raw-client.js';
import { contentOf, KIB, MIB } from '../../../support/site.js';

const descriptors = testDescriptors();

const TEXT = 'it was the best of times, it was the worst of times\n';
const text = (size: number): Buffer => Buffer.alloc(size, TEXT);

const field = (response: HttpResponse, name: string): string | undefined =>
  response.fields.find(([each]) => each === name)?.[1];

const codingOf = (response: HttpResponse): string => field(response, 'Content-Encoding') ?? 'identity';

function decompressed(response: HttpResponse): Buffer {
  const { bytes } = response.body as BytesBody;
  return codingOf(response) === 'br' ? brotliDecompressSync(bytes) : gunzipSync(bytes);
}

/** Compressing takes milliseconds: after this time there will be no result. */
const WAIT_MS = 100;

describe('Compressor', () => {
  const COMMON = { mediaType: 'text/plain; charset=utf-8', fields: [['X-Rule', 'yes'] as const], varies: true };

  function make(body: BytesBody | FileBody, etag = '"tag"', kernel = realKernel, queue = new CompressionQueue()) {
    const validators = { etag, modifiedSeconds: 1_000_000_000, recent: false };
    const content = new Representations(
      realKernel,
      new AcceptEncodingCache(),
      makeRepresentation('identity', body, validators, COMMON),
      true,
    );
    const changes: number[] = [];
    const compressor = new Compressor(kernel, queue, content, COMMON, () => changes.push(content.list.length));
    content.compressor = compressor;
    const get = (accepted: string) => content.respond(parsed('/', [`Accept-Encoding: ${accepted}`]));
    return { content, compressor, changes, get };
  }

  const inMemory = (bytes: Uint8Array): BytesBody => ({ kind: 'bytes', bytes });

  function onDisk(bytes: Uint8Array): { path: string; body: FileBody } {
    const path = join(descriptors.directory(), 'file');
    writeFileSync(path, bytes);
    return { path, body: { kind: 'file', file: new SharedFd(openSync(path, 'r')), offset: 0, length: bytes.length } };
  }

  test.each(['br', 'gzip'] as const)('adds %s for later requests, with its own fields', async (coding) => {
    const { changes, get } = make(inMemory(text(5000)));
    const first = get(coding);
    expect([codingOf(first), field(first, 'ETag'), field(first, 'Vary')]).toEqual([
      'identity',
      '"tag"',
      'Accept-Encoding',
    ]);
    await eventually(() => changes.length > 0, 'it is compressed');
    const later = get(coding);
    expect(decompressed(later).equals(text(5000))).toBe(true);
    expect(later.contentLength).toBeLessThan(2500);
    expect(Object.fromEntries(later.fields)).toEqual({
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Encoding': coding,
      'Accept-Ranges': 'bytes',
      ETag: etagForCompressed('"tag"', coding, (later.body as BytesBody).bytes),
      'Last-Modified': 'Sun, 09 Sep 2001 01:46:40 GMT',
      'X-Rule': 'yes',
      Vary: 'Accept-Encoding',
    });
    expect([codingOf(get('identity')), changes]).toEqual(['identity', [2]]);
  });

  test('compresses once for each requested coding', async () => {
    const { changes, get } = make(inMemory(text(200 * KIB)));
    for (let i = 0; i < 10; i++) expect(codingOf(get('gzip'))).toBe('identity');
    await eventually(() => codingOf(get('gzip')) === 'gzip', 'it is compressed');
    await sleep(WAIT_MS);
    expect(changes).toEqual([2]);
    expect(codingOf(get('br, gzip'))).toBe('gzip'); // until the preferred coding is there
    await eventually(() => codingOf(get('br, gzip')) === 'br', 'it is compressed by brotli too');
    expect([codingOf(get('gzip')), changes]).toEqual(['gzip', [2, 3]]);
  });

  test('compresses in the preferred coding only', async () => {
    const { content, get } = make(inMemory(text(5000)));
    await eventually(() => codingOf(get('gzip, br, zstd;q=0.5')) === 'br', 'it is compressed');
    await sleep(WAIT_MS);
    expect(content.list.map(({ coding }) => coding)).toEqual(['identity', 'br']);
  });

  test('reads a file once for all requested codings, and not if it is closed before', async () => {
    let reads = 0;
    const kernel = kernelWith({}, { pread: () => reads++ });
    const queue = new CompressionQueue(1);
    const all = Array.from({ length: 4 }, () => make(onDisk(text(300 * KIB)).body, '"tag"', kernel, queue));
    for (const { get } of all) for (const coding of ['gzip', 'br']) get(coding);
    expect(reads).toBe(0);
    all[1]!.content.close(); // before its turn
    await eventually(
      () => [all[0]!, all[2]!, all[3]!].every(({ changes }) => changes.length === 2),
      'all are compressed',
    );
    expect([reads, all[1]!.changes]).toEqual([3, []]);
    for (const { content } of all) content.close();
  });

  test('is queued again at a later request if the queue was full', async () => {
    const queue = new CompressionQueue(1, 1);
    const all = Array.from({ length: 4 }, () => make(inMemory(text(200 * KIB)), '"tag"', realKernel, queue));
    for (const { get } of all) get('gzip');
    await eventually(() => all[1]!.changes.length > 0, 'the queued ones are compressed');
    await sleep(WAIT_MS);
    expect(all.map(({ changes }) => changes.length)).toEqual([1, 1, 0, 0]);
    for (const { get } of all.slice(2))
      await eventually(() => codingOf(get('gzip')) === 'gzip', 'it is compressed later');
  });

  test('does not add a result that is not smaller, and does not try again', async () => {
    const { content, changes, get } = make(inMemory(contentOf(5000)));
    get('gzip');
    await sleep(WAIT_MS);
    get('gzip');
    await sleep(WAIT_MS);
    expect([codingOf(get('gzip')), content.list.length, changes]).toEqual(['identity', 1, []]);
    expect(content.compressor).not.toBeNull();
  });

  test.each([true, false])('is removed when no coding is left to try (worthwhile: %s)', async (isWorthwhile) => {
    const { content, compressor, get } = make(inMemory(isWorthwhile ? text(5000) : contentOf(5000)));
    await eventually(() => {
      for (const coding of AVAILABLE_CODINGS) get(coding);
      return content.compressor === null;
    }, 'it is released');
    expect(content.list).toHaveLength(isWorthwhile ? 1 + AVAILABLE_CODINGS.length : 1);
    expect(AVAILABLE_CODINGS.map((coding) => compressor.request(coding))).toEqual(AVAILABLE_CODINGS.map(() => false));
  });

  test('adds nothing to content that was closed meanwhile', async () => {
    const { content, changes, get } = make(inMemory(text(5000)));
    get('gzip');
    content.close();
    await sleep(WAIT_MS);
    expect([content.list.length, changes]).toEqual([1, []]);
  });

  test('ignores codings that this Node cannot encode', async () => {
    const { content, compressor, changes } = make(inMemory(text(5000)));
    const missing = (['zstd'] as ContentCoding[]).filter((coding) => !AVAILABLE_CODINGS.includes(coding));
    for (const coding of missing) compressor.request(coding);
    await sleep(WAIT_MS);
    expect([content.list.length, changes]).toEqual([1, []]);
  });

  test('waits for the entity tag of the original', async () => {
    const { content, changes, get } = make(inMemory(text(5000)), '');
    get('gzip');
    await sleep(WAIT_MS);
    expect(changes).toEqual([]);
    const validators = { etag: '"late"', modifiedSeconds: Number.NaN, recent: false };
    content.replace(makeRepresentation('identity', inMemory(text(5000)), validators, COMMON));
    get('gzip');
    await eventually(() => changes.length > 0, 'it is compressed');
    expect(field(get('gzip'), 'ETag')).toMatch(/^"late-gzip-[\w-]{8}"$/);
  });

  test('reads a file by the descriptor of the content', async () => {
    const { body } = onDisk(text(300 * KIB));
    const { content, changes, get } = make(body);
    expect(get('gzip').body.kind).toBe('file');
    await eventually(() => changes.length > 0, 'it is compressed');
    expect(decompressed(get('gzip')).equals(text(300 * KIB))).toBe(true);
    expect([content.bytes > DESCRIPTOR_BYTES, content.bytes < DESCRIPTOR_BYTES + 10 * KIB]).toEqual([true, true]);
    content.close();
    expect(() => body.file.retain()).toThrow();
  });

  test.each<[string, (path: string) => void]>([
    ['was truncated', (path) => truncateSync(path, 1000)],
    ['was written to', (path) => writeFileSync(path, text(300 * KIB).reverse())],
  ])('does not compress a file that %s since its entity tag', async (_, change) => {
    const { path, body } = onDisk(text(300 * KIB));
    await settled();
    const { content, changes, get } = make(body);
    change(path);
    get('gzip');
    await sleep(WAIT_MS);
    expect([content.list.length, changes]).toEqual([1, []]);
    content.close();
  });
});

describe('a site with compress', () => {
  const opened: Files[] = [];

  afterEach(() => {
    for (const files of opened.splice(0)) files.close();
  });

  async function site(
    contents: Record<string, Uint8Array>,
    limits: Partial<Limits> = {},
    options: Partial<ResolvedSiteOptions> = {},
    kernel = realKernel,
  ) {
    const root = descriptors.directory();
    for (const [name, content] of Object.entries(contents)) writeFileSync(join(root, name), content);
    await settled();
    const plan = { root, options: resolveSiteOptions({ compress: true, ...options }) };
    const files = new Files(kernel, plan, new Map(), resolveLimits(limits));
    opened.push(files);
    const get = (target: string, fields = ['Accept-Encoding: gzip']) => {
      files.inotify.read();
      const response = files.serve(parsed(target, fields), 0);
      response.ownedFile?.release(realKernel);
      return response;
    };
    return { root, files, get };
  }

  test.each<[what: string, name: string, content: Uint8Array, compressed: boolean, varies: boolean]>([
    ['text', 'a.txt', text(1024), true, true],
    ['text larger than maxCachedFileBytes', 'a.css', text(300 * KIB), true, true],
    ['text of the largest size', 'a.js', text(4 * MIB), true, true],
    ['larger text', 'a.js', text(4 * MIB + 1), false, false],
    ['text below the smallest size', 'a.txt', text(1023), false, false],
    ['an image', 'a.png', text(5000), false, false],
    ['an unknown type', 'a.unknown', text(5000), false, false],
    ['an archive', 'a.tar.gz', text(5000), false, false],
    ['incompressible text', 'a.txt', contentOf(5000), false, true],
  ])('%s', async (_, name, content, compressed, varies) => {
    const { get } = await site({ [name]: content });
    expect([codingOf(get(`/${name}`)), field(get(`/${name}`), 'Vary')]).toEqual([
      'identity',
      varies ? 'Accept-Encoding' : undefined,
    ]);
    if (compressed) await eventually(() => codingOf(get(`/${name}`)) === 'gzip', 'it is compressed');
    else await sleep(WAIT_MS);
    const later = get(`/${name}`);
    expect(codingOf(later)).toBe(compressed ? 'gzip' : 'identity');
    if (compressed) expect(decompressed(later).equals(content)).toBe(true);
    expect(codingOf(get(`/${name}`, []))).toBe('identity');
  });

  test('counts compressed representations in the cache', async () => {
    const { files, get } = await site({ 'a.txt': text(20_000) });
    for (let time = 0; time < 2; time++) get('/a.txt');
    const before = files.stats.bytes;
    expect(before).toBeGreaterThan(20_000 + ENTRY_OVERHEAD_BYTES + '/a.txt'.length);
    await eventually(() => codingOf(get('/a.txt')) === 'gzip', 'it is compressed');
    expect(files.stats.bytes).toBeGreaterThan(before + get('/a.txt').contentLength);
    files.close();
    expect(files.stats.bytes).toBe(0);
    opened.splice(0);
  });

  test('reads no more files at a time than it compresses', async () => {
    let reads = 0;
    const kernel = kernelWith({}, { pread: () => reads++ });
    const names = Array.from({ length: 12 }, (_, i) => `${i}.txt`);
    const { get } = await site(Object.fromEntries(names.map((name) => [name, text(2 * MIB)])), {}, {}, kernel);
    for (const name of names) get(`/${name}`, ['Accept-Encoding: br, gzip']);
    expect(reads).toBe(0);
    const compressedCount = (): number =>
      names.filter((name) => codingOf(get(`/${name}`, ['Accept-Encoding: br, gzip'])) === 'br').length;
    await eventually(() => {
      expect(reads).toBeLessThanOrEqual(compressedCount() + 2);
      return compressedCount() === names.length;
    }, 'all are compressed');
    expect(reads).toBe(names.length);
  });

  test.each([1, 300 * KIB])(
    'compresses a file of %i bytes and more once, however a request spells its path',
    async (size) => {
      let reads = 0;
      const kernel = kernelWith({}, { pread: () => reads++ });
      const content = text(size + 5000);
      const { files, get } = await site({ 'index.html': content }, {}, {}, kernel);
      const spellings = ['/', '/index.html', '//', '/%69ndex.html', '/inde%78.html', '/index%2ehtml', '/index%2Ehtml'];
      for (let i = 2; i < 20; i++) spellings.push(`${'/'.repeat(i)}index.html`);
      for (const path of spellings) get(path);
      reads = 0;
      const identities = spellings.map((path) => get(path));
      await eventually(() => codingOf(get('/')) === 'gzip', 'it is compressed');
      const compressed = get('/');
      for (const path of spellings) expect(get(path)).toBe(compressed);
      for (const path of [...spellings, '/%69nde%78.html']) expect(get(path, [])).toBe(identities[0]);
      expect(reads).toBe(1);
      expect(files.stats.bytes).toBeLessThan(2 * size + 10_000 + DESCRIPTOR_BYTES + 30 * ENTRY_OVERHEAD_BYTES);
    },
  );

  test('has another content for all spellings after a change', async () => {
    const { root, get } = await site({ 'a.txt': text(5000) });
    for (const path of ['/a.txt', '//a.txt'])
      await eventually(() => codingOf(get(path)) === 'gzip', 'it is compressed');
    writeFileSync(join(root, 'a.txt'), text(6000));
    await settled();
    expect([get('//a.txt', []).contentLength, get('/a.txt', []).contentLength]).toEqual([6000, 6000]);
    await eventually(() => codingOf(get('/a.txt')) === 'gzip', 'it is compressed');
    expect(get('//a.txt')).toBe(get('/a.txt'));
    expect(decompressed(get('//a.txt')).length).toBe(6000);
  });

  test('prefers a precompressed file', async () => {
    const { get } = await site({ 'a.txt': text(5000), 'a.txt.gz': Buffer.from('whatever it is') });
    expect((get('/a.txt').body as BytesBody).bytes.toString()).toBe('whatever it is');
    await eventually(() => codingOf(get('/a.txt', ['Accept-Encoding: br'])) === 'br', 'brotli is added');
  });

  test('compresses the new content after a change', async () => {
    const { root, get } = await site({ 'a.txt': text(5000) });
    get('/a.txt');
    appendFileSync(join(root, 'a.txt'), 'and more');
    await settled();
    let compressed: HttpResponse | undefined;
    await eventually(() => {
      compressed = get('/a.txt');
      return codingOf(compressed) === 'gzip';
    }, 'it is compressed');
    expect(decompressed(compressed!).toString()).toBe(`${text(5000)}and more`);
  });

  test('compresses nothing that is not cacheable', async () => {
    const { get } = await site({ 'a.txt': text(5000) }, { cacheBytes: 0 });
    for (let i = 0; i < 3; i++) {
      expect(codingOf(get('/a.txt'))).toBe('identity');
      await sleep(20);
    }
  });
});
