import type { DescriptorConstants } from './descriptor.js';
import type { EpollConstants } from './epoll.js';
import type { FileConstants } from './file.js';
import type { SignalConstants } from './signal.js';
import type { SocketConstants } from './socket.js';
import type { TerminalConstants } from './terminal.js';
import type { TimerConstants } from './timer.js';
import type { WatchConstants } from './watch.js';

/**
 * The constants of the system calls, by their names in the man pages. The numbers come from the C headers that the
 * addon was built with: some of them differ between architectures. See `constants` in binding.ts.
 */
export interface Constants
  extends EpollConstants,
    SocketConstants,
    FileConstants,
    DescriptorConstants,
    TerminalConstants,
    WatchConstants,
    TimerConstants,
    SignalConstants {}
