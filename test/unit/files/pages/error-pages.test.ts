import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Files } from '../../../../src/files/files.js';
import { resolveSiteOptions, type SiteOptions } from '../../../../src/files/rules/site-options.js';
import { type Limits, resolveLimits } from '../../../../src/http/limits.js';
import type { HttpResponse } from '../../../../src/http/response/response.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { EMFILE } from '../../../../src/sys/errno.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { countDescriptors, testDescriptors } from '../../../support/descriptors.js';
import { settled } from '../../../support/directory.js';
import { parsed } from '../../../support/parsed.js';
import { KIB } from '../../../support/site.js';

const FRESHNESS_MS = 500;
const BY_TIME = { maxWatches: 0, revalidateMs: FRESHNESS_MS };
const HTML = ['Accept: text/html'];

const descriptors = testDescriptors();
let base: string;
let files: Files | null;
/** What no descriptor is left for. */
let refused: RegExp | null;

beforeEach(() => {
  base = descriptors.directory();
  files = null;
  refused = null;
});

afterEach(() => files?.close());

const path = (name: string): string => join(base, name);
const kernel = kernelWith({
  openat2: (dir, name, ...rest) =>
    refused?.test(Buffer.from(name).toString()) ? EMFILE : realKernel.openat2(dir, name, ...rest),
});

function open(options: SiteOptions = {}, limits: Partial<Limits> = {}, root = base): void {
  files = new Files(kernel, { root, options: resolveSiteOptions(options) }, new Map(), resolveLimits(limits));
}

/** As a server asks: what the kernel tells is heard first. */
function ask(target: string, fields: string[] = [], nowMs = 0): HttpResponse {
  files!.inotify.read();
  return files!.serve(parsed(target, fields), nowMs);
}

/** Status and the beginning of the text; whoever has sent an answer for the last time lets its file go. */
function said({ status, body, ownedFile }: HttpResponse): string {
  const bytes = Buffer.alloc(20);
  if (body.kind === 'bytes') bytes.set(body.bytes.subarray(0, 20));
  if (body.kind === 'file') expect(realKernel.pread(body.file.fd, bytes, 0, 20, 0)).toBeGreaterThan(0);
  ownedFile?.release(realKernel);
  return `${status} ${bytes.toString().replace(/\0.*/s, '').trim()}`;
}

const BUILT_IN = '404 Not found.';
const large = (start: string): string => start.padEnd(100 * KIB);

describe('the page for what is not there', () => {
  test('is not what its own address is: no validators, and nobody keeps it', async () => {
    writeFileSync(path('404.html'), 'nothing');
    await settled();
    open();
    const own = ask('/404.html');
    const missing = ask('/missing', ['If-None-Match: *', 'Range: bytes=0-1']);
    expect([own.status, own.fields.some(([name]) => name === 'ETag')]).toEqual([200, true]);
    expect([said(missing), Object.fromEntries(missing.fields)]).toEqual([
      '404 nothing',
      { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' },
    ]);
  });

  test.each<[string, Partial<Limits>, number]>([
    ['told', {}, 0],
    ['looked for', BY_TIME, FRESHNESS_MS],
  ])('may change, come and go: %s', async (_, limits, laterMs) => {
    open({}, limits);
    let nowMs = 0;
    const missing = (): string => said(ask('/missing', [], nowMs));
    expect(missing()).toBe(BUILT_IN);
    for (const text of ['first', 'other', large('large'), 'last']) {
      writeFileSync(path('.new'), text);
      await settled();
      renameSync(path('.new'), path('404.html'));
      nowMs += laterMs;
      for (let i = 0; i < 2; i++) expect(missing()).toBe(`404 ${text.slice(0, 20).trim()}`);
      await settled();
    }
    rmSync(path('404.html'));
    nowMs += laterMs;
    expect(missing()).toBe(BUILT_IN);
  });

  test.each<[string, string, Partial<Limits>]>([
    ['young', 'x', {}],
    ['young and large', large('x'), {}],
    ['too large to keep', large('x'), { cacheBytes: 1000 }],
  ])('that is %s is sent all the same, and leaves no descriptor', (_, content, limits) => {
    const before = countDescriptors();
    open({}, limits);
    writeFileSync(path('404.html'), content);
    for (let i = 0; i < 3; i++) for (const target of ['/a', '/b', '/a']) expect(said(ask(target))).toBe('404 x');
    files!.close();
    files = null;
    expect(countDescriptors()).toBe(before);
  });

  test('that could not be opened once is there the next time', async () => {
    writeFileSync(path('404.html'), 'nothing');
    await settled();
    refused = /404\.html/;
    open();
    expect(said(ask('/a'))).toBe(BUILT_IN);
    refused = null;
    expect(said(ask('/b'))).toBe('404 nothing');
    expect(said(ask('/a'))).toBe('404 nothing');
  });
});

describe('the page for when nothing can be opened', () => {
  beforeEach(async () => {
    writeFileSync(path('50x.html'), 'busy');
    await settled();
  });

  const busy = (): HttpResponse => {
    refused = /./;
    const response = ask('/some/file');
    refused = null;
    return response;
  };

  test('is there from the start, and says when to come again', () => {
    open();
    const response = busy();
    expect([said(response), Object.fromEntries(response.fields)['Retry-After']]).toEqual(['503 busy', '1']);
    expect(said(ask('/some/file'))).toBe(BUILT_IN);
  });

  test('is there when it was changed before', async () => {
    open();
    ask('/other');
    writeFileSync(path('50x.html'), 'very busy');
    await settled();
    ask('/other');
    expect(said(busy())).toBe('503 very busy');
  });

  test('is there after the root was switched, and after the kernel has lost count', async () => {
    const release = descriptors.directory();
    writeFileSync(join(release, '50x.html'), 'busy elsewhere');
    symlinkSync(base, path('current'));
    await settled();
    open({}, {}, path('current'));
    expect(said(busy())).toBe('503 busy');
    rmSync(path('current'));
    symlinkSync(release, path('current'));
    ask('/other');
    expect(said(busy())).toBe('503 busy elsewhere');
    files!.inotify.onOverflow();
    ask('/other');
    expect(said(busy())).toBe('503 busy elsewhere');
  });

  test('is a short text where there is none', () => {
    rmSync(path('50x.html'));
    open();
    expect(said(busy())).toBe('503 Too many open files.');
  });
});

describe('the page of a single-page app', () => {
  test.each<[string, string, Partial<Limits>]>([
    ['small', 'app', {}],
    ['large', large('app'), {}],
    ['too large to keep', large('app'), { cacheBytes: 1000 }],
  ])('%s, is for who asks for a page', async (_, content, limits) => {
    const before = countDescriptors();
    open({ fallback: 'index.html' }, limits);
    for (const isOld of [false, true]) {
      writeFileSync(path('index.html'), content);
      if (isOld) await settled();
      for (let i = 0; i < 3; i++) {
        expect(said(ask('/some/view', HTML))).toBe('200 app');
        expect(said(ask('/some/view'))).toBe(BUILT_IN);
        expect(said(ask('/some/script.js', HTML))).toBe(BUILT_IN);
      }
    }
    files!.close();
    files = null;
    expect(countDescriptors()).toBe(before);
  });
});
