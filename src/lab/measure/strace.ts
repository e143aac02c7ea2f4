/** The words after `strace`: count, all threads and what they fork, these processes. */
export const straceArgs = (pids: readonly number[], output: string): string[] => [
  '-c',
  '-f',
  ...['-o', output],
  ...pids.flatMap((pid) => ['-p', String(pid)]),
];

/** The table of `strace -c`: calls by their names. */
export function parseStrace(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, calls, name] = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_]\w*)$/.exec(line) ?? [];
    if (name !== undefined && name !== 'total') counts[name] = (counts[name] ?? 0) + Number(calls);
  }
  return counts;
}

/** How many processes it says it has by now: "strace: Process 7 attached with 11 threads". */
export const countAttached = (stderr: string): number => stderr.match(/Process \d+ attached/g)?.length ?? 0;
