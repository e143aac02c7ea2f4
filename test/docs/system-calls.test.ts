import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kernel } from '../../src/sys/binding.js';
import { PACKAGE } from '../support/command.js';

const PAGE = 'docs/system-calls.md';
const page = readFileSync(join(PACKAGE, PAGE), 'utf8');

/** The script of a page whose first line names it. */
function scriptOf(path: string, name: string): string {
  const text = path === PAGE ? page : readFileSync(join(PACKAGE, path), 'utf8');
  return new RegExp(`^\`\`\`js\\n(// ${name}\\n.*?)^\`\`\`$`, 'ms').exec(text)![1]!;
}

const argumentsFor = (script: string): string[] => ['--input-type=module', '-e', script];

const run = (path: string, name: string) =>
  spawnSync(process.execPath, argumentsFor(scriptOf(path, name)), { cwd: PACKAGE, encoding: 'utf8', timeout: 10_000 });

/** Sends datagrams to a port of 127.0.0.1, each until it comes back: the server may not be bound yet. */
async function expectEcho(port: number): Promise<void> {
  const client = createSocket('udp4');
  try {
    for (const text of ['hello', '']) {
      const echo = once(client, 'message', { signal: AbortSignal.timeout(8000) });
      const send = (): void => client.send(text, port, '127.0.0.1');
      send();
      const again = setInterval(send, 50);
      expect(String((await echo.finally(() => clearInterval(again)))[0])).toBe(text);
    }
  } finally {
    client.close();
  }
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

test.each([PAGE, 'README.md'])('the UDP echo of %s returns datagrams to their senders', async (path) => {
  const port = await freeUdpPort();
  const script = scriptOf(path, 'udp-echo.mjs').replace('7007', String(port));
  expect(script).toContain(`'127.0.0.1', ${port}`);
  const server = spawn(process.execPath, argumentsFor(script), {
    cwd: PACKAGE,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await expectEcho(port);
  } finally {
    server.kill('SIGKILL');
    await once(server, 'close');
  }
});

test.each([PAGE, 'README.md'])('the session of %s on a pseudoterminal has the size of the window', (path) => {
  const { status, stdout, stderr } = run(path, 'pty.mjs');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/\b24 80\r?$/m);
});

test('the passed descriptor works', () => {
  const { stdout, stderr } = run(PAGE, 'pass.mjs');
  expect([stdout, stderr]).toEqual(['6 1 hello\n', '']);
});

test('the table has every call', () => {
  const table = page.slice(page.indexOf('## All calls'));
  const documented = [...table.matchAll(/^\| [^|]* \| (.*) \|$/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  );
  expect(documented.sort()).toEqual(Object.keys(kernel).sort());
});
