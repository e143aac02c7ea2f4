import { kernel } from '../../sys/index.js';
import type { Answers } from './answers.js';
import { NEED_MORE, parseRequest } from './request.js';

/** A head of the largest size fits. */
const RECEIVE_BYTES = 32_768;

/**
 * Answers everything that comes through a blocking connection, to its end. This is the whole charm of blocking calls:
 * where the code stands is where the connection stands, and nothing has to be kept anywhere else. The price is the
 * thread, which can do nothing else meanwhile.
 * @param fd stays the caller's
 */
export function converse(fd: number, answers: Answers): void {
  const bytes = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  let end = 0;
  for (;;) {
    const request = parseRequest(bytes, 0, end);
    if (request === NEED_MORE) {
      const count = kernel.recv(fd, bytes, end, bytes.length - end, 0); // here it waits
      if (count <= 0) return;
      end += count;
      continue;
    }
    if (typeof request === 'number') {
      sendAll(fd, answers.refusal(request).bytes);
      return;
    }
    if (!sendAll(fd, answers.bytesTo(request)) || !answers.keeps(request)) return;
    bytes.copyWithin(0, request.end, end);
    end -= request.end;
  }
}

/** send(2) until nothing is left: even a blocking one may take less than it was given. False: the peer is gone. */
export function sendAll(fd: number, bytes: Buffer): boolean {
  let sent = 0;
  while (sent < bytes.length) {
    const count = kernel.send(fd, bytes, sent, bytes.length - sent, 0); // and here
    if (count < 0) return false;
    sent += count;
  }
  return true;
}
