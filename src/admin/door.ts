import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NestedDriver } from '../reactor/driver.js';
import { type AdminAddress, adminAddress } from '../server/admin-option.js';
import type { Companion } from '../server/handed.js';
import { Server } from '../server/server.js';
import { LiveEvents } from './events.js';
import { isOwnHost } from './host-check.js';
import type { Observed } from './metric.js';
import { LIVE_PAGE, LIVE_SCRIPT, LIVE_STYLE } from './page/live-page.js';
import { type PrometheusText, prometheusText, withoutPromClient } from './prometheus.js';
import type { Collect, WorkerStats } from './worker-stats.js';

export interface AdminOptions {
  /** `HOST:PORT` or `unix:PATH`, checked. */
  readonly admin: string;
  /** How the workers are notified of readiness, for the live view. */
  readonly trigger: string;
  readonly collect: Collect;
}

/** For scrapers, probes and a few people. */
const LIMITS = { maxConnections: 256, headBytes: 8192, bodyBytes: 0, headTimeoutMs: 5000, stopTimeoutMs: 1000 };

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/**
 * A listener of its own for those who run the server: the live view, metrics, health and readiness. It runs in Node's
 * loop, below the reactor that serves, which pays for it only while there is a request to it.
 */
export class AdminDoor implements Companion {
  /** For a browser. */
  readonly url: URL;
  /** Other machines may reach it. */
  readonly isOpen: boolean;
  /** What it cannot do, in one sentence; null if there is nothing. */
  readonly shortcoming: string | null;
  private readonly server: Server;
  private readonly address: AdminAddress;
  private readonly events: LiveEvents;
  private readonly prometheus: PrometheusText | null;
  private readonly pageHeaders: Record<string, string>;
  private unready: string | null = null;

  /** @throws a system error, as `serve()` does */
  constructor(private readonly options: AdminOptions) {
    this.address = adminAddress(options.admin)!;
    this.prometheus = prometheusText();
    this.isOpen = this.address.isOpen;
    this.shortcoming = this.prometheus === null ? withoutPromClient() : null;
    const describe = () => ({ unready: this.unready, trigger: options.trigger });
    this.events = new LiveEvents(options.collect, describe);
    const policy = `default-src 'none'; script-src ${sha256(LIVE_SCRIPT)}; style-src ${sha256(LIVE_STYLE)}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
    this.pageHeaders = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy };
    const fetch = (request: Request): Response | Promise<Response> => this.respond(request);
    this.server = new Server({ listen: this.address.listen, fetch, limits: LIMITS }, { Driver: NestedDriver });
    this.url = this.server.url;
    this.server.unref(); // the server that it describes keeps the process alive
  }

  /** @param reason why the server should get no further requests, as /readyz has it; null when it is ready */
  setReady(reason: string | null): void {
    this.unready = reason;
  }

  /** Ends the live views and closes the listener. Idempotent. */
  async close(): Promise<void> {
    this.events.close();
    await this.server.stop();
  }

  private respond(request: Request): Response | Promise<Response> {
    const { pathname, hostname } = new URL(request.url);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(405, 'Only GET and HEAD are allowed here.', { Allow: 'GET, HEAD' });
    if (this.address.isLoopback && !isOwnHost(hostname))
      return plain(421, 'The admin door is on the loopback: request it by an IP address or as localhost.');
    switch (pathname) {
      case '/':
        return respondWith(200, LIVE_PAGE, this.pageHeaders);
      case '/events':
        return respondWith(200, request.method === 'HEAD' ? null : this.events.stream(), {
          'Content-Type': 'text/event-stream',
        });
      case '/metrics':
        return this.metrics();
      case '/healthz':
        return plain(200, 'healthy');
      case '/readyz':
        return this.unready === null ? plain(200, 'ready') : plain(503, this.unready);
      default:
        return plain(404, 'There are /, /events, /metrics, /healthz and /readyz.');
    }
  }

  private async metrics(): Promise<Response> {
    const { prometheus } = this;
    if (prometheus === null) return plain(501, withoutPromClient());
    try {
      const text = await prometheus.of(this.observed(await this.options.collect()));
      return respondWith(200, text, { 'Content-Type': prometheus.contentType });
    } catch (error) {
      return plain(503, `There are no metrics at the moment: ${(error as Error).message}.`);
    }
  }

  private observed(workers: WorkerStats[]): Observed {
    const { user, system } = process.cpuUsage();
    return {
      workers,
      isReady: this.unready === null,
      startSeconds: performance.timeOrigin / 1000,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      version,
    };
  }
}

const plain = (status: number, text: string, headers: Record<string, string> = {}): Response =>
  respondWith(status, `${text}\n`, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });

/** Without CORS: other sites cannot read it. */
const respondWith = (
  status: number,
  body: string | ReadableStream<Uint8Array> | null,
  headers: Record<string, string>,
): Response =>
  new Response(body, {
    status,
    headers: {
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      ...headers,
    },
  });
