import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { nonNotifyingName } from '../../src/files/watch/filesystem-type.js';
import { constants, kernel } from '../../src/sys/binding.js';
import { check } from '../../src/sys/errno.js';

/** A function of node:fs by its name, with what it is called with; `edit` writes over what is there, as an editor may. */
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

/** Changes files on a thread of its own, so that a change happens at any moment of what the server does. */
export class Changer implements AsyncDisposable {
  private readonly worker = new Worker(CODE, { eval: true });

  /** Makes the calls, and tells when the last one had returned. */
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

/** A new folder where inotify(7) hears of everything. Temporary files of a container are on an overlay, which is silent. */
export function tellingFolder(): { readonly path: string } & Disposable {
  const parent = [tmpdir(), '/dev/shm'].find((each) => {
    const fd = check('open', kernel.openat(constants.AT_FDCWD, each, constants.O_PATH | constants.O_DIRECTORY));
    const silent = nonNotifyingName(kernel.fstatfs(fd));
    kernel.close(fd);
    return silent === null;
  });
  if (parent === undefined) throw new Error('there is no folder for temporary files that inotify hears of');
  const path = fs.mkdtempSync(join(parent, 'epollet-told-'));
  return { path, [Symbol.dispose]: () => fs.rmSync(path, { recursive: true, force: true }) };
}
