import { ExperimentError } from '../base/errors.js';
import { warmUs } from '../bench/agreement.js';
import { cpuBetween, cpuTime } from '../measure/proc-stat.js';
import { EchoLoad, type EchoLoadOptions } from './echo-load.js';

/** The only argument of the program, as JSON. */
export interface EchoLoadSpec extends EchoLoadOptions {
  /** The server, whose CPU time is measured. */
  readonly pid: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
  readonly windows: number;
}

/** One window of the load. */
export interface EchoWindow {
  readonly messages: number;
  readonly seconds: number;
  readonly cpuUs: number;
}

/** Its output, as JSON. */
export type EchoLoadOutput = { readonly windows: readonly EchoWindow[] } | { readonly error: string };

/** A warm-up on a busy machine goes on until V8 has compiled, but not longer than this multiple. */
const MAX_WARM_UP = 8;

function measure({ pid, warmUpSeconds, windowSeconds, windows, ...options }: EchoLoadSpec): EchoWindow[] {
  using load = new EchoLoad(options);
  load.open();
  const start = cpuTime(pid);
  for (let at = 0; at < MAX_WARM_UP && cpuBetween(start, cpuTime(pid)).totalUs < warmUs(1); at++)
    load.run(warmUpSeconds);
  return Array.from({ length: windows }, () => {
    const before = cpuTime(pid);
    const window = load.run(windowSeconds);
    return { ...window, cpuUs: cpuBetween(before, cpuTime(pid)).totalUs };
  });
}

let output: EchoLoadOutput;
try {
  output = { windows: measure(JSON.parse(process.argv[2]!) as EchoLoadSpec) };
} catch (error) {
  if (!(error instanceof ExperimentError)) throw error;
  output = { error: error.message };
}
process.stdout.write(JSON.stringify(output));
