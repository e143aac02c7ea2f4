import { parentPort, workerData } from 'node:worker_threads';
import { loadApp } from '../app/app.js';
import type { StopOptions } from '../server/handlers/handler-server.js';
import type { ServeOptions } from '../server/options.js';
import type { PreparedReload } from '../server/reload.js';
import { Server } from '../server/server.js';
import { assert } from '../sys/assert.js';
import { Calls } from './calls.js';
import type { SupervisorFunctions, WorkerFunctions, WorkerPlan, WorkerStart } from './worker-functions.js';

// The entry point of a worker's thread: a Server that accepts from descriptors of the main thread.

class WorkerServer extends Server {
  /** Of a handler: stops all workers. */
  override stop(options: StopOptions = {}): Promise<void> {
    return supervisor.call('stop', options);
  }

  stopWorker(options: StopOptions): Promise<void> {
    return super.stop(options);
  }
}

const { worker, listeners, ...plan } = workerData as WorkerStart;
let server: WorkerServer;
let starting: Promise<void>;
let prepared: PreparedReload | null = null;

const functions: WorkerFunctions = {
  async start() {
    starting = startServer();
    await starting;
    return { missingFallbacks: server.missingFallbacks };
  },
  stats: () => server.stats(),
  async prepareReload(next) {
    await starting;
    prepared?.abort();
    prepared = server.prepareReload(await optionsOf(next));
  },
  commitReload() {
    prepared?.commit();
    prepared = null;
  },
  abortReload() {
    prepared?.abort();
    prepared = null;
  },
  flushLog: () => server.flushLog(),
  reopenLog: () => server.reopenLog(),
  stopAccepting: (descriptors) => server.stopAccepting(descriptors),
  async stop(options) {
    await server.stopWorker(options);
    // After the response to this call. Timers and sockets of the app would keep the thread alive.
    setImmediate(() => process.exit(0));
  },
};

async function startServer(): Promise<void> {
  server = new WorkerServer(await optionsOf(plan), { worker, listeners });
}

async function optionsOf({ options, app }: WorkerPlan): Promise<ServeOptions> {
  return app === null ? options : { ...options, ...(await loadApp(app)) };
}

assert(parentPort !== null, 'a worker is the entry point of a thread');
const supervisor = new Calls<SupervisorFunctions>(parentPort, functions);
