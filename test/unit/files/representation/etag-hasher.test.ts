import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { etagForBytes } from '../../../../src/files/representation/etag.js';
import { EtagHasher, type EtagListener } from '../../../../src/files/representation/etag-hasher.js';
import type { FileBody } from '../../../../src/http/response/response.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { EIO } from '../../../../src/sys/errno.js';
import type { Kernel } from '../../../../src/sys/kernel.js';
import { SharedFd } from '../../../../src/sys/shared-fd.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { testDescriptors } from '../../../support/descriptors.js';
import { settled } from '../../../support/directory.js';
import { eventually } from '../../../support/raw-client.js';
import { contentOf, MIB } from '../../../support/site.js';

const descriptors = testDescriptors();

/** An open file as a body, with its path. */
async function fileOf(bytes: Uint8Array): Promise<FileBody & { path: string }> {
  const path = join(descriptors.directory(), 'file');
  fs.writeFileSync(path, bytes);
  await settled();
  return { kind: 'file', file: new SharedFd(fs.openSync(path, 'r')), offset: 0, length: bytes.length, path };
}

class Listener implements EtagListener {
  isClosed = false;
  readonly etags: string[] = [];

  onEtag(etag: string): void {
    this.etags.push(etag);
  }
}

function isClosed({ file }: FileBody): boolean {
  try {
    file.retain();
  } catch {
    return true;
  }
  file.release(realKernel);
  return false;
}

/** The entity tags of a body that is released while it is hashed. */
async function etagsOf(body: FileBody, kernel: Kernel = realKernel): Promise<string[]> {
  const listener = new Listener();
  new EtagHasher(kernel).read(body, listener);
  expect(listener.etags).toEqual([]);
  body.file.release(kernel);
  await eventually(() => isClosed(body), 'it is closed');
  return listener.etags;
}

const counting = (): { kernel: Kernel; reads: number } => {
  const counted = { reads: 0, kernel: kernelWith({}, { pread: () => counted.reads++ }) };
  return counted;
};

describe('hashing a file', () => {
  test.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5])('gives the entity tag of all its %i bytes', async (size) => {
    const bytes = contentOf(size);
    expect(await etagsOf(await fileOf(bytes))).toEqual([etagForBytes(bytes)]);
  });

  test('gives the same tag by short reads', async () => {
    const bytes = contentOf(20_000);
    const kernel = kernelWith({
      pread: (fd, into, offset, length, at) => realKernel.pread(fd, into, offset, Math.min(length, 777), at),
    });
    expect(await etagsOf(await fileOf(bytes), kernel)).toEqual([etagForBytes(bytes)]);
  });

  test('reads one slice in a turn of the event loop', async () => {
    let reads = 0;
    let most = 0;
    let sinceTurn = 0;
    const count = (): void => {
      reads++;
      most = Math.max(most, ++sinceTurn);
    };
    let isOver = false;
    const turn = (): void => {
      sinceTurn = 0;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    await etagsOf(await fileOf(contentOf(8 * MIB)), kernelWith({}, { pread: count }));
    isOver = true;
    expect([reads, most]).toEqual([8, 1]);
  });

  /** Done to a file of four slices after the second. */
  test.each<[string, (path: string) => void]>([
    ['becomes shorter', (path) => fs.truncateSync(path, 1000)],
    ['becomes longer', (path) => fs.appendFileSync(path, 'x')],
    ['is written to', (path) => fs.writeFileSync(path, contentOf(4 * MIB).reverse())],
    ['is replaced', (path) => fs.renameSync(path, `${path}.old`)],
    ['is deleted', (path) => fs.rmSync(path)],
  ])('stops when the file %s, without a tag', async (_, change) => {
    const body = await fileOf(contentOf(4 * MIB));
    let reads = 0;
    const kernel = kernelWith({}, { pread: () => ++reads === 2 && change(body.path) });
    expect([await etagsOf(body, kernel), reads]).toEqual([[], 2]);
  });

  test('gives no tag on a read error', async () => {
    const body = await fileOf(contentOf(2 * MIB));
    expect(await etagsOf(body, kernelWith({ pread: () => EIO }))).toEqual([]);
  });

  test('does not delay shorter files', async () => {
    const counted = counting();
    const hasher = new EtagHasher(counted.kernel);
    const bodies = [await fileOf(contentOf(8 * MIB)), await fileOf(contentOf(1000))];
    const readsBefore: number[] = [];
    for (const body of bodies) hasher.read(body, { isClosed: false, onEtag: () => readsBefore.push(counted.reads) });
    await eventually(() => readsBefore.length === 2, 'both are hashed');
    expect(readsBefore).toEqual([2, 9]);
    for (const { file } of bodies) file.release(realKernel);
  });
});

describe('EtagHasher', () => {
  test('reads a file once for all listeners and later lookups', async () => {
    const body = await fileOf(contentOf(3 * MIB));
    const { file, length } = body;
    const counted = counting();
    const hasher = new EtagHasher(counted.kernel);
    const [first, second, closed] = [new Listener(), new Listener(), new Listener()];
    hasher.read(body, null);
    for (const listener of [first, second, closed]) hasher.read(body, listener);
    closed.isClosed = true;
    expect(hasher.find(file.fd, length)).toBe('');
    await eventually(() => first.etags.length > 0, 'it is hashed');
    const etag = etagForBytes(contentOf(3 * MIB));
    expect([first.etags, second.etags, closed.etags, counted.reads]).toEqual([[etag], [etag], [], 3]);
    expect(hasher.find(file.fd, length)).toBe(etag);
    expect(hasher.find(file.fd, length - 1)).toBe(''); // another size is another content
    fs.appendFileSync(body.path, 'x');
    expect(hasher.find(file.fd, length + 1)).toBe('');
    file.release(realKernel);
  });

  test('continues after the file was released, for a later lookup', async () => {
    const body = await fileOf(contentOf(3 * MIB));
    const hasher = new EtagHasher(realKernel);
    const closed = new Listener();
    hasher.read(body, closed);
    closed.isClosed = true;
    body.file.release(realKernel);
    await eventually(() => isClosed(body), 'it is closed');
    const fd = descriptors.own('open', fs.openSync(body.path, 'r'));
    expect([hasher.find(fd, body.length), closed.etags]).toEqual([etagForBytes(contentOf(3 * MIB)), []]);
  });

  test('forgets the least recently used tag', async () => {
    const hasher = new EtagHasher(realKernel, 2);
    const bodies = [await fileOf(contentOf(10)), await fileOf(contentOf(20)), await fileOf(contentOf(30))];
    const known = (): number[] =>
      bodies.map(({ file, length }) => hasher.find(file.fd, length)).map((tag) => tag.length);
    for (const [i, body] of bodies.entries()) {
      const listener = new Listener();
      hasher.read(body, listener);
      await eventually(() => listener.etags.length > 0, 'it is hashed');
      hasher.find(bodies[0]!.file.fd, 10);
      if (i === 1) expect(known()).toEqual([24, 24, 0]);
      hasher.find(bodies[0]!.file.fd, 10);
    }
    expect(known()).toEqual([24, 0, 24]);
    for (const { file } of bodies) file.release(realKernel);
  });

  test('is full at its limit of jobs, and close() releases all files', async () => {
    const counted = counting();
    const hasher = new EtagHasher(counted.kernel, 10, 2);
    const bodies = [await fileOf(contentOf(3 * MIB)), await fileOf(contentOf(2 * MIB))];
    const full = bodies.map((body) => {
      hasher.read(body, null);
      body.file.release(realKernel);
      return hasher.isFull;
    });
    expect(full).toEqual([false, true]);
    hasher.close();
    expect([hasher.isFull, ...bodies.map(isClosed)]).toEqual([false, true, true]);
    await settled();
    expect(counted.reads).toBe(0);
  });
});
