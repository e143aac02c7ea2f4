import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const run = promisify(execFile);

it('a set that is dropped is closed when it is collected, and not while it is waited for', async () => {
  const { stdout } = await run(process.execPath, ['--expose-gc', fixture('dropped.mjs')], { timeout: 10_000 });
  expect(JSON.parse(stdout)).toEqual({
    dropped: 0,
    afterWaits: 0,
    pending: 1,
    events: 1,
    afterPending: 0,
    nested: 1,
    isReused: true,
    reused: true,
  });
});
