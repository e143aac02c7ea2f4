import { existsSync, openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  ENDED,
  type Interest,
  NestedDriver,
  NOTHING,
  PRIORITY,
  READABLE,
  Reactor,
  type Token,
  type Trigger,
} from '../../../src/reactor/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { constants, kernel } from '../../../src/sys/binding.js';
import { EAGAIN } from '../../../src/sys/errno.js';
import { testDescriptors } from '../../support/descriptors.js';
import { permits } from '../../support/needs.js';
import { eventually } from '../../support/raw-client.js';

const { MSG_DONTWAIT, MSG_OOB, SHUT_WR } = constants;
const test = testDescriptors();
const scratch = new Uint8Array(64);

let reactor: Reactor;

beforeEach(() => {
  reactor = new Reactor();
});
afterEach(() => reactor.close());

/** Out-of-band data over TCP: the handler reads what its readiness reports, urgent data first. */
function urgent(trigger: Trigger, interest: Interest) {
  const [client, server] = test.tcp();
  const record: string[] = [];
  const readiness: number[] = [];
  const read = (flags: number): string => {
    const count = kernel.recv(server, scratch, 0, scratch.length, flags | MSG_DONTWAIT);
    return count < 0 ? `${count === EAGAIN ? 'EAGAIN' : count}` : Buffer.from(scratch.subarray(0, count)).toString();
  };
  const token: Token = reactor.register(
    server,
    {
      onReady(ready) {
        readiness.push(ready);
        if (ready & PRIORITY) record.push(`urgent ${read(MSG_OOB)}`);
        if (ready & READABLE) record.push(`read ${read(0)}`);
      },
    },
    interest,
    { trigger },
  );
  const send = (text: string, flags = 0) => {
    const bytes = Buffer.from(text);
    expect(kernel.send(client, bytes, 0, bytes.length, flags)).toBe(bytes.length);
  };
  return { client, server, token, record, readiness, send };
}

/** Turns until there was none with something to do for a while; returns how many there were with something. */
function run(): number {
  let busy = 0;
  for (let turns = 0; turns < 20; turns++) {
    if (reactor.turn(10) === 0) return busy;
    busy++;
  }
  throw new Error('turns without end');
}

describe.each(TRIGGERS)('%s', (trigger) => {
  it('out-of-band data is PRIORITY, once each time, and nothing spins', () => {
    const one = urgent(trigger, PRIORITY);
    expect(run()).toBeLessThanOrEqual(trigger === 'edge' ? 1 : 0); // the edge of EPOLLOUT
    for (const text of ['!', '?', '.']) {
      one.send(text, MSG_OOB);
      expect(run()).toBe(1);
    }
    expect(one.record).toEqual(['urgent !', 'urgent ?', 'urgent .']);
    expect(one.readiness).toEqual([PRIORITY, PRIORITY, PRIORITY]);
    expect(reactor.stats.spurious).toBeLessThanOrEqual(trigger === 'edge' ? 4 : 0);
  });

  it('with READABLE, both are reported', () => {
    const one = urgent(trigger, READABLE | PRIORITY);
    one.send('a!', MSG_OOB); // the last byte is the urgent one
    run();
    one.send('b');
    run();
    expect(one.record.filter((each) => each !== 'read EAGAIN')).toEqual(['urgent !', 'read a', 'read b']);
    one.send('?', MSG_OOB);
    run();
    expect(one.record.at(-1)).toBe('urgent ?');
  });

  it('without PRIORITY it is not reported, and wakes nothing', () => {
    const one = urgent(trigger, READABLE);
    run();
    const { events } = reactor.stats;
    one.send('!', MSG_OOB);
    expect(run()).toBeLessThanOrEqual(trigger === 'edge' ? 1 : 0); // EPOLLOUT again, as with all data under edge
    expect(reactor.stats.events - events).toBeLessThanOrEqual(trigger === 'edge' ? 1 : 0);
    expect(one.readiness.some((ready) => ready & PRIORITY)).toBe(false);
  });

  it('PRIORITY can be added and removed', () => {
    const one = urgent(trigger, READABLE);
    run();
    reactor.modify(one.token, READABLE | PRIORITY);
    run();
    one.send('!', MSG_OOB);
    run();
    expect(one.record.filter((each) => each.startsWith('urgent'))).toEqual(['urgent !']);
    reactor.modify(one.token, NOTHING);
    run();
    one.send('?', MSG_OOB);
    run();
    expect(one.record.filter((each) => each.startsWith('urgent'))).toEqual(['urgent !']);
    reactor.modify(one.token, PRIORITY);
    run();
    expect(one.record.at(-1)).toBe('urgent ?');
  });

  it('a revisit for PRIORITY', () => {
    const one = urgent(trigger, PRIORITY);
    run();
    reactor.revisit(one.token, PRIORITY);
    expect(reactor.hasWork).toBe(true);
    reactor.turn(0);
    expect(one.readiness).toEqual([PRIORITY]);
  });

  it('a reset reaches a handler that wants PRIORITY only, and ends when it unregisters', () => {
    const one = urgent(trigger, PRIORITY);
    run();
    let reports = 0;
    reactor.unregister(one.token);
    const token = reactor.register(
      one.server,
      {
        onReady(ready) {
          expect(ready).toBe(PRIORITY | ENDED);
          reports++;
          reactor.unregister(token);
        },
      },
      PRIORITY,
      { trigger },
    );
    kernel.shutdown(one.server, SHUT_WR);
    kernel.shutdown(one.client, SHUT_WR); // both directions: EPOLLHUP
    run();
    expect(reports).toBe(1);
  });
});

it('in libuv’s loop, out-of-band data is reported as well', async () => {
  const driver = new NestedDriver(reactor);
  onTestFinished(() => driver.stop());
  const one = urgent('level', PRIORITY);
  one.send('!', MSG_OOB);
  await eventually(() => one.record.includes('urgent !'), 'the handler is called');
});

const PRESSURE = '/proc/pressure/cpu';

it.runIf(permits(existsSync(PRESSURE), 'a pressure file', `the kernel has no ${PRESSURE}`))(
  'a file that reports by poll(2): its change is PRIORITY, without the READABLE that it always is',
  () => {
    const fd = test.own('open', openSync(PRESSURE, 'r'));
    const readiness: number[] = [];
    const handler = {
      onReady(ready: number) {
        readiness.push(ready);
        reactor.unregister(token);
      },
    };
    // Without a trigger of its own it is in error, EPOLLERR|EPOLLPRI.
    const token = reactor.register(fd, handler, PRIORITY);
    expect(run()).toBe(1);
    expect(readiness).toEqual([PRIORITY | ENDED]);
  },
);
