import type { ConnectionAction } from '../../http/response/connection-action.js';
import { headOf } from '../../http/response/head.js';
import type { HeadBytes } from '../../http/response/head-bytes.js';
import type { Body, HttpResponse } from '../../http/response/response.js';
import type { Connection } from '../../net/connection.js';
import { debug, tracing } from '../../sys/debug.js';
import type { LogEntry } from '../log/log-entry.js';
import type { ServerContext } from './context.js';

/** The empty line. */
const HEAD_END_BYTES = 2;

/**
 * Queues a response on its connection, and releases its descriptor. One in memory is one send. Of a stream only
 * the head is sent here; HEAD is sent the head of the GET.
 * @param entry the request's; null without an access log
 */
export function sendResponse(
  { clock, meter }: ServerContext,
  connection: Connection,
  response: HttpResponse,
  action: ConnectionAction,
  isHttp10: boolean,
  isHead: boolean,
  entry: LogEntry | null,
): void {
  if (meter !== null) meter.onResponse(response.status);
  // Its clients, and nginx in front, take what has come for all of it.
  if (isHttp10) connection.resetsWhenCut = true;
  const head = headOf(response, clock, action, isHttp10, isHead);
  const { bytes, headBytes } = head;
  // The Date of a cached head is overwritten for the next response.
  const immutableFrom = response.transient ? 0 : headBytes;
  const queuedBytes = entry === null ? 0 : connection.queuedBytes;
  const id = entry === null || entry.requestId === null || hasOwnId(response) ? null : idLine(entry.requestId);
  if (id !== null) sendWithId(connection, response, head, isHead, immutableFrom, id);
  else if (isHead) connection.sendBytes(bytes, 0, headBytes, immutableFrom);
  else if (head.hasBody || !isSeparate(response.body)) connection.sendBytes(bytes, 0, head.length, immutableFrom);
  else {
    connection.sendAhead(bytes, 0, headBytes, immutableFrom);
    sendBody(connection, response.body);
  }
  if (tracing) debug('response %d, %d bytes of body', response.status, response.bodyBytes(isHead));
  response.ownedFile?.release(connection.context.kernel);
  if (entry === null) return;
  const isStream = response.body.kind === 'stream' && !isHead && response.body.length !== 0;
  entry.begin(response.status, queuedBytes + headBytes + (id === null ? 0 : id.length - HEAD_END_BYTES));
  if (!isStream) entry.complete(connection.queuedBytes);
}

/** A handler's, which may be that of another server. */
const hasOwnId = ({ transient, fieldLines }: HttpResponse): boolean => transient && /^x-request-id:/im.test(fieldLines);

/** The last field, and the end of the head. */
const idLine = (id: string): Buffer => Buffer.from(`X-Request-Id: ${id}\r\n\r\n`, 'latin1');

/** The bytes of the head stay as they are, for they may be those of all responses with this content. */
function sendWithId(
  connection: Connection,
  response: HttpResponse,
  { bytes, headBytes, hasBody, length }: HeadBytes,
  isHead: boolean,
  immutableFrom: number,
  id: Buffer,
): void {
  const fieldsEnd = headBytes - HEAD_END_BYTES;
  const changesBefore = Math.min(immutableFrom, fieldsEnd);
  if (isHead || hasBody || !isSeparate(response.body)) {
    connection.sendBytes(bytes, 0, fieldsEnd, changesBefore);
    connection.sendBytes(id, 0, id.length);
    if (!isHead && hasBody) connection.sendBytes(bytes, headBytes, length);
  } else {
    connection.sendAhead(bytes, 0, fieldsEnd, changesBefore);
    connection.sendAhead(id, 0, id.length);
    sendBody(connection, response.body);
  }
}

const isSeparate = ({ kind }: Body): boolean => kind !== 'none' && kind !== 'text' && kind !== 'stream';

function sendBody(connection: Connection, body: Body): void {
  if (body.kind === 'bytes') connection.sendBytes(body.bytes, 0, body.bytes.length);
  else if (body.kind === 'file') connection.sendFile(body.file, body.offset, body.offset + body.length);
  else if (body.kind === 'parts') for (const part of body.parts) sendBody(connection, part);
}
