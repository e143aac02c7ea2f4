import { AssertionError } from 'node:assert';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BLOCKED, BUDGET_SPENT, SENT, WriteQueue, WriteQueuePool } from '../../../src/net/write-queue.js';
import { constants, kernel as realKernel } from '../../../src/sys/binding.js';
import { EAGAIN, EBADF, ECONNRESET, EIO, ENODATA, EPIPE } from '../../../src/sys/errno.js';
import { SharedFd } from '../../../src/sys/shared-fd.js';
import { testDescriptors } from '../../support/descriptors.js';
import { FakeKernel, type FakePeer } from '../../support/fake-kernel.js';
import { below, seeded } from '../../support/random.js';

const { MSG_MORE } = constants;
const MANY = 2 ** 30;

let kernel: FakeKernel;
let socket: number;
let peer: FakePeer;
let queue: WriteQueue;

function connect(sendBufferBytes?: number): void {
  ({ fd: socket, peer } = kernel.connected(sendBufferBytes));
  queue = new WriteQueue();
}

beforeEach(() => {
  kernel = new FakeKernel();
  connect();
});

afterEach(() => {
  queue.close(kernel);
  expect(kernel.open.filter((fd) => fd !== socket)).toEqual([]);
  expect(kernel.violations).toEqual([]);
});

const text = (bytes: Uint8Array | string) => Buffer.from(bytes as string);
const pushText = (data: string, immutableFrom = 0) => queue.pushBytes(text(data), 0, data.length, immutableFrom);
/** Pushes a file whose only reference is the queue's. */
const handOver = (to: WriteQueue, fd: number, offset: number, end: number) => {
  const file = new SharedFd(fd);
  to.pushFile(file, offset, end);
  file.release(kernel);
};
const pushFile = (data: string, offset = 0, end = data.length) => {
  const fd = kernel.file(text(data));
  handOver(queue, fd, offset, end);
  return fd;
};
const flush = (budget = MANY) => queue.flush(kernel, socket, budget);
const received = () => {
  peer.pump();
  return peer.bytes.toString();
};

/** A chunk is bytes, or a file (`<…>`). */
const push = (chunks: string[]) => {
  for (const each of chunks) {
    if (each.startsWith('<')) pushFile(each.slice(1, -1));
    else pushText(each);
  }
};
const plain = (chunks: string[]) => chunks.map((each) => each.replace(/[<>]/g, '')).join('');

/** [chunks, system calls, flags of each send] */
const plans: [string[], string[], number[]][] = [
  [[], [], []],
  [['head'], ['send'], [0]],
  [['head', 'body'], ['send'], [0]],
  [['a', 'b', 'c', 'd'], ['send'], [0]],
  [['head', '<file>'], ['send', 'sendfile', 'close'], [MSG_MORE]],
  [['head', 'more', '<file>'], ['send', 'sendfile', 'close'], [MSG_MORE]],
  [['<file>'], ['sendfile', 'close'], []],
  [['<one>', '<two>'], ['sendfile', 'close', 'sendfile', 'close'], []],
  [
    ['a', '<one>', 'b', 'c', '<two>', 'd'],
    ['send', 'sendfile', 'close', 'send', 'sendfile', 'close', 'send'],
    [MSG_MORE, MSG_MORE, 0],
  ],
  [['head', '<>'], ['send', 'close'], [0]],
  [['<>', 'tail'], ['close', 'send'], [0]],
  [['', 'head', ''], ['send'], [0]],
];

describe.each(plans)('%j', (chunks, calls, flags) => {
  it('is sent in order, by these system calls', () => {
    push(chunks);
    expect(queue.queuedBytes).toBe(plain(chunks).length);
    kernel.calls.length = 0;
    expect(flush()).toBe(SENT);
    expect(kernel.calls).toEqual(calls);
    expect(kernel.sends.map(([, flag]) => flag)).toEqual(flags);
    expect(received()).toBe(plain(chunks));
    expect(queue.isEmpty).toBe(true);
    expect(queue.queuedBytes).toBe(0);
  });

  it('arrives complete for every size of the send buffer', () => {
    const whole = plain(chunks);
    for (let cut = 1; cut < whole.length; cut++) {
      kernel.close(socket);
      connect(cut);
      push(chunks);
      let flushes = 0;
      for (let result = flush(); result !== SENT; result = flush()) {
        expect(result).toBe(BLOCKED);
        expect(queue.queuedBytes).toBe(whole.length - cut * ++flushes);
        peer.pump();
      }
      expect(received()).toBe(whole);
    }
  });

  it('close discards everything and releases the files', () => {
    kernel.close(socket);
    connect(1);
    push(chunks);
    if (plain(chunks).length > 1) expect(flush()).toBe(BLOCKED);
    queue.close(kernel);
    expect(queue.isEmpty).toBe(true);
    expect(queue.queuedBytes).toBe(0);
    queue.close(kernel);
  });

  it.each([ECONNRESET, EPIPE])('flush returns the errno %i', (errno) => {
    push(chunks);
    for (const call of ['send', 'sendfile'] as const) kernel.fault(call, errno);
    const hasBytes = plain(chunks) !== '';
    expect(flush()).toBe(hasBytes ? errno : SENT);
    queue.close(kernel);
  });
});

describe('gathering', () => {
  it('copies small chunks into one send, and does not copy large ones', () => {
    pushText('a'.repeat(30_000));
    pushText('b'.repeat(30_000));
    pushText('c'.repeat(30_000));
    pushText('d'.repeat(60_000));
    kernel.calls.length = 0;
    connectUnlimited();
    expect(flush()).toBe(SENT);
    expect(kernel.sends.map(([length]) => length)).toEqual([60_000, 30_000, 60_000]);
    expect(received()).toBe('a'.repeat(30_000) + 'b'.repeat(30_000) + 'c'.repeat(30_000) + 'd'.repeat(60_000));
  });

  it('fills the buffer exactly', () => {
    connectUnlimited();
    pushText('a'.repeat(65_535));
    pushText('b');
    pushText('c');
    expect(flush()).toBe(SENT);
    expect(kernel.sends.map(([length]) => length)).toEqual([65_536, 1]);
  });

  it('a thousand pipelined responses are one send', () => {
    for (let i = 0; i < 1000; i++) pushText(`${i} `);
    expect(flush()).toBe(SENT);
    expect(kernel.sends).toHaveLength(1);
  });

  /** Gives the queue a socket with an unlimited send buffer. */
  function connectUnlimited(): void {
    const queued = queue;
    kernel.close(socket);
    connect(MANY);
    queue = queued;
  }

  it('sends ranges of arrays', () => {
    const bytes = text('0123456789');
    queue.pushBytes(bytes, 2, 5);
    queue.pushBytes(bytes, 9, 10);
    queue.pushBytes(bytes, 7, 7);
    queue.pushBytes(bytes, 0, 10);
    flush();
    expect(received()).toBe('23490123456789');
  });
});

describe('budget', () => {
  it('limits the bytes of a file per flush', () => {
    push(['head', '<0123456789>']);
    const results: number[] = [];
    do results.push(flush(4));
    while (results.at(-1) === BUDGET_SPENT && results.length < 10);
    expect(results).toEqual([BUDGET_SPENT, BUDGET_SPENT, SENT]);
    expect(received()).toBe('head0123456789');
  });

  it('does not apply to bytes in memory', () => {
    push(['a'.repeat(1000)]);
    expect(flush(1)).toBe(SENT);
  });

  it('a budget of exactly the file sends it all', () => {
    push(['<0123>']);
    expect(flush(4)).toBe(SENT);
  });

  it('is shared by several files', () => {
    push(['<0123>', '<4567>', '<89>']);
    expect(flush(6)).toBe(BUDGET_SPENT);
    expect(received()).toBe('012345');
    expect(flush(6)).toBe(SENT);
    expect(received()).toBe('0123456789');
  });

  it.each(['alone', 'the first', 'the second'])(
    'bytes that are transferred while they wait are ENODATA: %s',
    (which) => {
      if (which === 'the second') pushText('head');
      const given = new Uint8Array(10);
      queue.pushBytes(given, 0, 10);
      if (which === 'the first') pushText('tail');
      structuredClone(given, { transfer: [given.buffer] });
      expect(flush()).toBe(ENODATA);
      expect(received()).toBe(which === 'the second' ? 'head' : '');
    },
  );
});

describe('files', () => {
  it.each([
    [0, 10, '0123456789'],
    [3, 10, '3456789'],
    [0, 4, '0123'],
    [4, 5, '4'],
  ])('from %i to %i', (offset, end, expected) => {
    pushFile('0123456789', offset, end);
    expect(flush()).toBe(SENT);
    expect(received()).toBe(expected);
  });

  it.each([0, 1, 5, 9])('a file truncated to %i bytes is ENODATA', (length) => {
    pushText('head');
    const fd = pushFile('0123456789');
    kernel.truncate(fd, length);
    expect(flush()).toBe(ENODATA);
    queue.close(kernel);
    expect(received()).toBe(`head${'0123456789'.slice(0, length)}`);
  });

  it.each([EIO, EBADF])('an error of sendfile is returned: %i', (errno) => {
    push(['<0123>', '<45>']);
    kernel.fault('sendfile', errno);
    expect(flush()).toBe(errno);
  });

  it('a short sendfile is continued at once', () => {
    push(['<0123456789>']);
    kernel.fault('sendfile', { short: 1 }, { short: 2 }, EAGAIN, { short: 3 });
    expect(flush()).toBe(BLOCKED);
    expect(queue.queuedBytes).toBe(7);
    expect(flush()).toBe(SENT);
    expect(received()).toBe('0123456789');
  });
});

describe('bytes that may change', () => {
  /** [immutableFrom, bytes sent at first, what arrives if everything is then overwritten with "#"] */
  it.each([
    [0, 2, '01########'],
    [10, 2, '0123456789'],
    [5, 2, '0123456789'],
    [5, 4, '0123456789'],
    [5, 5, '01234#####'],
    [5, 7, '0123456###'],
  ])('immutable from %i, blocked after %i bytes', (immutableFrom, sendBufferBytes, expected) => {
    kernel.close(socket);
    connect(sendBufferBytes);
    const bytes = text('0123456789');
    queue.pushBytes(bytes, 0, bytes.length, immutableFrom);
    expect(flush()).toBe(BLOCKED);
    bytes.fill('#');
    while (flush() !== SENT) peer.pump();
    expect(received()).toBe(expected);
  });

  it('are copied behind a chunk that blocks, and when the budget is spent', () => {
    pushFile('0123456789');
    const bytes = text('head');
    queue.pushBytes(bytes, 1, 4, 4);
    expect(flush(5)).toBe(BUDGET_SPENT);
    bytes.fill('#');
    expect(flush()).toBe(SENT);
    expect(received()).toBe('0123456789ead');
  });

  it('are copied once', () => {
    kernel.fault('send', EAGAIN, EAGAIN, EAGAIN);
    const bytes = text('0123456789');
    queue.pushBytes(bytes, 0, 10, 10);
    for (let i = 0; i < 3; i++) {
      expect(flush()).toBe(BLOCKED);
      bytes.fill('#');
    }
    flush();
    expect(received()).toBe('0123456789');
  });
});

it('random chunks with random faults arrive complete', () => {
  const next = seeded();
  for (let round = 0; round < 300; round++) {
    kernel.close(socket);
    connect(1 + below(next, 40));
    kernel.chaos = (call) => {
      if (call !== 'send' && call !== 'sendfile') return null;
      if (next() < 0.2) return EAGAIN;
      return next() < 0.3 ? { short: 1 + below(next, 5) } : null;
    };
    let expected = '';
    const mutable: Buffer[] = [];
    for (let step = 0; step < 30; step++) {
      const piece = String.fromCharCode(97 + below(next, 26)).repeat(below(next, 20));
      if (next() < 0.3) push([`<${piece}>`]);
      else {
        const bytes = text(piece);
        mutable.push(bytes);
        queue.pushBytes(bytes, 0, bytes.length, bytes.length);
      }
      expected += piece;
      if (next() < 0.5) {
        const result = flush(1 + below(next, 10));
        expect([SENT, BLOCKED, BUDGET_SPENT]).toContain(result);
        for (const bytes of mutable.splice(0)) bytes.fill('#');
        peer.pump(below(next, 30));
      }
    }
    while (flush() !== SENT) peer.pump();
    expect(received()).toBe(expected);
    expect(queue.queuedBytes).toBe(0);
  }
  kernel.chaos = null;
});

describe('WriteQueuePool', () => {
  it('reuses a queue that was put back', () => {
    const pool = new WriteQueuePool();
    const one = pool.take();
    const other = pool.take();
    expect(one).not.toBe(other);
    pool.putBack(one);
    expect(pool.take()).toBe(one);
  });

  it('rejects a queue that is not empty', () => {
    pushText('x');
    expect(() => new WriteQueuePool().putBack(queue)).toThrow(AssertionError);
  });

  it('holds a limited number of queues', () => {
    const pool = new WriteQueuePool();
    const many = new Set(Array.from({ length: 1000 }, () => pool.take()));
    for (const each of many) pool.putBack(each);
    const again = Array.from({ length: 1000 }, () => pool.take());
    expect(again.filter((each) => many.has(each)).length).toBeLessThanOrEqual(64);
  });
});

describe('on the real kernel', () => {
  const test = testDescriptors();

  it('heads and files arrive complete over a socket that fills up', () => {
    const path = join(test.directory(), 'file');
    const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) & 0xff));
    writeFileSync(path, content);
    const [client, server] = test.tcp();
    const real = new WriteQueue();
    const head = Buffer.from('head\n');
    real.pushBytes(head, 0, 5, 5);
    handOver(real, openSync(path, 'r'), 0, content.length);
    real.pushBytes(head, 0, 5, 5);
    handOver(real, openSync(path, 'r'), 1000, 2000);
    const pieces: Buffer[] = [];
    const results = new Set<number>();
    let result: number;
    do {
      result = real.flush(realKernel, server, 500_000);
      results.add(result);
      expect(result).toBeGreaterThanOrEqual(0);
      const buffer = Buffer.alloc(200_000);
      const got = realKernel.recv(client, buffer, 0, buffer.length, constants.MSG_DONTWAIT);
      if (got > 0) pieces.push(buffer.subarray(0, got));
    } while (result !== SENT);
    test.close(server);
    for (;;) {
      const buffer = Buffer.alloc(200_000);
      const got = realKernel.recv(client, buffer, 0, buffer.length, 0);
      if (got <= 0) break;
      pieces.push(buffer.subarray(0, got));
    }
    const all = Buffer.concat(pieces);
    expect(all.equals(Buffer.concat([head, content, head, content.subarray(1000, 2000)]))).toBe(true);
    expect(results).toContain(BUDGET_SPENT);
  });

  it('a truncated file is ENODATA, a socket that is shut down is EPIPE', () => {
    const path = join(test.directory(), 'file');
    writeFileSync(path, '0123456789');
    const [, server] = test.tcp();
    const real = new WriteQueue();
    handOver(real, openSync(path, 'r'), 0, 20);
    expect(real.flush(realKernel, server, MANY)).toBe(ENODATA);
    real.close(realKernel);
    const fd = openSync(path, 'r');
    handOver(real, fd, 0, 10);
    realKernel.shutdown(server, constants.SHUT_WR);
    expect(real.flush(realKernel, server, MANY)).toBe(EPIPE);
    real.close(realKernel);
    expect(() => closeSync(fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});
