/** What goes on after a response, and what a server waits for before it is closed: srvx's `waitUntil`. */
export class BackgroundWork {
  private readonly pending = new Set<Promise<unknown>>();

  /** A failure is written to standard error. */
  readonly waitUntil = (promise: Promise<unknown>): void => {
    if (typeof (promise as Partial<Promise<unknown>> | undefined)?.then !== 'function') return;
    const settled = Promise.resolve(promise)
      .catch(console.error)
      .finally(() => this.pending.delete(settled));
    this.pending.add(settled);
  };

  /** Resolves when everything that has been given until now is settled; never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.pending);
  }
}
