import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { exchange, request, sleep } from '../../support/raw-client.js';

// A file that is admitted to the cache in a directory whose names are known is opened and read by one call. Its entry must be
// invalidated by everything that invalidates the others.

const REVALIDATE_MS = 50;
/** More than it takes for the names of a directory to be read. */
const REQUESTS = 10;
const NAME = 'page.html';

let base: ReturnType<typeof makeWatchedDirectory>;
let server: Server;
/** An `openRead` makes an openat2 here, too. */
const opened = { openRead: 0, openat2: 0 };

const inRoot = (name: string): string => join(base.path, name);
const put = (name: string, content: string): void => {
  fs.writeFileSync(inRoot(name), content);
  fs.utimesSync(inRoot(name), 1e9, 1e9);
};

type Row = [change: string, act: (directory: string) => void, after: string, isPolled?: boolean];

const ROWS: Row[] = [
  ['nothing', () => {}, '200 first'],
  ['it is written', (directory) => fs.writeFileSync(inRoot(`${directory}/${NAME}`), 'other'), '200 other'],
  ['it is removed', (directory) => fs.rmSync(inRoot(`${directory}/${NAME}`)), '404'],
  [
    'it is replaced',
    (directory) => {
      put(`${directory}/new`, 'other');
      fs.renameSync(inRoot(`${directory}/new`), inRoot(`${directory}/${NAME}`));
    },
    '200 other',
  ],
  [
    'it becomes a symlink',
    (directory) => {
      fs.rmSync(inRoot(`${directory}/${NAME}`));
      fs.symlinkSync('1.html', inRoot(`${directory}/${NAME}`));
    },
    '200 1.html',
  ],
  [
    'it becomes a FIFO',
    (directory) => {
      fs.rmSync(inRoot(`${directory}/${NAME}`));
      execFileSync('mkfifo', [inRoot(`${directory}/${NAME}`)]);
    },
    '404',
  ],
  ['it is precompressed', (directory) => put(`${directory}/${NAME}.br`, 'packed'), '200 br packed'],
  ['its directory is renamed', (directory) => fs.renameSync(inRoot(directory), inRoot(`${directory}-old`)), '404'],
  [
    'its directory becomes a symlink',
    (directory) => {
      fs.renameSync(inRoot(directory), inRoot(`${directory}-old`));
      fs.symlinkSync('other', inRoot(directory));
    },
    '200 elsewhere',
  ],
  [
    'it is written by a hard link',
    (directory) => fs.writeFileSync(inRoot(`other/${directory}`), 'other'),
    '200 other',
    true,
  ],
];

beforeAll(async () => {
  base = makeWatchedDirectory();
  fs.mkdirSync(inRoot('other'));
  put(`other/${NAME}`, 'elsewhere');
  for (const [at, [, , , isPolled]] of ROWS.entries()) {
    fs.mkdirSync(inRoot(String(at)));
    for (let i = 0; i < REQUESTS; i++) put(`${at}/${i}.html`, `${i}.html`);
    put(`${at}/${NAME}`, 'first');
    if (isPolled) fs.linkSync(inRoot(`${at}/${NAME}`), inRoot(`other/${at}`));
  }
  await settled();
  const kernel = kernelWith({}, { openRead: () => void opened.openRead++, openat2: () => void opened.openat2++ });
  server = serve({ port: 0, root: base.path, kernel, limits: { revalidateMs: REVALIDATE_MS } });
});

afterAll(async () => {
  await server.stop({ force: true });
  base[Symbol.dispose]();
});

test.each(ROWS.map((row, at) => [...([row[0], String(at)] as const), row] as const))(
  '%s',
  async (_, directory, row) => {
    const [, act, after, isPolled = false] = row;
    const get = async (name: string): Promise<string> => {
      const { status, fields, body } = await exchange(
        server.port,
        request(`/${directory}/${name}`, ['Accept-Encoding: br']),
      );
      const coding = fields.find(([field]) => field.toLowerCase() === 'content-encoding');
      return status === 404 ? '404' : [status, ...(coding ? [coding[1]] : []), String(body)].join(' ');
    };
    for (let i = 0; i < REQUESTS; i++) expect(await get(`${i}.html`)).toBe(`200 ${i}.html`);
    expect(await get(NAME)).toBe('200 first');
    await get('0.html'); // admitted: from now on the directory is watched
    opened.openRead = opened.openat2 = 0;
    expect(await get(NAME)).toBe('200 first');
    if (!isPolled) expect(opened).toEqual({ openRead: 1, openat2: 1 });
    opened.openRead = opened.openat2 = 0;
    const { hits } = server.stats().files!;
    expect(await get(NAME)).toBe('200 first');
    expect(server.stats().files!.hits).toBe(hits + 1);
    expect(opened).toEqual({ openRead: 0, openat2: 0 });
    act(directory);
    if (isPolled) await sleep(REVALIDATE_MS + 10);
    for (let i = 0; i < 3; i++) expect(await get(NAME)).toBe(after);
  },
);
