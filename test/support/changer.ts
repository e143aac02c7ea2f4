import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { unwatchedFilesystem } from '../../src/files/watch/file-system.js';
import { constants, kernel } from '../../src/sys/binding.js';
import { check } from '../../src/sys/errno.js';

/** A function of node:fs by its name, and its arguments; `edit` overwrites a file in place, as some editors do. */
export type Call = readonly [name: string, ...args: readonly unknown[]];

const CODE = `
const { parentPort } = require('node:worker_threads');
const fs = require('node:fs');
const edit = (path, bytes) => {
  const fd = fs.openSync(path, 'r+');
  fs.writeSync(fd, bytes, 0, bytes.length, 0);
  fs.closeSync(fd);
};
parentPort.on('message', (calls) => {
  let fault = null;
  try {
    for (const [name, ...args] of calls) (name === 'edit' ? edit : fs[name])(...args);
  } catch (error) {
    fault = error.message;
  }
  parentPort.postMessage({ fault, finishedNs: process.hrtime.bigint() });
});
`;

const milliseconds = (ns: bigint): number => Number(ns / 1000n) / 1000;

/** The clock of `Changer.change`. */
export const monotonicMs = (): number => milliseconds(process.hrtime.bigint());

/** Changes files on another thread, so that a change can happen at any moment of the server's work. */
export class Changer implements AsyncDisposable {
  private readonly worker = new Worker(CODE, { eval: true });

  /** Makes the calls; resolves to when the last one returned, by `monotonicMs`. */
  change(calls: readonly Call[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.worker.once('message', ({ fault, finishedNs }: { fault: string | null; finishedNs: bigint }) => {
        if (fault === null) resolve(milliseconds(finishedNs));
        else reject(new Error(`${fault}, of ${calls.map(([name, path]) => `${name} ${String(path)}`).join(', ')}`));
      });
      this.worker.postMessage(calls);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate();
  }
}

/** A new directory on a filesystem with inotify(7) events. A container's /tmp may be on an overlay, which reports none. */
export function makeWatchedDirectory(): { readonly path: string } & Disposable {
  const parent = [tmpdir(), '/dev/shm'].find((each) => {
    const fd = check('open', kernel.openat(constants.AT_FDCWD, each, constants.O_PATH | constants.O_DIRECTORY));
    const reason = unwatchedFilesystem(kernel.fstatfs(fd));
    kernel.close(fd);
    return reason === null;
  });
  if (parent === undefined) throw new Error('there is no directory for temporary files with inotify events');
  const path = fs.mkdtempSync(join(parent, 'epollet-watched-'));
  return { path, [Symbol.dispose]: () => fs.rmSync(path, { recursive: true, force: true }) };
}
