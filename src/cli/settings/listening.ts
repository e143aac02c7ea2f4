import type { Command } from 'commander';
import { hostText, listenText, parseListen, workingDirectory } from '../../net/listening/listen-address.js';
import type { ServeOptions } from '../../server/options.js';
import type { Config } from './config.js';
import { flagOf, variableOf } from './flags.js';
import { type HostSource, hostSourceOf, resolveHost } from './host.js';
import { UsageError } from './usage-error.js';

/** Where to listen: a host and a port, or a list. */
export interface Listening {
  /** An address or a name; of the ports alone, if there is a list. */
  readonly host: string;
  readonly hostSource?: HostSource;
  /** Not with a list. */
  readonly port?: number;
  /** Hosts in it may be names. */
  readonly listen?: readonly string[];
  readonly listenSource?: HostSource;
  /** The port is that of PORT, and no host was given: all addresses. */
  readonly isPlatformPort?: boolean;
}

interface Flags {
  readonly host: string;
  readonly port: number | string;
  readonly listen?: readonly string[];
  readonly config?: string;
}

const ALL_ADDRESSES = '::';

/** HOST and PORT rank below the variables of epollet, and above the configuration file. */
const CLI = 4;
const ENV = 3;
const PLATFORM = 2;
const FILE = 1;
const DEFAULT = 0;

/** @throws UsageError for values that contradict each other */
export function listeningOf(command: Command, file: Config | null): Listening {
  const flags = command.opts<Flags>();
  const rank = (name: 'host' | 'port' | 'listen'): number => {
    const source = command.getOptionValueSource(name);
    if (source === 'cli') return CLI;
    if (source === 'env') return ENV;
    if (name !== 'listen' && process.env[name.toUpperCase()]) return PLATFORM;
    return file?.[name] === undefined ? DEFAULT : FILE;
  };
  const hostRank = rank('host');
  const portRank = rank('port');
  let listenRank = rank('listen');
  const given = (listenRank === FILE ? file?.listen : flags.listen) ?? [];
  const addresses = given.map((each) => parseListen(each, '/')!);
  const hasBarePort = addresses.some((each) => each.kind === 'tcp' && each.host === null);
  const shown = (name: 'host' | 'port' | 'listen'): string => {
    if (rank(name) === ENV) return variableOf(name);
    return rank(name) === FILE ? name : flagOf(name);
  };
  const place = listenRank === FILE ? `${flags.config}: ` : '';
  if (listenRank > DEFAULT && listenRank === portRank)
    throw new UsageError(`${place}${shown('listen')} has a port too, as ${shown('port')}; give one of the two.`);
  if (listenRank > DEFAULT && listenRank === hostRank && !hasBarePort)
    throw new UsageError(`${place}${shown('listen')} has a host too, as ${shown('host')}; give one of the two.`);
  const only = addresses.length === 1 && addresses[0]!.kind === 'tcp' ? addresses[0]! : null;
  if (only === null && portRank > listenRank) listenRank = DEFAULT; // the port replaces the list
  const isList = listenRank > DEFAULT && only === null;
  if (isList && !hasBarePort && hostRank > Math.max(listenRank, PLATFORM))
    throw new UsageError(`${shown('host')} has no effect on ${shown('listen')}; give --listen instead.`);

  const listenHost = only !== null && listenRank > hostRank ? only.host : null;
  const isListenPort = only !== null && listenRank > portRank;
  const listenSource =
    listenRank === FILE ? { file: flags.config! } : listenRank === ENV ? 'EPOLLET_LISTEN' : '--listen';
  const hosts: Listening =
    listenHost !== null
      ? { host: listenHost, hostSource: listenSource }
      : hostRank === FILE
        ? { host: file!.host!, hostSource: { file: flags.config! } }
        : { host: flags.host, hostSource: hostSourceOf(command) };
  if (isList) return { ...hosts, listen: given, listenSource };
  // Heroku, Render and Cloud Run set it, and connect from outside of the container.
  const isPlatformPort = portRank === PLATFORM && !isListenPort && hostRank === DEFAULT && listenHost === null;
  return {
    ...hosts,
    ...(isPlatformPort ? { host: ALL_ADDRESSES } : {}),
    isPlatformPort,
    port: isListenPort ? only.port : portOf(portRank === FILE ? file!.port! : flags.port),
  };
}

/** A text is a broken PORT that would be used. */
export function portOf(port: number | string): number {
  if (typeof port === 'number') return port;
  throw new UsageError(`PORT must be an integer from 0 to 65535, not ${JSON.stringify(port)}.`);
}

/**
 * The options of `serve` for it, with addresses in place of names.
 * @throws UsageError for a name without an address
 */
export async function resolveListening(
  listening: Listening,
): Promise<Pick<ServeOptions, 'hostname' | 'port' | 'listen'>> {
  const { host, hostSource, port, listen, listenSource } = listening;
  if (listen === undefined) return { hostname: await resolveHost(host, hostSource), port: port! };
  const resolved: string[] = [];
  for (const text of listen) {
    const address = parseListen(text, workingDirectory())!;
    if (address.kind !== 'tcp') resolved.push(listenText(address));
    else {
      const [name, source] = address.host === null ? [host, hostSource] : [address.host, listenSource];
      resolved.push(`${hostText(await resolveHost(name, source))}:${address.port}`);
    }
  }
  return { listen: resolved };
}
