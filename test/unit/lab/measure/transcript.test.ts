import { describe, expect, test } from 'vitest';
import { callsOfRequest, transcriptArgs, withoutRepetitions } from '../../../../src/lab/measure/transcript.js';

const SENT_US = 1000.5e6;

describe('the calls of one request', () => {
  test('of one thread: from the wait that ends with the request to the next one', () => {
    const output = `10 1000.100000 epoll_wait(5, [{events=EPOLLIN, data={u32=21, u64=21}}], 1024, -1) = 1 <0.410000>
10 1000.400000 getpid()                          = 10 <0.000010>
10 1000.510020 recvfrom(21, "GET / HTTP/1.1\\r\\nHost: 1"..., 65536, 0, NULL, NULL) = 40 <0.000030>
10 1000.510060 futex(0x7f1234567890, FUTEX_WAKE_PRIVATE, 1) = 1 <0.000010>
10 1000.510070 madvise(0x7f1234560000, 4096, MADV_DONTNEED) = 0 <0.000010>
10 1000.510080 sendto(21, "HTTP/1.1 200 OK\\r\\nDate: "..., 741, MSG_NOSIGNAL, NULL, 0) = 741 <0.000030>
11 1000.510090 futex(0x7f1234567890, FUTEX_WAIT_PRIVATE, 0, NULL) = 0 <0.500000>
10 1000.510130 epoll_wait(5,  <detached ...>
12 1000.510110 epoll_pwait(7, [], 1024, 0, NULL, 8) = 0 <0.000010>
12 1000.510130 epoll_wait(7,  <detached ...>
`;
    expect(callsOfRequest(output, SENT_US)).toEqual([
      'epoll_wait(5, [{events=EPOLLIN, data={u32=21, u64=21}}], 1024, -1) = 1',
      'recvfrom(21, "GET / HTTP/1.1\\r\\nHost: 1"..., 65536, 0, NULL, NULL) = 40',
      'sendto(21, "HTTP/1.1 200 OK\\r\\nDate: "..., 741, MSG_NOSIGNAL, NULL, 0) = 741',
      'epoll_wait(5, … waits',
    ]);
  });

  test('of two threads that hand it over, whose calls interrupt each other in the output', () => {
    const output = `20 1000.100000 futex(0x7f1234567890, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
10 1000.100000 epoll_wait(5,  <unfinished ...>
10 1000.500100 <... epoll_wait resumed>[{events=EPOLLIN, data={u32=21, u64=21}}], 1024, -1) = 1 <0.400100>
10 1000.500200 futex(0x7f1234567890, FUTEX_WAKE_PRIVATE, 1 <unfinished ...>
20 1000.500210 <... futex resumed>)      = 0 <0.400210>
10 1000.500220 <... futex resumed>)      = 1 <0.000020>
10 1000.500230 epoll_wait(5,  <unfinished ...>
20 1000.500300 read(21, "GET / HTTP/1.1\\r\\nHost: 1"..., 65536) = 40 <0.000010>
20 1000.500400 write(21, "HTTP/1.1 200 OK\\r\\nDate: "..., 741) = 741 <0.000010>
20 1000.500500 futex(0x7f1234567890, FUTEX_WAIT_PRIVATE, 0, NULL <detached ...>
--- a line of another form
30 1000.600000 +++ exited with 0 +++
20 1000.600000 --- SIGCHLD {si_signo=SIGCHLD} ---
30 1000.600000 <... poll resumed>)       = 0 <0.000010>
`;
    expect(callsOfRequest(output, SENT_US)).toEqual([
      'thread 1: epoll_wait(5, [{events=EPOLLIN, data={u32=21, u64=21}}], 1024, -1) = 1',
      'thread 2: futex(0x…, FUTEX_WAIT_PRIVATE, 0, NULL) = 0',
      'thread 1: futex(0x…, FUTEX_WAKE_PRIVATE, 1) = 1',
      'thread 2: read(21, "GET / HTTP/1.1\\r\\nHost: 1"..., 65536) = 40',
      'thread 2: write(21, "HTTP/1.1 200 OK\\r\\nDate: "..., 741) = 741',
      'thread 1: epoll_wait(5, … waits',
      'thread 2: futex(0x…, FUTEX_WAIT_PRIVATE, 0, NULL, … waits',
    ]);
  });

  test('none, if every call ended before', () => {
    expect(callsOfRequest('10 1000.100000 read(21, "", 1) = 0 <0.000010>\n', SENT_US)).toEqual([]);
    expect(callsOfRequest('', SENT_US)).toEqual([]);
  });

  test('at most 40 lines, and then their number', () => {
    const output = Array.from({ length: 50 }, (_, at) => `10 1001.100000 read(${at}, "", 1) = 0 <0.000010>`).join('\n');
    const calls = callsOfRequest(output, SENT_US);
    expect(calls).toHaveLength(41);
    expect(calls.at(-1)).toBe('… 10 more');
  });
});

test.each([
  [[], []],
  [
    ['a', 'b', 'a', 'b'],
    ['a', 'b', 'a', 'b'],
  ],
  [
    ['a', 'a', 'a', 'a', 'b'],
    ['a', '… the same call 3 more times', 'b'],
  ],
  [
    ['x', 'a', 'b', 'a', 'b', 'a', 'b', 'a'],
    ['x', 'a', 'b', '… these 2 calls 2 more times', 'a'],
  ],
])('%j is shown as %j', (lines, shown) => {
  expect(withoutRepetitions(lines)).toEqual(shown);
});

test('the arguments name all processes', () => {
  expect(transcriptArgs([7, 8], '/out').join(' ')).toBe('-f -ttt -T -s 24 -o /out -p 7 -p 8');
});
