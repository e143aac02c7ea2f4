import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { command } from '../support/command.js';
import { makeDirectory } from '../support/directory.js';

const MIB = 1024 * 1024;
const CACHE_MIB = 4;
/** What else requests make the process grow by: code, V8's garbage, what malloc(3) has not returned. */
const ALLOWANCE_MIB = 40;
const NAMES = 12_000;
const FILES_A_DIRECTORY = 1000;
const FILE_BYTES = 600;
const PIPELINED = 32;
const STATUS_LINE = 'HTTP/1.1 200 OK';

const found = (n: number): string => `/${Math.floor(n / FILES_A_DIRECTORY)}/${n}.html`;
const missing = (n: number): string => `/missing/${n}.html`;

function makeFiles(root: string): void {
  for (let n = 0; n < NAMES; n++) {
    if (n % FILES_A_DIRECTORY === 0) mkdirSync(`${root}/${n / FILES_A_DIRECTORY}`);
    const fd = openSync(root + found(n), 'w');
    ftruncateSync(fd, FILE_BYTES); // a hole: no space, and so no time
    closeSync(fd);
  }
}

function mibOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024) / MIB;
}

/** Requests each path twice in a row, since one that is requested once may not be worth an entry. */
function requestAll(port: number, pathOf: (n: number) => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let next = 0;
    let awaited = 0;
    let end = '';
    const send = (): void => {
      if (next === NAMES) return resolve(void socket.destroy());
      let text = '';
      for (; awaited < PIPELINED && next < NAMES; next++, awaited += 2)
        text += `GET ${pathOf(next)} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(2);
      socket.write(text, 'latin1');
    };
    socket.on('error', reject).on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (bytes) => {
      const text = end + bytes.toString('latin1');
      const heads = text.match(/HTTP\/1\.1 \d\d\d \w\w/g)?.length ?? 0;
      end = text.slice(1 - STATUS_LINE.length);
      awaited -= heads;
      if (awaited === 0) send();
    });
    send();
  });
}

test('cacheBytes bounds the memory that the process grows by', { timeout: 30_000 }, async () => {
  using directory = makeDirectory();
  makeFiles(directory.root);
  await using server = command([directory.root, '--port', '0', '--cache-bytes', String(CACHE_MIB * MIB)]);
  const port = await server.port();
  const pid = server.process.pid!;
  const restMib = mibOf(pid, 'VmRSS');
  for (const pathOf of [missing, found]) {
    await requestAll(port, pathOf);
    expect(mibOf(pid, 'VmHWM') - restMib).toBeLessThan(CACHE_MIB + ALLOWANCE_MIB);
  }
});
