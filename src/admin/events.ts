import type { Collect, WorkerStats } from './worker-stats.js';

const INTERVAL_MS = 1000;

/** What one event has as JSON. */
export interface LiveEvent {
  /** Unix time. */
  readonly timeMs: number;
  /** Null when ready. */
  readonly unready: string | null;
  readonly trigger: string;
  readonly workers: readonly WorkerStats[];
}

type Client = ReadableStreamDefaultController<Uint8Array>;

/**
 * The statistics of all workers once a second, as server-sent events (HTML standard, section 9.2), to all that listen.
 * Collects nothing while there is no client. A client that does not read is skipped, not buffered for.
 */
export class LiveEvents {
  private readonly clients = new Set<Client>();
  private readonly encoder = new TextEncoder();
  private timer: NodeJS.Timeout | null = null;
  private isCollecting = false;

  /** @param describe what the event has apart from the statistics */
  constructor(
    private readonly collect: Collect,
    private readonly describe: () => Omit<LiveEvent, 'timeMs' | 'workers'>,
  ) {}

  /** The body of one client's response. */
  stream(): ReadableStream<Uint8Array> {
    let client: Client;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        client = controller;
        this.clients.add(client);
        this.timer ??= setInterval(() => void this.send(), INTERVAL_MS).unref();
        void this.send();
      },
      cancel: () => this.remove(client),
    });
  }

  close(): void {
    for (const client of this.clients) {
      this.remove(client);
      client.close();
    }
  }

  private remove(client: Client): void {
    this.clients.delete(client);
    if (this.clients.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private async send(): Promise<void> {
    if (this.isCollecting) return;
    this.isCollecting = true;
    try {
      const workers = await this.collect();
      const event: LiveEvent = { timeMs: Date.now(), ...this.describe(), workers };
      const bytes = this.encoder.encode(`data: ${JSON.stringify(event)}\n\n`);
      for (const client of this.clients) if ((client.desiredSize ?? 0) > 0) client.enqueue(bytes);
    } catch {
      // The workers did not respond: the page shows how old its numbers are.
    } finally {
      this.isCollecting = false;
    }
  }
}
