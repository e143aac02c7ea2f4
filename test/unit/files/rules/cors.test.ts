import { describe, expect, test } from 'vitest';
import { Rules } from '../../../../src/files/rules/response-headers.js';
import { resolveSiteOptions, type SiteOptions } from '../../../../src/files/rules/site-options.js';

const rules = (options: SiteOptions): Rules => new Rules(resolveSiteOptions(options));

describe('CORS', () => {
  const OWN = 'https://a.example';
  const OTHER = 'https://b.example';
  const ANY = ['Access-Control-Allow-Origin', '*'];
  const VARY = ['Vary', 'Origin'];
  const ALLOWED = ['Access-Control-Allow-Origin', OWN];
  const CREDENTIALS = ['Access-Control-Allow-Credentials', 'true'];
  const PARTS = 'Content-Range, ETag, Accept-Ranges, Content-Length';
  const READS = 'Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since';
  const PARTS_ONLY = ['Access-Control-Expose-Headers', PARTS];
  const EXPOSE = ['Access-Control-Expose-Headers', `${PARTS}, X-A, X-B`];
  const exposeHeaders = ['X-A', 'X-B'];

  test.each<[cors: SiteOptions['cors'], origin: string | null, fields: string[][]]>([
    [null, OWN, []],
    [{ origins: '*' }, OWN, [ANY, PARTS_ONLY]],
    [{ origins: '*' }, null, [ANY, PARTS_ONLY]],
    [{ origins: '*', exposeHeaders: ['*'] }, null, [ANY, ['Access-Control-Expose-Headers', '*']]],
    [{ origins: '*', exposeHeaders: ['etag'] }, null, [ANY, PARTS_ONLY]],
    [{ origins: '*', exposeHeaders }, 'null', [ANY, EXPOSE]],
    [{ origins: [OWN] }, OWN, [ALLOWED, VARY, PARTS_ONLY]],
    [{ origins: [OTHER, OWN], credentials: true, exposeHeaders }, OWN, [ALLOWED, VARY, CREDENTIALS, EXPOSE]],
    [{ origins: [OWN], credentials: true, exposeHeaders }, OTHER, [VARY]],
    [{ origins: [OWN], exposeHeaders }, null, [VARY]],
    [{ origins: [OWN] }, `${OWN}.evil.org`, [VARY]],
    [{ origins: [OWN] }, 'null', [VARY]],
  ])('%j gives a response to %s', (cors, origin, fields) => {
    expect(rules({ cors: cors! }).corsFields(origin)).toEqual(fields);
  });

  const METHODS = ['Access-Control-Allow-Methods', 'GET, HEAD'];
  const AGE = ['Access-Control-Max-Age', '600'];

  test.each<[SiteOptions['cors'], string | null, string | null, string | null, string[][] | null]>([
    [null, OWN, 'GET', null, null],
    [{ origins: '*' }, null, 'GET', null, null],
    [{ origins: '*' }, OWN, null, null, null],
    [{ origins: [OWN] }, OTHER, 'GET', null, null],
    [{ origins: '*' }, OWN, 'GET', null, [ANY, METHODS, AGE]],
    [{ origins: '*' }, OWN, 'PUT', 'x-a', [ANY, METHODS, ['Access-Control-Allow-Headers', READS], AGE]],
    [{ origins: [OWN], credentials: true }, OWN, 'GET', null, [ALLOWED, VARY, CREDENTIALS, METHODS, AGE]],
    [
      { origins: '*', methods: ['PUT'], headers: ['X-A', 'X-B'], maxAgeSeconds: 0 },
      OWN,
      'PUT',
      'x-a',
      [
        ANY,
        ['Access-Control-Allow-Methods', 'PUT'],
        ['Access-Control-Allow-Headers', `${READS}, X-A, X-B`],
        ['Access-Control-Max-Age', '0'],
      ],
    ],
    [
      { origins: '*', methods: ['*'], headers: ['*'] },
      OWN,
      'PATCH',
      'authorization,x-a, b c,\r\nx: y',
      [ANY, ['Access-Control-Allow-Methods', 'PATCH'], ['Access-Control-Allow-Headers', 'authorization, x-a'], AGE],
    ],
  ])('%j and the preflight of %s for %s and %s', (cors, origin, method, headers, fields) => {
    expect(rules({ cors: cors! }).preflight(origin, method, headers)).toEqual(fields);
  });
});
