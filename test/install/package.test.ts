import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PACKAGE } from '../support/command.js';
import { expectedContents } from './contents.mjs';

const manifest = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));

/** As npm would publish the checkout without its scripts: they remove old files of dist and build the addons. */
function packed(): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const [{ files }] = JSON.parse(execFileSync('npm', args, { cwd: PACKAGE, encoding: 'utf8', stdio: 'pipe' }));
  return files.map(({ path }: { path: string }) => path);
}

test('the package contains exactly these files', () => {
  const isComparable = (path: string): boolean => !path.startsWith('prebuilds/') || existsSync(join(PACKAGE, path));
  const expected = expectedContents().filter(isComparable);
  // Modules and declarations that no entry point reaches are removed before it is packed.
  const isRemoved = (path: string): boolean => /^dist\/.*\.(js|d\.ts)$/.test(path) && !expected.includes(path);
  const files = packed();
  expect(files.filter((path) => !isRemoved(path)).sort()).toEqual(expected);
  for (const path of ['dist/cli/main.js', 'dist/lab/lab.d.ts']) expect(files.filter(isRemoved)).toContain(path);
});

describe('package.json', () => {
  // npm 11 and 12 warn of a prepare script too, if the package comes from a file. postprepare builds a checkout on npm ci.
  test.each(['preinstall', 'install', 'postinstall', 'prepare'])('there is no %s script', (name) =>
    expect(manifest.scripts).not.toHaveProperty(name),
  );

  test('npm does not build a package that has binding.gyp', () => expect(manifest.gypfile).toBe(false));

  test('what only builds or only the lab uses is not a dependency', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['bindings', 'commander', 'picocolors']);
  });

  test('every package of the lab is optional, and installed for development in the same version', () => {
    const { peerDependencies, peerDependenciesMeta, devDependencies } = manifest;
    expect(Object.keys(peerDependencies)).toEqual(Object.keys(peerDependenciesMeta));
    for (const name of ['chart.js', 'cli-progress', 'hdr-histogram-js']) {
      expect(peerDependenciesMeta[name], name).toEqual({ optional: true });
      expect(devDependencies[name], name).toBe(peerDependencies[name]);
    }
  });

  test.each(['homepage', 'bugs', 'repository'])('%s leads to the repository', (name) =>
    expect(JSON.stringify(manifest[name])).toContain('https://github.com/epollet/epollet'),
  );

  test('every entry point and the command are in the package', () => {
    const paths = [manifest.bin, ...Object.values(manifest.exports)].flatMap((entry) => Object.values(entry as object));
    const named = paths.filter((path) => path.length > 1).map((path: string) => path.replace('./', ''));
    expect(named.length).toBeGreaterThan(8);
    for (const path of named) expect(expectedContents()).toContain(path);
  });
});
