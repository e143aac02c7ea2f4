import { constants, kernel as realKernel } from './binding.js';
import { check, EINVAL, ENOTTY } from './errno.js';
import { argumentRangeError } from './error-code.js';
import { fdOf, type HasFd } from './fd.js';
import type { Kernel, Termios } from './kernel.js';

/** ioctl_tty(2): 16 bits each. */
const MAX_SIZE = 0xffff;

export interface WindowSize {
  /** Lines of text, 0 to 65535; 0 if unknown. */
  rows: number;
  /** Characters a line, 0 to 65535; 0 if unknown. */
  columns: number;
  /** In pixels, 0 to 65535; 0 by default, which is usual. */
  widthPixels?: number;
  heightPixels?: number;
}

export interface PtyOptions {
  /** The size of the window, 24 rows of 80 columns by default. */
  rows?: number;
  columns?: number;
  /** Whether the master is non-blocking (O_NONBLOCK), as a Reactor requires it; true by default. */
  nonBlocking?: boolean;
  /** Used in place of the real system calls; for tests that simulate them. */
  kernel?: Kernel;
}

export interface Pty {
  /** The side of the terminal emulator: what is written here, the program reads. The caller's to close. */
  master: number;
  /** The side of the program, a terminal. The caller's to close, at the latest when the program has it. */
  slave: number;
  /** The path of the slave, /dev/pts/N. */
  path: string;
}

/**
 * Opens a pseudoterminal, pty(7). Both descriptors are close-on-exec, and neither becomes the controlling terminal.
 * When the last slave is closed, reading the master is EIO.
 * @throws a system error: ENOSPC (no more pseudoterminals), EMFILE, ENFILE, ENOENT (no /dev/ptmx); RangeError
 */
export function openPty(options: PtyOptions = {}): Pty {
  const { rows = 24, columns = 80, nonBlocking = true, kernel = realKernel } = options;
  const { AT_FDCWD, O_NOCTTY, O_NONBLOCK, O_RDWR, TIOCGPTN, TIOCGPTPEER, TIOCSPTLCK } = constants;
  const flags = O_RDWR | O_NOCTTY;
  const bytes = bytesOf({ rows, columns });
  const master = check(
    'openat',
    kernel.openat(AT_FDCWD, '/dev/ptmx', flags | (nonBlocking ? O_NONBLOCK : 0)),
    "'/dev/ptmx'",
  );
  let slave = -1;
  try {
    check('ioctl', kernel.ioctl(master, TIOCSPTLCK, 0), 'TIOCSPTLCK');
    const path = `/dev/pts/${check('ioctl', kernel.ioctl(master, TIOCGPTN), 'TIOCGPTN')}`;
    // Works in containers whose /dev/pts is another one; by path before Linux 4.13.
    slave = kernel.ioctl(master, TIOCGPTPEER, flags);
    if (slave === ENOTTY || slave === EINVAL)
      slave = check('openat', kernel.openat(AT_FDCWD, path, flags), `'${path}'`);
    check('ioctl', slave, 'TIOCGPTPEER');
    check('ioctl', kernel.ioctl(slave, constants.TIOCSWINSZ, bytes), 'TIOCSWINSZ');
    return { master, slave, path };
  } catch (error) {
    if (slave >= 0) kernel.close(slave);
    kernel.close(master);
    throw error;
  }
}

/**
 * The size of the window of a terminal, or of either side of a pseudoterminal, ioctl_tty(2).
 * @throws a system error: ENOTTY, EBADF
 */
export function windowSize(terminal: HasFd, kernel: Kernel = realKernel): Required<WindowSize> {
  const fd = fdOf(terminal, 'terminal');
  const bytes = new Uint16Array(4);
  check('ioctl', kernel.ioctl(fd, constants.TIOCGWINSZ, new Uint8Array(bytes.buffer)), `TIOCGWINSZ fd ${fd}`);
  const [rows, columns, widthPixels, heightPixels] = bytes as unknown as [number, number, number, number];
  return { rows, columns, widthPixels, heightPixels };
}

/**
 * Sets the size. If it changes, the processes in the foreground of the terminal get SIGWINCH.
 * @throws a system error: ENOTTY, EBADF; RangeError for a size that is not an integer from 0 to 65535
 */
export function setWindowSize(terminal: HasFd, size: WindowSize, kernel: Kernel = realKernel): void {
  const fd = fdOf(terminal, 'terminal');
  check('ioctl', kernel.ioctl(fd, constants.TIOCSWINSZ, bytesOf(size)), `TIOCSWINSZ fd ${fd}`);
}

/**
 * The settings of a terminal, tcgetattr(3).
 * @throws a system error: ENOTTY, EBADF
 */
export function terminalSettings(terminal: HasFd, kernel: Kernel = realKernel): Termios {
  const fd = fdOf(terminal, 'terminal');
  return check('tcgetattr', kernel.tcgetattr(fd), `fd ${fd}`);
}

/**
 * Changes the settings, tcsetattr(3).
 * @param when TCSANOW by default; TCSADRAIN and TCSAFLUSH wait for the output
 * @throws a system error: ENOTTY, EBADF, EIO
 */
export function setTerminalSettings(
  terminal: HasFd,
  termios: Termios,
  when: number = constants.TCSANOW,
  kernel: Kernel = realKernel,
): void {
  const fd = fdOf(terminal, 'terminal');
  check('tcsetattr', kernel.tcsetattr(fd, when, termios), `fd ${fd}`);
}

/**
 * A copy of the settings in raw mode, as cfmakeraw(3): every byte is passed on as it is typed, without echo, signals or
 * translation. Give the old settings back before the program ends.
 */
export function rawMode(termios: Termios): Termios {
  const { BRKINT, CS8, CSIZE, ECHO, ECHONL, ICANON, ICRNL, IEXTEN, IGNBRK, IGNCR, INLCR, ISIG, ISTRIP } = constants;
  const { IXON, OPOST, PARENB, PARMRK, VMIN, VTIME } = constants;
  const cc = termios.cc.slice();
  // A read returns as soon as there is one byte.
  cc[VMIN] = 1;
  cc[VTIME] = 0;
  return {
    ...termios,
    iflag: (termios.iflag & ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)) >>> 0,
    oflag: (termios.oflag & ~OPOST) >>> 0,
    lflag: (termios.lflag & ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN)) >>> 0,
    cflag: ((termios.cflag & ~(CSIZE | PARENB)) | CS8) >>> 0,
    cc,
  };
}

/** struct winsize: rows, columns, width, height. */
function bytesOf({ rows, columns, widthPixels = 0, heightPixels = 0 }: WindowSize): Uint8Array {
  const sizes = { rows, columns, widthPixels, heightPixels };
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 0 || size > MAX_SIZE)
      throw argumentRangeError(`${name} must be an integer from 0 to ${MAX_SIZE}, not ${String(size)}`);
  }
  return new Uint8Array(Uint16Array.from(Object.values(sizes)).buffer);
}
