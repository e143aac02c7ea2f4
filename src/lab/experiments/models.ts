import { ExperimentError } from '../base/errors.js';
import { modelOf } from '../base/noise.js';
import { unsteadyReason } from '../bench/agreement.js';
import { IdleConnections } from '../bench/idle-connections.js';
import type { ModelProcess } from '../bench/model-process.js';
import { CLOSED_LOOP } from '../bench/rate-load.js';
import { get, smokeCheck } from '../bench/smoke-check.js';
import { recordTranscript } from '../bench/transcript-recorder.js';
import { assertAvailable, HTTP_MODELS, modelNamed, type Workbench } from '../bench/workbench.js';
import { assertMemoryFor, isHeavy, type Memory, stableRss } from '../measure/memory.js';
import type { Experiment, Measured } from './experiment.js';
import { modelsFigures, modelsSummary } from './models-figures.js';
import {
  emptyPartial,
  type ModelPartial,
  type ModelRound,
  type ModelsResult,
  modelResult,
  repeatedIn,
  summarizeCalls,
} from './models-result.js';
import { rateRound } from './rates-result.js';

/** A model that does not respond within this time is starved by the idle connections. */
const STARVED_MS = 1000;
/** The same if a process must start first. */
const HEAVY_STARVED_MS = 8000;
/** Processes and threads have started after this many stable samples of memory. */
const HEAVY_STEPS = 5;
/** Enough to detect a model with heavy connections, which gets no more than these. */
const FEW_IDLE = 10;
const NO_MEMORY = { baselineBytes: null, perConnectionBytes: null };
/** Enough to count the calls of a request; strace must stop every thread of every process. */
const TRACED_HEAVY = 4;
/** strace slows down the model, and the counts converge after some thousand requests. */
const MAX_COUNTED_SECONDS = 1;

export const models: Experiment<ModelsResult> = {
  question: 'What does a request cost in each model, and how long does it take?',
  models: HTTP_MODELS.map(({ name }) => name),
  defaults: {},
  unused: ['maxIdle', 'rates'],
  async measure(bench, orders) {
    const { result, complete } = await measurePartials(bench, orders);
    return { result: resultsOf(bench, result), complete };
  },
  hasData: ({ results }) => results.some(({ rounds }) => rounds.length > 0),
  figures: (result, settings) => modelsFigures(result, settings),
  summary: (result) => modelsSummary(result),
};

export function resultsOf(bench: Workbench, partials: readonly ModelPartial[]): ModelsResult {
  const results = partials.map(modelResult);
  const repeated = bench.repeated === null ? null : repeatedIn(results, bench.repeated);
  if (repeated !== null) bench.noteNoise(repeated.model, [[repeated.noise.cpuUs]]);
  return { results, repeated };
}

export async function measurePartials(
  bench: Workbench,
  orders: readonly (readonly string[])[],
): Promise<Measured<ModelPartial[]>> {
  const partials = new Map(bench.rows.map((row) => [row, emptyPartial(row, modelNamed(modelOf(row)).waits)]));
  const complete = await bench.rounds(orders, partials.size, async (name, round) => {
    bench.progress.label(`round ${round + 1} of ${orders.length}: ${name}`);
    const partial = partials.get(name)!;
    await bench.turn(partial, round, () => measureModel(bench, partial, round));
    bench.progress.step();
  });
  return { result: [...partials.values()], complete };
}

async function measureModel(bench: Workbench, partial: ModelPartial, round: number): Promise<void> {
  await assertAvailable(modelOf(partial.model));
  const args = bench.launch.model(modelOf(partial.model), bench.site.directory);
  const add = async (server: ModelProcess, memory: Memory): Promise<void> => {
    const ofRound = partial.memory === null ? memory : NO_MEMORY;
    partial.memory = memory;
    partial.rounds.push({ ...(await measureLoads(bench, partial, server, round, memory)), ...ofRound });
  };
  const memory =
    partial.memory ??
    (await bench.withServer(args, async (server) => {
      const measured = await measureMemory(bench, partial, server);
      if (!isHeavy(measured)) await add(server, measured);
      return measured;
    }));
  // The processes and threads of idle connections take time to end, and their memory stays.
  if (partial.rounds.length <= round) await bench.withServer(args, (server) => add(server, memory));
  if (round === 0 && partial.model === 'epollet') await noteFailure(bench, countOwnCalls(bench, partial));
}

async function measureLoads(
  bench: Workbench,
  partial: ModelPartial,
  server: ModelProcess,
  round: number,
  memory: Memory,
): Promise<Omit<ModelRound, keyof Memory>> {
  const { settings, instruments } = bench;
  const { pid, url } = server;
  const { rate, seconds, warmUpSeconds } = settings;
  const close = settings.close || !partial.keepsAlive;
  const isLimited = isHeavy(memory) && !close;
  const connections = isLimited ? Math.min(settings.connections, settings.maxHeavy) : settings.connections;
  if (connections < settings.connections)
    bench.note(`${partial.model} was measured with ${connections} connections: each takes a process or a thread.`);
  if (isLimited) assertMemoryFor(connections, memory.perConnectionBytes ?? 0);
  const spec = { url, connections, seconds, close };
  const engines = isLimited ? connections : 1;
  const [busy] = await instruments.rateLoads(spec, { pid, rates: [CLOSED_LOOP], warmUpSeconds, engines, settle: true });
  const { settled } = busy!;
  if (!settled) partial.unsteady = unsteadyReason(busy!);
  // The latency of a program that V8 is still compiling would be of no more use.
  const [paced] = settled
    ? await instruments.rateLoads(spec, { pid, rates: [rate], warmUpSeconds: 0, settle: false })
    : [];
  if (round === 0 && instruments.tools.has('strace')) {
    const traced = {
      ...spec,
      connections: isLimited ? Math.min(connections, TRACED_HEAVY) : connections,
      seconds: Math.min(seconds, MAX_COUNTED_SECONDS),
    };
    const calls = await noteFailure(bench, instruments.systemCallsPerRequest(traced, pid));
    partial.systemCalls = calls === null ? null : summarizeCalls(calls);
  }
  if (round === 0 && partial.model !== bench.repetition)
    partial.transcript = await recordTranscript(instruments, url, pid, !close);
  if (paced !== undefined) partial.distributions.push(paced);
  const { cpuUs, userUs, systemUs, windowsUs, rawMs, errors } = rateRound(busy!);
  const atRate = paced && rateRound(paced);
  return {
    requestsPerSecond: settled ? busy!.responses / busy!.seconds : null,
    cpuUs,
    userUs,
    systemUs,
    windowsUs,
    closedLoopMs: settled ? rawMs : null,
    latencyMs: atRate?.latencyMs ?? null,
    rawMs: atRate?.rawMs ?? null,
    achievedPerSecond: paced === undefined ? null : paced.responses / paced.seconds,
    errors: errors + (paced?.errors ?? 0),
  };
}

/** Before any load: after it, threads and buffers exist that idle connections would have allocated. */
async function measureMemory(bench: Workbench, partial: ModelPartial, server: ModelProcess): Promise<Memory> {
  const check = await smokeCheck(server.url, bench.site.page, { fixedPage: modelOf(partial.model) === 'fixed-page' });
  partial.keepsAlive = check.keepAlive;
  partial.responseShape = check.responseShape;
  const baselineBytes = await stableRss(server.pid, bench.signal);
  let perConnectionBytes: number | null = null;
  using connections = new IdleConnections(server.port);
  for (const idle of idleSteps(bench.settings.idle, modelNamed(modelOf(partial.model)).oneAtATime ?? false)) {
    const allOpened = await connections.growTo(idle, bench.signal);
    let bytes = (await stableRss(server.pid, bench.signal)) - baselineBytes;
    const areHeavy = isHeavy({ perConnectionBytes: bytes / idle });
    // On one core processes start one after the other, and memory seems stable between two of them.
    if (areHeavy) bytes = (await stableRss(server.pid, bench.signal, HEAVY_STEPS)) - baselineBytes;
    const timeoutMs = areHeavy ? HEAVY_STARVED_MS : STARVED_MS;
    const response = await get(server.url, '/', { timeoutMs }).catch(() => null);
    if (response === null) {
      partial.starvedBy = idle;
      break;
    }
    if (allOpened && connections.open === idle) perConnectionBytes = bytes / idle;
    if (areHeavy) break;
  }
  return { baselineBytes, perConnectionBytes };
}

/** One idle connection is enough for a model that it starves. */
const idleSteps = (idle: number, oneAtATime: boolean): number[] =>
  oneAtATime ? [1] : idle > FEW_IDLE ? [FEW_IDLE, idle] : [idle];

/** The same load on a server of the same kind that reports its counters. */
async function countOwnCalls(bench: Workbench, partial: ModelPartial): Promise<void> {
  const { connections, close } = bench.settings;
  const seconds = Math.min(bench.settings.seconds, MAX_COUNTED_SECONDS);
  await bench.withServer(bench.launch.countingServer(bench.site.directory), async ({ url, pid }) => {
    const before = await readCounters(url);
    const options = { pid, rates: [CLOSED_LOOP], warmUpSeconds: 0, settle: false };
    await bench.instruments.rateLoads({ url, connections, seconds, close }, options);
    const after = await readCounters(url);
    if (after.requests === before.requests) return;
    const perRequest = ([name, count]: [string, number]): [string, number] => [
      name,
      (count - (before.systemCalls[name] ?? 0)) / (after.requests - before.requests),
    ];
    partial.ownCalls = summarizeCalls(Object.fromEntries(Object.entries(after.systemCalls).map(perRequest)));
  });
}

async function readCounters(url: URL): Promise<{ requests: number; systemCalls: Record<string, number> }> {
  const { status, body } = await get(url, '/stats');
  if (status !== 200) throw new ExperimentError(`GET /stats returned ${status}, not 200.`);
  return JSON.parse(body.toString());
}

/** A failed count becomes a note in the report, and the other measurements remain valid. */
async function noteFailure<Value>(bench: Workbench, work: Promise<Value>): Promise<Value | null> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    bench.note(error.message);
    return null;
  }
}
