import { list, type OptionRow, type OptionType, optionError, text, toggle } from '../files/rules/option-type.js';
import { isNetwork, Networks } from '../net/ip/networks.js';
import { TrustedProxies, UNIX_PEERS } from './clients/trusted-proxies.js';

/** Options of who the clients are. */
export interface ClientOptions {
  /**
   * The proxies in front: addresses, networks such as `10.0.0.0/8`, and `unix` for the peers of Unix sockets. What they
   * write in X-Forwarded-For or Forwarded is the client's address, and in X-Forwarded-Proto the scheme of `request.url`.
   * @default none
   */
  trustedProxies?: string | readonly string[];
  /** Connections of `trustedProxies` begin with a PROXY header, version 1 or 2, which has the client's address. @default false */
  proxyProtocol?: boolean;
  /** Addresses and networks of clients without `maxConnectionsPerClient` and `clientRequestsPerSecond`. @default none */
  exemptClients?: string | readonly string[];
}

export const NETWORK_NOUN = 'an address such as "192.0.2.1", or a network such as "10.0.0.0/8" or "fd00::/8"';
export const PROXY_NOUN = `${NETWORK_NOUN}, or "${UNIX_PEERS}"`;
export const isProxy = (value: string): boolean => value === UNIX_PEERS || isNetwork(value);

function oneOrSeveral(element: OptionType<string>): OptionType<string[]> {
  const elements = list(element);
  return {
    schema: { anyOf: [element.schema, elements.schema] },
    check: (name, value) => (typeof value === 'string' ? [element.check(name, value)] : elements.check(name, value)),
  };
}

export const CLIENT_OPTIONS = {
  trustedProxies: {
    type: oneOrSeveral(text(PROXY_NOUN, isProxy, { minLength: 1 })),
    default: [],
    description: 'proxies that report the address of a client: networks, or unix for Unix sockets',
    flag: { argument: 'network', repeatable: true },
  },
  proxyProtocol: toggle(false, 'connections of trusted proxies begin with a PROXY header, version 1 or 2'),
  exemptClients: {
    type: oneOrSeveral(text(NETWORK_NOUN, isNetwork, { minLength: 1 })),
    default: [],
    description: 'networks of clients that have no limits of a client address',
    flag: { argument: 'network', repeatable: true },
  },
} as const satisfies { readonly [name in keyof ClientOptions]-?: OptionRow<unknown> };

/** What the options are to a server; null for what is off. */
export interface ClientRules {
  readonly proxies: TrustedProxies | null;
  readonly exempt: Networks | null;
}

/** @throws as `checkedOptions` does */
export function checkedClients(options: ClientOptions): ClientRules {
  const { trustedProxies: trusted = [], proxyProtocol = false, exemptClients = [] } = options;
  const proxies = CLIENT_OPTIONS.trustedProxies.type.check('trustedProxies', trusted);
  const exempt = CLIENT_OPTIONS.exemptClients.type.check('exemptClients', exemptClients);
  if (CLIENT_OPTIONS.proxyProtocol.type.check('proxyProtocol', proxyProtocol) && proxies.length === 0)
    throw optionError('proxyProtocol needs trustedProxies: give the addresses of the proxies too');
  return {
    proxies: proxies.length === 0 ? null : new TrustedProxies(proxies, proxyProtocol),
    exempt: exempt.length === 0 ? null : new Networks(exempt),
  };
}
