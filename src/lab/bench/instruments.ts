import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExperimentError } from '../base/errors.js';
import { textOf } from '../base/text-file.js';
import { runTool } from '../load/tool-run.js';
import type { Tools } from '../load/tools.js';
import { type Cores, tasksetArgs } from '../measure/cores.js';
import { processTree } from '../measure/proc-stat.js';
import { countAttached, parseStrace, straceArgs } from '../measure/strace.js';
import { CLOSED_LOOP, type RateLoad, type RateLoadLine, type RateLoadSpec } from './rate-load.js';

const MAX_TRACE_SECONDS = 60;
/** Windows that never agree, at each of several rates, after a slow start. */
const MAX_RATE_LOAD_MS = 600_000;

export interface LoadSpec {
  readonly url: URL;
  readonly connections: number;
  readonly seconds: number;
  /** Opens a connection for every request. */
  readonly close: boolean;
}

type LoadOptions = Pick<RateLoadSpec, 'pid' | 'rates' | 'warmUpSeconds' | 'settle'> &
  Partial<Pick<RateLoadSpec, 'spin' | 'engines'>>;

/** The measuring tools, running on the cores that the model does not use. */
export class Instruments implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'epollet-lab-tools-'));

  constructor(
    readonly tools: Tools,
    readonly cores: Cores | null,
    readonly signal: AbortSignal,
    /** The program that generates the load. */
    private readonly rateLoad: readonly string[],
  ) {}

  /**
   * A load at each of the rates by a program of the lab's own, which measures the model too.
   * @throws ExperimentError without a response
   */
  async rateLoads(
    { url, connections, close, seconds }: LoadSpec,
    options: LoadOptions,
    /** Called when all connections are open, with what lets the load begin; by default it begins at once. */
    onOpen?: (begin: () => void) => void,
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
      engines: options.engines ?? 1,
      hold: onOpen !== undefined,
    };
    const command = [...tasksetArgs(this.cores?.load), ...this.rateLoad, JSON.stringify(spec)];
    const { stdout, stderr } = await runTool(command, {
      stopAfterMs: MAX_RATE_LOAD_MS,
      signal: this.signal,
      ...(onOpen && { onFirstLine: onOpen }),
    });
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

  /** System calls per request by name, in a closed loop on connections that are open. Null if strace is missing. */
  async systemCallsPerRequest(spec: LoadSpec, pid: number): Promise<Record<string, number> | null> {
    if (!this.tools.has('strace')) return null;
    const open = new AbortController();
    let begin = (): void => {};
    // A load generator that occupies its core would keep strace waiting, which is on the same one.
    const options = { pid, rates: [CLOSED_LOOP], warmUpSeconds: 0, settle: false, spin: false };
    const loading = this.rateLoads(spec, options, (start) => {
      begin = start;
      open.abort();
    });
    loading.catch(() => {}).finally(() => open.abort()); // awaited below; it may fail first
    if (!open.signal.aborted) await once(open.signal, 'abort');
    const { result, calls } = await this.withStrace(pid, () => {
      begin();
      return loading;
    });
    return callsPerRequest(calls, result[0]!.responses);
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
    const tracing = runTool([...tasksetArgs(this.cores?.load), 'strace', ...args(pids, file)], {
      stopAfterMs: MAX_TRACE_SECONDS * 1000,
      signal: this.signal,
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
}

/** Null without requests. */
const callsPerRequest = (calls: Record<string, number>, requests: number): Record<string, number> | null =>
  requests === 0 ? null : Object.fromEntries(Object.entries(calls).map(([name, count]) => [name, count / requests]));
