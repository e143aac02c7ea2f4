import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentilesOf } from '../base/distribution.js';
import { ExperimentError } from '../base/errors.js';
import { textOf } from '../base/text-file.js';
import { autocannonArgs, parseAutocannon } from '../load/autocannon.js';
import type { FixedRateResult, FixedRateSpec, LoadResult, LoadSpec } from '../load/load.js';
import { runTool, type ToolLimits, type ToolOutput } from '../load/tool-run.js';
import type { ToolName, Tools } from '../load/tools.js';
import { parseWrk, wrkArgs } from '../load/wrk.js';
import { type Cores, tasksetArgs } from '../measure/cores.js';
import { cpuBetween, cpuTime, processTree } from '../measure/proc-stat.js';
import { countAttached, parseStrace, straceArgs } from '../measure/strace.js';
import type { RateLoad, RateLoadLine, RateLoadSpec } from './rate-load.js';
import { type LoadWithCpu, MAX_WINDOWS, type SteadyLoad, steadyLoad, windowOf } from './steady-load.js';

const START_MS = 30;
/** A fixed-rate load on a model that falls behind takes longer; it is stopped after this multiple of its duration. */
const TIMEOUT_FACTOR = 2;
const MAX_TRACE_SECONDS = 60;
/** Windows that never agree, at each of several rates, after a slow start. */
const MAX_RATE_LOAD_MS = 600_000;
/** Generates load for a server and measures its process tree. */
export type LoadGenerator = Pick<Instruments, 'steady' | 'fixedRate' | 'systemCallsPerRequest'>;

/** The measuring tools, running on the cores that the model does not use. */
export class Instruments implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'epollet-lab-tools-'));

  constructor(
    readonly tools: Tools,
    readonly cores: Cores | null,
    readonly signal: AbortSignal,
    /** The program that generates a load at a fixed rate. */
    private readonly rateLoad: readonly string[],
  ) {}

  /** Closed loop: each connection sends its next request when it has received a response. */
  async closedLoop(spec: LoadSpec): Promise<LoadResult> {
    if (this.tools.has('wrk')) {
      const { stdout, stderr } = await this.run('wrk', wrkArgs(spec), spec.seconds);
      return parseWrk(stdout || stderr);
    }
    return parseAutocannon((await this.run('autocannon', autocannonArgs(spec), Math.ceil(spec.seconds))).stdout);
  }

  /**
   * A closed loop in windows, until successive ones agree.
   * @throws ExperimentError if there is no response at all
   */
  async steady(spec: LoadSpec, pid: number): Promise<SteadyLoad> {
    const window = windowOf(spec);
    const windows: LoadWithCpu[] = [];
    for (;;) {
      const before = cpuTime(pid);
      const result = await this.closedLoop(window);
      windows.push({ ...result, cpu: cpuBetween(before, cpuTime(pid)) });
      const steady = steadyLoad(windows, window);
      if (steady.load === null && windows.length < MAX_WINDOWS) continue;
      if (windows.every(({ requests }) => requests === 0)) throw new ExperimentError('It sent no response under load.');
      return steady;
    }
  }

  /** Requests at a fixed rate, whether or not the model keeps up. */
  async fixedRate(spec: FixedRateSpec, pid: number): Promise<FixedRateResult> {
    const [load] = await this.rateLoads(spec, { pid, rates: [spec.rate], warmUpSeconds: 0, settle: false });
    const { corrected, raw, responses, seconds, errors } = load!;
    return {
      latency: percentilesOf(corrected),
      rawLatency: percentilesOf(raw),
      perSecond: responses / seconds,
      errors,
      corrected,
      raw,
    };
  }

  /**
   * A load at each of the rates by a program of the lab's own, which measures the model too.
   * @throws ExperimentError without a response
   */
  async rateLoads(
    { url, connections, close, seconds }: LoadSpec,
    options: Pick<RateLoadSpec, 'pid' | 'rates' | 'warmUpSeconds' | 'settle'> & Partial<Pick<RateLoadSpec, 'spin'>>,
  ): Promise<RateLoad[]> {
    const spec: RateLoadSpec = {
      ...options,
      host: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      connections,
      close,
      seconds,
      spin: options.spin ?? this.cores !== null,
    };
    const command = [...tasksetArgs(this.cores?.load), ...this.rateLoad, JSON.stringify(spec)];
    const { stdout, stderr } = await runTool(command, { stopAfterMs: MAX_RATE_LOAD_MS, signal: this.signal });
    const lines = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as RateLoadLine);
    const loads = lines.flatMap((line) => ('load' in line ? line.load : []));
    const error = lines.flatMap((line) => ('error' in line ? line.error : []))[0];
    if (error !== undefined) throw new ExperimentError(error);
    if (loads.length < spec.rates.length)
      throw new ExperimentError(`The load generator ended early: ${stderr.trim().slice(-300) || 'no output'}.`);
    return loads;
  }

  /** System calls per request by name, in a closed loop. Null if strace is missing. */
  async systemCallsPerRequest(spec: LoadSpec, pid: number): Promise<Record<string, number> | null> {
    if (!this.tools.has('strace')) return null;
    const { calls, result } = await this.withStrace(pid, () => this.closedLoop(spec));
    return callsPerRequest(calls, result.requests);
  }

  /** Counts the system calls of a process tree during some work. */
  async withStrace<Result>(pid: number, work: () => Promise<Result>) {
    const { result, output } = await this.trace(pid, straceArgs, work);
    return { result, calls: parseStrace(output) };
  }

  /** Runs strace on a process tree during some work. @throws ExperimentError if it has no output */
  async trace<Result>(
    pid: number,
    args: (pids: readonly number[], file: string) => string[],
    work: () => Promise<Result>,
  ): Promise<{ result: Result; output: string }> {
    const file = join(this.directory, 'strace.txt');
    rmSync(file, { force: true });
    const stop = new AbortController();
    const attached = new AbortController();
    const pids = processTree(pid);
    const tracing = this.run('strace', args(pids, file), MAX_TRACE_SECONDS, {
      stopSignal: stop.signal,
      onStderr: (text) => {
        if (countAttached(text) >= pids.length) attached.abort();
      },
    });
    tracing.catch(() => {}).finally(() => attached.abort()); // awaited below; the work may fail first
    if (!attached.signal.aborted) await once(attached.signal, 'abort');
    const result = await work().finally(() => stop.abort());
    const { stderr } = await tracing;
    const output = textOf(file);
    if (output === '') throw new ExperimentError(`strace printed no result: ${stderr.trim().split('\n')[0]}.`);
    return { result, output };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** wrk accepts only whole seconds: a shorter load is stopped by SIGINT. */
  run(tool: ToolName, args: readonly string[], seconds: number, limits: Partial<ToolLimits> = {}): Promise<ToolOutput> {
    const stopAfterMs = seconds * 1000 + (Number.isInteger(seconds) ? TIMEOUT_FACTOR * 1000 : START_MS);
    const command = [...tasksetArgs(this.cores?.load), ...this.tools.command(tool), ...args];
    return runTool(command, { ...limits, stopAfterMs, signal: this.signal });
  }
}

/** Null without requests. */
export const callsPerRequest = (calls: Record<string, number>, requests: number): Record<string, number> | null =>
  requests === 0 ? null : Object.fromEntries(Object.entries(calls).map(([name, count]) => [name, count / requests]));
