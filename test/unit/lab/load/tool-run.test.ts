import { expect, test } from 'vitest';
import { runTool } from '../../../../src/lab/load/tool-run.js';

const { signal } = new AbortController();
/** In a language that has no handler of SIGINT by itself, as Node and Python have. */
const program = (text: string) => ['perl', '-e', text];

test('a tool that starts late prints its result', async () => {
  const late = 'select undef, undef, undef, 0.2; $SIG{INT} = sub { print "result\\n"; exit }; sleep 10';
  expect(await runTool(program(late), { stopAfterMs: 10, signal })).toEqual({ stdout: 'result\n', stderr: '' });
});

test('a tool that does not catch SIGINT is ended by it', async () => {
  const { stdout } = await runTool(program('$| = 1; print "begun\\n"; sleep 10'), { stopAfterMs: 10, signal });
  expect(stdout).toBe('begun\n');
});

test('a tool that has printed a line waits for the end of its input', async () => {
  const begun: number[] = [];
  const waits = '$| = 1; print "open\\n"; print while <STDIN>; print "end\\n"';
  const started = performance.now();
  const onFirstLine = (endInput: () => void): void => {
    begun.push(performance.now() - started);
    setTimeout(endInput, 30);
  };
  const { stdout } = await runTool(program(waits), { stopAfterMs: 5000, signal, onFirstLine });
  expect(stdout).toBe('open\nend\n');
  expect(begun).toHaveLength(1);
  expect(performance.now() - started - begun[0]!).toBeGreaterThanOrEqual(29);
});
