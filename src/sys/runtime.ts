import { withCode } from './error-code.js';

/** Runtimes that load addons of Node-API, and lack a part of libuv. */
const WITHOUT_LOOP: readonly [version: string, name: string][] = [
  ['bun', 'Bun'], // its uv_poll_init ends the process
  ['deno', 'Deno'], // its uv_poll_start never calls back
];

/**
 * Whether the runtime has what `loopStart` and `loopEnclose` need of libuv.
 * @throws Error ERR_EPOLLET_PLATFORM under Bun and Deno
 */
export function assertLoop(versions: Readonly<Record<string, string | undefined>> = process.versions): void {
  const [, name] = WITHOUT_LOOP.find(([version]) => versions[version] !== undefined) ?? [];
  if (name === undefined) return;
  throw withCode(
    'ERR_EPOLLET_PLATFORM',
    new Error(
      `serve(), NestedDriver, EnclosingDriver and asynchronous waits use libuv's loop, which ${name} does not have: run them with Node 20.19 or newer, or wait with Epoll.poll() or a BlockingDriver, which block.`,
    ),
  );
}
