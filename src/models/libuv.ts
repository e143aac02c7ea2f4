import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Answers } from './shared/answers.js';
import { bound } from './shared/bound.js';
import { type ModelOptions, type RunningModel, running } from './shared/program.js';
import { parseRequest, pathOf, type Request } from './shared/request.js';

const NOT_ALLOWED: Request = { method: 'other', path: '/', keeps: false, end: 0 };

/**
 * What Node itself does with the same epoll underneath: libuv waits, llhttp parses, streams carry, and a request and
 * a response are objects with events. The measure for all others: the same answers, from the same memory.
 */
export async function start({ root, host, port: wanted }: ModelOptions): Promise<RunningModel> {
  const answers = new Answers(root, 'kept');
  const server = createServer({ requireHostHeader: false }, (request, response) => respond(request, response, answers));
  server.on('connect', (_request, socket) => socket.end(answers.bytesTo(NOT_ALLOWED)));
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket) => {
    if (!socket.writable) return void socket.destroy();
    // Node's parser has a list of methods. What is not on it is a method as well, RFC 9110 section 9.1, and its
    // request refused as one.
    const packet = error.rawPacket ?? Buffer.alloc(0);
    const request = parseRequest(packet, 0, packet.length);
    if (typeof request === 'object') socket.end(answers.bytesTo(NOT_ALLOWED));
    else socket.end(answers.refusal(error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400).bytes);
  });
  const port = await bound(server, host, wanted, answers);

  return running('http', host, port, async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    answers.close();
  });
}

function respond(request: IncomingMessage, response: ServerResponse, answers: Answers): void {
  const { headers, httpVersion } = request;
  const path = pathOf(request.url!.replace(/\?.*/s, ''));
  const isValid = httpVersion === '1.0' || (httpVersion === '1.1' && headers.host !== undefined);
  const method = request.method === 'GET' || request.method === 'HEAD' ? request.method : 'other';
  const answer = path === null || !isValid ? answers.refusal(400) : answers.to(method, path);
  // As the others: who sends a body has the connection closed.
  if (answer.status === 400 || 'content-length' in headers || 'transfer-encoding' in headers)
    response.shouldKeepAlive = false;
  response.writeHead(answer.status, answer.fields).end(answer.bytes.subarray(answer.headBytes));
}
