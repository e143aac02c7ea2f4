import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { settled } from '../../support/directory.js';
import { eventually, exchange, RawClient, type RawResponse, request, sleep } from '../../support/raw-client.js';
import { KIB, MIB } from '../../support/site.js';

const REVALIDATE_MS = 100;

let directory: ReturnType<typeof makeWatchedDirectory>;
let server: Server;

const path = (name: string): string => join(directory.path, name);
const put = (name: string, content: string | Uint8Array): void => fs.writeFileSync(path(name), content);
const ask = (target: string, fields: readonly string[] = []): Promise<RawResponse> =>
  exchange(server.port, request(target, fields));
const textOf = async (target: string): Promise<string> => {
  const response = await ask(target);
  return response.status === 200 ? response.body.toString() : String(response.status);
};

/** The next request gets it, and so do those that are served from the cache. */
const seen = async (target: string, expected: string): Promise<void> => {
  expect(await textOf(target)).toBe(expected);
  await settled();
  for (let time = 0; time < 3; time++) expect(await textOf(target)).toBe(expected);
};

describe.each(TRIGGERS)('%s', (trigger) => {
  beforeAll(() => {
    directory = makeWatchedDirectory();
    put('hello.txt', 'hello');
    server = serve({ port: 0, root: directory.path, trigger });
  });

  afterAll(async () => {
    await server.stop({ force: true });
    directory[Symbol.dispose]();
  });

  test('a created, edited, replaced or removed file is seen at once', async () => {
    await seen('/fresh.txt', '404');
    put('fresh.txt', 'first');
    await seen('/fresh.txt', 'first');
    fs.appendFileSync(path('fresh.txt'), ' and more');
    await seen('/fresh.txt', 'first and more');
    put('fresh.txt', 'FIRST AND MORE');
    await seen('/fresh.txt', 'FIRST AND MORE');
    put('fresh.txt.new', 'replaced');
    fs.renameSync(path('fresh.txt.new'), path('fresh.txt'));
    await seen('/fresh.txt', 'replaced');
    fs.rmSync(path('fresh.txt'));
    await seen('/fresh.txt', '404');
  });

  test('a rewrite with the same size and time gets another ETag', async () => {
    put('back.txt', 'one');
    fs.utimesSync(path('back.txt'), 1e9, 1e9);
    await seen('/back.txt', 'one');
    const first = await ask('/back.txt');
    put('back.txt', 'two');
    fs.utimesSync(path('back.txt'), 1e9, 1e9);
    await seen('/back.txt', 'two');
    const second = await ask('/back.txt', [`If-None-Match: ${first.field('ETag')}`]);
    expect([second.status, second.body.toString()]).toEqual([200, 'two']);
  });

  test('a new modification time alone gets another ETag', async () => {
    put('time.txt', 'the same');
    fs.utimesSync(path('time.txt'), 1e9, 1e9);
    await seen('/time.txt', 'the same');
    const first = await ask('/time.txt');
    fs.utimesSync(path('time.txt'), 1.1e9, 1.1e9);
    const second = await ask('/time.txt', [`If-None-Match: ${first.field('ETag')}`]);
    expect([first, second].map((response) => response.field('Last-Modified'))).toEqual([
      new Date(1e12).toUTCString(),
      new Date(1.1e12).toUTCString(),
    ]);
    expect(second.status).toBe(200);
  });

  test('a file that becomes a directory, and back, is seen at once', async () => {
    put('turning', 'a file');
    fs.mkdirSync(path('bare'));
    await seen('/turning', 'a file');
    fs.rmSync(path('turning'));
    fs.renameSync(path('bare'), path('turning'));
    await seen('/turning', '301');
    fs.renameSync(path('turning'), path('bare'));
    await seen('/turning', '404');
  });

  test('an added, changed or removed precompressed file is seen at once', async () => {
    const encodingOf = async (): Promise<string> => {
      const response = await ask('/form.js', ['Accept-Encoding: gzip']);
      return `${response.field('Content-Encoding')} ${response.body.toString()}`;
    };
    put('form.js', 'plain');
    await seen('/form.js', 'plain');
    expect(await encodingOf()).toBe('null plain');
    put('form.js.gz', 'packed');
    expect(await encodingOf()).toBe('gzip packed');
    await settled();
    expect(await encodingOf()).toBe('gzip packed');
    put('form.js.gz', 'PACKED');
    expect(await encodingOf()).toBe('gzip PACKED');
    await settled();
    put('form.js', 'newer');
    expect(await encodingOf()).toBe('null newer'); // the precompressed file is older
    put('form.js.gz', 'again');
    expect(await encodingOf()).toBe('gzip again');
    fs.rmSync(path('form.js.gz'));
    expect(await encodingOf()).toBe('null newer');
  });

  test('contents that change faster than the clock get distinct ETags', async () => {
    using client = await RawClient.connect(server.port);
    const contents = new Map<string, string>();
    for (let version = 100; version < 400; version++) {
      put('fast.txt', `version ${version}`);
      const response = await client.send(request('/fast.txt')).response();
      const body = response.body.toString();
      expect(body).toBe(`version ${version}`);
      expect(contents.get(response.field('ETag')!) ?? body).toBe(body);
      contents.set(response.field('ETag')!, body);
    }
  });

  test('a request completed after a change gets the new content', async () => {
    put('half.txt', 'before');
    await seen('/half.txt', 'before');
    using client = await RawClient.connect(server.port);
    const [first, rest] = [request('/half.txt').slice(0, -2), request('/half.txt').slice(-2)];
    client.send(first);
    await eventually(() => server.stats().connections.open === 1, 'it is accepted');
    put('half.txt', 'after');
    expect((await client.send(rest).response()).body.toString()).toBe('after');
  });

  test.each([300, 64 * KIB, 300 * KIB])(
    'a response of %i bytes never mixes two versions of a file that is replaced continuously',
    async (size) => {
      let version = 0;
      const replace = (): void => {
        put('hammer.new', String.fromCharCode(97 + (version++ % 26)).repeat(size + (version % 7)));
        fs.renameSync(path('hammer.new'), path(`hammer-${size}.txt`));
      };
      replace();
      const untilMs = performance.now() + 400;
      const load = async (): Promise<void> => {
        using client = await RawClient.connect(server.port);
        while (performance.now() < untilMs) {
          const response = await client.send(request(`/hammer-${size}.txt`)).response();
          expect(response.status).toBe(200);
          const text = response.body.toString('latin1');
          expect(text === text[0]!.repeat(text.length) && text.length >= size).toBe(true);
        }
      };
      const loads = Promise.all([load(), load(), load()]);
      while (performance.now() < untilMs) {
        replace();
        await sleep(1);
      }
      await loads;
    },
  );

  test('truncating a file while it is sent closes the connection', async () => {
    put('shrinking.bin', Buffer.alloc(8 * MIB, 'x'));
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/shrinking.bin') + request('/hello.txt'));
    await eventually(() => server.stats().connections.open > 0, 'it is accepted');
    await sleep(50);
    fs.truncateSync(path('shrinking.bin'), 1000);
    client.resume();
    const got = await client.untilClose();
    expect(got.toString('latin1')).toContain('Content-Length: 8388608\r\n');
    expect(got.length).toBeLessThan(8 * MIB);
    expect(got.toString('latin1').match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(await textOf('/hello.txt')).toBe('hello');
  });

  test('a file that grows while it is sent is sent with its old length', async () => {
    put('growing.bin', Buffer.alloc(8 * MIB, 'x'));
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/growing.bin') + request('/hello.txt'));
    await sleep(50);
    fs.appendFileSync(path('growing.bin'), Buffer.alloc(MIB, 'y'));
    client.resume();
    const response = await client.response();
    expect([response.body.length, response.body.includes('y')]).toEqual([8 * MIB, false]);
    expect((await client.response()).body.toString()).toBe('hello');
  });
});

describe('changes outside the watched names', () => {
  beforeEach(async () => {
    directory = makeWatchedDirectory();
    return async () => {
      await server.stop({ force: true });
      directory[Symbol.dispose]();
    };
  });

  const start = (options: object = {}): void => {
    server = serve({ port: 0, root: directory.path, limits: { revalidateMs: REVALIDATE_MS }, ...options });
  };

  test('two sites with nested roots both see changes', async () => {
    fs.mkdirSync(path('in'));
    for (const name of ['a.txt', 'in/a.txt']) put(name, 'first');
    start({ hosts: { inner: { root: path('in') } } });
    const inner = async (): Promise<string> =>
      (await exchange(server.port, 'GET /a.txt HTTP/1.1\r\nHost: inner\r\n\r\n')).body.toString();
    await settled();
    expect([await textOf('/a.txt'), await textOf('/in/a.txt'), await inner()]).toEqual(['first', 'first', 'first']);
    for (const name of ['a.txt', 'in/a.txt']) put(name, 'edited in place');
    const edited = 'edited in place';
    expect([await textOf('/a.txt'), await textOf('/in/a.txt'), await inner()]).toEqual([edited, edited, edited]);
  });

  test('a write through another hard link in an unwatched directory is seen by polling', async () => {
    fs.mkdirSync(path('.other'));
    put('.other/name.txt', 'first');
    fs.linkSync(path('.other/name.txt'), path('name.txt'));
    start();
    await seen('/name.txt', 'first');
    put('.other/name.txt', 'again');
    await sleep(REVALIDATE_MS + 10);
    await seen('/name.txt', 'again');
  });

  test.each<[string, object, () => void]>([
    ['a hard link', {}, () => fs.linkSync(path('.other/page.html'), path('404.html'))],
    [
      'a symlink out of the root',
      { root: 'root', symlinks: 'follow' },
      () => fs.symlinkSync('../.other/page.html', path('root/404.html')),
    ],
  ])(
    'a change of a 404.html that is %s is seen by polling',
    async (_, { root = '.', ...options }: { root?: string }, link) => {
      for (const name of ['.other', 'root']) fs.mkdirSync(path(name));
      put('.other/page.html', 'first');
      link();
      start({ ...options, root: path(root) });
      const page = async (): Promise<string> => (await ask('/nowhere')).body.toString();
      await settled();
      for (const content of ['again', 'and again']) {
        await page();
        put('.other/page.html', content);
        await sleep(REVALIDATE_MS + 10);
        expect(await page()).toBe(content);
        await settled();
        expect(await page()).toBe(content);
      }
    },
  );

  describe.each<[string, object, (name: string) => void]>([
    ['a hard link', {}, (name) => fs.linkSync(path('.other/name'), path(name))],
    ['a symlink out of the root', { symlinks: 'follow' }, (name) => fs.symlinkSync('../.other/name', path(name))],
    [
      'a hard link, with CORS by origin',
      { cors: { origins: ['http://a'] } },
      (name) => fs.linkSync(path('.other/name'), path(name)),
    ],
  ])('a large unwatched file, %s', (_, options, link) => {
    const BEFORE = 'a'.repeat(200 * KIB);
    const HALF = 100 * KIB;

    beforeEach(async () => {
      for (const name of ['.other', 'root']) fs.mkdirSync(path(name));
      put('.other/name', BEFORE);
      link('root/large.bin');
      start({ root: path('root'), limits: { revalidateMs: 60_000 }, ...options });
      await settled();
    });

    test.each<[string, (name: string) => void, after: string]>([
      [
        'edited in place',
        (name) => fs.writeFileSync(name, 'b'.repeat(200 * KIB), { flag: 'r+' }),
        'b'.repeat(200 * KIB),
      ],
      ['grown', (name) => fs.appendFileSync(name, 'b'.repeat(HALF)), BEFORE + 'b'.repeat(HALF)],
      ['cut', (name) => fs.truncateSync(name, HALF), BEFORE.slice(0, HALF)],
    ])('that is %s fails the validators of the old content', async (_, edit, after) => {
      const CONDITIONS: [held: number, fields: (tag: string) => string[]][] = [
        [304, (tag) => [`If-None-Match: ${tag}`]],
        [206, (tag) => ['Range: bytes=1000-1999', `If-Range: ${tag}`]],
        [206, (tag) => ['Range: bytes=1000-90000', `If-Range: ${tag}`]],
        [206, (tag) => ['Range: bytes=0-9,20-29', `If-Range: ${tag}`]],
      ];
      for (const [held, fields] of CONDITIONS) {
        fs.writeFileSync(path('.other/name'), BEFORE);
        await settled();
        const first = await ask('/large.bin', ['Origin: http://a']);
        const tag = first.field('ETag')!;
        expect([first.body.toString() === BEFORE, tag[0]]).toEqual([true, '"']);
        if (server.stats().files!.entries === 0) await ask('/large.bin'); // the second request makes the entry
        expect((await ask('/large.bin', fields(tag))).status).toBe(held);
        edit(path('.other/name'));
        const second = await ask('/large.bin', ['Origin: http://a', ...fields(tag)]);
        expect([second.status, second.body.toString() === after, second.field('ETag') === tag]).toEqual([
          200,
          true,
          false,
        ]);
      }
      expect(server.stats().files!.hits).toBe(CONDITIONS.length);
    });
  });

  test('a listing sees changes of directories and of symlink targets by polling', async () => {
    for (const name of ['list', 'list/sub', '.far']) fs.mkdirSync(path(name));
    put('.far/file.txt', 'short');
    fs.symlinkSync('../.far/file.txt', path('list/link.txt'));
    fs.utimesSync(path('list/sub'), 1e9, 1e9);
    start({ directoryListing: true });
    const listed = async () => {
      const entries = JSON.parse((await ask('/list/', ['Accept: application/json'])).body.toString());
      return entries.map(({ name, size, modified }: Record<string, unknown>) => [name, size ?? modified]);
    };
    await settled();
    const before = [
      ['sub', new Date(1e12).toISOString()],
      ['link.txt', 5],
    ];
    expect(await listed()).toEqual(before);
    put('.far/file.txt', 'longer now');
    put('list/sub/new.txt', '');
    await sleep(REVALIDATE_MS + 10);
    const after = new Date(Math.floor(fs.statSync(path('list/sub')).mtimeMs)).toISOString();
    expect(await listed()).toEqual([
      ['sub', after],
      ['link.txt', 10],
    ]);
  });

  /** The status, and the body or the Location. */
  const outcomeOf = async (target: string): Promise<string> => {
    const response = await ask(target);
    return `${response.status} ${response.field('Location') ?? (response.status === 200 ? response.body : '')}`.trim();
  };

  test('a file or directory with the name of a clean URL is seen at once', async () => {
    fs.mkdirSync(path('blog'));
    put('blog.html', 'page');
    start({ cleanUrls: true });
    const seen = async (...expected: readonly string[]): Promise<void> => {
      await settled();
      for (let time = 0; time < 3; time++)
        expect(await Promise.all(['/blog', '/blog.html', '/blog/'].map(outcomeOf))).toEqual(expected);
    };
    await seen('200 page', '301 /blog', '404');
    put('blog/index.html', 'index');
    expect(await outcomeOf('/blog')).toBe('301 /blog/');
    expect(await outcomeOf('/blog.html')).toBe('200 page');
    await seen('301 /blog/', '200 page', '200 index');
    fs.rmSync(path('blog/index.html'));
    expect(await outcomeOf('/blog.html')).toBe('301 /blog');
    await seen('200 page', '301 /blog', '404');
    fs.rmdirSync(path('blog'));
    await seen('200 page', '301 /blog', '404');
    put('blog', 'file');
    expect(await outcomeOf('/blog.html')).toBe('200 page');
    expect(await outcomeOf('/blog')).toBe('200 file');
    await seen('200 file', '200 page', '404');
    fs.rmSync(path('blog'));
    expect(await outcomeOf('/blog')).toBe('200 page');
    await seen('200 page', '301 /blog', '404');
    fs.rmSync(path('blog.html'));
    await seen('404', '404', '404');
    fs.mkdirSync(path('blog'));
    expect(await outcomeOf('/blog')).toBe('301 /blog/');
    put('blog.html', 'page');
    expect(await outcomeOf('/blog')).toBe('200 page');
  });

  test.each(['relative', 'absolute'])(
    'a symlink or directory that is retargeted out of the root, and back, is seen at once: %s',
    async (kind) => {
      for (const name of ['www/in', 'www/turning', 'www-secret']) {
        fs.mkdirSync(path(name), { recursive: true });
        put(`${name}/file.txt`, name);
      }
      const outside = kind === 'absolute' ? path('www-secret') : '../www-secret';
      const flip = (name: string, target: string): void => {
        fs.symlinkSync(target, path(`www/.${name}`));
        fs.renameSync(path(`www/.${name}`), path(`www/${name}`));
      };
      flip('link.txt', 'in/file.txt');
      flip('dir', 'in');
      start({ root: path('www'), directoryListing: true });
      const directories = ['/dir', '/turning'].flatMap((each) => [each, `${each}/`, `${each}/file.txt`]);
      const targets = ['/link.txt', ...directories];
      const inside = [200, 301, 200, 200, 301, 200, 200];
      const outcomes = async (): Promise<number[]> => {
        using client = await RawClient.connect(server.port);
        const statuses: number[] = [];
        for (const target of targets) {
          const response = await client.send(request(target)).response();
          expect(response.body.toString()).not.toContain('secret');
          statuses.push(response.status);
        }
        return statuses;
      };
      for (let round = 0; round < 3; round++) {
        await settled();
        for (let time = 0; time < 2; time++) expect(await outcomes()).toEqual(inside);
        flip('link.txt', `${outside}/file.txt`);
        flip('dir', outside);
        fs.renameSync(path('www/turning'), path('www/.turning-before'));
        fs.symlinkSync(outside, path('www/turning'));
        expect(await outcomes()).toEqual(targets.map(() => 404));
        await settled();
        expect(await outcomes()).toEqual(targets.map(() => 404));
        flip('link.txt', 'in/file.txt');
        flip('dir', 'in');
        fs.rmSync(path('www/turning'));
        fs.renameSync(path('www/.turning-before'), path('www/turning'));
        expect(await outcomes()).toEqual(inside);
      }
    },
  );

  test('a modification time at the epoch sends no Last-Modified and no 304', async () => {
    start();
    for (const second of [0, 1]) {
      put('epoch.txt', `content ${second}`);
      fs.utimesSync(path('epoch.txt'), second, second);
      const response = await ask('/epoch.txt', [`If-Modified-Since: ${new Date().toUTCString()}`]);
      expect([response.status, response.field('Last-Modified')]).toEqual([200, null]);
    }
  });
});
