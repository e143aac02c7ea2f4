import { constants } from '../sys/index.js';
import { startInThread } from './shared/in-thread.js';
import type { ModelOptions, RunningModel, Start } from './shared/program.js';

/** A model as it is listed. The figures are of Node 20 on x86-64 and a page of 600 bytes. */
export interface Model {
  readonly name: string;
  /** How it waits. */
  readonly waits: string;
  /** System calls for a connection and for each request on it, by strace(1); without the waits, which ready ones share. */
  readonly calls: string;
  /** What an open connection costs that says nothing: proportional set size, proc_pid_smaps(5), without the kernel's part. */
  readonly memory: string;
  /** Where it breaks. */
  readonly breaks: string;
  readonly scheme: 'http' | 'tcp';
  /** One client that says nothing keeps all others waiting. */
  readonly oneAtATime?: boolean;
  /** A connection is closed after an answer. */
  readonly closes?: boolean;
  readonly start: Start;
}

const { SOCK_NONBLOCK } = constants;

/** A model that blocks, and so gets a thread. */
const inThread =
  (file: string, flags: number, scheme: 'http' | 'tcp' = 'http'): Start =>
  (options: ModelOptions): Promise<RunningModel> =>
    startInThread(new URL(file, import.meta.url), scheme, flags, options);

/** From the plainest to the real one; each is an answer to what broke the one before. */
export const MODELS: readonly Model[] = [
  {
    name: 'fixed-page',
    waits: 'in accept, then in recv',
    calls: '6 a request',
    memory: 'one at a time',
    breaks: 'one silent client stops everybody',
    scheme: 'http',
    oneAtATime: true,
    closes: true,
    start: inThread('./fixed-page.js', 0),
  },
  {
    name: 'blocking',
    waits: 'in accept, then in recv',
    calls: '6 a request',
    memory: 'one at a time',
    breaks: 'one silent client stops everybody',
    scheme: 'http',
    oneAtATime: true,
    closes: true,
    start: inThread('./blocking.js', 0),
  },
  {
    name: 'processes',
    waits: 'in recv, a process each',
    calls: '1400, then 2 a request',
    memory: '12 MiB',
    breaks: '128 silent clients stop everybody; each costs 100 ms of CPU',
    scheme: 'http',
    start: async (options) => (await import('./processes.js')).start(options),
  },
  {
    name: 'threads',
    waits: 'in recv, a thread each',
    calls: '800, then 2 a request',
    memory: '11 MiB',
    breaks: '128 silent clients stop everybody; each costs 60 ms of CPU',
    scheme: 'http',
    start: async (options) => (await import('./threads.js')).start(options),
  },
  {
    name: 'coroutines',
    waits: 'in await, one reactor for all',
    calls: '6, then 2 to 3 a request',
    memory: '3 KiB',
    breaks: 'a slow file or a long computation stops everybody',
    scheme: 'http',
    start: async (options) => (await import('./coroutines.js')).start(options),
  },
  {
    name: 'polling',
    waits: 'nowhere: asks all, round after round',
    calls: '6 a request, 1 a client and round',
    memory: '0.1 KiB',
    breaks: 'a core is busy without a client',
    scheme: 'http',
    closes: true,
    start: inThread('./polling.js', SOCK_NONBLOCK),
  },
  {
    name: 'polling-keep-alive',
    waits: 'nowhere: asks all, round after round',
    calls: '5, then 2 a request, 1 a client and round',
    memory: '0.1 KiB',
    breaks: 'a core is busy without a client, and idle ones delay all others',
    scheme: 'http',
    start: inThread('./polling-keep-alive.js', SOCK_NONBLOCK),
  },
  {
    name: 'epoll-level',
    waits: 'in epoll_wait, told as long as it is so',
    calls: '6, then 2 a request',
    memory: '0.1 KiB',
    breaks: 'a slow file stops everybody; silent clients stay for ever',
    scheme: 'http',
    start: inThread('./epoll-level.js', SOCK_NONBLOCK),
  },
  {
    name: 'epoll-edge',
    waits: 'in epoll_wait, told when it becomes so',
    calls: '7, then 3 a request',
    memory: '0.1 KiB',
    breaks: 'a report not used up hangs its client; a flood keeps the thread',
    scheme: 'http',
    start: inThread('./epoll-edge.js', SOCK_NONBLOCK),
  },
  {
    name: 'epoll-pool',
    waits: 'in epoll_wait; a pool waits for files',
    calls: '7, then 12 a request',
    memory: '2 KiB',
    breaks: 'small answers cost less than the way to the pool',
    scheme: 'http',
    start: async (options) => (await import('./epoll-pool.js')).start(options),
  },
  {
    name: 'tcp-polling',
    waits: 'nowhere: asks all, round after round',
    calls: '3, then 1 a message, 1 a peer and round',
    memory: '0.1 KiB',
    breaks: 'a core is busy without a peer',
    scheme: 'tcp',
    start: inThread('./tcp-polling.js', SOCK_NONBLOCK, 'tcp'),
  },
  {
    name: 'tcp-epoll',
    waits: 'in epoll_wait',
    calls: '4, then 1 a message',
    memory: '0.1 KiB',
    breaks: 'a peer whose cable is cut is online for ever',
    scheme: 'tcp',
    start: inThread('./tcp-epoll.js', SOCK_NONBLOCK, 'tcp'),
  },
  {
    name: 'libuv',
    waits: 'in libuv, by node:http',
    calls: '6, then 2 a request',
    memory: '6 KiB',
    breaks: 'nothing here, for nearly three times the CPU of epoll-level',
    scheme: 'http',
    start: async (options) => (await import('./libuv.js')).start(options),
  },
  {
    name: 'libuv-net',
    waits: 'in libuv, by node:net',
    calls: '6, then 2 a request',
    memory: '3 KiB',
    breaks: 'a slow file stops everybody; HTTP is your own affair',
    scheme: 'http',
    start: async (options) => (await import('./libuv-net.js')).start(options),
  },
  {
    name: 'epollet',
    waits: 'in a reactor inside libuv',
    calls: '5, then 2 a request',
    memory: '0.5 KiB',
    breaks: 'one reactor, so one core',
    scheme: 'http',
    start: async (options) => (await import('./epollet.js')).start(options),
  },
];
