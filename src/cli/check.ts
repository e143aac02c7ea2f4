import { join } from 'node:path';
import { Files } from '../files/files.js';
import type { MissingFallback } from '../files/pages/fallback.js';
import { DIRECTORY } from '../files/resolve/open-file.js';
import { LIMIT_NAMES, LIMITS, type Limits, resolveLimits } from '../http/limits.js';
import { type ListenAddress, listenText } from '../net/listening/listen-address.js';
import { checkedOptions } from '../server/checked-options.js';
import { checkLogFile } from '../server/log/log-file.js';
import { EACCES, ELOOP, ENOENT, ENOTDIR, EXDEV, systemError } from '../sys/errno.js';
import { resolveListening } from './settings/listening.js';
import type { Settings } from './settings/settings.js';
import { starting } from './settings/starting.js';
import { UsageError } from './settings/usage-error.js';

/**
 * Does everything that a start does except listening, and returns a line that describes what would be served.
 * @throws UsageError
 */
export async function checkSettings({ listening, app, options }: Settings): Promise<string> {
  const { listen, site, hosts, log, kernel } = checkedOptions({
    ...options,
    ...(await resolveListening(listening)),
  });
  const limits = resolveLimits(options.limits);
  const files = site === null ? null : await starting(listening, () => new Files(kernel, site, hosts, limits));
  const missing = files?.missingFallbacks[0];
  files?.close();
  if (log?.file) await starting(listening, () => checkLogFile(log.file!));
  if (missing !== undefined) throw new UsageError(describeMissing(missing));
  const others = [...hosts].map(([name, { root }]) => `${name}: ${root}`);
  const sources = [site?.root, app === null ? undefined : `the app ${app}`].filter((each) => each !== undefined);
  if (options.fetchFirst) sources.reverse();
  const parts = [
    `${sources.join(', then ')} on ${listen.map(placeOf).join(', ')}`,
    others.length === 0
      ? 'no further hosts'
      : `${others.length} further host${others.length === 1 ? '' : 's'} (${others.join(', ')})`,
    changedLimits(limits),
  ];
  return `The configuration is valid: ${parts.join('; ')}.`;
}

/** Why a fallback cannot be sent, and the remedy, in one sentence. */
export function describeMissing({ root, name, errno }: MissingFallback): string {
  const path = join(root, name);
  switch (errno) {
    case DIRECTORY:
      return `The fallback ${path} is a directory; give --fallback a file, such as ${join(name, 'index.html')}.`;
    case ENOENT:
    case ENOTDIR:
      return `The fallback ${path} does not exist; create it, or give --fallback another file.`;
    case EXDEV:
      return `The fallback ${path} is reached through a symlink that leaves the root; put the file itself there, or give --symlinks follow.`;
    case ELOOP:
      return `The fallback ${path} is reached through a symlink that is not followed; put the file itself there.`;
    case EACCES:
      return `The fallback ${path} cannot be read by this user; change its permissions or the user.`;
    default:
      return `The fallback ${path} cannot be opened (${systemError('', errno).code}); give --fallback another file.`;
  }
}

function placeOf(address: ListenAddress): string {
  if (address.kind !== 'tcp') return listenText(address);
  const { host, port } = address;
  return port === 0 ? `a free port of ${host}` : `port ${port} of ${host}`;
}

function changedLimits(limits: Limits): string {
  const names = LIMIT_NAMES.filter((name) => limits[name] !== LIMITS[name].default);
  if (names.length === 0) return 'default limits';
  return `default limits except ${names.map((name) => `${name} ${limits[name]}`).join(', ')}`;
}
