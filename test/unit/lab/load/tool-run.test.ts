import { expect, test } from 'vitest';
import { runTool } from '../../../../src/lab/load/tool-run.js';

const { signal } = new AbortController();
const program = (text: string) => [process.execPath, '-e', text];

test('a tool that starts late prints its result', async () => {
  const late = `setTimeout(() => process.on('SIGINT', () => { console.log('result'); process.exit(); }), 200);
    setTimeout(() => {}, 10_000);`;
  expect(await runTool(program(late), { stopAfterMs: 10, signal })).toEqual({ stdout: 'result\n', stderr: '' });
});

test('a tool that does not catch SIGINT is ended by it', async () => {
  const { stdout } = await runTool(program(`console.log('begun'); setTimeout(() => {}, 10_000)`), {
    stopAfterMs: 10,
    signal,
  });
  expect(stdout).toBe('begun\n');
});
