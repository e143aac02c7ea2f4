import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import type { UringCalls } from './calls/uring.js';
import type { Constants } from './constants/constants.js';
import { withCode } from './error-code.js';
import type { Clock, Kernel } from './kernel.js';
import { assertLoop } from './runtime.js';

type Addon = Omit<Kernel, keyof Clock> & UringCalls & { constants: Constants };

/** The package's directory, two levels above this file both in src/ and in dist/. */
const root = fileURLToPath(new URL('../..', import.meta.url));

/** A checkout has what it was built from; the installed package has not. */
const isCheckout = existsSync(join(root, 'binding.gyp'));

const REPOSITORY = 'https://github.com/epollet/epollet';

/** The build of a checkout, else the prebuilt addon of the package. */
function load(): Addon {
  const { platform, arch } = process;
  if (platform !== 'linux')
    throw platformError(`epollet runs on Linux only: epoll is a part of its kernel, and this is ${platform}.`);
  const prebuilt = join(root, 'prebuilds', `linux-${arch}`, 'epollet.node');
  // An installed package has none of the places that are searched for a build.
  if (existsSync(join(root, 'build')) || !existsSync(prebuilt)) {
    try {
      return bindings({ bindings: 'epollet', module_root: root });
    } catch (cause) {
      if (!('tries' in (cause as object))) throw notLoaded(cause as Error);
      if (isCheckout && !existsSync(prebuilt))
        throw platformError(`The native addon of epollet is not built: ${remedy()}`);
    }
  }
  if (!existsSync(prebuilt))
    throw platformError(`epollet has no prebuilt addon for linux-${arch} (${libc()}): ${remedy()}`);
  try {
    return createRequire(import.meta.url)(prebuilt);
  } catch (cause) {
    throw notLoaded(cause as Error);
  }
}

function notLoaded(cause: Error): Error {
  const [reason] = cause.message.split('\n');
  return platformError(
    `The native addon of epollet does not load on linux-${process.arch} with ${libc()} (${reason}): ${remedy()}`,
    cause,
  );
}

/** The C library of this process, for a message: a report takes milliseconds. */
function libc(): string {
  const { header } = (process.report?.getReport() ?? {}) as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime === undefined ? 'musl or another libc' : `glibc ${header.glibcVersionRuntime}`;
}

function remedy(): string {
  const needs = 'needs a C++17 compiler, make and Python 3';
  if (isCheckout) return `run "npm ci" in ${root}, which ${needs}.`;
  return `build it from a checkout, "git clone ${REPOSITORY} && cd epollet && npm ci", which ${needs}, and install that directory with "npm install PATH".`;
}

function platformError(message: string, cause?: unknown): Error {
  return withCode('ERR_EPOLLET_PLATFORM', new Error(message, cause === undefined ? {} : { cause }));
}

const addon = load();

/** Of the addon, unless the runtime lacks what it needs: then each call throws. */
function inLoop<Name extends 'loopStart' | 'loopEnclose'>(name: Name): Addon[Name] {
  try {
    assertLoop();
    return addon[name];
  } catch {
    return (): never => assertLoop() as never;
  }
}

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
  epollPwait2: addon.epollPwait2,
  epollGetParams: addon.epollGetParams,
  epollSetParams: addon.epollSetParams,

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
  setsockoptBytes: addon.setsockoptBytes,
  getsockoptBytes: addon.getsockoptBytes,
  peercred: addon.peercred,

  recvfrom: addon.recvfrom,
  sendto: addon.sendto,
  recvmsg: addon.recvmsg,
  sendmsg: addon.sendmsg,

  recv: addon.recv,
  recvEach: addon.recvEach,
  send: addon.send,
  sendEach: addon.sendEach,
  sendfile: addon.sendfile,
  read: addon.read,
  write: addon.write,
  readv: addon.readv,
  writev: addon.writev,
  pipe2: addon.pipe2,

  openat2: addon.openat2,
  openat: addon.openat,
  readlinkat: addon.readlinkat,
  fstat: addon.fstat,
  fstatat: addon.fstatat,
  openRead: addon.openRead,
  pread: addon.pread,
  getdents64: addon.getdents64,
  fstatfs: addon.fstatfs,

  close: addon.close,
  disown: addon.disown,
  dup: addon.dup,
  fcntl: addon.fcntl,
  flock: addon.flock,
  ioctl: addon.ioctl,

  tcgetattr: addon.tcgetattr,
  tcsetattr: addon.tcsetattr,
  tcflush: addon.tcflush,
  tcdrain: addon.tcdrain,
  tcsendbreak: addon.tcsendbreak,

  inotifyInit1: addon.inotifyInit1,
  inotifyAddWatch: addon.inotifyAddWatch,
  inotifyRmWatch: addon.inotifyRmWatch,

  eventfd: addon.eventfd,
  eventfdWrite: addon.eventfdWrite,
  eventfdRead: addon.eventfdRead,

  timerfdCreate: addon.timerfdCreate,
  timerfdSettime: addon.timerfdSettime,
  timerfdGettime: addon.timerfdGettime,
  timerfdRead: addon.timerfdRead,

  pidfdOpen: addon.pidfdOpen,
  pidfdSendSignal: addon.pidfdSendSignal,
  signalfd: addon.signalfd,
  signalfdRead: addon.signalfdRead,
  unblockSignals: addon.unblockSignals,

  loopStart: inLoop('loopStart'),
  loopEnclose: inLoop('loopEnclose'),
  loopWait: addon.loopWait,
  loopStop: addon.loopStop,
  loopRef: addon.loopRef,

  monotonicMs: () => performance.now(),
  wallMs: Date.now,
};

/** The calls of io_uring. Apart from `kernel`: the server does not use them, and a simulated kernel has no such memory. */
export const uring: UringCalls = {
  ioUringSetup: addon.ioUringSetup,
  ioUringMap: addon.ioUringMap,
  ioUringUnmap: addon.ioUringUnmap,
  ioUringRegisterBuffers: addon.ioUringRegisterBuffers,
  ioUringEnter: addon.ioUringEnter,
  addressOf: addon.addressOf,
  own: addon.own,
};
