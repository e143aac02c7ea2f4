import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { command, cpuTicks } from '../../support/command.js';
import { RawClient, request, sleep } from '../../support/raw-client.js';
import { HELLO, MIB, makeSite, type Site } from '../../support/site.js';

/** In clock ticks, of the 50 that pass. */
const BUSY_TICKS = 8;

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

const BIG = request(`/${8 * MIB}.bin`);

/** States in which a client waits: the server must be idle too. */
const WAITS: [state: string, act: (client: RawClient) => unknown][] = [
  ['is idle', (client) => client.send(request('/hello.txt'))],
  ['does not read', (client) => client.pause().send(BIG)],
  ['does not read, and pipelines more', (client) => client.pause().send(BIG + request('/hello.txt').repeat(500))],
  ['does not read, and has half-closed', (client) => client.pause().send(BIG).end()],
  ['has sent half a head', (client) => client.send('GET / HT')],
  ['has sent half a body', (client) => client.send(`${request('/', ['Content-Length: 9'], 'POST')}abc`)],
  ['waits for 100', (client) => client.send(request('/', ['Content-Length: 9', 'Expect: 100-continue']))],
  ['got an error response, and stays connected', (client) => client.send('nonsense\r\n')],
  ['gets an error response, and does not read', (client) => client.pause().send(`${BIG}nonsense\r\n`)],
];

describe.concurrent.each(TRIGGERS)('%s', (trigger) => {
  test('the server does not spin, whatever clients wait for', async () => {
    const limits = ['--linger-timeout-ms', '60000', '--max-connections', `${WAITS.length + 1}`];
    await using server = command([site.root, '--port', '0', '--trigger', trigger, ...limits]);
    const port = await server.port();
    const clients = await Promise.all(Array.from({ length: WAITS.length + 5 }, () => RawClient.connect(port)));
    try {
      for (const [index, [, act]] of WAITS.entries()) act(clients[index]!);
      for (const waiting of clients.slice(WAITS.length)) waiting.send(request('/hello.txt'));
      await sleep(500);
      const before = cpuTicks(server.process.pid!);
      await sleep(500);
      expect(cpuTicks(server.process.pid!) - before).toBeLessThan(BUSY_TICKS);
      // Connections above the limit are served once the others close.
      for (const client of clients.slice(0, WAITS.length)) client.close();
      for (const waiting of clients.slice(WAITS.length)) {
        expect((await waiting.response()).body.toString()).toBe(HELLO);
        waiting.close();
      }
      expect((await server.kill().ended).code).toBe(0);
    } finally {
      for (const client of clients) client.close();
    }
  });
});
