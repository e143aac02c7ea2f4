#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "syscall.h"

namespace epollet {

Napi::Value Eventfd(const Napi::CallbackInfo& info) {
  uint32_t initial_value, flags;
  if (!ReadUint(info.Env(), info[0], "initialValue", &initial_value) ||
      !ReadMask(info.Env(), info[1], "flags", &flags)) {
    return {};
  }
  return NumberOf(info, ResultOf(eventfd(initial_value, static_cast<int>(flags | EFD_CLOEXEC))));
}

Napi::Value EventfdWrite(const Napi::CallbackInfo& info) {
  int32_t fd;
  uint32_t value;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadUint(info.Env(), info[1], "value", &value, 1)) return {};
  const uint64_t increment = value;
  const int64_t result = Retry([&] { return write(fd, &increment, sizeof increment); });
  return NumberOf(info, std::min<int64_t>(result, 0));
}

Napi::Value EventfdRead(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  uint64_t counter = 0;
  const int64_t result = Retry([&] { return read(fd, &counter, sizeof counter); });
  const uint64_t most = static_cast<uint64_t>(kMaxSafeInteger);
  return NumberOf(info, result < 0 ? result : static_cast<int64_t>(std::min(counter, most)));
}

}  // namespace epollet
