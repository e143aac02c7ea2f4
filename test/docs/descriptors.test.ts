import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { PACKAGE } from '../support/command.js';

const PAGE = 'docs/epoll-and-reactor.md';
const TITLE = 'Descriptors to and from Node';

const directory = mkdtempSync(join(tmpdir(), 'epollet-snippets-'));
afterAll(() => rmSync(directory, { recursive: true }));
mkdirSync(join(directory, 'node_modules'));
symlinkSync(PACKAGE, join(directory, 'node_modules/epollet'));

const section = readFileSync(join(PACKAGE, PAGE), 'utf8').split(`\n## ${TITLE}\n`)[1]!.split('\n## ')[0]!;
const programs = [...section.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code!);

test('the section has programs', () => expect(programs.length).toBeGreaterThan(4));

describe.concurrent(`${PAGE}, ${TITLE}`, () => {
  test.each(programs.map((code, i) => [i, code] as const))(
    'program %i prints what its comments state',
    async (i, code) => {
      const path = join(directory, `${i}.mjs`);
      writeFileSync(path, code);
      const expected = [...code.matchAll(/\/\/ prints (.*)$/gm)].map(([, text]) => text);
      expect(expected).not.toEqual([]);
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [path], { timeout: 10_000 });
      expect([stdout.trimEnd().split('\n'), stderr]).toEqual([expected, '']);
    },
  );
});
