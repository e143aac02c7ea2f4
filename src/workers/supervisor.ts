import { fileURLToPath } from 'node:url';
import type { MissingFallback } from '../files/pages/fallback.js';
import { resolveLimits } from '../http/limits.js';
import { checkedOptions, checkedWorkers } from '../server/checked-options.js';
import type { Companion } from '../server/handed.js';
import type { ServerStats, StopOptions } from '../server/handlers/handler-server.js';
import type { ServeOptions, WorkersOptions } from '../server/options.js';
import { type Changes, cannotChange, changed } from '../server/reload.js';
import { StopDelay } from '../server/stop-delay.js';
import type { AcceptMode } from '../server/workers-option.js';
import { kernel } from '../sys/binding.js';
import { rejectFunctions } from './plain-options.js';
import { totalOf } from './total.js';
import type { SupervisorFunctions, WorkerPlan } from './worker-functions.js';
import { WorkerListeners } from './worker-listeners.js';
import { WorkerThread } from './worker-thread.js';

/** The pause before a worker that has died is replaced, doubled for each that dies within `SETTLED_MS` of its start. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const SETTLED_MS = 10_000;
/** A worker that does not respond within this time is left out of the statistics. */
const STATS_TIMEOUT_MS = 1000;
/** The end of a thread after its connections are closed: 'exit' handlers of the app. */
const EXIT_TIMEOUT_MS = 1000;

/** The statistics of one worker. */
export interface WorkerStats {
  /** Its number, from 0, which its successor has too. */
  worker: number;
  stats: ServerStats;
}

/** The statistics of all workers together, and of each. */
export interface TotalStats extends ServerStats {
  workers: WorkerStats[];
  /** How many workers have died and were replaced. */
  replaced: number;
}

/** What is reported of workers: by default as a warning of the process. */
export type Report = (sentence: string, error: Error | null) => void;

interface Slot {
  thread: WorkerThread;
  startedMs: number;
  failures: number;
}

/**
 * A server of several workers: threads with a Server each, which this thread starts, replaces, reloads and stops. It
 * serves nothing itself.
 *
 * 1. Construction checks the options, opens the listening sockets and starts the threads.
 * 2. `ready` resolves when every worker serves, and rejects with what the first one threw that could not.
 * 3. A worker that dies later is reported and replaced after a pause; the others go on.
 * 4. `reload` prepares all workers, then changes all, or none.
 */
export class Supervisor implements AsyncDisposable {
  /** The IP address that it listens on, the first of several; empty without TCP. */
  readonly hostname: string;
  /** The bound port, the first of several; 0 without TCP. */
  readonly port: number;
  readonly url: URL;
  /** The URLs of all that it listens on. */
  readonly addresses: readonly string[];
  /** Resolves when every worker serves. @throws what a worker's start throws: of its app, its files */
  readonly ready: Promise<void>;
  /** Fallback pages that are missing; known once `ready` has resolved. */
  missingFallbacks: MissingFallback[] = [];
  report: Report = (sentence, error) =>
    process.emitWarning(sentence, { type: 'EpolletWarning', ...(error?.stack && { detail: error.stack }) });
  replaced = 0;
  /** What stops with the server; it may be set until then. */
  companion: Companion | null = null;
  private plan: WorkerPlan;
  /** The options of the start or of the last reload. */
  private current: WorkersOptions;
  /** Not in the plan: the workers do not wait too. */
  private stopDelayMs: number;
  private readonly listeners: WorkerListeners;
  private readonly slots: Slot[] = [];
  private readonly replacements = new Set<NodeJS.Timeout>();
  private readonly functions: SupervisorFunctions = { stop: (options) => this.stop(options) };
  private isReferenced = true;
  private isReady = false;
  private isStopping = false;
  private isForced = false;
  /** Nothing is accepted any more. */
  private isDraining = false;
  private stopping: Promise<void> | null = null;
  private readonly stopDelay = new StopDelay();
  private reloading: Promise<void> = Promise.resolve();

  /**
   * @param options without handlers, which are functions; plain data, except URLs of roots
   * @param app the path of the module that has them
   * @throws as `Server` does for options and addresses
   */
  constructor(
    options: ServeOptions,
    app: string | null,
    private readonly count: number,
    private readonly mode: AcceptMode,
  ) {
    const { listen } = checkedPlan(options, app);
    this.current = app === null ? options : { ...options, app };
    this.plan = planOf(options, app, count);
    this.stopDelayMs = stopDelayOf(options);
    this.listeners = new WorkerListeners(kernel, listen, count, mode);
    const { firstTcp, urls } = this.listeners;
    this.hostname = firstTcp?.address.address ?? '';
    this.port = firstTcp?.address.port ?? 0;
    this.url = new URL(firstTcp?.url ?? urls[0]!);
    this.addresses = urls;
    for (let worker = 0; worker < count; worker++) this.slots.push(this.startWorker(worker, 0));
    this.ready = this.startAll();
    this.ready.catch(() => {}); // of those who do not wait for it
  }

  /** Whether it accepts connections and is not about to stop. */
  get isServing(): boolean {
    return this.isReady && !this.isStopping;
  }

  /** The sum of all workers that respond in time, and each of them. */
  async stats(): Promise<TotalStats> {
    const workers = await this.collect();
    const total = totalOf(workers.map(({ stats }) => stats));
    if (total === null) throw new Error('no worker responds');
    return { ...total, workers, replaced: this.replaced };
  }

  /** The statistics of each worker that responds in time. */
  async collect(): Promise<WorkerStats[]> {
    const all = this.slots.map(async ({ thread }, worker) => {
      const stats = await inTime(thread.calls.call('stats', null), STATS_TIMEOUT_MS);
      return stats === null ? [] : [{ worker, stats }];
    });
    return (await Promise.all(all)).flat();
  }

  /**
   * Changes what is served, and how; the app is loaded anew. Connections stay open, and requests that a handler has
   * begun are ended by it. What the changes leave out stays as it is; undefined stands for the default. Where it listens
   * cannot change.
   * @param changes options as for `serve`, without functions, which cannot be sent to workers: those of the app change
   * with its module
   * @throws as the constructor and `ready` do; then everything stays as it was
   */
  async reload(changes: Changes<WorkersOptions>): Promise<void> {
    await this.reloadAll(changed(this.current, changes));
  }

  /** As `reload`, but options that are left out have their defaults. */
  async reloadAll(options: WorkersOptions): Promise<void> {
    const { workers, accept, app, plain } = checkedWorkers(options);
    if (options.workers !== undefined && workers !== 'auto' && workers !== this.count) throw cannotChange('workers');
    if (options.accept !== undefined && accept !== this.mode) throw cannotChange('accept');
    checkedPlan(plain, app);
    // One after the other: a worker has one prepared reload at a time.
    const reloading = this.reloading.then(() => this.change(planOf(plain, app, this.count), stopDelayOf(plain)));
    const before = this.current;
    this.current = options;
    this.reloading = reloading.catch(() => {});
    await reloading.catch((error: unknown) => {
      if (this.current === options) this.current = before;
      throw error;
    });
  }

  /**
   * Stops as `Server.stop` does: after `stopDelayMs`, in which it serves on while `isServing` is false, all workers accept
   * what is in their queues and end. Another call with `force` closes the rest at once.
   */
  stop(options: StopOptions = {}): Promise<void> {
    if (!this.isStopping) this.companion?.setReady('The server is stopping.');
    this.isStopping = true;
    this.stopping ??= this.end();
    if (options.force === true) {
      this.isForced = true;
      this.stopDelay.cut();
      if (this.isDraining)
        for (const { thread } of this.slots) thread.calls.call('stop', { force: true }).catch(() => {});
    }
    return this.stopping;
  }

  /** Writes the lines of the access logs that wait for their batch. Never rejects. */
  async flushLog(): Promise<void> {
    await Promise.allSettled(this.slots.map(({ thread }) => thread.calls.call('flushLog', null)));
  }

  /**
   * Opens the file of the access log anew, in all workers.
   * @throws a system error of open(2), the first one's; then that worker writes to the file from before
   */
  async reopenLog(): Promise<void> {
    const threads = this.slots.map(({ thread }) => thread);
    const all = await Promise.allSettled(threads.map(({ calls }) => calls.call('reopenLog', null)));
    // One that ends is replaced, and its successor opens the file.
    const failed = all.find(({ status }, at) => status === 'rejected' && !threads[at]!.hasEnded);
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  }

  /** Keeps the process alive while the workers serve, which is the default. */
  ref(): void {
    this.isReferenced = true;
    for (const { thread } of this.slots) thread.ref();
  }

  /** Lets the process exit if nothing else keeps it alive. */
  unref(): void {
    this.isReferenced = false;
    for (const { thread } of this.slots) thread.unref();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private async change(plan: WorkerPlan, stopDelayMs: number): Promise<void> {
    const threads = this.slots.map(({ thread }) => thread).filter(({ hasEnded }) => !hasEnded);
    const prepared = await Promise.allSettled(threads.map(({ calls }) => calls.call('prepareReload', plan)));
    const failed = prepared.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed !== undefined) {
      await Promise.allSettled(threads.map(({ calls }) => calls.call('abortReload', null)));
      throw failed.reason;
    }
    this.plan = plan;
    this.stopDelayMs = stopDelayMs;
    // A worker that was started meanwhile has the plan before.
    const late = this.slots.map(({ thread }) => thread).filter((thread) => !threads.includes(thread));
    await Promise.allSettled(late.map(({ calls }) => calls.call('prepareReload', plan)));
    await Promise.allSettled([...threads, ...late].map(({ calls }) => calls.call('commitReload', null)));
  }

  private startWorker(worker: number, failures: number): Slot {
    const start = { ...this.plan, worker, listeners: this.listeners.of(worker) };
    const thread = new WorkerThread(start, this.functions, this.isReferenced);
    void thread.ended.then((error) => this.onEnded(worker, error));
    return { thread, startedMs: performance.now(), failures };
  }

  private async startAll(): Promise<void> {
    // A thread that is terminated while it loads modules may leave a descriptor open: all get to their end.
    const started = await Promise.allSettled(this.slots.map(({ thread }) => thread.calls.call('start', null)));
    const failed = started.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed !== undefined) {
      this.isStopping = true;
      await Promise.all(this.slots.map(({ thread }) => thread.terminate()));
      this.listeners.close();
      await this.companion?.close();
      throw failed.reason;
    }
    this.missingFallbacks = (
      started[0] as PromiseFulfilledResult<{ missingFallbacks: MissingFallback[] }>
    ).value.missingFallbacks;
    this.isReady = true;
  }

  private onEnded(worker: number, error: Error | null): void {
    if (this.isStopping || !this.isReady) return;
    const { startedMs, failures } = this.slots[worker]!;
    const times = performance.now() - startedMs > SETTLED_MS ? 0 : failures;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** times);
    const reason = error === null ? 'it called process.exit(0)' : error.message.split('\n')[0];
    this.report(`Worker ${worker} ended: ${reason}; another one starts in ${pauseMs / 1000} s.`, error);
    const timer = setTimeout(() => {
      this.replacements.delete(timer);
      this.replace(worker, times + 1);
    }, pauseMs);
    this.replacements.add(timer);
  }

  private replace(worker: number, failures: number): void {
    const slot = this.startWorker(worker, failures);
    this.slots[worker] = slot;
    this.replaced++;
    slot.thread.calls.call('start', null).catch((error: Error) => slot.thread.terminate(error));
  }

  private async end(): Promise<void> {
    await this.ready.catch(() => {});
    if (this.stopDelayMs > 0 && !this.isForced) await this.stopDelay.wait(this.stopDelayMs);
    for (const timer of this.replacements) clearTimeout(timer);
    this.listeners.withdraw();
    // The first one is the last to stop accepting: what the others still leave in a common queue is its.
    await Promise.all(this.slots.map((_, worker) => (worker === 0 ? null : this.stopAccepting(worker))));
    await this.stopAccepting(0);
    this.listeners.close();
    this.isDraining = true;
    await Promise.all(this.slots.map(({ thread }) => this.endThread(thread)));
    await this.companion?.close();
  }

  private async stopAccepting(worker: number): Promise<void> {
    const { thread } = this.slots[worker]!;
    if (thread.hasEnded) return;
    const descriptors = this.listeners.closedBy(worker, worker === 0);
    this.listeners.forget(descriptors);
    await thread.calls.call('stopAccepting', descriptors).catch(() => {
      for (const fd of descriptors) kernel.close(fd); // the worker has died before
    });
  }

  private async endThread(thread: WorkerThread): Promise<void> {
    if (!thread.hasEnded) await thread.calls.call('stop', { force: this.isForced }).catch(() => {});
    if ((await inTime(thread.ended, EXIT_TIMEOUT_MS)) === null && !thread.hasEnded) await thread.terminate();
  }
}

/** With a handler in place of those that only the workers have. */
function checkedPlan(options: ServeOptions, app: string | null) {
  rejectFunctions(options);
  return checkedOptions(app === null ? options : { ...options, fetch: () => new Response() });
}

const stopDelayOf = ({ limits }: ServeOptions): number => resolveLimits(limits).stopDelayMs;

/** Each worker gets its part of what is shared: memory of the cache, and connections. */
function planOf(options: ServeOptions, app: string | null, workers: number): WorkerPlan {
  const { cacheBytes, maxConnections } = resolveLimits(options.limits);
  const limits = {
    ...options.limits,
    cacheBytes: Math.floor(cacheBytes / workers),
    maxConnections: Math.ceil(maxConnections / workers),
    stopDelayMs: 0,
  };
  const hosts = Object.entries(options.hosts ?? {}).map(([host, its]) => [host, withPath(its)]);
  return { options: { ...withPath(options), hosts: Object.fromEntries(hosts), limits }, app };
}

/** A URL cannot be sent to another thread. */
function withPath<Options extends { root?: string | URL }>(options: Options): Options {
  return options.root instanceof URL ? { ...options, root: fileURLToPath(options.root) } : options;
}

async function inTime<Result>(result: Promise<Result>, ms: number): Promise<Result | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([result.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
