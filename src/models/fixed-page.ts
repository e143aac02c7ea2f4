import { kernel } from '../sys/index.js';
import { sendAll } from './shared/blocking-connection.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { Accepter, ENDED } from './shared/listen.js';
import type { ModelContext } from './shared/model-context.js';
import { NEED_MORE, parseRequest } from './shared/request.js';
import { type BuiltResponse, buildResponse } from './shared/responder.js';

const fixed = (status: number, fields: Record<string, string>, body: string): BuiltResponse =>
  buildResponse(status, fields, Buffer.from(body), 'close');
const HTML = '<!doctype html>\n<title>A fixed page</title>\n<p>Every request gets this page.\n';
const PAGE = fixed(200, { 'Content-Type': 'text/html; charset=utf-8' }, HTML);
const BAD_REQUEST = fixed(400, {}, 'The request is not valid HTTP/1.1.\n');
const NOT_ALLOWED = fixed(405, { Allow: 'GET, HEAD' }, 'Only GET and HEAD are supported.\n');

/**
 * The minimum that a browser accepts as a web server: accept(2) a connection, recv(2) until the request is complete,
 * send(2) the page, close(2), and the next one. Each of these calls blocks the thread: as long as one client sends
 * nothing, all others stay in the accept queue. Every connection is closed after its response, because a client that kept
 * one open while reading the page would block all others.
 */
export function serve({ listener, current }: ModelContext): void {
  const accepter = new Accepter(listener);
  const bytes = Buffer.alloc(16_384);
  for (let fd = accepter.accept(0); fd !== ENDED; fd = accepter.accept(0)) {
    current.set(fd);
    const response = responseFor(fd, bytes);
    if (response !== null) sendAll(fd, response);
    current.clear(fd);
    closeGracefully(fd);
  }
  accepter.close();
}

/** Null if the client disconnects before its request is complete. */
function responseFor(fd: number, bytes: Buffer): Buffer | null {
  for (let end = 0; ; ) {
    const count = kernel.recv(fd, bytes, end, bytes.length - end, 0);
    if (count <= 0) return null;
    end += count;
    const request = parseRequest(bytes, 0, end);
    if (request === NEED_MORE) continue;
    if (typeof request === 'number') return BAD_REQUEST.bytes;
    const response = request.method === 'other' ? NOT_ALLOWED : PAGE;
    return request.method === 'HEAD' ? response.bytes.subarray(0, response.headBytes) : response.bytes;
  }
}
