import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, run } from '../support/command.js';
import { exchange, RawClient, request } from '../support/raw-client.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-mistakes-'));
const CONFIG = join(directory, 'site.json');

beforeAll(() => writeFileSync(CONFIG, '{ "host": "a:1" }'));
afterAll(() => rmSync(directory, { recursive: true }));

const COMMANDS = 'serve, explain, model, lab, healthcheck';

/** What a user gets wrong, and the whole sentence that names it. */
const MISTAKES: [args: string[], env: Record<string, string>, sentence: string][] = [
  // Commands.
  [['help', 'bogus'], {}, `bogus is not a command; the commands are ${COMMANDS}.`],
  [['help', 'servee'], {}, 'servee is not a command; did you mean serve?'],
  [['serv', 'html'], {}, 'serv is neither a command nor a directory; did you mean serve?'],
  [['serv'], {}, 'serv is neither a command nor a directory; did you mean serve?'],
  [['models'], {}, 'models is neither a command nor a directory; did you mean model?'],
  [['Serve', 'html'], {}, 'Serve is neither a command nor a directory; did you mean serve?'],
  [['start', 'html'], {}, `start is neither a command nor a directory; the commands are ${COMMANDS}.`],
  [['no-such-site'], {}, 'The directory no-such-site does not exist; give one that does.'],
  // Hosts.
  [['--host', 'localhost:3000'], {}, 'The host "localhost:3000" has a port; give --host localhost and --port 3000.'],
  [['--host', '[::1]:3000'], {}, 'The host "[::1]:3000" has a port; give --host ::1 and --port 3000.'],
  [['--host', '[::1]'], {}, 'The host "[::1]" has brackets; give --host ::1.'],
  [['--host', '*'], {}, 'The host "*" is not an address; give --host ::, which means all addresses.'],
  [['--host', '3000'], {}, 'The host "3000" is a number; give a port by --port 3000.'],
  [['--host', 'http://a.example/'], {}, 'The host "http://a.example/" is a URL or a path; give --host a.example.'],
  [
    ['--host', 'http://a.example:80'],
    {},
    'The host "http://a.example:80" is a URL or a path; give --host a.example and --port 80.',
  ],
  [
    [],
    { HOST: 'mybox.invalid' },
    'The host "mybox.invalid" in the variable HOST has no address; set EPOLLET_HOST, which takes precedence, to an IP address, localhost or a name that resolves.',
  ],
  [
    [],
    { EPOLLET_HOST: 'mybox.invalid', HOST: '::' },
    'The host "mybox.invalid" in the variable EPOLLET_HOST has no address; set it to an IP address, localhost or a name that resolves.',
  ],
  [
    [],
    { HOST: '192.0.2.1' },
    'The host "192.0.2.1" in the variable HOST is not an address of this machine; set EPOLLET_HOST, which takes precedence, to one of its own, 127.0.0.1 or ::.',
  ],
  [['--config', CONFIG], {}, `The host "a:1" in ${CONFIG} has a port; write a and --port 1.`],
  [['model', 'threads', '--host', 'a:3'], {}, 'The host "a:3" has a port; give --host a and --port 3.'],
  [
    ['model', 'threads'],
    { HOST: 'a:3' },
    'The host "a:3" in the variable HOST has a port; set EPOLLET_HOST, which takes precedence, to a and --port 3.',
  ],
  // Variables.
  [[], { EPOLLET_CLEAN_URL: '1' }, 'EPOLLET_CLEAN_URL is not a variable of epollet; did you mean EPOLLET_CLEAN_URLS?'],
  [[], { EPOLLET_PROT: '80' }, 'EPOLLET_PROT is not a variable of epollet; did you mean EPOLLET_PORT?'],
  [[], { EPOLLET_HOSTNAME: '::' }, 'EPOLLET_HOSTNAME is not a variable of epollet; set EPOLLET_HOST instead.'],
  [
    [],
    { EPOLLET_DIRECTORY_LISTING: '1' },
    'EPOLLET_DIRECTORY_LISTING is not a variable of epollet; set EPOLLET_LISTING instead.',
  ],
  [[], { EPOLLET_FETCH: 'a.mjs' }, 'EPOLLET_FETCH is not a variable of epollet; set EPOLLET_APP instead.'],
  [
    [],
    { EPOLLET_NO_COMPRESS: '1' },
    'EPOLLET_NO_COMPRESS is not a variable of epollet; set EPOLLET_COMPRESS=0 instead.',
  ],
  [[], { epollet_port: '80' }, 'epollet_port is not a variable of epollet; write it as EPOLLET_PORT.'],
  [
    [],
    { EPOLLET_ROOT: 'html' },
    'EPOLLET_ROOT is not a variable of epollet; give the directory as an argument, or as root in the file that EPOLLET_CONFIG names.',
  ],
  [['healthcheck'], { EPOLLET_PROT: '80' }, 'EPOLLET_PROT is not a variable of epollet; did you mean EPOLLET_PORT?'],
  [['explain', '/'], { EPOLLET_SPAA: '1' }, 'EPOLLET_SPAA is not a variable of epollet; did you mean EPOLLET_SPA?'],
  // Health checks.
  [
    ['healthcheck', 'https://a.example/'],
    {},
    '"https://a.example/" is neither a path nor an http:// URL; give one such as /health or http://127.0.0.1:8080/.',
  ],
];

test.concurrent.each(MISTAKES)('%j %j', async (args, env, sentence) => {
  const given =
    args[0] === 'model' || args[0] === 'healthcheck' || args[0] === 'help' ? args : [...args, '--port', '0'];
  const ended = await run(args[0] === 'explain' ? args : given, { env });
  expect(ended).toEqual({ code: 2, signal: null, stdout: '', stderr: `epollet: ${sentence}\n` });
});

test.concurrent.each([['help', 'help'], ['help'], ['--help']])('%s %s is the help', async (...args) => {
  const { code, stdout, stderr } = await run(args.filter((each) => each !== undefined));
  expect([code, stdout.startsWith('Usage: epollet [options] [command]'), stderr]).toEqual([0, true, '']);
});

describe('variables', () => {
  test.concurrent('of Kubernetes for a service named epollet are not of epollet', async () => {
    const env = {
      EPOLLET_PORT: 'tcp://10.0.0.1:80',
      EPOLLET_PORT_80_TCP: 'tcp://10.0.0.1:80',
      EPOLLET_PORT_80_TCP_PROTO: 'tcp',
      EPOLLET_PORT_80_TCP_PORT: '80',
      EPOLLET_PORT_80_TCP_ADDR: '10.0.0.1',
      EPOLLET_SERVICE_HOST: '10.0.0.1',
      EPOLLET_SERVICE_PORT: '80',
      EPOLLET_SERVICE_PORT_HTTP: '80',
      EPOLLET_WEB_SERVICE_HOST: '10.0.0.1',
      EPOLLET_WEB_PORT: 'tcp://10.0.0.1:80',
      PORT: '0',
      HOST: '127.0.0.1',
    };
    await using server = command(['html'], { env });
    expect((await exchange(await server.port(), request('/'))).status).toBe(200);
    expect(await server.kill().ended).toMatchObject({ code: 0, stderr: '' });
  });

  test.concurrent('of another program are a warning', async () => {
    await using server = command(['html', '--port', '0'], { env: { EPOLLET_VERSION: '1' } });
    await server.port();
    expect((await server.kill().ended).stderr).toBe(
      'epollet: EPOLLET_VERSION is not a variable of epollet, and has no effect; epollet serve --help lists them.\n',
    );
  });
});

describe('PORT without a host', () => {
  const ALL = /^epollet: PORT is set without a host, .* listens on all addresses; .* set HOST=127\.0\.0\.1\.\n$/;

  test.concurrent.each<[args: string[], env: Record<string, string>, host: string, stderr: RegExp]>([
    [[], { PORT: '0' }, 'localhost', ALL],
    [[], { PORT: '0', HOST: '127.0.0.1' }, '127.0.0.1', /^$/],
    [[], { PORT: '0', EPOLLET_HOST: '127.0.0.1' }, '127.0.0.1', /^$/],
    [['--host', 'localhost'], { PORT: '0' }, '127.0.0.1', /^$/],
    [['--port', '0'], { PORT: '1' }, '127.0.0.1', /^$/],
    [[], { PORT: '1', EPOLLET_PORT: '0' }, '127.0.0.1', /^$/],
    [[], { EPOLLET_PORT: '0' }, '127.0.0.1', /^$/],
  ])('%j %j', async (args, env, host, stderr) => {
    await using server = command(['html', ...args], { env });
    const [, port] = await server.waitFor(new RegExp(`^http://${host.replaceAll('.', '\\.')}:(\\d+)/\n`));
    const address = host === 'localhost' ? '127.0.0.2' : host; // of the loopback, and not the default
    using client = await RawClient.connect(Number(port), address);
    expect((await client.send(request('/')).response()).status).toBe(200);
    expect((await server.kill().ended).stderr).toMatch(stderr);
  });
});
