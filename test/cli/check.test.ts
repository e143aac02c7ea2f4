import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSettings } from '../../src/cli/check.js';
import type { Settings } from '../../src/cli/settings/settings.js';
import { UsageError } from '../../src/cli/settings/usage-error.js';
import { kernel as realKernel } from '../../src/sys/binding.js';
import { EACCES, EIO } from '../../src/sys/errno.js';
import type { Kernel } from '../../src/sys/kernel.js';
import { run } from '../support/command.js';
import { kernelWith } from '../support/counting-kernel.js';
import { countDescriptors } from '../support/descriptors.js';
import { makeDirectory, type TestDirectory } from '../support/directory.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-check-'));
const CONFIG = join(directory, 'site.json');
let taken: Server;
let takenPort: number;

beforeAll(async () => {
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenPort = (taken.address() as { port: number }).port;
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await new Promise((resolve) => taken.close(resolve));
});

const check = (
  { port = 8080, ...options }: Partial<Settings['options']> & { port?: number },
  host = '127.0.0.1',
  app: string | null = null,
) =>
  checkSettings({
    listening: { host, port },
    app,
    workers: 1,
    accept: 'reuseport',
    options: { root: directory, ...options },
  });

/** An openat2 that fails for one name. */
const failing =
  (failed: string, errno: number): Kernel['openat2'] =>
  (dir, name, flags, resolve) =>
    Buffer.from(name).toString() === failed ? errno : realKernel.openat2(dir, name, flags, resolve);

describe('one line describes what would be served', () => {
  test.each<[options: Partial<Settings['options']> & { port?: number }, host: string, expected: string]>([
    [{}, '127.0.0.1', `${directory} on port 8080 of 127.0.0.1; no further hosts; default limits`],
    [{ port: 0 }, '::', `${directory} on a free port of ::; no further hosts; default limits`],
    [
      { hosts: { a: { root: directory } }, limits: { headBytes: 64, idleTimeoutMs: 75_000 } },
      'localhost',
      `${directory} on port 8080 of 127.0.0.1; 1 further host (a: ${directory}); default limits except headBytes 64`,
    ],
    [
      { hosts: { a: { root: directory }, 'b.c': { root: '/' } } },
      '127.0.0.1',
      `${directory} on port 8080 of 127.0.0.1; 2 further hosts (a: ${directory}, b.c: /); default limits`,
    ],
  ])('%j', async (options, host, expected) => {
    const before = countDescriptors();
    expect(await check(options, host)).toBe(`The configuration is valid: ${expected}.`);
    expect(countDescriptors()).toBe(before);
  });
});

test.each<[options: Partial<Settings['options']>, host: string, expected: RegExp]>([
  [{ root: '/no/such' }, '127.0.0.1', /^The directory \/no\/such does not exist; give one that does\.$/],
  [{ hosts: { a: { root: '/no/such' } } }, '127.0.0.1', /^The directory \/no\/such does not exist/],
  [{ root: '/dev/null' }, '127.0.0.1', /^\/dev\/null is not a directory/],
  [{}, 'no.such.host.invalid', /^The host "no\.such\.host\.invalid" has no address/],
])('a usage error is one sentence, and no descriptor stays open: %j %s', async (options, host, expected) => {
  const before = countDescriptors();
  const error = await check(options, host).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as UsageError).message).toMatch(expected);
  expect(countDescriptors()).toBe(before);
});

describe('a fallback', () => {
  let site: TestDirectory;
  const path = (name: string): string => join(site.root, name);

  beforeAll(() => {
    site = makeDirectory({ 'app.html': 'app', 'pages/app.html': 'app' });
    site.link('inside.html', 'pages/app.html');
    site.link('outside.html', '../outside/app.html');
    site.link('round.html', 'round.html');
    writeFileSync(join(site.outside, 'app.html'), 'app');
  });
  afterAll(() => site[Symbol.dispose]());

  test.each<[options: Partial<Settings['options']>]>([
    [{ fallback: 'app.html' }],
    [{ fallback: 'pages/app.html' }],
    [{ fallback: 'inside.html' }],
    [{ fallback: 'outside.html', symlinks: 'follow' }],
  ])('that exists is valid: %j', async (options) => {
    expect(await check({ root: site.root, ...options })).toMatch(/^The configuration is valid: /);
  });

  test.each<[options: Partial<Settings['options']>, name: string, sentence: string]>([
    [{ fallback: 'no.html' }, 'no.html', 'does not exist; create it, or give --fallback another file'],
    [{ fallback: 'app.html/no' }, 'app.html/no', 'does not exist; create it, or give --fallback another file'],
    [{ fallback: 'pages' }, 'pages', 'is a directory; give --fallback a file, such as pages/index.html'],
    [
      { fallback: 'outside.html' },
      'outside.html',
      'is reached through a symlink that leaves the root; put the file itself there, or give --symlinks follow',
    ],
    [
      { fallback: 'inside.html', symlinks: 'deny' },
      'inside.html',
      'is reached through a symlink that is not followed; put the file itself there',
    ],
    [
      { fallback: 'round.html' },
      'round.html',
      'is reached through a symlink that is not followed; put the file itself there',
    ],
    [
      { fallback: 'app.html', kernel: kernelWith({ openat2: failing('app.html', EACCES) }) },
      'app.html',
      'cannot be read by this user; change its permissions or the user',
    ],
    [
      { fallback: 'app.html', kernel: kernelWith({ openat2: failing('app.html', EIO) }) },
      'app.html',
      'cannot be opened (EIO); give --fallback another file',
    ],
  ])('that cannot be sent is a usage error: %j', async (options, name, sentence) => {
    const before = countDescriptors();
    const expected = new UsageError(`The fallback ${path(name)} ${sentence}.`);
    const { kernel = realKernel, ...its } = options;
    await expect(check({ root: site.root, kernel, ...its })).rejects.toEqual(expected);
    await expect(check({ hosts: { a: { root: site.root, ...its } }, kernel })).rejects.toEqual(expected);
    expect(countDescriptors()).toBe(before);
  });
});

describe('as a process', () => {
  test('a fallback that does not exist, of the root or of a further host, is a usage error', async () => {
    for (const args of [[directory], ['html', '--vhost', `a.example=${directory}`]]) {
      expect(await run([...args, '--spa', '--check'])).toEqual({
        code: 2,
        signal: null,
        stdout: '',
        stderr: `epollet: The fallback ${directory}/index.html does not exist; create it, or give --fallback another file.\n`,
      });
    }
  });

  test('a port that is taken is valid, since it is not bound', async () => {
    writeFileSync(CONFIG, JSON.stringify({ root: '.', port: takenPort, cleanUrls: true }));
    expect(await run(['--check', '--config', CONFIG])).toEqual({
      code: 0,
      signal: null,
      stdout: `The configuration is valid: ${directory} on port ${takenPort} of 127.0.0.1; no further hosts; default limits.\n`,
      stderr: '',
    });
  });

  test('a host may have the name of a property of every object', async () => {
    expect(await run(['--check', '--vhost', '__proto__=/no/such'])).toMatchObject({
      code: 2,
      stderr: 'epollet: The directory /no/such does not exist; give one that does.\n',
    });
  });

  test('EPOLLET_CHECK checks, and an error in the configuration file is found', async () => {
    writeFileSync(CONFIG, '{ "prt": 1 }');
    expect(await run(['serve'], { env: { EPOLLET_CHECK: 'yes', EPOLLET_CONFIG: CONFIG } })).toEqual({
      code: 2,
      signal: null,
      stdout: '',
      stderr: `epollet: ${CONFIG}: prt is not an option; did you mean port?\n`,
    });
  });
});
