import { readFileSync, utimesSync } from 'node:fs';
import { expect, test } from 'vitest';
import { constants, kernel as realKernel } from '../../../src/sys/binding.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { permits } from '../../support/needs.js';
import { RawClient, request } from '../../support/raw-client.js';
import { testVersions } from '../../support/versions.js';

const { IN_Q_OVERFLOW } = constants;

const versions = testVersions();
const { path, put, start, turn, responseTo, expectVersion } = versions;

/** A change that the queue does not report is seen, and the changes after it are reported again. */
const expectUnreportedChange = async (change: () => void): Promise<void> => {
  await settled();
  await expectVersion(1);
  change();
  await expectVersion(2);
  expect(versions.server.stats().files!.inotifyOverflows).toBe(1);
  await settled(); // until then a page that has just changed is not cached
  await expectVersion(2);
  expect(versions.server.stats().files!.unwatchedReasons).toEqual([]);
  const { inotifyEvents } = versions.server.stats().files!;
  put('swapped/deep.txt', 'edited');
  expect(await responseTo('/swapped/deep.txt')).toBe('200 edited');
  turn(3);
  await expectVersion(3);
  expect(versions.server.stats().files!.inotifyEvents).toBeGreaterThan(inotifyEvents);
  expect(versions.server.stats().files!.inotifyOverflows).toBe(1);
};

test('an IN_Q_OVERFLOW event invalidates everything', async () => {
  let watchFd = -1;
  let isLost = false;
  const kernel = kernelWith(
    {
      read(fd, bytes, offset, length) {
        if (fd !== watchFd || !isLost) return realKernel.read(fd, bytes, offset, length);
        while (realKernel.read(fd, bytes, offset, length) > 0);
        isLost = false;
        const event = Buffer.from(bytes.buffer, bytes.byteOffset + offset, 16).fill(0);
        event.writeInt32LE(-1, 0);
        event.writeUInt32LE(IN_Q_OVERFLOW, 4);
        return event.length;
      },
    },
    {
      inotifyInit1: (_, fd) => {
        watchFd = fd as number;
      },
    },
  );
  start({ kernel });
  await expectUnreportedChange(() => {
    isLost = true;
    turn(2);
  });
});

const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
/** More than the 256 KiB that a turn reads: an event with such a name takes 32 bytes. */
const MANY = 12_000;

test.runIf(permits(limit > MANY, 'a long queue', `${limit} events are an overflow`))(
  'changes beyond what a turn reads of the queue are seen by a request of the same turn',
  async () => {
    start();
    await settled();
    await expectVersion(1);
    using client = await RawClient.connect(versions.server.port);
    const ask = async (): Promise<string> => (await client.send(request('/small.txt')).response()).body.toString();
    expect(await ask()).toBe('version 1');
    // Synchronously, so that the request arrives before the first event is read.
    for (let made = 0; made < MANY; made++) utimesSync(path(made % 2 ? 'index.html' : 'app.js'), 1, 2);
    turn(2);
    expect(await ask()).toBe('version 2');
    await expectVersion(2);
    expect(versions.server.stats().files).toMatchObject({ inotifyOverflows: 0, unwatchedReasons: [] });
    expect(versions.server.stats().files!.inotifyBacklogs).toBeGreaterThan(0);
    put('small.txt', 'edited');
    expect(await ask()).toBe('edited');
  },
);

const isSoon = permits(limit <= 100_000, 'an overflowing queue', `${limit} events take too long`);

test.runIf(isSoon)('a real overflow of the queue invalidates everything', async () => {
  start();
  const startMs = performance.now();
  await expectUnreportedChange(() => {
    for (let made = 0; made <= limit; made++) utimesSync(path(made % 2 ? 'small.txt' : 'app.js'), 1, 2);
    turn(2);
  });
  console.log(`more than ${limit} events: ${Math.round(performance.now() - startMs)} ms`);
});
