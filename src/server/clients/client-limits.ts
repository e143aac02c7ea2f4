import type { Limits } from '../../http/limits.js';
import { HASH_SEED } from '../../http/text.js';
import type { Networks } from '../../net/ip/networks.js';
import { ClientKey } from './client-key.js';
import { ClientTable, NO_CLIENT } from './client-table.js';

/** The least size of the table, 40 bytes each: more clients than that have no bucket that is not full, in most floods. */
const MIN_CAPACITY = 65_536;
/** Sums of times are not exact. */
const ROUNDING_MS = 0.00001;

type ClientLimitOptions = Pick<
  Limits,
  'maxConnections' | 'maxConnectionsPerClient' | 'clientRequestsPerSecond' | 'clientRequestBurst'
>;

/**
 * Limits of one client address: open connections, and requests by a token bucket. The bucket is kept as the time at which
 * it is full again (the generic cell rate algorithm), so that it needs no timer.
 */
export class ClientLimits {
  /** Connections beyond `maxConnectionsPerClient`. */
  rejectedConnections = 0;
  /** Requests beyond `clientRequestsPerSecond`. */
  rejectedRequests = 0;
  readonly table: ClientTable;
  private readonly key = new ClientKey();
  private readonly maxConnections: number;
  /** Of one token; 0 without a limit of requests. */
  private readonly tokenMs: number;
  /** How far ahead the time of a full bucket may be for one more request. */
  private readonly aheadMs: number;

  /** @param exempt clients that have no limits; null for none */
  constructor(
    limits: ClientLimitOptions,
    private readonly exempt: Networks | null = null,
    seed: number = HASH_SEED | 1,
  ) {
    const { maxConnections, maxConnectionsPerClient, clientRequestsPerSecond, clientRequestBurst } = limits;
    this.maxConnections = maxConnectionsPerClient === 0 ? Number.POSITIVE_INFINITY : maxConnectionsPerClient;
    this.tokenMs = clientRequestsPerSecond === 0 ? 0 : 1000 / clientRequestsPerSecond;
    this.aheadMs = (clientRequestBurst - 1) * this.tokenMs + ROUNDING_MS;
    this.table = new ClientTable(Math.max(MIN_CAPACITY, 2 ** Math.ceil(Math.log2(2 * maxConnections))), seed);
  }

  /** Whether there is one of these limits. */
  static isOn({ maxConnectionsPerClient, clientRequestsPerSecond }: ClientLimitOptions): boolean {
    return maxConnectionsPerClient !== 0 || clientRequestsPerSecond !== 0;
  }

  /**
   * The limits of a server, or of its reload: buckets are full again, and the caller has each connection counted anew.
   * @param before what they replace, whose counts go on
   * @returns null without one of these limits: then there is no cost of them
   */
  static of(limits: ClientLimitOptions, exempt: Networks | null, before: ClientLimits | null): ClientLimits | null {
    if (before === null && !ClientLimits.isOn(limits)) return null;
    const made = new ClientLimits(limits, exempt);
    made.rejectedConnections = before?.rejectedConnections ?? 0;
    made.rejectedRequests = before?.rejectedRequests ?? 0;
    return made;
  }

  /** A client has connected. Returns its slot, for `disconnect`; NO_CLIENT if it is exempt, or not one of a network. */
  connect(address: string | undefined, nowMs: number): number {
    const slot = address === undefined ? NO_CLIENT : this.slotOf(address, nowMs);
    if (slot !== NO_CLIENT) this.table.connect(slot);
    return slot;
  }

  /** Whether the client has more connections than it may have. Counts the one that is too many. */
  isOneTooMany(client: number): boolean {
    if (client < 0 || this.table.connections[client]! <= this.maxConnections) return false;
    this.rejectedConnections++;
    return true;
  }

  disconnect(client: number, nowMs: number): void {
    if (client >= 0) this.table.disconnect(client, nowMs);
  }

  /** Takes a token of a client whose connection is that of a proxy. */
  takeRequestOf(address: string, nowMs: number): boolean {
    return this.tokenMs === 0 || this.takeRequest(this.slotOf(address, nowMs), nowMs);
  }

  /** Takes a token. Returns false, and counts the request, if there is none. */
  takeRequest(client: number, nowMs: number): boolean {
    if (this.tokenMs === 0 || client === NO_CLIENT) return true;
    const { fullMs } = this.table;
    const startMs = Math.max(fullMs[client]!, nowMs);
    if (startMs - nowMs > this.aheadMs) {
      this.rejectedRequests++;
      return false;
    }
    fullMs[client] = startMs + this.tokenMs;
    return true;
  }

  private slotOf(address: string, nowMs: number): number {
    const { key, exempt } = this;
    if (!key.parse(address) || exempt?.contains(key.address)) return NO_CLIENT;
    return this.table.slotOf(key.high, key.low, nowMs);
  }
}
