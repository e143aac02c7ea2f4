import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { PACKAGE_ENTRY } from '../support/command.js';

/** Makes a server, sends it a request with the body `[1]`, and prints what `after` has put into `seen`. */
const program = (after: string, handler: string): string => `
  import { request } from 'node:http';
  import { serve } from ${JSON.stringify(PACKAGE_ENTRY)};
  const seen = (globalThis.seen ??= []);
  const made = serve({ port: 0, fetch: () => new Response() }); // a first server, which has replaced the globals
  const { fetch } = globalThis;
  ${after}
  const server = serve({ port: 0, fetch: async (asked) => { ${handler} } });
  const response = await new Promise((resolve) => request(server.url, { method: 'POST' }, resolve).end('[1]'));
  let body = '';
  for await (const piece of response) body += piece;
  process.stdout.write(JSON.stringify([response.statusCode, body, seen]));
  await Promise.all([server.stop(), made.stop()]);`;

const JSON_HANDLER = 'return new Response(String((await asked.json())[0]))';
/** Calls what was there, and notes it. */
const wrap = (of: string, name: string): string =>
  `{ const { ${name} } = ${of}; ${of}.${name} = function (...args) { seen.push('${name}'); return ${name}.apply(this, args); }; }`;
const wrapGetter = (name: string): string => `
  { const { get } = Object.getOwnPropertyDescriptor(Original.prototype, '${name}');
  Object.defineProperty(Request.prototype, '${name}', { configurable: true, get() { seen.push('${name}'); return get.call(this); } }); }`;
const SEEN = 'globalThis.seen = [];';
const ORIGINAL = 'globalThis.Original = Request; globalThis.OriginalResponse = Response;';

test.each<[what: string, before: string, after: string, handler: string, body: string, seen: unknown[]]>([
  ['nothing', '', '', `seen.push(Response.name, Request.name); ${JSON_HANDLER}`, '1', ['Response', 'Request']],
  [
    'Response, by a class of its own',
    `globalThis.Mine = globalThis.Response = class { status = 200; headers = []; constructor(of) { this.body = [Buffer.from(of)]; } }`,
    '',
    `seen.push(Response === Mine); ${JSON_HANDLER}`,
    '1',
    [true],
  ],
  [
    'Response, by a class that extends it',
    `globalThis.Mine = globalThis.Response = class extends Response { get mine() { return 1; } }`,
    '',
    `seen.push(Response === Mine, new Response().mine); ${JSON_HANDLER}`,
    '1',
    [true, 1],
  ],
  [
    'Response, by a proxy',
    `globalThis.Mine = globalThis.Response = new Proxy(Response, { construct: (of, args) => new of(...args) })`,
    '',
    `seen.push(Response === Mine); ${JSON_HANDLER}`,
    '1',
    [true],
  ],
  [
    'Request, by a class that extends it',
    `class Between extends Request {}; globalThis.Mine = globalThis.Request = class extends Between { get mine() { return 1; } }`,
    '',
    `const copy = new Request(asked); seen.push(Request === Mine, copy.mine, copy.url === asked.url, copy instanceof Mine, asked instanceof Mine);
     return new Response(await copy.text())`,
    '[1]',
    [true, 1, true, true, false],
  ],
  [
    'the globals afterwards',
    '',
    `globalThis.Request = class Mine extends Request {}; globalThis.Response = class Mine extends Response {};`,
    `seen.push(Response.name, new Request(asked) instanceof Request); return new Response('x')`,
    'x',
    ['Mine', true],
  ],
  [
    'fetch',
    `globalThis.fetch = async () => new Response('mine')`,
    '',
    `return globalThis.fetch('http://nowhere.invalid')`,
    'mine',
    [],
  ],
  ['json of Request, before', `${SEEN}${wrap('Request.prototype', 'json')}`, '', JSON_HANDLER, '1', ['json']],
  ['json of Request, afterwards', '', wrap('Request.prototype', 'json'), JSON_HANDLER, '1', ['json']],
  ['json of the Request of before', ORIGINAL, wrap('Original.prototype', 'json'), JSON_HANDLER, '1', ['json']],
  [
    'other methods of Request, afterwards',
    '',
    ['text', 'arrayBuffer', 'blob', 'formData', 'clone'].map((name) => wrap('Request.prototype', name)).join(''),
    `const copy = asked.clone(); await asked.arrayBuffer(); return new Response(await copy.text())`,
    '[1]',
    ['clone', 'arrayBuffer'],
  ],
  [
    'other methods of Request, before',
    SEEN + ['text', 'arrayBuffer', 'clone'].map((name) => wrap('Request.prototype', name)).join(''),
    '',
    `asked.clone(); return new Response(await asked.text())`,
    '[1]',
    ['clone', 'text'],
  ],
  [
    'getters of Request, afterwards',
    ORIGINAL,
    ['url', 'method', 'headers', 'body'].map(wrapGetter).join(''),
    `asked.url; asked.method; asked.headers; asked.body; ${JSON_HANDLER}`,
    '1',
    ['url', 'method', 'headers', 'body'],
  ],
  [
    'getters of Request, before',
    SEEN + ORIGINAL + ['url', 'method'].map(wrapGetter).join(''),
    '',
    `asked.url; asked.method; ${JSON_HANDLER}`,
    '1',
    ['url', 'method'],
  ],
  [
    'methods of Response, before',
    `${SEEN}${wrap('Response', 'json')}${wrap('Response.prototype', 'text')}${wrap('Response.prototype', 'clone')}`,
    '',
    `const first = Response.json([1]); return new Response(await first.clone().text())`,
    '[1]',
    ['json', 'clone', 'text'],
  ],
  [
    'methods of Response, afterwards',
    '',
    `${wrap('Response', 'json')}${wrap('Response.prototype', 'text')}`,
    `return new Response(await Response.json([1]).text())`,
    '[1]',
    ['json', 'text'],
  ],
])('what a program has replaced or wrapped stays so: %s', async (_, before, after, handler, body, seen) => {
  const preload = before === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(before)}`];
  const args = [...preload, '--input-type=module', '-e', program(after, handler)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(errors).toBe('');
  expect(JSON.parse(output)).toEqual([200, body, seen]);
});
