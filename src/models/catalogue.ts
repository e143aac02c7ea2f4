import { constants } from '../sys/index.js';
import type { ModelOptions, RunningModel, Start } from './shared/running-model.js';
import { startInThread } from './shared/start-in-thread.js';

/** A model with its description. Measured with Node 20 on x86-64 and a page of 600 bytes. */
export interface Model {
  readonly name: string;
  /** Where the server waits. */
  readonly waits: string;
  /** System calls per connection and per request on it, by strace(1); without the waits, which ready connections share. */
  readonly calls: string;
  /** Memory of an idle connection: proportional set size, proc_pid_smaps(5), without kernel memory. */
  readonly memory: string;
  /** The condition under which it fails or gets slow. */
  readonly limitation: string;
  /** Only if it is not HTTP. */
  readonly scheme?: 'tcp';
  /** One idle client blocks all others. */
  readonly oneAtATime?: boolean;
  /** Each connection takes a process or a thread. */
  readonly heavy?: boolean;
  /** Every connection is closed after one response. */
  readonly closes?: boolean;
  /** Why this machine cannot run it, as the end of a sentence; null if it can. */
  readonly unavailable?: () => Promise<string | null>;
  readonly start: Start;
}

const { SOCK_NONBLOCK } = constants;

const inThread =
  (file: string, flags: number, scheme: 'http' | 'tcp' = 'http'): Start =>
  (options: ModelOptions): Promise<RunningModel> =>
    startInThread(new URL(file, import.meta.url), scheme, flags, options);

/** From the simplest to the real server; each fixes the limitation of an earlier one. */
export const MODELS: readonly Model[] = [
  {
    name: 'fixed-page',
    waits: 'in accept, then in recv',
    calls: '6 per request',
    memory: 'one client at a time',
    limitation: 'one idle client blocks all others',
    oneAtATime: true,
    closes: true,
    start: inThread('./fixed-page.js', 0),
  },
  {
    name: 'blocking',
    waits: 'in accept, then in recv',
    calls: '6 per request',
    memory: 'one client at a time',
    limitation: 'one idle client blocks all others',
    oneAtATime: true,
    closes: true,
    start: inThread('./blocking.js', 0),
  },
  {
    name: 'processes',
    waits: 'in recv, one process per connection',
    calls: '1400, then 2 per request',
    memory: '12 MiB',
    limitation: '128 idle clients block all others; each costs 100 ms of CPU',
    heavy: true,
    start: async (options) => (await import('./processes.js')).start(options),
  },
  {
    name: 'threads',
    waits: 'in recv, one thread per connection',
    calls: '800, then 2 per request',
    memory: '11 MiB',
    limitation: '128 idle clients block all others; each costs 60 ms of CPU',
    heavy: true,
    start: async (options) => (await import('./threads.js')).start(options),
  },
  {
    name: 'coroutines',
    waits: 'in await, resumed by one reactor',
    calls: '6, then 2 to 3 per request',
    memory: '3 KiB',
    limitation: 'a slow file or a long computation blocks all clients',
    start: async (options) => (await import('./coroutines.js')).start(options),
  },
  {
    name: 'polling',
    waits: 'nowhere: polls all connections in a loop',
    calls: '6 per request, 1 per client and round',
    memory: '0.1 KiB',
    limitation: 'occupies a core even without clients',
    closes: true,
    start: inThread('./polling.js', SOCK_NONBLOCK),
  },
  {
    name: 'polling-keep-alive',
    waits: 'nowhere: polls all connections in a loop',
    calls: '5, then 2 per request, 1 per client and round',
    memory: '0.1 KiB',
    limitation: 'occupies a core even without clients; idle clients delay all others',
    start: inThread('./polling-keep-alive.js', SOCK_NONBLOCK),
  },
  {
    name: 'epoll-level',
    waits: 'in epoll_wait, level-triggered',
    calls: '6, then 2 per request',
    memory: '0.1 KiB',
    limitation: 'a slow file blocks all clients; idle clients never time out',
    start: inThread('./epoll-level.js', SOCK_NONBLOCK),
  },
  {
    name: 'epoll-edge',
    waits: 'in epoll_wait, edge-triggered',
    calls: '7, then 3 per request',
    memory: '0.1 KiB',
    limitation: 'unread input hangs its client; one busy client can occupy the thread',
    start: inThread('./epoll-edge.js', SOCK_NONBLOCK),
  },
  {
    name: 'epoll-pool',
    waits: 'in epoll_wait; a thread pool waits for files',
    calls: '7, then 12 per request',
    memory: '2 KiB',
    limitation: 'for a small response, the round trip to the pool costs more than the work',
    start: async (options) => (await import('./epoll-pool.js')).start(options),
  },
  {
    name: 'io-uring',
    waits: 'in io_uring_enter, for completions',
    calls: '2, then 2 per request, or 1 for many at once',
    memory: '0.5 KiB',
    limitation: 'needs Linux 6.1, and container runtimes forbid it; a slow file blocks all clients',
    unavailable: async () => (await import('./shared/ring-support.js')).unavailable(),
    start: inThread('./io-uring.js', SOCK_NONBLOCK),
  },
  {
    name: 'tcp-polling',
    waits: 'nowhere: polls all connections in a loop',
    calls: '3, then 1 per message, 1 per peer and round',
    memory: '0.1 KiB',
    limitation: 'occupies a core even without peers',
    scheme: 'tcp',
    start: inThread('./tcp/tcp-polling.js', SOCK_NONBLOCK, 'tcp'),
  },
  {
    name: 'tcp-epoll',
    waits: 'in epoll_wait',
    calls: '4, then 1 per message',
    memory: '0.1 KiB',
    limitation: 'a peer with a cut cable stays online forever',
    scheme: 'tcp',
    start: inThread('./tcp/tcp-epoll.js', SOCK_NONBLOCK, 'tcp'),
  },
  {
    name: 'libuv',
    waits: 'in libuv, through node:http',
    calls: '6, then 2 per request',
    memory: '6 KiB',
    limitation: 'none here, at nearly three times the CPU of epoll-level',
    start: async (options) => (await import('./libuv.js')).start(options),
  },
  {
    name: 'libuv-net',
    waits: 'in libuv, through node:net',
    calls: '6, then 2 per request',
    memory: '3 KiB',
    limitation: 'a slow file blocks all clients; HTTP is left to you',
    start: async (options) => (await import('./libuv-net.js')).start(options),
  },
  {
    name: 'epollet',
    waits: 'in a reactor inside libuv',
    calls: '5, then 2 per request',
    memory: '0.5 KiB',
    limitation: 'one reactor uses one core',
    start: async (options) => (await import('./epollet.js')).start(options),
  },
];
