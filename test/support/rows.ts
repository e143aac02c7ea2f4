import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../src/index.js';
import { makeDirectory, settled, type TestDirectory } from './directory.js';
import { RawClient, type RawResponse, request, withoutDate } from './raw-client.js';

/** The expected value of a field: a text, a pattern, or null if it must not be sent. */
export type Expected = string | RegExp | null;

/** One exchange of a table: request line and fields in; status, fields and body out. */
export type Row = readonly [
  line: string,
  fields: readonly string[],
  status: number,
  sent?: Readonly<Record<string, Expected>>,
  body?: string | RegExp | Buffer,
];

/** One test a row; `check` makes further checks of every response. */
export function testRows(
  rows: readonly Row[],
  port: () => number,
  values: () => Readonly<Record<string, string>> = () => ({}),
  check: (response: RawResponse) => void = () => {},
): void {
  for (const row of rows) {
    const [line, fields, status] = row;
    test(`${line} ${JSON.stringify(fields)} is ${status}`, async () => check(await checkRow(port(), row, values())));
  }
}

/**
 * The same, with a server of its own.
 * @param options called once the files exist
 */
export function testServedRows(
  rows: readonly Row[],
  options: () => Partial<ServeOptions>,
  check?: (response: RawResponse) => void,
): void {
  let server: Server;
  beforeAll(() => {
    server = serve({ port: 0, ...options() });
  });
  afterAll(() => server.stop({ force: true }));
  testRows(rows, () => server.port, undefined, check);
}

/**
 * A directory of files for all tests of a test file. Returns a function that describes one server of it by its options and rows.
 * @param common options of every server
 */
export function servingFiles(
  files: Readonly<Record<string, string>>,
  common: Partial<ServeOptions> = {},
  check?: (response: RawResponse) => void,
) {
  let directory: TestDirectory;
  beforeAll(async () => {
    directory = makeDirectory(files);
    await settled();
  });
  afterAll(() => directory[Symbol.dispose]());

  return (subject: string, options: Partial<ServeOptions>, rows: readonly Row[]): void => {
    describe(subject, () => testServedRows(rows, () => ({ root: directory.root, ...common, ...options }), check));
  };
}

const isRangeField = (line: string): boolean => /^(?:if-)?range:/i.test(line);

/**
 * Sends the request and checks the response. A GET is also sent as HEAD, for which Range has no meaning (RFC 9110 section
 * 14.2): its head must be that of the GET without Range.
 * @param values replaces each `<name>` in the row's fields by a value known only at run time, such as an entity tag
 */
export async function checkRow(
  port: number,
  [line, fieldLines, status, sent = {}, body]: Row,
  values: Readonly<Record<string, string>> = {},
): Promise<RawResponse> {
  const filled = (text: string): string => text.replace(/<(\w+)>/g, (placeholder, name) => values[name] ?? placeholder);
  const [method, target] = line.split(' ', 2) as [string, string];
  const fields = fieldLines.map(filled);
  using client = await RawClient.connect(port);
  const response = await client.send(request(target, fields, method)).response(method);
  expect(response.status, response.head).toBe(status);
  for (const [name, expected] of Object.entries(sent)) {
    const value = response.field(name);
    if (expected instanceof RegExp) expect(value, name).toMatch(expected);
    else expect(value, `${name} in ${response.head}`).toBe(expected === null ? null : filled(expected));
  }
  if (Buffer.isBuffer(body)) expect(response.body.equals(body), 'the same bytes').toBe(true);
  else if (body instanceof RegExp) expect(response.body.toString()).toMatch(body);
  else if (body !== undefined) expect(response.body.toString()).toBe(body);
  if (method === 'GET') {
    const plain = fields.some(isRangeField)
      ? await client
          .send(
            request(
              target,
              fields.filter((line) => !isRangeField(line)),
            ),
          )
          .response()
      : response;
    const head = await client.send(request(target, fields, 'HEAD')).response('HEAD');
    expect(withoutDate(head.head), 'the head of HEAD').toBe(withoutDate(plain.head));
  }
  expect(client.buffered).toHaveLength(0);
  return response;
}
