import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../../src/sys/binding.js';
import { DT_DIR, DT_LNK, DT_REG, DT_UNKNOWN, forEachEntry, readEntries } from '../../../src/sys/directory.js';
import * as errno from '../../../src/sys/errno.js';
import { testDescriptors } from '../../support/descriptors.js';

const { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY } = constants;
const test = testDescriptors();

function open(path: string, flags = O_RDONLY | O_DIRECTORY): number {
  return test.own('openat', kernel.openat(AT_FDCWD, path, flags));
}

/** The types of all entries by name as latin1, and the count of calls. */
function entriesOf(fd: number, bytes: Uint8Array): { types: Map<string, number>; calls: number } {
  const types = new Map<string, number>();
  for (let calls = 1; ; calls++) {
    const count = kernel.getdents64(fd, bytes);
    expect(count).toBeGreaterThanOrEqual(0);
    if (count === 0) return { types, calls };
    forEachEntry(bytes, count, (name, type) => {
      const key = name.toString('latin1');
      expect(types.has(key)).toBe(false);
      types.set(key, type);
    });
  }
}

describe('readEntries', () => {
  it('reads every entry, or enough of them', () => {
    const directory = test.directory();
    for (let i = 0; i < 3000; i++) mkdirSync(join(directory, `${i}`));
    const read = (most: number): number => {
      let count = 0;
      expect(
        readEntries(
          kernel,
          open(directory),
          () => count++,
          () => count > most,
        ),
      ).toBe(0);
      return count;
    };
    expect(read(Number.POSITIVE_INFINITY)).toBe(3002);
    expect(read(500)).toBeGreaterThan(500);
    expect(read(500)).toBeLessThan(3002);
  });

  it('returns the errno of getdents64', () => {
    const never = () => expect.unreachable();
    expect(readEntries(kernel, open(test.directory(), O_PATH), never, never)).toBe(errno.EBADF);
  });
});

describe('getdents64', () => {
  it('returns every name, whatever its bytes', () => {
    const directory = test.directory();
    const names = [
      ...['a', ' ', '...', '-rf', 'new\nline', 'a\\b', '"', '*', 'seven77', 'eight888', '\x01'],
      ...['\xff', '\xff\xfe', 'latin\xfc', '\xc3\xa9', '\xed\xa0\x80', 'n'.repeat(254), '\xff'.repeat(255)],
    ];
    for (const name of names) writeFileSync(Buffer.from(`${directory}/${name}`, 'latin1'), '');
    const { types } = entriesOf(open(directory), new Uint8Array(4096));
    expect([...types.keys()].sort()).toEqual(['.', '..', ...names].sort());
  });

  it('returns the type of each entry', () => {
    const directory = test.directory();
    mkdirSync(join(directory, 'directory'));
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('file', join(directory, 'symlink'));
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    const { types } = entriesOf(open(directory), Buffer.alloc(4096));
    const expected = { '.': DT_DIR, '..': DT_DIR, directory: DT_DIR, file: DT_REG, symlink: DT_LNK };
    for (const [name, type] of Object.entries(expected)) {
      expect([name, [type, DT_UNKNOWN].includes(types.get(name)!)]).toEqual([name, true]);
    }
    expect([DT_DIR, DT_REG, DT_LNK]).not.toContain(types.get('fifo'));
  });

  it.each([280, 1000, 4096, 1 << 20])('reads a long directory with %i bytes a call', (size) => {
    const directory = test.directory();
    for (let i = 0; i < 300; i++) mkdirSync(join(directory, `${i}-`.padEnd(1 + (i % 255), 'x')));
    const { types, calls } = entriesOf(open(directory), new Uint8Array(size));
    expect([...types.keys()].sort()).toEqual(['.', '..', ...readdirSync(directory)].sort());
    if (size <= 4096) expect(calls).toBeGreaterThan(10);
  });

  it('writes only into the array', () => {
    const whole = new Uint8Array(1024).fill(7);
    const count = kernel.getdents64(open(test.directory()), whole.subarray(101, 501));
    expect(count).toBe(48); // "." and ".."
    expect([...whole.subarray(0, 101), ...whole.subarray(501)].every((byte) => byte === 7)).toBe(true);
    const names: string[] = [];
    forEachEntry(whole.subarray(101), count, (name) => names.push(name.toString()));
    expect(names.sort()).toEqual(['.', '..']);
  });

  it('returns 0 at the end, also when repeated', () => {
    const fd = open(test.directory());
    entriesOf(fd, new Uint8Array(4096));
    expect([kernel.getdents64(fd, new Uint8Array(4096)), kernel.getdents64(fd, new Uint8Array(0))]).toEqual([0, 0]);
  });

  it('returns an errno for too small an array and for what cannot be read', () => {
    const directory = test.directory();
    const bytes = new Uint8Array(4096);
    writeFileSync(join(directory, 'file'), '');
    expect(kernel.getdents64(open(directory), new Uint8Array(23)), 'an array too short for an entry').toBe(
      errno.EINVAL,
    );
    expect(kernel.getdents64(open(directory), new Uint8Array(0)), 'an empty array').toBe(errno.EINVAL);
    expect(kernel.getdents64(open(join(directory, 'file'), O_RDONLY), bytes)).toBe(errno.ENOTDIR);
    expect(kernel.getdents64(test.pipe()[0], bytes)).toBe(errno.ENOTDIR);
    expect(kernel.getdents64(open(directory, O_PATH), bytes)).toBe(errno.EBADF);
    mkdirSync(join(directory, 'gone'));
    const gone = open(join(directory, 'gone'));
    rmdirSync(join(directory, 'gone'));
    expect(kernel.getdents64(gone, bytes)).toBe(errno.ENOENT);
  });

  it.each<[unknown]>([
    [undefined],
    [null],
    [4096],
    ['bytes'],
    [new ArrayBuffer(8)],
    [new Int8Array(8)],
    [new Uint16Array(8)],
  ])('TypeError for %s', (bytes) => {
    const call = () => kernel.getdents64(-1, bytes as Uint8Array);
    expect(call).toThrow(TypeError);
    expect(call).toThrow('bytes must be a Uint8Array');
  });
});

describe('forEachEntry', () => {
  const record = (name: string, type: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length, 0xaa);
    bytes.writeUInt16LE(length, 16);
    bytes[18] = type;
    bytes.write(`${name}\0`, 19, 'latin1');
    return bytes;
  };
  const parse = (bytes: Uint8Array, length = bytes.length) => {
    const list: unknown[] = [];
    forEachEntry(bytes, length, (name, type) => list.push([name.toString('latin1'), type]));
    return list;
  };
  const two = Buffer.concat([record('a', DT_DIR, 24), record('\xff four', DT_UNKNOWN, 32)]);

  it('ends a name at its NUL, not at the padding behind it', () => {
    expect(parse(two)).toEqual([
      ['a', DT_DIR],
      ['\xff four', DT_UNKNOWN],
    ]);
  });

  it('calls nothing for an empty result', () => expect(parse(two, 0)).toEqual([]));

  it('names are views of the bytes', () => {
    const bytes = record('name', DT_REG, 24);
    forEachEntry(bytes, bytes.length, (name) => name.fill('x'));
    expect(parse(bytes)).toEqual([['xxxx', DT_REG]]);
  });

  it.each([
    ['a negative length', two, errno.ENOTDIR, 'length is not within the bytes'],
    ['a length beyond the bytes', two, two.length + 1, 'length is not within the bytes'],
    ['an end within an entry', two, 24 + 19, 'the bytes end within an entry'],
    ['an end within a name', two, 24 + 20, 'the bytes end within a name'],
    ['a record without length', Buffer.alloc(24), 24, 'the bytes end within a name'],
    ['a name without a NUL', record('a', DT_REG, 24).fill(1, 19), 24, 'the bytes end within a name'],
  ])('rejects %s', (_, bytes, length, message) => expect(() => parse(bytes, length)).toThrow(message));
});
