#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { codeCacheOf } from './code-cache.js';
import type { main } from './main.js';

/** After the first requests, whose functions are compiled by then. Another start within this time has no cache yet. */
const WRITE_AFTER_MS = 3000;

/** Made by scripts/bundle.mjs: a function expression behind a comment that identifies the build. */
const COMMAND = new URL('../command.cjs', import.meta.url);

type Define = (
  exports: { main: typeof main },
  require: NodeJS.Require,
  importModule: (specifier: string) => Promise<unknown>,
  directory: string,
) => void;

const source = readFileSync(COMMAND, 'utf8');
const build = source.slice('/* '.length, source.indexOf(' */'));
const cache = codeCacheOf(build, process.env, COMMAND.href);
const script = compiled(cache?.read());

const define = script.runInThisContext() as Define;
const command = {} as { main: typeof main };
// A script has neither of its own.
const importModule = (specifier: string): Promise<unknown> => import(specifier);
define(command, createRequire(import.meta.url), importModule, new URL('.', COMMAND).href);

// A process of another command would leave out what serve needs.
command.main((underInitialFlags) => {
  if (cache === null || script.cachedDataRejected === false) return;
  const write = (): void => {
    clearTimeout(timer);
    process.off('exit', write);
    cache.write(underInitialFlags(() => script.createCachedData()));
  };
  const timer = setTimeout(write, WRITE_AFTER_MS).unref();
  process.on('exit', write);
});

/** @param cachedData is not kept: it takes as much memory as the source */
function compiled(cachedData: Buffer | undefined): Script {
  return new Script(source, { filename: COMMAND.href, ...(cachedData === undefined ? {} : { cachedData }) });
}
