/** The time that a program has given a request, in place of the limits of the server. */
export class RequestTime {
  /**
   * @param setMs when it was given, on the reactor's clock
   * @param ms without progress; 0 is without limit
   */
  constructor(
    private readonly setMs: number,
    private readonly ms: number,
  ) {}

  /** @param sinceMs when bytes were last received or sent */
  dueMs(sinceMs: number): number {
    return this.ms === 0 ? Number.POSITIVE_INFINITY : Math.max(this.setMs, sinceMs) + this.ms;
  }
}
