#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "syscall.h"

// What ends with the environment of a worker: its blocking waits, and the descriptors that it opened.

namespace epollet {

__thread uint32_t environment_id = 0;

namespace {

// Which environment opened a descriptor, for all threads of the process: 0 for none. In chunks that are allocated when
// a worker opens the first descriptor of their range, and are never freed. calloc maps 256 KiB of zeros, of which only
// the pages in use take memory.
constexpr uint32_t kChunk = 65536;
using Owner = std::atomic<uint32_t>;
static_assert(sizeof(Owner) == sizeof(uint32_t), "zeroed memory is an array of owners");
std::atomic<Owner*> chunks[(uint32_t{INT32_MAX} + 1) / kChunk];

std::atomic<uint32_t> last_id{0};

// The greatest descriptor that this environment has owned.
__thread int highest_fd = -1;

Owner* Find(int fd) {
  Owner* chunk = chunks[fd / kChunk].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : chunk + fd % kChunk;
}

// nullptr without memory: the descriptor then stays open, which harms less than to end the process.
Owner* FindOrCreate(int fd) {
  std::atomic<Owner*>& place = chunks[fd / kChunk];
  if (place.load(std::memory_order_acquire) == nullptr) {
    Owner* made = static_cast<Owner*>(calloc(kChunk, sizeof(Owner)));
    Owner* expected = nullptr;
    if (!place.compare_exchange_strong(expected, made, std::memory_order_acq_rel)) free(made);
  }
  return Find(fd);
}

// After the hooks of what was added later, such as the watches of loop.cc, and after Node has closed its handles.
void CloseOwned(void* data) {
  const uint32_t id = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(data));
  for (int fd = 0; fd <= highest_fd; fd++) {
    Owner* owner = Find(fd);
    uint32_t expected = id;
    if (owner != nullptr && owner->compare_exchange_strong(expected, 0)) close(fd);
  }
}

}  // namespace

// An embedder may run its main environment in another thread than the process's first: it is then treated as a
// worker's, which is right as well.
void StartEnvironment(napi_env env) {
  if (environment_id != 0 || syscall(SYS_gettid) == getpid()) return;
  environment_id = ++last_id;
  napi_add_env_cleanup_hook(env, CloseOwned, reinterpret_cast<void*>(uintptr_t{environment_id}));
}

void SetOwner(int fd, uint32_t id) {
  Owner* owner = id == 0 ? Find(fd) : FindOrCreate(fd);
  if (owner != nullptr) owner->store(id, std::memory_order_relaxed);
  if (id != 0) highest_fd = std::max(highest_fd, fd);
}

bool CanRunJavaScript(napi_env env) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  napi_value value;
  bool same = false;
  const bool can =
      napi_get_undefined(env, &value) == napi_ok && napi_strict_equals(env, value, value, &same) == napi_ok;
  napi_close_handle_scope(env, scope);
  return can;
}

int64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

Wait WaitReadable(napi_env env, int fd) {
  if (environment_id == 0) return Wait::kCall;
  const int64_t flags = ResultOf(syscall(SYS_fcntl, fd, F_GETFL));
  if (flags < 0 || flags & O_NONBLOCK) return Wait::kCall;
  // A receive timeout ends the call by itself, socket(7).
  timeval timeout = {};
  socklen_t length = sizeof timeout;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &length) == 0 &&
      (timeout.tv_sec != 0 || timeout.tv_usec != 0)) {
    return Wait::kCall;
  }
  pollfd waited = {fd, POLLIN, 0};
  for (;;) {
    const int64_t result = Retry([&] { return poll(&waited, 1, kSliceNs / 1000000); });
    // Only an error or a hangup: the call itself returns it, or blocks despite it (a queue of errors, ip(7)).
    if (result != 0) return waited.revents & POLLIN ? Wait::kReady : Wait::kCall;
    if (!CanRunJavaScript(env)) return Wait::kEnded;
  }
}

Napi::Value Own(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  const int64_t result = ResultOf(syscall(SYS_fcntl, fd, F_GETFD));
  if (result < 0) return NumberOf(info, result);
  if (environment_id != 0) SetOwner(fd, environment_id);
  return NumberOf(info, 0);
}

Napi::Value Disown(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  const int64_t result = ResultOf(syscall(SYS_fcntl, fd, F_GETFD));
  if (result < 0) return NumberOf(info, result);
  SetOwner(fd, 0);
  return NumberOf(info, 0);
}

}  // namespace epollet
