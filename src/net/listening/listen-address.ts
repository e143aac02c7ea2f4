/** A TCP socket. */
export interface TcpAddress {
  readonly kind: 'tcp';
  /** An IPv4 or IPv6 literal; `::` accepts both families, or only IPv4 on a system without IPv6. */
  readonly host: string;
  /** 0 to 65535; for 0 the kernel picks a free one. */
  readonly port: number;
  /** `::` leaves IPv4 to another listener of the same port. */
  readonly isV6Only?: boolean;
}

/** A Unix socket, unix(7). */
export interface UnixAddress {
  readonly kind: 'unix';
  /** An absolute path, or an abstract name behind a NUL. */
  readonly path: string;
  /** The permissions of the file; null for DEFAULT_UNIX_MODE. */
  readonly mode: number | null;
}

/** A descriptor that was inherited from the parent process, and listens already. */
export interface FdAddress {
  readonly kind: 'fd';
  readonly fd: number;
}

/** The descriptors that systemd has passed, sd_listen_fds(3). */
export interface SystemdAddress {
  readonly kind: 'systemd';
  /** FileDescriptorName= of the socket unit; null for all. */
  readonly name: string | null;
}

/** Where a server listens. */
export type ListenAddress = TcpAddress | UnixAddress | FdAddress | SystemdAddress;

/** As it was given: a TCP address may have a name for a host, or none. */
export type GivenAddress =
  | (Omit<TcpAddress, 'host'> & { readonly host: string | null })
  | Exclude<ListenAddress, TcpAddress>;

/** What an error message calls a valid one. */
export const LISTEN_NOUN =
  'a port, an address and a port such as "127.0.0.1:8080" or "[::1]:8080", "unix:" and a path, "fd:" and a number, or "systemd"';

/** For sun_path with its NUL, unix(7). */
export const UNIX_PATH_BYTES_MAX = 107;

const TCP = /^(?:tcp:\/\/|http:\/\/)?(?:(?:\[([^\]]+)\]|([^:/@[\]]*)):)?(\d{1,5})\/?$/;
const ALL_ADDRESSES = '::';

/**
 * Parses `8080`, `:8080` and `*:8080` (all addresses), `localhost:8080`, `[::1]:8080`, `tcp://127.0.0.1:8080`,
 * `unix:/run/x.sock`, `unix:/run/x.sock?mode=660`, `unix:@abstract`, `fd:3`, `systemd`, `systemd:NAME`.
 * @param directory where a relative path of a Unix socket starts, with a slash at its end
 * @returns null for anything else
 */
export function parseListen(text: string, directory: string): GivenAddress | null {
  const [, scheme = '', rest = ''] = /^(unix|fd|systemd)(?::(.*))?$/s.exec(text) ?? [];
  switch (scheme) {
    case 'unix':
      return unixAddress(rest.replace(/^\/\/(?=\/)/, ''), directory);
    case 'fd': {
      const [, fd] = /^(?:\/\/)?(\d{1,9})$/.exec(rest) ?? [];
      return fd === undefined ? null : { kind: 'fd', fd: Number(fd) };
    }
    case 'systemd':
      return text.endsWith(':') ? null : { kind: 'systemd', name: rest || null };
  }
  const [, bracketed, plain, digits] = TCP.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) return null;
  const host = bracketed ?? (plain === '' || plain === '*' ? ALL_ADDRESSES : plain);
  return { kind: 'tcp', host: host ?? null, port };
}

function unixAddress(text: string, directory: string): UnixAddress | null {
  const [, path = '', digits] = /^([^\0?]+)(?:\?mode=(0?[0-7]{3}))?$/s.exec(text) ?? [];
  const mode = digits === undefined ? null : Number.parseInt(digits, 8);
  if (path === '' || path === '@') return null;
  if (path.startsWith('@')) return mode === null ? { kind: 'unix', path: `\0${path.slice(1)}`, mode } : null;
  return { kind: 'unix', path: path.startsWith('/') ? path : directory + path.replace(/^(?:\.\/)+/, ''), mode };
}

/** As `parseListen` takes it. */
export function listenText(address: GivenAddress): string {
  switch (address.kind) {
    case 'tcp':
      return address.host === null ? `${address.port}` : `${hostText(address.host)}:${address.port}`;
    case 'unix':
      return `unix:${pathText(address.path)}${address.mode === null ? '' : `?mode=${address.mode.toString(8).padStart(3, '0')}`}`;
    case 'fd':
      return `fd:${address.fd}`;
    case 'systemd':
      return address.name === null ? 'systemd' : `systemd:${address.name}`;
  }
}

/** Where relative paths of Unix sockets start. */
export const workingDirectory = (): string => `${process.cwd()}/`;

/** An IPv6 address in brackets. */
export const hostText = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** An abstract name begins with @, as ss(8) and systemd have it. */
export const pathText = (path: string): string => (path.startsWith('\0') ? `@${path.slice(1)}` : path);
