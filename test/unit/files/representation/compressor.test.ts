import { appendFileSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { DESCRIPTOR_BYTES, ENTRY_OVERHEAD_BYTES } from '../../../../src/files/cache/entry.js';
import { Files } from '../../../../src/files/files.js';
import { CompressionQueue } from '../../../../src/files/representation/compression-queue.js';
import { Compressor } from '../../../../src/files/representation/compressor.js';
import { etagForCompressed } from '../../../../src/files/representation/etag.js';
import { makeRepresentation } from '../../../../src/files/representation/representation.js';
import { Representations } from '../../../../src/files/representation/representations.js';
import { type ResolvedSiteOptions, resolveSiteOptions } from '../../../../src/files/rules/site-options.js';
import { type Limits, resolveLimits } from '../../../../src/http/limits.js';
import type { BytesBody, FileBody, HttpResponse } from '../../../../src/http/response/response.js';
import {
  AcceptEncodingCache,
  AVAILABLE_CODINGS,
  type ContentCoding,
} from '../../../../src/http/semantics/accept-encoding.js';
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

function unpacked(response: HttpResponse): Buffer {
  const { bytes } = response.body as BytesBody;
  return codingOf(response) === 'br' ? brotliDecompressSync(bytes) : gunzipSync(bytes);
}

/** Compressing takes milliseconds: after so long what has not come does not come. */
const WAIT_MS = 100;

describe('a packer', () => {
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
    const packer = new Compressor(kernel, queue, content, COMMON, () => changes.push(content.list.length));
    content.compressor = packer;
    const ask = (accepted: string) => content.respond(parsed('/', [`Accept-Encoding: ${accepted}`]));
    return { content, packer, changes, ask };
  }

  const inMemory = (bytes: Uint8Array): BytesBody => ({ kind: 'bytes', bytes });

  function onDisk(bytes: Uint8Array): { path: string; body: FileBody } {
    const path = join(descriptors.directory(), 'file');
    writeFileSync(path, bytes);
    return { path, body: { kind: 'file', file: new SharedFd(openSync(path, 'r')), offset: 0, length: bytes.length } };
  }

  test.each(['br', 'gzip'] as const)('makes %s for those who come later, with fields of its own', async (coding) => {
    const { changes, ask } = make(inMemory(text(5000)));
    const first = ask(coding);
    expect([codingOf(first), field(first, 'ETag'), field(first, 'Vary')]).toEqual([
      'identity',
      '"tag"',
      'Accept-Encoding',
    ]);
    await eventually(() => changes.length > 0, 'it is packed');
    const later = ask(coding);
    expect(unpacked(later).equals(text(5000))).toBe(true);
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
    expect([codingOf(ask('identity')), changes]).toEqual(['identity', [2]]);
  });

  test('makes each coding once, whoever asks meanwhile and later, and only what is asked for', async () => {
    const { changes, ask } = make(inMemory(text(200 * KIB)));
    for (let i = 0; i < 10; i++) expect(codingOf(ask('gzip'))).toBe('identity');
    await eventually(() => codingOf(ask('gzip')) === 'gzip', 'it is packed');
    await sleep(WAIT_MS);
    expect(changes).toEqual([2]);
    expect(codingOf(ask('br, gzip'))).toBe('gzip'); // until there is what it likes better
    await eventually(() => codingOf(ask('br, gzip')) === 'br', 'it is packed in that too');
    expect([codingOf(ask('gzip')), changes]).toEqual(['gzip', [2, 3]]);
  });

  test('makes of all that a client takes the best only', async () => {
    const { content, ask } = make(inMemory(text(5000)));
    await eventually(() => codingOf(ask('gzip, br, zstd;q=0.5')) === 'br', 'it is packed');
    await sleep(WAIT_MS);
    expect(content.list.map(({ coding }) => coding)).toEqual(['identity', 'br']);
  });

  test('reads a file when its turn comes, once for all codings that are asked for, and not when it is closed by then', async () => {
    let reads = 0;
    const kernel = kernelWith({}, { pread: () => reads++ });
    const queue = new CompressionQueue(1);
    const all = Array.from({ length: 4 }, () => make(onDisk(text(300 * KIB)).body, '"tag"', kernel, queue));
    for (const { ask } of all) for (const coding of ['gzip', 'br']) ask(coding);
    expect(reads).toBe(0);
    all[1]!.content.close(); // before its turn
    await eventually(() => [all[0]!, all[2]!, all[3]!].every(({ changes }) => changes.length === 2), 'all are');
    expect([reads, all[1]!.changes]).toEqual([3, []]);
    for (const { content } of all) content.close();
  });

  test('asks again later where the queue has no room', async () => {
    const queue = new CompressionQueue(1, 1);
    const all = Array.from({ length: 4 }, () => make(inMemory(text(200 * KIB)), '"tag"', realKernel, queue));
    for (const { ask } of all) ask('gzip');
    await eventually(() => all[1]!.changes.length > 0, 'what fits is packed');
    await sleep(WAIT_MS);
    expect(all.map(({ changes }) => changes.length)).toEqual([1, 1, 0, 0]);
    for (const { ask } of all.slice(2)) await eventually(() => codingOf(ask('gzip')) === 'gzip', 'it is packed then');
  });

  test('leaves what does not become smaller, and does not try again', async () => {
    const { content, changes, ask } = make(inMemory(contentOf(5000)));
    ask('gzip');
    await sleep(WAIT_MS);
    ask('gzip');
    await sleep(WAIT_MS);
    expect([codingOf(ask('gzip')), content.list.length, changes]).toEqual(['identity', 1, []]);
    expect(content.compressor).not.toBeNull();
  });

  test.each([true, false])('is let go when nothing is left to try (pays off: %s)', async (paysOff) => {
    const { content, packer, ask } = make(inMemory(paysOff ? text(5000) : contentOf(5000)));
    await eventually(() => {
      for (const coding of AVAILABLE_CODINGS) ask(coding);
      return content.compressor === null;
    }, 'it is let go');
    expect(content.list).toHaveLength(paysOff ? 1 + AVAILABLE_CODINGS.length : 1);
    expect(AVAILABLE_CODINGS.map((coding) => packer.request(coding))).toEqual(AVAILABLE_CODINGS.map(() => false));
  });

  test('tells nobody when the content was closed meanwhile', async () => {
    const { content, changes, ask } = make(inMemory(text(5000)));
    ask('gzip');
    content.close();
    await sleep(WAIT_MS);
    expect([content.list.length, changes]).toEqual([1, []]);
  });

  test('makes nothing that this Node cannot', async () => {
    const { content, packer, changes } = make(inMemory(text(5000)));
    const missing = (['zstd'] as ContentCoding[]).filter((coding) => !AVAILABLE_CODINGS.includes(coding));
    for (const coding of missing) packer.request(coding);
    await sleep(WAIT_MS);
    expect([content.list.length, changes]).toEqual([1, []]);
  });

  test('waits for the tag that the coded form’s is made of', async () => {
    const { content, changes, ask } = make(inMemory(text(5000)), '');
    ask('gzip');
    await sleep(WAIT_MS);
    expect(changes).toEqual([]);
    const validators = { etag: '"late"', modifiedSeconds: Number.NaN, recent: false };
    content.replace(makeRepresentation('identity', inMemory(text(5000)), validators, COMMON));
    ask('gzip');
    await eventually(() => changes.length > 0, 'it is packed');
    expect(field(ask('gzip'), 'ETag')).toMatch(/^"late-gzip-[\w-]{8}"$/);
  });

  test('reads a file by its descriptor, which stays the content’s', async () => {
    const { body } = onDisk(text(300 * KIB));
    const { content, changes, ask } = make(body);
    expect(ask('gzip').body.kind).toBe('file');
    await eventually(() => changes.length > 0, 'it is packed');
    expect(unpacked(ask('gzip')).equals(text(300 * KIB))).toBe(true);
    expect([content.bytes > DESCRIPTOR_BYTES, content.bytes < DESCRIPTOR_BYTES + 10 * KIB]).toEqual([true, true]);
    content.close();
    expect(() => body.file.retain()).toThrow();
  });

  test.each<[string, (path: string) => void]>([
    ['is shorter than it was', (path) => truncateSync(path, 1000)],
    ['is not what its tag says', (path) => writeFileSync(path, text(300 * KIB).reverse())],
  ])('leaves a file that %s', async (_, change) => {
    const { path, body } = onDisk(text(300 * KIB));
    await settled();
    const { content, changes, ask } = make(body);
    change(path);
    ask('gzip');
    await sleep(WAIT_MS);
    expect([content.list.length, changes]).toEqual([1, []]);
    content.close();
  });
});

describe('a site that compresses', () => {
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
    const ask = (target: string, fields = ['Accept-Encoding: gzip']) => {
      files.inotify.read();
      return files.serve(parsed(target, fields), 0);
    };
    return { root, files, ask };
  }

  test.each<[what: string, name: string, content: Uint8Array, packed: boolean, varies: boolean]>([
    ['text', 'a.txt', text(1024), true, true],
    ['text by its descriptor', 'a.css', text(300 * KIB), true, true],
    ['text as large as it may be', 'a.js', text(4 * MIB), true, true],
    ['text that is larger', 'a.js', text(4 * MIB + 1), false, false],
    ['text that fits a packet', 'a.txt', text(1023), false, false],
    ['an image', 'a.png', text(5000), false, false],
    ['what nobody knows', 'a.unknown', text(5000), false, false],
    ['an archive', 'a.tar.gz', text(5000), false, false],
    ['text that is none', 'a.txt', contentOf(5000), false, true],
  ])('%s', async (_, name, content, packed, varies) => {
    const { ask } = await site({ [name]: content });
    expect([codingOf(ask(`/${name}`)), field(ask(`/${name}`), 'Vary')]).toEqual([
      'identity',
      varies ? 'Accept-Encoding' : undefined,
    ]);
    if (packed) await eventually(() => codingOf(ask(`/${name}`)) === 'gzip', 'it is packed');
    else await sleep(WAIT_MS);
    const later = ask(`/${name}`);
    expect(codingOf(later)).toBe(packed ? 'gzip' : 'identity');
    if (packed) expect(unpacked(later).equals(content)).toBe(true);
    expect(codingOf(ask(`/${name}`, []))).toBe('identity');
  });

  test('counts the packed form in its cache', async () => {
    const { files, ask } = await site({ 'a.txt': text(20_000) });
    ask('/a.txt');
    const before = files.stats.bytes;
    expect(before).toBe(20_000 + ENTRY_OVERHEAD_BYTES + '/a.txt'.length);
    await eventually(() => codingOf(ask('/a.txt')) === 'gzip', 'it is packed');
    expect(files.stats.bytes).toBe(before + ask('/a.txt').contentLength);
    files.close();
    expect(files.stats.bytes).toBe(0);
    opened.splice(0);
  });

  test('reads no more files at once than it compresses, however many are asked for', async () => {
    let reads = 0;
    const kernel = kernelWith({}, { pread: () => reads++ });
    const names = Array.from({ length: 12 }, (_, i) => `${i}.txt`);
    const { ask } = await site(Object.fromEntries(names.map((name) => [name, text(2 * MIB)])), {}, {}, kernel);
    for (const name of names) ask(`/${name}`, ['Accept-Encoding: br, gzip']);
    expect(reads).toBe(0);
    const made = (): number =>
      names.filter((name) => codingOf(ask(`/${name}`, ['Accept-Encoding: br, gzip'])) === 'br').length;
    await eventually(() => {
      expect(reads).toBeLessThanOrEqual(made() + 2);
      return made() === names.length;
    }, 'all are packed');
    expect(reads).toBe(names.length);
  });

  test('prefers what lies beside the file', async () => {
    const { ask } = await site({ 'a.txt': text(5000), 'a.txt.gz': Buffer.from('whatever it is') });
    expect((ask('/a.txt').body as BytesBody).bytes.toString()).toBe('whatever it is');
    await eventually(() => codingOf(ask('/a.txt', ['Accept-Encoding: br'])) === 'br', 'the other is packed');
  });

  test('packs what the file has become, not what it was', async () => {
    const { root, ask } = await site({ 'a.txt': text(5000) });
    ask('/a.txt');
    appendFileSync(join(root, 'a.txt'), 'and more');
    await settled();
    let packed: HttpResponse | undefined;
    await eventually(() => {
      packed = ask('/a.txt');
      return codingOf(packed) === 'gzip';
    }, 'it is packed');
    expect(unpacked(packed!).toString()).toBe(`${text(5000)}and more`);
  });

  test('packs nothing that it cannot keep', async () => {
    const { ask } = await site({ 'a.txt': text(5000) }, { cacheBytes: 0 });
    for (let i = 0; i < 3; i++) {
      expect(codingOf(ask('/a.txt'))).toBe('identity');
      await sleep(20);
    }
  });
});
