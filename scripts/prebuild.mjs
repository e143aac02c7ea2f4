/**
 * Builds the addons that the package contains: prebuilds/linux-x64/epollet.node and prebuilds/linux-arm64/epollet.node.
 *
 *   node scripts/prebuild.mjs [x64] [arm64]
 *
 * Each serves every Node (Node-API) and both C libraries, glibc from 2.28 on and musl: libstdc++ is linked statically, and
 * no symbol of the C library is used that one of them lacks. Sources and flags are those of binding.gyp; the compilers
 * Debian's g++, g++-aarch64-linux-gnu and g++-x86-64-linux-gnu.
 */

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const CPUS = { x64: 'x86_64', arm64: 'aarch64' };

export const ARCHITECTURES = Object.keys(CPUS);

/** The C library of the oldest distributions that Node's own binaries run on: Debian 10, RHEL 8. */
export const NEWEST_GLIBC = '2.28';

/** What Node looks up, and no more: a C++ function of the addon must neither replace one of another addon nor be replaced. */
const EXPORTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

/** Those of the C library, which every process has. ld-linux-aarch64.so.1, for example, exists only with glibc. */
const LIBRARIES = ['libc.so.6', 'libm.so.6', 'libpthread.so.0'];

/** glibc's loader exports it for variables of a thread; on musl it is in the C library. */
const THREAD_LOCAL = '__tls_get_addr';

/** Functions that only glibc has: checks of _FORTIFY_SOURCE, C23's strtol, 64-bit names of old binaries. */
const GLIBC_ONLY =
  /^__(\w+_chk|isoc\d+_\w+|\w*xstat(at)?(64)?)$|^(fstat|openat|open|readdir|pread|pwrite|sendfile|fstatfs|lseek|mmap)64$|^_dl_/;

export const prebuiltPath = (arch) => join(ROOT, 'prebuilds', `linux-${arch}`, 'epollet.node');

export async function prebuild(arch) {
  const [target] = JSON.parse(readFileSync(join(ROOT, 'binding.gyp'), 'utf8')).targets;
  const compiler = compilerFor(arch);
  const output = prebuiltPath(arch);
  const sources = ['scripts/prebuild.cc', ...target.sources];
  const objects = mkdtempSync(join(tmpdir(), 'epollet-prebuild-'));
  const flags = [
    ...target.cflags,
    ...target.cflags_cc,
    ...['-O3', '-fPIC', '-fno-rtti', '-ffunction-sections', '-fdata-sections', `-ffile-prefix-map=${ROOT}=`],
    // What a distribution's compiler may add, and musl or an old glibc lacks.
    ...['-fno-stack-protector', '-U_FORTIFY_SOURCE'],
    ...target.defines.map((name) => `-D${name}`),
    // Where off_t has 64 bits anyway, this only renames functions to names that musl keeps for old binaries.
    '-U_FILE_OFFSET_BITS',
    ...['-I', headers(), '-I', createRequire(import.meta.url)('node-addon-api').include_dir.replaceAll('"', '')],
  ];
  try {
    await inParallel(sources, (source) =>
      compile(compiler, [...flags, '-c', join(ROOT, source), '-o', join(objects, objectOf(source))]),
    );
    const exportList = join(objects, 'exports');
    writeFileSync(exportList, `{ global: ${EXPORTS.join('; ')}; local: *; };`);
    const link = (file, ...libraries) =>
      compile(compiler, [
        ...['-shared', '-s', '-static-libstdc++', '-static-libgcc', `-Wl,--version-script=${exportList}`],
        ...['-Wl,--gc-sections', '-Wl,--as-needed', '-Wl,--build-id=none', '-Wl,-z,relro,-z,now'],
        ...sources.map((source) => join(objects, objectOf(source))),
        ...['-o', file, ...libraries],
      ]);
    // Only a file that was linked with the C library has the versions of its symbols.
    const versioned = join(objects, 'versioned.node');
    await link(versioned);
    const faults = faultsIn(needsOf(versioned));
    if (faults.length > 0) throw new Error(`The addon for ${arch} would not load everywhere:\n${faults.join('\n')}`);
    mkdirSync(dirname(output), { recursive: true });
    // Names no C library: its symbols are those of the process, whose library has another name on musl.
    await link(output, '-nodefaultlibs', '-lgcc');
  } finally {
    rmSync(objects, { recursive: true });
  }
  return output;
}

const objectOf = (source) => `${basename(source, '.cc')}.o`;

function compilerFor(arch) {
  if (arch === process.arch) return process.env.CXX || 'g++';
  if (arch in CPUS) return `${CPUS[arch]}-linux-gnu-g++`;
  throw new Error(`There is no prebuilt addon for ${arch}; give ${ARCHITECTURES.join(' or ')}.`);
}

/** Node's headers are the same on every architecture: those of this Node, else of npm_package_config_node_gyp_nodedir. */
function headers() {
  const roots = [process.env.npm_package_config_node_gyp_nodedir, dirname(dirname(process.execPath))];
  const cache = join(
    process.env.XDG_CACHE_HOME || join(process.env.HOME ?? '', '.cache'),
    'node-gyp',
    process.versions.node,
  );
  const candidates = [...roots.filter(Boolean), cache].map((root) => join(root, 'include/node'));
  const found = candidates.find((path) => existsSync(join(path, 'node_api.h')));
  if (found === undefined)
    throw new Error(
      `The headers of Node are in none of ${candidates.join(', ')}: npx node-gyp install downloads them.`,
    );
  return found;
}

async function compile(compiler, args) {
  try {
    await promisify(execFile)(compiler, args);
  } catch (error) {
    if (error.code !== 'ENOENT') throw new Error(error.stderr || error.message);
    throw new Error(`${compiler} is not installed (Debian: apt-get install g++ g++-aarch64-linux-gnu).`);
  }
}

async function inParallel(items, work) {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

/** What the file needs from the process that loads it, without Node-API and libuv: symbols with their versions, and libraries. */
export function needsOf(file) {
  const symbols = readelf('--dyn-syms', file)
    .split('\n')
    .flatMap((line) => {
      const [, name, version = ''] = / UND (\w+)(?:@(\w+(?:\.\w+)*))?/.exec(line) ?? [];
      return name === undefined || /^(napi|node_api|uv)_/.test(name) ? [] : [{ name, version }];
    });
  const libraries = [...readelf('--dynamic', file).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
  return { symbols, libraries };
}

/** Why a file would not load with glibc NEWEST_GLIBC or with musl: a sentence for each library and symbol. */
export function faultsIn({ symbols, libraries }) {
  return [
    ...libraries
      .filter(
        (name) => !LIBRARIES.includes(name) && !(isLoader(name) && symbols.some((each) => each.name === THREAD_LOCAL)),
      )
      .map((name) => `It needs ${name}, which musl has not; only ${LIBRARIES.join(', ')} are in both.`),
    ...symbols.flatMap(({ name, version }) => {
      const [, glibc] = /^GLIBC_([\d.]+)$/.exec(version) ?? [];
      if (glibc !== undefined && isNewer(glibc, NEWEST_GLIBC))
        return `It needs ${name} of glibc ${glibc}, newer than ${NEWEST_GLIBC}: make the system call by syscall(2), as StatusOf in native/file.cc does.`;
      if (/^(GLIBCXX|CXXABI|GCC)_/.test(version))
        return `It needs ${name} of ${version}: libstdc++ and libgcc are linked statically, see scripts/prebuild.cc.`;
      return GLIBC_ONLY.test(name) ? `It needs ${name}, which only glibc has.` : [];
    }),
  ];
}

const isLoader = (name) => /^ld-linux-/.test(name);

const isNewer = (version, than) => version.localeCompare(than, 'en', { numeric: true }) > 0;

const readelf = (option, file) => execFileSync('readelf', ['--wide', option, file], { encoding: 'utf8' });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const chosen = process.argv.slice(2);
  try {
    for (const arch of chosen.length > 0 ? chosen : ARCHITECTURES) {
      const file = await prebuild(arch);
      console.log(`${file.slice(ROOT.length)}  ${Math.round(statSync(file).size / 1024)} KiB`);
    }
  } catch (error) {
    console.error(`prebuild: ${error.message}`);
    process.exit(1);
  }
}
