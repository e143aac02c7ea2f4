#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>

#include "syscall.h"

// What the headers of older build systems do not have: linux/openat2.h (Linux 5.6), linux/sockios.h, and newer values.
#ifndef RESOLVE_BENEATH
#define RESOLVE_NO_XDEV 0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS 0x04
#define RESOLVE_BENEATH 0x08
#define RESOLVE_IN_ROOT 0x10
#endif
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#ifndef SIOCINQ
#define SIOCINQ FIONREAD
#define SIOCOUTQ TIOCOUTQ
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET 2
#endif
#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK O_NONBLOCK
#endif

namespace epollet {
namespace {

// Hot functions use raw Node-API: through CallbackInfo they cost 0.3 µs a request more.
template <napi_callback kCall>
void Hot(Napi::Object exports, const char* name) {
  napi_value function = nullptr;
  napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, kCall, nullptr, &function);
  exports.Set(name, function);
}

// Cold functions use node-addon-api.
template <Napi::Value (*kCall)(const Napi::CallbackInfo&)>
void Cold(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<kCall>(exports.Env(), name));
}

Napi::Object Constants(Napi::Env env) {
  struct Constant {
    const char* name;
    int64_t value;
  };
#define CONSTANT(name) \
  Constant { #name, name }
  const Constant list[] = {
      // clang-format off
      // epoll_create1(2), epoll_ctl(2), eventfd(2)
      CONSTANT(EPOLL_CLOEXEC), CONSTANT(EPOLL_CTL_ADD), CONSTANT(EPOLL_CTL_MOD), CONSTANT(EPOLL_CTL_DEL),
      CONSTANT(EFD_NONBLOCK), CONSTANT(EFD_SEMAPHORE),
      // socket(2), shutdown(2), listen(2)
      CONSTANT(AF_UNSPEC), CONSTANT(AF_UNIX), CONSTANT(AF_INET), CONSTANT(AF_INET6), CONSTANT(SOCK_STREAM),
      CONSTANT(SOCK_DGRAM), CONSTANT(SOCK_SEQPACKET), CONSTANT(SOCK_RAW), CONSTANT(SOCK_NONBLOCK), CONSTANT(SHUT_RD),
      CONSTANT(SHUT_WR), CONSTANT(SHUT_RDWR), CONSTANT(SOMAXCONN),
      // socket(7), unix(7)
      CONSTANT(SOL_SOCKET), CONSTANT(SO_ACCEPTCONN), CONSTANT(SO_BINDTODEVICE), CONSTANT(SO_BROADCAST),
      CONSTANT(SO_BUSY_POLL), CONSTANT(SO_BUSY_POLL_BUDGET), CONSTANT(SO_COOKIE), CONSTANT(SO_DOMAIN),
      CONSTANT(SO_DONTROUTE), CONSTANT(SO_ERROR), CONSTANT(SO_INCOMING_CPU), CONSTANT(SO_INCOMING_NAPI_ID),
      CONSTANT(SO_KEEPALIVE), CONSTANT(SO_LINGER), CONSTANT(SO_MARK), CONSTANT(SO_OOBINLINE), CONSTANT(SO_PASSCRED),
      CONSTANT(SO_PEEK_OFF), CONSTANT(SO_PEERCRED), CONSTANT(SO_PEERGROUPS), CONSTANT(SO_PEERSEC),
      CONSTANT(SO_PREFER_BUSY_POLL), CONSTANT(SO_PRIORITY), CONSTANT(SO_PROTOCOL), CONSTANT(SO_RCVBUF),
      CONSTANT(SO_RCVBUFFORCE), CONSTANT(SO_RCVLOWAT), CONSTANT(SO_RCVTIMEO), CONSTANT(SO_REUSEADDR),
      CONSTANT(SO_REUSEPORT), CONSTANT(SO_SNDBUF), CONSTANT(SO_SNDBUFFORCE), CONSTANT(SO_SNDTIMEO), CONSTANT(SO_TYPE),
      // send(2), recv(2), unix(7)
      CONSTANT(MSG_CMSG_CLOEXEC), CONSTANT(MSG_CONFIRM), CONSTANT(MSG_CTRUNC), CONSTANT(MSG_DONTROUTE),
      CONSTANT(MSG_DONTWAIT), CONSTANT(MSG_EOR), CONSTANT(MSG_ERRQUEUE), CONSTANT(MSG_MORE), CONSTANT(MSG_NOSIGNAL),
      CONSTANT(MSG_OOB), CONSTANT(MSG_PEEK), CONSTANT(MSG_TRUNC), CONSTANT(MSG_WAITALL), CONSTANT(SCM_CREDENTIALS),
      CONSTANT(SCM_RIGHTS),
      // tcp(7), udp(7)
      CONSTANT(IPPROTO_TCP), CONSTANT(TCP_CONGESTION), CONSTANT(TCP_CORK), CONSTANT(TCP_DEFER_ACCEPT),
      CONSTANT(TCP_FASTOPEN), CONSTANT(TCP_FASTOPEN_CONNECT), CONSTANT(TCP_INFO), CONSTANT(TCP_KEEPCNT),
      CONSTANT(TCP_KEEPIDLE), CONSTANT(TCP_KEEPINTVL), CONSTANT(TCP_LINGER2), CONSTANT(TCP_MAXSEG),
      CONSTANT(TCP_NODELAY), CONSTANT(TCP_NOTSENT_LOWAT), CONSTANT(TCP_QUICKACK), CONSTANT(TCP_SYNCNT),
      CONSTANT(TCP_USER_TIMEOUT), CONSTANT(TCP_WINDOW_CLAMP), CONSTANT(IPPROTO_UDP), CONSTANT(UDP_CORK),
      CONSTANT(UDP_GRO), CONSTANT(UDP_SEGMENT),
      // ip(7)
      CONSTANT(IPPROTO_IP), CONSTANT(IPPROTO_ICMP), CONSTANT(IPPROTO_RAW), CONSTANT(IP_ADD_MEMBERSHIP),
      CONSTANT(IP_ADD_SOURCE_MEMBERSHIP), CONSTANT(IP_BIND_ADDRESS_NO_PORT), CONSTANT(IP_BLOCK_SOURCE),
      CONSTANT(IP_DROP_MEMBERSHIP), CONSTANT(IP_DROP_SOURCE_MEMBERSHIP), CONSTANT(IP_FREEBIND), CONSTANT(IP_MTU),
      CONSTANT(IP_MTU_DISCOVER), CONSTANT(IP_MULTICAST_ALL), CONSTANT(IP_MULTICAST_IF), CONSTANT(IP_MULTICAST_LOOP),
      CONSTANT(IP_MULTICAST_TTL), CONSTANT(IP_OPTIONS), CONSTANT(IP_PMTUDISC_DO), CONSTANT(IP_PMTUDISC_DONT),
      CONSTANT(IP_PMTUDISC_PROBE), CONSTANT(IP_PMTUDISC_WANT), CONSTANT(IP_RECVERR), CONSTANT(IP_TOS),
      CONSTANT(IP_TRANSPARENT), CONSTANT(IP_TTL), CONSTANT(IP_UNBLOCK_SOURCE), CONSTANT(MCAST_JOIN_GROUP),
      CONSTANT(MCAST_JOIN_SOURCE_GROUP), CONSTANT(MCAST_LEAVE_GROUP), CONSTANT(MCAST_LEAVE_SOURCE_GROUP),
      // ipv6(7)
      CONSTANT(IPPROTO_IPV6), CONSTANT(IPPROTO_ICMPV6), CONSTANT(IPV6_JOIN_GROUP), CONSTANT(IPV6_LEAVE_GROUP),
      CONSTANT(IPV6_MTU), CONSTANT(IPV6_MTU_DISCOVER), CONSTANT(IPV6_MULTICAST_HOPS), CONSTANT(IPV6_MULTICAST_IF),
      CONSTANT(IPV6_MULTICAST_LOOP), CONSTANT(IPV6_RECVERR), CONSTANT(IPV6_TCLASS), CONSTANT(IPV6_UNICAST_HOPS),
      CONSTANT(IPV6_V6ONLY),
      // open(2)
      CONSTANT(AT_FDCWD), CONSTANT(AT_SYMLINK_NOFOLLOW), CONSTANT(O_RDONLY), CONSTANT(O_WRONLY), CONSTANT(O_RDWR), CONSTANT(O_APPEND),
      CONSTANT(O_CLOEXEC), CONSTANT(O_CREAT), CONSTANT(O_DIRECT), CONSTANT(O_DIRECTORY), CONSTANT(O_DSYNC),
      CONSTANT(O_EXCL), CONSTANT(O_NOATIME), CONSTANT(O_NOCTTY), CONSTANT(O_NOFOLLOW), CONSTANT(O_NONBLOCK),
      CONSTANT(O_PATH), CONSTANT(O_SYNC), CONSTANT(O_TMPFILE), CONSTANT(O_TRUNC),
      // openat2(2)
      CONSTANT(RESOLVE_BENEATH), CONSTANT(RESOLVE_CACHED), CONSTANT(RESOLVE_IN_ROOT), CONSTANT(RESOLVE_NO_MAGICLINKS),
      CONSTANT(RESOLVE_NO_SYMLINKS), CONSTANT(RESOLVE_NO_XDEV),
      // inode(7)
      CONSTANT(S_IFMT), CONSTANT(S_IFREG), CONSTANT(S_IFDIR), CONSTANT(S_IFLNK), CONSTANT(S_IFIFO), CONSTANT(S_IFSOCK),
      CONSTANT(S_IFCHR), CONSTANT(S_IFBLK),
      // fcntl(2), for `fcntl`
      CONSTANT(FD_CLOEXEC), CONSTANT(F_ADD_SEALS), CONSTANT(F_DUPFD_CLOEXEC), CONSTANT(F_GETFD), CONSTANT(F_GETFL),
      CONSTANT(F_GETLEASE), CONSTANT(F_GETOWN), CONSTANT(F_GETPIPE_SZ), CONSTANT(F_GETSIG), CONSTANT(F_GET_SEALS),
      CONSTANT(F_NOTIFY), CONSTANT(F_SETFD), CONSTANT(F_SETFL), CONSTANT(F_SETLEASE), CONSTANT(F_SETOWN),
      CONSTANT(F_SETPIPE_SZ), CONSTANT(F_SETSIG), CONSTANT(F_RDLCK), CONSTANT(F_UNLCK), CONSTANT(F_WRLCK),
      CONSTANT(F_SEAL_GROW), CONSTANT(F_SEAL_SEAL), CONSTANT(F_SEAL_SHRINK), CONSTANT(F_SEAL_WRITE), CONSTANT(O_ASYNC),
      // flock(2)
      CONSTANT(LOCK_EX), CONSTANT(LOCK_NB), CONSTANT(LOCK_SH), CONSTANT(LOCK_UN),
      // ioctl(2), socket(7), tcp(7), pipe(7), for `ioctl`
      CONSTANT(FIOASYNC), CONSTANT(FIOCLEX), CONSTANT(FIONBIO), CONSTANT(FIONCLEX), CONSTANT(FIONREAD),
      CONSTANT(SIOCATMARK), CONSTANT(SIOCGIFADDR), CONSTANT(SIOCGIFBRDADDR), CONSTANT(SIOCGIFFLAGS),
      CONSTANT(SIOCGIFHWADDR), CONSTANT(SIOCGIFINDEX), CONSTANT(SIOCGIFMTU), CONSTANT(SIOCGIFNAME),
      CONSTANT(SIOCGIFNETMASK), CONSTANT(SIOCINQ), CONSTANT(SIOCOUTQ),
      // ioctl_tty(2), for `ioctl`
      CONSTANT(TCFLSH), CONSTANT(TCSBRK), CONSTANT(TCSBRKP), CONSTANT(TCXONC), CONSTANT(TIOCCBRK), CONSTANT(TIOCEXCL),
      CONSTANT(TIOCGETD), CONSTANT(TIOCGEXCL), CONSTANT(TIOCGPGRP), CONSTANT(TIOCGPKT), CONSTANT(TIOCGPTLCK),
      CONSTANT(TIOCGPTN), CONSTANT(TIOCGPTPEER), CONSTANT(TIOCGSID), CONSTANT(TIOCGWINSZ), CONSTANT(TIOCINQ),
      CONSTANT(TIOCMBIC), CONSTANT(TIOCMBIS), CONSTANT(TIOCMGET), CONSTANT(TIOCMSET), CONSTANT(TIOCNOTTY),
      CONSTANT(TIOCNXCL), CONSTANT(TIOCOUTQ), CONSTANT(TIOCPKT), CONSTANT(TIOCSBRK), CONSTANT(TIOCSCTTY),
      CONSTANT(TIOCSPGRP), CONSTANT(TIOCSPTLCK), CONSTANT(TIOCSWINSZ),
      // TIOCM bits and TIOCPKT bits, ioctl_tty(2)
      CONSTANT(TIOCM_CAR), CONSTANT(TIOCM_CTS), CONSTANT(TIOCM_DSR), CONSTANT(TIOCM_DTR), CONSTANT(TIOCM_RNG),
      CONSTANT(TIOCM_RTS), CONSTANT(TIOCPKT_DATA), CONSTANT(TIOCPKT_DOSTOP), CONSTANT(TIOCPKT_FLUSHREAD),
      CONSTANT(TIOCPKT_FLUSHWRITE), CONSTANT(TIOCPKT_IOCTL), CONSTANT(TIOCPKT_NOSTOP), CONSTANT(TIOCPKT_START),
      CONSTANT(TIOCPKT_STOP),
      // tcsetattr(3), tcflush(3), tcflow(3)
      CONSTANT(TCSANOW), CONSTANT(TCSADRAIN), CONSTANT(TCSAFLUSH), CONSTANT(TCIFLUSH), CONSTANT(TCOFLUSH),
      CONSTANT(TCIOFLUSH), CONSTANT(TCOOFF), CONSTANT(TCOON), CONSTANT(TCIOFF), CONSTANT(TCION),
      // termios(3), `iflag`
      CONSTANT(IGNBRK), CONSTANT(BRKINT), CONSTANT(IGNPAR), CONSTANT(PARMRK), CONSTANT(INPCK), CONSTANT(ISTRIP),
      CONSTANT(INLCR), CONSTANT(IGNCR), CONSTANT(ICRNL), CONSTANT(IUCLC), CONSTANT(IXON), CONSTANT(IXANY),
      CONSTANT(IXOFF), CONSTANT(IMAXBEL), CONSTANT(IUTF8),
      // termios(3), `oflag`
      CONSTANT(OPOST), CONSTANT(OLCUC), CONSTANT(ONLCR), CONSTANT(OCRNL), CONSTANT(ONOCR), CONSTANT(ONLRET),
      CONSTANT(OFILL), CONSTANT(OFDEL), CONSTANT(TABDLY), CONSTANT(XTABS),
      // termios(3), `cflag`
      CONSTANT(CSIZE), CONSTANT(CS5), CONSTANT(CS6), CONSTANT(CS7), CONSTANT(CS8), CONSTANT(CSTOPB), CONSTANT(CREAD),
      CONSTANT(PARENB), CONSTANT(PARODD), CONSTANT(HUPCL), CONSTANT(CLOCAL), CONSTANT(CMSPAR), CONSTANT(CRTSCTS),
      // termios(3), `lflag`
      CONSTANT(ISIG), CONSTANT(ICANON), CONSTANT(XCASE), CONSTANT(ECHO), CONSTANT(ECHOE), CONSTANT(ECHOK),
      CONSTANT(ECHONL), CONSTANT(ECHOCTL), CONSTANT(ECHOPRT), CONSTANT(ECHOKE), CONSTANT(FLUSHO), CONSTANT(NOFLSH),
      CONSTANT(TOSTOP), CONSTANT(PENDIN), CONSTANT(IEXTEN),
      // termios(3), the indexes of `cc`
      CONSTANT(VINTR), CONSTANT(VQUIT), CONSTANT(VERASE), CONSTANT(VKILL), CONSTANT(VEOF), CONSTANT(VTIME),
      CONSTANT(VMIN), CONSTANT(VSTART), CONSTANT(VSTOP), CONSTANT(VSUSP), CONSTANT(VEOL), CONSTANT(VREPRINT),
      CONSTANT(VDISCARD), CONSTANT(VWERASE), CONSTANT(VLNEXT), CONSTANT(VEOL2),
      // inotify_init1(2), inotify(7)
      CONSTANT(IN_NONBLOCK), CONSTANT(IN_ACCESS), CONSTANT(IN_MODIFY), CONSTANT(IN_ATTRIB), CONSTANT(IN_CLOSE_WRITE),
      CONSTANT(IN_CLOSE_NOWRITE), CONSTANT(IN_OPEN), CONSTANT(IN_CREATE), CONSTANT(IN_DELETE), CONSTANT(IN_DELETE_SELF),
      CONSTANT(IN_MOVED_FROM), CONSTANT(IN_MOVED_TO), CONSTANT(IN_MOVE_SELF), CONSTANT(IN_ONESHOT),
      CONSTANT(IN_ONLYDIR), CONSTANT(IN_DONT_FOLLOW), CONSTANT(IN_EXCL_UNLINK), CONSTANT(IN_MASK_ADD),
      CONSTANT(IN_IGNORED), CONSTANT(IN_ISDIR), CONSTANT(IN_Q_OVERFLOW), CONSTANT(IN_UNMOUNT),
      // timerfd_create(2), clock_gettime(2)
      CONSTANT(CLOCK_REALTIME), CONSTANT(CLOCK_MONOTONIC), CONSTANT(CLOCK_BOOTTIME), CONSTANT(CLOCK_REALTIME_ALARM),
      CONSTANT(CLOCK_BOOTTIME_ALARM), CONSTANT(TFD_NONBLOCK), CONSTANT(TFD_TIMER_ABSTIME),
      CONSTANT(TFD_TIMER_CANCEL_ON_SET),
      // signalfd(2), pidfd_open(2)
      CONSTANT(SFD_NONBLOCK), CONSTANT(PIDFD_NONBLOCK),
      // signal(7)
      CONSTANT(SIGABRT), CONSTANT(SIGALRM), CONSTANT(SIGBUS), CONSTANT(SIGCHLD), CONSTANT(SIGCONT), CONSTANT(SIGFPE),
      CONSTANT(SIGHUP), CONSTANT(SIGILL), CONSTANT(SIGINT), CONSTANT(SIGIO), CONSTANT(SIGKILL), CONSTANT(SIGPIPE),
      CONSTANT(SIGPROF), CONSTANT(SIGPWR), CONSTANT(SIGQUIT), CONSTANT(SIGSEGV), CONSTANT(SIGSTKFLT), CONSTANT(SIGSTOP),
      CONSTANT(SIGSYS), CONSTANT(SIGTERM), CONSTANT(SIGTRAP), CONSTANT(SIGTSTP), CONSTANT(SIGTTIN), CONSTANT(SIGTTOU),
      CONSTANT(SIGURG), CONSTANT(SIGUSR1), CONSTANT(SIGUSR2), CONSTANT(SIGVTALRM), CONSTANT(SIGWINCH),
      CONSTANT(SIGXCPU), CONSTANT(SIGXFSZ), CONSTANT(SIGRTMIN), CONSTANT(SIGRTMAX),
      // sigaction(2), the codes of `signalfdRead`
      CONSTANT(SI_KERNEL), CONSTANT(SI_QUEUE), CONSTANT(SI_TIMER), CONSTANT(SI_TKILL), CONSTANT(SI_USER),
      CONSTANT(CLD_CONTINUED), CONSTANT(CLD_DUMPED), CONSTANT(CLD_EXITED), CONSTANT(CLD_KILLED), CONSTANT(CLD_STOPPED),
      CONSTANT(CLD_TRAPPED)
      // clang-format on
  };
#undef CONSTANT
  Napi::Object constants = Napi::Object::New(env);
  for (const Constant& constant : list) constants.Set(constant.name, Napi::Number::New(env, constant.value));
  return constants;
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  StartEnvironment(env);

  Cold<EpollCreate1>(exports, "epollCreate1");
  Cold<EpollCtl>(exports, "epollCtl");
  Hot<EpollWait>(exports, "epollWait");
  Hot<LoopWait>(exports, "loopWait");
  Hot<EpollPwait2>(exports, "epollPwait2");
  Cold<EpollGetParams>(exports, "epollGetParams");
  Cold<EpollSetParams>(exports, "epollSetParams");

  Cold<Socket>(exports, "socket");
  Cold<Socketpair>(exports, "socketpair");
  Cold<Bind>(exports, "bind");
  Cold<Connect>(exports, "connect");
  Cold<Listen>(exports, "listen");
  Hot<Accept4>(exports, "accept4");
  Cold<Shutdown>(exports, "shutdown");
  Cold<Getsockname>(exports, "getsockname");
  Cold<Getpeername>(exports, "getpeername");
  Cold<Setsockopt>(exports, "setsockopt");
  Cold<Getsockopt>(exports, "getsockopt");
  Cold<TcpiUnacked>(exports, "tcpiUnacked");
  Cold<SetsockoptBytes>(exports, "setsockoptBytes");
  Cold<GetsockoptBytes>(exports, "getsockoptBytes");
  Cold<Peercred>(exports, "peercred");

  Hot<Recvfrom>(exports, "recvfrom");
  Hot<Sendto>(exports, "sendto");
  Hot<Recvmsg>(exports, "recvmsg");
  Hot<Sendmsg>(exports, "sendmsg");

  Hot<Recv>(exports, "recv");
  Hot<RecvEach>(exports, "recvEach");
  Hot<Send>(exports, "send");
  Hot<SendEach>(exports, "sendEach");
  Hot<Sendfile>(exports, "sendfile");
  Hot<Readv>(exports, "readv");
  Hot<Writev>(exports, "writev");
  Cold<Read>(exports, "read");
  Cold<Write>(exports, "write");
  Cold<Pipe2>(exports, "pipe2");

  Cold<Openat2>(exports, "openat2");
  Cold<Openat>(exports, "openat");
  Cold<Readlinkat>(exports, "readlinkat");
  Cold<Fstat>(exports, "fstat");
  Hot<Fstatat>(exports, "fstatat");
  Hot<OpenRead>(exports, "openRead");
  Hot<Pread>(exports, "pread");
  Cold<Getdents64>(exports, "getdents64");
  Cold<Fstatfs>(exports, "fstatfs");

  Cold<Close>(exports, "close");
  Cold<Disown>(exports, "disown");
  Cold<Own>(exports, "own");
  Cold<Dup>(exports, "dup");
  Cold<Fcntl>(exports, "fcntl");
  Cold<Flock>(exports, "flock");
  Cold<Ioctl>(exports, "ioctl");

  Cold<Tcgetattr>(exports, "tcgetattr");
  Cold<Tcsetattr>(exports, "tcsetattr");
  Cold<Tcflush>(exports, "tcflush");
  Cold<Tcdrain>(exports, "tcdrain");
  Cold<Tcsendbreak>(exports, "tcsendbreak");

  Cold<InotifyInit1>(exports, "inotifyInit1");
  Cold<InotifyAddWatch>(exports, "inotifyAddWatch");
  Cold<InotifyRmWatch>(exports, "inotifyRmWatch");

  Cold<Eventfd>(exports, "eventfd");
  Cold<EventfdWrite>(exports, "eventfdWrite");
  Cold<EventfdRead>(exports, "eventfdRead");

  Cold<TimerfdCreate>(exports, "timerfdCreate");
  Cold<TimerfdSettime>(exports, "timerfdSettime");
  Cold<TimerfdGettime>(exports, "timerfdGettime");
  Cold<TimerfdRead>(exports, "timerfdRead");

  Cold<PidfdOpen>(exports, "pidfdOpen");
  Cold<PidfdSendSignal>(exports, "pidfdSendSignal");
  Cold<Signalfd>(exports, "signalfd");
  Cold<SignalfdRead>(exports, "signalfdRead");
  Cold<UnblockSignals>(exports, "unblockSignals");

  Cold<IoUringSetup>(exports, "ioUringSetup");
  Cold<IoUringMap>(exports, "ioUringMap");
  Cold<IoUringUnmap>(exports, "ioUringUnmap");
  Cold<IoUringRegisterBuffers>(exports, "ioUringRegisterBuffers");
  Hot<IoUringEnter>(exports, "ioUringEnter");
  Hot<AddressOf>(exports, "addressOf");

  Cold<LoopStart>(exports, "loopStart");
  Cold<LoopEnclose>(exports, "loopEnclose");
  Cold<LoopStop>(exports, "loopStop");
  Cold<LoopRef>(exports, "loopRef");

  exports.Set("constants", Constants(env));
  return exports;
}

NODE_API_MODULE(epollet, Initialize)

}  // namespace
}  // namespace epollet
