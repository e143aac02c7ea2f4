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

/** A file as a content has it, with its path. */
async function fileOf(bytes: Uint8Array): Promise<FileBody & { path: string }> {
  const path = join(descriptors.directory(), 'file');
  fs.writeFileSync(path, bytes);
  await settled();
  return { kind: 'file', file: new SharedFd(fs.openSync(path, 'r')), offset: 0, length: bytes.length, path };
}

class Asker implements EtagListener {
  isClosed = false;
  readonly told: string[] = [];

  onEtag(etag: string): void {
    this.told.push(etag);
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

/** Has it read for a content that lets its descriptor go at once. What was told. */
async function tagsOf(body: FileBody, kernel: Kernel = realKernel): Promise<string[]> {
  const asker = new Asker();
  new EtagHasher(kernel).read(body, asker);
  expect(asker.told).toEqual([]);
  body.file.release(kernel);
  await eventually(() => isClosed(body), 'it is let go');
  return asker.told;
}

const counting = (): { kernel: Kernel; reads: number } => {
  const counted = { reads: 0, kernel: kernelWith({}, { pread: () => counted.reads++ }) };
  return counted;
};

describe('a file that is read for its tag', () => {
  test.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5])('has the one of all its %i bytes at once', async (size) => {
    const bytes = contentOf(size);
    expect(await tagsOf(await fileOf(bytes))).toEqual([etagForBytes(bytes)]);
  });

  test('has the same by short reads', async () => {
    const bytes = contentOf(20_000);
    const kernel = kernelWith({
      pread: (fd, into, offset, length, at) => realKernel.pread(fd, into, offset, Math.min(length, 777), at),
    });
    expect(await tagsOf(await fileOf(bytes), kernel)).toEqual([etagForBytes(bytes)]);
  });

  test('leaves others their turn between the pieces', async () => {
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
    await tagsOf(await fileOf(contentOf(8 * MIB)), kernelWith({}, { pread: count }));
    isOver = true;
    expect([reads, most]).toEqual([8, 1]);
  });

  /** Each is done to a file of four slices behind its second. */
  test.each<[string, (path: string) => void]>([
    ['becomes shorter', (path) => fs.truncateSync(path, 1000)],
    ['becomes longer', (path) => fs.appendFileSync(path, 'x')],
    ['is written to', (path) => fs.writeFileSync(path, contentOf(4 * MIB).reverse())],
    ['is replaced', (path) => fs.renameSync(path, `${path}.old`)],
    ['is deleted', (path) => fs.rmSync(path)],
  ])('is left when it %s, and has no tag', async (_, change) => {
    const body = await fileOf(contentOf(4 * MIB));
    let reads = 0;
    const kernel = kernelWith({}, { pread: () => ++reads === 2 && change(body.path) });
    expect([await tagsOf(body, kernel), reads]).toEqual([[], 2]);
  });

  test('has none when the disk fails', async () => {
    const body = await fileOf(contentOf(2 * MIB));
    expect(await tagsOf(body, kernelWith({ pread: () => EIO }))).toEqual([]);
  });

  test('does not hold up others that are shorter', async () => {
    const counted = counting();
    const table = new EtagHasher(counted.kernel);
    const bodies = [await fileOf(contentOf(8 * MIB)), await fileOf(contentOf(1000))];
    const readsWhenTold: number[] = [];
    for (const body of bodies) table.read(body, { isClosed: false, onEtag: () => readsWhenTold.push(counted.reads) });
    await eventually(() => readsWhenTold.length === 2, 'both are read');
    expect(readsWhenTold).toEqual([2, 9]);
    for (const { file } of bodies) file.release(realKernel);
  });
});

describe('the table', () => {
  test('has a tag for all who ask, while the file is read and later, for one reading', async () => {
    const body = await fileOf(contentOf(3 * MIB));
    const { file, length } = body;
    const counted = counting();
    const table = new EtagHasher(counted.kernel);
    const [first, second, closed] = [new Asker(), new Asker(), new Asker()];
    table.read(body, null);
    for (const asker of [first, second, closed]) table.read(body, asker);
    closed.isClosed = true;
    expect(table.find(file.fd, length)).toBe('');
    await eventually(() => first.told.length > 0, 'it is told');
    const etag = etagForBytes(contentOf(3 * MIB));
    expect([first.told, second.told, closed.told, counted.reads]).toEqual([[etag], [etag], [], 3]);
    expect(table.find(file.fd, length)).toBe(etag);
    expect(table.find(file.fd, length - 1)).toBe(''); // who sends less of it sends something else
    fs.appendFileSync(body.path, 'x');
    expect(table.find(file.fd, length + 1)).toBe('');
    file.release(realKernel);
  });

  test('reads on for who has let the file go, and asks again later', async () => {
    const body = await fileOf(contentOf(3 * MIB));
    const table = new EtagHasher(realKernel);
    const gone = new Asker();
    table.read(body, gone);
    gone.isClosed = true;
    body.file.release(realKernel);
    await eventually(() => isClosed(body), 'it is let go');
    const fd = descriptors.own('open', fs.openSync(body.path, 'r'));
    expect([table.find(fd, body.length), gone.told]).toEqual([etagForBytes(contentOf(3 * MIB)), []]);
  });

  test('forgets the file that was not asked for longest', async () => {
    const table = new EtagHasher(realKernel, 2);
    const bodies = [await fileOf(contentOf(10)), await fileOf(contentOf(20)), await fileOf(contentOf(30))];
    const known = (): number[] =>
      bodies.map(({ file, length }) => table.find(file.fd, length)).map((tag) => tag.length);
    for (const [i, body] of bodies.entries()) {
      const asker = new Asker();
      table.read(body, asker);
      await eventually(() => asker.told.length > 0, 'it is read');
      table.find(bodies[0]!.file.fd, 10);
      if (i === 1) expect(known()).toEqual([24, 24, 0]);
      table.find(bodies[0]!.file.fd, 10);
    }
    expect(known()).toEqual([24, 0, 24]);
    for (const { file } of bodies) file.release(realKernel);
  });

  test('is full while so many are read, and lets all go when it is closed', async () => {
    const counted = counting();
    const table = new EtagHasher(counted.kernel, 10, 2);
    const bodies = [await fileOf(contentOf(3 * MIB)), await fileOf(contentOf(2 * MIB))];
    const full = bodies.map((body) => {
      table.read(body, null);
      body.file.release(realKernel);
      return table.isFull;
    });
    expect(full).toEqual([false, true]);
    table.close();
    expect([table.isFull, ...bodies.map(isClosed)]).toEqual([false, true, true]);
    await settled();
    expect(counted.reads).toBe(0);
  });
});
