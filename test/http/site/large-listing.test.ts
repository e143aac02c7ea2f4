import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { RawClient, request } from '../../support/raw-client.js';

/** More than is listed at once, and as few as possible. */
const FILES = 4000;
let directory: TestDirectory;
/** How many times the names of a directory were read to their end. */
let scans = 0;
const kernel = kernelWith({}, { getdents64: (_, result) => (scans += result === 0 ? 1 : 0) });

beforeAll(async () => {
  directory = makeDirectory({ 'small.txt': 'small\n' });
  mkdirSync(join(directory.root, 'many'));
  for (let i = 0; i < FILES; i++) writeFileSync(join(directory.root, 'many', `file-${i}.txt`), '');
  await settled();
});
afterAll(() => directory[Symbol.dispose]());

const open = (options: Partial<ServeOptions> = {}): Server =>
  serve({ root: directory.root, port: 0, directoryListing: true, kernel, ...options });
const LISTING = request('/many/', ['Accept: application/json']);
const namesOf = (body: Buffer): string[] => (JSON.parse(body.toString()) as { name: string }[]).map(({ name }) => name);
const add = (name: string): void => writeFileSync(join(directory.root, 'many', name), '');

beforeEach(() => {
  scans = 0;
});

describe.each<[string, Partial<ServeOptions>]>([
  ['watched', {}],
  ['polled', { limits: { maxWatches: 0, revalidateMs: 0 } }],
  ['without a cache', { limits: { cacheBytes: 0 } }],
  ['after a handler', { fetch: () => new Response('handler', { status: 404 }) }],
  ['after a handler that is called first', { fetch: () => new Response('handler', { status: 404 }), fetchFirst: true }],
])('a large listing, %s', (_, options) => {
  test('does not hold up other clients', async () => {
    await using server = open(options);
    using slow = await RawClient.connect(server.port);
    using quick = await RawClient.connect(server.port);
    const order: string[] = [];
    slow.send(LISTING);
    quick.send(request('/small.txt'));
    const [listing] = await Promise.all([
      slow.response().then((response) => {
        order.push('listing');
        return response;
      }),
      quick.response().then(({ status }) => order.push(`small ${status}`)),
    ]);
    expect(order).toEqual(['small 200', 'listing']);
    expect([listing.status, namesOf(listing.body).length]).toEqual([200, FILES]);
  });

  test('has what changed while it was being made, for requests after the change', async () => {
    await using server = open(options);
    using first = await RawClient.connect(server.port);
    using second = await RawClient.connect(server.port);
    first.send(LISTING);
    first.send(request('/small.txt')); // its response is after that of the listing
    using probe = await RawClient.connect(server.port);
    probe.send(request('/small.txt'));
    await probe.response();
    add('later.txt');
    try {
      second.send(LISTING);
      const listings = await Promise.all([first.response(), second.response()]);
      expect(listings.map(({ status }) => status)).toEqual([200, 200]);
      expect(namesOf(listings[1]!.body)).toContain('later.txt');
      expect((await first.response()).body.toString()).toBe('small\n');
      second.send(LISTING);
      expect(namesOf((await second.response()).body)).toContain('later.txt');
    } finally {
      rmSync(join(directory.root, 'many', 'later.txt'));
      await settled();
    }
  });
});

test('a large listing is read once for all who wait, in every form, and cached', async () => {
  await using server = open({ cors: { origins: ['https://a.example'] } });
  const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.connect(server.port)));
  clients[0]!.send(LISTING);
  clients[1]!.send(request('/many/', ['Accept: text/html']));
  clients[2]!.send(request('/many/', ['Accept: application/json'], 'HEAD'));
  clients[3]!.send(request('/many/?sort=name&order=desc', ['Accept: application/json', 'Origin: https://a.example']));
  const [json, html, head, reversed] = await Promise.all(
    clients.map((client, at) => client.response(at === 2 ? 'HEAD' : 'GET')),
  );
  expect(scans).toBe(1);
  expect(html!.body.toString()).toMatch(/^<!doctype html>[\s\S]*4,000 files/);
  expect(head!.field('ETag')).toBe(json!.field('ETag'));
  expect(head!.field('Content-Length')).toBe(`${json!.body.length}`);
  expect(namesOf(reversed!.body)).toEqual(namesOf(json!.body).reverse());
  expect(reversed!.field('Access-Control-Allow-Origin')).toBe('https://a.example');
  clients[0]!.send(request('/many/', ['Accept: application/json', `If-None-Match: ${json!.field('ETag')}`]));
  expect((await clients[0]!.response()).status).toBe(304);
  expect(scans).toBe(1);
  for (const client of clients) client[Symbol.dispose]();
});

test.each<[string, (server: Server) => unknown]>([
  ['its client leaves', () => {}],
  ['the server stops', (server) => server.stop({ force: true })],
])('a large listing ends when %s', async (_, end) => {
  await using server = open();
  const client = await RawClient.connect(server.port);
  client.send(LISTING);
  using probe = await RawClient.connect(server.port);
  probe.send(request('/small.txt'));
  await probe.response();
  client[Symbol.dispose]();
  await end(server);
});

test('a large listing begins anew when its root is switched', async () => {
  using own = makeDirectory({});
  const other = join(own.root, 'other');
  mkdirSync(join(other, 'many'), { recursive: true });
  writeFileSync(join(other, 'many', 'only.txt'), '');
  const root = join(own.root, 'current');
  symlinkSync(directory.root, root);
  await settled();
  await using server = open({ root });
  using client = await RawClient.connect(server.port);
  using probe = await RawClient.connect(server.port);
  client.send(LISTING);
  probe.send(request('/small.txt'));
  await probe.response();
  symlinkSync(other, join(own.root, 'new'));
  renameSync(join(own.root, 'new'), root);
  probe.send(LISTING);
  expect(namesOf((await probe.response()).body)).toEqual(['only.txt']);
  expect((await client.response()).status).toBe(200);
});
