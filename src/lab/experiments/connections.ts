import { Failure } from '../base/errors.js';
import { HeldLoad } from '../bench/held-load.js';
import { IdleConnections } from '../bench/idle.js';
import type { ModelProcess } from '../bench/model-process.js';
import { ask, checkAnswers } from '../bench/smoke-check.js';
import { modelNamed, type Workbench } from '../bench/workbench.js';
import type { LoadOrder } from '../load/load.js';
import { openFilesLimit } from '../measure/machine.js';
import { assertRoomFor, settledBytes } from '../measure/memory.js';
import { residentBytesOf } from '../measure/proc-stat.js';
import type { ConnectionsNotes } from './connections-result.js';

/** The few that are busy among the many that are not. */
export const BUSY = 8;
/** Descriptors that the lab and a model have open besides connections, and threads for some. */
const SPARE_FILES = 400;
/** No model here starts more processes or threads than that; connections beyond wait. */
const POOL_MOST = 128;

/** Powers of ten up to the most, and the most. */
export function stepsUpTo(most: number): number[] {
  const steps: number[] = [];
  for (let idle = 1; idle < most; idle *= 10) steps.push(idle);
  return [...steps, most];
}

/** Opens more and more idle connections to each model. Returns what there is when it is interrupted. */
export async function measureConnections(
  bench: Workbench,
  orders: readonly (readonly string[])[],
): Promise<{ notes: ConnectionsNotes[]; complete: boolean }> {
  const most = boundedMost(bench);
  const steps = stepsUpTo(most);
  const all = new Map(
    bench.settings.models.map((model): [string, ConnectionsNotes] => [
      model,
      { model, waits: modelNamed(model).waits, rounds: new Map(), stops: null, failure: null },
    ]),
  );
  const complete = await bench.rounds(orders, all.size * steps.length, (name, round) =>
    measureOne(bench, all.get(name)!, steps, `round ${round + 1}: ${name}`),
  );
  return { notes: [...all.values()], complete };
}

function boundedMost(bench: Workbench): number {
  const { most } = bench.settings;
  const bound = Math.max(1, openFilesLimit() - SPARE_FILES);
  if (bound < most) bench.note(`Only ${bound} connections were opened: ulimit -n is ${openFilesLimit()}.`);
  return Math.min(most, bound);
}

async function measureOne(bench: Workbench, notes: ConnectionsNotes, steps: number[], label: string): Promise<void> {
  let at = 0;
  if (bench.timeIsUp) {
    notes.failure = `The time of ${bench.settings.budgetSeconds} s was over before its turn.`;
    return;
  }
  try {
    await bench.during(bench.launch.model(notes.model, bench.site.folder), async (model) => {
      const { keeps } = await checkAnswers(model.url, bench.site.page, { fixedPage: notes.model === 'fixed-page' });
      const order: LoadOrder = {
        url: model.url,
        connections: BUSY,
        seconds: bench.settings.seconds,
        close: bench.settings.close || !keeps,
      };
      const restBytes = await settledBytes(model.pid, bench.signal);
      using idle = new IdleConnections(model.port);
      for (; at < steps.length; at++) {
        bench.progress.say(`${label}, ${steps[at]} idle`);
        await measureStep(bench, notes, model, idle, steps[at]!, order, restBytes);
        bench.progress.step();
      }
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    notes.stops ??= { idle: steps[Math.min(at, steps.length - 1)]!, why: error.message };
    for (; at < steps.length; at++) bench.progress.step();
  }
}

async function measureStep(
  bench: Workbench,
  notes: ConnectionsNotes,
  model: ModelProcess,
  idle: IdleConnections,
  count: number,
  order: LoadOrder,
  restBytes: number,
): Promise<void> {
  const { instruments, settings } = bench;
  const eachBytes = idle.open === 0 ? 0 : (residentBytesOf(model.pid) - restBytes) / idle.open;
  assertRoomFor(Math.min(count - idle.open, POOL_MOST), eachBytes);
  if (!(await idle.grow(count, bench.signal))) throw new Failure(`With ${idle.open} open, ${idle.refusal}.`);
  const residentBytes = await settledBytes(model.pid, bench.signal);
  await ask(model.url, '/').catch((error: Error) => {
    throw new Failure(
      `With ${count === 1 ? 'one silent connection' : `${count} silent connections`} open it answers nobody: ${error.message}`,
    );
  });
  const memory = { restBytes: residentBytes, perConnectionBytes: (residentBytes - restBytes) / count };
  const held = HeldLoad.forHeavy(instruments, model.pid, memory, order.close);
  if (held === null) await instruments.busy({ ...order, seconds: settings.warmUpSeconds });
  const load = await (held?.costed(order) ?? instruments.costed(order, model.pid));
  if (load.requests === 0) throw new Failure('It answered no request under load.');
  const atRate = { ...order, rate: settings.rate };
  const paced = await (held?.paced(atRate) ?? instruments.paced(atRate));
  const rounds = notes.rounds.get(count) ?? [];
  rounds.push({
    requestsPerSecond: load.perSecond,
    cpuUs: load.cpu.totalUs / load.requests,
    p99Ms: paced?.latency?.p99 ?? null,
    residentBytes,
    stillOpen: idle.open,
  });
  notes.rounds.set(count, rounds);
}
