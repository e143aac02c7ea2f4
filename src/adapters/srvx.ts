/// <reference types="node" preserve="true" />
/**
 * `epollet/srvx`: `serve` of srvx's shape, so that what runs on srvx, such as h3, Nitro and crossws, runs on epollet.
 * @module
 */
import { EventEmitter } from 'node:events';
import type { ServerHandler, ServerMiddleware, ServerRequest, Server as SrvxServer } from 'srvx';
import { serve as serveHttp } from '../admin/serve.js';
import type { HandlerContext } from '../server/handlers/handler-context.js';
import type { Server } from '../server/server.js';
import type { UpgradeContext } from '../server/upgrade/upgrade-context.js';
import { BackgroundWork } from './background-work.js';
import { asResponse, asServerRequest } from './srvx-messages.js';
import { addressOf, plainOptions, resolved, type SrvxOptions } from './srvx-options.js';
import { closeOnSignals } from './stop-signals.js';

export type { SrvxOptions } from './srvx-options.js';

type NodeContext = NonNullable<SrvxServer['node']>;

/** In place of Node's server: emits `upgrade` with what Node's emits it with, which is what plugins such as crossws use. */
class UpgradeEvents extends EventEmitter {
  constructor(private readonly server: () => Server | null) {
    super();
  }

  get listening(): boolean {
    return this.server()?.isServing === true;
  }

  /** As Node's `server.address()`; null before it listens. */
  address(): { address: string; family: string; port: number } | null {
    const server = this.server();
    if (server === null) return null;
    const { hostname, port } = server;
    return { address: hostname, family: hostname.includes(':') ? 'IPv6' : 'IPv4', port };
  }
}

/** A server of srvx's shape. It listens when it is made, unless its name must be resolved or `manual` is set. */
class EpolletServer {
  readonly runtime = 'node';
  readonly options: SrvxOptions & { middleware: ServerMiddleware[] };
  readonly node: NodeContext;
  readonly fetch: ServerHandler;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  private readonly work = new BackgroundWork();
  private readonly events: UpgradeEvents;
  private server: Server | null = null;
  private listening: Promise<this> | null = null;
  private hasFailed = false;
  private isAwaited = false;
  private forgetSignals = () => {};

  constructor(options: SrvxOptions) {
    this.options = { ...options, middleware: [...(options.middleware ?? [])] };
    this.waitUntil = this.work.waitUntil;
    this.events = new UpgradeEvents(() => this.server);
    this.node = {
      server: this.events as unknown as NonNullable<NodeContext['server']>,
      handler: async (request, response) => {
        const { toNodeHandler } = await import('srvx/node');
        return (toNodeHandler(this.fetch) as NodeContext['handler'])(request, response);
      },
    };
    const asServer = this as unknown as SrvxServer; // whose `url` is undefined until it listens, too
    for (const plugin of options.plugins ?? []) plugin(asServer);
    this.fetch = composed(this.options);
    const { __srvxLoader__: load } = globalThis as { __srvxLoader__?: (loaded: { server: SrvxServer }) => void };
    if (load !== undefined) {
      load({ server: asServer }); // srvx's command serves it itself
      return;
    }
    this.forgetSignals = closeOnSignals(options.gracefulShutdown, this.isSilent, (force) => this.close(force));
    if (options.manual !== true) this.serve().catch((error: unknown) => this.onFailure(error));
  }

  /** For a browser, with the address that it listens on; undefined before it does. */
  get url(): string | undefined {
    const { server } = this;
    if (server === null) return undefined;
    if (server.hostname === '') return server.url.href; // Unix sockets
    return `http://${server.hostname.includes(':') ? `[${server.hostname}]` : server.hostname}:${server.port}/`;
  }

  /** Listens; another call does so again only if the last has failed. */
  serve(): Promise<this> {
    if (this.listening === null || this.hasFailed) this.listening = this.listen();
    return this.listening;
  }

  /** Resolves when it listens, or at once with `manual`. @throws as `serve` of epollet */
  ready(): Promise<this> {
    this.isAwaited = true;
    return this.listening ?? Promise.resolve(this);
  }

  /**
   * Stops as `server.stop()` of epollet does, and waits for what was given to `waitUntil`.
   * @param force closes connections at once
   */
  async close(force = false): Promise<void> {
    await Promise.all([this.work.settled(), this.server?.stop({ force })]);
    this.forgetSignals();
  }

  private async listen(): Promise<this> {
    this.hasFailed = false;
    try {
      const { options } = this;
      const plain = plainOptions(options);
      if (plain.listen === undefined) {
        const { hostname, port } = addressOf(options);
        const address = resolved(hostname);
        Object.assign(plain, { hostname: address === null ? hostname : await address, port });
      }
      this.server = serveHttp({
        ...plain,
        fetch: (request, context) => this.respond(request, context),
        error: () => new Response(null, { status: 500 }),
        upgrade: (request, context) => this.upgrade(request, context),
      });
    } catch (error) {
      this.hasFailed = true;
      throw error;
    }
    this.announce();
    return this;
  }

  private respond(request: Request, context: HandlerContext | UpgradeContext): Response | Promise<Response> {
    const response = this.fetch(asServerRequest(request, context, this.waitUntil));
    return isPromise(response) ? response.then(asResponse) : asResponse(response);
  }

  /** Without a listener an upgrade is an ordinary request, RFC 9110 section 7.8, as in Node. */
  private upgrade(request: Request, context: UpgradeContext): Response | Promise<Response> | undefined {
    const { incoming, socket, head } = context;
    if (!this.events.emit('upgrade', incoming, socket, head)) return this.respond(request, context);
    return undefined;
  }

  private get isSilent(): boolean {
    return this.options.silent ?? Boolean(process.env['TEST']);
  }

  private announce(): void {
    const { url, server } = this;
    if (this.isSilent || url === undefined) return;
    const isEvery = server!.hostname === '::' || server!.hostname === '0.0.0.0';
    process.stdout.write(`➜ Listening on: ${isEvery ? `${server!.url.href} (all interfaces)` : url}\n`);
  }

  /** What `ready` is awaited for is its caller's to report. */
  private onFailure(error: unknown): void {
    if (this.isAwaited) return;
    if (!this.isSilent) console.error('epollet: the server has not started:', error);
    process.exitCode ||= 1;
  }
}

const isPromise = (value: Response | Promise<Response>): value is Promise<Response> =>
  typeof (value as Partial<Promise<Response>> | undefined)?.then === 'function';

/** The handler behind the middleware; what any of them throws is for `error`, outermost. */
function composed({ fetch, middleware, error }: EpolletServer['options']): ServerHandler {
  const handler = middleware.reduceRight<ServerHandler>(
    (next, each) => (request) => each(request, () => next(request)),
    fetch,
  );
  if (error === undefined) return handler;
  return (request: ServerRequest) => {
    try {
      const response = handler(request);
      return isPromise(response) ? response.then(undefined, error) : response;
    } catch (thrown) {
      return error(thrown);
    }
  };
}

/**
 * Serves a handler of srvx's shape over epollet.
 * @throws TypeError or RangeError ERR_EPOLLET_OPTION, by `ready()` and `serve()`
 */
export const serve = (options: SrvxOptions): SrvxServer => new EpolletServer(options) as unknown as SrvxServer;
