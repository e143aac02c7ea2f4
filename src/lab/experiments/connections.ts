import { ExperimentError } from '../base/errors.js';
import { IdleConnections } from '../bench/idle-connections.js';
import type { ModelProcess } from '../bench/model-process.js';
import { PreconnectedLoad } from '../bench/preconnected-load.js';
import { get, smokeCheck } from '../bench/smoke-check.js';
import { modelNamed, type Workbench } from '../bench/workbench.js';
import type { LoadSpec } from '../load/load.js';
import { openFilesLimit } from '../measure/machine.js';
import { assertMemoryFor, stableRss } from '../measure/memory.js';
import { residentBytes } from '../measure/proc-stat.js';
import type { ConnectionsPartial } from './connections-result.js';

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
): Promise<{ notes: ConnectionsPartial[]; complete: boolean }> {
  const most = boundedMaxIdle(bench);
  const steps = stepsUpTo(most);
  const all = new Map(
    bench.settings.models.map((model): [string, ConnectionsPartial] => [
      model,
      { model, waits: modelNamed(model).waits, rounds: new Map(), failedAt: null, failure: null },
    ]),
  );
  const complete = await bench.rounds(orders, all.size * steps.length, (name, round) =>
    measureOne(bench, all.get(name)!, steps, `round ${round + 1}: ${name}`),
  );
  return { notes: [...all.values()], complete };
}

function boundedMaxIdle(bench: Workbench): number {
  const { maxIdle } = bench.settings;
  const bound = Math.max(1, openFilesLimit() - SPARE_FILES);
  if (bound < maxIdle) bench.note(`Only ${bound} connections were opened: ulimit -n is ${openFilesLimit()}.`);
  return Math.min(maxIdle, bound);
}

async function measureOne(bench: Workbench, notes: ConnectionsPartial, steps: number[], label: string): Promise<void> {
  let at = 0;
  if (bench.isOverBudget) {
    notes.failure = `The time of ${bench.settings.budgetSeconds} s was over before its turn.`;
    return;
  }
  try {
    await bench.withServer(bench.launch.model(notes.model, bench.site.directory), async (model) => {
      const { keepAlive } = await smokeCheck(model.url, bench.site.page, { fixedPage: notes.model === 'fixed-page' });
      const order: LoadSpec = {
        url: model.url,
        connections: BUSY,
        seconds: bench.settings.seconds,
        close: bench.settings.close || !keepAlive,
      };
      const restBytes = await stableRss(model.pid, bench.signal);
      using idle = new IdleConnections(model.port);
      for (; at < steps.length; at++) {
        bench.progress.label(`${label}, ${steps[at]} idle`);
        await measureStep(bench, notes, model, idle, steps[at]!, order, restBytes);
        bench.progress.step();
      }
    });
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    notes.failedAt ??= { idle: steps[Math.min(at, steps.length - 1)]!, reason: error.message };
    for (; at < steps.length; at++) bench.progress.step();
  }
}

async function measureStep(
  bench: Workbench,
  notes: ConnectionsPartial,
  model: ModelProcess,
  idle: IdleConnections,
  count: number,
  order: LoadSpec,
  restBytes: number,
): Promise<void> {
  const { instruments, settings } = bench;
  const eachBytes = idle.open === 0 ? 0 : (residentBytes(model.pid) - restBytes) / idle.open;
  assertMemoryFor(Math.min(count - idle.open, POOL_MOST), eachBytes);
  if (!(await idle.growTo(count, bench.signal))) throw new ExperimentError(`With ${idle.open} open, ${idle.failure}.`);
  const rss = await stableRss(model.pid, bench.signal);
  await get(model.url, '/').catch((error: Error) => {
    throw new ExperimentError(
      `With ${count === 1 ? 'one silent connection' : `${count} silent connections`} open it answers nobody: ${error.message}`,
    );
  });
  const memory = { baselineBytes: rss, perConnectionBytes: (rss - restBytes) / count };
  const held = PreconnectedLoad.forHeavy(instruments, model.pid, memory, order.close);
  if (held === null) await instruments.closedLoop({ ...order, seconds: settings.warmUpSeconds });
  const load = await (held?.withCpu(order) ?? instruments.withCpu(order, model.pid));
  if (load.requests === 0) throw new ExperimentError('It answered no request under load.');
  const atRate = { ...order, rate: settings.rate };
  const paced = await (held?.fixedRate(atRate) ?? instruments.fixedRate(atRate));
  const rounds = notes.rounds.get(count) ?? [];
  rounds.push({
    requestsPerSecond: load.perSecond,
    cpuUs: load.cpu.totalUs / load.requests,
    p99Ms: paced?.latency?.p99 ?? null,
    residentBytes: rss,
    stillOpen: idle.open,
  });
  notes.rounds.set(count, rounds);
}
