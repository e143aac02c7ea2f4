import { kernel } from '../sys/index.js';
import { type Answer, composed } from './shared/answers.js';
import { sendAll } from './shared/blocking-connection.js';
import { hangUp } from './shared/hang-up.js';
import { Door, ENDED } from './shared/listen.js';
import { NEED_MORE, parseRequest } from './shared/request.js';
import type { Stage } from './shared/stage.js';

const PAGE = composed(
  200,
  { 'Content-Type': 'text/html; charset=utf-8' },
  Buffer.from('<!doctype html>\n<title>A fixed page</title>\n<p>Whatever you ask for, this is the answer.\n'),
  'closed',
);
const NO_REQUEST = composed(400, {}, Buffer.from('The request is not valid HTTP/1.1.\n'), 'closed');
const NOT_ALLOWED = composed(
  405,
  { Allow: 'GET, HEAD' },
  Buffer.from('Only GET and HEAD are answered here.\n'),
  'closed',
);

/**
 * The least that a browser takes for a web server: accept(2) a connection, recv(2) until a request is whole, send(2)
 * the page, close(2), and the next one please. Each of these calls waits, and who waits does nothing else: as long as
 * one client says nothing, all others stay in the accept queue. Connections are closed after one answer, for a client
 * that kept one and went to read the page would keep everybody.
 */
export function serve({ listener, waiting }: Stage): void {
  const door = new Door(listener);
  const bytes = Buffer.alloc(16_384);
  for (let fd = door.accept(0); fd !== ENDED; fd = door.accept(0)) {
    waiting.begin(fd);
    const answer = answerOf(fd, bytes);
    if (answer !== null) sendAll(fd, answer);
    waiting.done(fd);
    hangUp(fd);
  }
  door.close();
}

/** Null when the client leaves before it has asked. */
function answerOf(fd: number, bytes: Buffer): Buffer | null {
  for (let end = 0; ; ) {
    const count = kernel.recv(fd, bytes, end, bytes.length - end, 0);
    if (count <= 0) return null;
    end += count;
    const request = parseRequest(bytes, 0, end);
    if (request === NEED_MORE) continue;
    if (typeof request === 'number') return NO_REQUEST.bytes;
    const answer: Answer = request.method === 'other' ? NOT_ALLOWED : PAGE;
    return request.method === 'HEAD' ? answer.bytes.subarray(0, answer.headBytes) : answer.bytes;
  }
}
