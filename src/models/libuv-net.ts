import { createServer, type Socket } from 'node:net';
import { Answers } from './shared/answers.js';
import { bound } from './shared/bound.js';
import { type ModelOptions, type RunningModel, running } from './shared/program.js';
import { NEED_MORE, parseRequest } from './shared/request.js';

const EMPTY = Buffer.alloc(0);

/**
 * libuv without HTTP: streams of bytes by node:net, and the parser of the other models. What lies between this and
 * libuv is node:http; what lies between this and epoll-level is a stream for each connection, with its events, its
 * buffer for each piece that comes and its object for each write.
 */
export async function start({ root, host, port: wanted }: ModelOptions): Promise<RunningModel> {
  const answers = new Answers(root, 'kept');
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    attend(socket, answers);
  });
  const port = await bound(server, host, wanted, answers);

  return running('http', host, port, async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
    answers.close();
  });
}

function attend(socket: Socket, answers: Answers): void {
  let bytes: Buffer = EMPTY;
  const answer = (): void => {
    // A stream takes whatever is written and keeps it: who does not mind `writableNeedDrain` lends a client that sends
    // and does not read as much memory as it likes.
    while (!socket.writableNeedDrain && !socket.writableEnded) {
      const request = parseRequest(bytes, 0, bytes.length);
      if (request === NEED_MORE) break;
      if (typeof request === 'number') {
        socket.end(answers.refusal(request).bytes);
        return;
      }
      bytes = bytes.subarray(request.end);
      socket.write(answers.bytesTo(request));
      if (!answers.keeps(request)) socket.end();
    }
    if (socket.writableNeedDrain) socket.pause();
    else socket.resume();
  };
  socket.on('data', (piece: Buffer) => {
    if (socket.writableEnded) return;
    bytes = bytes.length === 0 ? piece : Buffer.concat([bytes, piece]);
    answer();
  });
  socket.on('drain', answer);
}
