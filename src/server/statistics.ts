import type { Acceptors } from '../net/acceptors.js';
import type { ConnectionContext } from '../net/context.js';
import type { Listener } from '../net/listener.js';
import type { NestedDriver } from '../reactor/driver.js';
import { EnclosingDriver } from '../reactor/enclosing-driver.js';
import type { CountedKernel } from '../sys/counted-kernel.js';
import type { ServerContext } from './connection/context.js';
import type { ServerStats } from './handlers/handler-server.js';

/** What a server counts, put together when it is asked for. */
export class Statistics {
  private readonly startMs: number;
  private longestTurnMs = 0;

  constructor(
    private readonly context: ServerContext,
    private readonly connectionContext: ConnectionContext,
    private readonly acceptors: Acceptors,
    private readonly listeners: readonly Listener[],
    private readonly counted: CountedKernel,
    private readonly driver: EnclosingDriver | NestedDriver,
  ) {
    this.startMs = connectionContext.kernel.monotonicMs();
  }

  snapshot(): ServerStats {
    const { context, acceptors } = this;
    const { counters, reactor } = this.connectionContext;
    const { stats } = reactor;
    const queued = this.listeners.reduce((sum, each) => sum + each.queued, 0);
    return {
      connections: { open: acceptors.open, accepted: acceptors.accepted, acceptPauses: acceptors.pauses, queued },
      requests: context.requests,
      errorResponses: Object.fromEntries(context.errorResponses),
      bytes: { in: counters.bytesIn, out: counters.bytesOut },
      files: context.files?.stats ?? null,
      timeouts: context.timeouts + counters.writeTimeouts + counters.halfCloseTimeouts,
      handlerTimeouts: context.handlerTimeouts,
      writeTimeouts: counters.writeTimeouts,
      halfCloseTimeouts: counters.halfCloseTimeouts,
      eventsPerTurn: stats.turns === 0 ? 0 : stats.events / stats.turns,
      reactor: stats,
      systemCalls: this.counted.counts(),
      rejectedConnections: context.clients?.rejectedConnections ?? 0,
      rejectedRequests: context.clients?.rejectedRequests ?? 0,
      invalidProxyHeaders: context.invalidProxyHeaders,
      accessLogDropped: context.log?.dropped ?? 0,
      ...this.times,
      webSockets: context.webSockets === null ? null : { ...context.webSockets.stats },
      measurements: context.meter?.measurements ?? null,
    };
  }

  private get times(): Pick<ServerStats, 'busyMs' | 'longestTurnMs'> {
    const { driver, startMs } = this;
    if (!(driver instanceof EnclosingDriver)) return { busyMs: 0, longestTurnMs: 0 }; // another reactor waits
    this.longestTurnMs = Math.max(this.longestTurnMs, driver.takeLongestTurnMs());
    const elapsedMs = this.connectionContext.kernel.monotonicMs() - startMs;
    return { busyMs: Math.max(0, elapsedMs - driver.waitedMs), longestTurnMs: this.longestTurnMs };
  }
}
