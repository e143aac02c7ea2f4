import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../src/index.js';
import { type Folder, makeFolder, settled } from './folder.js';
import { RawClient, type RawResponse, request, withoutDate } from './raw-client.js';

/** What a field is to have: this text, something like it, or null for a field that is not sent. */
export type Expected = string | RegExp | null;

/** One exchange of a table: request line and fields in; status, fields and body out. */
export type Row = readonly [
  ask: string,
  fields: readonly string[],
  status: number,
  sent?: Readonly<Record<string, Expected>>,
  body?: string | RegExp | Buffer,
];

/** A test a row; `check` is given for what else is to be seen of every answer. */
export function testRows(
  rows: readonly Row[],
  port: () => number,
  values: () => Readonly<Record<string, string>> = () => ({}),
  check: (answer: RawResponse) => void = () => {},
): void {
  for (const row of rows) {
    const [ask, fields, status] = row;
    test(`${ask} ${JSON.stringify(fields)} is ${status}`, async () => check(await checkRow(port(), row, values())));
  }
}

/**
 * The same, with a server that is there for these rows alone.
 * @param options asked for when the folder is there
 */
export function testServedRows(
  rows: readonly Row[],
  options: () => Partial<ServeOptions>,
  check?: (answer: RawResponse) => void,
): void {
  let server: Server;
  beforeAll(() => {
    server = serve({ port: 0, ...options() });
  });
  afterAll(() => server.stop({ force: true }));
  testRows(rows, () => server.port, undefined, check);
}

/**
 * A folder for all the tests of a file. Returns what describes a server of it, with options and rows of its own.
 * @param common options of all the servers
 */
export function servingFolder(
  files: Readonly<Record<string, string>>,
  common: Partial<ServeOptions> = {},
  check?: (answer: RawResponse) => void,
) {
  let folder: Folder;
  beforeAll(async () => {
    folder = makeFolder(files);
    await settled();
  });
  afterAll(() => folder[Symbol.dispose]());

  return (what: string, options: Partial<ServeOptions>, rows: readonly Row[]): void => {
    describe(what, () => testServedRows(rows, () => ({ root: folder.root, ...common, ...options }), check));
  };
}

const isOfRange = (line: string): boolean => /^(?:if-)?range:/i.test(line);

/**
 * Sends the request and checks the answer. A GET is sent as HEAD too, for which Range has no meaning (RFC 9110 section
 * 14.2): it must have the head of the GET without one.
 * @param values for each `<name>` in the row's fields what is known only now, such as an entity tag
 */
export async function checkRow(
  port: number,
  [ask, asked, status, sent = {}, body]: Row,
  values: Readonly<Record<string, string>> = {},
): Promise<RawResponse> {
  const filled = (text: string): string => text.replace(/<(\w+)>/g, (place, name) => values[name] ?? place);
  const [method, target] = ask.split(' ', 2) as [string, string];
  const fields = asked.map(filled);
  using client = await RawClient.connect(port);
  const answer = await client.send(request(target, fields, method)).response(method);
  expect(answer.status, answer.head).toBe(status);
  for (const [name, expected] of Object.entries(sent)) {
    const value = answer.field(name);
    if (expected instanceof RegExp) expect(value, name).toMatch(expected);
    else expect(value, `${name} in ${answer.head}`).toBe(expected === null ? null : filled(expected));
  }
  if (Buffer.isBuffer(body)) expect(answer.body.equals(body), 'the very bytes').toBe(true);
  else if (body instanceof RegExp) expect(answer.body.toString()).toMatch(body);
  else if (body !== undefined) expect(answer.body.toString()).toBe(body);
  if (method === 'GET') {
    const plain = fields.some(isOfRange)
      ? await client
          .send(
            request(
              target,
              fields.filter((line) => !isOfRange(line)),
            ),
          )
          .response()
      : answer;
    const head = await client.send(request(target, fields, 'HEAD')).response('HEAD');
    expect(withoutDate(head.head), 'the head of HEAD').toBe(withoutDate(plain.head));
  }
  expect(client.buffered).toHaveLength(0);
  return answer;
}
