import { isDeepStrictEqual } from 'node:util';
import { optionError } from '../files/rules/option-type.js';
import type { ServeOptions } from './options.js';

/** What a reload cannot change. */
const FIXED_OPTIONS = [
  'hostname',
  'port',
  'listen',
  'trigger',
  'accessLog',
  'accessLogFile',
  'requestIds',
  'measure',
  'admin',
  'kernel',
] as const;

/** What `reload` is given: some of the options. Undefined stands for the default. */
export type Changes<Options> = { readonly [Name in keyof Options]?: Options[Name] | undefined };

/** All options, with the changes of some. */
export const changed = <Options>(before: Options, changes: Changes<Options>): Options =>
  ({ ...before, ...changes }) as Options;

/** A reload whose options are checked, and whose files are open. One of the two is called, once. */
export interface PreparedReload {
  commit(): void;
  abort(): void;
}

export const cannotChange = (name: string): TypeError =>
  optionError(`${name} cannot change in a reload: restart the server, or leave it as it was`);

/** @throws TypeError ERR_EPOLLET_OPTION for an option that differs from that of the start and cannot change */
export function rejectFixed(options: ServeOptions, before: ServeOptions): void {
  for (const name of FIXED_OPTIONS) {
    if (options[name] !== undefined && !isDeepStrictEqual(options[name], before[name])) throw cannotChange(name);
  }
}
