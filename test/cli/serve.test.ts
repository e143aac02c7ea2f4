import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { LIMIT_NAMES, LIMITS } from '../../src/http/limits.js';
import { command, MAIN, run } from '../support/command.js';
import { makeDirectory, OLD_ENOUGH_MS } from '../support/directory.js';
import { needs, permits } from '../support/needs.js';
import { exchange, RawClient, request, sleep } from '../support/raw-client.js';
import { contentOf, HELLO, MIB, makeSite, type Site } from '../support/site.js';

let site: Site;
let taken: Server;
let takenPort: number;

beforeAll(async () => {
  site = await makeSite();
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenPort = (taken.address() as { port: number }).port;
});

afterAll(async () => {
  await new Promise((resolve) => taken.close(resolve));
  await site.remove();
});

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
const variableOf = (name: string): string =>
  `EPOLLET_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

describe('on start', () => {
  test.each([
    ['serve', ['serve', '@'], 'index'],
    ['the directory alone', ['@'], 'index'],
    ['no directory, so the pages of the package', [], '<html'],
    ['serve without a directory', ['serve'], '<html'],
  ])('%s: prints one line, the URL, and serves', async (_, args, title) => {
    await using server = command([...args.map((each) => (each === '@' ? site.root : each)), '--port', '0']);
    const port = await server.port();
    const response = await exchange(port, request('/'));
    expect([response.status, response.body.toString().toLowerCase().includes(title)]).toEqual([200, true]);
    const ended = await server.kill().ended;
    expect(ended).toEqual({ code: 0, signal: null, stdout: `http://127.0.0.1:${port}/\n`, stderr: '' });
  });

  // Modules are opened many at a time: 30 are too few for them; with 48 too few are left.
  test.each([30, 40, 48])('a limit of %i descriptors is one sentence', (limit) => {
    const script = `ulimit -n ${limit}; exec "$0" "$@"`;
    const args = ['-c', script, process.execPath, MAIN, 'serve', site.root, '--port', '0'];
    const { status, stdout, stderr } = spawnSync('bash', args, {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `epollet: This process may open ${limit} files, which is too few; raise the limit: ulimit -n 4096, LimitNOFILE=4096 in systemd, --ulimit nofile=4096 in Docker.\n`,
    );
  });

  test('a fallback that does not exist is a warning, since it may be created later', async () => {
    using directory = makeDirectory({ 'hello.txt': HELLO });
    await using server = command([directory.root, '--port', '0', '--spa', '--vhost', `b.example=${site.root}`]);
    const port = await server.port();
    const page = request('/some/view', ['Accept: text/html']);
    expect((await exchange(port, page)).status).toBe(404);
    directory.write('index.html', 'app');
    await sleep(OLD_ENOUGH_MS + LIMITS.revalidateMs.default);
    expect((await exchange(port, page)).body.toString()).toBe('app');
    expect(await server.kill().ended).toEqual({
      code: 0,
      signal: null,
      stdout: `http://127.0.0.1:${port}/\n`,
      stderr: `epollet: The fallback ${directory.path('index.html')} does not exist; create it, or give --fallback another file. Until then the response is 404.\n`,
    });
  });

  test('a directory may have the name of a command, or begin with a hyphen', async () => {
    for (const [name, args] of [
      ['healthcheck', ['serve', 'healthcheck']],
      ['-odd', ['serve', '--', '-odd']],
    ] as const) {
      mkdirSync(site.path(name), { recursive: true });
      await using server = command([...args.slice(0, 1), '--port', '0', ...args.slice(1)], { cwd: site.root });
      expect((await exchange(await server.port(), request('/'))).status).toBe(404);
      expect((await server.kill().ended).code).toBe(0);
    }
  });
});

describe('flags take precedence over EPOLLET_*, and that over HOST and PORT', () => {
  test.each([
    [['--port', '0'], { PORT: '@' }],
    [['--port', '0'], { EPOLLET_PORT: '@' }],
    [[], { EPOLLET_PORT: '0', PORT: '@' }],
    [[], { PORT: '0' }],
    [['--port', '0'], { PORT: 'nonsense' }],
    [[], { EPOLLET_PORT: '0', PORT: '99999' }],
  ] as [string[], Record<string, string>][])('%j %j', async (args, env) => {
    const filled = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, value.replace('@', `${takenPort}`)]),
    );
    await using server = command([site.root, ...args], { env: filled });
    expect(await server.port()).not.toBe(takenPort);
    expect((await server.kill().ended).code).toBe(0);
  });

  test.each([
    [['--host', '127.0.0.2'], { EPOLLET_HOST: '127.0.0.3', HOST: '127.0.0.4' }, '127.0.0.2'],
    [[], { EPOLLET_HOST: '127.0.0.3', HOST: '127.0.0.4' }, '127.0.0.3'],
    [[], { HOST: '127.0.0.4' }, '127.0.0.4'],
    [[], { HOST: '' }, '127.0.0.1'],
    [['--host', 'localhost'], {}, '127.0.0.1'],
    [['--host', '0.0.0.0'], {}, 'localhost'],
  ] as [string[], Record<string, string>, string][])('%j %j', async (args, env, host) => {
    await using server = command([site.root, '--port', '0', ...args], { env });
    const [, port] = await server.waitFor(/:(\d+)\/\n/);
    expect(server.stdout).toBe(`http://${host}:${port}/\n`);
    using client = await RawClient.connect(Number(port), host);
    expect((await client.send(request('/hello.txt')).response()).body.toString()).toBe(HELLO);
    expect((await server.kill().ended).code).toBe(0);
  });

  test('every flag has a variable', async () => {
    const env = {
      EPOLLET_TRIGGER: 'oneshot',
      EPOLLET_WORKERS: '1',
      EPOLLET_ACCESS_LOG: 'json',
      ...Object.fromEntries(LIMIT_NAMES.map((name) => [variableOf(name), `${LIMITS[name].default}`])),
      EPOLLET_TARGET_BYTES: '20',
    };
    await using server = command([site.root, '--port', '0'], { env });
    const port = await server.port('stderr');
    expect((await exchange(port, request('/12345678901234567890'))).status).toBe(414);
    const ended = await server.kill().ended;
    expect([ended.code, ended.stdout.split('\n').length]).toEqual([0, 2]);
  });

  test('every limit has a flag', async () => {
    const flags = LIMIT_NAMES.flatMap((name) => [
      flagOf(name),
      `${name === 'targetBytes' ? 20 : LIMITS[name].default}`,
    ]);
    await using server = command([site.root, '--port', '0', '--trigger', 'edge', '--workers', '1', ...flags], {
      env: { EPOLLET_TARGET_BYTES: '1000' },
    });
    const port = await server.port();
    expect((await exchange(port, request('/12345678901234567890'))).status).toBe(414);
    expect((await exchange(port, request('/hello.txt'))).status).toBe(200);
    expect((await server.kill().ended).code).toBe(0);
  });
});

describe('a usage error is one sentence that names the culprit, and exit code 2', () => {
  const USAGE_ERRORS: [args: string[], env: Record<string, string>, expected: RegExp][] = [
    [['--frobnicate'], {}, /--frobnicate.*--help/],
    [['--prot', '80'], {}, /--prot.*--port/],
    [['serve', '--prot', '80'], {}, /--prot.*--port/],
    [['--symlinks', 'inside'], {}, /inside.*within-root/],
    [['.', 'more'], {}, /too many arguments.*--help/],
    [['--port'], {}, /--port.*missing.*--help/],
    [['-l', 'x'], {}, /--listen.*x.*host and a port/],
    [['-l', 'a:99999'], {}, /--listen.*a:99999.*0 to 65535/],
    [['-l', '1', '-l', '2', '-p', '0'], {}, /: --listen has a port too, as --port; give one of the two\.\n/],
    [['-l', 'unix:/x', '-H', '::'], {}, /: --listen has a host too, as --host; give one of the two\.\n/],
    [
      ['-H', '::1'],
      { EPOLLET_LISTEN: 'unix:/x\nfd:3' },
      /: --host has no effect on EPOLLET_LISTEN; give --listen inst/,
    ],
    [['-l', 'x.invalid:0', '-l', 'unix:/x'], {}, /: The host "x\.invalid" has no address; give --listen an IP address/],
    [['-l', '127.0.0.1:1', '-l', '127.0.0.1:1'], {}, /: listen has 127\.0\.0\.1:1 twice; leave one out\.\n/],
    [
      ['-l', 'systemd'],
      {},
      /: listen has "systemd", but LISTEN_FDS is not set, so systemd has passed no socket; start/,
    ],
    [['-l', 'systemd'], { LISTEN_FDS: '1', LISTEN_PID: '1' }, /LISTEN_PID is 1 and this process is \d+, so .* by exec/],
    [['-l', 'fd:999'], {}, /: The descriptor fd:999 is not open; the parent process must leave a listening socket/],
    [['-l', 'fd:2'], {}, /: The descriptor fd:2 is a socket that does not listen; the parent process must leave/],
    [
      ['-l', 'unix:/dev/null'],
      {},
      /: \/dev\/null is not a socket, and is not replaced; remove it, or give --listen anoth/,
    ],
    [
      ['-l', 'unix:/missing/x.sock'],
      {},
      /: The directory of unix:\/missing\/x\.sock does not exist; create it \(systemd/,
    ],
    [
      ['-l', `unix:/${'x'.repeat(107)}`],
      {},
      /: The path of unix:.* has 108 bytes, and a socket has at most 107; give --li/,
    ],
    [['-l', '80', '-p', '0'], {}, /: --listen has a port too, as --port; give one of the two\.\n/],
    [['-l', 'a:80', '-H', 'b'], {}, /: --listen has a host too, as --host; give one of the two\.\n/],
    [['healthcheck'], { EPOLLET_LISTEN: 'x' }, /EPOLLET_LISTEN.*x.*host and a port/],
    [['--config='], {}, /: The configuration file has an empty name; give one, or leave --config out\.\n/],
    [['--port', '0x10'], {}, /--port.*0x10.*0 to 65535/],
    [['--body-bytes', '0x10'], {}, /--body-bytes.*0x10.*from 0 to/],
    [['--max-connections', '1.0'], {}, /--max-connections.*1\.0.*from 1 to/],
    [[], { EPOLLET_BODY_BYTES: '1e3' }, /1e3.*EPOLLET_BODY_BYTES.*from 0 to/],
    [['--idle-timeout-ms', ' 5'], {}, /--idle-timeout-ms.* 5.*from 1 to/],
    [['--port', '70000'], {}, /--port.*70000.*0 to 65535/],
    [['--port', '-1'], {}, /--port.*-1/],
    [['--port', 'http'], {}, /--port.*http.*0 to 65535/],
    [['--port', ''], {}, /--port.*0 to 65535/],
    [[], { EPOLLET_PORT: '1.5' }, /EPOLLET_PORT.*0 to 65535/],
    [[], { PORT: 'nonsense' }, /PORT.*0 to 65535.*nonsense/],
    [[], { PORT: '99999' }, /PORT.*0 to 65535.*99999/],
    [['--port', '@'], {}, /Port @ .*--port/],
    [['--trigger', 'both'], {}, /--trigger.*both.*level, edge, oneshot/],
    [[], { EPOLLET_TRIGGER: 'both' }, /EPOLLET_TRIGGER.*level, edge, oneshot/],
    [['--access-log', 'xml'], {}, /--access-log.*xml.*off, combined, json/],
    [['--workers', '0'], {}, /--workers.*0/],
    [['--workers', 'many'], {}, /--workers.*many/],
    [['--host', '192.0.2.1', '--port', '0'], {}, /192\.0\.2\.1.*--host/],
    [['--host', 'no.such.host.invalid', '--port', '0'], {}, /no\.such\.host\.invalid.*--host/],
    [['--host', 'fe80::1%nowhere', '--port', '0'], {}, /fe80::1%nowhere.*--host/],
    [['--host', '', '--port', '0'], {}, /host.*""/],
    [['/no/such/directory', '--port', '0'], {}, /\/no\/such\/directory does not exist/],
    [['package.json', '--port', '0'], {}, /package\.json is not a directory/],
    [['', '--port', '0'], {}, /directory has an empty name/],
    [['x'.repeat(300), '--port', '0'], {}, /x{300}/],
    [['healthcheck', 'ftp://a/'], {}, /ftp:\/\/a\/.*http:\/\//],
    [['healthcheck', 'nonsense'], {}, /nonsense.*http:\/\//],
    [['healthcheck', 'http://a:99999/'], {}, /99999/],
    [['healthcheck'], { EPOLLET_PORT: 'x' }, /x/],
    [['healthcheck', 'a', 'b'], {}, /too many arguments/],
    // The others: site-flags.test.ts, without a process each.
    ...LIMIT_NAMES.slice(0, 1).flatMap((name): [string[], Record<string, string>, RegExp][] => [
      [
        [flagOf(name), `${LIMITS[name].max + 1}`],
        {},
        new RegExp(`${flagOf(name)}.*${LIMITS[name].max + 1}.*from ${LIMITS[name].min} to ${LIMITS[name].max}`),
      ],
      [[], { [variableOf(name)]: 'x' }, new RegExp(`${variableOf(name)}.*from ${LIMITS[name].min}`)],
    ]),
  ];

  test.concurrent.each(USAGE_ERRORS)('%j %j', async (args, env, expected) => {
    const filled = args.map((each) => each.replace('@', `${takenPort}`));
    const ended = await run(filled, { env });
    expect({ ...ended, stderr: '' }).toEqual({ code: 2, signal: null, stdout: '', stderr: '' });
    expect(ended.stderr).toMatch(/^epollet: [^\n]+[.)]\n$/);
    expect(ended.stderr).toMatch(new RegExp(expected.source.replaceAll('@', `${takenPort}`)));
    expect(ended.stderr).not.toMatch(/ at .*:\d+:\d+|node:internal/);
  });
});

describe('version and help', () => {
  test.each([['--version'], ['-v']])('%s', async (flag) => {
    const { version } = (await import('../../package.json', { with: { type: 'json' } })).default;
    expect(await run([flag])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([[['--help']], [['-h']], [['serve', '--help']], [['healthcheck', '--help']], [['help', 'serve']]])(
    '%j',
    async (args) => {
      const ended = await run(args);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toMatch(/^Usage: epollet/);
    },
  );

  test.concurrent.each([
    ['serve', 72],
    ['serve', 80],
    ['serve', 120],
    ['explain', 80],
    ['lab', 80],
    ['healthcheck', 80],
    ['model', 80],
  ])('the help of %s fits in %i columns', async (name, columns) => {
    const { stdout } = await run([name, '--help'], { env: { COLUMNS: `${columns}` } });
    const lines = stdout.split('\n');
    // Words are not cut: a choice or a variable may be longer than its column.
    const longer = lines.filter((line) => line.length > columns && !/^ *\S+$/.test(line.slice(38)));
    expect(longer).toEqual([]);
    expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(columns - 20);
  });

  test('each flag of serve stands below a heading', async () => {
    const { stdout } = await run(['serve', '--help']);
    const headings = [...stdout.matchAll(/^(\w[\w ]*):$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      'Arguments',
      'Serving',
      'Files',
      'Headers and redirects',
      'Caching',
      'Handlers',
      'Limits',
      'Options',
      'Examples',
    ]);
    const below = (heading: string): string => new RegExp(`^${heading}:\n((?: .*\n)+)`, 'm').exec(stdout)![1]!;
    expect(below('Options')).toMatch(/^ {2}-h, --help +\S.*\n$/);
    for (const [heading, flag] of [
      ['Serving', '-p, --port'],
      ['Serving', '-H, --host'],
      ['Serving', '-l, --listen'],
      ['Serving', '--check'],
      ['Files', '-s, --spa'],
      ['Headers and redirects', '--cors'],
      ['Caching', '--cache-control'],
      ['Caching', '--cache-bytes'],
      ['Handlers', '--app'],
      ['Handlers', '--handler-timeout-ms'],
      ['Limits', '--head-bytes'],
    ] as const)
      expect(below(heading)).toContain(`  ${flag}`);
  });

  test.concurrent.each<[args: string[], env: Record<string, string>, url: RegExp]>([
    [['-p', '0', '-H', '127.0.0.2', '-s'], {}, /^http:\/\/127\.0\.0\.2:/],
    [['-l', '127.0.0.2:0'], {}, /^http:\/\/127\.0\.0\.2:/],
    [['-l', 'tcp://127.0.0.2:0'], {}, /^http:\/\/127\.0\.0\.2:/],
    [['-l', '127.0.0.2:0', '-l', '0'], {}, /^http:\/\/127\.0\.0\.2:\d+\/\nhttp:\/\/127\.0\.0\.1:\d+\/\n/],
    [
      [],
      { EPOLLET_LISTEN: '127.0.0.2:0\n0', HOST: '127.0.0.3' },
      /^http:\/\/127\.0\.0\.2:\d+\/\nhttp:\/\/127\.0\.0\.3:/,
    ],
    [['-l', '0'], {}, /^http:\/\/127\.0\.0\.1:/],
    [['-l', '0', '-H', '127.0.0.2'], { EPOLLET_PORT: '1' }, /^http:\/\/127\.0\.0\.2:/],
    [['-l', '127.0.0.2:0'], { EPOLLET_HOST: '127.0.0.3', PORT: '1' }, /^http:\/\/127\.0\.0\.2:/],
    [['-p', '0'], { EPOLLET_LISTEN: '127.0.0.2:1' }, /^http:\/\/127\.0\.0\.2:/],
  ])('short forms that people know: %j %j', async (args, env, url) => {
    await using server = command([site.root, ...args], { env });
    await server.port();
    expect((await server.kill().ended).stdout).toMatch(url);
  });

  test('the help of serve has every flag', async () => {
    const { stdout } = await run(['serve', '--help']);
    for (const flag of ['--host', '--port', '--workers', '--trigger', '--access-log', ...LIMIT_NAMES.map(flagOf)])
      expect(stdout).toContain(flag);
    for (const variable of ['EPOLLET_PORT', 'EPOLLET_ACCESS_LOG', 'EPOLLET_CACHE_BYTES'])
      expect(stdout).toContain(variable);
  });
});

describe('signals', () => {
  test.concurrent.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)('%s drains and exits with 0', async (signal) => {
    await using server = command([site.root, '--port', '0']);
    const port = await server.port();
    using idle = await RawClient.connect(port);
    await idle.send(request('/')).response();
    using busy = await RawClient.connect(port);
    busy.pause().send(request(`/${8 * MIB}.bin`));
    await sleep(100);
    const startMs = performance.now();
    server.kill(signal);
    expect(await idle.untilClose()).toHaveLength(0);
    expect(server.process.exitCode).toBeNull();
    const response = await busy.resume().response();
    expect(response.body.equals(contentOf(8 * MIB))).toBe(true);
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(performance.now() - startMs).toBeLessThan(7000);
  });

  test.concurrent.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
  ] as const)('%s, then %s, exits at once', async (first, second) => {
    await using server = command([site.root, '--port', '0']);
    using busy = await RawClient.connect(await server.port());
    busy.pause().send(request(`/${8 * MIB}.bin`));
    await sleep(100);
    server.kill(first);
    await sleep(200);
    expect(server.process.exitCode).toBeNull();
    const startMs = performance.now();
    server.kill(second);
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
    expect(performance.now() - startMs).toBeLessThan(6000);
  });

  test.concurrent('SIGTERM, then SIGHUP, still drains', async () => {
    await using server = command([site.root, '--port', '0']);
    using busy = await RawClient.connect(await server.port());
    busy.pause().send(request(`/${8 * MIB}.bin`));
    await sleep(100);
    server.kill('SIGTERM');
    await sleep(100);
    server.kill('SIGHUP');
    await sleep(100);
    expect(server.process.exitCode).toBeNull();
    expect((await busy.resume().response()).body.equals(contentOf(8 * MIB))).toBe(true);
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  // Lines wait for their batch for a second.
  test.concurrent.each(['SIGUSR1', 'SIGUSR2'] as const)(
    '%s writes the access log, and the server goes on',
    async (signal) => {
      await using server = command([site.root, '--port', '0', '--access-log', 'combined']);
      const port = await server.port('stderr');
      const waitedMs: number[] = [];
      for (const path of ['/hello.txt', '/first', '/second']) {
        const { status } = await exchange(port, request(path));
        const startMs = performance.now();
        server.kill(signal);
        await server.waitFor(new RegExp(`"GET ${path} HTTP/1.1" ${status} `));
        waitedMs.push(performance.now() - startMs);
      }
      expect(Math.min(...waitedMs)).toBeLessThan(900); // the machine may be busy at some of them
      const ended = await server.kill().ended;
      expect(ended).toMatchObject({ code: 0, signal: null });
      expect(ended.stderr).not.toMatch(/debugger/i);
    },
  );

  test.concurrent.each([1, 2])(
    'SIGHUP reads the configuration file and the app anew, with %d workers',
    async (workers) => {
      const directory = mkdtempSync(join(tmpdir(), 'epollet-reload-'));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const config = join(directory, 'site.json');
      const write = (word: string, more: object = {}): void => {
        writeFileSync(join(directory, 'app.mjs'), `export default () => new Response('${word}');`);
        writeFileSync(config, JSON.stringify({ app: 'app.mjs', ...more }));
      };
      write('first');
      await using server = command(['--config', config, '--port', '0', '--workers', String(workers)]);
      const port = await server.port();
      using client = await RawClient.connect(port);
      const word = async (): Promise<string> => (await client.send(request('/')).response()).body.toString();
      expect(await word()).toBe('first');
      write('second');
      server.kill('SIGHUP');
      await server.waitFor(/Reloaded\./, 'stderr');
      expect(await word()).toBe('second');
      write('third', { trigger: 'none' });
      server.kill('SIGHUP');
      await server.waitFor(/Not reloaded, the server goes on as before: .*trigger must be one of/, 'stderr');
      expect(await word()).toBe('second');
      expect(await server.kill('SIGTERM').ended).toMatchObject({ code: 0, signal: null });
    },
  );

  test.concurrent('SIGHUP of a terminal that closes stops', async () => {
    const args = [fileURLToPath(new URL('fixtures/terminal.py', import.meta.url)), process.execPath, MAIN, site.root];
    const { stdout } = await promisify(execFile)('python3', args, { timeout: 8000 });
    expect(stdout).toBe('it has ended\n');
  });

  test.concurrent('SIGQUIT writes the end of the access log', async () => {
    await using server = command([site.root, '--port', '0', '--access-log', 'combined']);
    await exchange(await server.port('stderr'), request('/hello.txt'));
    const ended = await server.kill('SIGQUIT').ended;
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(ended.stdout).toMatch(/"GET \/hello\.txt HTTP\/1\.1" 200 /);
  });

  test.concurrent.each([
    ['SIGUSR1', null],
    ['SIGUSR2', null],
    ['SIGHUP', 0],
    ['SIGQUIT', 0],
  ] as const)('%s to a model: exit code %s', async (signal, code) => {
    await using model = command(['model', 'epoll-edge', site.root, '--port', '0']);
    const port = await model.port();
    model.kill(signal);
    if (code === null) {
      expect((await exchange(port, request('/'))).status).toBe(200);
      model.kill('SIGTERM');
    }
    expect(await model.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  test('SIGTERM ends the server as PID 1 too', async () => {
    if (!permits(process.getuid?.() === 0, 'PID 1', 'a PID namespace needs root')) return;
    if (!needs(canUnshare(), 'PID 1', 'unshare cannot make a PID namespace here')) return;
    await using server = command([site.root, '--port', '0'], {
      wrapper: ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
    });
    const port = await server.port();
    expect((await exchange(port, request('/hello.txt'))).body.toString()).toBe(HELLO);
    const { pid } = server.process;
    const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    expect(readFileSync(`/proc/${child}/cmdline`, 'utf8')).toContain(MAIN);
    expect(readFileSync(`/proc/${child}/status`, 'utf8')).toMatch(/^NSpid:\s+\d+\s+1$/m);
    process.kill(child, 'SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The body of /hello.txt as soon as the server responds; null if it does not within 5 s. */
async function firstBody(port: number): Promise<string | null> {
  let body: string | null = null;
  for (let tries = 0; body === null && tries < 100; tries++) {
    await sleep(50);
    body = await exchange(port, request('/hello.txt')).then(
      (response) => response.body.toString(),
      () => null,
    );
  }
  return body;
}

test('standard output that is closed does not end the server', async () => {
  const port = await freePort();
  await using server = command([site.root, '--port', `${port}`, '--access-log', 'combined'], {
    wrapper: ['sh', '-c', 'exec "$@" >&-', 'sh'],
  });
  expect(await firstBody(port)).toBe(HELLO);
  await sleep(50);
  expect(server.process.exitCode).toBeNull();
  expect((await server.kill().ended).code).toBe(0);
});

test('a reader that is gone before the URL is printed does not end the server', async () => {
  const port = await freePort();
  await using server = command([site.root, '--port', `${port}`]);
  server.process.stdout!.destroy();
  expect(await firstBody(port)).toBe(HELLO);
  await sleep(50);
  expect(await server.kill().ended).toMatchObject({ code: 0, stderr: '' });
});
