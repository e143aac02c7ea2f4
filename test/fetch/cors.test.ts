import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { describe, expect, test } from 'vitest';
import type { ServeOptions, Server } from '../../src/index.js';
import { countDescriptors } from '../support/descriptors.js';
import { makeDirectory, settled } from '../support/directory.js';
import { handling } from '../support/handling.js';
import { exchange, request } from '../support/raw-client.js';
import { checkRow, type Row } from '../support/rows.js';
import { KIB } from '../support/site.js';

const { start } = handling();

const ORIGIN = 'Origin: https://a.example';
const asks = (method: string): string[] => [ORIGIN, `Access-Control-Request-Method: ${method}`];

const BY_FILES = { 'Access-Control-Allow-Methods': 'GET, HEAD', 'Access-Control-Max-Age': '600' };
const BY_APP = { 'Access-Control-Allow-Methods': 'POST,DELETE', 'Access-Control-Max-Age': '7' };

/** An app with CORS of its own. */
function appOf(): Hono {
  const app = new Hono();
  app.use('*', cors({ origin: 'https://a.example', allowMethods: ['POST', 'DELETE'], maxAge: 7 }));
  app.post('/api', (context) => context.text('posted'));
  return app;
}

const startApp = (root: string, options: Partial<ServeOptions> = {}): Server => {
  const app = appOf();
  return start((asked) => app.fetch(asked), { root, cors: { origins: '*' }, ...options });
};

describe.each<[what: string, options: Partial<ServeOptions>]>([
  ['kept', {}],
  ['not kept', { limits: { cacheBytes: 0, maxCachedFileBytes: 0 } }],
])('the one that would respond to a request responds to its preflight; files are %s', (_, options) => {
  const ROWS: Row[] = [
    ['OPTIONS /api', asks('POST'), 204, BY_APP],
    ['OPTIONS /api', asks('GET'), 204, BY_APP],
    ['OPTIONS /data.json', asks('GET'), 204, BY_FILES],
    ['OPTIONS /data.json', asks('HEAD'), 204, BY_FILES],
    ['OPTIONS /data.json', [...asks('GET'), 'If-None-Match: *', 'Range: bytes=0-1'], 204, BY_FILES],
    ['OPTIONS /moved', asks('GET'), 204, BY_FILES],
    ['OPTIONS /directory', asks('GET'), 204, BY_FILES],
    // Every method except GET and HEAD is the handler's, even for a file.
    ['OPTIONS /data.json', asks('POST'), 204, BY_APP],
    ['OPTIONS /data.json', asks('get'), 204, BY_APP],
    ['OPTIONS /.hidden', asks('GET'), 204, BY_APP],
    ['OPTIONS /data.json', [ORIGIN], 204, BY_APP],
    ['POST /api', [ORIGIN], 200, { 'Access-Control-Allow-Origin': 'https://a.example' }, 'posted'],
    ['GET /data.json', [ORIGIN], 200, { 'Access-Control-Allow-Origin': '*' }],
  ];

  test('as the table shows', async () => {
    using directory = makeDirectory({ 'data.json': '{}'.padEnd(100 * KIB), 'directory/index.html': 'directory' });
    await settled();
    const server = startApp(directory.root, { ...options, redirects: [{ from: '/moved', to: '/data.json' }] });
    for (const row of ROWS) await checkRow(server.port, row);
  });

  test('without leaving a descriptor open', async () => {
    using directory = makeDirectory({ 'data.json': '{}'.padEnd(100 * KIB) });
    await settled();
    const server = startApp(directory.root, options);
    const preflight = request('/data.json', asks('GET'), 'OPTIONS');
    await exchange(server.port, preflight);
    const before = countDescriptors();
    for (let round = 0; round < 20; round++) await exchange(server.port, preflight);
    expect(countDescriptors()).toBeLessThanOrEqual(before + 1);
  });
});

test('a handler with fetchFirst is called for every preflight', async () => {
  using directory = makeDirectory({ 'data.json': '{}' });
  const server = startApp(directory.root, { fetchFirst: true });
  await checkRow(server.port, ['OPTIONS /data.json', asks('GET'), 204, BY_APP]);
});
