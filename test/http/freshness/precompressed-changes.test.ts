import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { tellingFolder } from '../../support/changer.js';
import { settled } from '../../support/directory.js';
import { exchange, request, sleep } from '../../support/raw-client.js';

const FRESHNESS_MS = 100;

let directory: ReturnType<typeof tellingFolder>;
let server: Server;

const path = (name: string): string => join(directory.path, 'root', name);
const put = (name: string, content: string): void => fs.writeFileSync(path(name), content);
const link = (target: string, name: string): void => fs.symlinkSync(target, path(name));
/** Renamed over what is there, as a deploy does it. */
const flip = (target: string, name: string): void => {
  link(target, '.new');
  fs.renameSync(path('.new'), path(name));
};
const touch = (name: string, hoursAgo: number): void => {
  const second = Date.now() / 1000 - hoursAgo * 3600;
  fs.utimesSync(path(name), second, second);
};

type Act = () => void;
type Row = [what: string, before: Act, seen: string, change: Act, sees: string];

/** What lies beside `in/a.js`, and what is sent to who takes br and gzip, before and after a change. */
const CHANGES: Row[] = [
  ['it appears', () => {}, 'plain', () => put('in/a.js.br', 'one'), 'br one'],
  ['it goes', () => put('in/a.js.br', 'one'), 'br one', () => fs.rmSync(path('in/a.js.br')), 'plain'],
  [
    'it changes in place, as long as it was',
    () => put('in/a.js.br', 'one'),
    'br one',
    () => put('in/a.js.br', 'two'),
    'br two',
  ],
  [
    'it is older than its original from now on',
    () => put('in/a.js.br', 'one'),
    'br one',
    () => touch('in/a.js.br', 2),
    'plain',
  ],
  [
    'it is as new as its original from now on',
    () => {
      put('in/a.js.br', 'one');
      touch('in/a.js.br', 2);
    },
    'plain',
    () => touch('in/a.js.br', 0),
    'br one',
  ],
  ['its original is newer from now on', () => put('in/a.js.br', 'one'), 'br one', () => touch('in/a.js', -1), 'plain'],
  ['a better one appears', () => put('in/a.js.gz', 'packed'), 'gzip packed', () => put('in/a.js.br', 'one'), 'br one'],
  [
    'it was a folder',
    () => fs.mkdirSync(path('in/a.js.br')),
    'plain',
    () => {
      fs.rmdirSync(path('in/a.js.br'));
      put('in/a.js.br', 'one');
    },
    'br one',
  ],
  [
    'it becomes a link',
    () => {
      put('in/a.js.br', 'one');
      put('sub/x', 'two');
    },
    'br one',
    () => flip('../sub/x', 'in/a.js.br'),
    'br two',
  ],
  [
    'it was a link',
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
    'a link is retargeted',
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
    'its target is older from now on',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'br one',
    () => touch('sub/x', 2),
    'plain',
  ],
  [
    'its target goes',
    () => {
      link('../sub/x', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'br one',
    () => fs.rmSync(path('sub/x')),
    'plain',
  ],
  ['its target appears', () => link('../sub/x', 'in/a.js.br'), 'plain', () => put('sub/x', 'one'), 'br one'],
  [
    'its target appears, with its folder',
    () => link('../far/x', 'in/a.js.br'),
    'plain',
    () => {
      fs.mkdirSync(path('.new'));
      put('.new/x', 'one');
      fs.renameSync(path('.new'), path('far'));
    },
    'br one',
  ],
  ['its target appears beside it', () => link('x', 'in/a.js.br'), 'plain', () => put('in/x', 'one'), 'br one'],
  [
    'its target appears behind two links',
    () => {
      link('hop', 'in/a.js.br');
      link('../sub/x', 'in/hop');
    },
    'plain',
    () => put('sub/x', 'one'),
    'br one',
  ],
  [
    'a link on the way appears',
    () => {
      link('hop', 'in/a.js.br');
      put('sub/x', 'one');
    },
    'plain',
    () => link('../sub/x', 'in/hop'),
    'br one',
  ],
  [
    'its target appears behind a folder that is a link',
    () => {
      link('../to/x', 'in/a.js.br');
      link('sub', 'to');
    },
    'plain',
    () => put('sub/x', 'one'),
    'br one',
  ],
  [
    'its target was a folder',
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
    'it led to itself',
    () => link('a.js.br', 'in/a.js.br'),
    'plain',
    () => flip('../in/1.js', 'in/a.js.br'),
    'br plain',
  ],
  [
    'a loop ends',
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
    'it led out of the root',
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
  directory = tellingFolder();
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

const formOf = async (target: string): Promise<string> => {
  const response = await exchange(server.port, request(target, ['Accept-Encoding: br, gzip']));
  const coding = response.field('Content-Encoding');
  return `${coding === null ? '' : `${coding} `}${response.body}`;
};

describe.each<[string, others: number, target: string]>([
  ['asked for alone', 0, '/in/a.js'],
  ['asked for behind nine others of its folder', 9, '/in/a.js'],
  ['asked for by way of a link to its folder', 0, '/linked/a.js'],
])('a coded form of a file that is %s', (_, others, target) => {
  test.each(CHANGES)('%s', async (_, before, seen, change, sees) => {
    link('in', 'linked');
    before();
    await settled();
    start();
    for (let at = 0; at < others; at++) expect(await formOf(`/in/${at}.js`)).toBe('plain');
    for (let time = 0; time < 2; time++) expect(await formOf(target)).toBe(seen);
    change();
    expect(await formOf(target)).toBe(sees);
    await settled();
    for (let time = 0; time < 2; time++) expect(await formOf(target)).toBe(sees);
  });
});

test('a target that appears where nobody watches is looked for', async () => {
  link('../../far', 'in/a.js.br');
  await settled();
  start({ symlinks: 'follow', limits: { revalidateMs: FRESHNESS_MS } });
  for (let time = 0; time < 2; time++) expect(await formOf('/in/a.js')).toBe('plain');
  put('../far', 'one');
  await sleep(FRESHNESS_MS + 10);
  expect(await formOf('/in/a.js')).toBe('br one');
});

test('a file without coded forms depends on no more than it has to', async () => {
  await settled();
  start();
  expect(await formOf('/in/a.js')).toBe('plain');
  const { hits } = server.stats().files!;
  put('sub/x', 'one');
  expect(await formOf('/in/a.js')).toBe('plain');
  expect(server.stats().files!.hits).toBe(hits + 1);
});
