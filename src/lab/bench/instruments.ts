import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExperimentError } from '../base/errors.js';
import { autocannonArgs, parseAutocannon } from '../load/autocannon.js';
import { type FixedRateResult, type FixedRateSpec, h2loadArgs, h2loadErrors, parseH2loadLog } from '../load/h2load.js';
import type { LoadResult, LoadSpec } from '../load/load.js';
import { runTool, type ToolLimits, type ToolOutput } from '../load/tool-run.js';
import type { Tools } from '../load/tools.js';
import { parseWrk, wrkArgs } from '../load/wrk.js';
import { type Cores, tasksetArgs } from '../measure/cores.js';
import { type CpuUse, cpuBetween, cpuTime, processTree } from '../measure/proc-stat.js';
import { countAttached, parseStrace, straceArgs } from '../measure/strace.js';
import type { ModelProcess } from './model-process.js';

/** A load takes a moment to start before it makes any. */
const START_MS = 30;
/** A model that cannot keep up answers late, and a paced load waits for it: this many times as long as it should take. */
const TIMEOUT_FACTOR = 2;
const TRACE_SECONDS_MAX = 60;

/** A load and what it cost the model. */
export interface LoadWithCpu extends LoadResult {
  readonly cpu: CpuUse;
}

/** What the lab measures with, on the cores that the models do not use. */
export class Instruments implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'epollet-lab-tools-'));

  constructor(
    readonly tools: Tools,
    readonly cores: Cores | null,
    readonly signal: AbortSignal,
  ) {}

  /** As many requests as the model can answer: each connection asks when it has its answer. */
  async closedLoop(order: LoadSpec): Promise<LoadResult> {
    if (this.tools.has('wrk')) {
      const { stdout, stderr } = await this.run([...this.tools.command('wrk'), ...wrkArgs(order)], order.seconds);
      return parseWrk(stdout || stderr);
    }
    const words = [...this.tools.command('autocannon'), ...autocannonArgs(order)];
    return parseAutocannon((await this.run(words, Math.ceil(order.seconds))).stdout);
  }

  /** The same with the CPU time that the model took for it. */
  async withCpu(order: LoadSpec, pid: number): Promise<LoadWithCpu> {
    const before = cpuTime(pid);
    const load = await this.closedLoop(order);
    return { ...load, cpu: cpuBetween(before, cpuTime(pid)) };
  }

  /** A request at its time, whether the model keeps up or not. Null where h2load is missing. */
  async fixedRate(order: FixedRateSpec): Promise<FixedRateResult | null> {
    if (!this.tools.has('h2load')) return null;
    const log = join(this.directory, 'h2load.log');
    rmSync(log, { force: true }); // it adds to one that is there
    const words = [...this.tools.command('h2load'), ...h2loadArgs(order, log)];
    const { stdout } = await this.run(words, order.seconds * TIMEOUT_FACTOR + 1);
    const paced = parseH2loadLog(textOf(log), order);
    return { ...paced, errors: Math.max(paced.errors, h2loadErrors(stdout)) };
  }

  /** System calls a request by their names, under load. Null where strace is missing. */
  async systemCallsPerRequest(order: LoadSpec, { pid }: ModelProcess): Promise<Record<string, number> | null> {
    if (!this.tools.has('strace')) return null;
    const { calls, work: load } = await this.traced(pid, () => this.closedLoop(order));
    if (load.requests === 0) return null;
    return Object.fromEntries(Object.entries(calls).map(([name, count]) => [name, count / load.requests] as const));
  }

  /** Counts the system calls of a process and its family, during some work. */
  async traced<Work>(pid: number, work: () => Promise<Work>): Promise<{ work: Work; calls: Record<string, number> }> {
    const output = join(this.directory, 'strace.txt');
    rmSync(output, { force: true });
    const stop = new AbortController();
    const attached = new AbortController();
    const pids = processTree(pid);
    const words = [...this.tools.command('strace'), ...straceArgs(pids, output)];
    const counting = this.run(words, TRACE_SECONDS_MAX, {
      stopSignal: stop.signal,
      onStderr: (text) => {
        if (countAttached(text) >= pids.length) attached.abort();
      },
    });
    counting.catch(() => {}).finally(() => attached.abort()); // it is awaited below, and the work may fail first
    if (!attached.signal.aborted) await once(attached.signal, 'abort');
    const done = await work().finally(() => stop.abort());
    const { stderr } = await counting;
    const text = textOf(output);
    if (text === '') throw new ExperimentError(`strace counted nothing: ${stderr.trim().split('\n')[0]}.`);
    return { work: done, calls: parseStrace(text) };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** wrk counts in whole seconds; what is to be shorter is stopped. */
  run(
    words: readonly string[],
    seconds: number,
    more: Pick<ToolLimits, 'stopSignal' | 'onStderr'> = {},
  ): Promise<ToolOutput> {
    const stopAfterMs = seconds * 1000 + (Number.isInteger(seconds) ? TIMEOUT_FACTOR * 1000 : START_MS);
    return runTool([...tasksetArgs(this.cores?.load), ...words], { ...more, stopAfterMs, signal: this.signal });
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
