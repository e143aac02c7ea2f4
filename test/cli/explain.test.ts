import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../src/explain/explain.js';
import type { ServeOptions } from '../../src/server/options.js';
import { serve } from '../../src/server/server.js';
import { run } from '../support/command.js';
import { ask, CORS, directory, HTML, LARGE, RULES, root, testExplained } from '../support/explained.js';
import { RawClient, request, withoutDate } from '../support/raw-client.js';

testExplained();

const REQUESTS: [target: string, fields: string[], options: Partial<ServeOptions>, method?: string][] = [
  ['/', [], {}],
  ['/', [], {}, 'HEAD'],
  ['/', [], {}, 'OPTIONS'],
  ['*', [], {}, 'OPTIONS'],
  ['/?a=b', ['Connection: close'], {}],
  ['/app.js', ['Accept-Encoding: br, gzip'], {}],
  ['/app.js', ['Accept-Encoding: gzip;q=0, identity;q=0'], {}],
  ['/app.js', ['Accept-Encoding: gzip'], { precompressed: false }],
  ['/app.js', ['Accept-Encoding: gzip'], { etag: 'content' }],
  ['/app.js', ['Range: bytes=0-9'], {}],
  ['/app.js', ['Range: bytes=0-9'], LARGE],
  ['/app.js', ['Range: bytes=9999-'], {}],
  ['/app.js', ['If-None-Match: *'], {}],
  ['/app.js', ['If-Match: "x"'], {}],
  ['/app.js', [], { securityHeaders: true, cacheControl: [{ match: '*.js', value: 'max-age=7' }] }],
  ['/app.js', [], { headers: [{ match: '*', set: { 'X-A': '1', 'Cache-Control': '' } }] }],
  ['/app.js', ['Origin: https://a.example'], CORS],
  ['/app.js', ['Origin: https://b.example'], CORS],
  ['/app.js', ['Origin: https://b.example'], { cors: { origins: '*' } }],
  ['/app.js', ['Origin: https://a.example', 'Access-Control-Request-Method: GET'], CORS, 'OPTIONS'],
  ['/big.bin', [], {}],
  ['/big.bin', [], { etag: 'content' }],
  ['/docs', [], {}],
  ['/docs/', [], {}],
  ['/docs/', [], { directoryListing: true }],
  ['/docs/', ['Accept: application/json'], { directoryListing: true }],
  ['/about', [], { cleanUrls: true }],
  ['/about.html?x', [], { cleanUrls: true }],
  ['/old/1?q', [], RULES],
  ['/missing', [], {}],
  ['/nowhere/', [HTML], { directoryListing: true, fallback: 'index.html' }],
  ['/missing', [HTML], { fallback: 'index.html' }],
  ['/missing.png', [HTML], { fallback: 'index.html' }],
  ['/out', [], {}],
  ['/documentation/a.txt', [], { symlinks: 'deny' }],
  ['/documentation/a.txt', [], {}],
  ['/.git/config', [], {}],
  ['/%zz', [], {}],
  ['/x', ['Host: again'], {}],
  ['/', [], { hosts: { a: { root: '@b' } } }],
];

test.each(REQUESTS)(
  'explain has the head that the server sends: %s %j %j %s',
  async (target, fields, options, method = 'GET') => {
    const hosts = options.hosts === undefined ? {} : { a: { root: join(directory, 'b') } };
    const head = request(target, fields, method);
    const its = ask(head, { ...options, hosts });
    await using server = serve({ root, ...options, hosts, port: 0, hostname: '127.0.0.1' });
    using client = await RawClient.connect(server.port);
    const response = await client.send(head).response(method);
    const lines = [`HTTP/1.1 ${its.status} ${its.reason}`, ...its.fields.map(({ name, value }) => `${name}: ${value}`)];
    expect(withoutDate(`${lines.join('\r\n')}\r\n\r\n`)).toBe(withoutDate(response.head));
    for (const { name, reason } of its.fields) expect(reason, name).toMatch(/^\S.*\S$/);
  },
);

describe('epollet explain', () => {
  const WITHOUT_TIMES = /\d{4}-[^ ]*Z|[A-Z][a-z]{2}, [^ ]* [^ ]* [^ ]* [^ ]* GMT|"\w+"/g;

  test('prints text', async () => {
    const ended = await run([
      'explain',
      'http://b.example:80/x/../?q=ü',
      root,
      '-H',
      'Accept-Encoding: br',
      '--vhost',
      `b.example=${root}`,
    ]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.replace(WITHOUT_TIMES, '*').split('\n').slice(0, 6)).toEqual([
      'GET /x/../?q=%C3%BC',
      'host            b.example:80: has its own site',
      `root            ${root}, which is ${join(directory, 'r42')}`,
      'path            /x/../, query ?q=%C3%BC',
      'resolved        none: a segment begins with a dot, and only /.well-known/ may',
      'error-page      404.html, 17 bytes, modified *',
    ]);
  });

  test('prints JSON', async () => {
    const ended = await run(['explain', '/', root, '--json', '--method', 'HEAD', '--etag', 'content', '-H', 'Host: h']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const expected = ask(request('/', [], 'HEAD').replace('Host: a', 'Host: h'), { etag: 'content' });
    const without = ({ fields, ...its }: Explanation) => ({
      ...its,
      fields: fields.filter(({ name }) => name !== 'Date'),
    });
    expect(without(JSON.parse(ended.stdout))).toEqual(without(expected));
  });

  test.each<[args: string[], message: RegExp]>([
    [[], /missing required argument 'url'/],
    [['about'], /"about" is neither a path nor an http\(s\) URL/],
    [['/', '/no/such'], /The directory \/no\/such does not exist/],
    [['/', '.', '--method', 'POST'], /--method.*GET, HEAD, OPTIONS/],
    [['/', '.', '-H', 'nonsense'], /request field "nonsense" is not valid/],
  ])('%j is a usage error', async (args, message) => {
    const ended = await run(['explain', ...args]);
    expect({ ...ended, stderr: '' }).toEqual({ code: 2, signal: null, stdout: '', stderr: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).toMatch(/^epollet: [^\n]+\.\n$/);
  });
});
