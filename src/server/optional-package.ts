import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What only the lab and the admin door use: optional peer dependencies in package.json, which no package manager installs unasked. */
export type OptionalPackage = 'chart.js' | 'cli-progress' | 'hdr-histogram-js' | 'prom-client';

const requireFrom = createRequire(import.meta.url);

/** The path of a module of the package; null if the package is not installed. */
export function resolveOptional(name: OptionalPackage, module = ''): string | null {
  try {
    return requireFrom.resolve(`${name}${module}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The second is Yarn's Plug'n'Play's code for a peer dependency that the project has not.
    if (code === 'MODULE_NOT_FOUND' || code === 'UNDECLARED_DEPENDENCY') return null;
    throw error;
  }
}

/** The command that installs a version which epollet was tested with. */
export function installCommand(name: OptionalPackage): string {
  const { peerDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return `npm install ${name}@${/\d+/.exec(peerDependencies[name])}`;
}

/** The package itself; null if it is not installed. */
export function loadOptional<Package>(name: OptionalPackage): Package | null {
  const path = resolveOptional(name);
  return path === null ? null : (requireFrom(path) as Package);
}
