/** Programs, directories and processes of test/install/run.mjs: everything ends, and is removed, with it. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';

/** Downloaded programs stay here between runs. */
const CACHE = join(tmpdir(), `epollet-install-${userInfo().uid}`);

/** What the clients and the commands of node_modules/.bin call; neither a compiler nor Python. */
const COMMANDS = [
  'sh',
  'env',
  'sed',
  'dirname',
  'basename',
  'uname',
  'readlink',
  'cat',
  'ls',
  'rm',
  'mkdir',
  'ln',
  'chmod',
];

const running = new Set();

export const work = mkdtempSync(join(tmpdir(), 'epollet-install-run-'));
process.on('exit', () => {
  for (const pid of running) kill(pid);
  rmSync(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

function kill(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/**
 * Runs a program to its end. @returns standard output and error, in the order of writing
 * @throws Error with the output if it fails or takes too long
 */
export function run(command, args, { seconds = 120, ...options } = {}) {
  return new Promise((resolve, reject) => {
    // In a process group of its own, so that it ends with all its children.
    const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid !== undefined) running.add(child.pid);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill(child.pid);
    }, seconds * 1000);
    const ended = (reason) => {
      clearTimeout(timer);
      running.delete(child.pid);
      if (reason === null) resolve(output);
      else reject(new Error(`${[command, ...args].join(' ')}: ${reason}\n${output.slice(-3000)}`));
    };
    child.on('error', (error) => ended(error.message));
    child.on('close', (code, signal) =>
      ended(isLate ? `not ended after ${seconds} s` : code === 0 ? null : `exit ${code ?? signal}`),
    );
  });
}

export const isInstalled = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

/** @returns the node_modules that contains the package of the registry */
export async function download(spec, ...flags) {
  const directory = join(CACHE, spec.replaceAll(/[^\w.@-]/g, '+'));
  const modules = join(directory, 'node_modules');
  if (existsSync(modules)) return modules;
  mkdirSync(CACHE, { recursive: true });
  const partial = mkdtempSync(`${directory}-`);
  const quiet = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--loglevel=error'];
  try {
    await run('npm', ['install', '--prefix', partial, ...quiet, ...flags, spec], { seconds: 240 });
    // Only a whole one gets the name that the next run looks for.
    rmSync(directory, { recursive: true, force: true });
    renameSync(partial, directory);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return modules;
}

/** @returns the path of the newest Node with this major version */
export async function node(major) {
  const name = `node-linux-${process.arch}`;
  return join(await download(`${name}@${major}`), name, 'bin/node');
}

/** A directory as PATH that contains Node and little else. */
export function pathWith(node) {
  const directory = mkdtempSync(join(work, 'path-'));
  symlinkSync(node, join(directory, 'node'));
  for (const name of COMMANDS) {
    const found = process.env.PATH.split(delimiter)
      .map((entry) => join(entry, name))
      .find(existsSync);
    if (found !== undefined) symlinkSync(found, join(directory, name));
  }
  return directory;
}

/** Proxies, certificates and the registry of this machine; nothing else of its environment. */
export function environment(home, path, registry) {
  const network = Object.entries(process.env).filter(([name]) => /proxy|CA_CERT|SSL_CERT/i.test(name));
  const ca = process.env.NODE_EXTRA_CA_CERTS;
  return {
    ...Object.fromEntries(network),
    ...(ca ? { YARN_HTTPS_CA_FILE_PATH: ca, npm_config_cafile: ca } : {}),
    PATH: path,
    HOME: home,
    NO_COLOR: '1',
    npm_config_registry: registry,
    YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, ''),
    YARN_ENABLE_TELEMETRY: '0',
  };
}
