import type { Clock } from './calls/clock.js';
import type { DescriptorCalls } from './calls/descriptor.js';
import type { EpollCalls } from './calls/epoll.js';
import type { FileCalls } from './calls/file.js';
import type { LoopCalls } from './calls/loop.js';
import type { MessageCalls } from './calls/message.js';
import type { SignalCalls } from './calls/signal.js';
import type { SocketCalls } from './calls/socket.js';
import type { StreamCalls } from './calls/stream.js';
import type { TerminalCalls } from './calls/terminal.js';
import type { TimerCalls } from './calls/timer.js';
import type { WakeupCalls } from './calls/wakeup.js';
import type { WatchCalls } from './calls/watch.js';

export type * from './calls/clock.js';
export type * from './calls/descriptor.js';
export type * from './calls/epoll.js';
export * from './calls/file.js';
export type * from './calls/loop.js';
export type * from './calls/message.js';
export type * from './calls/signal.js';
export type * from './calls/socket.js';
export type * from './calls/stream.js';
export type * from './calls/terminal.js';
export type * from './calls/timer.js';
export type * from './calls/wakeup.js';
export type * from './calls/watch.js';

/**
 * The system calls as an interface, which the addon implements and a simulated kernel can replace.
 *
 * - Every call returns a number: `n >= 0` on success, `-errno` on failure (see errno.ts); calls with another result
 *   return that, or `-errno`.
 * - A call throws only for an invalid argument: TypeError or RangeError if a number is not an integer of the C type, or
 *   a range is not inside its array. A negative or closed descriptor is an errno, -EBADF.
 * - Descriptors are plain integers, owned by the caller, and close-on-exec from their creation.
 * - Arrays are used during the call only, except where a call states otherwise.
 * - In a worker, waits and reads of blocking descriptors end when Node ends the worker. Other calls that block (connect,
 *   writes, `recvEach`) delay `worker.terminate()` and `process.exit()`: use non-blocking descriptors, or SO_SNDTIMEO.
 * - What a worker opened is closed at its end; see `disown`.
 * - EINTR is retried, except by `epollWait` and `epollPwait2`, which return 0, and `close`.
 */
export interface Kernel
  extends EpollCalls,
    SocketCalls,
    MessageCalls,
    StreamCalls,
    FileCalls,
    DescriptorCalls,
    TerminalCalls,
    WatchCalls,
    WakeupCalls,
    TimerCalls,
    SignalCalls,
    LoopCalls,
    Clock {}
