import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../src/index.js';
import { makeWatchedDirectory } from './changer.js';
import { exchange, request } from './raw-client.js';

/** Files of all kinds whose content contains a version number. */
const CONTENT: Record<string, (version: number) => string> = {
  'small.txt': (version) => `version ${version}`,
  'large.bin': (version) => String(version).repeat(100_000),
  'in/deep.txt': (version) => `deep ${version}`,
  'index.html': (version) => `index ${version}`,
  '404.html': (version) => `nothing ${version}`,
  'app.js': (version) => `app ${version}`,
};

/** The expected response of each target. */
export const expectations = (version: number): Record<string, string> => ({
  '/small.txt': `200 version ${version}`,
  '/large.bin': `200 100000 of ${version}`,
  '/in/deep.txt': `200 deep ${version}`,
  '/': `200 index ${version}`,
  '/nowhere': `404 nothing ${version}`,
  '/app.js': `200 app ${version}`,
  '/flipped': `200 target ${version}`,
  '/linked/deep.txt': `200 other ${version}`,
  '/swapped/deep.txt': `200 swapped ${version}`,
  [`/only-${version}.txt`]: '200 here',
  [`/only-${version - 1}.txt`]: `404 nothing ${version}`,
  [`/dir-${version}`]: '301 Moved. See Location.\n',
  [`/dir-${version - 1}`]: `404 nothing ${version}`,
});

/** Turns the previous version into this one: in place, by renames, by symlinks, by directories. */
function turn(root: string, version: number): void {
  const path = (name: string): string => join(root, name);
  const put = (name: string, content: string): void => writeFileSync(path(name), content);
  for (const [name, contentOf] of Object.entries(CONTENT)) {
    if (version % 2 === 0) put(name, contentOf(version));
    else {
      put(`${name}.new`, contentOf(version));
      renameSync(path(`${name}.new`), path(name));
    }
  }
  mkdirSync(path(`.far-${version}`));
  put(`.far-${version}/target`, `target ${version}`);
  put(`.far-${version}/deep.txt`, `other ${version}`);
  for (const [link, target] of [
    ['flipped', `.far-${version}/target`],
    ['linked', `.far-${version}`],
  ] as const) {
    symlinkSync(target, path(`${link}.new`));
    renameSync(path(`${link}.new`), path(link));
  }
  mkdirSync(path('.next'));
  put('.next/deep.txt', `swapped ${version}`);
  if (version > 1) renameSync(path('swapped'), path(`.swapped-${version - 1}`));
  renameSync(path('.next'), path('swapped'));
  put(`only-${version}.txt`, 'here');
  rmSync(path(`only-${version - 1}.txt`), { force: true });
  if (version === 1) mkdirSync(path('dir-1'));
  else renameSync(path(`dir-${version - 1}`), path(`dir-${version}`));
}

/**
 * A watched directory at its first version, and the server that a test starts; new for each test of the calling file.
 */
export function testVersions() {
  let directory: ReturnType<typeof makeWatchedDirectory>;
  let server: Server;
  const path = (name: string): string => join(directory.path, name);

  beforeEach(() => {
    directory = makeWatchedDirectory();
    mkdirSync(path('in'));
    turn(directory.path, 1);
  });

  afterEach(async () => {
    await server.stop({ force: true });
    directory[Symbol.dispose]();
  });

  /** A response as a short text. */
  const responseTo = async (target: string): Promise<string> => {
    const { status, body } = await exchange(server.port, request(target, ['Accept: text/html']));
    const text = body.toString('latin1');
    return `${status} ${text.length > 200 ? `${text.length} of ${text[0]}` : text}`;
  };

  return {
    get root(): string {
      return directory.path;
    },
    get server(): Server {
      return server;
    },
    path,
    put: (name: string, content: string): void => writeFileSync(path(name), content),
    start(options: Partial<ServeOptions> = {}): void {
      server = serve({ port: 0, root: directory.path, ...options });
    },
    /** Turns the previous version into this one. */
    turn: (version: number): void => turn(directory.path, version),
    responseTo,
    /** Every target has its response of this version. */
    async expectVersion(version: number): Promise<void> {
      for (const [target, response] of Object.entries(expectations(version)))
        expect([target, await responseTo(target)]).toEqual([target, response]);
    },
  };
}
