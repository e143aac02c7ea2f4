import type { Reply } from '../../fetch/reply.js';
import type { DateClock } from '../../http/date.js';
import { ConnectionAction, type PendingResponse } from './pending-response.js';

/** The head of a reply, and behind it the body if that is no stream: one piece of memory, which is one send. */
export function serializeReply(reply: Reply, answer: PendingResponse, clock: DateClock): Buffer {
  const { status, reason, fields, length } = reply;
  const isSilent = answer.isHead || reply.body === null || reply.body instanceof ReadableStream;
  const body = isSilent ? '' : (reply.body as string | Uint8Array);
  const head = `HTTP/1.1 ${status} ${reason}\r\nDate: ${clock.text}\r\n${connectionField(answer)}${fields}${framing(reply, answer)}\r\n`;
  if (typeof body !== 'string') {
    const bytes = Buffer.allocUnsafe(head.length + body.length);
    bytes.write(head, 0, head.length, 'latin1');
    bytes.set(body, head.length);
    return bytes;
  }
  if (isSilent || length === body.length) {
    // One byte a character: ASCII, or no body at all.
    const bytes = Buffer.allocUnsafe(head.length + body.length);
    bytes.write(head + body, 0, head.length + body.length, 'latin1');
    return bytes;
  }
  const bytes = Buffer.allocUnsafe(head.length + length);
  bytes.write(head, 0, head.length, 'latin1');
  bytes.write(body, head.length, length, 'utf8');
  return bytes;
}

/** RFC 9112 section 9.3: the version's default is not said. */
function connectionField(answer: PendingResponse): string {
  if (answer.action !== ConnectionAction.keepAlive) return 'Connection: close\r\n';
  return answer.isHttp10 ? 'Connection: keep-alive\r\n' : '';
}

/** RFC 9112 section 6: none with 1xx, 204 and 304; a length where it is known; else chunks, for those who know them. */
function framing({ status, length, body }: Reply, answer: PendingResponse): string {
  if (status === 204 || status === 304 || status < 200) return '';
  if (body === null) {
    // To HEAD it is what GET would be sent, which a handler without a body may know or not, RFC 9110 section 8.6.
    if (answer.isHead) return length > 0 && status !== 205 ? `Content-Length: ${length}\r\n` : '';
    return 'Content-Length: 0\r\n';
  }
  if (length >= 0) return `Content-Length: ${length}\r\n`;
  return answer.isHttp10 ? '' : 'Transfer-Encoding: chunked\r\n';
}
