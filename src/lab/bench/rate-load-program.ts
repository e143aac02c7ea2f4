import { readSync } from 'node:fs';
import { ExperimentError } from '../base/errors.js';
import { OpenLoop } from '../load/open-loop.js';
import { measureRates, OPEN, type RateLoadLine, type RateLoadSpec } from './rate-load.js';

/** A program: generates the load of its argument, and prints a line of JSON for each rate. */
const print = (line: RateLoadLine): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

const spec: RateLoadSpec = JSON.parse(process.argv[2]!);
try {
  using loop = new OpenLoop(spec);
  measureRates(
    loop,
    spec,
    (load) => print({ load }),
    () => {
      if (!spec.hold) return;
      print(OPEN);
      readSync(0, Buffer.alloc(1)); // until its end
    },
  );
} catch (error) {
  if (!(error instanceof ExperimentError)) throw error;
  print({ error: error.message });
}
