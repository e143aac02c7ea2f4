import { constants } from '../../src/sys/binding.js';
import { LOOP_DUE_MS, LOOP_GOES_ON, LOOP_NOW_MS, LOOP_WAITS } from '../../src/sys/calls/loop.js';
import {
  EADDRINUSE,
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  ECONNRESET,
  EEXIST,
  EINPROGRESS,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOBUFS,
  ENOENT,
  ENOMEM,
  ENOSYS,
  ENOTCONN,
  ENOTSOCK,
  EPERM,
  EPIPE,
} from '../../src/sys/errno.js';
import {
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDHUP,
  EPOLLWAKEUP,
} from '../../src/sys/events.js';
import { type Kernel, type LoopWatch, type SocketAddress, Stat } from '../../src/sys/kernel.js';

const { AF_INET6, EFD_SEMAPHORE, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, S_IFREG } = constants;
const { SHUT_RD, SHUT_WR, SO_ERROR, SO_LINGER, SOL_SOCKET } = constants;

export type Call = keyof Kernel;

/** The calls that neither the reactor nor net makes: they throw. */
const UNSIMULATED = [
  'getsockoptBytes',
  'peercred',
  'recvfrom',
  'sendto',
  'recvmsg',
  'sendmsg',
  'readv',
  'writev',
  'fstatat',
  'openRead',
  'dup',
  'fcntl',
  'flock',
  'ioctl',
  'tcgetattr',
  'tcsetattr',
  'tcflush',
  'tcdrain',
  'tcsendbreak',
  'epollGetParams',
  'epollSetParams',
  'timerfdCreate',
  'timerfdSettime',
  'timerfdGettime',
  'timerfdRead',
  'pidfdOpen',
  'pidfdSendSignal',
  'signalfd',
  'signalfdRead',
  'unblockSignals',
] as const satisfies readonly Call[];

const UnsimulatedCalls = class {} as new () => Pick<Kernel, (typeof UNSIMULATED)[number]>;
for (const call of UNSIMULATED) {
  UnsimulatedCalls.prototype[call] = () => {
    throw new Error(`FakeKernel does not simulate ${call}`);
  };
}

/** A number is returned without an effect; `short` limits the bytes of a transfer; null lets one call work. */
export type Fault = number | { short: number } | null;

const FIRST_FD = 3;
const KEEPS_QUEUE = new Set([EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM]);
/** A change of a socket's state wakes all waiters, whatever their mask. */
const ANY_EVENT = -1;
/** The bits of a mask that remain when oneshot has fired, EP_PRIVATE_BITS of the kernel's eventpoll.c. */
const PRIVATE = (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE) >>> 0;
const ALLOWED_WITH_EXCLUSIVE =
  (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE) >>> 0;

/**
 * A kernel in memory, for tests of reactor and net: epoll with its ready list, TCP-like streams, listeners, eventfds,
 * files. Its clock advances only while `epollWait` waits, or when a test advances it. `fault` scripts the results of
 * the next calls of a name. The other end of a connection (`FakePeer`) makes no system calls and has no descriptor, so
 * that `calls` and `open` contain only what the code under test does.
 */
export class FakeKernel extends UnsimulatedCalls implements Kernel {
  /** Every system call by its name in Kernel, in order. */
  readonly calls: Call[] = [];
  /** The clock, in milliseconds. */
  nowMs = 1000;
  /** The limit of open descriptors. */
  maxDescriptors = 1024;
  /** Without IPv6, socket(2) fails for its family. */
  hasIPv6 = true;
  /** Returns the fault of a call for which nothing is scripted. */
  chaos: ((call: Call) => Fault) | null = null;
  /** Calls of `close` for descriptors that are not open: a bug, even if the exception is caught. */
  readonly violations: string[] = [];
  readonly options: [option: string, value: number][] = [];
  /** The arguments of each send(2). */
  readonly sends: [length: number, flags: number][] = [];
  private readonly files = new Map<number, File>();
  private readonly faults = new Map<Call, Fault[]>();
  private readonly later: { atMs: number; run: () => void }[] = [];
  private readonly ports = new Map<number, Listening>();
  private readonly watches = new Map<number, () => void>();
  private readonly enclosures = new Map<
    number,
    { events: Uint32Array; times: Float64Array; onTurn: (count: number) => void }
  >();

  /** Scripts the next calls of this name, one fault each. */
  fault(call: Call, ...faults: Fault[]): void {
    this.faults.set(call, [...(this.faults.get(call) ?? []), ...faults]);
  }

  /** Runs a function after this time on the clock. */
  after(delayMs: number, run: () => void): void {
    this.later.push({ atMs: this.nowMs + delayMs, run });
    this.later.sort((one, other) => one.atMs - other.atMs);
  }

  /** Advances the clock, and runs what is due meanwhile. */
  advance(milliseconds: number): void {
    const untilMs = this.nowMs + milliseconds;
    while (this.runNext(untilMs));
    this.nowMs = untilMs;
  }

  /** The count of each call since `calls` was emptied. */
  counts(): Partial<Record<Call, number>> {
    const counts: Partial<Record<Call, number>> = {};
    for (const call of this.calls) counts[call] = (counts[call] ?? 0) + 1;
    return counts;
  }

  /** The open descriptors. */
  get open(): number[] {
    return [...this.files.keys()].sort((one, other) => one - other);
  }

  /** A connected stream: the descriptor is for the code under test, the peer for the test. */
  connected(sendBufferBytes = 65536): { fd: number; peer: FakePeer } {
    const [ours, theirs] = Stream.pair(this);
    ours.capacity = sendBufferBytes;
    return { fd: this.place(ours), peer: new FakePeer(theirs) };
  }

  /** A peer that has connected to a listener and waits in its accept queue. */
  connectPeer(listenerFd: number, sendBufferBytes = 65536): FakePeer {
    const [ours, theirs] = Stream.pair(this);
    ours.capacity = sendBufferBytes;
    (this.files.get(listenerFd) as Listening).arrive(ours);
    return new FakePeer(theirs);
  }

  /** Opens a file for reading. */
  file(bytes: Uint8Array): number {
    return this.place(new Regular(this, bytes));
  }

  /** Makes the file shorter, as another process would. */
  truncate(fd: number, length: number): void {
    const file = this.files.get(fd) as Regular;
    file.bytes = file.bytes.subarray(0, length);
  }

  /**
   * Calls the callbacks of `loopStart` whose descriptor is readable, as libuv does, and the turns of `loopEnclose` that
   * are due.
   */
  runLoop(): void {
    for (const [fd, onReadable] of [...this.watches]) if (this.files.get(fd)!.poll() & EPOLLIN) onReadable();
    for (const [epfd, { events, times, onTurn }] of [...this.enclosures]) {
      const count = this.epollWait(epfd, events, events.length / 3, 0);
      times[LOOP_NOW_MS] = this.nowMs;
      times[LOOP_WAITS]!++;
      if (count !== 0 || times[LOOP_DUE_MS]! <= this.nowMs) onTurn(count);
    }
  }

  // The calls, in the order of Kernel.

  epollCreate1(_flags: number): number {
    return this.scripted('epollCreate1') ?? this.placeOrFail(() => new Epoll(this));
  }

  epollCtl(epfd: number, operation: number, fd: number, events: number, dataLow: number, dataHigh: number): number {
    const fault = this.scripted('epollCtl');
    if (fault !== undefined) return fault;
    const epoll = this.files.get(epfd);
    const file = this.files.get(fd);
    if (!epoll || !file) return EBADF;
    if (!file.pollable) return EPERM;
    if (!(epoll instanceof Epoll) || file === epoll) return EINVAL;
    return epoll.control(operation, fd, file, events >>> 0, dataLow, dataHigh);
  }

  epollWait(epfd: number, events: Uint32Array, maxEvents: number, timeoutMs: number): number {
    if (!Number.isInteger(timeoutMs) || timeoutMs < -1) throw new TypeError(`timeoutMs is ${timeoutMs}`);
    if (!(maxEvents >= 1 && maxEvents * 3 <= events.length)) throw new RangeError(`maxEvents is ${maxEvents}`);
    const fault = this.scripted('epollWait');
    if (fault !== undefined) return fault;
    const epoll = this.files.get(epfd);
    if (!epoll) return EBADF;
    if (!(epoll instanceof Epoll)) return EINVAL;
    const untilMs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : this.nowMs + timeoutMs;
    for (;;) {
      const count = epoll.collect(events, maxEvents);
      if (count > 0) return count;
      if (this.runNext(untilMs)) continue;
      if (timeoutMs < 0) throw new Error('epoll_wait would never return');
      this.nowMs = untilMs;
      return 0;
    }
  }

  epollPwait2(epfd: number, events: Uint32Array, maxEvents: number, timeoutNs: number): number {
    return this.epollWait(epfd, events, maxEvents, timeoutNs < 0 ? -1 : Math.ceil(timeoutNs / 1e6));
  }

  socket(domain: number, _type: number, _protocol: number): number {
    const fault = this.scripted('socket');
    if (fault !== undefined) return fault;
    if (domain === AF_INET6 && !this.hasIPv6) return EAFNOSUPPORT;
    return this.placeOrFail(() => new Listening(this, domain === AF_INET6 ? 'IPv6' : 'IPv4'));
  }

  socketpair(_type: number): [number, number] | number {
    const fault = this.scripted('socketpair');
    if (fault !== undefined) return fault;
    const [one, other] = Stream.pair(this);
    return [this.place(one), this.place(other)];
  }

  bind(fd: number, address: string, port: number): number {
    const fault = this.scripted('bind');
    if (fault !== undefined) return fault;
    const socket = this.files.get(fd);
    if (!socket) return EBADF;
    if (!(socket instanceof Listening)) return ENOTSOCK;
    let free = port;
    if (free === 0) for (free = 32768; this.ports.has(free); ) free++;
    if (this.ports.has(free)) return EADDRINUSE;
    this.ports.set(free, socket);
    socket.address = { family: socket.address.family, address, port: free };
    return 0;
  }

  connect(fd: number, _address: string, port: number): number {
    const fault = this.scripted('connect');
    if (fault !== undefined) return fault;
    if (!this.files.has(fd)) return EBADF;
    const listener = this.ports.get(port);
    if (!listener?.listens) return ECONNREFUSED;
    const [ours, theirs] = Stream.pair(this);
    this.files.set(fd, ours);
    listener.arrive(theirs);
    return EINPROGRESS;
  }

  listen(fd: number, _backlog: number): number {
    const fault = this.scripted('listen');
    if (fault !== undefined) return fault;
    const socket = this.files.get(fd);
    if (!(socket instanceof Listening)) return socket ? ENOTSOCK : EBADF;
    socket.listens = true;
    return 0;
  }

  accept4(fd: number, _flags: number): number {
    const socket = this.files.get(fd);
    const fault = this.scripted('accept4');
    if (fault !== undefined) {
      // An error of a connection removes it from the queue; a lack of descriptors or memory does not.
      if (fault < 0 && !KEEPS_QUEUE.has(fault) && socket instanceof Listening) socket.queue.shift();
      return fault;
    }
    if (!(socket instanceof Listening)) return socket ? ENOTSOCK : EBADF;
    if (socket.queue.length === 0) return EAGAIN;
    return this.placeOrFail(() => socket.queue.shift()!);
  }

  shutdown(fd: number, how: number): number {
    return this.scripted('shutdown') ?? this.onStream(fd, (stream) => stream.shutdown(how));
  }

  getsockname(fd: number): SocketAddress | number {
    const fault = this.scripted('getsockname');
    if (fault !== undefined) return fault;
    const socket = this.files.get(fd);
    return socket instanceof Listening ? socket.address : EBADF;
  }

  getpeername(fd: number): SocketAddress | number {
    const fault = this.scripted('getpeername');
    if (fault !== undefined) return fault;
    const socket = this.files.get(fd);
    if (!(socket instanceof Stream)) return EBADF;
    return socket.dead ? ENOTCONN : { family: 'IPv4', address: '192.0.2.7', port: 40000 };
  }

  setsockopt(fd: number, level: number, option: number, value: number): number {
    const fault = this.scripted('setsockopt');
    if (fault !== undefined) return fault;
    if (!this.files.has(fd)) return EBADF;
    this.options.push([`${level}/${option}`, value]);
    return 0;
  }

  /** Of the structs only that of SO_LINGER has an effect. */
  setsockoptBytes(fd: number, level: number, option: number, bytes: Uint8Array): number {
    const fault = this.scripted('setsockoptBytes');
    if (fault !== undefined) return fault;
    const file = this.files.get(fd);
    if (!file) return EBADF;
    const [isOn, seconds] = new Int32Array(bytes.slice().buffer);
    if (level === SOL_SOCKET && option === SO_LINGER && file instanceof Stream)
      file.resetsOnClose = isOn === 1 && seconds === 0;
    return 0;
  }

  getsockopt(fd: number, level: number, option: number): number {
    const fault = this.scripted('getsockopt');
    if (fault !== undefined) return fault;
    const file = this.files.get(fd);
    if (!file) return EBADF;
    return level === SOL_SOCKET && option === SO_ERROR && file instanceof Stream ? -file.takeError() : 0;
  }

  tcpiUnacked(fd: number): number {
    const fault = this.scripted('tcpiUnacked');
    if (fault !== undefined) return fault;
    const socket = this.files.get(fd);
    return socket instanceof Listening ? socket.queue.length : EBADF;
  }

  recvEach(fds: Int32Array, count: number, bytes: Uint8Array, stride: number): void {
    for (let i = 0; i < count; i++) fds[i] = this.recv(fds[i]!, bytes, i * stride, stride - 1, 0);
  }

  recv(fd: number, bytes: Uint8Array, offset: number, length: number, _flags: number): number {
    return this.receive('recv', fd, bytes, offset, length);
  }

  send(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number {
    inside(bytes, offset, length);
    this.sends.push([length, flags]);
    return this.transmit('send', fd, bytes, offset, length);
  }

  sendEach(fds: Int32Array, ends: Int32Array, count: number, bytes: Uint8Array): void {
    for (let i = 0, start = 0; i < count; start = ends[i++]!) {
      fds[i] = this.send(fds[i]!, bytes, start, ends[i]! - start, 0);
    }
  }

  sendfile(socketFd: number, fileFd: number, offset: number, count: number): number {
    const file = this.files.get(fileFd);
    if (!(file instanceof Regular)) return this.scripted('sendfile') ?? EBADF;
    const length = Math.max(0, Math.min(count, file.bytes.length - offset));
    return this.transmit('sendfile', socketFd, file.bytes, offset, length);
  }

  read(fd: number, bytes: Uint8Array, offset: number, length: number): number {
    return this.receive('read', fd, bytes, offset, length);
  }

  write(fd: number, bytes: Uint8Array, offset: number, length: number): number {
    inside(bytes, offset, length);
    return this.transmit('write', fd, bytes, offset, length);
  }

  pipe2(flags: number): [number, number] | number {
    return this.socketpair(flags);
  }

  openat2(): number {
    return this.scripted('openat2') ?? ENOSYS;
  }

  openat(): number {
    return this.scripted('openat') ?? ENOSYS;
  }

  readlinkat(): number {
    return this.scripted('readlinkat') ?? ENOSYS;
  }

  fstat(fd: number, out: Float64Array): number {
    const fault = this.scripted('fstat');
    if (fault !== undefined) return fault;
    const file = this.files.get(fd);
    if (!(file instanceof Regular)) return EBADF;
    out.fill(0);
    out[Stat.mode] = S_IFREG;
    out[Stat.size] = file.bytes.length;
    return 0;
  }

  pread(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number {
    const fault = this.scripted('pread');
    if (fault !== undefined) return fault;
    const file = this.files.get(fd);
    if (!(file instanceof Regular)) return EBADF;
    const piece = file.bytes.subarray(position, position + length);
    bytes.set(piece, offset);
    return piece.length;
  }

  getdents64(): number {
    return this.scripted('getdents64') ?? ENOSYS;
  }

  fstatfs(): number {
    return this.scripted('fstatfs') ?? ENOSYS;
  }

  disown(): number {
    return 0;
  }

  close(fd: number): number {
    const fault = this.scripted('close');
    const file = this.files.get(fd);
    if (!file) {
      this.violations.push(`close(${fd}), which is not open`);
      throw new Error(this.violations.at(-1));
    }
    this.files.delete(fd);
    file.leaveSets();
    file.closed();
    for (const [port, socket] of this.ports) if (socket === file) this.ports.delete(port);
    return fault ?? 0;
  }

  inotifyInit1(): number {
    return this.scripted('inotifyInit1') ?? ENOSYS;
  }

  inotifyAddWatch(): number {
    return this.scripted('inotifyAddWatch') ?? ENOSYS;
  }

  inotifyRmWatch(): number {
    return this.scripted('inotifyRmWatch') ?? ENOSYS;
  }

  eventfd(initialValue: number, flags: number): number {
    return this.scripted('eventfd') ?? this.placeOrFail(() => new Counter(this, initialValue, flags));
  }

  eventfdWrite(fd: number, value: number): number {
    const fault = this.scripted('eventfdWrite');
    if (fault !== undefined) return fault;
    const counter = this.files.get(fd);
    if (!(counter instanceof Counter)) return EBADF;
    counter.value += value;
    counter.wake(EPOLLIN);
    return 0;
  }

  eventfdRead(fd: number): number {
    const fault = this.scripted('eventfdRead');
    if (fault !== undefined) return fault;
    const counter = this.files.get(fd);
    if (!(counter instanceof Counter)) return EBADF;
    if (counter.value === 0) return EAGAIN;
    const taken = counter.flags & EFD_SEMAPHORE ? 1 : counter.value;
    counter.value -= taken;
    return taken;
  }

  loopStart(fd: number, onReadable: () => void): LoopWatch | number {
    const fault = this.scripted('loopStart');
    if (fault !== undefined) return fault;
    this.watches.set(fd, onReadable);
    return { fd } as unknown as LoopWatch;
  }

  loopEnclose(
    epfd: number,
    events: Uint32Array,
    times: Float64Array,
    onTurn: (count: number) => void,
  ): LoopWatch | number {
    const fault = this.scripted('loopEnclose');
    if (fault !== undefined) return fault;
    this.enclosures.set(epfd, { events, times, onTurn });
    return { fd: epfd } as unknown as LoopWatch;
  }

  loopWait(): number {
    return LOOP_GOES_ON;
  }

  loopStop(watch: LoopWatch): void {
    this.calls.push('loopStop');
    this.enclosures.delete((watch as unknown as { fd: number }).fd);
    this.watches.delete((watch as unknown as { fd: number }).fd);
  }

  loopRef(): void {
    this.calls.push('loopRef');
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.nowMs;
  }

  /** Records the call. Returns its scripted result; undefined if it is to work. */
  private scripted(call: Call): number | undefined {
    const fault = this.faultOf(call);
    return typeof fault === 'number' ? fault : undefined;
  }

  private faultOf(call: Call): Fault {
    this.calls.push(call);
    const script = this.faults.get(call);
    return script && script.length > 0 ? script.shift()! : (this.chaos?.(call) ?? null);
  }

  private receive(call: 'recv' | 'read', fd: number, bytes: Uint8Array, offset: number, length: number): number {
    inside(bytes, offset, length);
    const fault = this.faultOf(call);
    return this.onStream(fd, (stream) => {
      if (typeof fault === 'number') {
        // EAGAIN means that the bytes have not arrived: they arrive now, and are reported.
        if (fault === EAGAIN) stream.wake(EPOLLIN);
        return fault;
      }
      if (fault === null) return stream.receive(bytes.subarray(offset, offset + length));
      const count = stream.receive(bytes.subarray(offset, offset + Math.min(length, fault.short)));
      if (stream.inbox.length > 0) stream.wake(EPOLLIN); // the rest has only arrived now
      return count;
    });
  }

  private transmit(call: Call, fd: number, bytes: Uint8Array, offset: number, length: number): number {
    const fault = this.faultOf(call);
    return this.onStream(fd, (stream) => {
      if (typeof fault === 'number') {
        if (fault === EAGAIN) stream.wake(EPOLLOUT);
        return fault;
      }
      if (length === 0) return 0;
      const most = fault === null ? length : Math.min(length, fault.short);
      const sent = stream.send(bytes.subarray(offset, offset + most));
      if (sent === most && most < length) stream.wake(EPOLLOUT); // the buffer was full, and has space now
      return sent;
    });
  }

  private onStream(fd: number, act: (stream: Stream) => number): number {
    const file = this.files.get(fd);
    if (!file) return EBADF;
    return file instanceof Stream ? act(file) : file instanceof Listening ? ENOTCONN : ENOTSOCK;
  }

  private placeOrFail(make: () => File): number {
    return this.files.size >= this.maxDescriptors ? EMFILE : this.place(make());
  }

  /** Assigns the lowest free number, as open(2) does. */
  private place(file: File): number {
    let fd = FIRST_FD;
    while (this.files.has(fd)) fd++;
    this.files.set(fd, file);
    return fd;
  }

  private runNext(untilMs: number): boolean {
    const next = this.later[0];
    if (next === undefined || next.atMs > untilMs) return false;
    this.later.shift();
    this.nowMs = next.atMs;
    next.run();
    return true;
  }
}

/** The other end of a connection. */
export class FakePeer {
  private received: Buffer[] = [];

  constructor(private readonly stream: Stream) {}

  /** Returns how many bytes the connection accepted. */
  send(data: Uint8Array | string): number {
    return this.stream.send(Buffer.from(data as string));
  }

  /** Reads what has arrived, at most `maxBytes`. */
  pump(maxBytes = Number.POSITIVE_INFINITY): void {
    if (maxBytes === 0) return;
    const bytes = Buffer.alloc(Math.min(maxBytes, this.stream.inbox.length));
    const result = this.stream.receive(bytes);
    if (result > 0) this.received.push(bytes.subarray(0, result));
    else if (result === 0) this.ended = true;
    else if (result === ECONNRESET) this.wasReset = true;
  }

  ended = false;
  wasReset = false;
  /** How much a caller of `pump` should read at a time; 0 for a peer that does not read. */
  rateBytes = Number.POSITIVE_INFINITY;

  /** All bytes that `pump` has read. */
  get bytes(): Buffer {
    if (this.received.length > 1) this.received.push(Buffer.concat(this.received.splice(0)));
    return this.received[0] ?? Buffer.alloc(0);
  }

  shutdown(): void {
    this.stream.shutdown(SHUT_WR);
  }

  close(): void {
    this.stream.closed();
  }

  reset(): void {
    this.stream.other.reset();
    this.stream.inbox.clear();
    this.stream.closed();
  }
}

/** What a descriptor refers to. */
abstract class File {
  readonly pollable: boolean = true;
  /** This file's items in epoll sets. */
  readonly items = new Set<Item>();

  constructor(readonly kernel: FakeKernel) {}

  /** The current mask. */
  abstract poll(): number;

  closed(): void {}

  /** An event: items that ask for it join the ready list of their set; of exclusive ones, the first. */
  wake(key: number): void {
    for (const item of this.items) {
      if (!item.notify(key)) continue;
      if (item.events & EPOLLEXCLUSIVE) break;
    }
  }

  leaveSets(): void {
    for (const item of this.items) item.epoll.remove(item);
  }
}

/** A descriptor in an epoll set. */
class Item {
  constructor(
    readonly epoll: Epoll,
    readonly fd: number,
    readonly file: File,
    public events: number,
    public dataLow: number,
    public dataHigh: number,
  ) {}

  /** The bits that are set and asked for; none once oneshot has fired. */
  get pending(): number {
    if ((this.events & ~PRIVATE) === 0) return 0;
    return this.file.poll() & this.events & ~PRIVATE;
  }

  notify(key: number): boolean {
    if ((this.events & ~PRIVATE) === 0) return false;
    if ((key & this.events) === 0) return false;
    this.epoll.ready.add(this);
    this.epoll.wake(EPOLLIN);
    return true;
  }
}

class Epoll extends File {
  readonly ready = new Set<Item>();
  private readonly members = new Map<number, Item>();

  poll(): number {
    for (const item of this.ready) if (item.pending) return EPOLLIN;
    return 0;
  }

  control(operation: number, fd: number, file: File, mask: number, dataLow: number, dataHigh: number): number {
    const item = this.members.get(fd);
    const events = (mask | EPOLLERR | EPOLLHUP) >>> 0; // always reported
    const exclusive = (events & EPOLLEXCLUSIVE) !== 0;
    if (operation === EPOLL_CTL_ADD) {
      if (exclusive && ((events & ~ALLOWED_WITH_EXCLUSIVE) !== 0 || file instanceof Epoll)) return EINVAL;
      if (item) return EEXIST;
      const added = new Item(this, fd, file, events, dataLow, dataHigh);
      this.members.set(fd, added);
      file.items.add(added);
      if (added.pending) this.ready.add(added);
    } else if (operation === EPOLL_CTL_MOD) {
      if (exclusive) return EINVAL;
      if (!item) return ENOENT;
      if (item.events & EPOLLEXCLUSIVE) return EINVAL;
      item.events = events;
      item.dataLow = dataLow;
      item.dataHigh = dataHigh;
      if (item.pending) this.ready.add(item);
    } else if (operation === EPOLL_CTL_DEL) {
      if (!item) return ENOENT;
      this.remove(item);
    } else {
      return EINVAL;
    }
    return 0;
  }

  remove(item: Item): void {
    this.ready.delete(item);
    this.members.delete(item.fd);
    item.file.items.delete(item);
  }

  /** One pass over the ready list: level-triggered items return to its end, edge and oneshot leave it. */
  collect(events: Uint32Array, maxEvents: number): number {
    let count = 0;
    for (const item of [...this.ready]) {
      if (count === maxEvents) break;
      this.ready.delete(item);
      const mask = item.pending;
      if (mask === 0) continue;
      events[3 * count] = mask;
      events[3 * count + 1] = item.dataLow;
      events[3 * count + 2] = item.dataHigh;
      count++;
      if (item.events & EPOLLONESHOT) item.events = (item.events & PRIVATE) >>> 0;
      else if ((item.events & EPOLLET) === 0) this.ready.add(item);
    }
    return count;
  }

  override closed(): void {
    for (const item of this.members.values()) item.file.items.delete(item);
  }
}

/** One end of a TCP connection. A reset discards unread bytes, which is the worst case. */
class Stream extends File {
  readonly inbox = new ByteQueue();
  /** The most bytes sent that the other end has not read. */
  capacity = 4 * 1024 * 1024;
  dead = false;
  resetsOnClose = false;
  other!: Stream;
  private error = 0;
  private noSpace = false;
  private inputEnded = false;
  private outputEnded = false;
  private gone = false;

  static pair(kernel: FakeKernel): [Stream, Stream] {
    const one = new Stream(kernel);
    const other = new Stream(kernel);
    one.other = other;
    other.other = one;
    return [one, other];
  }

  poll(): number {
    let mask = 0;
    if (this.error !== 0) mask |= EPOLLERR;
    if (this.inbox.length > 0 || this.inputEnded || this.dead) mask |= EPOLLIN;
    if (this.inputEnded || this.dead) mask |= EPOLLRDHUP;
    if ((this.inputEnded && this.outputEnded) || this.dead) mask |= EPOLLHUP;
    if (this.space > 0 || this.outputEnded || this.dead) mask |= EPOLLOUT;
    else this.noSpace = true; // EPOLLOUT is due when there is space again
    return mask;
  }

  send(bytes: Uint8Array): number {
    if (this.error !== 0) return this.takeError();
    if (this.dead || this.outputEnded) return EPIPE;
    if (this.other.gone) {
      this.reset(); // a host resets a connection that is closed there
      return bytes.length;
    }
    const count = Math.min(bytes.length, this.space);
    if (count < bytes.length) this.noSpace = true;
    if (count === 0) return EAGAIN;
    this.other.inbox.push(new Uint8Array(bytes.subarray(0, count)));
    this.other.wake(EPOLLIN);
    return count;
  }

  receive(into: Uint8Array): number {
    if (this.inbox.length === 0 && this.inputEnded) return 0; // even if RST has come behind FIN
    if (this.error !== 0) return this.takeError();
    if (this.inbox.length === 0) return this.dead ? 0 : EAGAIN;
    const count = this.inbox.take(into);
    if (this.other.noSpace && count > 0) {
      this.other.noSpace = false;
      this.other.wake(EPOLLOUT);
    }
    return count;
  }

  shutdown(how: number): number {
    const connected = !this.dead && !(this.inputEnded && this.outputEnded);
    if (connected && how !== SHUT_RD && !this.outputEnded) {
      this.outputEnded = true;
      this.other.endInput();
    }
    if (connected && how !== SHUT_WR) this.endInput();
    this.wake(ANY_EVENT);
    return connected ? 0 : ENOTCONN;
  }

  override closed(): void {
    if (this.gone) return;
    this.gone = true;
    if (this.inbox.length > 0 || this.resetsOnClose) this.other.reset();
    else if (!this.outputEnded) this.other.endInput();
  }

  reset(): void {
    if (this.gone || this.dead) return;
    this.dead = true;
    this.error = this.inputEnded ? EPIPE : ECONNRESET; // tcp_reset() of the kernel's tcp_input.c
    this.inbox.clear();
    this.wake(ANY_EVENT);
  }

  private get space(): number {
    return this.other.gone ? this.capacity : Math.max(0, this.capacity - this.other.inbox.length);
  }

  private endInput(): void {
    if (this.inputEnded || this.dead || this.gone) return;
    this.inputEnded = true;
    this.wake(ANY_EVENT);
  }

  takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }
}

/** A TCP socket that is not connected: it listens, or is going to. */
class Listening extends File {
  readonly queue: Stream[] = [];
  listens = false;
  address: SocketAddress;

  constructor(kernel: FakeKernel, family: 'IPv4' | 'IPv6') {
    super(kernel);
    this.address = { family, address: family === 'IPv4' ? '0.0.0.0' : '::', port: 0 };
  }

  arrive(stream: Stream): void {
    this.queue.push(stream);
    this.wake(EPOLLIN);
  }

  poll(): number {
    if (!this.listens) return EPOLLOUT | EPOLLHUP;
    return this.queue.length > 0 ? EPOLLIN : 0;
  }

  override closed(): void {
    for (const stream of this.queue) stream.other.reset();
  }
}

class Counter extends File {
  constructor(
    kernel: FakeKernel,
    public value: number,
    readonly flags: number,
  ) {
    super(kernel);
  }

  poll(): number {
    return this.value > 0 ? EPOLLIN | EPOLLOUT : EPOLLOUT;
  }
}

class Regular extends File {
  override readonly pollable = false;

  constructor(
    kernel: FakeKernel,
    public bytes: Uint8Array,
  ) {
    super(kernel);
  }

  poll(): number {
    return EPOLLIN | EPOLLOUT;
  }
}

class ByteQueue {
  length = 0;
  private chunks: Uint8Array[] = [];

  push(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.length += bytes.length;
  }

  take(into: Uint8Array): number {
    let count = 0;
    while (count < into.length && this.chunks.length > 0) {
      const chunk = this.chunks[0]!;
      const piece = chunk.subarray(0, into.length - count);
      into.set(piece, count);
      count += piece.length;
      if (piece.length === chunk.length) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(piece.length);
    }
    this.length -= count;
    return count;
  }

  clear(): void {
    this.chunks = [];
    this.length = 0;
  }
}

function inside(bytes: Uint8Array, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
    throw new RangeError(`offset ${offset} and length ${length} reach beyond the ${bytes.length} bytes`);
  }
}
