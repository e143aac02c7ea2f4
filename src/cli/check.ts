import { Files } from '../files/files.js';
import { LIMIT_NAMES, LIMITS, type Limits, resolveLimits } from '../http/limits.js';
import { checkedOptions } from '../server/options.js';
import { missingSentence } from './missing-fallback.js';
import { Misuse } from './misuse.js';
import { addressOf, misuseOf } from './refusal.js';
import type { Settings } from './settings.js';

/**
 * Does everything that a start does but to listen, and says what would be served.
 * @throws Misuse
 */
export async function checkOf({ host, app, options }: Settings): Promise<string> {
  const { hostname, port, site, hosts, kernel } = checkedOptions({ ...options, hostname: await addressOf(host) });
  const limits = resolveLimits(options.limits);
  try {
    if (site !== null) checkFiles(new Files(kernel, site, hosts, limits));
  } catch (error) {
    throw misuseOf(error as NodeJS.ErrnoException, host);
  }
  const others = [...hosts].map(([name, { root }]) => `${name}: ${root}`);
  const who = [site?.root, app === null ? undefined : `the app ${app}`].filter((each) => each !== undefined);
  if (options.fetchFirst) who.reverse();
  const parts = [
    `${who.join(', then ')} on ${port === 0 ? `a free port of ${hostname}` : `port ${port} of ${hostname}`}`,
    others.length === 0
      ? 'no further hosts'
      : `${others.length} further host${others.length === 1 ? '' : 's'} (${others.join(', ')})`,
    limitsThatDiffer(limits),
  ];
  return `The configuration is fine: ${parts.join('; ')}.`;
}

function checkFiles(files: Files): void {
  const [missing] = files.missingFallbacks;
  files.close();
  if (missing !== undefined) throw new Misuse(missingSentence(missing));
}

function limitsThatDiffer(limits: Limits): string {
  const names = LIMIT_NAMES.filter((name) => limits[name] !== LIMITS[name].default);
  if (names.length === 0) return 'limits by default';
  return `limits by default but ${names.map((name) => `${name} ${limits[name]}`).join(', ')}`;
}
