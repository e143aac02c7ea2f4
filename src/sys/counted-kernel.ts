import type { Clock } from './calls/clock.js';
import { LOOP_WAITS, type LoopCalls } from './calls/loop.js';
import { EBUSY, EINVAL } from './errno.js';
import { type Kernel, OPEN_FD } from './kernel.js';

/** The functions and their names in strace(1): all, except those that make several, or within libuv or the vDSO. */
const SYSTEM_CALLS = {
  epollCreate1: 'epoll_create1',
  epollCtl: 'epoll_ctl',
  epollWait: 'epoll_wait',
  epollPwait2: 'epoll_pwait2',
  epollGetParams: 'ioctl',
  epollSetParams: 'ioctl',
  socket: 'socket',
  socketpair: 'socketpair',
  bind: 'bind',
  connect: 'connect',
  listen: 'listen',
  accept4: 'accept4',
  shutdown: 'shutdown',
  getsockname: 'getsockname',
  getpeername: 'getpeername',
  setsockopt: 'setsockopt',
  getsockopt: 'getsockopt',
  tcpiUnacked: 'getsockopt',
  setsockoptBytes: 'setsockopt',
  getsockoptBytes: 'getsockopt',
  peercred: 'getsockopt',
  recvfrom: 'recvfrom',
  sendto: 'sendto',
  recvmsg: 'recvmsg',
  sendmsg: 'sendmsg',
  recv: 'recvfrom',
  recvEach: 'recvfrom',
  send: 'sendto',
  sendEach: 'sendto',
  sendfile: 'sendfile',
  read: 'read',
  write: 'write',
  readv: 'readv',
  writev: 'writev',
  pipe2: 'pipe2',
  openat2: 'openat2',
  openat: 'openat',
  readlinkat: 'readlinkat',
  fstat: 'fstat',
  fstatat: 'newfstatat',
  pread: 'pread64',
  getdents64: 'getdents64',
  fstatfs: 'fstatfs',
  close: 'close',
  disown: 'fcntl',
  dup: 'fcntl',
  fcntl: 'fcntl',
  flock: 'flock',
  ioctl: 'ioctl',
  tcgetattr: 'ioctl',
  tcsetattr: 'ioctl',
  tcflush: 'ioctl',
  tcdrain: 'ioctl',
  tcsendbreak: 'ioctl',
  inotifyInit1: 'inotify_init1',
  inotifyAddWatch: 'inotify_add_watch',
  inotifyRmWatch: 'inotify_rm_watch',
  eventfd: 'eventfd2',
  eventfdWrite: 'write',
  eventfdRead: 'read',
  timerfdCreate: 'timerfd_create',
  timerfdSettime: 'timerfd_settime',
  timerfdGettime: 'timerfd_gettime',
  timerfdRead: 'read',
  pidfdOpen: 'pidfd_open',
  pidfdSendSignal: 'pidfd_send_signal',
  signalfd: 'signalfd4',
  signalfdRead: 'read',
  unblockSignals: 'rt_sigprocmask',
} as const satisfies { readonly [name in Exclude<keyof Kernel, 'openRead' | keyof LoopCalls | keyof Clock>]: string };

type Counted = keyof typeof SYSTEM_CALLS;
const NAMES = Object.keys(SYSTEM_CALLS) as Counted[];
const indexOf = (name: Counted): number => NAMES.indexOf(name);

const RECV = indexOf('recv');
const RECV_EACH = indexOf('recvEach');
const SEND = indexOf('send');
const SEND_EACH = indexOf('sendEach');
const EPOLL_WAIT = indexOf('epollWait');
const OPENAT2 = indexOf('openat2');
const FSTAT = indexOf('fstat');
const FSTATAT = indexOf('fstatat');
const PREAD = indexOf('pread');
const CLOSE = indexOf('close');

/** A kernel that counts its calls. Cheap enough to be always in use: about 5 ns a call. */
export interface CountedKernel {
  readonly kernel: Kernel;
  /** How often each system call was made, by its name in strace(1); without those that were not made. */
  counts(): Record<string, number>;
}

export function countedKernel(kernel: Kernel): CountedKernel {
  // In a Float64Array: a larger number than 31 bits would otherwise be a new object at every increment.
  const calls = new Float64Array(NAMES.length);
  const plain = unbound(kernel);
  const counted: Record<string, unknown> = { ...plain };
  for (const name of NAMES) {
    const index = indexOf(name);
    const call = plain[name] as (...args: unknown[]) => unknown;
    counted[name] = (...args: unknown[]): unknown => {
      calls[index]!++;
      return call(...args);
    };
  }
  // The hot functions without rest arguments.
  const { epollWait, recv, recvEach, send, sendEach, fstatat, openRead, pread } = plain;
  const hot: Pick<Kernel, 'epollWait' | 'recv' | 'recvEach' | 'send' | 'sendEach' | 'fstatat' | 'openRead' | 'pread'> =
    {
      pread: (fd, bytes, offset, length, position) => {
        calls[PREAD]!++;
        return pread(fd, bytes, offset, length, position);
      },
      fstatat: (dirfd, bytes, offset, length, flags, out) => {
        calls[FSTATAT]!++;
        return fstatat(dirfd, bytes, offset, length, flags, out);
      },
      openRead: (dirfd, path, pathOffset, pathLength, resolve, bytes, offset, length, out) => {
        const count = openRead(dirfd, path, pathOffset, pathLength, resolve, bytes, offset, length, out);
        calls[OPENAT2]!++;
        if (out[OPEN_FD]! >= 0) calls[FSTAT]!++;
        else if (count >= 0 || count === EBUSY) {
          calls[FSTAT]! += 2;
          calls[PREAD]!++;
          calls[CLOSE]!++;
        } else if (count === EINVAL) {
          calls[FSTAT]!++;
          calls[CLOSE]!++;
        }
        return count;
      },
      epollWait: (epfd, events, maxEvents, timeoutMs) => {
        calls[EPOLL_WAIT]!++;
        return epollWait(epfd, events, maxEvents, timeoutMs);
      },
      recv: (fd, bytes, offset, length, flags) => {
        calls[RECV]!++;
        return recv(fd, bytes, offset, length, flags);
      },
      recvEach: (fds, count, bytes, stride) => {
        calls[RECV_EACH]! += count;
        recvEach(fds, count, bytes, stride);
      },
      send: (fd, bytes, offset, length, flags) => {
        calls[SEND]!++;
        return send(fd, bytes, offset, length, flags);
      },
      sendEach: (fds, ends, count, bytes) => {
        calls[SEND_EACH]! += count;
        sendEach(fds, ends, count, bytes);
      },
    };
  const enclosures: Float64Array[] = [];
  const loopEnclose: Kernel['loopEnclose'] = (epfd, events, times, onTurn) => {
    enclosures.push(times);
    return plain.loopEnclose(epfd, events, times, onTurn);
  };
  const counts = (): Record<string, number> => {
    const all = calls.slice();
    for (const times of enclosures) all[EPOLL_WAIT]! += times[LOOP_WAITS]!;
    return countsOf(all);
  };
  return { kernel: Object.assign(counted, hot, { loopEnclose }) as unknown as Kernel, counts };
}

/** The kernel as functions that need no `this`, as the addon's do not; a simulated kernel has methods. */
function unbound(kernel: Kernel): Kernel {
  const functions: Record<string, unknown> = {};
  for (let holder: object = kernel; holder !== Object.prototype; holder = Object.getPrototypeOf(holder)) {
    for (const name of Object.getOwnPropertyNames(holder)) {
      const value = (kernel as unknown as Record<string, unknown>)[name];
      if (typeof value !== 'function' || name === 'constructor' || Object.hasOwn(functions, name)) continue;
      functions[name] = holder === kernel ? value : value.bind(kernel);
    }
  }
  return functions as unknown as Kernel;
}

function countsOf(calls: Float64Array): Record<string, number> {
  const counts: Record<string, number> = {};
  NAMES.forEach((name, index) => {
    if (calls[index] === 0) return;
    const system = SYSTEM_CALLS[name];
    counts[system] = (counts[system] ?? 0) + calls[index]!;
  });
  return counts;
}
