import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { listening } from './shared/listening.js';
import { parseRequest, pathOf, type Request } from './shared/request.js';
import { Responder } from './shared/responder.js';
import { type ModelOptions, type RunningModel, runningModel } from './shared/running-model.js';

const NOT_ALLOWED: Request = { method: 'other', path: '/', keepAlive: false, end: 0 };

/**
 * What Node itself makes of the same epoll: libuv waits, llhttp parses, streams carry the bytes, and each request and
 * response is an object with events. The reference for all others: the same responses, from the same memory.
 */
export async function start({ root, host, port: requestedPort }: ModelOptions): Promise<RunningModel> {
  const responder = new Responder(root, 'keep-alive');
  const server = createServer({ requireHostHeader: false }, (request, response) =>
    respond(request, response, responder),
  );
  server.on('connect', (_request, socket) => socket.end(responder.bytesFor(NOT_ALLOWED)));
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket) => {
    if (!socket.writable) return void socket.destroy();
    // llhttp rejects methods that are not in its list. They are valid all the same, RFC 9110 section 9.1: respond as
    // to any other method, with a 405.
    const packet = error.rawPacket ?? Buffer.alloc(0);
    const request = parseRequest(packet, 0, packet.length);
    if (typeof request === 'object') socket.end(responder.bytesFor(NOT_ALLOWED));
    else socket.end(responder.errorResponse(error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400).bytes);
  });
  const port = await listening(server, host, requestedPort, responder);

  return runningModel('http', host, port, async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    responder.close();
  });
}

function respond(request: IncomingMessage, response: ServerResponse, responder: Responder): void {
  const { headers, httpVersion } = request;
  const path = pathOf(request.url!.replace(/\?.*/s, ''));
  const isValid = httpVersion === '1.0' || (httpVersion === '1.1' && headers.host !== undefined);
  const method = request.method === 'GET' || request.method === 'HEAD' ? request.method : 'other';
  const built = path === null || !isValid ? responder.errorResponse(400) : responder.responseFor(method, path);
  // As in the other models, a request with a body closes the connection.
  if (built.status === 400 || 'content-length' in headers || 'transfer-encoding' in headers)
    response.shouldKeepAlive = false;
  response.writeHead(built.status, built.fields).end(built.bytes.subarray(built.headBytes));
}
