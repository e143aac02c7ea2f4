import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServeOptions } from '../../src/index.js';
import { handling } from '../support/handling.js';
import { exchange, request } from '../support/raw-client.js';
import { makeSite, type Site } from '../support/site.js';

const { start } = handling();
let site: Site;

beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.remove());

const ALL = 'GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH';
const FILES = 'GET, HEAD, OPTIONS';
const NONE = undefined as never;
const SERVERS: [string, () => Partial<ServeOptions>][] = [
  ['files alone', () => ({ root: site.root, fetch: NONE })],
  ['a handler', () => ({})],
  ['both', () => ({ root: site.root })],
  ['both, the handler first', () => ({ root: site.root, fetchFirst: true })],
];

/** For each method: whether it reaches the handler, else the status; and `Allow` where it does not. */
const handlerGets = 'the handler';
const METHODS: [
  method: string,
  target: string,
  files: [number, string | null],
  others: 'the handler' | [number, string | null],
][] = [
  ...[
    'PROPFIND',
    'REPORT',
    'PURGE',
    'QUERY',
    'MKCOL',
    'propfind',
    'patch',
    'M-SEARCH',
    "!#$%&'*+-.^_`|~",
    'X'.repeat(32),
  ].map((method) => [method, '/new', [501, null], handlerGets] as never),
  ...['POST', 'PUT', 'DELETE', 'PATCH'].map((method) => [method, '/new', [405, FILES], handlerGets] as never),
  ['OPTIONS', '/new', [204, FILES], handlerGets],
  ['OPTIONS', '*', [204, FILES], [204, ALL]],
  ['TRACE', '/new', [405, FILES], [405, ALL]],
  ['PROPFIND', '*', [501, null], [400, null]],
  // Request cannot have these, or changes them into others.
  ...['CONNECT', 'TRACK', 'get', 'Head', 'post', 'PRI', 'X'.repeat(33)].map(
    (method) => [method, '/new', [501, null], [501, null]] as never,
  ),
];

describe.each(SERVERS)('%s', (name, options) => {
  test.each(METHODS)('%s %s', async (method, target, files, others) => {
    const expected = name === 'files alone' ? files : others;
    const server = start(async (asked) => {
      const copy = new Request(asked); // Node's own class takes it too
      return Response.json([asked.method, copy.method, await copy.text()]);
    }, options() as never);
    for (const body of ['', 'Hello']) {
      const fields = body === '' ? [] : ['Content-Length: 5'];
      const response = await exchange(server.port, request(target, fields, method) + body);
      if (expected === handlerGets) {
        expect(response.status).toBe(200);
        expect(JSON.parse(response.body.toString())).toEqual([method, method, body]);
      } else expect([response.status, response.field('Allow')]).toEqual(expected);
    }
  });
});
