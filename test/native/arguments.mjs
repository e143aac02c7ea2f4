// The argument matrix of the addon: every export with wrong arguments, one at a time, then in pairs. A call may return, or
// throw a TypeError or RangeError with a code; nothing else, and it may leak no descriptor. arguments.sh runs it under
// sanitizers.
//
//   node test/native/arguments.mjs ADDON [--seconds N] [--seed N] [--trace FILE]
import { ftruncateSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bytes, CLOSED, mustReject, WRONG } from './fixtures/wrong-arguments.mjs';

const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    /** How long to try pairs of wrong arguments. */
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    /** A file that holds the current case: after a crash, the one that crashed. */
    trace: { type: 'string' },
  },
});
const addon = createRequire(import.meta.url)(resolve(positionals[0]));
const { constants } = addon;
const directory = mkdtempSync(join(tmpdir(), 'epollet-arguments-'));
writeFileSync(join(directory, 'file'), 'content');

const SIGWINCH = 28;
/** Where openRead has the descriptor of a file that it did not read. */
const OPEN_FD = 11;

/** The descriptors of one case. */
class Fixture {
  opened = new Set();
  watches = [];
  statuses = [];

  keep(fd) {
    if (typeof fd !== 'number' || fd < 0) throw new Error(`a fixture failed: ${fd}`);
    this.opened.add(fd);
    return fd;
  }
  pair = (type = constants.SOCK_STREAM) => {
    const ends = addon.socketpair(type | constants.SOCK_NONBLOCK);
    addon.send(ends[1], new Uint8Array(8), 0, 8, 0);
    return ends.map((fd) => this.keep(fd));
  };
  socket = () => this.pair()[0];
  datagram = () => this.keep(addon.socket(constants.AF_INET, constants.SOCK_DGRAM | constants.SOCK_NONBLOCK, 0));
  stream = () => this.keep(addon.socket(constants.AF_INET, constants.SOCK_STREAM | constants.SOCK_NONBLOCK, 0));
  listener = () => {
    const fd = this.stream();
    addon.bind(fd, '127.0.0.1', 0);
    addon.listen(fd, 1);
    return fd;
  };
  pipe = () => addon.pipe2(constants.O_NONBLOCK).map((fd) => this.keep(fd));
  file = () => this.keep(addon.openat(this.directory(), 'file', constants.O_RDWR | constants.O_NONBLOCK));
  directory = () => this.keep(addon.openat(constants.AT_FDCWD, directory, constants.O_RDONLY | constants.O_DIRECTORY));
  eventfd = () => this.keep(addon.eventfd(1, constants.EFD_NONBLOCK));
  timerfd = () => this.keep(addon.timerfdCreate(constants.CLOCK_MONOTONIC, constants.TFD_NONBLOCK));
  signalfd = () => this.keep(addon.signalfd([SIGWINCH], constants.SFD_NONBLOCK));
  inotify = () => this.keep(addon.inotifyInit1(constants.IN_NONBLOCK));
  pidfd = () => this.keep(addon.pidfdOpen(process.pid, 0));
  /** With a descriptor that is always ready: no wait blocks. */
  epoll = () => {
    const epfd = this.keep(addon.epollCreate1(0));
    addon.epollCtl(epfd, constants.EPOLL_CTL_ADD, this.eventfd(), 1, 0, 0);
    return epfd;
  };
  /** With a completion: no wait blocks. */
  ring = () => {
    const fd = addon.ioUringSetup(1, new Uint32Array(30));
    if (fd < 0) return this.eventfd(); // this machine permits none
    addon.ioUringEnter(this.keep(fd), 1, 0);
    return fd;
  };
  terminal = () => {
    const options = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
    const master = this.keep(addon.openat(constants.AT_FDCWD, '/dev/ptmx', options));
    addon.ioctl(master, constants.TIOCSPTLCK, 0);
    const path = `/dev/pts/${addon.ioctl(master, constants.TIOCGPTN)}`;
    return this.keep(addon.openat(constants.AT_FDCWD, path, options));
  };
  status = () => {
    const status = new Float64Array(OPEN_FD + 1);
    this.statuses.push(status);
    return status;
  };
  watch = () => {
    const watch = addon.loopStart(this.eventfd(), () => {});
    this.watches.push(watch);
    return watch;
  };

  /** @param result may contain descriptors */
  close(name, result) {
    if (name === 'loopStart' && typeof result === 'object') this.watches.push(result);
    if (MAKES_DESCRIPTOR.has(name) && Number.isInteger(result) && result > 2) this.opened.add(result);
    if (Array.isArray(result) && MAKES_PAIR.has(name)) for (const fd of result) this.opened.add(fd);
    for (const status of this.statuses) if (status[OPEN_FD] > 2) this.opened.add(status[OPEN_FD]);
    if (name === 'recvmsg' && typeof result === 'object') for (const fd of result.fds) this.opened.add(fd);
    for (const watch of this.watches) addon.loopStop(watch);
    for (const fd of this.opened) addon.close(fd);
  }
}

const MAKES_DESCRIPTOR = new Set(
  'epollCreate1 socket accept4 openat2 openat dup inotifyInit1 eventfd timerfdCreate pidfdOpen signalfd ioUringSetup'.split(
    ' ',
  ),
);
const MAKES_PAIR = new Set(['socketpair', 'pipe2']);
const KINDS = Object.keys(new Fixture()).filter(
  (kind) => !['opened', 'watches', 'watch', 'statuses', 'status'].includes(kind),
);

const nameBytes = () => new TextEncoder().encode('file');
const termios = () => ({ iflag: 0, oflag: 0, cflag: 0, lflag: 0, ispeed: 0, ospeed: 0, line: 0, cc: bytes(19) });
/** Two views of one buffer. */
const overlap = () => {
  const buffer = new ArrayBuffer(64);
  return { ints: () => new Int32Array(buffer), octets: () => new Uint8Array(buffer) };
};

/** [export, valid arguments]; several for calls that have several forms. */
const rows = [
  ['epollCreate1', () => [0]],
  ['epollCtl', (f) => [f.epoll(), constants.EPOLL_CTL_ADD, f.eventfd(), 1, 0, 0]],
  ['epollWait', (f) => [f.epoll(), new Uint32Array(30), 10, 0]],
  ['epollPwait2', (f) => [f.epoll(), new Uint32Array(30), 10, 0]],
  ['epollGetParams', (f) => [f.epoll()]],
  ['epollSetParams', (f) => [f.epoll(), 0, 8, false]],
  ['socket', () => [constants.AF_UNIX, constants.SOCK_STREAM, 0]],
  ['socketpair', () => [constants.SOCK_STREAM]],
  ['bind', (f) => [f.datagram(), '127.0.0.1', 0]],
  ['connect', (f) => [f.stream(), '127.0.0.1', 1]],
  ['listen', (f) => [f.stream(), 1]],
  ['accept4', (f) => [f.listener(), constants.SOCK_NONBLOCK]],
  ['shutdown', (f) => [f.socket(), constants.SHUT_WR]],
  ['getsockname', (f) => [f.listener()]],
  ['getpeername', (f) => [f.socket()]],
  ['setsockopt', (f) => [f.stream(), constants.SOL_SOCKET, constants.SO_REUSEADDR, 1]],
  ['getsockopt', (f) => [f.stream(), constants.SOL_SOCKET, constants.SO_TYPE]],
  ['tcpiUnacked', (f) => [f.listener()]],
  ['setsockoptBytes', (f) => [f.stream(), constants.SOL_SOCKET, constants.SO_LINGER, bytes(8)]],
  ['getsockoptBytes', (f) => [f.stream(), constants.SOL_SOCKET, constants.SO_LINGER, bytes(8)]],
  ['peercred', (f) => [f.socket()]],
  ['recvfrom', (f) => [f.socket(), bytes(), 2, 8, 0]],
  ['sendto', (f) => [f.datagram(), bytes(), 2, 8, 0, '127.0.0.1', 9]],
  ['recvmsg', (f) => [f.socket(), [bytes(4), bytes(4)], 0, 2]],
  ['sendmsg', (f) => [f.socket(), [bytes(4), bytes(4)], 0, [f.eventfd(), f.eventfd()]]],
  ['sendmsg', (f) => [f.datagram(), [bytes(4)], 0, [], '127.0.0.1', 9]],
  ['recv', (f) => [f.socket(), bytes(), 2, 8, 0]],
  ['recvEach', (f) => [Int32Array.of(f.socket(), CLOSED), 2, bytes(64), 32]],
  [
    'recvEach',
    (f) => {
      const { ints, octets } = overlap();
      ints().set([f.socket(), f.socket()]);
      return [ints(), 2, octets(), 32];
    },
  ],
  ['send', (f) => [f.socket(), bytes(), 2, 8, 0]],
  ['sendEach', (f) => [Int32Array.of(f.socket(), CLOSED), Int32Array.of(8, 16), 2, bytes()]],
  [
    'sendEach',
    (f) => {
      const { ints, octets } = overlap();
      ints().set([f.socket(), f.socket()]);
      return [ints(), ints(), 2, octets()];
    },
  ],
  ['sendfile', (f) => [f.socket(), f.file(), 0, 4]],
  ['readv', (f) => [f.socket(), [bytes(4), bytes(4)]]],
  ['writev', (f) => [f.socket(), [bytes(4), bytes(4)]]],
  ['read', (f) => [f.pipe()[0], bytes(), 2, 8]],
  ['write', (f) => [f.pipe()[1], bytes(), 2, 8]],
  ['pipe2', () => [constants.O_NONBLOCK]],
  ['openat2', (f) => [f.directory(), 'file', constants.O_RDONLY, constants.RESOLVE_BENEATH, 0], 1],
  ['openat', (f) => [f.directory(), 'file', constants.O_RDONLY, 0], 1],
  ['readlinkat', (f) => [f.directory(), 'file']],
  ['fstat', (f) => [f.file(), new Float64Array(11)]],
  ['fstatat', (f) => [f.directory(), nameBytes(), 0, 4, constants.AT_SYMLINK_NOFOLLOW, new Float64Array(11)]],
  ['openRead', (f) => [f.directory(), nameBytes(), 0, 4, constants.RESOLVE_BENEATH, bytes(), 2, 8, f.status()]],
  ['pread', (f) => [f.file(), bytes(), 2, 8, 0]],
  ['getdents64', (f) => [f.directory(), bytes(400)]],
  ['fstatfs', (f) => [f.file()]],
  ['close', (f) => [f.eventfd()]],
  ['disown', (f) => [f.eventfd()]],
  ['own', (f) => [f.eventfd()]],
  ['dup', (f) => [f.eventfd()]],
  ['fcntl', (f) => [f.pipe()[0], constants.F_SETFL, constants.O_NONBLOCK], 1],
  ['fcntl', (f) => [f.pipe()[0], constants.F_GETFL], 0],
  ['flock', (f) => [f.file(), constants.LOCK_EX | constants.LOCK_NB]],
  ['ioctl', (f) => [f.pipe()[0], constants.FIONREAD]],
  ['ioctl', (f) => [f.socket(), constants.FIONBIO, 1], 1],
  ['ioctl', (f) => [f.terminal(), constants.TIOCGWINSZ, bytes(8)], 1],
  ['ioctl', (f) => [f.terminal(), constants.TIOCSWINSZ, bytes(8)], 1],
  ['tcgetattr', (f) => [f.terminal()]],
  ['tcsetattr', (f) => [f.terminal(), constants.TCSANOW, termios()]],
  ['tcflush', (f) => [f.terminal(), constants.TCIOFLUSH]],
  ['tcdrain', (f) => [f.terminal()]],
  ['tcsendbreak', (f) => [f.eventfd()]],
  ['inotifyInit1', () => [constants.IN_NONBLOCK]],
  ['inotifyAddWatch', (f) => [f.inotify(), directory, constants.IN_MODIFY]],
  ['inotifyRmWatch', (f) => [f.inotify(), 1]],
  ['eventfd', () => [0, constants.EFD_NONBLOCK]],
  ['eventfdWrite', (f) => [f.eventfd(), 1]],
  ['eventfdRead', (f) => [f.eventfd()]],
  ['timerfdCreate', () => [constants.CLOCK_MONOTONIC, constants.TFD_NONBLOCK]],
  ['timerfdSettime', (f) => [f.timerfd(), 0, 100, 0, 0, 0]],
  ['timerfdGettime', (f) => [f.timerfd()]],
  ['timerfdRead', (f) => [f.timerfd()]],
  ['pidfdOpen', () => [process.pid, 0]],
  ['pidfdSendSignal', (f) => [f.pidfd(), 0]],
  ['signalfd', () => [[SIGWINCH], constants.SFD_NONBLOCK]],
  ['signalfdRead', (f) => [f.signalfd()]],
  ['unblockSignals', () => [[SIGWINCH]]],
  ['ioUringSetup', () => [1, new Uint32Array(30)]],
  ['ioUringMap', (f) => [f.ring(), 0x10000000, 64]],
  ['ioUringMap', () => [-1, 0, 4096]],
  ['ioUringUnmap', () => [addon.ioUringMap(-1, 0, 4096)]],
  ['ioUringRegisterBuffers', (f) => [f.ring(), 0, 1, 0]],
  ['ioUringEnter', (f) => [f.ring(), 1, 0]],
  ['addressOf', () => [bytes(), 2, 8]],
  ['loopStart', (f) => [f.eventfd(), () => {}]],
  ['loopEnclose', (f) => [f.epoll(), new Uint32Array(3), new Float64Array(5), () => {}]],
  ['loopWait', () => []],
  ['loopStop', (f) => [f.watch()]],
  ['loopRef', (f) => [f.watch(), true]],
];
/** How many of the last arguments may be missing, where it is not the third member of the row. */
const OPTIONAL = { fcntl: 1, ioctl: 1, sendmsg: 2 };

const trace = flags.trace === undefined ? null : openSync(flags.trace, 'w');
let passed = 0;
const failures = [];

function run([name, make, optional = OPTIONAL[name] ?? 0], change, describe, mustThrow = false) {
  if (trace !== null) writeSync(trace, `${name}, ${describe()}`.padEnd(240), 0);
  const fixture = new Fixture();
  let result;
  let fault = null;
  try {
    const args = make(fixture);
    const changed = change(args, fixture);
    try {
      result = addon[name](...changed);
      if (mustThrow && changed.length >= args.length - optional) fault = `returned ${String(result)}`;
    } catch (error) {
      const isOurs =
        (error instanceof TypeError && error.code === 'ERR_INVALID_ARG_TYPE') ||
        (error instanceof RangeError && error.code === 'ERR_OUT_OF_RANGE');
      if (!isOurs) fault = `threw ${error?.stack ?? String(error)}`;
    }
    // A successful close has freed the number: closing it again could close another's.
    if (name === 'close' && result === 0) fixture.opened.delete(changed[0]);
  } finally {
    fixture.close(name, result);
  }
  if (fault === null) passed++;
  else failures.push(`${name}, ${describe()}: ${fault}`);
}

const shown = (make) => String(make).replace(/\s+/g, ' ').slice(0, 60);
const replaced = (args, at, value) => args.map((argument, i) => (i === at ? value : argument));

function single(row) {
  const [, make, optional = OPTIONAL[row[0]] ?? 0] = row;
  const probe = new Fixture();
  const valid = make(probe);
  const isDescriptor = valid.map((argument) => probe.opened.has(argument));
  probe.close();
  run(
    row,
    (args) => args,
    () => 'valid',
  );
  for (let count = 0; count < valid.length; count++) {
    const mustThrow = count < valid.length - optional;
    run(
      row,
      (args) => args.slice(0, count),
      () => `${count} arguments`,
      mustThrow,
    );
  }
  valid.forEach((argument, at) => {
    for (const wrong of WRONG) {
      const value = wrong();
      const isOmitted = at >= valid.length - optional && value === undefined;
      // ioctl takes a number or bytes.
      const hasTwoTypes = row[0] === 'ioctl' && at === 2;
      const [offset, length] = valid.slice(at + 1);
      const needed = typeof offset === 'number' && typeof length === 'number' ? offset + length : null;
      const isWrong = mustReject(argument, value, needed) && !isOmitted && !hasTwoTypes;
      run(
        row,
        (args) => replaced(args, at, wrong()),
        () => `argument ${at}: ${shown(wrong)}`,
        isWrong,
      );
    }
    // Elsewhere a descriptor would be another number: a signal, for instance.
    if (isDescriptor[at]) {
      for (const kind of KINDS) {
        const other = (fixture) => [fixture[kind]()].flat()[0];
        run(
          row,
          (args, fixture) => replaced(args, at, other(fixture)),
          () => `argument ${at}: a ${kind}`,
        );
      }
    }
    if (
      typeof argument === 'object' &&
      !ArrayBuffer.isView(argument) &&
      row[0] !== 'loopStop' &&
      row[0] !== 'loopRef'
    ) {
      for (const member of Object.keys(argument)) {
        for (const wrong of WRONG) {
          const change = (args) => {
            args[at][member] = wrong();
            return args;
          };
          run(row, change, () => `argument ${at}, member ${member}: ${shown(wrong)}`);
        }
      }
    }
  });
  return valid.length;
}

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const openDescriptors = () => readdirSync('/proc/self/fd').length;

try {
  const withoutRow = Object.keys(addon).filter((name) => name !== 'constants' && !rows.some((row) => row[0] === name));
  if (withoutRow.length > 0) failures.push(`exports without a row: ${withoutRow.join(', ')}`);
  run(
    rows.find(([name]) => name === 'signalfd'),
    (args) => args,
    () => 'before the count of descriptors',
  );
  const before = openDescriptors();
  const lengths = [];
  for (const row of rows) {
    lengths.push(single(row));
    await setImmediate(); // libuv closes its handles
  }
  const singles = passed;
  const next = random(Number(flags.seed));
  const below = (end) => Math.floor(next() * end);
  const untilMs = performance.now() + Number(flags.seconds) * 1000;
  for (let count = 1; performance.now() < untilMs; count++) {
    const at = below(rows.length);
    const [one, other] = [below(lengths[at]), below(lengths[at])];
    const [first, second] = [WRONG[below(WRONG.length)], WRONG[below(WRONG.length)]];
    // One of eight also lacks its last arguments.
    const kept = below(8) === 0 ? below(lengths[at]) : lengths[at];
    run(
      rows[at],
      (args) => replaced(replaced(args, one, first()), other, second()).slice(0, kept),
      () => `arguments ${one} and ${other} of ${kept}: ${shown(first)}, ${shown(second)}; --seed ${flags.seed}`,
    );
    if (count % 64 === 0) await setImmediate();
  }
  await setImmediate();
  const left = openDescriptors();
  if (left > before) failures.push(`${left - before} descriptors were left open`);
  console.log(`${rows.length} rows: ${singles} cases of one wrong argument, ${passed - singles} of two`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
// The end is not a crash.
if (trace !== null) ftruncateSync(trace);
for (const failure of failures.slice(0, 40)) console.error(failure);
console.log(`arguments: ${passed} passed, ${failures.length} failed`);
process.exit(failures.length > 0 ? 1 : 0);
