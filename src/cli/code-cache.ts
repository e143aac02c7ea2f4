import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

/** Files that are kept: those of a few builds, versions of Node and flags of V8. */
const MAX_FILES = 8;
const NAME = /^epollet-[\w.-]+\.cache$/;
/** The permission of the group and of others to write, inode(7). */
const WRITABLE_BY_OTHERS = 0o022;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What V8 has compiled of a file, kept for the next start in the directory of NODE_COMPILE_CACHE, or else in that of the
 * user's caches. V8 trusts this code as it does the program, so neither the file nor its directory may be writable by another
 * user but root. Where it cannot be read or written there is none, and the start takes longer.
 */
export class CodeCache {
  constructor(
    private readonly directory: string,
    private readonly name: string,
  ) {}

  /** @returns undefined if there is none */
  read(): Buffer | undefined {
    try {
      if (!isTrusted(statSync(this.directory))) return undefined;
      const fd = openSync(join(this.directory, this.name), 'r');
      try {
        const stats = fstatSync(fd);
        return stats.isFile() && isTrusted(stats) ? readFileSync(fd) : undefined;
      } finally {
        closeSync(fd);
      }
    } catch {
      return undefined;
    }
  }

  write(data: Uint8Array): void {
    try {
      makeDirectory(this.directory);
      if (!isTrusted(statSync(this.directory))) return;
      const path = join(this.directory, this.name);
      const unfinished = `${path}.${process.pid}`;
      try {
        // On disk before it has its name: V8 has no checksum of it.
        writeFileSync(unfinished, data, { mode: 0o600, flag: 'wx', flush: true });
        renameSync(unfinished, path); // another process reads all of it or nothing
      } catch (error) {
        rmSync(unfinished, { force: true });
        throw error;
      }
      this.removeOld();
    } catch {
      // A read-only or full file system, or a user without a home: the next start compiles again.
    }
  }

  private removeOld(): void {
    const paths = readdirSync(this.directory)
      .filter((name) => NAME.test(name))
      .map((name) => join(this.directory, name));
    const newestFirst = paths
      .map((path) => ({ path, atMs: statSync(path).mtimeMs }))
      .sort((one, other) => other.atMs - one.atMs);
    for (const { path } of newestFirst.slice(MAX_FILES)) rmSync(path, { force: true });
  }
}

/**
 * @param build identifies the source, of which V8 itself compares the length only
 * @param file of the source: its name is in the code, for stacks
 * @returns null if there is no directory for it, it is switched off by NODE_DISABLE_COMPILE_CACHE, or coverage is measured, for
 * which cached code is too coarse
 */
export function codeCacheOf(build: string, env: Environment = process.env, file = ''): CodeCache | null {
  if (env['NODE_DISABLE_COMPILE_CACHE'] || env['NODE_V8_COVERAGE']) return null;
  const directory = directoryOf(env);
  if (directory === null) return null;
  // Code that was compiled with other flags of V8 is rejected: starts with different ones must not replace each other's.
  const flags = [...process.execArgv, env['NODE_OPTIONS'] ?? ''].join(' ').trim();
  return new CodeCache(
    directory,
    `epollet-${build}-${process.version}-${process.arch}-${hashOf(`${flags} ${file}`)}.cache`,
  );
}

/** XDG Base Directory Specification; a relative path is invalid by it. */
function directoryOf(env: Environment): string | null {
  const { NODE_COMPILE_CACHE: own, XDG_CACHE_HOME: caches, HOME: home } = env;
  if (own) return own;
  if (caches && isAbsolute(caches)) return join(caches, 'epollet');
  return home && isAbsolute(home) ? join(home, '.cache', 'epollet') : null;
}

/** With ~/.cache, but never a home. */
function makeDirectory(directory: string): void {
  for (const path of [dirname(directory), directory]) {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function isTrusted({ uid, mode }: { uid: number; mode: number }): boolean {
  return (uid === process.geteuid!() || uid === 0) && (mode & WRITABLE_BY_OTHERS) === 0;
}

/** FNV-1a, 32 bits: node:crypto takes milliseconds to load. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16);
}
