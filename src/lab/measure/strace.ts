/** The arguments of `strace`: count the calls of these processes, their threads and their children. */
export const straceArgs = (pids: readonly number[], output: string): string[] => [
  '-c',
  '-f',
  '-o',
  output,
  ...pids.flatMap((pid) => ['-p', String(pid)]),
];

/** Parses the table of `strace -c`: number of calls by name. */
export function parseStrace(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, calls, name] = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_]\w*)$/.exec(line) ?? [];
    if (name !== undefined && name !== 'total') counts[name] = (counts[name] ?? 0) + Number(calls);
  }
  return counts;
}

/** The number of processes attached so far, by lines such as "strace: Process 7 attached with 11 threads". */
export const countAttached = (stderr: string): number => stderr.match(/Process \d+ attached/g)?.length ?? 0;
