import { seededRandom } from '../../src/lab/base/shuffle.js';
import { summarize } from '../../src/lab/base/stats.js';
import type { RateLoad } from '../../src/lab/bench/rate-load.js';
import { RATES, THOROUGH } from '../../src/lab/bench/settings.js';
import type { DriverWindow, ThreadReadings } from '../../src/lab/drivers/driver-program.js';
import type { AllDrivers } from '../../src/lab/drivers/figures.js';
import type { Recorded } from '../../src/lab/drivers/lateness.js';
import { driverNoise, LOAD_NAMES, LOADS, probeResults } from '../../src/lab/drivers/result.js';
import { ALONE, PROBE_NAMES, type Probe, type ThreadName, WAY_NAMES } from '../../src/lab/drivers/ways.js';
import { connectionsResult } from '../../src/lab/experiments/connections.js';
import { ratioTo } from '../../src/lab/experiments/libuv.js';
import {
  emptyPartial,
  type ModelPartial,
  modelResult,
  repeatedIn,
  summarizeCalls,
} from '../../src/lab/experiments/models-result.js';
import { rateNoise, ratesResult } from '../../src/lab/experiments/rates-result.js';
import { type ExperimentName, experimentNamed } from '../../src/lab/experiments/registry.js';
import { traceTriggers } from '../../src/lab/experiments/triggers.js';
import { LIFETIMES, spreadNoise, spreadResult, WORKERS } from '../../src/lab/experiments/workers.js';
import { SPREADS } from '../../src/lab/measure/spread-program.js';
import { noTranscript, type Transcript } from '../../src/lab/measure/transcript.js';
import { MESSAGE_BYTES, READER_NAMES, READY_AT_ONCE, type TriggerCosts } from '../../src/lab/measure/trigger-costs.js';
import type { LabReport, ReportHead } from '../../src/lab/report/report.js';
import { echoNoise, echoResult } from '../../src/lab/websocket/result.js';
import { ECHO_BYTES, ECHO_WAYS } from '../../src/lab/websocket/ways.js';

/** Realistic values, so that the page has bars of all lengths. */
const MODELS: [name: string, cpuUs: number, perSecond: number, baselineMib: number][] = [
  ['fixed-page', 21, 19_000, 82],
  ['blocking', 24, 17_500, 83],
  ['processes', 14, 48_000, 71],
  ['threads', 15, 46_000, 76],
  ['coroutines', 11, 58_000, 70],
  ['polling', 60, 7000, 84],
  ['polling-keep-alive', 14, 45_000, 84],
  ['epoll-level', 7, 71_000, 84],
  ['epoll-edge', 6.8, 72_000, 84],
  ['epoll-pool', 42, 16_000, 120],
  ['libuv', 29, 24_000, 71],
  ['libuv-net', 15, 45_000, 70],
  ['epollet', 7.2, 70_000, 72],
];
const AGAIN: (typeof MODELS)[number] = ['epollet again', 7.3, 69_500, 72];

function head(experiment: ExperimentName, rows: readonly (readonly [name: string, ...unknown[]])[]): ReportHead {
  const models = rows.map(([name]) => name);
  return {
    format: 'epollet-lab',
    version: 3,
    epollet: '0.1.0',
    question: experimentNamed(experiment).question,
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 321.4,
    complete: true,
    command: `epollet lab --experiment ${experiment} --models ${models.join(',')} --rounds 3 --seed 7`,
    settings: { experiment, models, seed: 7, ...THOROUGH },
    orders: [models, models, models],
    machine: {
      fingerprint: '0123456789ab',
      cpu: 'A <processor> & "more"',
      cores: 2,
      kernel: '6.18.0',
      node: 'v20.20.2',
      v8: '11.3',
      libuv: '1.46.0',
      memoryMib: 24_106,
      pinned: { model: 0, load: [1] },
      loadAverage: 0.12,
      openFiles: 20_000,
    },
    tools: [
      { name: 'taskset', version: '2.38.1', use: 'a dedicated core for the model' },
      { name: 'strace', version: null, use: 'system calls' },
    ],
    notes: ['strace is not installed: system calls are counted only for epollet, which counts its own.'],
  };
}

function partialOf(
  name: string,
  cpuUs: number,
  perSecond: number,
  baselineMib: number,
  random: () => number,
): ModelPartial {
  const partial = emptyPartial(name, 'in epoll_wait, level-triggered');
  for (let round = 0; round < 3; round++) {
    const off = 0.9 + 0.2 * random();
    const ms = (cpuUs / 100) * off;
    partial.rounds.push({
      requestsPerSecond: perSecond / off,
      cpuUs: cpuUs * off,
      windowsUs: [cpuUs * off, cpuUs * off, cpuUs * off],
      userUs: cpuUs * off * 0.3,
      systemUs: cpuUs * off * 0.7,
      closedLoopMs: { p50: ms * 5, p90: ms * 7, p99: ms * 20, max: ms * 60 },
      latencyMs: { p50: ms, p90: ms * 1.6, p99: ms * 9, max: ms * 40 },
      rawMs: { p50: ms, p90: ms * 1.5, p99: ms * 4, max: ms * 40 },
      achievedPerSecond: 1000 * off,
      baselineBytes: baselineMib * 1024 * 1024,
      perConnectionBytes: name === 'blocking' ? null : 2000 * off,
      errors: name === 'polling' ? 3 : 0,
    });
    partial.distributions.push({
      corrected: [
        [Math.round(ms * 1000), 900],
        [Math.round(ms * 9000), 100],
      ],
      raw: [[Math.round(ms * 1000), 1000]],
    });
  }
  partial.transcript = name.endsWith(' again') ? null : TRANSCRIPT;
  partial.keepsAlive = true;
  partial.starvedBy = name === 'blocking' ? 1 : null;
  partial.systemCalls = summarizeCalls({ recvfrom: 1.01, sendto: 1, epoll_wait: cpuUs / 60 });
  if (name === 'epollet') partial.ownCalls = summarizeCalls({ recvfrom: 1, sendto: 1, epoll_wait: 0.1 });
  return partial;
}

const TRANSCRIPT: Transcript = {
  calls: [
    'epoll_wait(5, [{events=EPOLLIN, data={u32=21, u64=21}}], 1024, -1) = 1',
    'recvfrom(21, "GET / HTTP/1.1\\r\\nHost: 1"..., 65536, 0, NULL, NULL) = 40',
    'sendto(21, "HTTP/1.1 200 OK\\r\\nDate: "..., 741, MSG_NOSIGNAL, NULL, 0) = 741',
    'epoll_wait(5, … waits',
  ],
  reason: null,
};

/** Edge until EAGAIN is the most expensive reader of small messages, and none differs for large ones. */
function sampleCosts(): TriggerCosts {
  const cells = MESSAGE_BYTES.flatMap((messageBytes) => READY_AT_ONCE.map((ready) => ({ messageBytes, ready })));
  const costs = cells.flatMap(({ messageBytes, ready }) =>
    [...READER_NAMES, `${READER_NAMES[0]} again`].map((reader, at) => {
      const median = 600 + 900 / ready + messageBytes / 4 + (at % 4) * 150;
      return {
        reader,
        messageBytes,
        ready,
        systemCalls: 1 + 1 / ready + (at % 2),
        ns: summarize([0.97, 0.98, 1, 1.01, 1.1].map((off) => median * off))!,
      };
    }),
  );
  return { costs, repeated: { model: READER_NAMES[0]!, noise: cells.map((cell) => ({ ...cell, ns: 1.02 })) } };
}

/** A model with a cost of its own per wake-up; the expensive ones do not reach the highest rate. */
function rateLoadOf(rate: number, cpuUs: number, at: number): RateLoad {
  const eachUs = cpuUs * (1 + 1000 / rate);
  const responses = Math.round(3 * Math.min(rate, 1e6 / cpuUs));
  const us = Math.round(eachUs * 3);
  return {
    rate,
    settled: at !== 1 || rate > 100,
    windowsUs: [eachUs, eachUs],
    windowSeconds: 1,
    seconds: 3,
    due: rate * 3,
    responses,
    errors: at === 2 ? 1 : 0,
    cpu: { userUs: eachUs * responses * 0.4, systemUs: eachUs * responses * 0.6, totalUs: eachUs * responses },
    wakeUps: Math.min(responses, 30_000),
    corrected: [
      [us, responses],
      [us * 20, Math.ceil(responses / 50)],
    ],
    raw: [[us, responses]],
    lag: [[20, responses]],
  };
}

/** A window in which the probes are late by `us`, or never run. */
function threadOf(thread: ThreadName, us: number | null): ThreadReadings {
  const recorded = (at: number): Recorded =>
    us === null
      ? { distribution: [], overdueMs: 2000 }
      : {
          distribution: [
            [us * (1 + at), 95],
            [us * (9 + at), 5],
          ],
          overdueMs: 0,
        };
  const probes = Object.fromEntries(PROBE_NAMES.map((probe, at) => [probe, recorded(at)]));
  return { thread, probes: probes as Record<Probe, Recorded> };
}

function sampleDrivers(): AllDrivers {
  const rows = [...WAY_NAMES, 'enclosing again'];
  const results = rows.map((driver, at): AllDrivers['results'][number] => {
    const loads = driver === ALONE ? LOAD_NAMES.slice(0, 1) : LOAD_NAMES;
    const rounds = [0.9, 1, 1.1];
    const { points } = ratesResult({
      model: driver,
      waits: '',
      failure: null,
      transcript: null,
      loads: new Map(
        loads.flatMap((load) => {
          const rate = LOADS[load];
          return rate === null ? [] : [[rate, rounds.map((off) => rateLoadOf(rate || 60_000, (8 + at) * off, 9))]];
        }),
      ),
    });
    return {
      driver,
      failure: null,
      points: loads.map((load, level) => {
        const cost = level === 0 ? null : points[level - 1]!;
        const us = 100 * level + 50 + 10 * (at % WAY_NAMES.length);
        const windows = rounds.map(
          (off): DriverWindow => ({
            seconds: 2,
            threads: [
              threadOf('main', driver === 'blocking' ? null : Math.round(us * off)),
              ...(driver === 'worker' ? [threadOf('worker', null)] : []),
            ],
          }),
        );
        const each = (median: number) => summarize([median, median, median])!;
        return {
          load,
          cpuUs: cost?.cpuUs ?? null,
          busy: each(level / 4),
          wakeUpsPerSecond: cost?.wakeUpsPerSecond ?? each(1),
          achieved: cost?.achieved ?? null,
          errors: cost?.errors ?? null,
          latencyMs: cost?.latencyMs ?? { p50: null, p90: null, p99: null, p999: null, max: null },
          histograms: cost?.histograms ?? null,
          systemCalls: cost && { perRequest: 3, byName: { recvfrom: 1, sendto: 1, epoll_wait: 1 } },
          costRounds: cost?.rounds ?? [],
          struckOut: cost?.struckOut ?? null,
          probes: probeResults(windows),
        };
      }),
    };
  });
  return { results, repeated: { model: 'enclosing', noise: driverNoise(results[0]!, results.at(-1)!) } };
}

export function sampleReport(experiment: ExperimentName): LabReport {
  const random = seededRandom(7);
  if (experiment === 'triggers') {
    const thunderingHerd = [
      { trigger: 'level', threads: 4, woken: 4 },
      { trigger: 'exclusive', threads: 4, woken: 1 },
    ] as const;
    return { ...head(experiment, []), experiment, results: traceTriggers(), thunderingHerd, costs: sampleCosts() };
  }
  if (experiment === 'workers') {
    const results = WORKERS.flatMap((workers) =>
      LIFETIMES.flatMap((lifetime) =>
        [...SPREADS, 'reuseport again'].map((spread, at) => {
          const connections = Array.from({ length: workers }, (_, worker) =>
            Math.round(40 - (worker * at * 4) / workers),
          );
          const total = connections.reduce((sum, count) => sum + count, 0);
          const rounds = [0.9, 1, 1.1].map((off) => ({
            connections,
            mostShare: connections[0]! / total,
            leastShare: connections.at(-1)! / total,
            cpuUs: 12 * off * workers,
            p50Ms: 0.1 * off,
            p99Ms: 0.8 * off * (at + 1),
            rawP99Ms: 0.6 * off * (at + 1),
          }));
          return spreadResult({ cell: { spread, workers, lifetime }, rounds, failure: null });
        }),
      ),
    );
    return { ...head(experiment, []), experiment, results, noise: spreadNoise(results) };
  }
  if (experiment === 'websocket') {
    const results = ECHO_BYTES.flatMap((bytes) =>
      [...ECHO_WAYS, 'epollet again'].map((server) => {
        const us = (server === 'ws on node:http' ? 15 : 6) + bytes / 2000;
        const rounds = [0.9, 1, 1.1].map((off) => ({ cpuUs: us * off, messagesPerSecond: 1e6 / us / off }));
        return echoResult(server, bytes, rounds, null);
      }),
    );
    return { ...head(experiment, []), experiment, results, noise: echoNoise(results) };
  }
  if (experiment === 'drivers') return { ...head(experiment, []), experiment, ...sampleDrivers() };
  if (experiment === 'connections') {
    const results = [...MODELS, AGAIN].map(([model, cpuUs, perSecond, baselineMib], at) => {
      const rounds = new Map(
        [1, 10, 100, 1000, 10_000].slice(0, model === 'threads' ? 3 : 5).map((idle, step) => [
          idle,
          [0.9, 1, 1.1].map((off) => ({
            requestsPerSecond: perSecond * off * (1 - step * 0.04),
            cpuUs: cpuUs * off * (model.startsWith('polling') ? 1 + idle / 100 : 1),
            p99Ms: cpuUs * 0.1 * off,
            rawP99Ms: cpuUs * 0.08 * off,
            residentBytes: (baselineMib + idle * 0.002 * at) * 1024 * 1024,
            stillOpen: idle,
          })),
        ]),
      );
      const failedAt =
        model === 'threads' ? { idle: 1000, reason: 'With 1000 idle connections it does not respond.' } : null;
      return connectionsResult({ model, waits: 'somewhere', rounds, failedAt, failure: null });
    });
    const noise = { requestsPerSecond: 1.03, cpuUs: 1.06, p99Ms: null, rawP99Ms: null, residentBytes: 1, stillOpen: 1 };
    return { ...head(experiment, MODELS), experiment, results, repeated: { model: 'epollet', noise } };
  }
  if (experiment === 'rates') {
    const results = [...MODELS, AGAIN].map(([model, cpuUs], at) => {
      const loads = new Map(
        RATES.thorough.map((rate) => [rate, [0.9, 1, 1.1].map((off) => rateLoadOf(rate, cpuUs * off, at))]),
      );
      const transcript = at === 0 ? noTranscript('strace is not installed') : null;
      return ratesResult({ model, waits: 'somewhere', loads, transcript, failure: null });
    });
    const noise = rateNoise(results.at(-2)!, results.at(-1)!);
    return { ...head(experiment, MODELS), experiment, results, repeated: { model: 'epollet', noise } };
  }
  const chosen = experiment === 'libuv' ? MODELS.slice(-3) : MODELS;
  const results = [...chosen, AGAIN].map((model) => modelResult(partialOf(...model, random)));
  const repeated = repeatedIn(results, 'epollet');
  const failed: ModelPartial = { ...emptyPartial('broken', 'nowhere'), failure: 'GET / returned 500, not 200.' };
  if (experiment === 'libuv') {
    const ratios = results.map((each) => ratioTo(each, results.at(-2)!));
    return { ...head(experiment, chosen), experiment, results, ratios, repeated };
  }
  return { ...head(experiment, chosen), experiment, results: [...results, modelResult(failed)], repeated };
}
