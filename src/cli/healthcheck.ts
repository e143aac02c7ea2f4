import type { Command } from 'commander';
import { readConfig } from './settings/config.js';
import { type Endpoint, endpoint } from './settings/flags.js';
import { addWrapped } from './settings/help.js';
import { UsageError } from './settings/usage-error.js';

/** For all requests of a check: less than the 3 s after which the image's HEALTHCHECK is killed without its reason. */
const TIMEOUT_MS = 2500;
const REDIRECTS_MAX = 10;

const HELP = `
Healthy (exit code 0) is a 2xx. Redirects within the server are followed; one to another server is healthy, as for Kubernetes. The environment variables are EPOLLET_HOST, EPOLLET_PORT, EPOLLET_LISTEN, HOST, PORT and EPOLLET_CONFIG.`;

export function defineHealthcheck(command: Command): void {
  addWrapped(command, HELP)
    .argument(
      '[url]',
      'an http:// URL, or a path of the server that the environment variables describe; without one, any response of it below 500 to / is healthy',
    )
    .action(async (target: string | undefined) => {
      const url = target === undefined ? ownUrl('/') : target.startsWith('/') ? ownUrl(target) : parsed(target);
      const { isHealthy, seen } = await check(url, target === undefined);
      if (isHealthy) process.stdout.write(`${seen}\n`);
      else process.stderr.write(`epollet: ${seen}\n`);
      process.exitCode = isHealthy ? 0 : 1;
    });
}

interface Health {
  readonly isHealthy: boolean;
  /** What was requested, what came, and what is expected or to be done. */
  readonly seen: string;
}

function parsed(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol === 'http:') return parsed;
  throw new UsageError(
    `${JSON.stringify(url)} is neither a path nor an http:// URL; give one such as /health or http://127.0.0.1:8080/.`,
  );
}

/** The server of this container: EPOLLET_HOST and EPOLLET_PORT, else HOST and PORT, else the file of EPOLLET_CONFIG. */
function ownUrl(path: string): URL {
  const { env } = process;
  const configPath = env['EPOLLET_CONFIG'];
  const file = configPath ? readConfig(configPath) : null;
  const listen = listenOf(env['EPOLLET_LISTEN']);
  const host = env['EPOLLET_HOST'] || listen?.host || env['HOST'] || (file?.host ?? '127.0.0.1');
  const port = env['EPOLLET_PORT'] || listen?.port || env['PORT'] || (file?.port ?? 8080);
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host;
  // Not resolved against a base: //name is a path here.
  return parsed(`http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}${path}`);
}

function listenOf(text: string | undefined): Endpoint | null {
  try {
    return text ? endpoint(text) : null;
  } catch (error) {
    throw new UsageError(`EPOLLET_LISTEN is ${JSON.stringify(text)}; ${(error as Error).message}`);
  }
}

/** @param isAnyStatus any response below 500 shows that the server works; the site need not have a page there */
async function check(url: URL, isAnyStatus: boolean): Promise<Health> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let next = url;
  let path = '';
  for (let redirects = 0; ; redirects++) {
    const place = `${path}${next.href}`;
    const response = await statusOf(next, signal).catch((error: NodeJS.ErrnoException) => failure(next, error, signal));
    if (typeof response === 'string') return { isHealthy: false, seen: `${place}: ${response}` };
    const { status, location } = response;
    if (status >= 200 && status < 300) return { isHealthy: true, seen: `${place}: status ${status}` };
    const isRedirect = [301, 302, 303, 307, 308].includes(status) && location !== undefined;
    const target = isRedirect && URL.canParse(location, next.href) ? new URL(location, next) : null;
    if (target !== null && target.origin !== url.origin)
      return { isHealthy: true, seen: `${place}: status ${status} to another server, ${target.origin}` };
    if (target !== null && redirects === REDIRECTS_MAX) {
      const seen = `${next.href}: status ${status} to ${target.href}, after ${REDIRECTS_MAX} redirects; end the loop.`;
      return { isHealthy: false, seen };
    }
    if (target !== null) {
      path = `${place}: status ${status}, `;
      next = target;
      continue;
    }
    if (isAnyStatus && status < 500) return { isHealthy: true, seen: `${place}: status ${status}` };
    return {
      isHealthy: false,
      seen: `${place}: status ${status}; ${isAnyStatus ? 'below 500' : '2xx'} is healthy.`,
    };
  }
}

/** Only the head of the response is read. */
async function statusOf(url: URL, signal: AbortSignal): Promise<{ status: number; location: string | undefined }> {
  const { get } = await import('node:http'); // which the server does without
  return new Promise((resolve, reject) => {
    const headers = { 'User-Agent': 'epollet-healthcheck' };
    get(url, { agent: false, signal, headers }, (response) => {
      response.on('error', () => {}); // of its body, which is not read
      response.destroy();
      resolve({ status: response.statusCode ?? 0, location: response.headers.location });
    }).on('error', reject);
  });
}

function failure({ host }: URL, { code, message }: NodeJS.ErrnoException, signal: AbortSignal): string {
  if (signal.aborted) return `no response within ${TIMEOUT_MS / 1000} s.`;
  if (code === 'ECONNREFUSED')
    return `no server listens on ${host} (ECONNREFUSED); start it, or set EPOLLET_PORT to its port.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host has no address (${code}); give another URL.`;
  return `${message.replace(/\.$/, '')}; that is not a response of HTTP.`;
}
