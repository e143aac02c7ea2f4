import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../src/index.js';
import { constants, kernel as realKernel } from '../../src/sys/binding.js';
import { tellingFolder } from '../support/changer.js';
import { kernelWith } from '../support/counting-kernel.js';
import { permits } from '../support/needs.js';
import { sleep } from '../support/raw-client.js';
import { answerTo, expectVersion, turn } from '../support/versions.js';

const OLD_ENOUGH_MS = 40;
const { IN_Q_OVERFLOW } = constants;

let folder: ReturnType<typeof tellingFolder>;
let server: Server;

const path = (name: string): string => join(folder.path, name);
const put = (name: string, content: string): void => writeFileSync(path(name), content);
const start = (options: Partial<ServeOptions>): void => {
  server = serve({ port: 0, root: folder.path, ...options });
};

beforeEach(() => {
  folder = tellingFolder();
  mkdirSync(path('in'));
  turn(folder.path, 1);
});

afterEach(async () => {
  await server.stop({ force: true });
  folder[Symbol.dispose]();
});

/** A change of which the queue tells nothing is seen all the same, and those behind it are told again. */
const changedUnseen = async (change: () => void): Promise<void> => {
  await sleep(OLD_ENOUGH_MS);
  await expectVersion(server.port, 1);
  change();
  await expectVersion(server.port, 2);
  expect(server.stats().files).toMatchObject({ overflows: 1, unwatched: null });
  await sleep(OLD_ENOUGH_MS);
  await expectVersion(server.port, 2);
  const { changes } = server.stats().files!;
  put('swapped/deep.txt', 'edited');
  expect(await answerTo(server.port, '/swapped/deep.txt')).toBe('200 edited');
  turn(folder.path, 3);
  await expectVersion(server.port, 3);
  expect(server.stats().files!.changes).toBeGreaterThan(changes);
  expect(server.stats().files!.overflows).toBe(1);
};

test('a queue that says only that it has overflowed: everything is looked at anew', async () => {
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
  await changedUnseen(() => {
    isLost = true;
    turn(folder.path, 2);
  });
});

const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
const isSoon = permits(limit <= 100_000, 'a queue that overflows', `${limit} events take too long`);

test.runIf(isSoon)('a queue that does overflow: everything is looked at anew', async () => {
  start({});
  const startMs = performance.now();
  await changedUnseen(() => {
    for (let made = 0; made <= limit; made++) utimesSync(path(made % 2 ? 'small.txt' : 'app.js'), 1, 2);
    turn(folder.path, 2);
  });
  console.log(`${limit} events and more, in all ${Math.round(performance.now() - startMs)} ms`);
});
