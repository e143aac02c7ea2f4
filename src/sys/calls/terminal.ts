/** The settings of a terminal, termios(3): masks of flags, unsigned, and control characters. */
export interface Termios {
  iflag: number;
  oflag: number;
  /** Without the bits of the speeds, which are numbers here. */
  cflag: number;
  lflag: number;
  /** The speed of the input in bits per second, any number (9600, not B9600); 0 sets that of the output. */
  ispeed: number;
  /** The speed of the output in bits per second; 0 hangs up. */
  ospeed: number;
  /** The line discipline; 0 for terminals. */
  line: number;
  /** The control characters, with the indexes VINTR and so on: exactly 19. */
  cc: Uint8Array;
}

/** -ENOTTY if the descriptor is not a terminal; -ENOSYS on mips, sparc, alpha and hppa. */
export interface TerminalCalls {
  /** tcgetattr(3), the TCGETS2 request of ioctl_tty(2). A pseudoterminal has one setting for both of its sides. */
  tcgetattr(fd: number): Termios | number;
  /**
   * tcsetattr(3), the TCSETS2 requests. Returns 0 even if the device took only some of the changes: compare with
   * `tcgetattr`. A process in the background gets SIGTTOU, which stops it; -EIO if its group is orphaned.
   * @param when TCSANOW; TCSADRAIN, after what was written has been transmitted, for which it waits; TCSAFLUSH, the same,
   *   and unread input is discarded
   */
  tcsetattr(fd: number, when: number, termios: Termios): number;
  /** tcflush(3). Discards what waits. `queue`: TCIFLUSH (unread), TCOFLUSH (unsent), TCIOFLUSH. Returns 0. */
  tcflush(fd: number, queue: number): number;
  /** tcdrain(3). Waits, without limit, until what was written has been transmitted. Returns 0. */
  tcdrain(fd: number): number;
  /** tcsendbreak(3). Waits, and sends a break of 0.25 to 0.5 s; longer ones: `ioctl` with TCSBRKP. Returns 0. */
  tcsendbreak(fd: number): number;
}
