import type { Command } from 'commander';
import { isAddress } from '../../net/listening/address.js';
import { UsageError } from './usage-error.js';

/** Where a host was given: a flag, the name of a variable, or the configuration file. */
export type HostSource = '--host' | '--listen' | 'EPOLLET_HOST' | 'EPOLLET_LISTEN' | 'HOST' | { readonly file: string };

/** @throws UsageError for a host without an address, which names where it was given */
export async function resolveHost(host: string, source: HostSource = '--host'): Promise<string> {
  if (host === 'localhost' || isAddress(host)) return host;
  const fault = faultOf(host, remedyOf(source));
  if (fault !== null) throw new UsageError(`${hostFrom(host, source)} ${fault}.`);
  const { lookup } = await import('node:dns/promises'); // not for an address, which most hosts are
  const { address } = host === '' ? { address: '' } : await lookup(host).catch(() => ({ address: '' }));
  if (isAddress(address)) return address;
  throw new UsageError(
    `${hostFrom(host, source)} has no address; ${remedyOf(source)} an IP address, localhost or a name that resolves.`,
  );
}

/** The subject of a sentence about a host. */
export function hostFrom(host: string, source: HostSource): string {
  const name = `The host ${JSON.stringify(host)}`;
  if (source === '--host' || source === '--listen') return name;
  return typeof source === 'string' ? `${name} in the variable ${source}` : `${name} in ${source.file}`;
}

/** The beginning of a remedy, which an address follows. Shells and conda set HOST to the name of the machine. */
export function remedyOf(source: HostSource): string {
  if (source === '--host' || source === '--listen') return `give ${source}`;
  if (source === 'HOST') return 'set EPOLLET_HOST, which takes precedence, to';
  return typeof source === 'string' ? 'set it to' : 'write';
}

/** What is wrong with a text that is more or less than a host, as the rest of a sentence; null if nothing is. */
function faultOf(host: string, remedy: string): string | null {
  if (host === '*') return `is not an address; ${remedy} ::, which means all addresses`;
  if (/^\d+$/.test(host)) return `is a number; give a port by --port ${host}`;
  const [, scheme, bracketed, plain, port, path] =
    /^([a-z][a-z0-9+.-]*:\/\/)?(?:\[([^\]]*)\]|([^:/]*))(?::(\d+))?(\/.*)?$/i.exec(host) ?? [];
  const name = bracketed ?? plain;
  if (name === undefined || name === '') return null;
  const byPort = port === undefined ? '' : ` and --port ${port}`;
  if (scheme !== undefined || path !== undefined) return `is a URL or a path; ${remedy} ${name}${byPort}`;
  if (port !== undefined) return `has a port; ${remedy} ${name}${byPort}`;
  return bracketed === undefined ? null : `has brackets; ${remedy} ${name}`;
}

/** Where the host of the flags is from; the configuration file does not count. */
export function hostSourceOf(command: Command): HostSource {
  const source = command.getOptionValueSource('host');
  if (source === 'env') return 'EPOLLET_HOST';
  return source !== 'cli' && process.env['HOST'] ? 'HOST' : '--host';
}
