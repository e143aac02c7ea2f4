import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../support/command.js';
import { needs } from '../support/needs.js';
import { exchange, request } from '../support/raw-client.js';
import { HELLO, MIB, makeSite, type Site } from '../support/site.js';

const hasGoAccess = spawnSync('goaccess', ['--version']).status === 0;
const canRun = needs(hasGoAccess, 'GoAccess reads the access log', 'goaccess is not installed');

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

interface Report {
  general: Record<string, number>;
  requests: { data: { data: string }[] };
}

test.runIf(canRun)('GoAccess reads every line of the combined format as it is', async () => {
  const log = join(site.outside, 'access.log');
  const args = [site.root, '--port', '0', '--access-log', 'combined', '--access-log-file', log];
  await using server = command([...args, '--head-timeout-ms', '100']);
  const port = await server.port();
  const agent = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) "quoted" \\ \xe9';
  for (const text of [
    request('/hello.txt', [agent, 'Referer: https://example.org/a?b']),
    request('/hello.txt?a="b"\xff', [agent]),
    request('/hello.txt', [], 'HEAD'),
    request('/nothing'),
    `GET /${MIB}.bin HTTP/1.0\r\n\r\n`,
    'nonsense\r\n\r\n',
    'GET /ha',
  ])
    await exchange(port, text);
  await server.kill().ended;
  const output = join(site.outside, 'report.json');
  const options = ['--log-format=COMBINED', '--no-global-config', '--no-progress', '-o', output];
  execFileSync('goaccess', [log, ...options], { stdio: 'ignore', timeout: 8000 });
  const { general, requests } = JSON.parse(readFileSync(output, 'utf8')) as Report;
  expect(general).toMatchObject({ total_requests: 7, valid_requests: 7, failed_requests: 0, unique_not_found: 1 });
  expect(general['bandwidth']).toBeGreaterThanOrEqual(2 * HELLO.length + MIB);
  expect(requests.data.map(({ data }) => data)).toContain(`/${MIB}.bin`);
});
