import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadApp } from '../../src/app/app.js';
import { AppError } from '../../src/app/app-error.js';
import { explain } from '../../src/explain/explain.js';
import type { ServeOptions } from '../../src/server/options.js';
import { command, PACKAGE_ENTRY, run } from '../support/command.js';
import { request } from '../support/raw-client.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-app-'));
const root = join(directory, 'site');
afterAll(() => rmSync(directory, { recursive: true }));

/** @returns the name, for a process whose working directory is `directory` */
function write(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return name;
}

mkdirSync(root);
write('site/index.html', 'the index');
write('site/both', 'the file');
const APP = write(
  'app.mjs',
  `const made = new Response('');
  export default {
    greeting: 'hi',
    async fetch(request, { peer }) {
      const { pathname } = new URL(request.url);
      if (pathname === '/fails') throw new Error('no luck');
      if (pathname === '/lost') return new Response('not mine', { status: 404 });
      return Response.json([this.greeting, pathname, request.method, await request.text(), peer.family]);
    },
    error: (error) => new Response(error.message, { status: 503 }),
  };
  setInterval(() => {}, 1000);
  console.error(made.constructor.toString().slice(0, 19), made instanceof Response);`,
);
const BARE = write('bare.mjs', `export default async () => new Response('bare')`);

write('site/a.css', '');

const options = { cwd: directory };

async function textOf(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  return `${response.status} ${await response.text()}`;
}

describe('serve --app', () => {
  test('serves files first, then calls the app', async () => {
    await using started = command(['serve', 'site', '--app', APP, '--port', '0'], options);
    const url = `http://127.0.0.1:${await started.port()}`;
    expect(await textOf(`${url}/`)).toBe('200 the index');
    expect(await textOf(`${url}/both`)).toBe('200 the file');
    expect(await textOf(`${url}/both`, { method: 'POST', body: 'ü' })).toBe('200 ["hi","/both","POST","ü","IPv4"]');
    expect(await textOf(`${url}/api?q`)).toBe('200 ["hi","/api","GET","","IPv4"]');
    expect(await textOf(`${url}/lost`)).toBe('404 not mine');
    expect(await textOf(`${url}/fails`)).toBe('503 no luck');
    expect(started.stderr).toMatch(/^class FastResponse +true\n/);
    expect((await started.kill().ended).code).toBe(0);
  });

  test('calls the app first with EPOLLET_FETCH_FIRST, which takes precedence over the configuration file', async () => {
    const file = write('site.json', JSON.stringify({ root: 'site', app: APP, fetchFirst: false, port: 0 }));
    await using started = command(['--config', join(directory, file)], { env: { EPOLLET_FETCH_FIRST: 'yes' } });
    const url = `http://127.0.0.1:${await started.port()}`;
    expect(await textOf(`${url}/both`)).toBe('200 ["hi","/both","GET","","IPv4"]');
    expect(await textOf(`${url}/lost`)).toBe('404 not mine');
  });

  test('takes a bare function, and serves no files without a directory', async () => {
    await using started = command([], { ...options, env: { EPOLLET_APP: BARE, PORT: '0' } });
    const url = `http://127.0.0.1:${await started.port()}`;
    expect(await textOf(`${url}/`)).toBe('200 bare');
    expect(await textOf(`${url}/index.html`)).toBe('200 bare');
  });
});

test('--check loads the app, and exits in spite of what it has opened', async () => {
  expect(await run(['site', '--app', APP, '--fetch-first', '--check', '--port', '80'], options)).toMatchObject({
    code: 0,
    stdout:
      'The configuration is valid: the app app.mjs, then site on port 80 of 127.0.0.1; no further hosts; default limits.\n',
  });
});

const hasTypes = (process.features as { typescript?: unknown }).typescript === 'strip';

describe('a usage error is one sentence and exit code 2', () => {
  test.each<[name: string, content: string | null, expected: RegExp]>([
    ['gone.mjs', null, /^The app gone\.mjs does not exist; give the file of a module that does\.$/],
    ['site', null, /^The app site is a directory; give a module in it\.$/],
    ['none.mjs', 'export const fetch = 1', /^The app none\.mjs has no default export; give it one: export default \{ /],
    ['empty.mjs', 'export default {}', /^The default export of the app empty\.mjs has no function fetch; give it one/],
    [
      'fetch.mjs',
      'export default { fetch: 5, routes: {} }',
      /^The default export of the app fetch\.mjs has no function/,
    ],
    ['routes.mjs', 'export default { routes: [] }', /^The default export of the app routes\.mjs has no function/],
    ['null.mjs', 'export default null', /^The default export of the app null\.mjs has no function fetch/],
    [
      'error.mjs',
      'export default { fetch() {}, error: 5 }',
      /^error in the default export of the app error\.mjs is not a function; /,
    ],
    [
      'needs.mjs',
      "import 'no-such-package'",
      /^The app needs\.mjs imports a module that does not exist: .*'no-such-package'/,
    ],
  ])('%s %j', async (name, content, expected) => {
    if (content !== null) write(name, content);
    const error = await loadApp(join(directory, name)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toHaveProperty('code', 'ERR_EPOLLET_APP');
    const { message, details } = error as AppError;
    expect(message.replaceAll(`${directory}/`, '')).toMatch(expected);
    expect(message).toMatch(/^[^\n]+\.$/);
    expect(details).toBe('');
  });

  test.each<[args: string[], expected: RegExp]>([
    [['--app', ''], /^The app has an empty name; give/],
    [['--fetch-first'], /^There is no app to call first; give one with --app, or leave --fetch-first out\.$/],
    [['--config', write('first.json', '{"fetchFirst": true}')], /^There is no app .* or leave fetchFirst out\.$/],
    [
      ['--app', write('syntax.mjs', 'const = 1')],
      /^The app syntax\.mjs cannot be parsed: .* at syntax\.mjs:1:7; correct/,
    ],
    [['--app', 'site/a.css'], /a\.css is not a module that Node can load; give JavaScript/],
  ])('%j', async (args, expected) => {
    const ended = await run(args, options);
    expect(ended).toMatchObject({ code: 2, signal: null, stdout: '' });
    expect(ended.stderr).toMatch(/^epollet: [^\n]+\.\n$/);
    expect(ended.stderr.slice('epollet: '.length, -1)).toMatch(expected);
  });

  const SITE_JSON = write('files.json', JSON.stringify({ app: BARE, cors: null }));
  const HOSTS_JSON = write('hosts.json', JSON.stringify({ app: BARE, hosts: { a: { root: 'site' } } }));

  /** Options of files, with an app and no directory; and the name that the error message has for them. */
  test.each<[args: string[], env: Record<string, string>, name: string]>([
    [['--app', BARE, '--listing', '--check'], {}, '--listing'],
    [['--app', BARE, '--listing'], {}, '--listing'],
    [['--app', BARE, '--no-precompressed'], {}, '--no-precompressed'],
    [['--app', BARE, '--security-headers'], {}, '--security-headers'],
    [['--app', BARE, '--cors', '*'], {}, '--cors'],
    [['--app', BARE, '--redirect', '/a=/b'], {}, '--redirect'],
    [['--app', BARE, '--header', '*=X-A: b'], {}, '--header'],
    [['--app', BARE, '--spa'], {}, '--spa'],
    [['--app', BARE, '--fallback', 'a.html'], {}, '--fallback'],
    [['--app', BARE, '--vhost', 'a=site'], {}, '--vhost'],
    [['--app', BARE], { EPOLLET_COMPRESS: '1' }, 'EPOLLET_COMPRESS'],
    [['--app', BARE], { EPOLLET_SPA: '0' }, 'EPOLLET_SPA'],
    [['--app', BARE], { EPOLLET_VHOST: 'a=site' }, 'EPOLLET_VHOST'],
    [['explain', '/', '--app', BARE, '--listing'], {}, '--listing'],
    [['--config', SITE_JSON], {}, 'files.json: cors'],
    [['--config', SITE_JSON, '--etag', 'stat'], {}, '--etag'],
    [['--config', HOSTS_JSON, '--check'], {}, 'hosts.json: hosts'],
  ])('%j %j: %s needs a directory', async (args, env, name) => {
    const word = name.replace(/^.*: /, '');
    expect(await run(args, { ...options, env })).toEqual({
      code: 2,
      signal: null,
      stdout: '',
      stderr: `epollet: ${name} applies to files, and with the app there is no directory; give one, or leave ${word} out.\n`,
    });
  });

  test('an app that throws has its own stack below the sentence, and the process exits', async () => {
    write('throws.mjs', `setInterval(() => {}, 1000);\nfunction open() { throw new TypeError('no\\nway'); }\nopen();`);
    const ended = await run(['serve', '--app', 'throws.mjs', '--check'], options);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr.replaceAll(directory, '')).toBe(
      `epollet: The app throws.mjs threw while it was loaded: no; fix it, see the stack below.
TypeError: no
way
    at open (file:///throws.mjs:2:25)
    at file:///throws.mjs:3:1
`,
    );
  });

  test('TypeScript is loaded, or the error names the remedy', async () => {
    write('typed.ts', 'const text: string = "hi";\nexport default { fetch: (): Response => new Response(text) };');
    const ended = await run(['--app', 'typed.ts', '--check'], options);
    expect(ended.code).toBe(hasTypes ? 0 : 2);
    if (!hasTypes)
      expect(ended.stderr).toMatch(/^epollet: \S+typed\.ts is TypeScript, which Node loads from 22\.18 on .*\n$/);
  });
});

/** Whether Node's error itself has the place depends on the kind of module, and the frames in it on the version. */
describe('an app that cannot be parsed: the sentence has the place', () => {
  write('fault.mjs', 'export default {};\n\nconst text = "é"; const = 1;\n');
  write('linked.mjs', "\timport { none } from './bare.mjs';");
  write('common.cjs', 'module.exports = {\n  fetch(request) {');
  write('modules.json', '{"a": 1,\n}');
  write('wrong.ts', 'const x: number = = 2');
  write('twice.ts', 'const a: number = 1;\nconst a = 2;');
  const rows: [content: string, expected: string][] = [
    ['const = 1', "Unexpected token '=' at 0.mjs:1:7"],
    ['#!/usr/bin/env node\nexport default {\n\tfetch() { await 1; } };', 'Unexpected reserved word at 1.mjs:3:12'],
    ['export default {};\nconst a = 1, a = 2;', "Identifier 'a' has already been declared at 2.mjs:2:14"],
    ['export default {', 'Unexpected end of input at 3.mjs:1:17'],
    ["import 'node:fs'; import './linked.mjs'; import './fault.mjs';", "Unexpected token '=' at fault.mjs:3:25"],
    ["import './fault.mjs?version=2';", "Unexpected token '=' at fault.mjs:3:25"],
    ["await import('./fault.mjs');", "Unexpected token '=' at fault.mjs:3:25"],
    [
      "import './linked.mjs';",
      "The requested module './bare.mjs' does not provide an export named 'none' at linked.mjs:1:11",
    ],
    ["import './common.cjs';", 'Unexpected end of input at common.cjs:2:19'],
    ["import './modules.json' with { type: 'json' };", 'expected a name in double quotes at modules.json:2:1'],
  ];
  if (hasTypes) {
    rows.push(
      ["import './wrong.ts';", 'Expression expected at wrong.ts:1:19'],
      ["import './twice.ts';", "Identifier 'a' has already been declared at twice.ts:2:7"],
    );
  }
  // Node 20 throws the error of a CommonJS module a second time.
  const script = `
    process.on('uncaughtException', () => {});
    const { loadApp } = await import(process.argv[1]);
    const messages = [];
    for (let i = 0; i < ${rows.length}; i++) await loadApp(i + '.mjs').catch((error) => messages.push(error.message));
    console.log(JSON.stringify(messages));`;
  let messages: string[] = [];
  beforeAll(() => {
    rows.forEach(([content], i) => {
      write(`${i}.mjs`, content);
    });
    const args = ['--input-type=module', '-e', script, new URL('../app/app.js', PACKAGE_ENTRY).href];
    messages = JSON.parse(execFileSync(process.execPath, args, { cwd: directory, encoding: 'utf8' }));
  });

  test.each(rows.map(([content, expected], i) => [content, expected, i] as const))('%j: %s', (_, expected, i) =>
    expect(messages[i]).toBe(`The app ${i}.mjs cannot be parsed: ${expected}; correct it.`),
  );
});

describe('explain', () => {
  const explained = (target: string, given: Partial<ServeOptions>, method = 'GET', fields: string[] = []) => {
    const fetch = () => expect.fail('called');
    const { steps, status, outcome } = explain({ fetch, ...given }, Buffer.from(request(target, fields, method)));
    return [
      steps.map(({ topic }) => topic).join(' '),
      steps.find(({ topic }) => topic === 'handler')?.text,
      status,
      outcome,
    ];
  };
  const CORS = { root, cors: { origins: '*' as const } };
  const PREFLIGHT = ['Origin: https://a.example', 'Access-Control-Request-Method: GET'];

  test.each<
    [
      target: string,
      given: Partial<ServeOptions>,
      expected: ReturnType<typeof explained>,
      method?: string,
      fields?: string[],
    ]
  >([
    ['/both', { root }, ['path resolved file precompressed representation', undefined, 200, 'file']],
    ['/none', { root }, ['path resolved not-found handler', 'called: there is no file', null, 'handler']],
    ['/.env', { root }, ['path resolved handler', 'called: there is no file', null, 'handler']],
    [
      '/both',
      { root, fetchFirst: true },
      [
        'handler path resolved file precompressed representation',
        'called first; instead of its 404 the response is:',
        200,
        'file',
      ],
    ],
    [
      '/none',
      { root, fetchFirst: true },
      ['path resolved not-found handler', 'called first, and alone: there is no file', null, 'handler'],
    ],
    ['/', {}, ['handler', 'called: there are no files', null, 'handler']],
    ['*', {}, ['handler', 'not called: * is the server itself', 204, 'options'], 'OPTIONS'],
    ['/', { root }, ['handler', 'called: the files have no response to this', null, 'handler'], 'OPTIONS'],
    ['/both', CORS, ['origin', undefined, 204, 'preflight'], 'OPTIONS', PREFLIGHT],
    ['/none', CORS, ['handler', 'called: the files have no response to this', null, 'handler'], 'OPTIONS', PREFLIGHT],
    [
      '/',
      { ...CORS, fetchFirst: true },
      ['handler', 'called first, and alone: the files have no response to this', null, 'handler'],
      'OPTIONS',
      PREFLIGHT,
    ],
  ])('%s %j', (target, given, expected, method, fields) =>
    expect(explained(target, given, method, fields)).toEqual(expected),
  );

  test('does not load the app', async () => {
    const ended = await run(['explain', '/none', 'site', '--app', 'gone.mjs'], options);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/\nhandler +called: there is no file\nresponse +the handler's own\n$/);
  });
});
