import { type Command, Option } from 'commander';
import { explain } from '../explain/explain.js';
import { asciiOf } from '../files/rules/redirects.js';
import { explanationText } from './explanation-text.js';
import { settingsOf, withSettings } from './settings/settings.js';
import { starting } from './settings/starting.js';
import { UsageError } from './settings/usage-error.js';

interface ExplainFlags {
  method: string;
  requestField?: string[];
  json?: true;
}

const METHODS = ['GET', 'HEAD', 'OPTIONS'];

export function defineExplain(command: Command): void {
  command
    .argument('<url>', 'a URL, whose host chooses the site, or a path; in quotes, since shells expand ? and *')
    .addOption(new Option('--method <name>', 'the method of the request').choices(METHODS).default('GET'))
    .addOption(
      new Option(
        '-H, --request-field <field>',
        "a field of the request, such as 'Accept-Encoding: br'; repeatable",
      ).argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]),
    )
    .addOption(new Option('--json', 'print JSON'));
  withSettings(command).action(async (url: string, dir: string | undefined) => {
    const { method, requestField = [], json } = command.opts<ExplainFlags>();
    const { listening, app, options } = settingsOf(command, dir);
    const head = headOf(method, url, requestField);
    // The app is not loaded: a handler that is never called stands for it.
    const handled = app === null ? options : { ...options, fetch: () => new Response() };
    const explanation = await starting(listening, () => explain(handled, head));
    const text = json ? `${JSON.stringify(explanation, null, 2)}\n` : explanationText(explanation);
    // Work for later requests may be pending: compression, hashes of large files.
    process.stdout.write(text, () => process.exit());
  });
}

/** The bytes that a client would send. Percent-encodes as a browser does, but keeps dot segments, so that they can be explained. */
function headOf(method: string, url: string, fields: readonly string[]): Buffer {
  const [, authority, given] = /^(?:https?:\/\/([^/?#]+))?((?:[/?][^#]*)?)(?:#.*)?$/is.exec(url) ?? [];
  const isPath = authority === undefined && given !== undefined && given.startsWith('/');
  if (authority === undefined && !isPath && !(url === '*' && method === 'OPTIONS'))
    throw new UsageError(
      `${JSON.stringify(url)} is neither a path nor an http(s) URL; give one such as /about or http://a.example/.`,
    );
  const path = given === undefined ? url : given.startsWith('/') ? given : `/${given}`;
  const lines = [`${method} ${asciiOf(path)} HTTP/1.1`];
  const checked = fields.map(checkedField);
  if (!checked.some((field) => /^host:/i.test(field))) lines.push(`Host: ${authority ?? 'localhost'}`);
  return Buffer.from(`${[...lines, ...checked].join('\r\n')}\r\n\r\n`, 'latin1');
}

function checkedField(field: string): string {
  if (/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+:[\t\x20-\x7e\x80-\xff]*$/.test(field)) return field;
  throw new UsageError(
    `The request field ${JSON.stringify(field)} is not valid; give one such as -H 'Accept-Encoding: br'.`,
  );
}
