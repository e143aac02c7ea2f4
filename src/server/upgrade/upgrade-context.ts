import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { installGlobals } from '../../fetch/globals.js';
import { headerPairs, headersOf } from '../../http/request/head-text.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { HandlerServer } from '../handlers/handler-server.js';
import type { UpgradeSocket } from './upgrade-socket.js';

/** The second argument of an upgrade handler. */
export interface UpgradeContext {
  /**
   * The connection as a stream. The first read or write takes it from HTTP for good: whatever is to be sent, the
   * response with status 101 first, is then written by the handler.
   */
  readonly socket: UpgradeSocket;
  /** What the client has sent behind the request, before it has got a response; often empty. */
  readonly head: Buffer;
  /** The request as Node's http module has it, for libraries such as ws. */
  readonly incoming: IncomingMessage;
  /** The client's address; null once it has disconnected. */
  readonly peer: SocketAddress | null;
  readonly server: HandlerServer;
  /** As the log has it; null unless requests have ids. */
  readonly requestId: string | null;
}

/**
 * Takes a connection over for another protocol, such as WebSocket. It writes the response with status 101 itself, or
 * declines by returning a Response as long as it has not used the socket.
 */
export type UpgradeHandler = (request: Request, context: UpgradeContext) => Declined | Promise<Declined>;

/** Undefined if the handler uses the socket, now or later. */
// biome-ignore lint/suspicious/noConfusingVoidType: what a function without a return statement has
type Declined = Response | undefined | void;

/** Makes the globals those of requests and responses here, as for any handler. */
export function prepareUpgrade(handler: UpgradeHandler | undefined): UpgradeHandler | null {
  if (handler === undefined) return null;
  installGlobals();
  return handler;
}

const requireFrom = createRequire(import.meta.url);

/** What Node's server would call an 'upgrade' listener with. @param head of the request, as `copyHead` made it */
export function incomingOf(head: Buffer, method: string, target: string, socket: UpgradeSocket): IncomingMessage {
  // Loaded for the first upgrade: it would be a tenth of the start.
  const { IncomingMessage } = requireFrom('node:http') as typeof import('node:http');
  const incoming = new IncomingMessage(socket as never);
  incoming.method = method;
  incoming.url = target;
  incoming.httpVersion = '1.1';
  incoming.httpVersionMajor = incoming.httpVersionMinor = 1;
  incoming.complete = true;
  incoming.rawHeaders = headerPairs(head).flat();
  incoming.headers = headersOf(head);
  incoming.push(null);
  return incoming;
}
