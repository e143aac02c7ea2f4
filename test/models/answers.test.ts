import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Answers } from '../../src/models/shared/answers.js';
import { type Folder, makeFolder } from '../support/folder.js';

let folder: Folder;
let answers: Answers;

beforeEach(() => {
  folder = makeFolder({ 'index.html': 'one', 'empty.txt': '' });
  answers = new Answers(folder.root, 'kept');
});

afterEach(() => {
  vi.useRealTimers();
  answers.close();
  folder[Symbol.dispose]();
});

const bodyOf = (path: string): string => {
  const { bytes, headBytes } = answers.to('GET', path);
  return bytes.toString('latin1', headBytes);
};

test('an answer is kept for a second and then made anew', () => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  const first = answers.to('GET', '/');
  expect(first.bytes.toString()).toContain('Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n');
  folder.write('index.html', 'another');
  vi.advanceTimersByTime(999);
  expect(answers.to('GET', '/')).toBe(first);
  vi.advanceTimersByTime(1);
  expect(bodyOf('/')).toBe('another');
});

test('what is not there is looked for each time', () => {
  expect(answers.to('GET', '/new.txt').status).toBe(404);
  folder.write('new.txt', 'new');
  expect(bodyOf('/new.txt')).toBe('new');
});

test('one file by very many names does not fill the memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const small = new Answers(folder.root, 'kept', 1_000_000);
  const before = held();
  for (let i = 1; i <= 3000; i++) small.to('GET', `${'/'.repeat(i + 10_000)}empty.txt`);
  expect(held() - before).toBeLessThan(15_000_000); // with all names it would be 34
  small.close();
});

test('HEAD is the head of GET', () => {
  const request = { path: '/', keeps: true, end: 0 };
  const whole = answers.bytesTo({ ...request, method: 'GET' }).toString();
  expect(answers.bytesTo({ ...request, method: 'HEAD' }).toString()).toBe(whole.slice(0, -3));
  expect(whole).toMatch(
    /^HTTP\/1\.1 200 OK\r\nDate: [^\r]+\r\nContent-Type: text\/html; charset=utf-8\r\nContent-Length: 3\r\n\r\none$/,
  );
});

test('a connection that is closed is told so', () => {
  const closing = new Answers(folder.root, 'closed');
  expect(closing.to('GET', '/').bytes.toString()).toContain('\r\nConnection: close\r\n');
  expect(closing.keeps({ method: 'GET', path: '/', keeps: true, end: 0 })).toBe(false);
  closing.close();
});
