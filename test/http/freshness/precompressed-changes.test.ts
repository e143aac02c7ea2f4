import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { settled } from '../../support/directory.js';
import { exchange, request, sleep } from '../../support/raw-client.js';

const REVALIDATE_MS = 100;

let directory: ReturnType<typeof makeWatchedDirectory>;
let server: Server;

const path = (name: string): string => join(directory.path, 'root', name);
const put = (name: string, content: string): void => fs.writeFileSync(path(name), content);
const link = (target: string, name: string): void => fs.symlinkSync(target, path(name));
/** Renames over the existing entry, like a deploy. */
const flip = (target: string, name: string): void => {
  link(target, '.new');
  fs.renameSync(path('.new'), path(name));
};
const touch = (name: string, hoursAgo: number): void => {
  const second = Date.now() / 1000 - hoursAgo * 3600;
  fs.utimesSync(path(name), second, second);
};

type Act = () => void;
type Row = [change: string, before: Act, sentBefore: string, act: Act, sentAfter: string];

/** The precompressed files of `in/a.js`, and what is sent to a client that accepts br and gzip, before and after a change. */
const CHANGES: Row[] = [
  ['it is created', () => {}, 'plain', () => put('in/a.js.br', 'one'), 'br one'],
  ['it is removed', () => put('in/a.js.br', 'one'), 'br one', () => fs.rmSync(path('in/a.js.br')), 'plain'],
  [
    'it changes in place with the same size',
    () => put('in/a.js.br', 'one'),
    'br one',
    () => put('in/a.js.br', 'two'),
    'br two',
  ],
  [
    'it becomes older than its original',
    () => put('in/a.js.br', 'one'),
    'br one',
    () => touch('in/a.js.br', 2),
    'plain',
  ],
  [
    'it becomes as new as its original',
    () => {
      put('in/a.js.br', 'one');
      touch('in/a.js.br', 2);
    },
    'plain',
    () => touch('in/a.js.br', 0),
    'br one',
  ],
  ['its original becomes newer', () => put('in/a.js.br', 'one'), 'br one', () => touch('in/a.js', -1), 'plain'],
  [
    'a better one is created',
    () => put('in/a.js.gz', 'packed'),
    'gzip packed',
    () => put('in/a.js.br', 'one'),
    'br one',
  ],
  [
    'a directory becomes a file',
    () => fs.mkdirSync(path('in/a.js.br')),
    'plain',
    () => {
      fs.rmdirSync(path('in/a.js.br'));
      put('in/a.js.br', 'one');
    },
    'br one',
  ],
  [
    'it becomes a symlink',
    () => {
      put('in/a.js.br', 'one');
      put('sub/x', 'two');
    },
    'br one',
    () => flip('../sub/x', 'in/a.js.br'),
    'br two',
  ],
  [
    'a symlink becomes a file',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'br one',
    () => {
      put('.new', 'two');
      fs.renameSync(path('.new'), path('in/a.js.br'));
    },
    'br two',
  ],
  [
    'its symlink is retargeted',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
      put('sub/y', 'two');
    },
    'br one',
    () => flip('../sub/y', 'in/a.js.br'),
    'br two',
  ],
  [
    'its target changes in place',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'br one',
    () => put('sub/x', 'two'),
    'br two',
  ],
  [
    'its target is replaced',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'br one',
    () => {
      put('.new', 'two');
      fs.renameSync(path('.new'), path('sub/x'));
    },
    'br two',
  ],
  [
    'its target becomes older',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'br one',
    () => touch('sub/x', 2),
    'plain',
  ],
  [
    'its target is removed',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'br one',
    () => fs.rmSync(path('sub/x')),
    'plain',
  ],
  ['its target is created', () => link('../sub/x', 'in/a.js.br'), 'plain', () => put('sub/x', 'one'), 'br one'],
  [
    'its target is created with its directory',
    () => link('../far/x', 'in/a.js.br'),
    'plain',
    () => {
      fs.mkdirSync(path('.new'));
      put('.new/x', 'one');
      fs.renameSync(path('.new'), path('far'));
    },
    'br one',
  ],
  ['its target is created next to it', () => link('x', 'in/a.js.br'), 'plain', () => put('in/x', 'one'), 'br one'],
  [
    'its target is created behind two symlinks',
    () => {
      link('hop', 'in/a.js.br');
      link('../sub/x', 'in/hop');
    },
    'plain',
    () => put('sub/x', 'one'),
    'br one',
  ],
  [
    'a symlink on the path is created',
    () => {
      link('hop', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'plain',
    () => link('../sub/x', 'in/hop'),
    'br one',
  ],
  [
    'its target is created behind a symlink to a directory',
    () => {
      link('../to/x', 'in/a.js.br');
      link('sub', 'to');
    },
    'plain',
    () => put('sub/x', 'one'),
    'br one',
  ],
  [
    'its target, a directory, becomes a file',
    () => {
      link('../sub/x', 'in/a.js.br');
      fs.mkdirSync(path('sub/x'));
    },
    'plain',
    () => {
      fs.rmdirSync(path('sub/x'));
      put('sub/x', 'one');
    },
    'br one',
  ],
  [
    'a symlink to itself is retargeted',
    () => link('a.js.br', 'in/a.js.br'),
    'plain',
    () => flip('../in/1.js', 'in/a.js.br'),
    'br plain',
  ],
  [
    'a symlink loop is resolved',
    () => {
      link('hop', 'in/a.js.br');
      link('a.js.br', 'in/hop');
    },
    'plain',
    () => {
      flip('../sub/x', 'in/hop');
      put('sub/x', 'one');
    },
    'br one',
  ],
  [
    'a symlink out of the root is retargeted',
    () => {
      link('../../outside', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'plain',
    () => flip('../sub/x', 'in/a.js.br'),
    'br one',
  ],
];

beforeEach(() => {
  directory = makeWatchedDirectory();
  for (const name of ['', 'in', 'sub']) fs.mkdirSync(path(name), { recursive: true });
  for (const name of ['a.js', ...Array.from({ length: 9 }, (_, at) => `${at}.js`)]) {
    put(`in/${name}`, 'plain');
    touch(`in/${name}`, 1);
  }
  put('../outside', 'secret');
});

afterEach(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const start = (options: Partial<ServeOptions> = {}): void => {
  server = serve({ port: 0, root: path(''), ...options });
};

const encodingOf = async (target: string): Promise<string> => {
  const response = await exchange(server.port, request(target, ['Accept-Encoding: br, gzip']));
  const coding = response.field('Content-Encoding');
  return `${coding === null ? '' : `${coding} `}${response.body}`;
};

describe.each<[string, others: number, target: string]>([
  ['requested alone', 0, '/in/a.js'],
  ['requested after nine others of its directory', 9, '/in/a.js'],
  ['requested through a symlink to its directory', 0, '/linked/a.js'],
])('the precompressed file of a file %s', (_, others, target) => {
  test.each(CHANGES)('%s', async (_, before, sentBefore, act, sentAfter) => {
    link('in', 'linked');
    before();
    await settled();
    start();
    for (let at = 0; at < others; at++) expect(await encodingOf(`/in/${at}.js`)).toBe('plain');
    for (let time = 0; time < 2; time++) expect(await encodingOf(target)).toBe(sentBefore);
    act();
    expect(await encodingOf(target)).toBe(sentAfter);
    await settled();
    for (let time = 0; time < 2; time++) expect(await encodingOf(target)).toBe(sentAfter);
  });
});

test('a target created outside the watched directories is found by polling', async () => {
  link('../../far', 'in/a.js.br');
  await settled();
  start({ symlinks: 'follow', limits: { revalidateMs: REVALIDATE_MS } });
  for (let time = 0; time < 2; time++) expect(await encodingOf('/in/a.js')).toBe('plain');
  put('../far', 'one');
  await sleep(REVALIDATE_MS + 10);
  expect(await encodingOf('/in/a.js')).toBe('br one');
});

test('a file without precompressed files is not invalidated by changes in other directories', async () => {
  await settled();
  start();
  for (let time = 0; time < 2; time++) expect(await encodingOf('/in/a.js')).toBe('plain');
  const { hits } = server.stats().files!;
  put('sub/x', 'one');
  expect(await encodingOf('/in/a.js')).toBe('plain');
  expect(server.stats().files!.hits).toBe(hits + 1);
});
