import { closeSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogWriter } from '../../../../src/server/log/log-writer.js';
import { constants, kernel } from '../../../../src/sys/binding.js';
import { eventually } from '../../../support/raw-client.js';

const MIB = 1024 * 1024;

let path: string;
let sentences: string[];

beforeEach(() => {
  path = join(tmpdir(), `epollet-log-${process.pid}-${Math.random()}`);
  sentences = [];
});

afterEach(() => rmSync(path, { force: true }));

/** A device that is full, whose number is later that of a file: as a file system that has space again. */
function fullDevice() {
  const fd = openSync('/dev/full', 'w');
  return {
    fd,
    empty(): void {
      closeSync(fd);
      expect(openSync(path, 'a')).toBe(fd);
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

const writerTo = (fd: number): LogWriter =>
  new LogWriter({ fd, isOwned: false }, (sentence) => sentences.push(sentence));

function add(writer: LogWriter, text: string): void {
  const line = writer.room(text.length);
  if (line === null) return;
  line.append(Buffer.from(text));
  writer.add();
}

const CANNOT = expect.stringMatching(
  /^the access log cannot be written \(ENOSPC: .*\); it is tried again every second\.$/,
);

test('a file system that has space again gets every line, and the operator two sentences', async () => {
  using device = fullDevice();
  const writer = writerTo(device.fd);
  add(writer, 'one\n');
  await writer.flush();
  add(writer, 'two\n');
  expect(sentences).toEqual([CANNOT]);
  device.empty();
  await writer.flush();
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  expect(sentences).toEqual([CANNOT, 'the access log is written again; no line was lost.']);
  expect(writer.dropped).toBe(0);
  add(writer, 'three\n');
  await writer.close();
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\n');
});

test('lines that came during a failure are written without a further request', async () => {
  using device = fullDevice();
  const writer = writerTo(device.fd);
  add(writer, 'one\n');
  await writer.flush();
  add(writer, 'two\n');
  device.empty();
  await eventually(() => readFileSync(path, 'utf8') === 'one\ntwo\n', 'both lines');
  expect(writer.dropped).toBe(0);
});

test('lines beyond 16 MiB are dropped whole, counted and reported', async () => {
  using device = fullDevice();
  const writer = writerTo(device.fd);
  const line = `${'x'.repeat(MIB - 1)}\n`;
  for (let i = 0; i < 20; i++) add(writer, line);
  const { dropped } = writer;
  expect(dropped).toBeGreaterThan(0);
  expect(dropped).toBeLessThan(5);
  await writer.flush();
  device.empty();
  await writer.flush();
  expect(readFileSync(path).length).toBe((20 - dropped) * MIB);
  expect(sentences).toEqual([
    'the access log is read too slowly, and lines are lost until it is read again.',
    CANNOT,
    expect.stringMatching(/^the access log is written again; (one line was|\d lines were) lost\.$/),
  ]);
  add(writer, 'last\n');
  await writer.close();
  expect([writer.dropped, sentences.length]).toEqual([dropped, 3]);
});

test('what is not written when it is closed counts as lost', async () => {
  using device = fullDevice();
  const writer = writerTo(device.fd);
  add(writer, 'one\n');
  await writer.flush();
  add(writer, 'two\n');
  await writer.close();
  add(writer, 'three\n');
  expect(writer.dropped).toBe(3);
  expect(sentences).toEqual([CANNOT, 'the access log could not be written to its end; 2 lines were lost.']);
});

test('a switch during a failure writes the line at which the writer stopped whole, and the rest', async () => {
  const [reader, fd] = kernel.pipe2(constants.O_NONBLOCK) as [number, number];
  const writer = writerTo(fd);
  const lines = Array.from({ length: 200 }, (_, at) => `${at}${'x'.repeat(1000)}\n`);
  for (const line of lines) add(writer, line);
  await writer.flush(); // as far as the pipe takes it
  writer.switchTo({ fd: openSync(path, 'a'), isOwned: true });
  await writer.close();
  const bytes = Buffer.alloc(2 ** 20);
  const first = bytes.toString('latin1', 0, readSync(reader, bytes));
  const whole = first.slice(0, first.lastIndexOf('\n') + 1);
  expect(first.length).toBeGreaterThan(whole.length);
  expect(whole + readFileSync(path, 'latin1')).toBe(lines.join(''));
  expect([writer.dropped, sentences]).toEqual([0, []]);
  for (const each of [reader, fd]) closeSync(each);
});
