import { defineWebSocketHelper, type UpgradeWebSocket, WSContext, type WSEvents } from 'hono/ws';
import { CloseCode } from '../http/websocket/frame.js';
import type { HandlerContext } from '../server/handlers/handler-context.js';
import type { ServerWebSocket } from '../server/websocket/server-web-socket.js';
import type { WebSocketHandler } from '../server/websocket/web-socket-options.js';

type Socket = ServerWebSocket<Connected>;

/** What a socket has of its route. */
interface Connected {
  readonly events: WSEvents<Socket>;
  readonly url: string;
  readonly protocol: string;
  readonly onError: (error: unknown) => void;
  /** One object for all events of a socket, so that a room can be a Set of them. */
  context: WSContext<Socket> | null;
}

const PROTOCOL = 'sec-websocket-protocol';

/** Options of `upgradeWebSocket`. */
export interface UpgradeOptions {
  /** A handler of an event has thrown, or its promise is rejected; the socket stays open. @default console.error */
  onError?(error: unknown): void;
}

/**
 * Hono's helper for WebSockets: `app.get('/ws', upgradeWebSocket((c) => ({ onMessage(event, ws) { … } })))`. The server
 * needs the handlers in `websocket`. For a request that is not for a WebSocket the next handler is called.
 */
export const upgradeWebSocket: UpgradeWebSocket<Socket, UpgradeOptions> = defineWebSocketHelper(
  (c, events: WSEvents<Socket>, options?: UpgradeOptions) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return undefined;
    const server = (c.env as Partial<HandlerContext> | undefined)?.server;
    if (server === undefined)
      throw new TypeError(
        'upgradeWebSocket has no server: pass the second argument of fetch on to app.fetch, as its environment',
      );
    const { headers } = c.body(null); // those that were set until here
    const protocols = headers.get(PROTOCOL) ?? c.req.header(PROTOCOL) ?? '';
    const protocol = protocols.split(',')[0]!.trim(); // as the server chooses it
    const data = { events, url: c.req.url, protocol, onError: options?.onError ?? console.error, context: null };
    return new Response(null, { status: server.upgrade(c.req.raw, { data, headers }) ? 200 : 400 });
  },
);

/** The handlers of all sockets of `upgradeWebSocket`: `export default { fetch: app.fetch, websocket }`. */
export const websocket: WebSocketHandler<Connected> = {
  open(ws) {
    ws.binaryType = 'arraybuffer';
    call(ws, ({ onOpen }, context) => onOpen?.(new Event('open'), context));
  },
  message(ws, data) {
    call(ws, ({ onMessage }, context) => onMessage?.(new MessageEvent('message', { data }), context));
  },
  close(ws, code, reason) {
    call(ws, ({ onClose }, context) => onClose?.(closeEvent(code, reason), context));
  },
};

function call(ws: Socket, handler: (events: WSEvents<Socket>, context: WSContext<Socket>) => unknown): void {
  const { events, onError } = ws.data;
  try {
    const result = handler(events, contextOf(ws));
    if (result instanceof Promise) result.catch(onError);
  } catch (error) {
    onError(error);
  }
}

function contextOf(ws: Socket): WSContext<Socket> {
  ws.data.context ??= new WSContext<Socket>({
    send: (source, { compress }) => void ws.send(source, compress),
    close: (code, reason) => ws.close(code, reason),
    get readyState() {
      return ws.readyState;
    },
    raw: ws,
    url: ws.data.url,
    protocol: ws.data.protocol,
  });
  return ws.data.context;
}

type CloseHandler = NonNullable<WSEvents<Socket>['onClose']>;
type Closing = Parameters<CloseHandler>[0];
interface CloseInit {
  code: number;
  reason: string;
  wasClean: boolean;
}
type CloseEventClass = new (type: string, init: CloseInit) => Closing;

function closeEvent(code: number, reason: string): Closing {
  // Global from Node 23 on.
  const { CloseEvent = OwnCloseEvent as unknown as CloseEventClass } = globalThis as { CloseEvent?: CloseEventClass };
  return new CloseEvent('close', { code, reason, wasClean: code !== CloseCode.abnormal });
}

class OwnCloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor(type: string, { code, reason, wasClean }: CloseInit) {
    super(type);
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
  }
}
