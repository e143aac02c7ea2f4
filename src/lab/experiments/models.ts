import { Failure } from '../base/errors.js';
import { HEAVY_BYTES, HeldLoad } from '../bench/held-load.js';
import { IdleConnections } from '../bench/idle.js';
import type { ModelProcess } from '../bench/model-process.js';
import { ask, checkAnswers } from '../bench/smoke-check.js';
import { modelNamed, type Workbench } from '../bench/workbench.js';
import type { Load, LoadOrder } from '../load/load.js';
import { settledBytes } from '../measure/memory.js';
import { type Memory, type ModelNotes, type ModelRound, notesOn, systemCallsOf } from './models-result.js';

/** Who has not answered by then is taken for silenced by the idle connections. */
const SILENCE_MS = 1000;
/** A process has to start first. */
const HEAVY_SILENCE_MS = 8000;
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
): Promise<{ notes: ModelNotes[]; complete: boolean }> {
  const all = new Map(bench.settings.models.map((name) => [name, notesOn(name, modelNamed(name).waits)]));
  const complete = await bench.rounds(orders, all.size, async (name, round) => {
    bench.progress.say(`round ${round + 1} of ${orders.length}: ${name}`);
    await measureOne(bench, all.get(name)!, round);
    bench.progress.step();
  });
  return { notes: [...all.values()], complete };
}

/** A model that fails is left out from then on; the others go on. */
async function measureOne(bench: Workbench, notes: ModelNotes, round: number): Promise<void> {
  if (notes.failure !== null) return;
  if (bench.timeIsUp) {
    notes.failure = `The time of ${bench.settings.budgetSeconds} s was over before its turn in round ${round + 1}.`;
    return;
  }
  try {
    const words = bench.launch.model(notes.model, bench.site.folder);
    const memory = await bench.during(words, (model) => measureMemory(bench, notes, model));
    const loads = await bench.during(words, (model) => measureLoads(bench, notes, model, { round, memory }));
    notes.rounds.push({ ...loads, ...memory });
    if (round === 0 && notes.model === 'epollet') await orNote(bench, countOwnCalls(bench, notes));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    notes.failure = error.message;
  }
}

async function measureLoads(
  bench: Workbench,
  notes: ModelNotes,
  model: ModelProcess,
  { round, memory }: { round: number; memory: Memory },
): Promise<Omit<ModelRound, keyof Memory>> {
  const { settings, instruments } = bench;
  const close = settings.close || !notes.keepsConnections;
  const held = HeldLoad.forHeavy(instruments, model.pid, memory, close);
  const connections = held === null ? settings.connections : Math.min(settings.connections, settings.heavy);
  if (connections < settings.connections)
    bench.note(`${notes.model} was measured with ${connections} connections, for each takes a process or a thread.`);
  const order: LoadOrder = { url: model.url, connections, seconds: settings.seconds, close };
  const paced = { ...order, rate: settings.rate };
  const counted = { ...order, seconds: Math.min(settings.seconds, COUNTED_SECONDS_MAX) };
  if (held === null) await instruments.busy({ ...order, seconds: settings.warmUpSeconds });
  const load = await (held?.costed(order) ?? instruments.costed(order, model.pid));
  if (load.requests === 0) throw new Failure('It answered no request under load.');
  const atRate = await (held?.paced(paced) ?? instruments.paced(paced));
  if (round === 0 && instruments.tools.has('strace')) {
    const counting = held?.callsPerRequest(counted) ?? instruments.callsPerRequest(counted, model);
    const calls = await orNote(bench, counting);
    notes.systemCalls = calls === null ? null : systemCallsOf(calls);
  }
  return {
    requestsPerSecond: load.perSecond,
    cpuUs: load.cpu.totalUs / load.requests,
    userUs: load.cpu.userUs / load.requests,
    systemUs: load.cpu.systemUs / load.requests,
    latencyMs: atRate?.latency ?? null,
    pacedPerSecond: atRate?.perSecond ?? null,
    errors: load.errors + (atRate?.errors ?? 0),
  };
}

/** A process of its own: after a load, threads and buffers are there that an idle connection would have asked for. */
async function measureMemory(bench: Workbench, notes: ModelNotes, model: ModelProcess): Promise<Memory> {
  const check = await checkAnswers(model.url, bench.site.page, { fixedPage: notes.model === 'fixed-page' });
  notes.keepsConnections = check.keeps;
  notes.same = check.same;
  const restBytes = await settledBytes(model.pid, bench.signal);
  let perConnectionBytes: number | null = null;
  using connections = new IdleConnections(model.port);
  for (const idle of idleSteps(bench.settings.idle, modelNamed(notes.model).oneAtATime ?? false)) {
    const all = await connections.grow(idle, bench.signal);
    let bytes = (await settledBytes(model.pid, bench.signal)) - restBytes;
    const heavy = bytes / idle > HEAVY_BYTES;
    // On one core they start one after the other, and between two of them nothing seems to grow.
    if (heavy) bytes = (await settledBytes(model.pid, bench.signal, HEAVY_STEPS)) - restBytes;
    const patienceMs = heavy ? HEAVY_SILENCE_MS : SILENCE_MS;
    const answers = await ask(model.url, '/', { patienceMs }).then(
      () => true,
      () => false,
    );
    if (!answers) {
      notes.silencedBy = idle;
      break;
    }
    if (all && connections.open === idle) perConnectionBytes = bytes / idle;
    if (heavy) break;
  }
  return { restBytes, perConnectionBytes };
}

/** One is enough for a model that one can silence. */
const idleSteps = (idle: number, oneAtATime: boolean): number[] =>
  oneAtATime ? [1] : idle > FEW_IDLE ? [FEW_IDLE, idle] : [idle];

/** The same load on a server of the same kind that tells what it has counted. */
async function countOwnCalls(bench: Workbench, notes: ModelNotes): Promise<void> {
  const { connections, seconds, close } = bench.settings;
  await bench.during(bench.launch.counted(bench.site.folder), async ({ url }) => {
    const before = await countersOf(url);
    const load: Load = await bench.instruments.busy({
      url,
      connections,
      seconds: Math.min(seconds, COUNTED_SECONDS_MAX),
      close,
    });
    const after = await countersOf(url);
    if (load.requests === 0) return;
    notes.ownCalls = systemCallsOf(
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
  const { status, body } = await ask(url, '/stats');
  if (status !== 200) throw new Failure(`Its counters were answered ${status}, not 200.`);
  return JSON.parse(body.toString()) as Counters;
}

/** A count that cannot be made is no reason to lose the rest. */
async function orNote<Value>(bench: Workbench, work: Promise<Value>): Promise<Value | null> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    bench.note(error.message);
    return null;
  }
}
