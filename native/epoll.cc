#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "syscall.h"

namespace epollet {
namespace {

// On x86-64 `struct epoll_event` is packed to these three words, epoll_event(3type), and the kernel fills the caller's
// array directly. Elsewhere the user data is aligned to eight bytes, and events are copied word by word.
constexpr bool kEventIsThreeWords =
    sizeof(epoll_event) == kWordsPerEvent * sizeof(uint32_t) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

// 16 KiB of stack. Further events are returned by the next call.
constexpr int kUnpackedEvents = 1024;

// epoll_pwait2(2), Linux 5.11, which older C libraries do not declare. The same number on every architecture but alpha.
constexpr long kSysEpollPwait2 = 441;

// struct __kernel_timespec of linux/time_types.h.
struct Timespec {
  int64_t seconds;
  int64_t nanoseconds;
};

// struct epoll_params and its requests, linux/eventpoll.h (Linux 6.9), ioctl_eventpoll(2).
struct EpollParams {
  uint32_t busy_poll_us;
  uint16_t busy_poll_budget;
  uint8_t prefer_busy_poll;
  uint8_t padding;
};
constexpr unsigned long kSetParams = _IOW(0x8A, 0x01, EpollParams);
constexpr unsigned long kGetParams = _IOR(0x8A, 0x02, EpollParams);

constexpr int64_t kNsPerMs = 1000000;

int64_t WaitPacked(int epfd, uint32_t* words, int max_events, int timeout_ms) {
  return ResultOf(epoll_wait(epfd, reinterpret_cast<epoll_event*>(words), max_events, timeout_ms));
}

void Unpack(const epoll_event* events, int64_t count, uint32_t* words) {
  for (int64_t i = 0; i < count; i++, words += kWordsPerEvent) {
    const uint64_t data = events[i].data.u64;
    words[0] = events[i].events;
    words[1] = static_cast<uint32_t>(data);
    words[2] = static_cast<uint32_t>(data >> 32);
  }
}

int64_t WaitUnpacked(int epfd, uint32_t* words, int max_events, int timeout_ms) {
  epoll_event events[kUnpackedEvents];
  const int64_t count = ResultOf(epoll_wait(epfd, events, std::min(max_events, kUnpackedEvents), timeout_ms));
  Unpack(events, count, words);
  return count;
}

}  // namespace

int64_t WaitForEvents(int epfd, uint32_t* words, int max_events, int timeout_ms) {
  constexpr auto wait = kEventIsThreeWords ? WaitPacked : WaitUnpacked;
  return wait(epfd, words, max_events, timeout_ms);
}

Napi::Value EpollCreate1(const Napi::CallbackInfo& info) {
  uint32_t flags;
  if (!ReadMask(info.Env(), info[0], "flags", &flags)) return {};
  return NumberOf(info, Owned(ResultOf(epoll_create1(static_cast<int>(flags | EPOLL_CLOEXEC)))));
}

Napi::Value EpollCtl(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t epfd, operation, fd;
  uint32_t events, data_low, data_high;
  if (!ReadInt(env, info[0], "epfd", &epfd) || !ReadInt(env, info[1], "operation", &operation) ||
      !ReadInt(env, info[2], "fd", &fd) || !ReadMask(env, info[3], "events", &events) ||
      !ReadUint(env, info[4], "dataLow", &data_low) || !ReadUint(env, info[5], "dataHigh", &data_high)) {
    return {};
  }
  epoll_event event = {};
  event.events = events;
  event.data.u64 = static_cast<uint64_t>(data_high) << 32 | data_low;
  return NumberOf(info, ResultOf(epoll_ctl(epfd, operation, fd, &event)));
}

napi_value EpollWait(napi_env env, napi_callback_info info) {
  const RawArguments<4> arguments(env, info);
  int32_t epfd, max_events, timeout_ms;
  uint32_t* words;
  size_t length;
  if (!ReadInt(env, arguments.at[0], "epfd", &epfd) ||
      !ReadArray(env, arguments.at[1], "events", napi_uint32_array, "a Uint32Array", &words, &length)) {
    return nullptr;
  }
  const int32_t room = static_cast<int32_t>(std::min<size_t>(length / kWordsPerEvent, INT32_MAX));
  if (!ReadInt(env, arguments.at[2], "maxEvents", &max_events, 1, room) ||
      !ReadInt(env, arguments.at[3], "timeoutMs", &timeout_ms, -1)) {
    return nullptr;
  }
  const int64_t timeout_ns = timeout_ms < 0 ? -1 : int64_t{timeout_ms} * kNsPerMs;
  const int64_t count = WaitInSlices(env, timeout_ns, [&](int64_t ns) {
    return WaitForEvents(epfd, words, max_events, ns < 0 ? -1 : static_cast<int>((ns + kNsPerMs - 1) / kNsPerMs));
  });
  // After a signal only the caller knows how much of the timeout is left.
  return Int(env, count == -EINTR ? 0 : count);
}

napi_value EpollPwait2(napi_env env, napi_callback_info info) {
  const RawArguments<4> arguments(env, info);
  int32_t epfd, max_events;
  uint32_t* words;
  size_t length;
  double timeout_ns;
  if (!ReadInt(env, arguments.at[0], "epfd", &epfd) ||
      !ReadArray(env, arguments.at[1], "events", napi_uint32_array, "a Uint32Array", &words, &length)) {
    return nullptr;
  }
  const int32_t room = static_cast<int32_t>(std::min<size_t>(length / kWordsPerEvent, INT32_MAX));
  if (!ReadInt(env, arguments.at[2], "maxEvents", &max_events, 1, room) ||
      !ReadNumber(env, arguments.at[3], "timeoutNs", -1, kMaxSafeInteger, &timeout_ns)) {
    return nullptr;
  }
  const auto wait = [&](void* events, int most, int64_t ns) {
    const Timespec timeout = {ns / 1000000000, ns % 1000000000};
    return ResultOf(syscall(kSysEpollPwait2, epfd, events, most, ns < 0 ? nullptr : &timeout, nullptr, size_t{8}));
  };
  const int64_t count = WaitInSlices(env, static_cast<int64_t>(timeout_ns), [&](int64_t ns) {
    if (kEventIsThreeWords) return wait(words, max_events, ns);
    epoll_event events[kUnpackedEvents];
    const int64_t ready = wait(events, std::min(max_events, kUnpackedEvents), ns);
    Unpack(events, ready, words);
    return ready;
  });
  return Int(env, count == -EINTR ? 0 : count);
}

Napi::Value EpollGetParams(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t epfd;
  EpollParams params = {};
  if (!ReadInt(env, info[0], "epfd", &epfd)) return {};
  const int64_t result = ResultOf(syscall(SYS_ioctl, epfd, kGetParams, &params));
  if (result < 0) return NumberOf(info, result);
  napi_value prefer = nullptr;
  napi_get_boolean(env, params.prefer_busy_poll != 0, &prefer);
  return Napi::Value(env, ObjectOf(env, {Property("busyPollUs", Number(env, params.busy_poll_us)),
                                         Property("busyPollBudget", Number(env, params.busy_poll_budget)),
                                         Property("preferBusyPoll", prefer)}));
}

Napi::Value EpollSetParams(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t epfd, budget;
  EpollParams params = {};
  if (!ReadInt(env, info[0], "epfd", &epfd) || !ReadUint(env, info[1], "busyPollUs", &params.busy_poll_us) ||
      !ReadInt(env, info[2], "busyPollBudget", &budget, 0, UINT16_MAX)) {
    return {};
  }
  if (!info[3].IsBoolean()) {
    RejectType(env, "preferBusyPoll", "a boolean");
    return {};
  }
  params.busy_poll_budget = static_cast<uint16_t>(budget);
  params.prefer_busy_poll = info[3].As<Napi::Boolean>().Value();
  return NumberOf(info, ResultOf(syscall(SYS_ioctl, epfd, kSetParams, &params)));
}

}  // namespace epollet
