import { openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Connection } from '../../../src/net/connection.js';
import type { ConnectionContext, ConnectionLimits } from '../../../src/net/context.js';
import { ReadBatch } from '../../../src/net/read-batch.js';
import { type WriteQueue, WriteQueuePool } from '../../../src/net/write-queue.js';
import { Reactor, type Trigger } from '../../../src/reactor/index.js';
import { constants, kernel as realKernel } from '../../../src/sys/binding.js';
import { check, EAGAIN, ECONNRESET, ENOMEM, EPIPE } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { addressOf } from '../../support/descriptors.js';
import { type Call, FakeKernel, type Fault } from '../../support/fake-kernel.js';
import { below } from '../../support/random.js';
import { Echo, type EchoOptions } from './echo.js';

const { AF_INET, MSG_DONTWAIT, SHUT_WR, SO_RCVBUF, SO_SNDBUF, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } = constants;

/** What a turn takes on the simulated clock, which would not advance as long as there is always something to do. */
const TURN_MS = 0.1;

export interface Peer {
  rateBytes: number;
  readonly ended: boolean;
  readonly wasReset: boolean;
  readonly bytes: Buffer;
  send(data: Uint8Array | string): number;
  pump(maxBytes?: number): void;
  shutdown(): void;
  close(): void;
}

export interface Client {
  connection: Connection;
  echo: Echo;
  peer: Peer;
}

export interface ClientOptions extends EchoOptions {
  /** Uses small socket buffers. */
  smallBuffers?: boolean;
  /** Called before the connection starts. */
  before?: (peer: Peer) => void;
}

export const WORLDS = ['simulated', 'simulated, in bad randomFault', 'loopback'] as const;
export type WorldName = (typeof WORLDS)[number];

/** Connections with their peers, on a simulated kernel or over loopback: the same scenarios run in each. */
export class World {
  readonly fake: FakeKernel | null;
  readonly kernel: Kernel;
  readonly reactor: Reactor;
  readonly pool = new CountingPool();
  readonly context: ConnectionContext;
  private readonly clients: Client[] = [];
  private starting = false;
  private failsControl = true;

  constructor(
    readonly name: WorldName,
    trigger: Trigger,
    next: () => number,
    limits: Partial<ConnectionLimits> = {},
    inputBytes = 1024,
  ) {
    this.fake = name === 'loopback' ? null : new FakeKernel();
    this.kernel = this.fake ?? realKernel;
    this.reactor = new Reactor({ kernel: this.kernel });
    this.context = {
      reactor: this.reactor,
      kernel: this.kernel,
      trigger,
      limits: {
        sendBytesPerTurn: 10_000,
        writeTimeoutMs: 5000,
        minSendBytesPerSecond: 0,
        sendRateWindowMs: 5000,
        lingerTimeoutMs: 100,
        maxLingerMs: 60_000,
        halfCloseTimeoutMs: 60_000,
        lingerBytes: 20_000,
        ...limits,
      },
      writeQueues: this.pool,
      readBatch: new ReadBatch(this.reactor, inputBytes + 1),
      input: Buffer.alloc(inputBytes + 1),
      isStopping: false,
      counters: { bytesIn: 0, bytesOut: 0, writeTimeouts: 0, halfCloseTimeouts: 0 },
    };
    if (name === 'simulated, in bad randomFault') this.fake!.chaos = (call) => this.randomFault(call, next);
  }

  /** For scenarios with timeouts: the retry of a failed epoll_ctl takes longer than they do. */
  withoutControlFaults(): this {
    this.failsControl = false;
    return this;
  }

  connect(options: ClientOptions = {}): Client {
    const { fd, peer } = this.fake
      ? this.fake.connected(options.smallBuffers ? 3000 : 65536)
      : overLoopback(options.smallBuffers);
    options.before?.(peer);
    const connection = new Connection(this.context, fd);
    const echo = new Echo(connection, (bytes) => this.file(bytes), options);
    const client = { connection, echo, peer };
    this.clients.push(client);
    this.starting = true;
    connection.start(echo);
    this.starting = false;
    echo.onTurnEnd();
    return client;
  }

  /** Takes turns until the condition holds; the peers read meanwhile. */
  until(condition: () => boolean, limitMs = 5000): void {
    const endMs = this.kernel.monotonicMs() + limitMs;
    for (let turns = 0; !condition(); turns++) {
      if (this.kernel.monotonicMs() > endMs || turns > 100_000) {
        const state = this.clients.map(({ peer, connection }) => [peer.bytes.length, connection.isClosed]);
        throw new Error(`the condition was not met: ${JSON.stringify(state)}`);
      }
      this.reactor.turn(2);
      this.fake?.advance(TURN_MS);
      for (const { peer, echo } of this.clients) {
        echo.onTurnEnd();
        peer.pump(peer.rateBytes);
      }
    }
  }

  /** Takes turns for this time. */
  runFor(milliseconds: number): void {
    const endMs = this.kernel.monotonicMs() + milliseconds;
    this.until(() => this.kernel.monotonicMs() >= endMs, milliseconds + 1000);
  }

  file(bytes: Uint8Array): number {
    if (this.fake) return this.fake.file(bytes);
    const path = join(tmpdir(), `epollet-${process.pid}-world`);
    writeFileSync(path, bytes);
    const fd = openSync(path, 'r');
    rmSync(path);
    return fd;
  }

  /** Closes everything, and checks that each connection was closed once and nothing is left open. */
  end(): void {
    for (const { connection, peer } of this.clients) {
      connection.close();
      peer.close();
    }
    expect(this.clients.map(({ echo }) => echo.closeCalls)).toEqual(this.clients.map(() => 1));
    expect(this.pool.taken).toBe(0);
    expect(this.reactor.stats.registered).toBe(0);
    this.reactor.close();
    if (this.fake === null) return;
    expect(this.fake.open).toEqual([]);
    expect(this.fake.violations).toEqual([]);
  }

  private randomFault(call: Call, next: () => number): Fault {
    switch (call) {
      case 'recv':
      case 'send':
      case 'sendfile':
        if (next() < 0.2) return EAGAIN;
        return next() < 0.3 ? { short: 1 + below(next, 200) } : null;
      case 'epollWait':
        return next() < 0.1 ? 0 : null;
      case 'epollCtl': // a failure at registration throws, which is a scenario of its own
        return this.failsControl && !this.starting && next() < 0.05 ? ENOMEM : null;
      default:
        return null;
    }
  }
}

class CountingPool extends WriteQueuePool {
  taken = 0;

  override take(): WriteQueue {
    this.taken++;
    return super.take();
  }

  override putBack(queue: WriteQueue): void {
    this.taken--;
    super.putBack(queue);
  }
}

const INPUT = Buffer.alloc(65536);

/** A client socket that never blocks. */
export class LoopbackPeer implements Peer {
  rateBytes = Number.POSITIVE_INFINITY;
  ended = false;
  wasReset = false;
  private readonly received: Buffer[] = [];

  constructor(private fd: number) {}

  get bytes(): Buffer {
    if (this.received.length > 1) this.received.push(Buffer.concat(this.received.splice(0)));
    return this.received[0] ?? Buffer.alloc(0);
  }

  send(data: Uint8Array | string): number {
    const bytes = Buffer.from(data as string);
    const sent = realKernel.send(this.fd, bytes, 0, bytes.length, MSG_DONTWAIT);
    if (sent === ECONNRESET || sent === EPIPE) this.wasReset = true;
    return sent;
  }

  pump(maxBytes = Number.POSITIVE_INFINITY): void {
    if (this.fd < 0 || this.ended || maxBytes === 0) return;
    const result = realKernel.recv(this.fd, INPUT, 0, Math.min(maxBytes, INPUT.length), MSG_DONTWAIT);
    if (result > 0) this.received.push(Buffer.from(INPUT.subarray(0, result)));
    else if (result === 0) this.ended = true;
    else if (result === ECONNRESET) this.wasReset = true;
  }

  shutdown(): void {
    realKernel.shutdown(this.fd, SHUT_WR);
  }

  close(): void {
    if (this.fd >= 0) realKernel.close(this.fd);
    this.fd = -1;
  }
}

function overLoopback(smallBuffers = false): { fd: number; peer: LoopbackPeer } {
  const listener = check('socket', realKernel.socket(AF_INET, SOCK_STREAM, 0));
  check('bind', realKernel.bind(listener, '127.0.0.1', 0));
  if (smallBuffers) realKernel.setsockopt(listener, SOL_SOCKET, SO_SNDBUF, 4096);
  check('listen', realKernel.listen(listener, 1));
  const client = check('socket', realKernel.socket(AF_INET, SOCK_STREAM, 0));
  if (smallBuffers) realKernel.setsockopt(client, SOL_SOCKET, SO_RCVBUF, 4096);
  check('connect', realKernel.connect(client, '127.0.0.1', addressOf(realKernel.getsockname(listener)).port));
  const fd = check('accept4', realKernel.accept4(listener, SOCK_NONBLOCK));
  realKernel.close(listener);
  return { fd, peer: new LoopbackPeer(client) };
}
