import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { type FileContent, fileStream, takeFile } from '../../../src/fetch/file-stream.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { SharedFd } from '../../../src/sys/shared-fd.js';
import { eventually } from '../../support/raw-client.js';

const FD = 7;
const CONTENT = Buffer.from('abcdefghij'.repeat(20_000));

/** A kernel with one open file. @param size at which the file ends */
function opened(size = CONTENT.length) {
  const closed: number[] = [];
  const kernel = {
    close: (fd: number) => closed.push(fd),
    pread(_: number, bytes: Uint8Array, offset: number, length: number, position: number) {
      const piece = CONTENT.subarray(position, Math.min(position + length, size));
      bytes.set(piece, offset);
      return piece.length;
    },
  } as unknown as Kernel;
  const file = new SharedFd(FD);
  const range = (offset: number, length: number) => ({ kind: 'file', file, offset, length }) as const;
  return { kernel, file, closed, range };
}

const textOf = (stream: ReadableStream): Promise<string> => new Response(stream).text();

test('what reads it gets the bytes, then the descriptor is closed', async () => {
  const { kernel, file, closed, range } = opened();
  expect(await textOf(fileStream(kernel, range(5, 150_000), file))).toBe(CONTENT.toString().slice(5, 150_005));
  expect(closed).toEqual([FD]);
});

test('parts are read with what is between them', async () => {
  const { kernel, file, closed, range } = opened();
  const parts = [{ kind: 'bytes', bytes: Buffer.from('<') } as const, range(1, 2), range(5, 1)];
  const content: FileContent = { kind: 'parts', parts, length: 4 };
  expect(await textOf(fileStream(kernel, content, file))).toBe('<bcf');
  expect(closed).toEqual([FD]);
});

test('the file of a stream that was not read is taken once, and not closed', async () => {
  const { kernel, file, closed, range } = opened();
  const content = range(0, 3);
  const stream = fileStream(kernel, content, file);
  expect(takeFile(stream)).toEqual({ content, file });
  expect(takeFile(stream)).toBeNull();
  expect(await textOf(stream)).toBe('');
  expect(closed).toEqual([]);
  expect(takeFile(new ReadableStream())).toBeNull();
});

test('once it is read it has no file to take', async () => {
  const { kernel, file, closed, range } = opened();
  const stream = fileStream(kernel, range(0, 100_000), file);
  const reader = stream.getReader();
  await reader.read();
  expect(takeFile(stream)).toBeNull();
  await reader.cancel();
  expect(closed).toEqual([FD]);
});

test('a file that was cut is an error', async () => {
  const { kernel, file, closed, range } = opened(3);
  await expect(textOf(fileStream(kernel, range(0, 10), file))).rejects.toThrow('The file was cut while it was read');
  expect(closed).toEqual([FD]);
});

test('the descriptor of a stream that is dropped is closed', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { kernel, file, closed, range } = opened();
  fileStream(kernel, range(0, 10), file);
  await eventually(() => {
    collect();
    return closed.length > 0;
  }, 'the descriptor is closed');
  expect(closed).toEqual([FD]);
});
