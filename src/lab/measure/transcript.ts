/** What a model does for one request, by strace(1). */
export interface Transcript {
  /** A call in each line, in the order in which they ended; empty if there is a reason. */
  readonly calls: readonly string[];
  /** Why it was not recorded; null if it was. */
  readonly reason: string | null;
}

export const noTranscript = (reason: string): Transcript => ({ calls: [], reason });

/** The arguments of `strace`: each call of these processes and their threads, when it began and how long it took. */
export const transcriptArgs = (pids: readonly number[], output: string): string[] => [
  ...['-f', '-ttt', '-T', '-s', '24', '-o', output],
  ...pids.flatMap((pid) => ['-p', String(pid)]),
];

/** Calls by which an engine manages its memory and its threads, at any time. */
const ENGINE = new Set([
  ...['madvise', 'mmap', 'munmap', 'mprotect', 'mremap', 'brk', 'sched_yield', 'getpid', 'gettid', 'getrusage'],
  ...['clock_gettime', 'rt_sigprocmask', 'rt_sigreturn', 'restart_syscall', 'set_robust_list', 'rseq'],
]);
/** By which threads wait for each other; of one thread alone it is the engine's. */
const FUTEX = 'futex';
const MAX_LINES = 40;
/** The longest sequence of calls that is shown once with the number of its repetitions. */
const MAX_CYCLE = 6;

/** A wait that reports nothing, as of the thread of Node's that has V8's timers. */
const IN_VAIN = /^epoll_p?wait2?\(.* = (?:0|-1 EINTR .*)$/;

interface Call {
  readonly thread: string;
  readonly name: string;
  readonly text: string;
  readonly startUs: number;
  /** Infinite while it waits. */
  readonly endUs: number;
}

/**
 * The calls of one request: those that end after `fromUs`, of the threads that do more than manage memory. The waits for
 * the next request come last.
 * @param text the output of strace, up to some milliseconds after the response
 * @param fromUs when the request was sent, since the epoch
 */
export function callsOfRequest(text: string, fromUs: number): string[] {
  const all = parseCalls(text).filter(({ endUs }) => endUs >= fromUs);
  const isWork = ({ name, text: call, endUs }: Call): boolean =>
    endUs < Number.POSITIVE_INFINITY && !isOfEngine(name, false) && !IN_VAIN.test(call);
  const threads = [...new Set(all.filter(isWork).map(({ thread }) => thread))];
  const calls = all.filter(({ thread, name }) => threads.includes(thread) && !isOfEngine(name, threads.length > 1));
  const ended = calls.filter(({ endUs }) => endUs < Number.POSITIVE_INFINITY);
  const waiting = calls.filter(({ endUs }) => endUs === Number.POSITIVE_INFINITY);
  const lineOf = ({ thread, text: call }: Call): string =>
    threads.length > 1 ? `thread ${threads.indexOf(thread) + 1}: ${call}` : call;
  const lines = withoutRepetitions(ended.map(lineOf));
  const shown = lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), `… ${lines.length - MAX_LINES} more`] : lines;
  return shown.length === 0 ? [] : [...shown, ...waiting.map(lineOf)];
}

const isOfEngine = (name: string, hasThreads: boolean): boolean => ENGINE.has(name) || (name === FUTEX && !hasThreads);

/** In the order of their ends. A call that another thread's interrupts in the output is in two lines. */
function parseCalls(text: string): Call[] {
  const calls: Call[] = [];
  const begun = new Map<string, { startUs: number; text: string }>();
  for (const line of text.split('\n')) {
    const [, thread, seconds, rest] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line) ?? [];
    if (thread === undefined || seconds === undefined || rest === undefined) continue;
    const atUs = Number(seconds) * 1e6;
    const [, start] = /^(\w+\(.*?),?\s*<(?:unfinished|detached) \.\.\.>$/.exec(rest) ?? [];
    if (start !== undefined) {
      begun.set(thread, { startUs: atUs, text: start });
      continue;
    }
    const [, end] = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest) ?? [];
    const first = end === undefined ? undefined : begun.get(thread);
    if (end !== undefined && first === undefined) continue; // it began before strace was attached
    if (rest.startsWith('---')) continue; // a signal
    begun.delete(thread);
    const whole = first === undefined ? rest : joined(first.text, end!);
    const [, call, took] = /^(\w+\(.*) <(\d+\.\d+)>$/.exec(whole) ?? [];
    if (call === undefined) continue; // the end of a thread
    const startUs = first?.startUs ?? atUs;
    calls.push({ thread, name: nameOf(call), text: readable(call), startUs, endUs: startUs + Number(took) * 1e6 });
  }
  for (const [thread, { startUs, text: call }] of begun)
    calls.push({
      thread,
      name: nameOf(call),
      text: `${readable(call)}, … waits`,
      startUs,
      endUs: Number.POSITIVE_INFINITY,
    });
  return calls;
}

const nameOf = (call: string): string => call.slice(0, call.indexOf('('));

/** The separator between the arguments that are in two lines is in neither. */
const joined = (start: string, end: string): string =>
  start.endsWith('(') || end.startsWith(')') ? `${start}${end}` : `${start}, ${end.replace(/^[, ]+/, '')}`;

/** strace aligns the results, and addresses differ from run to run. */
const readable = (call: string): string => call.replaceAll(/0x[0-9a-f]{6,}/g, '0x…').replace(/\)\s+= (\S)/, ') = $1');

/** A sequence of calls that is repeated at once is shown once. */
export function withoutRepetitions(lines: readonly string[]): string[] {
  const shown: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const { length, times } = repetitionAt(lines, at);
    shown.push(...lines.slice(at, at + length));
    if (times > 1) shown.push(`… ${length === 1 ? 'the same call' : `these ${length} calls`} ${times - 1} more times`);
    at += length * times;
  }
  return shown;
}

/** Of at least three times, so that a repetition is not longer than what it stands for. */
function repetitionAt(lines: readonly string[], at: number): { length: number; times: number } {
  for (let length = 1; length <= MAX_CYCLE; length++) {
    let end = at + length;
    while (end < lines.length && lines[end] === lines[end - length]) end++;
    const times = Math.floor((end - at) / length);
    if (times >= 3) return { length, times };
  }
  return { length: 1, times: 1 };
}
