import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ModelProcess } from '../../src/lab/bench/model-process.js';
import { SampleSite } from '../../src/lab/bench/sample-site.js';
import { get } from '../../src/lab/bench/smoke-check.js';
import type { DriverSpec, DriverState, DriverWindow } from '../../src/lab/drivers/driver-program.js';
import { PROBE_NAMES, WAY_NAMES } from '../../src/lab/drivers/ways.js';
import { MAIN } from '../support/command.js';

const PROGRAM = MAIN.replace('epollet.cjs', 'lab/drivers/driver-program.js');
const REQUESTS = 5;
const STEP_MS = 20;

test.concurrent.each(WAY_NAMES)(
  '%s: the server responds, and Node runs unless it is blocked',
  { timeout: 30_000 },
  async (way) => {
    using site = new SampleSite();
    const spec: DriverSpec = { way, root: site.directory, hasProbes: true };
    const args = [process.execPath, PROGRAM, JSON.stringify(spec)];
    const program = await ModelProcess.start(args, undefined, new AbortController().signal);
    try {
      const ask = async (path: string): Promise<unknown> => {
        const { body } = await get(program.url, path, { timeoutMs: 20_000 });
        return JSON.parse(body.toString());
      };
      const { port } = (await ask('/')) as DriverState;
      await ask('/begin');
      for (let at = 0; way !== 'Node alone' && at < REQUESTS; at++) {
        const { status, body } = await get(new URL(`http://127.0.0.1:${port}/`), '/');
        expect([status, body.equals(site.page)]).toEqual([200, true]);
      }
      const ran = ({ threads }: DriverWindow): Record<string, string[]> =>
        Object.fromEntries(
          threads.map(({ thread, probes }) => [
            thread,
            PROBE_NAMES.filter((probe) => probes[probe].distribution.length > 0),
          ]),
        );
      let window: DriverWindow;
      do {
        await setTimeout(STEP_MS);
        window = (await ask('/end')) as DriverWindow;
      } while (way !== 'blocking' && ran(window)['main']!.length < PROBE_NAMES.length);
      expect(ran(window)).toEqual({
        main: way === 'blocking' ? [] : PROBE_NAMES,
        ...(way === 'worker' ? { worker: [] } : {}),
      });
      expect(window.seconds).toBeGreaterThan(STEP_MS / 1000);
      const blocked = window.threads.find(({ thread }) => thread === (way === 'blocking' ? 'main' : 'worker'));
      if (blocked) expect(blocked.probes['timeout 1 ms'].overdueMs).toBeGreaterThan(STEP_MS);
    } finally {
      expect(await program.stop()).toBe(true);
    }
  },
);
