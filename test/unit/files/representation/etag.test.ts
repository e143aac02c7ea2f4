import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DESCRIPTOR_BYTES } from '../../../../src/files/cache/entry.js';
import { Files } from '../../../../src/files/files.js';
import { etagForBytes, etagForCoding, etagForCompressed } from '../../../../src/files/representation/etag.js';
import { resolveSiteOptions } from '../../../../src/files/rules/site-options.js';
import { type Limits, resolveLimits } from '../../../../src/http/limits.js';
import type { RequestParser } from '../../../../src/http/request/parser.js';
import type { BytesBody, HttpResponse } from '../../../../src/http/response/response.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { testDescriptors } from '../../../support/descriptors.js';
import { settled } from '../../../support/directory.js';
import { parsed } from '../../../support/parsed.js';
import { eventually } from '../../../support/raw-client.js';
import { contentOf, KIB } from '../../../support/site.js';

const descriptors = testDescriptors();

describe('an entity tag of content', () => {
  test('is strong and of its SHA-256 only', () => {
    const sha = createHash('sha256').update('hello').digest('base64url');
    expect(etagForBytes(Buffer.from('hello')).toString()).toBe(`"${sha.slice(0, 22)}"`);
    const contents = ['', 'a', 'b', 'aa', '\0', 'a\0'].map((text) => etagForBytes(Buffer.from(text)).toString());
    expect(new Set(contents).size).toBe(contents.length);
    for (const tag of contents) expect(tag).toMatch(/^"[\w-]{22}"$/);
  });

  test.each([
    ['"abc"', 'identity', '"abc"'],
    ['"abc"', 'br', '"abc-br"'],
    ['"abc"', 'gzip', '"abc-gzip"'],
    ['W/"abc"', 'zstd', 'W/"abc-zstd"'],
    ['""', 'br', '"-br"'],
    ['', 'br', ''],
  ] as const)('%s in the coding %s is %s', (etag, coding, expected) => {
    expect(etagForCoding(etag, coding)).toBe(expected);
  });

  test.each([
    ['"abc"', 'br', /^"abc-br-[\w-]{8}"$/],
    ['W/"abc"', 'gzip', /^W\/"abc-gzip-[\w-]{8}"$/],
    ['', 'br', /^$/],
  ] as const)('%s, compressed by %s, is %s and depends on the result', (etag, coding, expected) => {
    const tags = ['one', 'another', 'one'].map((encoded) => etagForCompressed(etag, coding, Buffer.from(encoded)));
    expect(tags[0]).toMatch(expected);
    expect([tags[0] === tags[1], tags[0] === tags[2]]).toEqual([etag === '', true]);
  });
});

describe('a site with tags of content', () => {
  const opened: Files[] = [];

  afterEach(() => {
    for (const files of opened.splice(0)) files.close();
  });

  const LARGE = 300 * KIB;
  const contents = { 'small.txt': contentOf(500), 'large.txt': contentOf(LARGE) };

  /** A response that is not sent. */
  function served(files: Files, each: RequestParser, nowMs: number): HttpResponse {
    const response = files.serve(each, nowMs);
    response.ownedFile?.release(realKernel);
    return response;
  }

  async function site(limits: Partial<Limits> = {}, compress = false, secondsAgo = 3600, kernel = realKernel) {
    const root = descriptors.directory();
    const path = (name: string): string => join(root, name);
    const at = Math.floor(Date.now() / 1000) - secondsAgo;
    for (const [name, content] of Object.entries(contents)) {
      fs.writeFileSync(path(name), content);
      fs.utimesSync(path(name), at, at);
    }
    await settled();
    const options = resolveSiteOptions({ etag: 'content', compress });
    const files = new Files(kernel, { root, options }, new Map(), resolveLimits(limits));
    opened.push(files);
    const get = (target: string, fields: string[] = []): HttpResponse => served(files, parsed(target, fields), 0);
    return { files, path, get };
  }

  const field = (response: HttpResponse, name: string): string | undefined =>
    response.fields.find(([each]) => each === name)?.[1];

  test('sends the same tags on every machine, and no dates', async () => {
    const [one, other] = [await site(), await site({}, false, 7200)];
    for (const name of Object.keys(contents) as (keyof typeof contents)[]) {
      const expected = etagForBytes(contents[name]).toString();
      for (const { get } of [one, other]) {
        await eventually(() => field(get(`/${name}`), 'ETag') === expected, `${name} has its tag`);
        expect(field(get(`/${name}`), 'Last-Modified')).toBeUndefined();
        expect(get(`/${name}`, [`If-None-Match: ${expected}`]).status).toBe(304);
        expect(get(`/${name}`, ['If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT']).status).toBe(200);
      }
    }
  });

  test('sends no tag for a large file before it is hashed, and evaluates preconditions as unknown', async () => {
    const { get } = await site();
    const old = etagForBytes(Buffer.from('what it was before')).toString();
    expect(field(get('/large.txt'), 'ETag')).toBeUndefined();
    for (const [line, status] of [
      [`If-None-Match: ${old}`, 200],
      ['If-None-Match: ', 200],
      ['If-None-Match: W/""', 200],
      ['If-None-Match: *', 304],
      [`If-Match: ${old}`, 200],
      ['If-Match: ', 412],
      ['If-Match: *', 200],
    ] as const)
      expect(get('/large.txt', [line]).status, line).toBe(status);
    expect(get('/large.txt', ['Range: bytes=0-9', `If-Range: ${old}`]).status).toBe(200);
    await eventually(() => field(get('/large.txt'), 'ETag') !== undefined, 'it has its tag');
  });

  test('hashes a large file once, however often it is evicted', async () => {
    let reads = 0;
    const kernel = kernelWith({}, { pread: () => reads++ });
    const limits = { cacheBytes: 2 * DESCRIPTOR_BYTES };
    const { get, path } = await site(limits, false, 3600, kernel);
    const names = Array.from({ length: 8 }, (_, i) => `${i}.bin`);
    for (const [i, name] of names.entries()) fs.writeFileSync(path(name), contentOf(LARGE + i));
    await settled();
    for (const name of names) expect(field(get(`/${name}`), 'ETag')).toBeUndefined();
    await eventually(() => reads === names.length, 'all are hashed');
    for (let round = 0; round < 3; round++) {
      for (const [i, name] of names.entries())
        expect(field(get(`/${name}`), 'ETag')).toBe(etagForBytes(contentOf(LARGE + i)));
      await settled();
    }
    expect(reads).toBe(names.length);
  });

  test('hashes a file once for all sites of a server and all its names', async () => {
    let reads = 0;
    const { path } = await site();
    fs.linkSync(path('large.txt'), path('linked.txt'));
    await settled();
    const plan = { root: path('.'), options: resolveSiteOptions({ etag: 'content' }) };
    const kernel = kernelWith({}, { pread: () => reads++ });
    const files = new Files(kernel, plan, new Map([['other.example', plan]]), resolveLimits());
    opened.push(files);
    const targets = ['/large.txt', '/linked.txt'].flatMap((target) => [target, `http://other.example${target}`]);
    const getAll = (): (string | undefined)[] => targets.map((each) => field(served(files, parsed(each), 0), 'ETag'));
    expect(new Set(getAll())).toEqual(new Set([undefined]));
    await eventually(() => !getAll().includes(undefined), 'all have a tag');
    expect([new Set(getAll()), reads]).toEqual([new Set([etagForBytes(contents['large.txt'])]), 1]);
  });

  test('a recent file keeps its tag and its representations when its second is over', async () => {
    const { files, get, path } = await site({ revalidateMs: 0 }, true, 3600);
    const text = 'all work and no play '.repeat(20_000);
    fs.writeFileSync(path('play.txt'), text);
    await settled();
    const getAt = (nowMs: number): HttpResponse => served(files, parsed('/play.txt', ['Accept-Encoding: gzip']), nowMs);
    await eventually(() => field(getAt(0), 'Content-Encoding') === 'gzip', 'it is compressed');
    const early = getAt(0);
    await eventually(
      () => Date.now() >= Math.floor(fs.statSync(path('play.txt')).mtimeMs / 1000 + 1) * 1000,
      'it is over',
    );
    expect(field(get('/play.txt'), 'ETag')).toBe(etagForBytes(Buffer.from(text)));
    for (const nowMs of [1500, 60_000]) {
      expect([field(getAt(nowMs), 'ETag'), field(getAt(nowMs), 'Content-Encoding')]).toEqual([
        field(early, 'ETag'),
        'gzip',
      ]);
    }
  });

  test('a file is compressed once it has a tag, and the result has one', async () => {
    const text = 'all work and no play '.repeat(20_000);
    const { get, path } = await site({}, true);
    fs.writeFileSync(path('play.txt'), text);
    await settled();
    const getGzip = (): HttpResponse => get('/play.txt', ['Accept-Encoding: gzip']);
    await eventually(() => field(getGzip(), 'Content-Encoding') === 'gzip', 'it is compressed');
    const { bytes } = getGzip().body as BytesBody;
    expect(field(getGzip(), 'ETag')).toBe(etagForCompressed(etagForBytes(Buffer.from(text)), 'gzip', bytes));
  });

  test('stops hashing when it is closed', async () => {
    const { files, get } = await site();
    for (let time = 0; time < 2; time++) get('/large.txt');
    files.close();
    opened.splice(0);
    await settled();
    expect(fs.readdirSync('/proc/self/fd').map(targetOf)).not.toContainEqual(expect.stringContaining('large.txt'));
  });

  function targetOf(fd: string): string {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  }
});
