import type { ServeOptions } from '../../../src/index.js';
import { type Row, servingFiles } from '../../support/rows.js';

const serving = servingFiles(
  {
    'data.json': '{}\n',
    'page.html': 'page\n',
    'page.html.br': 'packed\n',
    'dir/index.html': 'dir\n',
    'bare/x.txt': 'x\n',
    'app.html': 'app\n',
  },
  { redirects: [{ from: '/moved', to: '/data.json' }] },
);

const A = 'Origin: https://a.example';
const B = 'Origin: https://b.example:8443';
const OTHER = 'Origin: https://evil.example';
const GET = 'Access-Control-Request-Method: GET';

const NO_CORS = {
  'Access-Control-Allow-Origin': null,
  'Access-Control-Allow-Credentials': null,
  'Access-Control-Expose-Headers': null,
};

serving('no CORS by default', {}, [
  ['GET /data.json', [A], 200, { ...NO_CORS, Vary: null }],
  ['OPTIONS /data.json', [A, GET], 204, { ...NO_CORS, Allow: 'GET, HEAD, OPTIONS' }],
]);

const PARTS = 'Content-Range, ETag, Accept-Ranges, Content-Length';
const READS = 'Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since';
const ANY_ORIGIN = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': `${PARTS}, X-Total`,
};

serving('any origin', { cors: { origins: '*', exposeHeaders: ['etag', 'X-Total'] } }, [
  // The same for every origin, so that a cache can store one response: no Vary.
  ['GET /data.json', [], 200, { ...ANY_ORIGIN, Vary: null }],
  ['GET /data.json', [A], 200, { ...ANY_ORIGIN, Vary: null }],
  ['GET /data.json', ['Origin: null'], 200, ANY_ORIGIN],
  ['GET /page.html', [A, 'Accept-Encoding: br'], 200, { ...ANY_ORIGIN, Vary: 'Accept-Encoding' }, 'packed\n'],
  ['GET /data.json', [A, 'If-None-Match: *'], 304, ANY_ORIGIN],
  ['GET /data.json', [A, 'Range: bytes=0-0'], 206, ANY_ORIGIN],
  ['GET /data.json', [A, 'Range: bytes=9-'], 416, ANY_ORIGIN],
  ['GET /data.json', [A, 'If-Match: "x"'], 412, ANY_ORIGIN],
  ['GET /page.html', [A, 'Accept-Encoding: *;q=0'], 406, { ...ANY_ORIGIN, Vary: 'Accept-Encoding' }],
  // Browsers check redirects and error responses too, Fetch section 4.4.
  ['GET /dir', [A], 301, { ...ANY_ORIGIN, Location: '/dir/' }],
  ['GET /moved', [A], 308, { ...ANY_ORIGIN, Location: '/data.json' }],
  ['GET /nothing', [A], 404, ANY_ORIGIN],
  ['GET /nothing', [], 404, ANY_ORIGIN],
  ['OPTIONS /data.json', [], 204, { Allow: 'GET, HEAD, OPTIONS' }],
  [
    'OPTIONS /data.json',
    [A, GET],
    204,
    {
      ...ANY_ORIGIN,
      'Access-Control-Allow-Methods': 'GET, HEAD',
      'Access-Control-Max-Age': '600',
      'Access-Control-Expose-Headers': null,
    },
  ],
  // A preflight does not depend on whether the file exists.
  ['OPTIONS /nothing', [A, GET], 204, { 'Access-Control-Allow-Origin': '*' }],
]);

const LISTED = (origin: string) => ({
  'Access-Control-Allow-Origin': origin.slice('Origin: '.length),
  'Access-Control-Allow-Credentials': 'true',
  Vary: 'Origin',
});
const UNLISTED = { ...NO_CORS, Vary: 'Origin' };

const LIST: Partial<ServeOptions> = {
  directoryListing: true,
  cors: {
    origins: ['https://a.example', 'https://b.example:8443'],
    methods: ['GET', 'HEAD', 'PUT'],
    headers: ['X-Token', 'Content-Type'],
    credentials: true,
    maxAgeSeconds: 0,
  },
};

const LIST_ROWS: Row[] = [
  ['GET /data.json', [A], 200, LISTED(A), '{}\n'],
  ['GET /data.json', [B], 200, LISTED(B), '{}\n'],
  // Other origins get the response without CORS fields, and Vary: Origin for caches.
  ['GET /data.json', [], 200, UNLISTED, '{}\n'],
  ['GET /data.json', [OTHER], 200, UNLISTED, '{}\n'],
  ['GET /data.json', ['Origin: null'], 200, UNLISTED],
  ['GET /data.json', ['Origin: http://a.example'], 200, UNLISTED],
  ['GET /data.json', ['Origin: https://a.example.evil.example'], 200, UNLISTED],
  ['GET /data.json', ['Origin: https://a.example:443'], 200, UNLISTED],
  ['GET /data.json', ['Origin: https://b.example'], 200, UNLISTED],
  ['GET /data.json', [A, 'If-None-Match: *'], 304, LISTED(A)],
  ['GET /data.json', ['If-None-Match: *'], 304, UNLISTED],
  ['GET /data.json', [A, 'Range: bytes=0-0'], 206, LISTED(A)],
  ['GET /data.json', [A, 'Range: bytes=9-'], 416, LISTED(A)],
  ['GET /data.json', [A, 'If-Match: "x"'], 412, LISTED(A)],
  // Vary keeps its other fields.
  ['GET /page.html', [], 200, { Vary: 'Origin, Accept-Encoding' }],
  ['GET /page.html', [A], 200, { ...LISTED(A), Vary: /^(?=.*\bOrigin\b)(?=.*\bAccept-Encoding\b)/ }],
  ['GET /page.html', [A, 'Accept-Encoding: br'], 200, { 'Content-Encoding': 'br', Vary: /Accept-Encoding/ }],
  [
    'GET /page.html',
    [OTHER, 'If-None-Match: *'],
    304,
    { ...NO_CORS, Vary: /^(?=.*\bOrigin\b)(?=.*\bAccept-Encoding\b)/ },
  ],
  [
    'GET /page.html',
    [A, 'Accept-Encoding: *;q=0'],
    406,
    { ...LISTED(A), Vary: /^(?=.*\bOrigin\b)(?=.*\bAccept-Encoding\b)/ },
  ],
  ['GET /bare/', [A], 200, { ...LISTED(A), Vary: /^(?=.*\bOrigin\b)(?=.*\bAccept\b)/ }],
  // Redirects and error responses.
  ['GET /dir', [A], 301, { ...LISTED(A), Location: '/dir/' }],
  ['GET /dir', [], 301, UNLISTED],
  ['GET /moved', [A], 308, { ...LISTED(A), Location: '/data.json' }],
  ['GET /moved', [OTHER], 308, UNLISTED],
  ['GET /nothing', [A], 404, { ...LISTED(A), Vary: 'Origin, Accept' }],
  ['GET /nothing', [], 404, { ...UNLISTED, Vary: 'Origin, Accept' }],
  ['GET /nothing', [OTHER], 404, { ...UNLISTED, Vary: 'Origin, Accept' }],
  ['GET /nothing', [A, 'Accept: text/html'], 404, { ...LISTED(A), Vary: 'Origin, Accept' }, /^<!doctype html>/],
  ['GET /.hidden', [A], 404, { ...LISTED(A), Vary: 'Origin, Accept' }],
  // Preflights.
  [
    'OPTIONS /data.json',
    [A, 'Access-Control-Request-Method: PUT', 'Access-Control-Request-Headers: x-token'],
    204,
    {
      ...LISTED(A),
      'Access-Control-Allow-Methods': 'GET, HEAD, PUT',
      'Access-Control-Allow-Headers': `${READS}, X-Token, Content-Type`,
      'Access-Control-Max-Age': '0',
    },
  ],
  ['OPTIONS /data.json', [A, GET], 204, { ...LISTED(A), 'Access-Control-Allow-Headers': null }],
  ['OPTIONS /data.json', [OTHER, GET], 204, { ...NO_CORS, 'Access-Control-Allow-Methods': null }],
  ['OPTIONS /data.json', [A], 204, { ...NO_CORS, Allow: 'GET, HEAD, OPTIONS' }],
  ['OPTIONS /data.json', [GET], 204, { ...NO_CORS, Allow: 'GET, HEAD, OPTIONS' }],
  ['OPTIONS *', [A, GET], 204],
  ['PUT /data.json', [A], 405],
];

serving('a reader of parts, any origin', { cors: { origins: '*' } }, [
  [
    'OPTIONS /data.json',
    [A, GET, 'Access-Control-Request-Headers: if-match,range'],
    204,
    { 'Access-Control-Allow-Headers': READS, 'Access-Control-Allow-Methods': 'GET, HEAD' },
  ],
  [
    'GET /data.json',
    [A, 'Range: bytes=0-1'],
    206,
    { 'Access-Control-Expose-Headers': PARTS, 'Content-Range': 'bytes 0-1/3', 'Accept-Ranges': 'bytes' },
  ],
]);
serving('fields of any name may be read', { cors: { origins: '*', exposeHeaders: ['*'] } }, [
  ['GET /data.json', [A], 200, { 'Access-Control-Expose-Headers': '*' }],
]);

serving('a list of origins', LIST, LIST_ROWS);

// Uncached responses are built by another code path, with the same fields, each once.
serving('a list of origins, without a cache', { ...LIST, limits: { cacheBytes: 0 } }, LIST_ROWS);
serving(
  'a list of origins, without a cache and with every file sent by descriptor',
  { ...LIST, limits: { cacheBytes: 0, maxCachedFileBytes: 0 } },
  LIST_ROWS,
);

serving('wildcard methods and headers', { cors: { origins: '*', methods: ['*'], headers: ['*'] } }, [
  [
    'OPTIONS /data.json',
    [A, 'Access-Control-Request-Method: PATCH', 'Access-Control-Request-Headers: authorization, x-y'],
    204,
    { 'Access-Control-Allow-Methods': 'PATCH', 'Access-Control-Allow-Headers': 'authorization, x-y' },
  ],
  [
    'OPTIONS /data.json',
    [
      A,
      'Access-Control-Request-Method: GET',
      'Access-Control-Request-Headers: a',
      'Access-Control-Request-Headers: b c, d',
    ],
    204,
    { 'Access-Control-Allow-Headers': 'a, d' },
  ],
]);

serving('a fallback with a list of origins', { fallback: 'app.html', cors: { origins: ['https://a.example'] } }, [
  [
    'GET /route',
    [A, 'Accept: text/html'],
    200,
    { Vary: /^(?=.*\bOrigin\b)(?=.*\bAccept\b)/, 'Access-Control-Allow-Origin': 'https://a.example' },
  ],
  ['GET /route', ['Accept: text/html'], 200, { ...NO_CORS, Vary: /^(?=.*\bOrigin\b)(?=.*\bAccept\b)/ }, 'app\n'],
  [
    'GET /route',
    [A, 'Accept: application/json'],
    404,
    { Vary: /^(?=.*\bOrigin\b)(?=.*\bAccept\b)/, 'Access-Control-Allow-Origin': 'https://a.example' },
  ],
]);
