import type { AddressInfo, Server } from 'node:net';

/**
 * Makes a server of Node's own listen, and returns its port.
 * @param opened is closed when that fails
 */
export function bound(server: Server, host: string, port: number, opened: { close(): void }): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      opened.close();
      reject(error);
    };
    server.once('error', onError);
    server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port, backlog: 4096 }, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
