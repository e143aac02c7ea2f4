import type { Lookup } from '../resolve/lookup.js';
import type { Dependencies } from '../watch/dependencies.js';
import type { Dependent } from '../watch/watched-directory.js';
import type { ListingRepresentations } from './content.js';
import type { Steps } from './scan.js';

/** Others wait for a slice at most; one of 1 ms would take twice as long in all, by the turns in between. */
const SLICE_MS = 4;
/** A directory of some hundred names is listed at once, on every machine: it takes 5 ms. */
const AT_ONCE = 1000;

/** What a job makes; -errno if the directory cannot be read. */
export type Listed = ListingRepresentations | number;

/** Makes the listing of a large directory in slices between the turns of the loop. */
export class ListingJob implements Dependent {
  readonly ready: Promise<void>;
  /** Null until it is done. */
  result: Listed | null = null;
  /** The directory has changed meanwhile. */
  isStale = false;
  /** For those requests. */
  next: ListingJob | null = null;
  private steps: Steps<Listed> | null = null;
  private resolve: () => void = () => {};

  /**
   * @param dependencies of the directory; complete once the first step is made
   * @param work begins to read; called when the job starts
   * @param onDone called before the requests that wait
   */
  constructor(
    readonly lookup: Lookup,
    readonly dependencies: Dependencies,
    private readonly work: () => Steps<Listed>,
    private readonly onDone: () => void,
  ) {
    this.ready = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  /** Whether the directory may have changed meanwhile: requests from then on need another job. */
  get mayBeStale(): boolean {
    return this.isStale || !this.dependencies.areWatched;
  }

  onInvalidated(): void {
    this.isStale = true;
  }

  /**
   * Starts, and makes all of a small listing.
   * @param inSlices otherwise of a large one too
   */
  start(inSlices: boolean): void {
    this.steps = this.work();
    let count = 0;
    const startedMs = performance.now();
    for (;;) {
      const step = this.steps.next();
      if (step.done) return this.end(step.value);
      count += step.value;
      if (inSlices && count > AT_ONCE && performance.now() - startedMs > SLICE_MS) break;
    }
    this.dependencies.subscribe(this);
    setImmediate(() => this.goOn());
  }

  /** Ends it without a result: its root may be closed. Requests that wait begin anew. */
  cancel(): void {
    this.dependencies.unsubscribe(this);
    this.steps?.return(0);
    this.steps = null;
    this.resolve();
    this.next?.cancel();
  }

  private goOn(): void {
    const untilMs = performance.now() + SLICE_MS;
    while (this.steps !== null) {
      const step = this.steps.next();
      if (step.done) {
        this.dependencies.unsubscribe(this);
        this.end(step.value);
      } else if (performance.now() > untilMs) {
        setImmediate(() => this.goOn());
        return;
      }
    }
  }

  private end(result: Listed): void {
    this.steps = null;
    this.result = result;
    this.onDone();
    this.resolve();
  }
}
