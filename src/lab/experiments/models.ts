import { ExperimentError } from '../base/errors.js';
import { IdleConnections } from '../bench/idle-connections.js';
import type { ModelProcess } from '../bench/model-process.js';
import { HEAVY_BYTES, PreconnectedLoad } from '../bench/preconnected-load.js';
import { get, smokeCheck } from '../bench/smoke-check.js';
import { modelNamed, type Workbench } from '../bench/workbench.js';
import type { LoadResult, LoadSpec } from '../load/load.js';
import { type Memory, stableRss } from '../measure/memory.js';
import { emptyPartial, type ModelPartial, type ModelRound, summarizeCalls } from './models-result.js';

/** Who has not answered by then is taken for silenced by the idle connections. */
const STARVED_MS = 1000;
/** A process has to start first. */
const HEAVY_STARVED_MS = 8000;
/** Processes and threads have started when nothing has grown for so many looks. */
const HEAVY_STEPS = 5;
/** Enough to see that a connection is heavy; of those no more are opened than that. */
const FEW_IDLE = 10;
/** strace slows what it watches, and counts are the same after a few thousand requests. */
const COUNTED_SECONDS_MAX = 1;

/** Measures each model in each round. Returns what there is when it is interrupted. */
export async function measureModels(
  bench: Workbench,
  orders: readonly (readonly string[])[],
): Promise<{ notes: ModelPartial[]; complete: boolean }> {
  const all = new Map(bench.settings.models.map((name) => [name, emptyPartial(name, modelNamed(name).waits)]));
  const complete = await bench.rounds(orders, all.size, async (name, round) => {
    bench.progress.label(`round ${round + 1} of ${orders.length}: ${name}`);
    await measureOne(bench, all.get(name)!, round);
    bench.progress.step();
  });
  return { notes: [...all.values()], complete };
}

/** A model that fails is left out from then on; the others go on. */
async function measureOne(bench: Workbench, notes: ModelPartial, round: number): Promise<void> {
  if (notes.failure !== null) return;
  if (bench.isOverBudget) {
    notes.failure = `The time of ${bench.settings.budgetSeconds} s was over before its turn in round ${round + 1}.`;
    return;
  }
  try {
    const words = bench.launch.model(notes.model, bench.site.directory);
    const memory = await bench.withServer(words, (model) => measureMemory(bench, notes, model));
    const loads = await bench.withServer(words, (model) => measureLoads(bench, notes, model, { round, memory }));
    notes.rounds.push({ ...loads, ...memory });
    if (round === 0 && notes.model === 'epollet') await noteFailure(bench, countOwnCalls(bench, notes));
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    notes.failure = error.message;
  }
}

async function measureLoads(
  bench: Workbench,
  notes: ModelPartial,
  model: ModelProcess,
  { round, memory }: { round: number; memory: Memory },
): Promise<Omit<ModelRound, keyof Memory>> {
  const { settings, instruments } = bench;
  const close = settings.close || !notes.keepsAlive;
  const held = PreconnectedLoad.forHeavy(instruments, model.pid, memory, close);
  const connections = held === null ? settings.connections : Math.min(settings.connections, settings.maxHeavy);
  if (connections < settings.connections)
    bench.note(`${notes.model} was measured with ${connections} connections, for each takes a process or a thread.`);
  const order: LoadSpec = { url: model.url, connections, seconds: settings.seconds, close };
  const paced = { ...order, rate: settings.rate };
  const counted = { ...order, seconds: Math.min(settings.seconds, COUNTED_SECONDS_MAX) };
  if (held === null) await instruments.closedLoop({ ...order, seconds: settings.warmUpSeconds });
  const load = await (held?.withCpu(order) ?? instruments.withCpu(order, model.pid));
  if (load.requests === 0) throw new ExperimentError('It answered no request under load.');
  const atRate = await (held?.fixedRate(paced) ?? instruments.fixedRate(paced));
  if (round === 0 && instruments.tools.has('strace')) {
    const counting = held?.systemCallsPerRequest(counted) ?? instruments.systemCallsPerRequest(counted, model);
    const calls = await noteFailure(bench, counting);
    notes.systemCalls = calls === null ? null : summarizeCalls(calls);
  }
  return {
    requestsPerSecond: load.perSecond,
    cpuUs: load.cpu.totalUs / load.requests,
    userUs: load.cpu.userUs / load.requests,
    systemUs: load.cpu.systemUs / load.requests,
    latencyMs: atRate?.latency ?? null,
    achievedPerSecond: atRate?.perSecond ?? null,
    errors: load.errors + (atRate?.errors ?? 0),
  };
}

/** A process of its own: after a load, threads and buffers are there that an idle connection would have asked for. */
async function measureMemory(bench: Workbench, notes: ModelPartial, model: ModelProcess): Promise<Memory> {
  const check = await smokeCheck(model.url, bench.site.page, { fixedPage: notes.model === 'fixed-page' });
  notes.keepsAlive = check.keepAlive;
  notes.responseShape = check.responseShape;
  const baselineBytes = await stableRss(model.pid, bench.signal);
  let perConnectionBytes: number | null = null;
  using connections = new IdleConnections(model.port);
  for (const idle of idleSteps(bench.settings.idle, modelNamed(notes.model).oneAtATime ?? false)) {
    const all = await connections.growTo(idle, bench.signal);
    let bytes = (await stableRss(model.pid, bench.signal)) - baselineBytes;
    const heavy = bytes / idle > HEAVY_BYTES;
    // On one core they start one after the other, and between two of them nothing seems to grow.
    if (heavy) bytes = (await stableRss(model.pid, bench.signal, HEAVY_STEPS)) - baselineBytes;
    const patienceMs = heavy ? HEAVY_STARVED_MS : STARVED_MS;
    const answers = await get(model.url, '/', { patienceMs }).then(
      () => true,
      () => false,
    );
    if (!answers) {
      notes.starvedBy = idle;
      break;
    }
    if (all && connections.open === idle) perConnectionBytes = bytes / idle;
    if (heavy) break;
  }
  return { baselineBytes, perConnectionBytes };
}

/** One is enough for a model that one can silence. */
const idleSteps = (idle: number, oneAtATime: boolean): number[] =>
  oneAtATime ? [1] : idle > FEW_IDLE ? [FEW_IDLE, idle] : [idle];

/** The same load on a server of the same kind that tells what it has counted. */
async function countOwnCalls(bench: Workbench, notes: ModelPartial): Promise<void> {
  const { connections, seconds, close } = bench.settings;
  await bench.withServer(bench.launch.countingServer(bench.site.directory), async ({ url }) => {
    const before = await countersOf(url);
    const load: LoadResult = await bench.instruments.closedLoop({
      url,
      connections,
      seconds: Math.min(seconds, COUNTED_SECONDS_MAX),
      close,
    });
    const after = await countersOf(url);
    if (load.requests === 0) return;
    notes.ownCalls = summarizeCalls(
      Object.fromEntries(
        Object.entries(after.systemCalls).map(([name, count]) => [
          name,
          (count - (before.systemCalls[name] ?? 0)) / (after.requests - before.requests),
        ]),
      ),
    );
  });
}

interface Counters {
  requests: number;
  systemCalls: Record<string, number>;
}

async function countersOf(url: URL): Promise<Counters> {
  const { status, body } = await get(url, '/stats');
  if (status !== 200) throw new ExperimentError(`Its counters were answered ${status}, not 200.`);
  return JSON.parse(body.toString()) as Counters;
}

/** A count that cannot be made is no reason to lose the rest. */
async function noteFailure<Value>(bench: Workbench, work: Promise<Value>): Promise<Value | null> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    bench.note(error.message);
    return null;
  }
}
