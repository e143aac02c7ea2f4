import { assert } from '../sys/assert.js';
import { argumentRangeError, argumentTypeError, shown, withCode } from '../sys/error-code.js';
import { ANY_INTEREST, ANY_READINESS, type Interest, PRIORITY, TRIGGERS } from './interest.js';
import type { ReactorOptions, RegisterOptions } from './options.js';
import type { Handler, Token } from './registry.js';

/** epoll_wait(2) takes a C int of milliseconds: 24 days and 20 hours. */
const LAST_TIMEOUT_MS = 0x7fffffff;
const LAST_MAX_EVENTS = 65_536;

const REACTOR_OPTIONS: Record<keyof ReactorOptions, true> = { kernel: true, maxEvents: true };
const REGISTER_OPTIONS: Record<keyof RegisterOptions, true> = { trigger: true, exclusive: true, first: true };

export const closedError = (name: string): Error =>
  withCode('ERR_EPOLLET_CLOSED', new Error(`This ${name} is closed.`));

/** By shape: a program may have loaded the package twice. */
export function assertReactor(reactor: { fd: number; turn: unknown; register: unknown }): void {
  if (typeof reactor?.turn !== 'function' || typeof reactor.register !== 'function')
    throw argumentTypeError(`reactor must be a Reactor, not ${shown(reactor)}`);
  if (reactor.fd < 0) throw closedError('Reactor');
}

/** A reactor has one driver at a time. */
export function assertNoDriver(reactor: { driver: object | null }): void {
  assert(reactor.driver === null, 'this reactor has a driver already: stop that one before making another');
}

export function assertReactorOptions(options: ReactorOptions): void {
  assertOptions(options, REACTOR_OPTIONS);
  const { kernel, maxEvents } = options;
  if (kernel !== undefined && typeof kernel?.epollCreate1 !== 'function')
    throw argumentTypeError(
      `kernel must have the system calls as functions, as the kernel of epollet/sys, not ${shown(kernel)}`,
    );
  if (maxEvents === undefined) return;
  if (!Number.isInteger(maxEvents) || maxEvents < 1 || maxEvents > LAST_MAX_EVENTS)
    throw argumentRangeError(`maxEvents must be an integer from 1 to ${LAST_MAX_EVENTS}, not ${shown(maxEvents)}`);
}

export function assertRegisterOptions(options: RegisterOptions): void {
  assertOptions(options, REGISTER_OPTIONS);
  const { trigger, exclusive, first } = options;
  if (trigger !== undefined && !TRIGGERS.includes(trigger))
    throw argumentTypeError(`trigger must be 'level', 'edge' or 'oneshot', not ${shown(trigger)}`);
  if (exclusive !== undefined) assertBoolean('exclusive', exclusive);
  if (first !== undefined) assertBoolean('first', first);
  if (exclusive && trigger === 'oneshot')
    throw argumentTypeError('exclusive cannot be combined with oneshot, epoll_ctl(2): use level or edge');
}

export function assertHandler(handler: Handler): void {
  if (typeof handler?.onReady !== 'function')
    throw argumentTypeError(`handler must be an object with a function onReady, not ${shown(handler)}`);
  if (handler.onDeadline != null && typeof handler.onDeadline !== 'function')
    throw argumentTypeError(`onDeadline of a handler must be a function, not ${shown(handler.onDeadline)}`);
}

/** @param exclusive whether the descriptor is registered with EPOLLEXCLUSIVE */
export function assertInterest(interest: Interest, exclusive: boolean): void {
  assertBits('interest', interest, ANY_INTEREST, 'NOTHING, READABLE, WRITABLE, PRIORITY or several of the last three');
  if (exclusive && interest & PRIORITY)
    throw argumentTypeError('exclusive cannot be combined with PRIORITY, epoll_ctl(2)');
}

export function assertReadiness(readiness: number): void {
  assertBits('readiness', readiness, ANY_READINESS, 'READABLE, WRITABLE, ENDED, PRIORITY or several of them');
}

export function assertToken(token: Token): void {
  if (!Number.isSafeInteger(token) || token < 0)
    throw argumentTypeError(`token must be a number that register has returned, not ${shown(token)}`);
}

/** For a token that the reactor does not find. After `close`, there is nothing to remove. */
export function rejectToken({ fd }: { readonly fd: number }, token: Token, call: string): void {
  if (fd < 0 && (call === 'unregister' || call === 'forget')) return;
  if (fd < 0) throw closedError('Reactor');
  assertToken(token);
  assert(false, `${call}: this token was unregistered before, or is one of another reactor`);
}

/** Rejects a handler without onBatchEnd. */
export function rejectBatchEndHandler(handler: unknown): never {
  throw argumentTypeError(`handler must be an object with a function onBatchEnd, not ${shown(handler)}`);
}

/** Rejects a deadline that is not a number, or NaN. */
export function rejectDeadline(dueMs: unknown): never {
  throw argumentTypeError(`dueMs must be a time on the clock of nowMs, or NEVER, not ${shown(dueMs)}`);
}

export function assertTimeout(timeoutMs: number): void {
  if (typeof timeoutMs !== 'number') throw argumentTypeError(`timeoutMs must be a number, not ${shown(timeoutMs)}`);
  if (timeoutMs !== -1 && !(timeoutMs >= 0 && timeoutMs <= LAST_TIMEOUT_MS))
    throw argumentRangeError(`timeoutMs must be -1 (no limit) or from 0 to ${LAST_TIMEOUT_MS}, not ${timeoutMs}`);
}

export function assertFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw argumentTypeError(`${name} must be a function, not ${shown(value)}`);
}

function assertBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw argumentTypeError(`${name} must be true or false, not ${shown(value)}`);
}

function assertBits(name: string, bits: number, all: number, meaning: string): void {
  if (!Number.isInteger(bits)) throw argumentTypeError(`${name} must be ${meaning}, not ${shown(bits)}`);
  if ((bits & all) !== bits) throw argumentRangeError(`${name} must be ${meaning}, not ${bits}`);
}

function assertOptions(options: object, known: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null)
    throw argumentTypeError(`options must be an object, not ${shown(options)}`);
  for (const name in options) {
    if (known[name] === true) continue;
    throw argumentTypeError(`${shown(name)} is not an option; the options are ${Object.keys(known).join(', ')}`);
  }
}
