import type { AddressInfo, Server } from 'node:net';

/**
 * Makes a net.Server or http.Server listen; resolves with its port.
 * @param resource closed if listening fails
 */
export function listening(server: Server, host: string, port: number, resource: { close(): void }): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      resource.close();
      reject(error);
    };
    server.once('error', onError);
    server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port, backlog: 4096 }, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
