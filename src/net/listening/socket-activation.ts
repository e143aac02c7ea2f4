import { withCode } from '../../sys/error-code.js';

/** The first descriptor that systemd passes, sd_listen_fds(3). */
const LISTEN_FDS_START = 3;

export interface ActivatedSocket {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit, the unit's name by default; `unknown` if the parent gave none. */
  readonly name: string;
}

/** Taken once: a child process must not take them for its own. */
let activated: readonly ActivatedSocket[] | null = null;

/**
 * The sockets that LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES describe, sd_listen_fds(3).
 * @returns a sentence about what is wrong with the variables; an empty list if there are none
 */
export function activatedSockets(env: NodeJS.ProcessEnv, pid: number): ActivatedSocket[] | string {
  const { LISTEN_FDS: count = '', LISTEN_PID: owner = '', LISTEN_FDNAMES: names = '' } = env;
  if (count === '') return [];
  if (!/^\d{1,4}$/.test(count)) return `LISTEN_FDS must be a count of descriptors, not ${JSON.stringify(count)}`;
  if (owner !== String(pid))
    return `LISTEN_PID is ${owner === '' ? 'missing' : owner} and this process is ${pid}, so the sockets are those of another process; start epollet by exec, without a shell in between`;
  const named = names === '' ? [] : names.split(':');
  return Array.from({ length: Number(count) }, (_, at) => ({
    fd: LISTEN_FDS_START + at,
    name: named[at] || 'unknown',
  }));
}

/**
 * The descriptors that systemd has passed to this process. The first call removes the variables from the environment.
 * @param name those of this name only; null for all
 * @throws ERR_EPOLLET_OPTION if there are none
 */
export function takeActivated(name: string | null): number[] {
  if (activated === null) {
    const found = activatedSockets(process.env, process.pid);
    if (typeof found === 'string') throw activationError(found);
    activated = found;
    for (const variable of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'])
      delete process.env[variable];
  }
  const chosen = activated.filter((each) => name === null || each.name === name);
  if (chosen.length > 0) return chosen.map(({ fd }) => fd);
  if (activated.length === 0)
    throw activationError(
      'LISTEN_FDS is not set, so systemd has passed no socket; start the socket unit of this service',
    );
  throw activationError(
    `systemd has passed no socket of the name ${JSON.stringify(name)}; the names are ${activated.map((each) => each.name).join(', ')}`,
  );
}

const activationError = (sentence: string): Error =>
  withCode('ERR_EPOLLET_OPTION', new TypeError(`listen has "systemd", but ${sentence}`));
