import type { AccessLog } from './access-log.js';
import type { LogEntry, Output } from './log-entry.js';

const NONE = new Uint8Array(0);

/** The requests of one connection that are not logged or traced to their end yet, in their order. */
export class Unlogged implements Output {
  /** Bytes sent since the start of the connection. */
  sentBytes = 0;
  /** The peer's address, once it has been needed. */
  peer: string | null = null;
  /** Of a request that is traced, or whose body is discarded before its response is made. */
  begun: LogEntry | null = null;
  private readonly entries: LogEntry[] = [];
  private client = '';
  private clientBytes: Uint8Array = NONE;

  /** @param log null if requests are only traced */
  constructor(private readonly log: AccessLog | null) {}

  add(entry: LogEntry): LogEntry {
    this.entries.push(entry);
    return entry;
  }

  /** The client's address as bytes, which most requests of a connection have in common. */
  bytesOf(client: string): Uint8Array {
    if (client !== this.client) {
      this.client = client;
      this.clientBytes = Buffer.from(client, 'latin1');
    }
    return this.clientBytes;
  }

  /** Logs the responses that end with these bytes. */
  onSent(bytes: number): void {
    const { entries } = this;
    this.sentBytes += bytes;
    let complete = 0;
    while (complete < entries.length && entries[complete]!.isComplete) this.record(entries[complete++]!);
    if (complete === entries.length) entries.length = 0;
    else {
      if (complete > 0) entries.splice(0, complete);
      entries[0]!.contentBytes(); // forgets the chunks that are sent
    }
  }

  /** The connection is closed: what is left was cut off, or had no response. */
  onClose(): void {
    for (const entry of this.entries) this.record(entry);
    this.entries.length = 0;
  }

  private record(entry: LogEntry): void {
    this.log?.record(entry);
    entry.trace?.onEnd(entry.contentBytes(), entry.isComplete);
  }
}
