import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { PACKAGE } from '../support/command.js';

const CONSUMER = fileURLToPath(new URL('consumer', import.meta.url));
const TSC = join(PACKAGE, 'node_modules/typescript/bin/tsc');

const directory = mkdtempSync(join(tmpdir(), 'epollet-types-'));
afterAll(() => rmSync(directory, { recursive: true }));

// A project that depends on epollet and has no other types; those of Node come with epollet's.
cpSync(CONSUMER, directory, { recursive: true });
writeFileSync(join(directory, 'package.json'), '{"type": "module"}');
mkdirSync(join(directory, 'node_modules'));
symlinkSync(PACKAGE, join(directory, 'node_modules/epollet'));

const ENTRIES = ['server.ts', 'epoll.ts', 'reactor.ts', 'sys.ts'];
/** Their own declarations need those of the DOM. */
const WITH_DOM = [...ENTRIES, 'frameworks.ts'];

/** The errors that tsc reports, all libraries included. */
function errorsOf(module: string, moduleResolution: string, lib: string, files: readonly string[]): string {
  const compilerOptions = {
    module,
    moduleResolution,
    lib: lib.split(' '),
    target: 'ES2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: [],
    noEmit: true,
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  try {
    return execFileSync(process.execPath, [TSC, '-p', directory, '--pretty', 'false'], { encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test.each<[module: string, moduleResolution: string, lib: string, files: readonly string[]]>([
  ['ESNext', 'Bundler', 'ES2022', ENTRIES],
  ['Preserve', 'Bundler', 'ES2022 DOM', WITH_DOM],
  ['Node16', 'Node16', 'ES2022', ENTRIES],
  ['NodeNext', 'NodeNext', 'ES2022', [...ENTRIES, 'common.cts']],
])('module %s, resolution %s, lib %s: %j', (module, moduleResolution, lib, files) => {
  expect(errorsOf(module, moduleResolution, lib, files)).toBe('');
});

test.each(['index', 'epoll/index', 'reactor/index', 'sys/index', 'adapters/hono', 'adapters/srvx'])(
  '%s.d.ts refers to the types of Node',
  (name) => {
    // Without it a project must list them: since TypeScript 6 the default of `types` is an empty list.
    expect(readFileSync(join(PACKAGE, `dist/${name}.d.ts`), 'utf8')).toMatch(/^\/\/\/ <reference types="node"/);
  },
);

test('TypeScript 5.5 reads every declaration', () => {
  // The types of binary data have a parameter since 5.7, which tsc writes where a type is inferred.
  const declarations = readdirSync(join(PACKAGE, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.d.ts'),
  );
  const generic = declarations.filter((name) =>
    /(?:Array|Buffer|DataView)<ArrayBuffer/.test(readFileSync(join(PACKAGE, 'dist', name), 'utf8')),
  );
  expect(generic).toEqual([]);
});
