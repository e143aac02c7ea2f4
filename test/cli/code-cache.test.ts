import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { command } from '../support/command.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'epollet-code-cache-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const path = (): string => join(directory, readdirSync(directory)[0]!);

/** Serves a page, and stops. */
async function serveOnce(env: Record<string, string> = {}): Promise<void> {
  await using server = command(['--port', '0'], { env: { NODE_COMPILE_CACHE: directory, ...env } });
  const response = await fetch(`http://127.0.0.1:${await server.port()}/`);
  expect(await response.text()).toMatch(/^<!doctype html>/);
  expect(await server.kill().ended).toMatchObject({ code: 0, stderr: '' });
}

test('the compiled code is written once, and again if V8 rejects it', async () => {
  await serveOnce();
  const { ino, mtimeMs } = statSync(path());
  await serveOnce();
  expect(statSync(path())).toMatchObject({ ino, mtimeMs });
  const compiled = readFileSync(path());
  for (const broken of [Buffer.from('nothing that V8 knows'), compiled.subarray(0, compiled.length >> 1)]) {
    writeFileSync(path(), broken);
    await serveOnce();
    expect(readFileSync(path()).length).toBeGreaterThan(broken.length);
  }
});

test('without a place to write it the command serves all the same', async () => {
  chmodSync(directory, 0o777); // others can write to it
  await serveOnce();
  await serveOnce({ NODE_COMPILE_CACHE: '/proc/self/fdinfo' });
  expect(readdirSync(directory)).toEqual([]);
});

test('NODE_DISABLE_COMPILE_CACHE switches it off', async () => {
  await serveOnce({ NODE_DISABLE_COMPILE_CACHE: '1' });
  expect(readdirSync(directory)).toEqual([]);
});

test('a command that does not serve writes none', async () => {
  await using version = command(['--version'], { env: { NODE_COMPILE_CACHE: directory } });
  expect(await version.ended).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(directory)).toEqual([]);
});
