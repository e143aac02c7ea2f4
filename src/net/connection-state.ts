/** The states of a connection, in the order of its life. It never returns to an earlier one. */
export const State = { open: 0, closingWhenSent: 1, lingeringWhenSent: 2, lingering: 3, closed: 4 } as const;
export type State = (typeof State)[keyof typeof State];

const STATE = 0b111;
const INPUT_ENDED = 1 << 3;
const INPUT_DEFERRED = 1 << 4;
const QUEUED_FOR_READ = 1 << 5;
const RESETS_WHEN_CUT = 1 << 6;
const REGISTERED = 1 << 7;
const EDGE = 1 << 8;
const ARMED = 1 << 9;
const READINESS = 0b1111;
const PAUSED_SHIFT = 10;
const MORE_SHIFT = 14;
const INTEREST_SHIFT = 18;
const DUPLEX = 1 << 22;
const NOT_PLAIN = STATE | INPUT_ENDED | INPUT_DEFERRED | (READINESS << PAUSED_SHIFT) | (READINESS << MORE_SHIFT);

/**
 * What a connection is at: bits of one number instead of fields with eight bytes each, since most connections are idle.
 * Times are kept in whole milliseconds modulo 2^32, which V8 stores without an object: they are right for 24 days.
 */
export abstract class ConnectionState {
  private bits = 0;
  private sinceTime = 0;
  private armedTime = 0;

  /** The reactor's clock. */
  protected abstract readonly nowMs: number;

  protected get state(): State {
    return (this.bits & STATE) as State;
  }

  protected set state(state: State) {
    this.bits = (this.bits & ~STATE) | state;
  }

  /** Whether it is open, with input neither ended, deferred, paused, nor left by this turn: the case of most requests. */
  protected get isPlain(): boolean {
    return (this.bits & NOT_PLAIN) === 0;
  }

  /** The peer has shut down its side. What it requested before is still served. */
  protected get inputEnded(): boolean {
    return (this.bits & INPUT_ENDED) !== 0;
  }

  protected set inputEnded(on: boolean) {
    this.set(INPUT_ENDED, on);
  }

  /** The protocol left unread bytes that it could have used if its budget allowed. */
  protected get inputDeferred(): boolean {
    return (this.bits & INPUT_DEFERRED) !== 0;
  }

  protected set inputDeferred(on: boolean) {
    this.set(INPUT_DEFERRED, on);
  }

  protected get queuedForRead(): boolean {
    return (this.bits & QUEUED_FOR_READ) !== 0;
  }

  protected set queuedForRead(on: boolean) {
    this.set(QUEUED_FOR_READ, on);
  }

  /** Whether a response that is cut off ends with a reset. */
  get resetsWhenCut(): boolean {
    return (this.bits & RESETS_WHEN_CUT) !== 0;
  }

  set resetsWhenCut(on: boolean) {
    this.set(RESETS_WHEN_CUT, on);
  }

  /** Whether it is read while it has something unsent: not for HTTP, whose clients wait for their responses. */
  get isDuplex(): boolean {
    return (this.bits & DUPLEX) !== 0;
  }

  set isDuplex(on: boolean) {
    this.set(DUPLEX, on);
  }

  /** Readiness that came while the protocol wanted no input; 0 while input is not paused. */
  protected get pausedReadiness(): number {
    return (this.bits >> PAUSED_SHIFT) & READINESS;
  }

  protected set pausedReadiness(readiness: number) {
    this.bits = (this.bits & ~(READINESS << PAUSED_SHIFT)) | (readiness << PAUSED_SHIFT);
  }

  /** Readiness that this turn did not use up, and that the kernel may not report again. */
  protected get moreReadiness(): number {
    return (this.bits >> MORE_SHIFT) & READINESS;
  }

  protected set moreReadiness(readiness: number) {
    this.bits = (this.bits & ~(READINESS << MORE_SHIFT)) | (readiness << MORE_SHIFT);
  }

  /** Whether the descriptor is registered with the reactor, with `interest`. */
  protected get isRegistered(): boolean {
    return (this.bits & REGISTERED) !== 0;
  }

  protected set isRegistered(on: boolean) {
    this.set(REGISTERED, on);
  }

  protected get interest(): number {
    return (this.bits >> INTEREST_SHIFT) & READINESS;
  }

  protected set interest(interest: number) {
    this.bits = (this.bits & ~(READINESS << INTEREST_SHIFT)) | (interest << INTEREST_SHIFT);
  }

  /** It has become edge-triggered, whatever the others are. */
  protected get isEdge(): boolean {
    return (this.bits & EDGE) !== 0;
  }

  protected set isEdge(on: boolean) {
    this.set(EDGE, on);
  }

  /** When bytes, or their end, were last received, or bytes sent, or when the write queue became non-empty. */
  protected get sinceMs(): number {
    return this.timeOf(this.sinceTime);
  }

  protected set sinceMs(timeMs: number) {
    this.sinceTime = Math.ceil(timeMs) | 0;
  }

  /** Whether the reactor's deadline is later than this time, or there is none. A later deadline is not passed on to it. */
  protected isArmedAfter(timeMs: number): boolean {
    if (timeMs === Number.POSITIVE_INFINITY) return false;
    return (this.bits & ARMED) === 0 || (((Math.ceil(timeMs) | 0) - this.armedTime) | 0) < 0;
  }

  /** Notes the reactor's deadline; infinite if it has none. */
  protected noteArmed(timeMs: number): void {
    this.set(ARMED, timeMs !== Number.POSITIVE_INFINITY);
    this.armedTime = Math.ceil(timeMs) | 0;
  }

  private timeOf(time: number): number {
    const nowMs = Math.ceil(this.nowMs);
    return nowMs - (((nowMs | 0) - time) | 0);
  }

  private set(bit: number, on: boolean): void {
    this.bits = on ? this.bits | bit : this.bits & ~bit;
  }
}
