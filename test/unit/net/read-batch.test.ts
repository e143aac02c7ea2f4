import { expect, it } from 'vitest';
import { type BatchReadable, ReadBatch } from '../../../src/net/read-batch.js';
import { READABLE } from '../../../src/reactor/interest.js';
import { Reactor } from '../../../src/reactor/reactor.js';
import { FakeKernel } from '../../support/fake-kernel.js';

const STRIDE = 9;

/** Connections that join a read batch when they are readable, and record what it calls. */
function batch(count: number) {
  const kernel = new FakeKernel();
  const reactor = new Reactor({ kernel });
  const readBatch = new ReadBatch(reactor, STRIDE);
  const events: string[] = [];
  const all = Array.from({ length: count }, (_, i) => {
    const { fd, peer } = kernel.connected(1024);
    const one: BatchReadable & { onReady(readiness: number): void; before: () => void } = {
      fd,
      before: () => {},
      onReady: (readiness) => {
        one.before();
        readBatch.add(one, readiness);
      },
      onRead: (bytes, start, result, capacity, readiness) => {
        expect([capacity, readiness & READABLE]).toEqual([STRIDE - 1, READABLE]);
        events.push(`${i} received ${result < 0 ? result : bytes.toString('latin1', start, start + result)}`);
      },
      onBatchEnd: () => events.push(`${i} ends`),
      onWritten: () => {},
    };
    reactor.register(fd, one, READABLE, { trigger: 'edge' });
    return { one, peer };
  });
  const end = () => {
    for (const { one } of all) kernel.close(one.fd);
    reactor.close();
  };
  return { kernel, reactor, readBatch, events, all, end };
}

it('the whole batch is read before onBatchEnd is called', () => {
  const { reactor, events, all, end } = batch(3);
  for (const [i, { peer }] of all.entries()) peer.send('abc'.slice(0, i + 1));
  reactor.turn(0);
  expect(events).toEqual(['0 received a', '1 received ab', '2 received abc', '0 ends', '1 ends', '2 ends']);
  end();
});

it('a long batch is split, and every connection is read', () => {
  const { reactor, events, all, end } = batch(50);
  for (const { peer } of all) peer.send('x');
  reactor.turn(0);
  expect(events.filter((line) => line.endsWith('received x'))).toHaveLength(50);
  expect(events.filter((line) => line.endsWith('ends'))).toHaveLength(50);
  expect(events.indexOf('0 ends')).toBeLessThan(events.indexOf('49 received x'));
  end();
});

it('an exception of one connection does not affect the others', () => {
  const { reactor, events, all, end } = batch(3);
  for (const { peer } of all) peer.send('x');
  all[1]!.one.onRead = () => {
    throw new Error('of the second');
  };
  expect(() => reactor.turn(0)).toThrow('of the second');
  expect(events).toEqual(['0 received x', '2 received x', '0 ends', '1 ends', '2 ends']);
  end();
});

it('a removed connection is not read', () => {
  const { reactor, readBatch, events, all, end } = batch(3);
  for (const { peer } of all) peer.send('x');
  all[2]!.one.before = () => readBatch.remove(all[1]!.one);
  reactor.turn(0);
  expect(events).toEqual(['0 received x', '2 received x', '0 ends', '2 ends']);
  readBatch.remove(all[1]!.one); // without effect when it is not in the batch
  end();
});
