import { type HeadersSource, NativeHeaders } from '../../fetch/native.js';
import { FastRequest } from '../../fetch/request.js';
import {
  type Handshake,
  isHandshakeError,
  switchingProtocols,
  validateHandshake,
} from '../../http/websocket/handshake.js';
import { argumentTypeError, shown, withCode } from '../../sys/error-code.js';
import { UPGRADED } from '../handlers/handler-runner.js';
import type { UpgradableHttp } from '../upgrade/upgraded.js';
import { WebSocketConnection } from '../websocket/web-socket-connection.js';
import type { WebSocketUpgradeOptions } from '../websocket/web-socket-options.js';
import type { WebSockets } from '../websocket/web-sockets.js';
import { PendingResponse } from './pending-response.js';

/** Fields of the handshake, which are the server's. */
const OWN_FIELDS = new Set([
  'connection',
  'upgrade',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'content-length',
  'transfer-encoding',
]);
const PROTOCOL = 'sec-websocket-protocol';

/** As `HandlerServer.upgrade`. @param sockets null without a `websocket` */
export function upgradeToWebSocket(
  sockets: WebSockets | null,
  request: Request,
  options: WebSocketUpgradeOptions<unknown> = {},
): boolean {
  if (sockets?.isOn !== true)
    throw withCode('ERR_EPOLLET_OPTION', new TypeError('server.upgrade needs handlers: give serve a websocket too'));
  const pending = FastRequest.contextOf(request);
  if (pending === null)
    throw argumentTypeError(`request must be the one that fetch was called with, not ${shown(request)}`);
  if (!(pending instanceof PendingResponse) || !pending.mayUpgrade) return false;
  const handshake = validateHandshake(
    { method: request.method, minorVersion: 1, field: (name) => request.headers.get(name) },
    sockets.compression.offer,
  );
  if (isHandshakeError(handshake)) return false;
  const head = headOf(handshake, options.headers, pending.requestId);
  const { client, logEntry } = pending;
  const { connection, context } = pending.queue;
  const http = connection.protocol as unknown as UpgradableHttp; // of the request
  pending.response = UPGRADED;
  context.flushQueue.schedule(connection);
  const upgraded = new WebSocketConnection(sockets, connection, http, client, handshake.deflate, options.data);
  connection.sendBytes(head, 0, head.length);
  context.meter?.onResponse(101);
  logEntry?.begin(101, connection.queuedBytes);
  logEntry?.complete(connection.queuedBytes);
  http.onUpgraded(upgraded);
  upgraded.open();
  return true;
}

/** @throws TypeError for fields that `new Headers` does not take */
function headOf(handshake: Handshake, source: HeadersSource | undefined, requestId: string | null): Buffer {
  const given = new NativeHeaders(source);
  // A client that offers subprotocols and gets none gives the connection up: the first is its favourite.
  const protocol = given.get(PROTOCOL) ?? handshake.protocols[0] ?? null;
  const fields = [...given].filter(([name]) => name !== PROTOCOL && !OWN_FIELDS.has(name));
  if (requestId !== null && !given.has('x-request-id')) fields.push(['X-Request-Id', requestId]);
  return Buffer.from(switchingProtocols(handshake, protocol, fields), 'latin1');
}
