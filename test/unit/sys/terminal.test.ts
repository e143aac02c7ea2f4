import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../../src/sys/binding.js';
import { EINVAL, EMFILE, ENOTTY } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import {
  openPty,
  rawMode,
  setTerminalSettings,
  setWindowSize,
  terminalSettings,
  windowSize,
} from '../../../src/sys/terminal.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { countDescriptors, flagsOf, testDescriptors } from '../../support/descriptors.js';

const { ECHO, ICANON, O_CLOEXEC, O_NONBLOCK, OPOST, TCSAFLUSH, TIOCGPTN, TIOCGPTPEER, TIOCSPTLCK, TIOCSWINSZ } =
  constants;
const test = testDescriptors();

function pty(options: Parameters<typeof openPty>[0] = {}) {
  const opened = openPty(options);
  test.own('openat', opened.master);
  test.own('ioctl', opened.slave);
  return opened;
}

describe('openPty', () => {
  it('opens both sides, close-on-exec, the master non-blocking, with a size', () => {
    const { master, slave, path } = pty({ rows: 50, columns: 132 });
    expect(path).toMatch(/^\/dev\/pts\/\d+$/);
    expect(flagsOf(master) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
    expect(flagsOf(slave) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC);
    for (const fd of [master, slave])
      expect(windowSize(fd)).toEqual({ rows: 50, columns: 132, widthPixels: 0, heightPixels: 0 });
    expect(windowSize({ fd: pty({ nonBlocking: false }).slave })).toMatchObject({ rows: 24, columns: 80 });
  });

  it('the slave is a terminal for a process', () => {
    const { slave } = pty();
    const program = 'process.exit(process.stdin.isTTY && process.stdout.columns === 80 ? 7 : 1)';
    expect(spawnSync(process.execPath, ['-e', program], { stdio: [slave, slave, 'ignore'] }).status).toBe(7);
  });

  it('without TIOCGPTPEER opens the path', () => {
    for (const result of [ENOTTY, EINVAL]) {
      const older = kernelWith({
        ioctl: (fd, request, argument) => (request === TIOCGPTPEER ? result : kernel.ioctl(fd, request, argument)),
      });
      expect(windowSize(pty({ kernel: older }).slave).rows).toBe(24);
    }
  });

  it.each([
    ['TIOCSPTLCK', TIOCSPTLCK],
    ['TIOCGPTN', TIOCGPTN],
    ['TIOCGPTPEER', TIOCGPTPEER],
    ['TIOCSWINSZ', TIOCSWINSZ],
  ])('closes what it opened if %s fails', (name, failing) => {
    const broken: Kernel = kernelWith({
      ioctl: (fd, request, argument) => (request === failing ? EMFILE : kernel.ioctl(fd, request, argument)),
    });
    const before = countDescriptors();
    expect(() => openPty({ kernel: broken })).toThrow(`EMFILE: too many open files, ioctl ${name}`);
    expect(countDescriptors()).toBe(before);
  });

  it.each([{ rows: -1 }, { columns: 65_536 }, { rows: 1.5 }])('%s is a RangeError, and nothing is opened', (size) => {
    const before = countDescriptors();
    expect(() => openPty(size)).toThrow('must be an integer from 0 to 65535');
    expect(countDescriptors()).toBe(before);
  });
});

it('setWindowSize sets what both sides return', () => {
  const { master, slave } = pty();
  const size = { rows: 65_535, columns: 1, widthPixels: 640, heightPixels: 480 };
  setWindowSize(master, size);
  expect(windowSize(slave)).toEqual(size);
  setWindowSize({ fileno: () => slave }, { rows: 2, columns: 3 });
  expect(windowSize(master)).toEqual({ rows: 2, columns: 3, widthPixels: 0, heightPixels: 0 });
  expect(() => setWindowSize(slave, { rows: 2, columns: Number.NaN })).toThrow('columns must be an integer');
});

it('rawMode is cfmakeraw: bytes pass as they are, without echo', () => {
  const { master, slave } = pty();
  const before = terminalSettings(slave);
  const raw = rawMode(before);
  setTerminalSettings(slave, raw);
  expect(terminalSettings(slave)).toEqual(raw);
  expect([raw.lflag & (ECHO | ICANON), raw.oflag & OPOST]).toEqual([0, 0]);
  expect(terminalSettings(slave)).not.toEqual(before);
  // 3 is VINTR, 4 VEOF, 13 a carriage return.
  const bytes = Buffer.from([3, 4, 13, 255]);
  kernel.write(master, bytes, 0, 4);
  const received = Buffer.alloc(8);
  expect(kernel.read(slave, received, 0, 8)).toBe(4);
  expect([...received.subarray(0, 4)]).toEqual([...bytes]);
  setTerminalSettings(slave, before, TCSAFLUSH);
  expect(terminalSettings(slave)).toEqual(before);
});

it('the settings are those of stty', () => {
  const { slave } = pty();
  setTerminalSettings(slave, rawMode(terminalSettings(slave)));
  const { stdout } = spawnSync('stty', ['-a'], { stdio: [slave, 'pipe', 'ignore'], encoding: 'utf8' });
  for (const setting of ['speed 38400 baud', 'rows 24; columns 80', '-icanon', '-echo ', '-opost', 'cs8', 'min = 1'])
    expect(stdout).toContain(setting);
});

it('errors are system errors with the call and the descriptor', () => {
  const [reader] = test.pipe();
  expect(() => windowSize(reader)).toThrow(`ENOTTY: inappropriate ioctl for device, ioctl TIOCGWINSZ fd ${reader}`);
  expect(() => setWindowSize(reader, { rows: 1, columns: 1 })).toThrow('ENOTTY');
  expect(() => terminalSettings(reader)).toThrow(`ENOTTY: inappropriate ioctl for device, tcgetattr fd ${reader}`);
  expect(() => setTerminalSettings(reader, terminalSettings(pty().slave))).toThrow('tcsetattr');
  expect(() => windowSize('1' as unknown as number)).toThrow('terminal must be a file descriptor');
});
