/** The ways in which the same reactor, the server's, gets its turns; and Node without one, for comparison. */
export const WAYS = {
  enclosing: 'EnclosingDriver, the server’s own: libuv’s epoll set is in the reactor’s, which waits for both',
  nested: 'NestedDriver: libuv polls the reactor’s epoll set by uv_poll',
  blocking: 'BlockingDriver on the main thread, which sleeps in epoll_wait: libuv gets no turn',
  worker: 'BlockingDriver in a worker thread: the main thread is left to Node; both share the core',
  'Node alone': 'no reactor and no requests: what Node’s timers have on this machine anyway',
} as const;

export type Way = keyof typeof WAYS;

export const WAY_NAMES = Object.keys(WAYS) as Way[];

/** Not a way to drive a reactor: it gets no load. */
export const ALONE: Way = 'Node alone';

/** What is called in Node's loop, and how late; in the order of the tables. */
export const PROBES = {
  'timeout 1 ms': 'setTimeout, from when it was due',
  'timeout 10 ms': 'the same',
  'TCP echo': 'a byte to a net.Server of the same thread and back',
  'read file': 'fs.promises.readFile of 600 bytes, from the call to its continuation',
  'loop turn': 'from one setImmediate to the next',
  microtask: 'queueMicrotask in a handler of the reactor, or in a timer where there is no reactor',
  'interval 1 ms': 'setInterval, from a period after the call before',
  'interval 10 ms': 'the same',
} as const;

export type Probe = keyof typeof PROBES;

export const PROBE_NAMES = Object.keys(PROBES) as Probe[];

/** In which thread something was measured: the main one, or the worker that has the reactor. */
export const THREADS = ['main', 'worker'] as const;
export type ThreadName = (typeof THREADS)[number];
