import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ARCHITECTURES, faultsIn, NEWEST_GLIBC, needsOf, prebuiltPath } from '../../scripts/prebuild.mjs';
import { PACKAGE } from '../support/command.js';
import { needs } from '../support/needs.js';

describe('what a prebuilt addon may need', () => {
  test.each([
    ['memcpy', 'GLIBC_2.14', null],
    ['statx', 'GLIBC_2.28', null],
    ['napi_create_object', '', null],
    [
      'fstat',
      'GLIBC_2.33',
      `It needs fstat of glibc 2.33, newer than ${NEWEST_GLIBC}: make the system call by syscall(2)`,
    ],
    ['close_range', 'GLIBC_2.34', 'It needs close_range of glibc 2.34'],
    ['_Znwm', 'GLIBCXX_3.4', 'It needs _Znwm of GLIBCXX_3.4: libstdc++ and libgcc are linked statically'],
    ['_Unwind_Resume', 'GCC_3.0', 'It needs _Unwind_Resume of GCC_3.0'],
    ['__memcpy_chk', 'GLIBC_2.3.4', 'It needs __memcpy_chk, which only glibc has.'],
    ['fstatfs64', 'GLIBC_2.2.5', 'It needs fstatfs64, which only glibc has.'],
  ])('the symbol %s of %j', (name, version, fault) => {
    const faults = faultsIn({ symbols: [{ name, version }], libraries: [] });
    expect(faults).toEqual(fault === null ? [] : [expect.stringContaining(fault)]);
  });

  test.each([
    ['libc.so.6', []],
    ['libm.so.6', []],
    ['ld-linux-aarch64.so.1', [expect.stringContaining('It needs ld-linux-aarch64.so.1')]],
    ['libstdc++.so.6', [expect.stringContaining('It needs libstdc++.so.6')]],
  ])('the library %s', (name, faults) => expect(faultsIn({ symbols: [], libraries: [name] })).toEqual(faults));
});

const hasReadelf = spawnSync('readelf', ['--version']).status === 0;

test(`the addon of this checkout needs no symbol that is newer than glibc ${NEWEST_GLIBC}`, () => {
  if (!needs(hasReadelf, 'symbols of the addon', 'readelf is not installed (Debian: binutils)')) return;
  const { symbols } = needsOf(join(PACKAGE, 'build/Release/epollet.node'));
  expect(symbols.map(({ name }) => name)).toContain('epoll_wait');
  expect(faultsIn({ symbols: symbols.filter(({ version }) => version.startsWith('GLIBC_')), libraries: [] })).toEqual(
    // The build of a checkout has 64-bit file offsets on every architecture.
    symbols.filter(({ name }) => /64$/.test(name)).map(({ name }) => `It needs ${name}, which only glibc has.`),
  );
});

test.each(ARCHITECTURES)('the prebuilt addon for %s names no library and no version of a symbol', (arch) => {
  const file = prebuiltPath(arch);
  // A checkout has them only after npm run prebuilds; test/install/run.mjs tests those of the package.
  if (!existsSync(file) || !hasReadelf) return;
  const { symbols, libraries } = needsOf(file);
  expect(libraries).toEqual([]);
  expect(symbols.filter(({ version }) => version !== '')).toEqual([]);
});
