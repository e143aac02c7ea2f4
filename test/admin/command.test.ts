import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { MAIN } from '../support/command.js';

test('the command prints the admin door, which has metrics, and warns of one that other machines reach', async () => {
  const started = spawn(process.execPath, [MAIN, '--port', '0', '--admin', '0.0.0.0:0'], {
    env: { PATH: process.env['PATH'] },
  });
  let [output, errors] = ['', ''];
  started.stderr.on('data', (data) => {
    errors += data;
  });
  try {
    while (!output.includes('admin door')) output += String((await once(started.stdout, 'data'))[0]);
    const [, port] = /:(\d+)\/ is the admin door$/m.exec(output)!;
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('epollet_ready 1\n');
    expect(errors).toContain('Other machines may reach the admin door');
  } finally {
    started.kill();
    await once(started, 'close');
  }
});
