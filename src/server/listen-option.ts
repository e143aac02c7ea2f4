import { invalidValue, list, type OptionType, optionError, text } from '../files/rules/option-type.js';
import { isAddress } from '../net/listening/address.js';
import {
  type GivenAddress,
  LISTEN_NOUN,
  type ListenAddress,
  listenText,
  parseListen,
  workingDirectory,
} from '../net/listening/listen-address.js';

/**
 * `8080`, `:8080` (all addresses), `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/x.sock`, `unix:/run/x.sock?mode=660`,
 * `unix:@abstract`, `fd:3`, `systemd`, `systemd:NAME`.
 */
export type ListenOption = string;

const ELEMENT = text(LISTEN_NOUN, (value) => parseListen(value, '/') !== null, { minLength: 1 });
const ELEMENTS = list(ELEMENT);

export const LISTEN: OptionType<string[]> = {
  schema: { anyOf: [ELEMENT.schema, { ...ELEMENTS.schema, minItems: 1 }] },
  check(name, value) {
    if (typeof value === 'string') return [ELEMENT.check(name, value)];
    const checked = ELEMENTS.check(name, value);
    return checked.length > 0 ? checked : invalidValue(name, `${LISTEN_NOUN}, or a list of them`, value);
  },
};

/**
 * @param given by `listen`, checked
 * @param host of a bare port
 */
export function listenAddresses(given: readonly string[], host: string): ListenAddress[] {
  const directory = workingDirectory();
  const addresses = given.map((each) => withHost(parseListen(each, directory)!, host, each));
  const seen = new Set<string>();
  for (const address of addresses) {
    const name = listenText({ ...address, mode: null } as ListenAddress);
    if (seen.has(name) && !(address.kind === 'tcp' && address.port === 0))
      throw optionError(`listen has ${name} twice; leave one out`);
    seen.add(name);
  }
  return addresses.map((address) => (leavesIPv4(address, addresses) ? { ...address, isV6Only: true } : address));
}

function withHost(address: GivenAddress, byDefault: string, given: string): ListenAddress {
  if (address.kind !== 'tcp') return address;
  const host = address.host ?? byDefault;
  if (host === 'localhost') return { ...address, host: '127.0.0.1' };
  if (isAddress(host)) return { ...address, host };
  throw optionError(`listen has ${JSON.stringify(given)}, whose host is neither an IP address nor localhost`);
}

/** Of `::` and an IPv4 address of the same port, each has its own family: bind(2) refuses both otherwise. */
function leavesIPv4(address: ListenAddress, all: readonly ListenAddress[]): address is ListenAddress & { kind: 'tcp' } {
  if (address.kind !== 'tcp' || address.host !== '::' || address.port === 0) return false;
  return all.some((other) => other.kind === 'tcp' && other.port === address.port && !other.host.includes(':'));
}
