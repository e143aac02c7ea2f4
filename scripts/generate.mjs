/**
 * Writes the files that are made from other tables: config.schema.json and the tables in docs/options.md from those of
 * the options, the table of media types from mime-db.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import mimeDb from 'mime-db';
import mime from 'mime-types';
import { flagName, variableOf } from '../dist/cli/settings/flags.js';
import { COMMAND_OPTIONS, CONFIG_OPTIONS, LIMIT_OPTIONS } from '../dist/cli/settings/option-table.js';
import { isTextType } from '../dist/files/rules/media-type.js';
import { rowSchema, schemaOf } from '../dist/files/rules/option-type.js';
import { SITE_OPTIONS } from '../dist/files/rules/site-options.js';
import { SERVER_OPTIONS } from '../dist/server/options.js';

const ROOT = new URL('..', import.meta.url);
const DOCS = 'docs/options.md';

/** The generated files: their path from the package's root, and their content. */
export function generatedFiles() {
  return {
    'config.schema.json': schemaText(),
    [DOCS]: docsText(readFileSync(new URL(DOCS, ROOT), 'utf8')),
    'src/files/rules/media-type-table.ts': mediaTypesText(),
  };
}

function mediaTypesText() {
  const extensions = {};
  for (const extension of Object.keys(mime.types).sort()) {
    const type = mime.contentType(`.${extension}`);
    extensions[type] ??= [];
    extensions[type].push(extension);
  }
  const rows = Object.entries(extensions).map(([type, names]) => `${type.replace(' ', '')} ${names.join(' ')}`);
  const compressible = Object.keys(mimeDb).filter((type) => mimeDb[type].compressible && !isTextType(type));
  return `// Made by "npm run generate" from mime-db and mime-types: loading those takes longer than to start the server.

/** A media type and its file name extensions a line. */
export const MEDIA_TYPES = \`
${rows.sort().join('\n')}
\`;

/** What mime-db has as compressible of the types that are not text by their name. */
export const COMPRESSIBLE_TYPES = \`
${compressible.sort().join('\n')}
\`;
`;
}

function schemaText() {
  const definitions = Object.fromEntries(Object.entries(SITE_OPTIONS).map(([name, row]) => [name, rowSchema(row)]));
  const withReferences = ({ properties, ...schema }) => ({
    ...schema,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, each]) => [
        name,
        name in SITE_OPTIONS ? { $ref: `#/$defs/${name}` } : each,
      ]),
    ),
  });
  const { hosts, ...top } = schemaOf(CONFIG_OPTIONS).properties;
  const host = withReferences(hosts.additionalProperties);
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://unpkg.com/epollet/config.schema.json',
    title: 'epollet configuration',
    description: 'The file of epollet serve --config. Flags and environment variables take precedence over it.',
    ...withReferences({
      ...schemaOf(CONFIG_OPTIONS),
      properties: { ...top, hosts: { ...hosts, additionalProperties: { $ref: '#/$defs/host' } } },
    }),
    $defs: { ...definitions, host },
  };
  // As the formatter has it: lists of plain values on one line.
  const text = JSON.stringify(schema, null, 2);
  return `${text.replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, items) => `[${items.replace(/\s*\n\s+/g, ' ')}]`)}\n`;
}

function docsText(text) {
  const { spa, ...command } = COMMAND_OPTIONS;
  const sections = [
    ['Server', table({ ...SERVER_OPTIONS, ...command }, Object.keys(command))],
    ['Site', table({ ...SITE_OPTIONS, spa }, ['spa'])],
    ['Limits', table(LIMIT_OPTIONS)],
  ].map(([title, lines]) => `## ${title}\n\n${lines}\n`);
  const [begin, end] = ['<!-- begin: generated tables -->\n', '<!-- end: generated tables -->'];
  return `${text.split(begin)[0]}${begin}\n${sections.join('')}${end}${text.split(end)[1]}`;
}

/** @param withoutApi names that `serve()` does not have */
function table(rows, withoutApi = []) {
  const lines = Object.entries(rows).map(([name, row]) => {
    const [flag, variable] = flagCells(name, row);
    const value = row.default === undefined || row.default === null ? '' : `\`${JSON.stringify(row.default)}\``;
    return [
      withoutApi.includes(name) ? '' : `\`${name}\``,
      flag,
      variable,
      value.replaceAll('"', "'"),
      descriptionOf(row),
    ];
  });
  const head = ['option', 'flag', 'variable', 'default', 'what it does'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function descriptionOf({ description, flag, type }) {
  const choices = type.schema.enum?.map((each) => `\`${each}\``).join(', ');
  return `${description}${choices ? ` (${choices})` : ''}${flag?.repeatable ? '; repeatable' : ''}`;
}

function flagCells(name, row) {
  if (name === 'root') return ['`[dir]`', ''];
  if (['routes', 'error', 'upgrade', 'websocket', 'limits', 'measure'].includes(name)) return ['', ''];
  const flag = flagName(name, row);
  const short = row.flag?.short === undefined ? '' : `\`-${row.flag.short}\`, `;
  return [`${short}\`--${row.default === true ? 'no-' : ''}${flag}\``, `\`${variableOf(flag)}\``];
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [path, text] of Object.entries(generatedFiles())) writeFileSync(new URL(path, ROOT), text);
