#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall.h"

namespace epollet {
namespace {

// Linux 5.3 and 5.1, which older C libraries do not declare. The same numbers on every architecture but alpha.
constexpr long kSysPidfdOpen = 434;
constexpr long kSysPidfdSendSignal = 424;

}  // namespace

Napi::Value PidfdOpen(const Napi::CallbackInfo& info) {
  int32_t pid;
  uint32_t flags;
  if (!ReadInt(info.Env(), info[0], "pid", &pid) || !ReadMask(info.Env(), info[1], "flags", &flags)) return {};
  // Always close-on-exec, pidfd_open(2).
  return NumberOf(info, ResultOf(syscall(kSysPidfdOpen, pid, flags)));
}

Napi::Value PidfdSendSignal(const Napi::CallbackInfo& info) {
  int32_t fd, signal;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadInt(info.Env(), info[1], "signal", &signal)) return {};
  return NumberOf(info, ResultOf(syscall(kSysPidfdSendSignal, fd, signal, nullptr, 0u)));
}

}  // namespace epollet
