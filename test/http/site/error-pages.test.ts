import { describe, expect, test } from 'vitest';
import { type ServeOptions, serve } from '../../../src/index.js';
import { EIO, EMFILE } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { makeFolder, settled } from '../../support/folder.js';
import { exchange, type RawResponse, request } from '../../support/raw-client.js';
import { checkRow, type Row } from '../../support/rows.js';
import { KIB } from '../../support/site.js';

const HTML = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' };
/** Of a page that stands in for an answer: they would say something of the page. */
const NOT_OF_THE_PAGE = { ETag: null, 'Last-Modified': null, 'Accept-Ranges': null, 'Content-Encoding': null };
const PLAIN_404 = 'There is nothing at this address.\n';

/** A kernel that opens nothing while it is told to refuse. */
function refusingKernel(): { kernel: Kernel; refuse: (errno: number) => void } {
  let errno = 0;
  const real = kernelWith({});
  const kernel = kernelWith({ openat2: (...args) => (errno < 0 ? errno : real.openat2(...args)) });
  return {
    kernel,
    refuse: (with_) => {
      errno = with_;
    },
  };
}

test('404.html, with the status and the fields of a 404', async () => {
  using folder = makeFolder({
    '404.html': 'not here\n',
    '404.html.br': 'packed',
    'dir/404.html': 'of the folder\n',
    'hello.txt': 'hello\n',
  });
  await settled();
  await using server = serve({ root: folder.root, port: 0 });
  const page = { ...HTML, ...NOT_OF_THE_PAGE };
  const rows: Row[] = [
    ['GET /nowhere', [], 404, page, 'not here\n'],
    ['GET /nowhere', ['Accept: application/json'], 404, page, 'not here\n'],
    ['GET /nowhere', ['Accept-Encoding: br'], 404, page, 'not here\n'],
    ['GET /nowhere', ['If-None-Match: *'], 404, page, 'not here\n'],
    ['GET /nowhere', ['If-Match: "x"'], 404, page, 'not here\n'],
    ['GET /nowhere', ['Range: bytes=0-1'], 404, { ...page, 'Content-Range': null }, 'not here\n'],
    ['GET /dir/nowhere', [], 404, page, 'not here\n'],
    ['GET /dir/', [], 404, page, 'not here\n'],
    ['GET /.git/config', [], 404, page, 'not here\n'],
    ['GET /a%2Fb', [], 404, page, 'not here\n'],
    // By its own address it is a page as any other.
    ['GET /404.html', [], 200, { ETag: /^"/, 'Accept-Ranges': 'bytes' }, 'not here\n'],
    ['GET /404.html', ['Accept-Encoding: br'], 200, { 'Content-Encoding': 'br' }, 'packed'],
    // What is no 404 is none of its business.
    ['GET /%zz', [], 400, { 'Content-Type': 'text/plain; charset=utf-8' }],
    ['POST /nowhere', [], 405, { 'Content-Type': 'text/plain; charset=utf-8' }],
    ['GET /hello.txt', [], 200, {}, 'hello\n'],
  ];
  for (const row of rows) await checkRow(server.port, row);
});

describe.each([
  ['told by the kernel', {}],
  ['looked for', { limits: { revalidateMs: 0, maxWatches: 0 } }],
] satisfies [string, Partial<ServeOptions>][])('changes that are %s', (_, options) => {
  test('404.html is made, changed, grows large, shrinks and goes', async () => {
    using folder = makeFolder({ 'hello.txt': 'hello\n' });
    await using server = serve({ root: folder.root, port: 0, ...options });
    const seen = async (target = '/nowhere'): Promise<string> => {
      const answer = await exchange(server.port, request(target));
      expect(answer.status).toBe(404);
      return answer.body.toString();
    };
    expect(await seen()).toBe(PLAIN_404);
    for (const content of ['one\n', 'two two\n', 'l'.repeat(100 * KIB), 'm'.repeat(100 * KIB), 'small\n']) {
      folder.write('404.html', content);
      expect(await seen()).toBe(content);
      expect(await seen('/elsewhere')).toBe(content);
      await settled();
      expect(await seen()).toBe(content);
      expect(await seen('/.dot')).toBe(content);
    }
    folder.remove('404.html');
    expect(await seen()).toBe(PLAIN_404);
    folder.write('404.html', 'back\n');
    expect(await seen()).toBe('back\n');
  });

  test('50x.html is there when nothing can be opened, as it was last', async () => {
    using folder = makeFolder({ 'hello.txt': 'hello\n' });
    const { kernel, refuse } = refusingKernel();
    await using server = serve({ root: folder.root, port: 0, kernel, ...options });
    let asked = 0;
    const failing = async (errno: number): Promise<RawResponse> => {
      await exchange(server.port, request(`/before-${asked++}`)); // whatever is asked, it notes what has changed
      refuse(errno);
      const answer = await exchange(server.port, request(`/during-${asked++}`));
      refuse(0);
      expect((await exchange(server.port, request('/hello.txt'))).body.toString()).toBe('hello\n');
      return answer;
    };
    const without = await failing(EIO);
    expect([without.status, without.body.toString()]).toEqual([500, 'The file could not be read.\n']);
    for (const content of ['one\n', 'two two\n', 'l'.repeat(100 * KIB), 'm'.repeat(100 * KIB), 'small\n']) {
      folder.write('50x.html', content);
      await settled();
      for (const [errno, status, retryAfter] of [
        [EIO, 500, null],
        [EMFILE, 503, '1'],
      ] as const) {
        const answer = await failing(errno);
        expect([answer.status, answer.body.toString(), answer.field('Retry-After')]).toEqual([
          status,
          content,
          retryAfter,
        ]);
        for (const [name, value] of Object.entries({ ...HTML, ...NOT_OF_THE_PAGE }))
          expect(answer.field(name)).toBe(value);
      }
    }
    folder.remove('50x.html');
    expect((await failing(EIO)).body.toString()).toBe('The file could not be read.\n');
  });
});

test('pages that are hurt half-way are not remembered as missing', async () => {
  using folder = makeFolder({ '404.html': 'not here\n', '50x.html': 'broken\n' });
  await settled();
  const { kernel, refuse } = refusingKernel();
  await using server = serve({ root: folder.root, port: 0, kernel });
  refuse(EMFILE);
  const during = await exchange(server.port, request('/.dot'));
  expect([404, 503]).toContain(during.status);
  expect((await exchange(server.port, request('/nowhere'))).body.toString()).toBe('broken\n');
  refuse(0);
  const after = await exchange(server.port, request('/nowhere'));
  expect([after.status, after.body.toString()]).toEqual([404, 'not here\n']);
  expect((await exchange(server.port, request('/.dot'))).body.toString()).toBe('not here\n');
});
