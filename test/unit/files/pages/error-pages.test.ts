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

const REVALIDATE_MS = 500;
const POLLED = { maxWatches: 0, revalidateMs: REVALIDATE_MS };
const HTML = ['Accept: text/html'];

const descriptors = testDescriptors();
let base: string;
let files: Files | null;
/** The names that fail to open with EMFILE. */
let failing: RegExp | null;

beforeEach(() => {
  base = descriptors.directory();
  files = null;
  failing = null;
});

afterEach(() => files?.close());

const path = (name: string): string => join(base, name);
const kernel = kernelWith({
  openat2: (dir, name, ...rest) =>
    failing?.test(Buffer.from(name).toString()) ? EMFILE : realKernel.openat2(dir, name, ...rest),
});

function open(options: SiteOptions = {}, limits: Partial<Limits> = {}, root = base): void {
  files = new Files(kernel, { root, options: resolveSiteOptions(options) }, new Map(), resolveLimits(limits));
}

/** Serves a request like the server does, after reading inotify events. */
function serve(target: string, fields: string[] = [], nowMs = 0): HttpResponse {
  files!.inotify.read();
  return files!.serve(parsed(target, fields), nowMs);
}

/** Status and the beginning of the body. Releases the file of the response. */
function summary({ status, body, ownedFile }: HttpResponse): string {
  const bytes = Buffer.alloc(20);
  if (body.kind === 'bytes') bytes.set(body.bytes.subarray(0, 20));
  if (body.kind === 'file') expect(realKernel.pread(body.file.fd, bytes, 0, 20, 0)).toBeGreaterThan(0);
  ownedFile?.release(realKernel);
  return `${status} ${bytes.toString().replace(/\0.*/s, '').trim()}`;
}

const BUILT_IN = '404 Not found.';
const large = (start: string): string => start.padEnd(100 * KIB);

describe('404.html', () => {
  test('is sent without validators and with no-cache as an error page', async () => {
    writeFileSync(path('404.html'), 'nothing');
    await settled();
    open();
    const own = serve('/404.html');
    const missing = serve('/missing', ['If-None-Match: *', 'Range: bytes=0-1']);
    expect([own.status, own.fields.some(([name]) => name === 'ETag')]).toEqual([200, true]);
    expect([summary(missing), Object.fromEntries(missing.fields)]).toEqual([
      '404 nothing',
      { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' },
    ]);
  });

  test.each<[string, Partial<Limits>, number]>([
    ['watched', {}, 0],
    ['polled', POLLED, REVALIDATE_MS],
  ])('may be created, changed and removed: %s', async (_, limits, laterMs) => {
    open({}, limits);
    let nowMs = 0;
    const missing = (): string => summary(serve('/missing', [], nowMs));
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
    ['racy', 'x', {}],
    ['racy and large', large('x'), {}],
    ['too large to cache', large('x'), { cacheBytes: 1000 }],
  ])('that is %s is sent, and leaks no descriptor', (_, content, limits) => {
    const before = countDescriptors();
    open({}, limits);
    writeFileSync(path('404.html'), content);
    for (let i = 0; i < 3; i++) for (const target of ['/a', '/b', '/a']) expect(summary(serve(target))).toBe('404 x');
    files!.close();
    files = null;
    expect(countDescriptors()).toBe(before);
  });

  test('that failed to open once is sent the next time', async () => {
    writeFileSync(path('404.html'), 'nothing');
    await settled();
    failing = /404\.html/;
    open();
    expect(summary(serve('/a'))).toBe(BUILT_IN);
    failing = null;
    expect(summary(serve('/b'))).toBe('404 nothing');
    expect(summary(serve('/a'))).toBe('404 nothing');
  });
});

describe('50x.html', () => {
  beforeEach(async () => {
    writeFileSync(path('50x.html'), 'busy');
    await settled();
  });

  const busy = (): HttpResponse => {
    failing = /./;
    const response = serve('/some/file');
    failing = null;
    return response;
  };

  test('is available from the start, with Retry-After', () => {
    open();
    const response = busy();
    expect([summary(response), Object.fromEntries(response.fields)['Retry-After']]).toEqual(['503 busy', '1']);
    expect(summary(serve('/some/file'))).toBe(BUILT_IN);
  });

  test('is sent with its changed content', async () => {
    open();
    serve('/other');
    writeFileSync(path('50x.html'), 'very busy');
    await settled();
    serve('/other');
    expect(summary(busy())).toBe('503 very busy');
  });

  test('is sent after the root was retargeted, and after an overflow of inotify', async () => {
    const release = descriptors.directory();
    writeFileSync(join(release, '50x.html'), 'busy elsewhere');
    symlinkSync(base, path('current'));
    await settled();
    open({}, {}, path('current'));
    expect(summary(busy())).toBe('503 busy');
    rmSync(path('current'));
    symlinkSync(release, path('current'));
    serve('/other');
    expect(summary(busy())).toBe('503 busy elsewhere');
    files!.inotify.onOverflow();
    serve('/other');
    expect(summary(busy())).toBe('503 busy elsewhere');
  });

  test('is a short text if there is none', () => {
    rmSync(path('50x.html'));
    open();
    expect(summary(busy())).toBe('503 Too many open files.');
  });
});

describe('the fallback page', () => {
  test.each<[string, string, Partial<Limits>]>([
    ['small', 'app', {}],
    ['large', large('app'), {}],
    ['too large to cache', large('app'), { cacheBytes: 1000 }],
  ])('%s, is sent to requests for pages', async (_, content, limits) => {
    const before = countDescriptors();
    open({ fallback: 'index.html' }, limits);
    for (const isOld of [false, true]) {
      writeFileSync(path('index.html'), content);
      if (isOld) await settled();
      for (let i = 0; i < 3; i++) {
        expect(summary(serve('/some/view', HTML))).toBe('200 app');
        expect(summary(serve('/some/view'))).toBe('200 app');
        expect(summary(serve('/some/view', ['Accept: application/json']))).toBe(BUILT_IN);
        expect(summary(serve('/some/script.js', HTML))).toMatch(/^404 <!doctype html>/);
        expect(summary(serve('/some/script.js'))).toBe(BUILT_IN);
      }
    }
    files!.close();
    files = null;
    expect(countDescriptors()).toBe(before);
  });
});
