import { expect, test } from 'vitest';
import { serve } from '../../src/server/server.js';

const fetchEach = async (url: URL, paths: string[]): Promise<void> => {
  for (const path of paths) await (await fetch(new URL(path, url))).text();
};

const countOf = ({ counts }: { counts: number[] }): number => counts.reduce((sum, count) => sum + count, 0);

test('a server that measures records the duration of each response by the class of its status', async () => {
  const later = (path: string): Promise<Response> =>
    new Promise((resolve) => setImmediate(() => resolve(new Response(null, { status: path === '/late' ? 500 : 204 }))));
  const handler = (request: Request): Response | Promise<Response> => {
    const { pathname } = new URL(request.url);
    return pathname === '/now' ? new Response('now') : later(pathname);
  };
  await using server = serve({ fetch: handler, port: 0, measure: true });
  await fetchEach(server.url, ['/now', '/late', '/later']);
  const { measurements, requests } = server.stats();
  const { responses, requestDuration, turnDuration, turnEvents, eventLoopDelay } = measurements!;
  expect(requests).toBe(3);
  expect(responses).toEqual({ '1xx': 0, '2xx': 2, '3xx': 0, '4xx': 0, '5xx': 1 });
  expect(Object.values(requestDuration).map(countOf)).toEqual([0, 2, 0, 0, 1]);
  expect(turnEvents.sum).toBeGreaterThanOrEqual(3);
  expect(countOf(turnDuration)).toBe(countOf(turnEvents));
  expect(eventLoopDelay).not.toBeNull();
});

test('a response of the files is recorded at the end of its turn', async () => {
  await using server = serve({ root: 'html', port: 0, measure: true });
  await fetchEach(server.url, ['/', '/', '/missing']);
  const { responses, requestDuration, eventLoopDelay } = server.stats().measurements!;
  expect([responses['2xx'], responses['4xx']]).toEqual([2, 1]);
  expect([countOf(requestDuration['2xx']!), countOf(requestDuration['4xx']!)]).toEqual([2, 1]);
  expect(eventLoopDelay).toBeNull();
});

test('a server that does not measure has none', async () => {
  await using server = serve({ root: 'html', port: 0 });
  expect(server.stats().measurements).toBeNull();
});
