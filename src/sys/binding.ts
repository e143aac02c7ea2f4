import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import type { Constants } from './constants.js';
import { withCode } from './error-code.js';
import type { Clock, Kernel } from './kernel.js';

type Addon = Omit<Kernel, keyof Clock> & { constants: Constants };

/** The package's directory, two levels above this file both in src/ and in dist/. */
const root = fileURLToPath(new URL('../..', import.meta.url));

function load(): Addon {
  if (process.platform !== 'linux') {
    throw platformError(`epollet runs on Linux only: epoll is a part of its kernel, and this is ${process.platform}.`);
  }
  try {
    return bindings({ bindings: 'epollet', module_root: root });
  } catch (cause) {
    const missing = 'tries' in (cause as object);
    const reason = missing ? 'is not built' : `does not load (${(cause as Error).message})`;
    throw platformError(
      `The native addon of epollet ${reason}: run "npm rebuild epollet", for which a C++ compiler, make and Python 3 must be installed.`,
      cause,
    );
  }
}

function platformError(message: string, cause?: unknown): Error {
  return withCode('ERR_EPOLLET_PLATFORM', new Error(message, cause === undefined ? {} : { cause }));
}

const addon = load();

/** The constants of the system calls, from the C headers that the addon was built with. */
export const constants: Constants = Object.freeze({ ...addon.constants });

/**
 * The real kernel. The functions are the addon's own, without a wrapper, and need no `this`. `monotonicMs` counts from
 * the start of this thread: the values of two threads cannot be compared.
 */
export const kernel: Kernel = {
  epollCreate1: addon.epollCreate1,
  epollCtl: addon.epollCtl,
  epollWait: addon.epollWait,

  socket: addon.socket,
  socketpair: addon.socketpair,
  bind: addon.bind,
  connect: addon.connect,
  listen: addon.listen,
  accept4: addon.accept4,
  shutdown: addon.shutdown,
  getsockname: addon.getsockname,
  getpeername: addon.getpeername,
  setsockopt: addon.setsockopt,
  getsockopt: addon.getsockopt,
  tcpiUnacked: addon.tcpiUnacked,

  recv: addon.recv,
  recvEach: addon.recvEach,
  send: addon.send,
  sendEach: addon.sendEach,
  sendfile: addon.sendfile,
  read: addon.read,
  write: addon.write,
  pipe2: addon.pipe2,

  openat2: addon.openat2,
  openat: addon.openat,
  readlinkat: addon.readlinkat,
  fstat: addon.fstat,
  pread: addon.pread,
  getdents64: addon.getdents64,
  fstatfs: addon.fstatfs,
  close: addon.close,

  inotifyInit1: addon.inotifyInit1,
  inotifyAddWatch: addon.inotifyAddWatch,
  inotifyRmWatch: addon.inotifyRmWatch,

  eventfd: addon.eventfd,
  eventfdWrite: addon.eventfdWrite,
  eventfdRead: addon.eventfdRead,

  loopStart: addon.loopStart,
  loopStop: addon.loopStop,
  loopRef: addon.loopRef,

  monotonicMs: () => performance.now(),
  wallMs: Date.now,
};
