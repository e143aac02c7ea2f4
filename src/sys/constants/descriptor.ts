/** The constants of `fcntl`, `flock` and `ioctl`. */
export interface DescriptorConstants {
  // fcntl(2), for `fcntl`
  readonly FD_CLOEXEC: number;
  readonly F_ADD_SEALS: number;
  readonly F_DUPFD_CLOEXEC: number;
  readonly F_GETFD: number;
  readonly F_GETFL: number;
  readonly F_GETLEASE: number;
  readonly F_GETOWN: number;
  readonly F_GETPIPE_SZ: number;
  readonly F_GETSIG: number;
  readonly F_GET_SEALS: number;
  readonly F_NOTIFY: number;
  readonly F_SETFD: number;
  readonly F_SETFL: number;
  readonly F_SETLEASE: number;
  readonly F_SETOWN: number;
  readonly F_SETPIPE_SZ: number;
  readonly F_SETSIG: number;
  readonly F_RDLCK: number;
  readonly F_UNLCK: number;
  readonly F_WRLCK: number;
  readonly F_SEAL_GROW: number;
  readonly F_SEAL_SEAL: number;
  readonly F_SEAL_SHRINK: number;
  readonly F_SEAL_WRITE: number;
  readonly O_ASYNC: number;
  // flock(2)
  readonly LOCK_EX: number;
  readonly LOCK_NB: number;
  readonly LOCK_SH: number;
  readonly LOCK_UN: number;
  // ioctl(2), socket(7), tcp(7), pipe(7), for `ioctl`
  readonly FIOASYNC: number;
  readonly FIOCLEX: number;
  readonly FIONBIO: number;
  readonly FIONCLEX: number;
  readonly FIONREAD: number;
  readonly SIOCATMARK: number;
  readonly SIOCGIFADDR: number;
  readonly SIOCGIFBRDADDR: number;
  readonly SIOCGIFFLAGS: number;
  readonly SIOCGIFHWADDR: number;
  readonly SIOCGIFINDEX: number;
  readonly SIOCGIFMTU: number;
  readonly SIOCGIFNAME: number;
  readonly SIOCGIFNETMASK: number;
  readonly SIOCINQ: number;
  readonly SIOCOUTQ: number;
}
