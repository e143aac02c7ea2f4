import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { exchange, request } from '../../support/raw-client.js';
import { checkRow, type Row, testRows } from '../../support/rows.js';

let directory: TestDirectory;
let server: Server;

beforeAll(async () => {
  directory = makeDirectory({
    'index.html': 'front\n',
    'taken.txt': 'a file at a redirected path\n',
    'blog/index.html': 'blog\n',
    'new/index.html': 'new\n',
    '404.html': 'not here\n',
  });
  await settled();
  server = serve({
    root: directory.root,
    port: 0,
    redirects: [
      { from: '/old', to: '/new/' },
      { from: '/old/', to: '/new/?slash' },
      { from: '/taken.txt', to: '/new/taken.txt', status: 301 },
      { from: '/for-now', to: '/new/', status: 302 },
      { from: '/see', to: '/new/', status: 303 },
      { from: '/same', to: '/new/', status: 307 },
      { from: '/docs/*', to: '/manual/:splat' },
      { from: '/users/:id/photos/:photo', to: '/u/:id?photo=:photo' },
      { from: '/away', to: 'https://www.example.org/place?x=1#part' },
      { from: '/far/*', to: 'https://www.example.org/:splat' },
      { from: '/fragment', to: '/new/#part' },
      { from: '/{a,b}/**', to: '/letters' },
      { from: '/ünï', to: '/straße' },
      { from: '/with space', to: '/new/' },
      { from: '/root/*', to: '/:splat' },
      { from: '/*.php', to: '/:splat' },
    ],
  });
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const to = (Location: string) => ({ Location, 'Cache-Control': 'no-cache', ETag: null });

const ROWS: Row[] = [
  ['GET /old', [], 308, to('/new/')],
  ['GET /old?a=b&c', [], 308, to('/new/?a=b&c')],
  ['GET /old?', [], 308, to('/new/')],
  ['GET /old?x=//evil.example', [], 308, to('/new/?x=//evil.example')],
  ['GET /old?\xe9"<', [], 308, { Location: /^\/new\/\?%E9["<%2C3]+$/ }],
  ['GET /old/', [], 308, to('/new/?slash')],
  ['GET /old/?a', [], 308, to('/new/?slash')], // a target with a query keeps its own
  ['GET /taken.txt', [], 301, to('/new/taken.txt')],
  ['GET /for-now', [], 302, to('/new/')],
  ['GET /see', [], 303, to('/new/')],
  ['GET /same', [], 307, to('/new/')],
  // Paths are normalised before they are matched.
  ['GET //old', [], 308, to('/new/')],
  ['GET /%6fld', [], 308, to('/new/')],
  ['GET http://a/old?q', [], 308, to('/new/?q')],
  ['GET /%C3%BCn%c3%af', [], 308, to('/stra%C3%9Fe')],
  ['GET /\xc3\xbcn\xc3\xaf', [], 308, to('/stra%C3%9Fe')],
  ['GET /with%20space', [], 308, to('/new/')],
  ['GET /OLD', [], 404],
  ['GET /older', [], 404],
  // Placeholders and splats.
  ['GET /docs/a/b.html', [], 308, to('/manual/a/b.html')],
  ['GET /docs/a/b.html?x', [], 308, to('/manual/a/b.html?x')],
  ['GET /docs/', [], 308, to('/manual/')],
  ['GET /docs', [], 308, to('/manual/')],
  ['GET /docs/a%20b/%C3%BC', [], 308, to('/manual/a%20b/%C3%BC')],
  ['GET /docs/a%2Fb', [], 308, to('/manual/a%2Fb')],
  ['GET /docs/a%3Fb%23c', [], 308, to('/manual/a%3Fb%23c')],
  ['GET /users/7/photos/a%26b', [], 308, to('/u/7?photo=a%26b')],
  ['GET /users/7/photos/a/b', [], 404],
  ['GET /users//photos/x', [], 404],
  ['GET /a/b/c', [], 308, to('/letters')],
  // The host is the one of the rule, whatever the request contains.
  ['GET /away', [], 308, to('https://www.example.org/place?x=1#part')],
  ['GET /far/x?q', [], 308, to('https://www.example.org/x?q')],
  ['GET /far/@evil.example', [], 308, { Location: /^https:\/\/www\.example\.org\// }],
  ['GET /far//evil.example', [], 308, { Location: /^https:\/\/www\.example\.org\// }],
  ['GET /root//evil.example', [], 308, to('/evil.example')],
  ['GET /root/%2Fevil.example', [], 308, to('/%2Fevil.example')],
  ['GET /root/%5Cevil.example', [], 308, to('/%5Cevil.example')],
  ['GET /root/\\evil.example', [], 308, to('/%5Cevil.example')],
  ['GET /root/', [], 308, to('/')],
  ['GET /%0d%0aX:%20y.php', [], 308, to('/%0D%0AX%3A%20y')],
  ['GET /fragment?q', [], 308, to('/new/?q#part')],
  // Dot segments are rejected.
  ['GET /docs/../old', [], 404],
  ['GET /docs/%2e%2e/%2e%2e/x', [], 404],
  // Preconditions and ranges do not apply to a redirect, RFC 9110 section 13.2.1.
  ['GET /taken.txt', ['If-None-Match: *'], 301, to('/new/taken.txt')],
  ['GET /old', ['Range: bytes=0-1'], 308, to('/new/')],
  // Other methods are not redirected.
  ['POST /old', [], 405, { Location: null }],
  ['OPTIONS /old', [], 204, { Location: null }],
  // Other paths are served as usual.
  ['GET /', [], 200, { Location: null }, 'front\n'],
  ['GET /new/', [], 200, { Location: null }, 'new\n'],
];

testRows(
  ROWS,
  () => server.port,
  undefined,
  (response) => {
    const location = response.field('Location');
    if (location === null) return;
    expect(['here.example', 'www.example.org']).toContain(new URL(location, 'http://here.example/x/').host);
    expect(location).toMatch(/^[\x21-\x7e]+$/);
  },
);

test('a redirect and a file of the same path are not confused in the cache', async () => {
  for (let round = 0; round < 3; round++) {
    await checkRow(server.port, ['GET /taken.txt', [], 301, to('/new/taken.txt')]);
    await checkRow(server.port, ['GET /taken.txt?x', [], 301, to('/new/taken.txt?x')]);
  }
});

test('a redirect of the root applies to a target without a path, before and after other requests', async () => {
  directory.write('listed/a.txt', 'a\n');
  const redirects = [{ from: '/', to: '/home/' }];
  const listed = serve({ root: directory.path('listed'), port: 0, directoryListing: true, redirects });
  for (const target of ['/', 'http://a', 'http://a/', '/', '//']) {
    const { status, head } = await exchange(listed.port, request(target));
    expect([target, status, head.includes('Location: /home/')]).toEqual([target, 308, true]);
  }
  await listed.stop({ force: true });
});
