import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EEXIST, EPERM, systemError } from '../../src/sys/errno.js';
import type { LoopWatch } from '../../src/sys/kernel.js';
import { testDescriptors } from '../support/descriptors.js';
import { eventually } from '../support/raw-client.js';

const test = testDescriptors();
const byte = new Uint8Array(1);
const soon = () => new Promise<void>((resolve) => setTimeout(resolve, 20));

function start(fd: number, onReadable: () => void): LoopWatch {
  const watch = kernel.loopStart(fd, onReadable);
  if (typeof watch === 'number') throw systemError('uv_poll_start', watch);
  return watch;
}

describe.each(['loopStart', 'loopEnclose'])('a process with %s', (call) => {
  const fixture = fileURLToPath(new URL('fixtures/loop.mjs', import.meta.url));
  const run = (scenario: string) =>
    spawnSync(process.execPath, [fixture, scenario, call], { encoding: 'utf8', timeout: 10_000 });
  const lines = (output: string) => output.trimEnd().split('\n');

  it.each([
    ['order', ['callback 1', 'tick 1', 'promise 1', 'callback 2', 'tick 2', 'promise 2', 'exit 0']],
    ['throws', ['uncaughtException thrown', 'tick', 'exit 0']],
    ['throwsOddities', ['undefined', 'null', '0', 'text', 'exit 0']],
    ['keepsAlive', ['callback', 'exit 0']],
    ['unreferenced', ['exit 0']],
    ['referencedAgain', ['callback', 'exit 0']],
    ['exits', ['exit 0']],
  ])('%s', (scenario, expected) => {
    const { stdout, stderr, status } = run(scenario);
    expect({ lines: lines(stdout), stderr, status }).toEqual({ lines: expected, stderr: '', status: 0 });
  });

  it('ends with an uncaught exception', () => {
    const { stdout, stderr, status } = run('throwsUnhandled');
    expect({ lines: lines(stdout), status }).toEqual({ lines: ['exit 1'], status: 1 });
    expect(stderr).toContain('Error: an uncaught error');
  });
});

describe('a watch', () => {
  it('is level-triggered, and makes no call once stopped', async () => {
    const [reader, writer] = test.pipe();
    let calls = 0;
    const watch = start(reader, () => {
      if (++calls === 3) kernel.read(reader, byte, 0, 1);
    });
    kernel.write(writer, byte, 0, 1);
    await eventually(() => calls >= 3, 'three calls');
    kernel.loopStop(watch);
    kernel.write(writer, byte, 0, 1);
    await soon();
    expect(calls).toBe(3);
  });

  it('watches an epoll set, whatever is in it', async () => {
    const epfd = test.own('epoll_create1', kernel.epollCreate1(0));
    const [reader, writer] = test.pair();
    kernel.epollCtl(epfd, constants.EPOLL_CTL_ADD, reader, 1, 42, 43);
    const events = new Uint32Array(3);
    const watch = start(epfd, () => {
      kernel.epollWait(epfd, events, 1, 0);
      kernel.loopStop(watch);
    });
    kernel.send(writer, byte, 0, 1, 0);
    await eventually(() => events[0] !== 0, 'an event');
    expect([...events]).toEqual([1, 42, 43]);
  });

  it('can be stopped twice and inside its callback, which may start another one', async () => {
    const [reader, writer] = test.pipe();
    const seen: string[] = [];
    const first = start(reader, () => {
      seen.push('first');
      kernel.loopStop(first);
      kernel.loopStop(first);
      kernel.loopRef(first, true);
      const second = start(reader, () => {
        seen.push('second');
        kernel.loopStop(second);
      });
    });
    kernel.write(writer, byte, 0, 1);
    await eventually(() => seen.length >= 2, 'two calls');
    expect(seen).toEqual(['first', 'second']);
  });

  it('that another callback of the same iteration stops is not called', async () => {
    const pipes = [test.pipe(), test.pipe()];
    let calls = 0;
    const watches = pipes.map(([reader]) =>
      start(reader, () => {
        calls++;
        for (const watch of watches) kernel.loopStop(watch);
      }),
    );
    for (const [, writer] of pipes) kernel.write(writer, byte, 0, 1);
    await eventually(() => calls > 0, 'a call');
    await soon();
    expect(calls).toBe(1);
  });

  it('is called for an error as long as it lasts', async () => {
    const [reader, writer] = test.pipe();
    let calls = 0;
    test.close(reader);
    const watch = start(writer, () => {
      if (++calls === 2) kernel.loopStop(watch);
    });
    await eventually(() => calls >= 2, 'two calls');
    expect(calls).toBe(2);
  });

  it('is called for the end of file', async () => {
    const [reader, writer] = test.pipe();
    let count = -1;
    const watch = start(reader, () => {
      count = kernel.read(reader, byte, 0, 1);
      kernel.loopStop(watch);
    });
    test.close(writer);
    await eventually(() => count !== -1, 'a call');
    expect(count).toBe(0);
  });

  it('runs in the asynchronous context of its start', async () => {
    const storage = new AsyncLocalStorage<string>();
    const [reader, writer] = test.pipe();
    const seen = await storage.run('here', () => {
      return new Promise((resolve) => {
        const watch = start(reader, () => {
          kernel.loopStop(watch);
          resolve(storage.getStore());
        });
        kernel.write(writer, byte, 0, 1);
      });
    });
    expect(seen).toBe('here');
  });

  it('continues when its object is garbage-collected', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const [reader, writer] = test.pipe();
    let calls = 0;
    const watches: LoopWatch[] = [];
    (() => {
      for (let i = 0; i < 200; i++) {
        const [fd] = test.pipe();
        const watch = start(fd, () => {});
        kernel.loopStop(watch);
      }
      watches.push(
        start(reader, () => {
          calls++;
          kernel.read(reader, byte, 0, 1);
        }),
      );
    })();
    collect();
    await soon();
    collect();
    kernel.write(writer, byte, 0, 1);
    await eventually(() => calls > 0, 'a call');
    expect(calls).toBe(1);
    kernel.loopStop(watches[0]!);
    watches.length = 0;
    await soon();
    collect();
    await soon();
  });

  it('errors are -errno', () => {
    const file = test.own('open', openSync('package.json', 'r'));
    expect(kernel.loopStart(file, () => {})).toBe(EPERM);
    const [reader] = test.pipe();
    const watch = start(reader, () => {});
    expect(kernel.loopStart(reader, () => {})).toBe(EEXIST);
    kernel.loopStop(watch);
  });

  it.each([undefined, null, {}, 3, 'watch', () => {}, new Map()])('loopStop rejects %s', (value) => {
    const none = value as unknown as LoopWatch;
    expect(() => kernel.loopStop(none)).toThrow('watch must be what loopStart or loopEnclose returned');
    expect(() => kernel.loopRef(none, true)).toThrow(TypeError);
    if (typeof value !== 'function') {
      expect(() => kernel.loopStart(0, value as never)).toThrow('onReadable must be a function');
    }
  });

  it('loopRef rejects other values than a boolean', () => {
    const [reader] = test.pipe();
    const watch = start(reader, () => {});
    expect(() => kernel.loopRef(watch, 1 as never)).toThrow('referenced must be a boolean');
    kernel.loopStop(watch);
  });
});
