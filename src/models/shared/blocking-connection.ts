import { kernel } from '../../sys/index.js';
import { NEED_MORE, parseRequest } from './request.js';
import type { Responder } from './responder.js';

/** Holds a head of the maximum size. */
const RECEIVE_BYTES = 32_768;

/**
 * Serves a blocking connection until it ends. This is the whole charm of blocking calls: the state of the connection
 * is the position in the code, and none of it needs to be stored. The price is a thread that can do nothing else
 * meanwhile.
 * @param fd not closed here
 */
export function serveConnection(fd: number, responder: Responder): void {
  const bytes = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  let end = 0;
  for (;;) {
    const request = parseRequest(bytes, 0, end);
    if (request === NEED_MORE) {
      const count = kernel.recv(fd, bytes, end, bytes.length - end, 0); // blocks
      if (count <= 0) return;
      end += count;
      continue;
    }
    if (typeof request === 'number') {
      sendAll(fd, responder.errorResponse(request).bytes);
      return;
    }
    if (!sendAll(fd, responder.bytesFor(request)) || !responder.keepsAlive(request)) return;
    bytes.copyWithin(0, request.end, end);
    end -= request.end;
  }
}

/** Calls send(2) until everything is sent: even a blocking send may be partial. Returns false if the peer is gone. */
export function sendAll(fd: number, bytes: Buffer): boolean {
  let sent = 0;
  while (sent < bytes.length) {
    const count = kernel.send(fd, bytes, sent, bytes.length - sent, 0); // blocks
    if (count < 0) return false;
    sent += count;
  }
  return true;
}
