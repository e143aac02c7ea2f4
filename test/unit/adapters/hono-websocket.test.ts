import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { upgradeWebSocket, websocket } from '../../../src/adapters/hono.js';
import { serve } from '../../../src/index.js';
import { deferred } from '../../support/handling.js';

test.each([
  ['a close frame with a code', (client: WebSocket) => client.close(3000, 'bye'), [3000, 'bye', true]],
  ['a close frame without a code', (client: WebSocket) => client.close(), [1005, '', true]],
  ['no close frame', (client: WebSocket) => client.terminate(), [1006, '', false]],
] as const)('the event of a close has whether it was clean: %s', async (_, end, expected) => {
  const { promise, resolve } = deferred<unknown>();
  const app = new Hono().get(
    '/ws',
    upgradeWebSocket(() => ({
      onClose: ({ code, reason, wasClean }) => resolve([code, reason, wasClean]),
    })),
  );
  const server = await serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch, websocket });
  onTestFinished(() => server.stop());
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/ws`);
  client.on('open', () => end(client));
  expect(await promise).toEqual(expected);
});

test('an app that is called without the environment has a sentence that names it', async () => {
  const app = new Hono()
    .get(
      '/ws',
      upgradeWebSocket(() => ({})),
    )
    .onError((error) => new Response(error.message));
  const response = await app.request('/ws', { headers: { Upgrade: 'websocket' } });
  expect(await response.text()).toBe(
    'upgradeWebSocket has no server: pass the second argument of fetch on to app.fetch, as its environment',
  );
});
