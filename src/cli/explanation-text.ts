import picocolors from 'picocolors';
import type { Explanation } from '../explain/explain.js';

// Not where a log or a file takes the text, whatever the environment says.
const pc = picocolors.createColors(picocolors.isColorSupported && process.stdout.isTTY === true);

/** Room for the longest topic. */
const TOPIC_WIDTH = 10;
/** A value that is longer has its reason on a line of its own. */
const VALUE_WIDTH = 44;

/** For people: a line for each thing, its topic in front. */
export function explanationText(explanation: Explanation): string {
  const { request, site, steps, status, reason, fields, absent, cache } = explanation;
  const lines = [pc.bold(`${request.method || '?'} ${request.target}`)];
  const row = (topic: string, says: string): void => {
    lines.push(`${pc.cyan(topic.padEnd(TOPIC_WIDTH))}  ${says}`);
  };
  if (site !== null) {
    const host = request.host === null ? 'none' : request.host;
    row(
      'host',
      site.host === null
        ? `${host}: the site of all hosts that have none of their own`
        : `${host}: has a site of its own`,
    );
    row('root', site.folder === site.root ? site.root : `${site.root}, which is ${site.folder}`);
  }
  for (const { topic, text } of steps) row(topic, text);
  if (status === null) row('answer', "the handler's own");
  else row('answer', colourOf(status)(`${status} ${reason}`));
  const nameWidth = Math.max(0, ...fields.map(({ name }) => name.length), ...absent.map(({ name }) => name.length));
  for (const { name, value, reason } of fields) {
    const start = `  ${pc.bold(name.padEnd(nameWidth))}  `;
    if (value.length <= VALUE_WIDTH) lines.push(`${start}${value.padEnd(VALUE_WIDTH)}  ${pc.dim(reason)}`);
    else lines.push(start + value, `${' '.repeat(nameWidth + VALUE_WIDTH + 6)}${pc.dim(reason)}`);
  }
  for (const { name, why } of absent) {
    lines.push(`  ${pc.dim(`${name.padEnd(nameWidth)}  ${'not sent'.padEnd(VALUE_WIDTH)}  ${why}`)}`);
  }
  if (cache !== null) {
    row('kept', `${PLACES[cache.where]}: ${cache.why}`);
    row('changes', `${cache.changes === 'none' ? '' : `by ${cache.changes}: `}${cache.how}`);
  }
  return `${lines.join('\n')}\n`;
}

const PLACES = { memory: 'in memory', descriptor: 'as an open descriptor', nowhere: 'nowhere' } as const;

const colourOf = (status: number) => (status >= 500 ? pc.red : status >= 400 ? pc.yellow : pc.green);
