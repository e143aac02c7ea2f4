import { expect, it } from 'vitest';
import { type BatchReadable, ReadBatch } from '../../../src/net/read-batch.js';
import { READABLE } from '../../../src/reactor/interest.js';
import { Reactor } from '../../../src/reactor/reactor.js';
import { FakeKernel } from '../../support/fake-kernel.js';

const STRIDE = 9;

/** Sockets that tell a receiver when they are readable, and note in one story what it does. */
function listening(count: number) {
  const kernel = new FakeKernel();
  const reactor = new Reactor({ kernel });
  const receiver = new ReadBatch(reactor, STRIDE);
  const story: string[] = [];
  const all = Array.from({ length: count }, (_, i) => {
    const { fd, peer } = kernel.connected(1024);
    const one: BatchReadable & { onReady(readiness: number): void; before: () => void } = {
      fd,
      before: () => {},
      onReady: (readiness) => {
        one.before();
        receiver.add(one, readiness);
      },
      onRead: (bytes, start, got, room, readiness) => {
        expect([room, readiness & READABLE]).toEqual([STRIDE - 1, READABLE]);
        story.push(`${i} received ${got < 0 ? got : bytes.toString('latin1', start, start + got)}`);
      },
      onBatchEnd: () => story.push(`${i} settles`),
      onWritten: () => {},
    };
    reactor.register(fd, one, READABLE, { trigger: 'edge' });
    return { one, peer };
  });
  const end = () => {
    for (const { one } of all) kernel.close(one.fd);
    reactor.close();
  };
  return { kernel, reactor, receiver, story, all, end };
}

it('all of a batch receive before any of them sends', () => {
  const { reactor, story, all, end } = listening(3);
  for (const [i, { peer }] of all.entries()) peer.send('abc'.slice(0, i + 1));
  reactor.turn(0);
  expect(story).toEqual(['0 received a', '1 received ab', '2 received abc', '0 settles', '1 settles', '2 settles']);
  end();
});

it('a long batch is taken in pieces, and nobody is forgotten', () => {
  const { reactor, story, all, end } = listening(50);
  for (const { peer } of all) peer.send('x');
  reactor.turn(0);
  expect(story.filter((line) => line.endsWith('received x'))).toHaveLength(50);
  expect(story.filter((line) => line.endsWith('settles'))).toHaveLength(50);
  expect(story.indexOf('0 settles')).toBeLessThan(story.indexOf('49 received x'));
  end();
});

it('what one throws costs the others nothing', () => {
  const { reactor, story, all, end } = listening(3);
  for (const { peer } of all) peer.send('x');
  all[1]!.one.onRead = () => {
    throw new Error('of the second');
  };
  expect(() => reactor.turn(0)).toThrow('a connection threw');
  expect(story).toEqual(['0 received x', '2 received x', '0 settles', '1 settles', '2 settles']);
  end();
});

it('who is closed meanwhile is not read, though its number is another’s', () => {
  const { reactor, receiver, story, all, end } = listening(3);
  for (const { peer } of all) peer.send('x');
  all[2]!.one.before = () => receiver.remove(all[1]!.one);
  reactor.turn(0);
  expect(story).toEqual(['0 received x', '2 received x', '0 settles', '2 settles']);
  receiver.remove(all[1]!.one); // that it waits for nothing is no mistake
  end();
});
