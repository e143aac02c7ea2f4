#include <fcntl.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

namespace epollet {
namespace {

// The commands of fcntl(2) whose argument is an int or absent. The others take an address.
bool IsIntCommand(int command) {
  switch (command) {
    case F_ADD_SEALS:
    case F_DUPFD_CLOEXEC:
    case F_GETFD:
    case F_GETFL:
    case F_GETLEASE:
    case F_GETOWN:
    case F_GETPIPE_SZ:
    case F_GETSIG:
    case F_GET_SEALS:
    case F_NOTIFY:
    case F_SETFD:
    case F_SETFL:
    case F_SETLEASE:
    case F_SETOWN:
    case F_SETPIPE_SZ:
    case F_SETSIG:
      return true;
  }
  return false;
}

// What a request of ioctl(2) takes.
enum class Takes {
  kNothing,
  kInt,        // by value
  kIntInput,   // by address
  kIntResult,  // by address, written by the kernel
  kBytes,      // by address, `size` bytes, read or written
};

struct Request {
  unsigned long number;
  Takes takes;
  size_t size;
};

// ioctl_tty(2), netdevice(7), tcp(7), ioctl(2). The structs contain no address.
constexpr Request kRequests[] = {
    {FIOCLEX, Takes::kNothing, 0},
    {FIONCLEX, Takes::kNothing, 0},
    {TIOCCBRK, Takes::kNothing, 0},
    {TIOCEXCL, Takes::kNothing, 0},
    {TIOCNOTTY, Takes::kNothing, 0},
    {TIOCNXCL, Takes::kNothing, 0},
    {TIOCSBRK, Takes::kNothing, 0},

    {TCFLSH, Takes::kInt, 0},
    {TCSBRK, Takes::kInt, 0},
    {TCSBRKP, Takes::kInt, 0},
    {TCXONC, Takes::kInt, 0},
    {TIOCGPTPEER, Takes::kInt, 0},
    {TIOCSCTTY, Takes::kInt, 0},

    {FIOASYNC, Takes::kIntInput, 0},
    {FIONBIO, Takes::kIntInput, 0},
    {TIOCMBIC, Takes::kIntInput, 0},
    {TIOCMBIS, Takes::kIntInput, 0},
    {TIOCMSET, Takes::kIntInput, 0},
    {TIOCPKT, Takes::kIntInput, 0},
    {TIOCSPGRP, Takes::kIntInput, 0},
    {TIOCSPTLCK, Takes::kIntInput, 0},

    // SIOCINQ and SIOCOUTQ are the same numbers as FIONREAD and TIOCOUTQ.
    {FIONREAD, Takes::kIntResult, 0},
    {SIOCATMARK, Takes::kIntResult, 0},
    {TIOCGETD, Takes::kIntResult, 0},
    {TIOCGEXCL, Takes::kIntResult, 0},
    {TIOCGPGRP, Takes::kIntResult, 0},
    {TIOCGPKT, Takes::kIntResult, 0},
    {TIOCGPTLCK, Takes::kIntResult, 0},
    {TIOCGPTN, Takes::kIntResult, 0},
    {TIOCGSID, Takes::kIntResult, 0},
    {TIOCMGET, Takes::kIntResult, 0},
    {TIOCOUTQ, Takes::kIntResult, 0},

    {TIOCGWINSZ, Takes::kBytes, sizeof(winsize)},
    {TIOCSWINSZ, Takes::kBytes, sizeof(winsize)},
    {SIOCGIFADDR, Takes::kBytes, sizeof(ifreq)},
    {SIOCGIFBRDADDR, Takes::kBytes, sizeof(ifreq)},
    {SIOCGIFFLAGS, Takes::kBytes, sizeof(ifreq)},
    {SIOCGIFHWADDR, Takes::kBytes, sizeof(ifreq)},
    {SIOCGIFINDEX, Takes::kBytes, sizeof(ifreq)},
    {SIOCGIFMTU, Takes::kBytes, sizeof(ifreq)},
    {SIOCGIFNAME, Takes::kBytes, sizeof(ifreq)},
    {SIOCGIFNETMASK, Takes::kBytes, sizeof(ifreq)},
};

const Request* FindRequest(uint32_t number) {
  for (const Request& each : kRequests) {
    if (static_cast<uint32_t>(each.number) == number) return &each;
  }
  return nullptr;
}

// By syscall: the functions of libc take another type of request, and are cancellation points.
int64_t IoctlNow(int fd, unsigned long request, uintptr_t argument) {
  return Retry([&] { return syscall(SYS_ioctl, fd, request, argument); });
}

}  // namespace

Napi::Value Close(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  // Before: once closed, the number may be another thread's.
  if (fd >= 0) SetOwner(fd, 0);
  // On Linux the descriptor is closed even after EINTR, close(2): a retry could close another thread's.
  return NumberOf(info, ResultOf(close(fd)));
}

Napi::Value Dup(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  return NumberOf(info, Owned(ResultOf(syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0L))));
}

Napi::Value Fcntl(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd, command, argument = 0;
  if (!ReadInt(env, info[0], "fd", &fd) || !ReadInt(env, info[1], "command", &command)) return {};
  if (!IsIntCommand(command)) {
    RejectChoice(env, "command", "a command of fcntl(2) whose argument is an integer or absent");
    return {};
  }
  if (!info[2].IsUndefined() && !ReadInt(env, info[2], "argument", &argument)) return {};
  // By syscall: libc's fcntl has another name since glibc 2.28, and its F_GETOWN is F_GETOWN_EX.
  const int64_t result = Retry([&] { return syscall(SYS_fcntl, fd, command, static_cast<long>(argument)); });
  return NumberOf(info, command == F_DUPFD_CLOEXEC ? Owned(result) : result);
}

Napi::Value Flock(const Napi::CallbackInfo& info) {
  int32_t fd, operation;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadInt(info.Env(), info[1], "operation", &operation)) return {};
  return NumberOf(info, Retry([&] { return flock(fd, operation); }));
}

Napi::Value Ioctl(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd, number = 0;
  uint32_t code;
  if (!ReadInt(env, info[0], "fd", &fd) || !ReadMask(env, info[1], "request", &code)) return {};
  const Request* request = FindRequest(code);
  if (request == nullptr) {
    RejectChoice(env, "request", "one of the requests of ioctl(2) that epollet knows");
    return {};
  }
  if (request->takes == Takes::kBytes) {
    uint8_t* bytes;
    size_t length;
    if (!ReadArray(env, info[2], "argument", napi_uint8_array, "a Uint8Array for this request", &bytes, &length)) {
      return {};
    }
    if (length < request->size) {
      RejectRange(env, "argument.length", static_cast<double>(request->size), kMaxSafeInteger);
      return {};
    }
    return NumberOf(info, IoctlNow(fd, request->number, reinterpret_cast<uintptr_t>(bytes)));
  }
  if (!info[2].IsUndefined() && !ReadInt(env, info[2], "argument", &number)) return {};
  switch (request->takes) {
    case Takes::kInt: {
      // A descriptor of the other side of a pseudoterminal is close-on-exec as all others.
      if (request->number == TIOCGPTPEER) number |= O_CLOEXEC;
      const uintptr_t value = static_cast<uintptr_t>(static_cast<intptr_t>(number));
      const int64_t result = IoctlNow(fd, request->number, value);
      return NumberOf(info, request->number == TIOCGPTPEER ? Owned(result) : result);
    }
    case Takes::kIntInput:
      return NumberOf(info, IoctlNow(fd, request->number, reinterpret_cast<uintptr_t>(&number)));
    case Takes::kIntResult: {
      int value = 0;
      const int64_t result = IoctlNow(fd, request->number, reinterpret_cast<uintptr_t>(&value));
      return NumberOf(info, result < 0 ? result : value);
    }
    default:
      return NumberOf(info, IoctlNow(fd, request->number, 0));
  }
}

}  // namespace epollet
