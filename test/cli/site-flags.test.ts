import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command, CommanderError } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { flagOf, variableOf } from '../../src/cli/settings/flags.js';
import { type Settings, settingsOf, withSettings } from '../../src/cli/settings/settings.js';
import { SITE_OPTION_NAMES } from '../../src/files/rules/site-options.js';
import { LIMIT_NAMES, LIMITS } from '../../src/http/limits.js';
import { command, PACKAGE, run } from '../support/command.js';
import { exchange, request } from '../support/raw-client.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-flags-'));
const CONFIG = join(directory, 'site.json');
const variables = process.env;
const ownVariables = { ...variables };

function write(name: string, content: string | Uint8Array): void {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  const second = Math.floor(Date.now() / 1000) - 3600;
  utimesSync(path, second, second);
}

const CODE = 'let x = 1;\n'.repeat(400);

beforeAll(() => {
  for (const name of ['HOST', 'PORT']) delete ownVariables[name];
  process.env = { ...ownVariables };
  write('a/index.html', '<h1>a</h1>');
  write('a/about.html', '<p>about');
  write('a/app.js', CODE);
  write('a/app.js.gz', gzipSync(CODE));
  write('a/bare/x.txt', 'x');
  write('b/index.html', '<h1>b</h1>');
});
afterEach(() => {
  process.env = { ...ownVariables };
});
afterAll(() => {
  process.env = variables;
  rmSync(directory, { recursive: true });
});

/** The settings from arguments, variables and a configuration file. */
async function settings(args: string[], env: Record<string, string> = {}, file?: object): Promise<Settings> {
  process.env = { ...ownVariables, ...env };
  if (file !== undefined) writeFileSync(CONFIG, JSON.stringify(file));
  const parsed: Settings[] = [];
  const serve = withSettings(new Command('serve'))
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  serve.action((dir: string | undefined) => {
    parsed.push(settingsOf(serve, dir));
  });
  await serve.parseAsync(file === undefined ? args : [...args, '--config', CONFIG], { from: 'user' });
  return parsed[0]!;
}

const optionsOf = async (...given: Parameters<typeof settings>) => {
  const { options, listening } = await settings(...given);
  return { port: listening.port, ...options };
};

/** A flag with its value, the variable with the same value, and the option that both make. */
const FLAGS: [flag: string[], env: Record<string, string>, option: object][] = [
  [['--etag', 'content'], { EPOLLET_ETAG: 'content' }, { etag: 'content' }],
  [['--symlinks', 'deny'], { EPOLLET_SYMLINKS: 'deny' }, { symlinks: 'deny' }],
  [['--no-precompressed'], { EPOLLET_PRECOMPRESSED: '0' }, { precompressed: false }],
  [['--precompressed'], { EPOLLET_PRECOMPRESSED: 'yes' }, { precompressed: true }],
  [
    ['--encoded', '/Build/*.br', '--encoded', '*.js.gz'],
    { EPOLLET_ENCODED: '/Build/*.br\n*.js.gz' },
    { encodedFiles: ['/Build/*.br', '*.js.gz'] },
  ],
  [['--compress'], { EPOLLET_COMPRESS: '1' }, { compress: true }],
  [['--clean-urls'], { EPOLLET_CLEAN_URLS: 'true' }, { cleanUrls: true }],
  [['--no-clean-urls'], { EPOLLET_CLEAN_URLS: 'no' }, { cleanUrls: false }],
  [['--listing'], { EPOLLET_LISTING: 'ON' }, { directoryListing: true }],
  [['--fallback', 'app/index.html'], { EPOLLET_FALLBACK: 'app/index.html' }, { fallback: 'app/index.html' }],
  [['--spa'], { EPOLLET_SPA: 'yes' }, { fallback: 'index.html' }],
  [['--no-spa'], { EPOLLET_SPA: 'off' }, { fallback: null }],
  [['--keep-previous-ms', '5000'], { EPOLLET_KEEP_PREVIOUS_MS: '5000' }, { previousReleaseMs: 5000 }],
  [
    ['--cache-control', '/assets/**=public, max-age=60', '--cache-control', '*.js = no-store'],
    { EPOLLET_CACHE_CONTROL: '/assets/**=public, max-age=60\n\n*.js=no-store\n' },
    {
      cacheControl: [
        { match: '/assets/**', value: 'public, max-age=60' },
        { match: '*.js', value: 'no-store' },
      ],
    },
  ],
  [
    ['--header', '*.html=X-Robots-Tag: noindex', '--header', '/a/**=Link: </x?a=b>; rel=preload', '--header', '*=X-A:'],
    { EPOLLET_HEADER: '*.html=X-Robots-Tag:noindex\n/a/**=Link: </x?a=b>; rel=preload\n*=X-A:' },
    {
      headers: [
        { match: '*.html', set: { 'X-Robots-Tag': 'noindex' } },
        { match: '/a/**', set: { Link: '</x?a=b>; rel=preload' } },
        { match: '*', set: { 'X-A': '' } },
      ],
    },
  ],
  [
    ['--redirect', '/old=/new', '--redirect', '/blog/*=https://b.example/:splat?x=1,2,301'],
    { EPOLLET_REDIRECT: '/old=/new\n/blog/*=https://b.example/:splat?x=1,2,301' },
    {
      redirects: [
        { from: '/old', to: '/new' },
        { from: '/blog/*', to: 'https://b.example/:splat?x=1,2', status: 301 },
      ],
    },
  ],
  [['--security-headers'], { EPOLLET_SECURITY_HEADERS: '1' }, { securityHeaders: true }],
  [['--cors', '*'], { EPOLLET_CORS: '*' }, { cors: { origins: '*' } }],
  [
    ['--cors', 'https://a.example, http://b:81'],
    { EPOLLET_CORS: 'https://a.example,http://b:81' },
    { cors: { origins: ['https://a.example', 'http://b:81'] } },
  ],
  [
    ['--vhost', 'B.example=b', '--vhost', '[::1]=/srv/c=d'],
    { EPOLLET_VHOST: 'b.example=b\n[::1]=/srv/c=d' },
    { hosts: { 'b.example': { root: 'b' }, '[::1]': { root: '/srv/c=d' } } },
  ],
  [
    ['--trusted-proxies', '10.0.0.0/8, unix', '--trusted-proxies', '::1', '--proxy-protocol'],
    { EPOLLET_TRUSTED_PROXIES: '10.0.0.0/8\nunix,::1', EPOLLET_PROXY_PROTOCOL: '1' },
    { trustedProxies: ['10.0.0.0/8', 'unix', '::1'], proxyProtocol: true },
  ],
  [
    ['--exempt-clients', '192.0.2.1 2001:db8::/48'],
    { EPOLLET_EXEMPT_CLIENTS: '192.0.2.1,2001:db8::/48' },
    { exemptClients: ['192.0.2.1', '2001:db8::/48'] },
  ],
];

describe('a flag and its variable make the same option', () => {
  test.each(FLAGS)('%j', async (flag, env, option) => {
    expect(await optionsOf(['.', ...flag])).toMatchObject(option);
    expect(await optionsOf(['.'], env)).toMatchObject(option);
    expect(await optionsOf(['.', ...flag], {})).toEqual(await optionsOf(['.'], env));
  });

  test('every option of a site has a flag', () => {
    const names = new Set(FLAGS.flatMap(([, , option]) => Object.keys(option)));
    for (const name of SITE_OPTION_NAMES) expect(names).toContain(name);
  });

  test('an option that is not given is absent', async () => {
    const { hosts, limits, ...options } = await optionsOf(['x']);
    expect(options).toEqual({
      root: 'x',
      port: 8080,
      trigger: 'level',
      accessLog: 'off',
    });
    expect(hosts).toEqual({});
    expect(limits).toMatchObject({ headBytes: 16384 });
  });
});

describe('a flag takes precedence over its variable, that over the file, and that over the default', () => {
  const FILE = {
    host: '127.0.0.9',
    port: 9,
    trigger: 'edge',
    accessLog: 'json',
    root: 'a',
    compress: true,
    etag: 'content',
    fallback: 'app.html',
    redirects: [{ from: '/f', to: '/file' }],
    limits: { headBytes: 9000, idleTimeoutMs: 9 },
    hosts: { 'b.example': { root: 'b', directoryListing: true }, c: { root: 'b' } },
  };

  test.each<[args: string[], env: Record<string, string>, option: object]>([
    [
      [],
      {},
      {
        ...FILE,
        host: undefined,
        root: join(directory, 'a'),
        limits: { headBytes: 9000, idleTimeoutMs: 9 },
        hosts: {},
      },
    ],
    [['dir'], {}, { root: 'dir' }],
    [[], { EPOLLET_PORT: '8' }, { port: 8 }],
    [[], { PORT: '8' }, { port: 8 }],
    [['--port', '7'], { EPOLLET_PORT: '8' }, { port: 7 }],
    [['--request-ids'], { EPOLLET_REQUEST_IDS: 'on' }, { requestIds: true }],
    [[], { EPOLLET_TRIGGER: 'level', EPOLLET_ACCESS_LOG: 'off' }, { trigger: 'level', accessLog: 'off' }],
    [['--trigger', 'oneshot'], { EPOLLET_TRIGGER: 'level' }, { trigger: 'oneshot' }],
    [[], { EPOLLET_COMPRESS: '0' }, { compress: false }],
    [['--compress'], { EPOLLET_COMPRESS: '0' }, { compress: true }],
    [['--no-compress'], {}, { compress: false }],
    [['--etag', 'stat'], {}, { etag: 'stat' }],
    [['--redirect', '/x=/y'], { EPOLLET_REDIRECT: '/v=/w' }, { redirects: [{ from: '/x', to: '/y' }] }],
    [[], { EPOLLET_REDIRECT: '/v=/w' }, { redirects: [{ from: '/v', to: '/w' }] }],
    [['--spa'], { EPOLLET_FALLBACK: 'x.html' }, { fallback: 'index.html' }],
    [['--fallback', 'x.html'], { EPOLLET_SPA: '1' }, { fallback: 'x.html' }],
    [[], { EPOLLET_SPA: '0' }, { fallback: null }],
    [['--head-bytes', '64'], { EPOLLET_HEAD_BYTES: '128' }, { limits: { headBytes: 64, idleTimeoutMs: 9 } }],
    [[], { EPOLLET_HEAD_BYTES: '128' }, { limits: { headBytes: 128, idleTimeoutMs: 9, headFields: 100 } }],
  ])('%j %j', async (args, env, option) => {
    const options = await optionsOf(args, env, FILE);
    for (const [name, value] of Object.entries(option)) {
      if (value !== undefined)
        expect(options, name).toHaveProperty(
          name,
          name === 'hosts' || name === 'limits' ? expect.objectContaining(value) : value,
        );
    }
  });

  test.each<[string[], Record<string, string>, string]>([
    [[], {}, '127.0.0.9'],
    [[], { HOST: '127.0.0.8' }, '127.0.0.8'],
    [['--host', '::'], { EPOLLET_HOST: '127.0.0.8' }, '::'],
  ])('the host with %j %j', async (args, env, host) => {
    expect((await settings(args, env, FILE)).listening.host).toBe(host);
  });

  test.each<[string[], Record<string, string>, string, object]>([
    [[], {}, '{"listen": ["unix:x.sock?mode=600", "a:1"]}', { listen: [`unix:${directory}/x.sock?mode=600`, 'a:1'] }],
    [[], {}, '{"listen": "[::1]:3"}', { host: '::1', port: 3, hostSource: { file: expect.any(String) } }],
    [[], {}, '{"listen": ":3"}', { host: '::', port: 3 }],
    [[], { EPOLLET_LISTEN: 'fd:3\n4' }, '{"listen": ":3", "host": "::1"}', { listen: ['fd:3', '4'], host: '::1' }],
    [['--listen', '5'], { EPOLLET_LISTEN: '4' }, '{"host": "a"}', { host: 'a', port: 5 }],
    [['--port', '6'], { EPOLLET_LISTEN: 'unix:/x' }, '{}', { host: '127.0.0.1', port: 6 }],
    [[], { PORT: '6' }, '{"listen": "systemd"}', { host: '::', port: 6, isPlatformPort: true }],
    [[], { HOST: '::1' }, '{"listen": "systemd:web"}', { listen: ['systemd:web'] }],
  ])('where to listen with %j %j and the file %s', async (args, env, file, expected) => {
    writeFileSync(CONFIG, file);
    expect((await settings(['--config', CONFIG, ...args], env)).listening).toMatchObject(expected);
  });

  test('a port and a list in one file contradict each other', async () => {
    writeFileSync(CONFIG, '{"listen": ["unix:/x"], "port": 1}');
    await expect(settings(['--config', CONFIG])).rejects.toThrow(/site.*: listen has a port too, as port; give one/);
  });

  test.each<[args: string[], env: Record<string, string>]>([
    [['--vhost', 'b.example=/b', '--vhost', 'd=/d', '--no-precompressed'], {}],
    [['--no-precompressed'], { EPOLLET_VHOST: 'b.example=/b\nd=/d' }],
    [['--vhost', 'b.example=/b', '--vhost', 'd=/d', '--no-precompressed'], { EPOLLET_VHOST: 'e=/e' }],
  ])(
    'a host of the file keeps its options, with the directory of --vhost; a new one has those of the main site: %j %j',
    async (args, env) => {
      const { hosts } = await optionsOf(args, env, FILE);
      expect(hosts).toEqual({
        'b.example': { root: '/b', directoryListing: true },
        c: { root: join(directory, 'b') },
        d: expect.objectContaining({ root: '/d', compress: true, etag: 'content', precompressed: false }),
      });
    },
  );

  test('a host may have the name of a property of every object', async () => {
    const name = '__proto__';
    const { hosts } = await optionsOf(
      ['--vhost', `${name}=v`],
      {},
      JSON.parse(`{"hosts": {"constructor": {"root": "c"}}}`),
    );
    expect(Object.entries(hosts!)).toEqual([
      ['constructor', { root: join(directory, 'c') }],
      [name, { root: 'v' }],
    ]);
  });

  test('EPOLLET_CONFIG names the configuration file', async () => {
    writeFileSync(CONFIG, '{"port": 5}');
    expect(await optionsOf([], { EPOLLET_CONFIG: CONFIG })).toMatchObject({ port: 5, root: `${PACKAGE}html` });
  });
});

describe('an invalid flag or variable is a sentence with the remedy', () => {
  test.each<[args: string[], env: Record<string, string>, expected: RegExp]>([
    [['--etag', 'md5'], {}, /--etag.*md5.*stat, content/],
    [['--symlinks', 'yes'], {}, /--symlinks.*within-root, deny, follow/],
    [[], { EPOLLET_COMPRESS: 'maybe' }, /^EPOLLET_COMPRESS must be 1, true, yes or on, or 0.*not "maybe"\.$/],
    [[], { EPOLLET_CLEAN_URLS: '2' }, /^EPOLLET_CLEAN_URLS must/],
    [[], { EPOLLET_PRECOMPRESSED: 'x' }, /^EPOLLET_PRECOMPRESSED must/],
    [[], { EPOLLET_SPA: 'x' }, /^EPOLLET_SPA must/],
    [['--fallback', '/x'], {}, /--fallback.*must be the name of a file below the root/],
    [['--fallback', ''], {}, /--fallback.*must be the name of a file/],
    [['--spa', '--fallback', 'x'], {}, /--spa is short for --fallback index\.html/],
    [[], { EPOLLET_SPA: '1', EPOLLET_FALLBACK: 'x' }, /EPOLLET_SPA is short for/],
    [['--keep-previous-ms', '1.5'], {}, /--keep-previous-ms.*from 0 to 604800000/],
    [['--cache-control', 'no-store'], {}, /--cache-control.*GLOB=VALUE such as/],
    [['--cache-control', '*.js='], {}, /--cache-control.*value must be the whole field value/],
    [['--cache-control', '[=x'], {}, /--cache-control.*match must be a glob whose brackets/],
    [['--header', '*.js=x'], {}, /--header.*GLOB=NAME: VALUE such as/],
    [['--header', ''], {}, /--header.*GLOB=NAME: VALUE such as/],
    [['--header', '*=ETag: x'], {}, /--header.*the field "ETag" must be left out/],
    [['--header', '*=X A: x'], {}, /--header.*the field "X A" must be the name of a field/],
    [[], { EPOLLET_HEADER: '*=A: b\n*' }, /EPOLLET_HEADER.*GLOB=NAME: VALUE/],
    [['--redirect', '/a'], {}, /--redirect.*FROM=TO or FROM=TO,STATUS/],
    [['--redirect', '/a=/b,300'], {}, /--redirect.*one of the statuses 301, 302, 303, 307, 308/],
    [['--redirect', '/a=//b'], {}, /--redirect.*to must be a path with one slash/],
    [['--redirect', '/a=/b', '--redirect', '/b=/a'], {}, /--redirect.*'\/b=\/a'.*form a loop/],
    [
      ['--redirect', '/about=/about.html', '--clean-urls'],
      {},
      /^redirects\[0\] must not form a loop: \/about to \/about\.html to \/about\.$/,
    ],
    [['--redirect', '/a=/:x'], {}, /--redirect.*to has :x, which "\/a" does not catch/],
    [['--cors', 'example.org'], {}, /--cors.*an origin as a browser sends it/],
    [['--cors', '*,http://a'], {}, /--cors.*for all of them/],
    [['--vhost', 'a'], {}, /--vhost.*NAME=DIR with a host without a port/],
    [['--vhost', 'a:80=x'], {}, /--vhost.*NAME=DIR with a host without a port/],
    [['--vhost', 'a..b=x'], {}, /--vhost.*NAME=DIR with a host without a port/],
    [['--vhost', 'a='], {}, /--vhost.*NAME=DIR/],
    [['--vhost', 'a=x', '--vhost', 'A=y'], {}, /--vhost.*a already has a directory/],
    [['--config', '/no/such.json'], {}, /^The configuration file \/no\/such\.json does not exist/],
  ])('%j %j', async (args, env, expected) => {
    const error = await settings(args, env).then(
      () => null,
      (reason: Error) => reason,
    );
    expect(error?.message.replace(/^error: /, '')).toMatch(expected);
    if (error instanceof CommanderError) expect(error.exitCode).toBe(1);
  });
});

test('a process serves by its flags, its variables and its configuration file', async () => {
  writeFileSync(CONFIG, JSON.stringify({ root: 'a', hosts: { 'b.example': { root: 'b' } }, cleanUrls: true }));
  const args = ['--config', CONFIG, '--port', '0', '--vhost', 'v.example=b', '--header', '*=X-A: 1', '--listing'];
  const env = { EPOLLET_REDIRECT: '/old=/new,302\n/older=/new', EPOLLET_SECURITY_HEADERS: 'on', EPOLLET_CORS: '*' };
  await using server = command([...args, '--cache-control', '*.js=max-age=7', '--symlinks', 'deny'], {
    env,
    cwd: directory,
  });
  const port = await server.port();
  const get = (target: string, host = 'x', fields: string[] = []) =>
    exchange(port, request(target, fields).replace('Host: a', `Host: ${host}`));
  const page = await get('/about');
  expect([page.status, page.field('X-A'), page.field('X-Content-Type-Options')]).toEqual([200, '1', 'nosniff']);
  expect(page.field('Access-Control-Allow-Origin')).toBe('*');
  expect((await get('/about.html')).field('Location')).toBe('/about');
  expect([(await get('/old')).status, (await get('/older')).status]).toEqual([302, 308]);
  const code = await get('/app.js', 'x', ['Accept-Encoding: gzip']);
  expect([code.field('Content-Encoding'), code.field('Cache-Control')]).toEqual(['gzip', 'max-age=7']);
  expect((await get('/bare/')).body.toString()).toContain('x.txt');
  expect((await get('/', 'b.example')).body.toString()).toBe('<h1>b</h1>');
  expect((await get('/', 'b.example')).field('X-A')).toBeNull();
  expect((await get('/', 'V.example:80')).field('X-A')).toBe('1');
  expect((await server.kill().ended).code).toBe(0);
});

test('the help describes the precedence', async () => {
  const { stdout } = await run(['serve', '--help'], { env: { COLUMNS: '1000' } });
  expect(stdout).toContain('The flag takes precedence over the variable');
  expect(stdout).toContain('--vhost adds to the hosts of the file');
  for (const flag of [
    '--no-precompressed',
    '--compress',
    '--spa',
    '--redirect',
    '--vhost',
    '--check',
    'EPOLLET_CLEAN_URLS',
  ])
    expect(stdout).toContain(flag);
  expect(stdout).not.toMatch(/^ +--(?:precompressed|no-compress)/m);
});

test.each(LIMIT_NAMES)(
  'the limit %s out of its range is an error that names the flag or the variable',
  async (name) => {
    const { min, max } = LIMITS[name];
    const [flag, variable] = [flagOf(name), variableOf(name)];
    const beyond = new RegExp(`${flag} .*${max + 1}.*from ${min} to ${max}`);
    await expect(settings([flag, `${max + 1}`])).rejects.toThrow(beyond);
    await expect(settings([], { [variable]: 'x' })).rejects.toThrow(new RegExp(`${variable}.*from ${min} to ${max}`));
  },
);
