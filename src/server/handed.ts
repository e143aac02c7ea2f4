import type { NestedDriver } from '../reactor/driver.js';
import type { HandedListener } from './listeners.js';

/** What a server is given by a supervisor or an admin door. */
export interface Handed {
  /** Descriptors that listen already, in place of the addresses in the options; they stay open. */
  readonly listeners?: readonly HandedListener[];
  /** The number of the worker. */
  readonly worker?: number;
  /** In place of an EnclosingDriver, of which one reactor of a thread should be the only one. */
  readonly Driver?: typeof NestedDriver;
}

/** Shows the server's state, and ends after it. */
export interface Companion {
  /** @param reason why the server should get no further requests; null when it is ready */
  setReady(reason: string | null): void;
  close(): Promise<void>;
}
