#include <sys/epoll.h>

#include <algorithm>

#include "syscall.h"

namespace epollet {
namespace {

// The words of one event in JavaScript's array: mask, low half and high half of the user data.
constexpr size_t kWordsPerEvent = 3;

// On x86-64 `struct epoll_event` is packed to these three words, epoll_event(3type), and the kernel fills the caller's
// array directly. Elsewhere the user data is aligned to eight bytes, and events are copied word by word.
constexpr bool kEventIsThreeWords =
    sizeof(epoll_event) == kWordsPerEvent * sizeof(uint32_t) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

// 16 KiB of stack. Further events are returned by the next call.
constexpr int kUnpackedEvents = 1024;

int64_t WaitPacked(int epfd, uint32_t* words, int max_events, int timeout_ms) {
  return ResultOf(epoll_wait(epfd, reinterpret_cast<epoll_event*>(words), max_events, timeout_ms));
}

int64_t WaitUnpacked(int epfd, uint32_t* words, int max_events, int timeout_ms) {
  epoll_event events[kUnpackedEvents];
  const int64_t count = ResultOf(epoll_wait(epfd, events, std::min(max_events, kUnpackedEvents), timeout_ms));
  for (int64_t i = 0; i < count; i++, words += kWordsPerEvent) {
    const uint64_t data = events[i].data.u64;
    words[0] = events[i].events;
    words[1] = static_cast<uint32_t>(data);
    words[2] = static_cast<uint32_t>(data >> 32);
  }
  return count;
}

}  // namespace

Napi::Value EpollCreate1(const Napi::CallbackInfo& info) {
  uint32_t flags;
  if (!ReadMask(info.Env(), info[0], "flags", &flags)) return {};
  return NumberOf(info, ResultOf(epoll_create1(static_cast<int>(flags | EPOLL_CLOEXEC))));
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
  constexpr auto wait = kEventIsThreeWords ? WaitPacked : WaitUnpacked;
  const int64_t count = wait(epfd, words, max_events, timeout_ms);
  // After a signal only the caller knows how much of the timeout is left.
  return Int(env, count == -EINTR ? 0 : count);
}

}  // namespace epollet
