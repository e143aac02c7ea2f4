import type { HttpResponse } from '../../http/response/response.js';
import { latin1 } from '../../http/text.js';
import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';
import type { Protocol } from '../../net/protocol.js';
import type { Kernel, SocketAddress } from '../../sys/kernel.js';
import type { ForwardedClient } from '../clients/forwarded-client.js';
import type { LogEntry } from '../log/log-entry.js';
import { PendingUpgrade } from '../upgrade/pending-upgrade.js';
import type { UpgradeHandler } from '../upgrade/upgrade-context.js';
import type { UpgradeTransport } from '../upgrade/upgrade-socket.js';
import type { Upgraded } from '../upgrade/upgraded.js';
import { UpgradedConnection, type UpgradedUser } from '../upgrade/upgraded-connection.js';
import type { ServerContext } from './context.js';
import { HANDLER_TIMEOUT } from './error-responses.js';
import { discard } from './pending-response.js';
import { RequestTime } from './request-time.js';

/** The HTTP of the connection, before the upgrade, and again after one that was declined. */
export interface Upgradable extends Protocol {
  readonly connection: Connection;
  /** The handler has declined: responds to the request that the parser holds, and goes on. */
  onDeclined(response: HttpResponse, entry: LogEntry | null): void;
}

/**
 * The protocol of a connection from the request for an upgrade on. It reads nothing until the handler has used the
 * socket, which takes the connection over, or has declined, which gives it back to HTTP.
 */
export class Upgrade implements Upgraded, UpgradeTransport {
  readonly wantsInput = false;
  readonly isTaskless = false;
  readonly isSending = false;
  private readonly pending: PendingUpgrade;
  private readonly connection: Connection;
  /** Null if it is the peer of the connection. */
  private readonly client: SocketAddress | null;
  /** As of the request: a reload may replace it. */
  private readonly handler: UpgradeHandler;
  private upgraded: UpgradedConnection | null = null;
  /** Given by the handler; null if the limits of the server hold. */
  private time: RequestTime | null = null;
  /** Declined, or closed. */
  private isOver = false;

  /** @param forwarded null unless the peer is a trusted proxy @param entry null without an access log */
  constructor(
    private readonly context: ServerContext,
    private readonly http: Upgradable,
    forwarded: ForwardedClient | null,
    private readonly entry: LogEntry | null,
  ) {
    const { parser } = context;
    this.handler = context.upgrade!;
    this.connection = http.connection;
    this.connection.protocol = this;
    this.client = forwarded?.addressOf(parser) ?? null;
    const { nowMs } = this.connection.context.reactor;
    this.pending = new PendingUpgrade(
      context,
      forwarded?.schemeOf(parser) ?? null,
      entry?.requestId ?? null,
      nowMs,
      this,
    );
    queueMicrotask(() => this.begin()); // outside the turn, which is still using the parser
  }

  get kernel(): Kernel {
    return this.connection.context.kernel;
  }

  get fd(): number {
    const { upgraded, connection } = this;
    return (upgraded ?? connection).isClosed ? -1 : connection.fd;
  }

  get peer(): SocketAddress | null {
    const { upgraded, connection } = this;
    return this.client ?? peerOf(upgraded ?? connection);
  }

  /** The handler has neither used the socket nor declined. */
  get isPending(): boolean {
    return this.upgraded === null && !this.isOver;
  }

  limitTime(ms: number): void {
    if (!this.isPending) return;
    this.context.flushQueue.schedule(this.connection); // with its deadline
    this.time = new RequestTime(this.connection.context.reactor.nowMs, ms);
  }

  take(user: UpgradedUser): UpgradedConnection | null {
    if (this.isOver) return null;
    this.connection.release();
    this.upgraded = new UpgradedConnection(this.connection.context, this.connection.fd, user);
    return this.upgraded;
  }

  onFirstWrite(bytes: Uint8Array): void {
    const [, status] = /^HTTP\/1\.[01] (\d{3})\b/.exec(latin1(bytes, 0, Math.min(bytes.length, 13))) ?? [];
    const { context, entry } = this;
    context.meter?.onResponse(Number(status ?? 101));
    entry?.begin(Number(status ?? 101), 0);
    entry?.complete(0);
    this.http.onSent(0); // the log has its line
  }

  /** Its end is the handler's, as long as the server waits. */
  drain(): void {}

  close(reason: string): void {
    if (this.upgraded === null) this.connection.close(reason);
    else this.upgraded.close();
  }

  /** Copies what has come behind the request, for the handler; it stays unread for HTTP. */
  onData(bytes: Uint8Array, start: number, end: number): number {
    this.pending.head = Buffer.from(bytes.subarray(start, end));
    return start;
  }

  onEnd(): boolean {
    return true;
  }

  onSent(bytes: number): void {
    this.http.onSent(bytes);
  }

  onDrain(): void {
    queueMicrotask(() => this.begin());
  }

  deadlineMs(sinceMs: number): number {
    const { pending, time } = this;
    if (time !== null) return time.dueMs(sinceMs);
    const { handlerTimeoutMs, idleTimeoutMs } = this.context.limits;
    if (pending.hasBegun && handlerTimeoutMs > 0) return pending.startMs + handlerTimeoutMs;
    return pending.hasReturned ? pending.startMs + idleTimeoutMs : Number.POSITIVE_INFINITY;
  }

  onTimeout(): void {
    this.context.timeouts++;
    this.context.handlerTimeouts++;
    this.decline(HANDLER_TIMEOUT);
    this.pending.abort(new DOMException('The handler timed out', 'AbortError'));
  }

  /** The connection is closed, or the socket that has taken it over. */
  onClose(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.upgraded === null) this.pending.abort(new DOMException('The client has disconnected', 'AbortError'));
    this.http.onClose();
  }

  /** Calls the handler once nothing of earlier responses is unsent. */
  private begin(): void {
    const { pending, connection } = this;
    if (pending.hasBegun || this.isOver || connection.queuedBytes > 0) return;
    void pending.begin(this.handler, (response) => this.decline(response)).then(() => connection.resume());
    connection.resume(); // with its deadline
  }

  private decline(response: HttpResponse): void {
    const { connection, context } = this;
    if (this.isOver || this.upgraded !== null) return discard(response, this.kernel);
    this.isOver = true;
    context.flushQueue.schedule(connection);
    connection.protocol = this.http;
    context.parser.restoreHead(this.pending.requestHead);
    this.http.onDeclined(response, this.entry);
  }
}
