import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { exchange, RawClient, type RawResponse, request, withoutDate } from '../../support/raw-client.js';

const EARLY = 'Thu, 01 Jan 1998 00:00:00 GMT';
const LATE = 'Thu, 01 Jan 2060 00:00:00 GMT';
const HTML = 'Accept: text/html';
/** Close to each other, so joined to one. */
const JOINED = 'Range: bytes=0-1,5-6';
const PAGE = '<p>the app\n';

/** Preconditions and ranges that change the response for a file, with the status of the fallback page for them. */
const FIELDS: [lines: string[], ofPage: number][] = [
  [['If-Match: "x"'], 412],
  [['If-Match: *'], 200],
  [['If-None-Match: *'], 304],
  [['If-None-Match: <tag>'], 304],
  [['If-None-Match: "x"'], 200],
  [[`If-Modified-Since: ${LATE}`], 304],
  [[`If-Modified-Since: ${EARLY}`], 200],
  [[`If-Unmodified-Since: ${EARLY}`], 412],
  [[`If-Unmodified-Since: ${LATE}`], 200],
  [['Range: bytes=0-1'], 206],
  [[JOINED], 206],
  [['Range: bytes=999-'], 416],
  [['Range: bytes=0-1', 'If-Range: "x"'], 200],
  [['Range: bytes=0-1', 'If-Range: <tag>'], 206],
  [['Range: bytes=0-1', `If-Range: ${EARLY}`], 200],
  [['If-Range: "x"'], 200],
  [['If-Match: "x"', `If-Unmodified-Since: ${EARLY}`, 'If-None-Match: *', `If-Modified-Since: ${LATE}`], 412],
  [['If-None-Match: *', `If-Modified-Since: ${LATE}`, 'Range: bytes=0-1', 'If-Range: "x"'], 304],
];

/** RFC 9110 sections 13.2.1 and 14.2: if the response would not be a 200 without preconditions, they and Range are ignored. */
const OTHERS: [subject: string, options: Partial<ServeOptions>, root: string, target: string, status: number][] = [
  ['404', {}, '', '/nowhere', 404],
  ['404 of a dotfile', {}, '', '/.git/config', 404],
  ['404 of an encoded slash', {}, '', '/a%2Fb', 404],
  ['a page for 404', {}, 'paged', '/nowhere', 404],
  ['404 of an asset with a fallback', { fallback: 'app.html' }, '', '/script.js', 404],
  ['301 of a directory', {}, '', '/dir', 301],
  ['301 of a page', { cleanUrls: true }, '', '/app.html', 301],
  ['308 by a rule', { redirects: [{ from: '/old', to: '/new' }] }, '', '/old', 308],
  ['400', {}, '', '/%zz', 400],
];

let directory: TestDirectory;
let server: Server;
let client: RawClient;
let tag: string;

beforeAll(async () => {
  directory = makeDirectory({
    'app.html': PAGE,
    'paged/404.html': 'nothing here\n',
    'dir/index.html': 'a directory\n',
  });
  await settled();
});

afterAll(() => directory[Symbol.dispose]());

const start = async (options: Partial<ServeOptions>, root = ''): Promise<void> => {
  server = serve({ port: 0, root: directory.path(root), ...options });
  client = await RawClient.connect(server.port);
};

const stop = async (): Promise<void> => {
  client.close();
  await server.stop({ force: true });
};

const ask = (target: string, lines: readonly string[], method = 'GET'): Promise<RawResponse> =>
  client
    .send(
      request(
        target,
        [HTML, ...lines].map((line) => line.replaceAll('<tag>', tag)),
        method,
      ),
    )
    .response(method);

describe.each(OTHERS)('%s', (_, options, root, target, status) => {
  let plain: RawResponse;

  beforeAll(async () => {
    await start(options, root);
    // The page sent in its place would have a validator of its own.
    tag = (await exchange(server.port, request(root === '' ? '/app.html' : '/404.html'))).field('ETag') ?? '"y"';
    plain = await ask(target, []);
  });

  afterAll(stop);

  test.each(FIELDS)('is the same with %j', async (lines) => {
    for (const method of ['GET', 'HEAD']) {
      const response = await ask(target, lines, method);
      expect([response.status, withoutDate(response.head)]).toEqual([status, withoutDate(plain.head)]);
      expect(response.body.equals(method === 'GET' ? plain.body : Buffer.alloc(0))).toBe(true);
    }
  });
});

describe('the fallback page is a file', () => {
  beforeAll(async () => {
    await start({ fallback: 'app.html' });
    const plain = await exchange(server.port, request('/route', [HTML]));
    expect([plain.status, plain.body.toString()]).toEqual([200, PAGE]);
    tag = plain.field('ETag')!;
  });

  afterAll(stop);

  test.each(FIELDS)('with %j it is %i', async (lines, status) => {
    const response = await ask('/route', lines);

    expect(response.status).toBe(status);
    const bodies: Record<number, string> = { 200: PAGE, 206: PAGE.slice(0, lines.includes(JOINED) ? 7 : 2), 304: '' };
    if (response.status in bodies) expect(response.body.toString()).toBe(bodies[response.status]);
    const head = await ask('/route', lines, 'HEAD');
    if (status === 206 || status === 416) expect([head.status, head.field('Content-Range')]).toEqual([200, null]);
    else expect(withoutDate(head.head)).toBe(withoutDate(response.head));
  });
});
