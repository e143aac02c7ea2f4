import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Epoll } from '../../../src/epoll/epoll.js';
import type { StrictCode } from '../../../src/epoll/strict.js';
import { constants, kernel } from '../../../src/sys/binding.js';
import { check } from '../../../src/sys/errno.js';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLRDHUP } from '../../../src/sys/events.js';
import { testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();
const bytes = new Uint8Array(16);
let epoll: Epoll;
let warnings: { code: string; message: string }[];
const onWarning = (warning: Error & { code?: string }): void => {
  if (warning.name === 'EpolletWarning') warnings.push({ code: warning.code!, message: warning.message });
};

beforeEach(() => {
  epoll = new Epoll({ strict: true });
  warnings = [];
  process.on('warning', onWarning);
});
afterEach(() => {
  epoll.close();
  process.off('warning', onWarning);
});

/** process.emitWarning emits in the next tick. */
async function codes(): Promise<string[]> {
  await setImmediate();
  return warnings.map(({ code }) => code);
}

const write = (fd: number, count: number): void => void check('write', kernel.write(fd, bytes, 0, count));
const read = (fd: number, count: number): void => void check('read', kernel.read(fd, bytes, 0, count));

/** A pipe with 8 unread bytes that were reported under `events`. */
function reported(events: number): { reader: number; writer: number } {
  const [reader, writer] = test.pipe();
  epoll.register(reader, events);
  write(writer, 8);
  expect(epoll.poll(0).length).toBe(1);
  return { reader, writer };
}

/** Closes a descriptor, whose file stays open in a duplicate, and opens an eventfd, which gets its number. */
function replaceDuplicated(fd: number): number {
  test.own('dup', kernel.dup(fd));
  kernel.close(fd);
  const other = test.own('eventfd', kernel.eventfd(0, 0));
  expect(other).toBe(fd);
  return other;
}

describe.each<[StrictCode, [subject: string, isWarned: boolean, run: () => void][]]>([
  [
    'EPOLLET_PARTIAL_READ',
    [
      [
        'a read of a part under edge',
        true,
        () => {
          read(reported(EPOLLIN | EPOLLET).reader, 3);
          epoll.poll(1);
        },
      ],
      ['no read under edge', true, () => void [reported(EPOLLIN | EPOLLET), epoll.poll(1)]],
      [
        'a read of a part, and another descriptor that is always ready',
        true,
        () => {
          const { reader } = reported(EPOLLIN | EPOLLET);
          epoll.register(test.pipe()[1], EPOLLOUT);
          read(reader, 3);
          epoll.poll(1);
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
          epoll.poll(1);
        },
      ],
      [
        'a read of a part, of more events than a batch has',
        true,
        () => {
          const [one, other] = [reported(EPOLLIN | EPOLLET), reported(EPOLLIN | EPOLLET)];
          for (const { reader } of [one, other]) epoll.modify(reader, EPOLLIN | EPOLLET);
          for (let i = 0; i < 2; i++) for (const { fd } of epoll.poll(1, 1)) read(fd, fd === one.reader ? 3 : 8);
          epoll.poll(1);
        },
      ],
      [
        'waits of 0 between two reads of a part',
        false,
        () => {
          const { reader } = reported(EPOLLIN | EPOLLET);
          read(reader, 3);
          epoll.poll(0);
          read(reader, 3);
          epoll.poll(0);
          read(reader, 2);
          epoll.poll(1);
        },
      ],
      [
        'a read of everything under edge',
        false,
        () => {
          read(reported(EPOLLIN | EPOLLET).reader, 8);
          epoll.poll(1);
        },
      ],
      [
        'new bytes, which are reported, after everything was read',
        false,
        () => {
          const { reader, writer } = reported(EPOLLIN | EPOLLET);
          read(reader, 8);
          write(writer, 1);
          expect(epoll.poll(1).length).toBe(1);
        },
      ],
      [
        'modify after a read of a part',
        false,
        () => {
          const { reader } = reported(EPOLLIN | EPOLLET);
          read(reader, 3);
          epoll.modify(reader, EPOLLIN | EPOLLET);
          expect(epoll.poll(1).length).toBe(1);
        },
      ],
      [
        'a read of a part under level',
        false,
        () => {
          read(reported(EPOLLIN).reader, 3);
          expect(epoll.poll(1).length).toBe(1);
        },
      ],
      [
        'a read of a part under oneshot',
        false,
        () => {
          read(reported(EPOLLIN | EPOLLET | EPOLLONESHOT).reader, 3);
          epoll.poll(1);
        },
      ],
      [
        'the end of a stream socket, read once',
        false,
        () => {
          const [one, other] = test.pair();
          epoll.register(one, EPOLLIN | EPOLLRDHUP | EPOLLET);
          kernel.shutdown(other, constants.SHUT_WR);
          epoll.poll(0);
          expect(kernel.recv(one, bytes, 0, 1, 0)).toBe(0);
          epoll.poll(1);
        },
      ],
    ],
  ],
  [
    'EPOLLET_EXCLUSIVE_MODIFIED',
    [
      [
        'modify of an exclusive registration',
        true,
        () => {
          const [reader] = test.pipe();
          epoll.register(reader, EPOLLIN | EPOLLEXCLUSIVE);
          expect(() => epoll.modify(reader, EPOLLIN)).toThrow('EINVAL');
        },
      ],
      [
        'modify to exclusive',
        true,
        () => {
          const [reader] = test.pipe();
          epoll.register(reader, EPOLLIN);
          expect(() => epoll.modify(reader, EPOLLIN | EPOLLEXCLUSIVE)).toThrow('EINVAL');
        },
      ],
      [
        'unregister and register of an exclusive registration',
        false,
        () => {
          const [reader] = test.pipe();
          epoll.register(reader, EPOLLIN | EPOLLEXCLUSIVE);
          epoll.unregister(reader);
          epoll.register(reader, EPOLLIN | EPOLLEXCLUSIVE);
        },
      ],
    ],
  ],
  [
    'EPOLLET_CLOSED_DESCRIPTOR',
    [
      [
        'a closed descriptor whose duplicate is open',
        true,
        () => {
          const { reader } = reported(EPOLLIN);
          const duplicate = check('dup', kernel.dup(reader));
          kernel.close(reader);
          epoll.poll(0);
          kernel.close(duplicate);
        },
      ],
      [
        'another file with the number',
        true,
        () => {
          replaceDuplicated(reported(EPOLLIN).reader);
          epoll.poll(0);
        },
      ],
      [
        'another file of the same inode with the number',
        true,
        () => {
          const first = check('eventfd', kernel.eventfd(1, 0));
          epoll.register(first, EPOLLIN);
          replaceDuplicated(first);
          epoll.poll(0);
        },
      ],
      [
        'another file registered with the number',
        true,
        () => {
          epoll.register(replaceDuplicated(reported(EPOLLIN).reader), EPOLLIN);
        },
      ],
      [
        'another file registered with the number of one that was closed without a duplicate',
        false,
        () => {
          const { reader } = reported(EPOLLIN);
          kernel.close(reader);
          const other = check('eventfd', kernel.eventfd(1, 0));
          expect(other).toBe(reader);
          epoll.register(other, EPOLLIN);
          expect(epoll.poll(0).length).toBe(1);
          kernel.close(other);
        },
      ],
      [
        'a descriptor that is unregistered before it is closed',
        false,
        () => {
          const { reader } = reported(EPOLLIN);
          const duplicate = check('dup', kernel.dup(reader));
          epoll.unregister(reader);
          kernel.close(reader);
          expect(epoll.poll(0)).toEqual([]);
          kernel.close(duplicate);
        },
      ],
    ],
  ],
  [
    'EPOLLET_HANGUP_SPIN',
    [
      [
        'a hang-up with a mask of 0',
        true,
        () => {
          const [reader, writer] = test.pipe();
          epoll.register(reader, 0);
          kernel.close(writer);
          for (let i = 0; i < 20; i++) expect(epoll.poll(0).length).toBe(1);
        },
      ],
      [
        'a hang-up with EPOLLIN that is not read',
        true,
        () => {
          const [reader, writer] = test.pipe();
          epoll.register(reader, EPOLLIN);
          kernel.close(writer);
          for (let i = 0; i < 20; i++) epoll.poll(0);
        },
      ],
      [
        'a hang-up after which the descriptor is unregistered',
        false,
        () => {
          const [reader, writer] = test.pipe();
          epoll.register(reader, 0);
          kernel.close(writer);
          for (const { fd } of epoll.poll(0)) epoll.unregister(fd);
          for (let i = 0; i < 20; i++) expect(epoll.poll(0)).toEqual([]);
        },
      ],
      [
        'level-triggered readiness that lasts',
        false,
        () => {
          const [, writer] = test.pipe();
          epoll.register(writer, EPOLLOUT);
          for (let i = 0; i < 20; i++) expect(epoll.poll(0).length).toBe(1);
        },
      ],
    ],
  ],
  [
    'EPOLLET_REUSED_DESCRIPTOR',
    [
      ['a number registered again before its event is handled', true, () => replaceSecond(0)],
      ['a number registered again with other data', false, () => replaceSecond(1)],
      [
        'a number registered again after its event is handled',
        false,
        () => {
          const { reader } = reported(EPOLLIN);
          for (const { fd } of epoll.poll(0)) {
            kernel.close(fd);
            const next = check('eventfd', kernel.eventfd(0, 0));
            expect(next).toBe(reader);
            epoll.register(next, EPOLLIN);
            kernel.close(next);
          }
        },
      ],
    ],
  ],
])('%s', (code, rows) => {
  it.each(rows)('%s: %s', async (_, isWarned, run) => {
    run();
    expect(await codes()).toEqual(isWarned ? [code] : []);
    if (isWarned) expect(warnings[0]!.message).toMatch(/^Descriptor \d+ .*[a-z)]\.$/);
  });
});

/** While the first of two events is handled, the descriptor of the second is replaced by another file. */
function replaceSecond(data: number): void {
  const [first, second] = [reported(EPOLLIN).reader, test.pipe()];
  write(second[1], 1);
  epoll.register(second[0], EPOLLIN);
  const seen: number[] = [];
  for (const { fd } of epoll.poll(0)) {
    seen.push(fd);
    if (seen.length > 1) continue;
    const later = fd === first ? second[0] : first;
    kernel.close(later);
    const next = check('eventfd', kernel.eventfd(0, 0));
    expect(next).toBe(later);
    epoll.register(next, EPOLLIN, data);
    kernel.close(next);
  }
  expect(seen.length).toBe(2);
}

it('a trap is reported once a registration', async () => {
  reported(EPOLLIN | EPOLLET);
  for (let i = 0; i < 3; i++) epoll.poll(1);
  expect(await codes()).toEqual(['EPOLLET_PARTIAL_READ']);
});

it('asynchronous waits are checked when they begin', async () => {
  const [reader, writer] = test.pipe();
  epoll.register(reader, EPOLLIN | EPOLLET);
  write(writer, 8);
  await epoll.pollAsync();
  read(reader, 3);
  const warned = once(process, 'warning');
  const abort = new AbortController();
  const wait = epoll.pollAsync(-1, { signal: abort.signal });
  await warned;
  abort.abort();
  await expect(wait).rejects.toThrow('aborted');
  expect(await codes()).toEqual(['EPOLLET_PARTIAL_READ']);
});

it('without strict there are no warnings', async () => {
  using loose = new Epoll();
  const [reader, writer] = test.pipe();
  loose.register(reader, EPOLLIN | EPOLLET);
  write(writer, 8);
  for (let i = 0; i < 3; i++) loose.poll(1);
  expect(await codes()).toEqual([]);
});

it('the option must be a boolean', () => {
  expect(() => new Epoll({ strict: 1 as unknown as boolean })).toThrow('strict must be a boolean, not 1');
});

describe('busy polling', () => {
  it('is read and set where the kernel has it', () => {
    let found: number | object = kernel.epollGetParams(epoll.fd);
    if (typeof found === 'number') return void expect(() => epoll.busyPoll).toThrow(/^E\w+: .*, ioctl EPIOCGPARAMS/);
    epoll.setBusyPoll({ us: 50, budget: 16, prefer: true });
    found = epoll.busyPoll;
    expect(found).toEqual({ us: 50, budget: 16, prefer: true });
  });

  it('of an old kernel is an error that names the version', () => {
    const ENOTTY = -25;
    const old = { ...kernel, epollGetParams: () => ENOTTY, epollSetParams: () => ENOTTY };
    using set = new Epoll({ kernel: old });
    const text = 'ENOTTY: inappropriate ioctl for device, ioctl';
    expect(() => set.busyPoll).toThrow(`${text} EPIOCGPARAMS, which needs Linux 6.9`);
    expect(() => set.setBusyPoll({ us: 1 })).toThrow(`${text} EPIOCSPARAMS, which needs Linux 6.9`);
  });

  it.each<[object, string]>([
    [{ us: -1 }, 'us must be from 0 to 2147483647, not -1'],
    [{ us: 0.5 }, 'us must be an integer, not 0.5'],
    [{ us: 1, budget: 65_536 }, 'budget must be from 0 to 65535, not 65536'],
    [{ us: 1, prefer: 1 }, 'prefer must be a boolean, not 1'],
  ])('%j is refused', (options, message) => {
    expect(() => epoll.setBusyPoll(options as { us: number })).toThrow(message);
  });
});
