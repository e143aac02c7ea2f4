import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { check, constants, kernel, type LoopWatch } from '../../sys/index.js';
import { type SpreadSource, work } from './spread-worker.js';

/** How the connections of a port get to several workers. */
export const SPREADS = ['reuseport', 'shared', 'exclusive', 'handed over', 'processes'] as const;
export type Spread = (typeof SPREADS)[number];

/** The arguments of the program, as JSON. */
export interface SpreadSpec {
  readonly spread: Spread;
  readonly workers: number;
  readonly root: string;
}

/** The response to `GET /`. */
export interface SpreadState {
  readonly port: number;
}

/** The response to `GET /end`: the connections that each worker got. The program serves no more. */
export interface SpreadEnd {
  readonly connections: readonly number[];
}

const THIS_FILE = fileURLToPath(import.meta.url);
const { AF_INET, SHUT_RDWR, SO_REUSEADDR, SO_REUSEPORT, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } = constants;
const BACKLOG = 4096;
/** In a child process, after standard input, output, error, and the channel. */
const CHILD_LISTENER = 4;
const NUMBER_BYTES = 4;
const READY = 'ready';

function listenAt(port: number, reusePort: boolean): number {
  const fd = check('socket', kernel.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  check('setsockopt', kernel.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
  if (reusePort) check('setsockopt', kernel.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
  check('setsockopt', kernel.setsockopt(fd, constants.IPPROTO_TCP, constants.TCP_NODELAY, 1));
  check('bind', kernel.bind(fd, '127.0.0.1', port));
  check('listen', kernel.listen(fd, BACKLOG));
  return fd;
}

const portOf = (fd: number): number => check('getsockname', kernel.getsockname(fd)).port;

/** A worker that waits for connections, or is about to. */
interface Waiting {
  /** How many it got, once its source has ended. */
  readonly count: Promise<number>;
}

interface Started {
  readonly port: number;
  readonly workers: readonly Promise<Waiting>[];
  /** Ends the sources. */
  end(): void;
}

/** Its first message reports that it is ready: the first one to start would get the first connections. */
async function waiting(worker: Worker | ChildProcess): Promise<Waiting> {
  await once(worker, 'message');
  return { count: once(worker, 'message').then(([count]) => count as number) };
}

const thread = (source: SpreadSource, root: string): Promise<Waiting> =>
  waiting(new Worker(new URL(import.meta.url), { workerData: { source, root } }));

const shutdownAll = (fds: readonly number[]): void => {
  for (const fd of fds) kernel.shutdown(fd, SHUT_RDWR);
};

function startThreads({ spread, workers, root }: SpreadSpec): Started {
  const reusePort = spread === 'reuseport';
  const first = listenAt(0, reusePort);
  const port = portOf(first);
  const listeners = [first];
  for (let at = 1; reusePort && at < workers; at++) listeners.push(listenAt(port, true));
  const isExclusive = spread === 'exclusive';
  const threads = Array.from({ length: workers }, (_, at) =>
    thread({ fd: listeners[at] ?? first, isPipe: false, isExclusive }, root),
  );
  return { port, workers: threads, end: () => shutdownAll(listeners) };
}

/** This thread accepts, and writes the number of each descriptor into the pipe of the next worker. */
function startHandOver({ workers, root }: SpreadSpec): Started {
  const listener = listenAt(0, false);
  const pipes = Array.from({ length: workers }, () => check('pipe2', kernel.pipe2(constants.O_NONBLOCK)));
  const number = Buffer.alloc(NUMBER_BYTES);
  let next = 0;
  const onReadable = (): void => {
    const fd = kernel.accept4(listener, SOCK_NONBLOCK);
    if (fd < 0) return;
    number.writeInt32LE(fd);
    if (kernel.write(pipes[next]![1], number, 0, NUMBER_BYTES) !== NUMBER_BYTES) kernel.close(fd);
    next = (next + 1) % workers;
  };
  const watch: LoopWatch = check('epoll_ctl', kernel.loopStart(listener, onReadable));
  const threads = pipes.map(([reader]) => thread({ fd: reader, isPipe: true, isExclusive: false }, root));
  return {
    port: portOf(listener),
    workers: threads,
    end: () => {
      kernel.loopStop(watch);
      kernel.close(listener);
      for (const [, writer] of pipes) kernel.close(writer);
    },
  };
}

/** They inherit the listener, each with an epoll set of its own. */
function startProcesses({ workers, root }: SpreadSpec): Started {
  const listener = listenAt(0, false);
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc', listener] as const;
  const children: ChildProcess[] = Array.from({ length: workers }, () =>
    spawn(process.execPath, [THIS_FILE, '--child', root], { stdio: [...stdio] }),
  );
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL');
  });
  return { port: portOf(listener), workers: children.map(waiting), end: () => shutdownAll([listener]) };
}

function start(spec: SpreadSpec): Started {
  if (spec.spread === 'handed over') return startHandOver(spec);
  return spec.spread === 'processes' ? startProcesses(spec) : startThreads(spec);
}

if (!isMainThread) {
  const { source, root } = workerData as { source: SpreadSource; root: string };
  parentPort!.postMessage(READY);
  parentPort!.postMessage(work(source, root));
} else if (process.argv[2] === '--child') {
  process.send!(READY, () => {
    process.send!(work({ fd: CHILD_LISTENER, isPipe: false, isExclusive: false }, process.argv[3]!));
    process.disconnect();
  });
} else if (process.argv[1] === THIS_FILE) {
  const started = start(JSON.parse(process.argv[2]!) as SpreadSpec);
  const { port, end } = started;
  const workers = await Promise.all(started.workers);
  const server = createServer(async (request, response) => {
    if (request.url !== '/end') return void response.end(JSON.stringify({ port } satisfies SpreadState));
    end();
    response.end(
      JSON.stringify({ connections: await Promise.all(workers.map(({ count }) => count)) } satisfies SpreadEnd),
    );
  });
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`);
  });
  process.once('SIGTERM', () => process.exit());
}
