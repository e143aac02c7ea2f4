/** The time for which a server that stops serves on, so that load balancers notice. */
export class StopDelay {
  private end: (() => void) | null = null;

  /** Resolves after this time, or at `cut`. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  cut(): void {
    this.end?.();
  }
}
