import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Files } from '../../../../src/files/files.js';
import { resolveSiteOptions } from '../../../../src/files/rules/site-options.js';
import { resolveLimits } from '../../../../src/http/limits.js';
import { RequestParser } from '../../../../src/http/request/parser.js';
import type { HttpResponse } from '../../../../src/http/response/response.js';
import { kernel } from '../../../../src/sys/binding.js';
import { settled } from '../../../support/directory.js';
import { parsed } from '../../../support/parsed.js';
import { makeSite, type Site } from '../../../support/site.js';

const TIMES = 5; // a field section is cached from its second request on
const IN_MEMORY = '/hello.txt';
const OTHER = '/bare/file.txt';

let site: Site;
let files: Files;

beforeEach(async () => {
  site = await makeSite();
  await settled();
  files = new Files(
    kernel,
    { root: site.root, options: resolveSiteOptions({}) },
    new Map(),
    resolveLimits({ revalidateMs: 1, maxWatches: 0 }),
  );
});

afterEach(() => {
  files.close();
  return site.remove();
});

const LIMITS = resolveLimits();

const get = (path: string, fields: string[], parser = new RequestParser(LIMITS), nowMs = 0): HttpResponse =>
  files.serve(parsed(path, fields, 'GET', LIMITS, parser), nowMs);

const tagOf = (path: string): string => get(path, []).fields.find(([name]) => name === 'ETag')![1];

/** The statuses of one request, sent several times. */
const repeated = (fields: string[], parser = new RequestParser(LIMITS)): number[] =>
  Array.from({ length: TIMES }, () => get(IN_MEMORY, fields, parser).status);

test.each<[what: string, fields: (tag: string) => string[], status: number]>([
  ['its own tag', (tag) => [`If-None-Match: ${tag}`], 304],
  ['its own tag in a list', (tag) => [`If-None-Match: "x", ${tag}`], 304],
  ['another tag', () => ['If-None-Match: "x"'], 200],
  ['its own tag and a range', (tag) => [`If-None-Match: ${tag}`, 'Range: bytes=0-1'], 304],
  ['another tag and a range', () => ['If-None-Match: "x"', 'Range: bytes=0-1'], 206],
  ['its own tag, and another in If-Match', (tag) => [`If-None-Match: ${tag}`, 'If-Match: "x"'], 412],
])('a repeated request with %s gets the same status each time', (_, fields, status) => {
  expect(repeated(fields(tagOf(IN_MEMORY)))).toEqual(Array(TIMES).fill(status));
});

test('a known If-None-Match does not match another file', () => {
  const fields = [`If-None-Match: ${tagOf(IN_MEMORY)}`];
  const parser = new RequestParser(LIMITS);
  expect(repeated(fields, parser)).toEqual(Array(TIMES).fill(304));
  expect(get(OTHER, fields, parser).status).toBe(200);
});

test('a known If-None-Match does not match the same file after a change', async () => {
  const fields = [`If-None-Match: ${tagOf(IN_MEMORY)}`];
  const parser = new RequestParser(LIMITS);
  expect(repeated(fields, parser)).toEqual(Array(TIMES).fill(304));
  writeFileSync(join(site.root, IN_MEMORY), 'changed');
  await settled();
  expect(get(IN_MEMORY, fields, parser, 10_000).status).toBe(200);
});
