import type { Protocol } from '../../net/protocol.js';
import type { SocketAddress } from '../../sys/kernel.js';

/** What has taken a connection over from HTTP, or is about to: its protocol from then on. */
export interface Upgraded extends Protocol {
  /** The client's address; null once it has disconnected. */
  readonly peer: SocketAddress | null;
  /** Whether a response to the request for the upgrade is still to come. */
  readonly isPending: boolean;
  /** The server stops. */
  drain(): void;
  /** The server stops, and waits no longer. */
  close(reason: string): void;
}

/** The HTTP of a connection, which keeps the account of it after an upgrade. */
export interface UpgradableHttp {
  /** The connection has another protocol from here on. */
  onUpgraded(upgraded: Upgraded): void;
  /** As a Protocol's. */
  onSent(bytes: number): void;
  onClose(): void;
}
