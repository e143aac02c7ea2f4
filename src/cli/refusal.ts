import { lookup } from 'node:dns/promises';
import { isAddress } from '../server/options.js';
import { Misuse } from './misuse.js';

/** @throws Misuse for a host without an address */
export async function addressOf(host: string): Promise<string> {
  if (host === 'localhost' || isAddress(host)) return host;
  const { address } = host === '' ? { address: '' } : await lookup(host).catch(() => ({ address: '' }));
  if (isAddress(address)) return address;
  throw new Misuse(
    `The host ${JSON.stringify(host)} has no address; give --host an IP address, localhost or a name that resolves.`,
  );
}

/** The kernel's refusals that a user can do something about, as a sentence; any other error as it is. */
export function misuseOf(error: NodeJS.ErrnoException & { port?: number }, host: string): Error {
  const { code, path, port } = error;
  switch (code) {
    case 'EADDRINUSE':
      return new Misuse(
        `Port ${port} of ${host} is taken; stop who has it or choose another with --port (0 picks a free one).`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new Misuse(`This machine has no address ${host}; give --host one of its own, 127.0.0.1 or ::.`);
    case 'ENOENT':
      return new Misuse(`The folder ${path} does not exist; give one that does.`);
    case 'ENOTDIR':
      return new Misuse(`${path} is no folder; give the folder that it is in.`);
    case 'EACCES':
      return port === undefined
        ? new Misuse(`The folder ${path} may not be read by this user; change its permissions or the user.`)
        : new Misuse(`This user may not listen on port ${port}; choose one from 1024 with --port.`);
    default:
      return path === undefined ? error : new Misuse(`The folder ${path} cannot be opened (${code}); give another.`);
  }
}
