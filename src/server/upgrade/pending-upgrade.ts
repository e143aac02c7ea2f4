import type { IncomingMessage } from 'node:http';
import { markAsClients } from '../../fetch/client-errors.js';
import { toHttpResponse } from '../../fetch/handler-response.js';
import { FastRequest, type FastRequestContext } from '../../fetch/request.js';
import type { Scheme } from '../../http/forwarded.js';
import { FieldId, listElements } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { HttpResponse } from '../../http/response/response.js';
import { latin1 } from '../../http/text.js';
import type { SocketAddress } from '../../sys/kernel.js';
import { report, SERVER_ERROR } from '../handlers/handler-runner.js';
import type { HandlerServer } from '../handlers/handler-server.js';
import { incomingOf, type UpgradeContext, type UpgradeHandler } from './upgrade-context.js';
import { UpgradeSocket, type UpgradeTransport } from './upgrade-socket.js';

const CULPRIT = 'the upgrade handler';

/**
 * Whether a request is for the upgrade handler: it asks for a protocol other than h2c, which RFC 9113 has given up, and
 * has no body, which the other protocol could not be distinguished from.
 */
export const isUpgrade = (parser: RequestParser): boolean =>
  parser.asksForUpgrade &&
  parser.contentLength === 0 &&
  listElements(parser.value(FieldId.upgrade)!).some((protocol) => protocol !== 'h2c');

/**
 * A request to the upgrade handler. It waits for the responses before it to be sent, then for the handler: to use the
 * socket, or to decline by a Response. What it declines by is sent as any other response.
 */
export class PendingUpgrade implements FastRequestContext, UpgradeContext {
  /** The handler has been called. */
  hasBegun = false;
  /** It has returned, or its promise is settled. It may have left the socket to a callback, which uses it later. */
  hasReturned = false;
  head: Buffer = Buffer.alloc(0);
  readonly defaultHost: string;
  readonly server: HandlerServer;
  readonly #head: Buffer;
  readonly #method: string;
  readonly #target: string;
  readonly #request: FastRequest;
  readonly #transport: UpgradeTransport;
  #socket: UpgradeSocket | null = null;
  #incoming: IncomingMessage | null = null;
  #controller: AbortController | null = null;
  #abortReason: DOMException | null = null;

  /**
   * @param scheme null without a proxy's
   * @param requestId null unless requests have ids
   * @param startMs on the reactor's clock
   */
  constructor(
    { parser, defaultHost, server }: { parser: RequestParser; defaultHost: string; server: HandlerServer },
    readonly scheme: Scheme | null,
    readonly requestId: string | null,
    readonly startMs: number,
    transport: UpgradeTransport,
  ) {
    this.defaultHost = defaultHost;
    this.server = server;
    this.#head = parser.copyHead();
    this.#method = parser.method;
    this.#target = latin1(parser.bytes, parser.targetStart, parser.targetEnd);
    this.#request = new FastRequest(parser, this, null);
    this.#transport = transport;
  }

  get peer(): SocketAddress | null {
    return this.#transport.peer;
  }

  get socket(): UpgradeSocket {
    this.#socket ??= new UpgradeSocket(this.#transport);
    return this.#socket;
  }

  get incoming(): IncomingMessage {
    this.#incoming ??= incomingOf(this.#head, this.#method, this.#target, this.socket);
    return this.#incoming;
  }

  /** A copy, as `copyHead` made it. */
  get requestHead(): Buffer {
    return this.#head;
  }

  get isTaken(): boolean {
    return this.#socket?.isTaken === true;
  }

  /**
   * Calls the handler.
   * @param onDecline called with the response if the handler has declined or failed, unless it has used the socket
   */
  async begin(handler: UpgradeHandler, onDecline: (response: HttpResponse) => void): Promise<void> {
    this.hasBegun = true;
    try {
      const response = await handler(this.#request as unknown as Request, this);
      if (this.isTaken) {
        if (response !== undefined)
          report(CULPRIT, new TypeError('it returned a Response after it had used the socket'));
      } else if (response !== undefined) onDecline(toHttpResponse(response));
      else if (this.#socket === null) throw new TypeError('it has neither used the socket nor returned a Response');
    } catch (error) {
      if (error === this.#abortReason && error !== null) return;
      report(CULPRIT, error);
      if (this.isTaken) this.#socket!.destroy();
      else onDecline(SERVER_ERROR);
    } finally {
      this.hasReturned = true;
    }
  }

  onSignal(controller: AbortController): void {
    this.#controller = controller;
    if (this.#abortReason !== null) controller.abort(this.#abortReason);
  }

  limitTime(ms: number): void {
    this.#transport.limitTime(ms);
  }

  /** The client has disconnected, or the handler has taken too long: a socket that it uses from here on is closed. */
  abort(reason: DOMException): void {
    this.#abortReason ??= markAsClients(reason);
    this.#controller?.abort(this.#abortReason);
    if (!this.isTaken) this.#socket?.destroy();
  }
}
