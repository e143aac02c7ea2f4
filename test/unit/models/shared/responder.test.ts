import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Responder } from '../../../../src/models/shared/responder.js';
import { makeDirectory, type TestDirectory } from '../../../support/directory.js';

let directory: TestDirectory;
let responder: Responder;

beforeEach(() => {
  directory = makeDirectory({ 'index.html': 'one', 'empty.txt': '' });
  responder = new Responder(directory.root, 'keep-alive');
});

afterEach(() => {
  vi.useRealTimers();
  responder.close();
  directory[Symbol.dispose]();
});

const bodyOf = (path: string): string => {
  const { bytes, headBytes } = responder.responseFor('GET', path);
  return bytes.toString('latin1', headBytes);
};

test('a response is cached for one second and then rebuilt', () => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  const first = responder.responseFor('GET', '/');
  expect(first.bytes.toString()).toContain('Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n');
  directory.write('index.html', 'another');
  vi.advanceTimersByTime(999);
  expect(responder.responseFor('GET', '/')).toBe(first);
  vi.advanceTimersByTime(1);
  expect(bodyOf('/')).toBe('another');
});

test('a missing file is looked up on every request', () => {
  expect(responder.responseFor('GET', '/new.txt').status).toBe(404);
  directory.write('new.txt', 'new');
  expect(bodyOf('/new.txt')).toBe('new');
});

test('many paths of one file do not exceed the cache limit', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // The paths, which are strings. The memory of Buffers is freed later, by version.
  const usedBytes = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const small = new Responder(directory.root, 'keep-alive', 1_000_000);
  const before = usedBytes();
  for (let i = 1; i <= 3000; i++) small.responseFor('GET', `${'/'.repeat(i + 10_000)}empty.txt`);
  expect(usedBytes() - before).toBeLessThan(15_000_000); // 34 MB if all paths were cached
  small.close();
});

test('a HEAD response is the head of the GET response', () => {
  const request = { path: '/', keepAlive: true, end: 0 };
  const whole = responder.bytesFor({ ...request, method: 'GET' }).toString();
  expect(responder.bytesFor({ ...request, method: 'HEAD' }).toString()).toBe(whole.slice(0, -3));
  expect(whole).toMatch(
    /^HTTP\/1\.1 200 OK\r\nDate: [^\r]+\r\nContent-Type: text\/html; charset=utf-8\r\nContent-Length: 3\r\n\r\none$/,
  );
});

test('a response on a connection that closes has Connection: close', () => {
  const closing = new Responder(directory.root, 'close');
  expect(closing.responseFor('GET', '/').bytes.toString()).toContain('\r\nConnection: close\r\n');
  expect(closing.keepsAlive({ method: 'GET', path: '/', keepAlive: true, end: 0 })).toBe(false);
  closing.close();
});
