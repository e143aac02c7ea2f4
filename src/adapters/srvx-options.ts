import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ServerOptions } from 'srvx';
import { optionError } from '../files/rules/option-type.js';
import { LIMITS } from '../http/limits.js';
import type { HandlerContext } from '../server/handlers/handler-context.js';
import type { ServeOptions } from '../server/options.js';
import type { UpgradeContext } from '../server/upgrade/upgrade-context.js';

/** What epollet calls a handler with: the client's address, the server, the id of the request. */
export type SrvxContext = HandlerContext | UpgradeContext;

declare module 'srvx' {
  interface ServerRuntimeContext {
    epollet?: SrvxContext;
  }
}

/** srvx's options, and those of `serve` that it has no name for. */
export interface SrvxOptions extends ServerOptions {
  /** Further options of epollet's `serve`: `root`, `limits`, `accessLog`, `admin`, `listen` … */
  epollet?: Omit<ServeOptions, 'fetch' | 'error' | 'upgrade' | 'hostname' | 'port'>;
}

/** What `trustProxy` believes, as networks; `unix` are the peers of Unix sockets. */
const LOOPBACK = ['127.0.0.0/8', '::1'];
const EVERY_PEER = ['0.0.0.0/0', '::/0', 'unix'];
const DEFAULT_PORT = 3000;

/**
 * The options of `serve` that srvx's are, without the handlers.
 * @throws TypeError or RangeError ERR_EPOLLET_OPTION for one that cannot be honoured
 */
export function plainOptions(options: SrvxOptions): ServeOptions {
  const { tls, protocol, reusePort, trustProxy, maxRequestBodySize, epollet = {} } = options;
  if (protocol === 'https' || (protocol !== 'http' && (tls?.cert || tls?.key)))
    throw optionError(`${protocol === 'https' ? 'protocol' : 'tls'} is not available: put a proxy in front for TLS`);
  if (reusePort === true)
    throw optionError(
      'reusePort is not available: serve from worker threads with the options workers and app of epollet',
    );
  return {
    ...epollet,
    ...(trustProxy ? { trustedProxies: trustedBy(trustProxy) } : {}),
    limits: { bodyBytes: maxRequestBodySize ?? LIMITS.bodyBytes.max, ...epollet.limits },
  };
}

const trustedBy = (trustProxy: true | 'loopback' | readonly string[]): readonly string[] =>
  trustProxy === true ? EVERY_PEER : trustProxy === 'loopback' ? LOOPBACK : trustProxy;

/** Where it listens: by the variables PORT and HOST, or port 3000 and all addresses, unless the options have it. */
export function addressOf(options: SrvxOptions): { hostname: string; port: number } {
  const given = options.port ?? process.env['PORT'] ?? DEFAULT_PORT;
  const port = typeof given === 'number' ? given : Number.parseInt(given, 10);
  return { hostname: options.hostname || process.env['HOST'] || '::', port };
}

/** A name that the system resolves, as Node's servers take it; null for what `serve` takes itself. */
export const resolved = (hostname: string): Promise<string> | null =>
  hostname === 'localhost' || isIP(hostname) !== 0 ? null : lookup(hostname).then(({ address }) => address);
