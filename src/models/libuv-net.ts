import { createServer, type Socket } from 'node:net';
import { listening } from './shared/listening.js';
import { NEED_MORE, parseRequest } from './shared/request.js';
import { Responder } from './shared/responder.js';
import { type ModelOptions, type RunningModel, runningModel } from './shared/running-model.js';

const EMPTY = Buffer.alloc(0);

/**
 * libuv without HTTP: byte streams of node:net, with the parser of the other models. It saves the cost of node:http
 * that `libuv` has, and adds to epoll-level a stream per connection, with its events, a buffer for each chunk and an
 * object for each write.
 */
export async function start({ root, host, port: requestedPort }: ModelOptions): Promise<RunningModel> {
  const responder = new Responder(root, 'keep-alive');
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serveConnection(socket, responder);
  });
  const port = await listening(server, host, requestedPort, responder);

  return runningModel('http', host, port, async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
    responder.close();
  });
}

function serveConnection(socket: Socket, responder: Responder): void {
  let unread: Buffer = EMPTY;
  const respond = (): void => {
    // Backpressure: a stream buffers everything that is written. Without the check of `writableNeedDrain`, a client
    // that sends requests and reads no responses could consume all memory.
    while (!socket.writableNeedDrain && !socket.writableEnded) {
      const request = parseRequest(unread, 0, unread.length);
      if (request === NEED_MORE) break;
      if (typeof request === 'number') {
        socket.end(responder.errorResponse(request).bytes);
        return;
      }
      unread = unread.subarray(request.end);
      socket.write(responder.bytesFor(request));
      if (!responder.keepsAlive(request)) socket.end();
    }
    if (socket.writableNeedDrain) socket.pause();
    else socket.resume();
  };
  socket.on('data', (chunk: Buffer) => {
    if (socket.writableEnded) return;
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    respond();
  });
  socket.on('drain', respond);
}
