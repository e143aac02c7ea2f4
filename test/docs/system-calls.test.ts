import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kernel } from '../../src/sys/binding.js';
import { PACKAGE } from '../support/command.js';

const page = readFileSync(join(PACKAGE, 'docs/system-calls.md'), 'utf8');

/** The script of the page whose first line names it, as arguments of node. */
function script(name: string): string[] {
  const [, text] = new RegExp(`^\`\`\`js\\n(// ${name}\\n.*?)^\`\`\`$`, 'ms').exec(page)!;
  return ['--input-type=module', '-e', text!];
}

const run = (name: string) =>
  spawnSync(process.execPath, script(name), { cwd: PACKAGE, encoding: 'utf8', timeout: 10_000 });

test('the UDP echo returns datagrams to their senders', async () => {
  const server = spawn(process.execPath, script('udp-echo.mjs'), {
    cwd: PACKAGE,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const client = createSocket('udp4');
  try {
    const [line] = await once(server.stdout, 'data');
    const port = Number(/^UDP port (\d+)$/m.exec(String(line))![1]);
    for (const text of ['hello', '']) {
      const echo = once(client, 'message');
      client.send(text, port, '127.0.0.1');
      expect(String((await echo)[0])).toBe(text);
    }
  } finally {
    client.close();
    server.kill('SIGKILL');
    await once(server, 'close');
  }
});

test('the session on a pseudoterminal runs a shell with the size of the window', () => {
  const { status, stdout, stderr } = run('pty.mjs');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/\b24 80\r?$/m);
});

test('the passed descriptor works', () => {
  const { stdout, stderr } = run('pass.mjs');
  expect([stdout, stderr]).toEqual(['6 1 hello\n', '']);
});

test('the table has every call', () => {
  const table = page.slice(page.indexOf('## All calls'));
  const documented = [...table.matchAll(/^\| [^|]* \| (.*) \|$/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  );
  expect(documented.sort()).toEqual(Object.keys(kernel).sort());
});
