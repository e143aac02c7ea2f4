import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Listener } from '../../src/net/listener.js';
import { constants, kernel } from '../../src/sys/binding.js';
import { command, run } from '../support/command.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-listen-'));
const app = join(directory, 'app.mjs');
writeFileSync(
  app,
  `import { readFileSync, readlinkSync } from 'node:fs';
  export default { fetch(request, { peer, server }) {
    const inherited = [3, 4, 5].map((fd) => {
      try { return /flags:\\s*(\\d+)/.exec(readFileSync('/proc/self/fdinfo/' + fd, 'utf8'))[1]; } catch { return ''; }
    });
    const variables = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
    return Response.json({ peer, port: server.port, variables, inherited });
  } };`,
);
afterAll(() => rmSync(directory, { recursive: true }));

/** systemd sets the variables between fork and exec; a shell that becomes the process can as well. */
const ACTIVATING = ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh'];

const healthcheck = (target: string) => run(['healthcheck', target]);

test('a Unix socket: its mode, its health, its peer, and no file after the stop', async () => {
  const path = join(directory, 'mode.sock');
  await using server = command(['--app', app, '--access-log', 'json', '-l', `unix:${path}?mode=600`]);
  await server.waitFor(/^unix:.*\n/m, 'stderr');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await healthcheck(`unix:${path}`)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`unix:${path}: `),
  });
  expect(await healthcheck(`unix:${path}:/health?x`)).toMatchObject({ code: 0 });
  const env = { EPOLLET_LISTEN: `fd:3\nunix:${path}?mode=600` };
  expect(await run(['healthcheck'], { env })).toMatchObject({ code: 0 });
  const { stdout, code } = await server.kill().ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/"peer":"unix:".*"target":"\/health\?x"/);
  expect(existsSync(path)).toBe(false);
  expect(await healthcheck(`unix:${path}`)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/ENOENT.*start it/),
  });
});

test('a live socket is refused, that of a killed server is taken over, and one that was replaced is left', async () => {
  const path = join(directory, 'stale.sock');
  const args = ['--app', app, '-l', `unix:${path}`];
  await using first = command(args);
  await first.waitFor(/^unix:/m);
  expect(statSync(path).mode & 0o777).toBe(0o666);
  expect((await command(args).ended).stderr).toBe(
    `epollet: A server listens on unix:${path} already; stop it, or give --listen another path.\n`,
  );
  await first.kill('SIGKILL').ended;
  expect(existsSync(path)).toBe(true);
  await using second = command(args);
  await second.waitFor(/^unix:/m);
  rmSync(path);
  const other: Server = createServer();
  await new Promise<void>((resolve) => other.listen(path, resolve));
  expect((await second.kill().ended).code).toBe(0);
  expect(existsSync(path)).toBe(true);
  await new Promise((resolve) => other.close(resolve));
});

test('the sockets of systemd: all or by name, without variables for children, open after the stop', async () => {
  const path = join(directory, 'systemd.sock');
  const listeners = [
    Listener.open(kernel, { kind: 'tcp', host: '127.0.0.1', port: 0 }),
    Listener.open(kernel, { kind: 'unix', path, mode: null }),
  ];
  const [tcp, unix] = listeners as [Listener, Listener];
  const { port } = tcp.address;
  const start = (listen: string[]) =>
    command(['--app', app, ...listen.flatMap((each) => ['-l', each])], {
      wrapper: ACTIVATING,
      env: { LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:local' },
      stdio: ['ignore', 'pipe', 'pipe', tcp.fd, unix.fd],
    });
  try {
    for (const listen of [['systemd'], ['systemd:local', 'systemd:web']]) {
      await using server = start(listen);
      await server.waitFor(/^unix:.*\n/m);
      await server.waitFor(/^http:.*\n/m);
      const body = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as Record<string, unknown>;
      expect(body).toMatchObject({ port, variables: [], peer: { address: '127.0.0.1' } });
      const flags = (body['inherited'] as string[]).slice(0, 2).map((each) => Number.parseInt(each, 8));
      for (const each of flags) {
        expect(each & constants.O_NONBLOCK).not.toBe(0);
        expect(each & constants.O_CLOEXEC).not.toBe(0);
      }
      expect((await healthcheck(`unix:${path}`)).code).toBe(0);
      const { code, stderr } = await server.kill().ended;
      expect([code, stderr]).toEqual([0, '']);
      expect(existsSync(path)).toBe(true);
    }
    expect((await start(['systemd:x']).ended).stderr).toBe(
      'epollet: listen has "systemd", but systemd has passed no socket of the name "x"; the names are web, local.\n',
    );
    expect((await start(['systemd', 'fd:3']).ended).stderr).toBe('epollet: listen has fd:3 twice; leave one out.\n');
    await using unused = start(['127.0.0.1:0']);
    await unused.waitFor(
      /LISTEN_FDS has 2 sockets of systemd, which the server does not use; give --listen systemd\./,
      'stderr',
    );
    await using byNumber = start(['fd:3', 'fd://4']);
    await byNumber.waitFor(/^unix:.*\n/m);
    expect((await (await fetch(`http://127.0.0.1:${port}/`)).json()) as object).toMatchObject({ port });
  } finally {
    for (const listener of listeners) listener.close();
  }
});
