import type { NetConnectOpts, Socket } from 'node:net';
import type { Command } from 'commander';
import {
  type GivenAddress,
  hostText,
  parseListen,
  pathText,
  workingDirectory,
} from '../net/listening/listen-address.js';
import { adminAddress } from '../server/admin-option.js';
import { TrustedProxies } from '../server/clients/trusted-proxies.js';
import type { SocketAddress } from '../sys/kernel.js';
import { type Config, readConfig } from './settings/config.js';
import { listenTexts, proxyTexts, switchValue } from './settings/flags.js';
import { addWrapped } from './settings/help.js';
import { UsageError } from './settings/usage-error.js';

/** For all requests of a check: less than the 3 s after which the image's HEALTHCHECK is killed without its reason. */
const TIMEOUT_MS = 2500;
const LOOPBACK = '127.0.0.1';
const REDIRECTS_MAX = 10;
/** Of a connection that no proxy has sent on: the client is the peer. */
const PROXY_HEADER = 'PROXY UNKNOWN\r\n';

const HELP = `
Healthy (exit code 0) is a 2xx. Redirects within the server are followed; one to another server is healthy, as for Kubernetes. The environment variables are EPOLLET_ADMIN, EPOLLET_HOST, EPOLLET_PORT, EPOLLET_LISTEN, HOST, PORT and EPOLLET_CONFIG.`;

export function defineHealthcheck(command: Command): void {
  addWrapped(command, HELP)
    .argument(
      '[url]',
      'an http:// URL, a Unix socket such as unix:/run/x.sock or unix:/run/x.sock:/health, or a path of the server that the environment variables describe; without one, /readyz of its admin door, or if it has none any response below 500 to /, is healthy',
    )
    .action(async (target: string | undefined) => {
      const admin = target === undefined ? adminTarget() : null;
      const { isHealthy, seen } = await check(admin ?? targetOf(target), target === undefined && admin === null);
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

interface Target {
  readonly url: URL;
  /** Of a Unix socket, in place of the host of the URL. */
  readonly socketPath: string | null;
  /** The server takes this connection for one of a trusted proxy, and expects a PROXY header. */
  readonly sendsHeader?: boolean;
}

/** `unix:/run/x.sock`, or with a path of the server behind a colon, as nginx has it: `unix:/run/x.sock:/health`. */
function targetOf(text: string | undefined): Target {
  if (text === undefined || text.startsWith('/')) return ownTarget(text ?? '/');
  if (!text.startsWith('unix:')) return { url: parsed(text), socketPath: null };
  const [, socket = '', path = '/'] = /^(.*?)(?::(\/.*))?$/.exec(text.slice('unix:'.length)) ?? [];
  const address = parseListen(`unix:${socket}`, workingDirectory());
  if (address?.kind === 'unix') return { url: parsed(`http://localhost${path}`), socketPath: address.path };
  throw new UsageError(`${JSON.stringify(text)} has no path of a socket; give one such as unix:/run/epollet.sock.`);
}

function parsed(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol === 'http:') return parsed;
  throw new UsageError(
    `${JSON.stringify(url)} is neither a path nor an http:// URL; give one such as /health or http://127.0.0.1:8080/.`,
  );
}

/** The server of this container: EPOLLET_HOST and EPOLLET_PORT, else HOST and PORT, else the file of EPOLLET_CONFIG. */
function ownTarget(path: string): Target {
  const { env } = process;
  const configPath = env['EPOLLET_CONFIG'];
  const file = configPath ? readConfig(configPath) : null;
  const isPort = Boolean(env['EPOLLET_PORT']);
  const listen = isPort
    ? null
    : (ownListen(env['EPOLLET_LISTEN']) ?? (env['PORT'] ? null : firstOf(file?.listen ?? [])));
  if (listen?.kind === 'unix')
    return {
      url: parsed(`http://localhost${path}`),
      socketPath: listen.path,
      sendsHeader: expectsHeader(file, { family: 'unix', address: '', port: 0 }),
    };
  if (listen !== null && listen.kind !== 'tcp')
    throw new UsageError('The address of an inherited socket is not known; give its URL, or unix: and its path.');
  const host = env['EPOLLET_HOST'] || listen?.host || env['HOST'] || (file?.host ?? '127.0.0.1');
  const port = env['EPOLLET_PORT'] || listen?.port || env['PORT'] || (file?.port ?? 8080);
  const address = reachable(host);
  const sendsHeader = expectsHeader(file, {
    family: 'IPv4',
    address: address === 'localhost' ? LOOPBACK : address,
    port: 0,
  });
  // Not resolved against a base: //name is a path here.
  return { url: parsed(`http://${hostText(address)}:${port}${path}`), socketPath: null, sendsHeader };
}

/** @param peer this process, as the server sees it: by the address that it connects to */
function expectsHeader(file: Config | null, peer: SocketAddress): boolean {
  const { env } = process;
  const isOn = env['EPOLLET_PROXY_PROTOCOL'] ? switchValue('EPOLLET_PROXY_PROTOCOL') : file?.proxyProtocol === true;
  const given = env['EPOLLET_TRUSTED_PROXIES'];
  const trusted = given ? proxyTexts(given) : [file?.trustedProxies ?? []].flat();
  return isOn && new TrustedProxies(trusted, true).includes(peer);
}

/** Where the admin door of this container's server shows whether it takes requests; null without one. */
function adminTarget(): Target | null {
  const { env } = process;
  const given = env['EPOLLET_ADMIN'] || (env['EPOLLET_CONFIG'] ? readConfig(env['EPOLLET_CONFIG']).admin : undefined);
  if (given === undefined) return null;
  const address = adminAddress(given) === null ? null : parseListen(given, workingDirectory());
  if (address?.kind === 'unix') return { url: parsed('http://localhost/readyz'), socketPath: address.path };
  if (address?.kind !== 'tcp')
    throw new UsageError(`EPOLLET_ADMIN is ${JSON.stringify(given)}; give an address and a port, or unix: and a path.`);
  return {
    url: parsed(`http://${hostText(reachable(address.host ?? '127.0.0.1'))}:${address.port}/readyz`),
    socketPath: null,
  };
}

/** The loopback of a server that listens on all addresses. */
const reachable = (host: string): string => (host === '::' || host === '0.0.0.0' ? LOOPBACK : host);

function ownListen(text: string | undefined): GivenAddress | null {
  try {
    return text ? firstOf(listenTexts(text)) : null;
  } catch (error) {
    throw new UsageError(`EPOLLET_LISTEN is ${JSON.stringify(text)}; ${(error as Error).message}`);
  }
}

/** The first whose address is known: of TCP, or a Unix socket. */
function firstOf(listen: readonly string[]): GivenAddress | null {
  const all = listen.map((each) => parseListen(each, workingDirectory())!);
  return all.find(({ kind }) => kind === 'tcp') ?? all.find(({ kind }) => kind === 'unix') ?? all[0] ?? null;
}

/** @param isAnyStatus any response below 500 shows that the server works; the site need not have a page there */
async function check({ url, socketPath, sendsHeader = false }: Target, isAnyStatus: boolean): Promise<Health> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let next = url;
  let path = socketPath === null ? '' : `unix:${pathText(socketPath)}: `;
  for (let redirects = 0; ; redirects++) {
    const place = `${path}${next.href}`;
    const response = await statusOf(next, socketPath, sendsHeader, signal).catch((error: NodeJS.ErrnoException) =>
      failure(next, socketPath, error, signal),
    );
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
async function statusOf(
  url: URL,
  socketPath: string | null,
  sendsHeader: boolean,
  signal: AbortSignal,
): Promise<{ status: number; location: string | undefined }> {
  // Which the server does without.
  const { get } = await import('node:http');
  const { createConnection } = await import('node:net');
  const connect = (options: object): Socket => {
    const socket = createConnection(options as NetConnectOpts);
    socket.write(PROXY_HEADER);
    return socket;
  };
  const how = sendsHeader ? { createConnection: connect } : { agent: false };
  return new Promise((resolve, reject) => {
    const headers = { 'User-Agent': 'epollet-healthcheck' };
    get(url, { ...how, signal, headers, ...(socketPath === null ? {} : { socketPath }) }, (response) => {
      response.on('error', () => {}); // of its body, which is not read
      response.destroy();
      resolve({ status: response.statusCode ?? 0, location: response.headers.location });
    }).on('error', reject);
  });
}

function failure(
  { host }: URL,
  socketPath: string | null,
  { code, message }: NodeJS.ErrnoException,
  signal: AbortSignal,
): string {
  if (signal.aborted) return `no response within ${TIMEOUT_MS / 1000} s.`;
  if (socketPath !== null && ['ECONNREFUSED', 'ENOENT', 'EACCES'].includes(code ?? ''))
    return `no server can be reached on unix:${pathText(socketPath)} (${code}); start it, or give its socket.`;
  if (code === 'ECONNREFUSED')
    return `no server listens on ${host} (ECONNREFUSED); start it, or set EPOLLET_PORT to its port.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host has no address (${code}); give another URL.`;
  return `${message.replace(/\.$/, '')}; that is not a response of HTTP.`;
}
