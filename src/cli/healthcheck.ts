import { get } from 'node:http';
import type { Command } from 'commander';
import { readConfig } from './settings/config.js';
import { UsageError } from './settings/usage-error.js';

const TIMEOUT_MS = 5000;

export function defineHealthcheck(command: Command): void {
  command
    .argument('[url]', 'an http:// URL; without one, / of the server that the environment variables describe')
    .action(async (url: string | undefined) => {
      process.exitCode = (await isHealthy(url ? parsed(url) : ownUrl())) ? 0 : 1;
    });
}

function parsed(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol !== 'http:')
    throw new UsageError(`${JSON.stringify(url)} is not an http:// URL; give one such as http://127.0.0.1:8080/.`);
  return parsed;
}

/** The server of this container: EPOLLET_HOST and EPOLLET_PORT, else HOST and PORT, else the file of EPOLLET_CONFIG. */
function ownUrl(): URL {
  const { env } = process;
  const path = env['EPOLLET_CONFIG'];
  const file = path ? readConfig(path) : null;
  const host = env['EPOLLET_HOST'] || env['HOST'] || (file?.host ?? '127.0.0.1');
  const port = env['EPOLLET_PORT'] || env['PORT'] || (file?.port ?? 8080);
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host;
  return parsed(`http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/`);
}

function isHealthy(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const fail = (reason: string): void => {
      process.stderr.write(`epollet: ${url.href}: ${reason}\n`);
      resolve(false);
    };
    const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      response.destroy(); // only the status matters
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) resolve(true);
      else fail(`status ${status}`);
    });
    request.on('timeout', () => request.destroy(new Error(`no response within ${TIMEOUT_MS / 1000} s`)));
    request.on('error', (error) => fail(error.message));
  });
}
