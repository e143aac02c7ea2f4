import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { BlockingDriver, EnclosingDriver, NestedDriver, type Reactor } from '../../reactor/index.js';
import type { Handed } from '../../server/handed.js';
import { Server } from '../../server/server.js';
import { kernel } from '../../sys/index.js';
import { Lateness, type Readings } from './lateness.js';
import { startProbes } from './probes.js';
import { ALONE, type ThreadName, type Way } from './ways.js';

/** The arguments of the program, as JSON. */
export interface DriverSpec {
  readonly way: Way;
  readonly root: string;
  /** Whether the probes run: they have a cost of their own, so what a request costs is measured without. */
  readonly hasProbes: boolean;
}

/** The response to `GET /` of the control thread. */
export interface DriverState {
  /** Of the server on the reactor; 0 without one. */
  readonly port: number;
}

/** The response to `GET /end`: of the time since `GET /begin`. */
export interface DriverWindow {
  readonly seconds: number;
  readonly threads: readonly ThreadReadings[];
}

export interface ThreadReadings {
  readonly thread: ThreadName;
  readonly probes: Readings;
}

interface ThreadMemory {
  readonly thread: ThreadName;
  readonly memory: SharedArrayBuffer;
}

type ThreadData =
  | { readonly role: 'control'; readonly port: number; readonly threads: readonly ThreadMemory[] }
  | { readonly role: 'reactor'; readonly spec: DriverSpec; readonly memory: SharedArrayBuffer };

const THIS_FILE = fileURLToPath(import.meta.url);

interface Serving {
  readonly port: number;
  readonly reactor: Reactor;
  /** Does not return if the driver blocks the thread. */
  run(): void;
}

type DriverClass = NonNullable<Handed['Driver']>;

/** The server of `epollet serve`; only its driver differs. */
function startServer({ way, root }: DriverSpec): Serving {
  let reactor: Reactor | null = null;
  let blocking: BlockingDriver | null = null;
  class Blocking extends BlockingDriver {
    constructor(of: Reactor) {
      super(of);
      reactor = of;
      blocking = this;
    }

    /** A thread that is blocked does not end. */
    ref(): void {}
    unref(): void {}
  }
  class Nested extends NestedDriver {
    constructor(of: Reactor) {
      super(of);
      reactor = of;
    }
  }
  class Enclosing extends EnclosingDriver {
    constructor(of: Reactor) {
      super(of);
      reactor = of;
    }
  }
  const Driver = { enclosing: Enclosing, nested: Nested, blocking: Blocking, worker: Blocking, [ALONE]: Nested }[way];
  const options = { root, hostname: '127.0.0.1', port: 0 };
  const server = new Server(options, { Driver: Driver as unknown as DriverClass });
  return { port: server.port, reactor: reactor!, run: () => (blocking as BlockingDriver | null)?.run() };
}

const probesOf = (spec: DriverSpec, lateness: Lateness, reactor: Reactor | null): Promise<void> =>
  startProbes({ lateness, reactor, file: join(spec.root, 'index.html') });

async function startThread(data: ThreadData): Promise<number> {
  const [port] = await once(new Worker(new URL(import.meta.url), { workerData: data }), 'message');
  return port as number;
}

async function runMain(spec: DriverSpec): Promise<void> {
  const isAlone = spec.way === ALONE;
  const own = new Lateness();
  const threads: ThreadMemory[] = [{ thread: 'main', memory: own.memory }];
  let serving: Serving | null = null;
  let port = 0;
  if (spec.way === 'worker') {
    const { memory } = new Lateness();
    threads.push({ thread: 'worker', memory });
    port = await startThread({ role: 'reactor', spec, memory });
  } else if (!isAlone) {
    serving = startServer(spec);
    port = serving.port;
  }
  const controlPort = await startThread({ role: 'control', port, threads });
  if (spec.hasProbes) await probesOf(spec, own, serving?.reactor ?? null);
  process.stdout.write(`http://127.0.0.1:${controlPort}/\n`); // at once: it is a pipe
  serving?.run();
}

async function runReactor(spec: DriverSpec, memory: SharedArrayBuffer): Promise<void> {
  const { port, reactor, run } = startServer(spec);
  if (spec.hasProbes) await probesOf(spec, new Lateness(memory), reactor);
  parentPort!.postMessage(port);
  run();
}

/** Reads what the others recorded, also when they are blocked. */
async function runControl(port: number, threads: readonly ThreadMemory[]): Promise<void> {
  const all = threads.map(({ thread, memory }) => ({ thread, lateness: new Lateness(memory) }));
  let beginMs = kernel.monotonicMs();
  const begin = (): void => {
    for (const { lateness } of all) lateness.clear();
    beginMs = kernel.monotonicMs();
  };
  const end = (): DriverWindow => ({
    seconds: (kernel.monotonicMs() - beginMs) / 1000,
    threads: all.map(({ thread, lateness }) => ({ thread, probes: lateness.read() })),
  });
  const server = createServer(({ url }, response) => {
    if (url === '/begin') begin();
    response.end(JSON.stringify(url === '/end' ? end() : ({ port } satisfies DriverState)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  parentPort!.postMessage((server.address() as AddressInfo).port);
}

if (!isMainThread) {
  const data = workerData as ThreadData;
  await (data.role === 'control' ? runControl(data.port, data.threads) : runReactor(data.spec, data.memory));
} else if (process.argv[1] === THIS_FILE) {
  await runMain(JSON.parse(process.argv[2]!) as DriverSpec);
}
