import picocolors from 'picocolors';
import type { Explanation } from '../explain/explain.js';

// No colours in logs and files, even if the environment asks for them.
const pc = picocolors.createColors(picocolors.isColorSupported && process.stdout.isTTY === true);

/** The longest topic is `representation`. */
const TOPIC_WIDTH = 14;
/** After a longer value its reason goes on a line of its own. */
const VALUE_WIDTH = 44;

/** For people: a line for each decision, its topic first. */
export function explanationText(explanation: Explanation): string {
  const { request, site, steps, status, reason, fields, absent, cache } = explanation;
  const lines = [pc.bold(`${request.method || '?'} ${request.target}`)];
  const row = (topic: string, text: string): void => {
    lines.push(`${pc.cyan(topic.padEnd(TOPIC_WIDTH))}  ${text}`);
  };
  if (site !== null) {
    const host = request.host ?? 'none';
    row('host', `${host}: ${site.host === null ? 'the default site' : 'has its own site'}`);
    row('root', site.directory === site.root ? site.root : `${site.root}, which is ${site.directory}`);
  }
  for (const { topic, text } of steps) row(topic, text);
  row('response', status === null ? "the handler's own" : colourOf(status)(`${status} ${reason}`));
  const nameWidth = Math.max(0, ...fields.map(({ name }) => name.length), ...absent.map(({ name }) => name.length));
  for (const { name, value, reason } of fields) {
    const start = `  ${pc.bold(name.padEnd(nameWidth))}  `;
    if (value.length <= VALUE_WIDTH) lines.push(`${start}${value.padEnd(VALUE_WIDTH)}  ${pc.dim(reason)}`);
    else lines.push(start + value, `${' '.repeat(nameWidth + VALUE_WIDTH + 6)}${pc.dim(reason)}`);
  }
  for (const { name, reason } of absent) {
    lines.push(`  ${pc.dim(`${name.padEnd(nameWidth)}  ${'not sent'.padEnd(VALUE_WIDTH)}  ${reason}`)}`);
  }
  if (cache !== null) {
    row('cached', `${LOCATIONS[cache.location]}: ${cache.reason}`);
    row('invalidation', `${cache.invalidation === 'none' ? '' : `by ${cache.invalidation}: `}${cache.detail}`);
  }
  return `${lines.join('\n')}\n`;
}

const LOCATIONS = { memory: 'in memory', descriptor: 'as an open descriptor', none: 'not' } as const;

const colourOf = (status: number) => (status >= 500 ? pc.red : status >= 400 ? pc.yellow : pc.green);
