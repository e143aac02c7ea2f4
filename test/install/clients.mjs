/** The package managers, and how each installs a file into an empty project with its default settings. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BUN = `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`;

const npm = (version, node) => ({
  name: `npm ${version}`,
  package: `npm@${version}`,
  program: 'npm/bin/npm-cli.js',
  node,
  add: (tarball) => ['install', tarball],
});

const yarn4 = (linker, name) => ({
  name: `yarn 4, ${name}`,
  package: '@yarnpkg/cli-dist@4',
  program: '@yarnpkg/cli-dist/bin/yarn.js',
  node: 24,
  add: (tarball) => ['add', `epollet@file:${tarball}`],
  prepare: (project) => {
    // Marks the directory as a project of its own.
    writeFileSync(join(project, 'yarn.lock'), '');
    if (linker !== 'pnp') writeFileSync(join(project, '.yarnrc.yml'), `nodeLinker: ${linker}\n`);
  },
  isPnp: linker === 'pnp',
});

/** `node` is the major version of Node that runs the client and the project. */
export const CLIENTS = [
  npm(10, 22),
  npm(11, 24),
  npm(12, 24),
  {
    name: 'pnpm 10',
    package: 'pnpm@10',
    program: 'pnpm/bin/pnpm.cjs',
    node: 22,
    add: (tarball) => ['add', tarball],
  },
  {
    name: 'pnpm, newest',
    package: 'pnpm',
    program: `@pnpm/exe.linux-${process.arch}/pnpm`,
    isNative: true,
    node: 24,
    add: (tarball) => ['add', tarball],
  },
  {
    name: 'yarn 1',
    package: 'yarn@1',
    program: 'yarn/bin/yarn.js',
    node: 22,
    add: (tarball) => ['add', `file:${tarball}`],
  },
  yarn4('pnp', "Plug'n'Play"),
  yarn4('node-modules', 'node-modules'),
  {
    name: 'bun',
    package: BUN,
    program: `${BUN}/bin/bun`,
    isNative: true,
    node: 24,
    add: (tarball) => ['add', tarball],
  },
];
