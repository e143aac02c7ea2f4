#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "syscall.h"

namespace epollet {
namespace {

// The 64-bit counter of an eventfd or a timerfd, at most 2^53 - 1. -EINVAL for another kind of descriptor, from which
// fewer bytes come.
int64_t ReadCounter(napi_env env, int fd) {
  uint64_t counter = 0;
  const int64_t result = Reading(env, fd, [&] { return read(fd, &counter, sizeof counter); });
  if (result < 0) return result;
  if (result != sizeof counter) return -EINVAL;
  return static_cast<int64_t>(std::min(counter, static_cast<uint64_t>(kMaxSafeInteger)));
}

}  // namespace

Napi::Value Eventfd(const Napi::CallbackInfo& info) {
  uint32_t initial_value, flags;
  if (!ReadUint(info.Env(), info[0], "initialValue", &initial_value) ||
      !ReadMask(info.Env(), info[1], "flags", &flags)) {
    return {};
  }
  return NumberOf(info, Owned(ResultOf(eventfd(initial_value, static_cast<int>(flags | EFD_CLOEXEC)))));
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
  return NumberOf(info, ReadCounter(info.Env(), fd));
}

Napi::Value TimerfdCreate(const Napi::CallbackInfo& info) {
  int32_t clock;
  uint32_t flags;
  if (!ReadInt(info.Env(), info[0], "clock", &clock) || !ReadMask(info.Env(), info[1], "flags", &flags)) return {};
  return NumberOf(info, Owned(ResultOf(timerfd_create(clock, static_cast<int>(flags | TFD_CLOEXEC)))));
}

Napi::Value TimerfdSettime(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd;
  uint32_t flags;
  int64_t initial_s, initial_ns, interval_s, interval_ns;
  if (!ReadInt(env, info[0], "fd", &fd) || !ReadMask(env, info[1], "flags", &flags) ||
      !ReadSize(env, info[2], "initialS", &initial_s) || !ReadSize(env, info[3], "initialNs", &initial_ns) ||
      !ReadSize(env, info[4], "intervalS", &interval_s) || !ReadSize(env, info[5], "intervalNs", &interval_ns)) {
    return {};
  }
  // On an architecture with 32 bits a greater number must not wrap to a valid one.
  if (std::max({initial_s, interval_s}) > std::numeric_limits<time_t>::max() ||
      std::max({initial_ns, interval_ns}) > std::numeric_limits<int32_t>::max()) {
    return NumberOf(info, -EINVAL);
  }
  itimerspec setting = {};
  setting.it_value.tv_sec = static_cast<time_t>(initial_s);
  setting.it_value.tv_nsec = static_cast<long>(initial_ns);
  setting.it_interval.tv_sec = static_cast<time_t>(interval_s);
  setting.it_interval.tv_nsec = static_cast<long>(interval_ns);
  return NumberOf(info, ResultOf(timerfd_settime(fd, static_cast<int>(flags), &setting, nullptr)));
}

Napi::Value TimerfdGettime(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  itimerspec setting = {};
  const int64_t result = ResultOf(timerfd_gettime(fd, &setting));
  if (result < 0) return NumberOf(info, result);
  const int64_t parts[] = {setting.it_value.tv_sec, setting.it_value.tv_nsec, setting.it_interval.tv_sec,
                           setting.it_interval.tv_nsec};
  Napi::Array array = Napi::Array::New(info.Env(), std::size(parts));
  for (uint32_t i = 0; i < std::size(parts); i++) array.Set(i, NumberOf(info, parts[i]));
  return array;
}

Napi::Value TimerfdRead(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  return NumberOf(info, ReadCounter(info.Env(), fd));
}

}  // namespace epollet
