import type { Command, Option } from 'commander';
import { SITE_OPTION_NAMES, SITE_OPTIONS } from '../../files/rules/site-options.js';
import { flagName } from './flags.js';

/** The headings of the help, in order, with flags that stand below them: their names without hyphens. */
const HEADINGS: readonly (readonly [heading: string, flags: string])[] = [
  [
    'Serving:',
    'config host port listen workers accept trigger access-log access-log-file request-ids admin trusted-proxies proxy-protocol vhost check',
  ],
  [
    'Files:',
    SITE_OPTION_NAMES.map((name) => flagName(name, SITE_OPTIONS[name]))
      .join(' ')
      .concat(' spa'),
  ],
  ['Headers and redirects:', 'header redirect security-headers cors'],
  ['Caching:', 'etag cache-control keep-previous-ms cache-bytes max-cached-file-bytes revalidate-ms max-watches'],
  ['Handlers:', 'app fetch-first max-concurrent-handlers handler-timeout-ms body-high-water-bytes'],
  ['Limits:', ''],
];

/** By flag. The last heading that names it counts, since Files has all of a site. */
const HEADING_INDEX = new Map(HEADINGS.flatMap(([, flags], index) => flags.split(' ').map((flag) => [flag, index])));

/** Of a limit, which none names, Limits. */
function headingIndex(option: Option): number {
  return HEADING_INDEX.get(option.long!.replace(/^--(?:no-)?/, '')) ?? HEADINGS.length - 1;
}

/** Adds options below their headings. A short form that the command has already, such as -H of explain, keeps its meaning. */
export function addGrouped(command: Command, options: readonly Option[]): void {
  const sorted = [...options].sort((one, other) => headingIndex(one) - headingIndex(other));
  for (const option of sorted) {
    if (command.options.some(({ short }) => short !== undefined && short === option.short)) {
      option.short = undefined as unknown as string;
      option.flags = option.flags.replace(/^-\w, /, '');
    }
    command.addOption(option.helpGroup(HEADINGS[headingIndex(option)]![0]));
  }
}

/** Adds a text below the options, wrapped to the width of the terminal. Lines that begin with a space stay as they are. */
export function addWrapped(command: Command, text: string): Command {
  return command.addHelpText('after', () => {
    const width = command.configureOutput().getOutHelpWidth?.() ?? 80;
    return text
      .split('\n')
      .map((line) => (line.startsWith(' ') ? line : command.createHelp().boxWrap(line, width)))
      .join('\n');
  });
}
