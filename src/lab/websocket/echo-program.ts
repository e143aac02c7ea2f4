import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '../../server/server.js';
import type { EchoWay } from './ways.js';

/** A program: a server that sends back every message of its WebSockets, by the way of its only argument. */
async function start(way: EchoWay): Promise<number> {
  if (way === 'epollet') {
    const { port } = new Server({
      port: 0,
      fetch: (request, { server }) => (server.upgrade(request) ? undefined : new Response(null, { status: 426 })),
      websocket: { message: (ws, message) => void ws.send(message) },
    });
    return port;
  }
  const name = 'ws'; // an optional package, which has no types here
  const { WebSocketServer } = (await import(name)) as { WebSocketServer: new (options: object) => Emitter };
  const server = createServer();
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (client) => {
    client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

interface Emitter {
  on(name: 'connection', listener: (client: Client) => void): void;
}

interface Client {
  on(name: 'message', listener: (data: Uint8Array, isBinary: boolean) => void): void;
  send(data: Uint8Array, options: object): void;
}

process.stdout.write(`http://127.0.0.1:${await start(process.argv[2] as EchoWay)}/\n`);
