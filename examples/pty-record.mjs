// Records a terminal session as an asciicast, version 2 (docs.asciinema.org), to replay with asciinema. Run it:
//   npm run build && node examples/pty-record.mjs session.cast bash
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { EnclosingDriver, READABLE, Reactor } from 'epollet/reactor';
import { kernel, openPty, setWindowSize } from 'epollet/sys';

const [path, command = process.env.SHELL ?? 'sh', ...args] = process.argv.slice(2);
const sizeNow = () => ({ rows: process.stdout.rows || 24, columns: process.stdout.columns || 80 });
const size = sizeNow();
const { master, slave } = openPty({ ...size, nonBlocking: false }); // a thread of Node writes to it
const file = createWriteStream(path);
const record = (line) => file.write(`${JSON.stringify(line)}\n`);
const event = (kind, text) => record([performance.now() / 1000, kind, text]);
record({ version: 2, width: size.columns, height: size.rows, timestamp: Math.floor(Date.now() / 1000) });

// A session of its own, with the slave as its controlling terminal: Ctrl-C and SIGWINCH reach the command.
const child = spawn('setsid', ['--ctty', '--wait', command, ...args], { stdio: [slave, slave, slave] });
kernel.close(slave); // otherwise the master has no end
const input = createWriteStream('', { fd: kernel.dup(master) }).on('error', () => {}); // the command has ended
process.stdin.setRawMode?.(true);
process.stdin.pipe(input, { end: false });
process.stdin.on('end', () => input.write('\x04')); // Ctrl-D
process.stdout.on('resize', () => setWindowSize(master, sizeNow()));
process.stdout.on('resize', () => event('r', `${sizeNow().columns}x${sizeNow().rows}`));
child.on('exit', (code) => (process.exitCode = code));

const bytes = Buffer.alloc(65536);
const decoder = new TextDecoder(); // keeps a character that a read has cut
const reactor = new Reactor();
const onReady = () => {
  const count = kernel.read(master, bytes, 0, bytes.length);
  if (count <= 0) return end(); // EIO: the last process with the slave has ended
  process.stdout.write(bytes.subarray(0, count).toString('latin1'), 'latin1');
  event('o', decoder.decode(bytes.subarray(0, count), { stream: true }));
};
const end = () => [reactor.close(), process.stdin.setRawMode?.(false), process.stdin.destroy(), kernel.close(master)];
reactor.register(master, { onReady }, READABLE);
new EnclosingDriver(reactor);
