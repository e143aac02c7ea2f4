import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Command, MAIN, PACKAGE, run } from '../support/command.js';
import { needs } from '../support/needs.js';

const UNITS = ['epollet.service', 'epollet.socket'];

/** Tenths of the exposure level of `systemd-analyze security`, of 100; below 20 it calls a service OK. */
const MAX_EXPOSURE = 20;

const runs = (...[command, ...args]: [string, ...string[]]): boolean => spawnSync(command, args).status === 0;
const hasSystemd = needs(
  runs('systemd-analyze', '--version'),
  'the units of systemd',
  'systemd-analyze is not installed; apt-get install systemd.',
);
const hasStrace = needs(
  runs('strace', '-f', '-o', '/dev/null', 'true'),
  'the system calls of the service',
  'strace is not installed or not permitted; apt-get install strace.',
);

let directory: string;

/** The units, with the command of this checkout. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'epollet-units-'));
  for (const unit of UNITS) {
    const text = readFileSync(join(PACKAGE, 'deploy/systemd', unit), 'utf8');
    writeFileSync(join(directory, unit), text.replace('/usr/local/bin/epollet', `${process.execPath} ${MAIN}`));
  }
});

afterAll(() => rmSync(directory, { recursive: true }));

const analyze = (...args: string[]) =>
  spawnSync('systemd-analyze', ['--no-pager', ...args], { cwd: directory, encoding: 'utf8', timeout: 10_000 });

test.runIf(hasSystemd)('the units are valid, and a misspelt setting is not', () => {
  const { status, stderr } = analyze('verify', ...UNITS.map((unit) => join(directory, unit)));
  expect([status, stderr]).toEqual([0, '']);
  writeFileSync(
    join(directory, 'misspelt.service'),
    '[Service]\nType=oneshot\nExecStart=/bin/true\nProtectSystm=yes\n',
  );
  expect(analyze('verify', join(directory, 'misspelt.service')).stderr).toContain('ProtectSystm');
});

test.runIf(hasSystemd)('the service is confined', () => {
  const args = ['--offline=true', `--threshold=${MAX_EXPOSURE}`, join(directory, 'epollet.service')];
  const { status, stdout } = analyze('security', ...args);
  expect(status, stdout).toBe(0);
});

test.runIf(hasSystemd && hasStrace)(
  'the filter permits every system call of a service that gets its socket',
  async () => {
    const port = await freePort();
    const calls = join(directory, 'calls');
    const env = { EPOLLET_ADMIN: `unix:${join(directory, 'admin.sock')}` };
    const setEnv = Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`);
    const activate = ['systemd-socket-activate', `--listen=127.0.0.1:${port}`, ...setEnv, process.execPath, MAIN];
    const args = ['-f', '-o', calls, ...activate, 'serve', join(PACKAGE, 'html'), '--listen', 'systemd'];
    await using server = new Command(spawn('strace', args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    await server.waitFor(/Listening on/, 'stderr');
    for (const headers of [{}, { 'Accept-Encoding': 'br' }]) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
      expect([response.status, (await response.text()).slice(0, 15)]).toEqual([200, '<!doctype html>']);
    }
    expect(await run(['healthcheck'], { env })).toMatchObject({ code: 0 });
    const { pid } = server.process;
    process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')), 'SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0 });

    const made = [...readFileSync(calls, 'utf8').matchAll(/^\d+ +(\w+)\(/gm)].map(([, name]) => name!);
    expect(made).toContain('epoll_ctl');
    const denied = callsOf('@privileged');
    const permitted = new Set([...callsOf('@system-service'), ...callsOf('@pkey')].filter((name) => !denied.has(name)));
    expect([...new Set(made)].filter((name) => !permitted.has(name))).toEqual([]);
  },
);

/** A group of systemd.exec(5) with the groups in it. */
function callsOf(group: string): Set<string> {
  const lines = analyze('syscall-filter', group).stdout.split('\n').slice(1);
  const names = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  return new Set(names.flatMap((name) => (name.startsWith('@') ? [...callsOf(name)] : [name])));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
