/** The constants of signals. */
export interface SignalConstants {
  // signalfd(2), pidfd_open(2)
  readonly SFD_NONBLOCK: number;
  readonly PIDFD_NONBLOCK: number;
  // signal(7)
  readonly SIGABRT: number;
  readonly SIGALRM: number;
  readonly SIGBUS: number;
  readonly SIGCHLD: number;
  readonly SIGCONT: number;
  readonly SIGFPE: number;
  readonly SIGHUP: number;
  readonly SIGILL: number;
  readonly SIGINT: number;
  readonly SIGIO: number;
  readonly SIGKILL: number;
  readonly SIGPIPE: number;
  readonly SIGPROF: number;
  readonly SIGPWR: number;
  readonly SIGQUIT: number;
  readonly SIGSEGV: number;
  readonly SIGSTKFLT: number;
  readonly SIGSTOP: number;
  readonly SIGSYS: number;
  readonly SIGTERM: number;
  readonly SIGTRAP: number;
  readonly SIGTSTP: number;
  readonly SIGTTIN: number;
  readonly SIGTTOU: number;
  readonly SIGURG: number;
  readonly SIGUSR1: number;
  readonly SIGUSR2: number;
  readonly SIGVTALRM: number;
  readonly SIGWINCH: number;
  readonly SIGXCPU: number;
  readonly SIGXFSZ: number;
  readonly SIGRTMIN: number;
  readonly SIGRTMAX: number;
  // sigaction(2), the codes of `signalfdRead`
  readonly SI_KERNEL: number;
  readonly SI_QUEUE: number;
  readonly SI_TIMER: number;
  readonly SI_TKILL: number;
  readonly SI_USER: number;
  readonly CLD_CONTINUED: number;
  readonly CLD_DUMPED: number;
  readonly CLD_EXITED: number;
  readonly CLD_KILLED: number;
  readonly CLD_STOPPED: number;
  readonly CLD_TRAPPED: number;
}
