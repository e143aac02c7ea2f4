import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { READABLE } from '../../reactor/interest.js';
import type { Reactor } from '../../reactor/reactor.js';
import { constants, kernel } from '../../sys/index.js';
import type { Lateness } from './lateness.js';
import type { Probe } from './ways.js';

/** What takes longer than a timer is done in turn, each once in four of these. */
const STEP_MS = 3;
/** Between two microtasks of a reactor's handler. */
const HANDLER_MS = 10;

/** Where the probes of a thread record, and what they use. */
export interface ProbeOptions {
  readonly lateness: Lateness;
  /** Read again and again. */
  readonly file: string;
  /** The one of this thread; null if there is none. */
  readonly reactor: Reactor | null;
}

/** Runs all probes for ever. Resolves when each of them is set, and the connection of the echo is open. */
export async function startProbes(options: ProbeOptions): Promise<void> {
  const { lateness, reactor } = options;
  for (const ms of [1, 10] as const) {
    startTimeout(lateness, `timeout ${ms} ms`, ms);
    startInterval(lateness, `interval ${ms} ms`, ms);
  }
  if (reactor !== null) startHandler(lateness, reactor);
  const echo = await startEcho(lateness);
  const own = reactor === null ? [() => startMicrotask(lateness)] : [];
  const steps = [echo, startTurn(lateness), startRead(options), ...own];
  let step = 0;
  setInterval(() => steps[step++ % steps.length]!(), STEP_MS);
}

const now = (): number => kernel.monotonicMs();

function startTimeout(lateness: Lateness, probe: Probe, ms: number): void {
  const arm = (): void => {
    lateness.expect(probe, now() + ms);
    setTimeout(run, ms);
  };
  const run = (): void => {
    lateness.record(probe);
    arm();
  };
  arm();
}

function startInterval(lateness: Lateness, probe: Probe, ms: number): void {
  lateness.expect(probe, now() + ms);
  setInterval(() => {
    const nowMs = now();
    lateness.record(probe, nowMs);
    lateness.expect(probe, nowMs + ms);
  }, ms);
}

function startMicrotask(lateness: Lateness): void {
  lateness.expect('microtask', now());
  queueMicrotask(() => lateness.record('microtask'));
}

/** A descriptor that never becomes ready, for its deadline. One microtask at a time: none may run. */
function startHandler(lateness: Lateness, reactor: Reactor): void {
  const fd = kernel.eventfd(0, constants.EFD_NONBLOCK);
  let isQueued = false;
  const onDeadline = (): void => {
    reactor.setDeadline(token, reactor.nowMs + HANDLER_MS);
    if (isQueued) return;
    isQueued = true;
    lateness.expect('microtask', now());
    queueMicrotask(() => {
      isQueued = false;
      lateness.record('microtask');
    });
  };
  const token = reactor.register(fd, { onReady: () => {}, onDeadline }, READABLE);
  reactor.setDeadline(token, reactor.nowMs + HANDLER_MS);
}

/** Between two immediates libuv polls once, and runs what is ready and due. */
function startTurn(lateness: Lateness): () => void {
  let isBusy = false;
  const end = (): void => {
    lateness.record('loop turn');
    isBusy = false;
  };
  return () => {
    if (isBusy) return;
    isBusy = true;
    setImmediate(() => {
      lateness.expect('loop turn', now());
      setImmediate(end);
    });
  };
}

function startRead({ lateness, file }: ProbeOptions): () => void {
  let isBusy = false;
  return async () => {
    if (isBusy) return;
    isBusy = true;
    lateness.expect('read file', now());
    await readFile(file);
    lateness.record('read file');
    isBusy = false;
  };
}

/** A server of libuv and its client, next to the reactor. */
async function startEcho(lateness: Lateness): Promise<() => void> {
  const server = createServer({ noDelay: true }, (socket: Socket) => socket.on('data', (bytes) => socket.write(bytes)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const byte = Buffer.from('.');
  let isBusy = false;
  socket.on('data', () => {
    lateness.record('TCP echo');
    isBusy = false;
  });
  return () => {
    if (isBusy) return;
    isBusy = true;
    lateness.expect('TCP echo', now());
    socket.write(byte);
  };
}
