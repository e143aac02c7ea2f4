#include <poll.h>
#include <sys/epoll.h>
#include <uv.h>

#include <algorithm>
#include <vector>

#include "syscall.h"

namespace epollet {
namespace {

// Distinguishes our objects from those that other addons have wrapped. Random bits that must not change.
constexpr napi_type_tag kUserTag = {0x9d3f1c07a2e84b65, 0xb1746ce0582df39a};

// A function that libuv's loop calls, with the handles that call it. It has two owners: the JavaScript object that
// wraps it, until that is collected, and the libuv handles, until they are closed. The last one deletes it.
struct LoopUser {
  napi_env env = nullptr;
  napi_ref callback = nullptr;
  napi_async_context context = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  bool stopped = false;
  int owners = 1;
  int open_handles = 0;

  virtual ~LoopUser() = default;
  virtual uv_handle_t* Referenced() = 0;
  virtual void CloseHandles() = 0;
  virtual void ReleaseReferences() {}

  void Release() {
    if (--owners == 0) delete this;
  }
};

// A descriptor watched by libuv, which stays open.
struct Watch final : LoopUser {
  uv_poll_t poll = {};

  uv_handle_t* Referenced() override { return reinterpret_cast<uv_handle_t*>(&poll); }
  void CloseHandles() override;
};

LoopUser* UserOf(uv_handle_t* handle) { return static_cast<LoopUser*>(handle->data); }

void OnClosed(uv_handle_t* handle) {
  LoopUser* user = UserOf(handle);
  if (--user->open_handles > 0) return;
  napi_handle_scope scope;
  napi_open_handle_scope(user->env, &scope);
  if (user->callback != nullptr) napi_delete_reference(user->env, user->callback);
  if (user->context != nullptr) napi_async_destroy(user->env, user->context);
  user->ReleaseReferences();
  napi_close_handle_scope(user->env, scope);
  // Last: the environment waits for this before it is destroyed.
  if (user->hook != nullptr) napi_remove_async_cleanup_hook(user->hook);
  user->Release();
}

void Watch::CloseHandles() {
  open_handles = 1;
  uv_poll_stop(&poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll), OnClosed);
}

// Safe inside the callback: what the callback uses is freed by OnClosed, which libuv calls later.
void Stop(LoopUser* user) {
  if (user->stopped) return;
  user->stopped = true;
  user->CloseHandles();
}

void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) { Stop(static_cast<LoopUser*>(data)); }

// Calls the function as a task of its own, which nextTick callbacks and microtasks follow. False in a thread that is
// terminating.
bool Call(LoopUser* user, const int64_t* argument) {
  const napi_env env = user->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  napi_value callback, receiver, value = nullptr;
  bool called = false;
  if (argument != nullptr) value = Int(env, *argument);
  if (napi_get_reference_value(env, user->callback, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok) {
    const napi_status status =
        napi_make_callback(env, user->context, receiver, callback, argument == nullptr ? 0 : 1, &value, nullptr);
    called = status == napi_ok;
    // There is no JavaScript below to catch it: 'uncaughtException'.
    napi_value error;
    if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok) {
      called = napi_fatal_exception(env, error) == napi_ok;
    }
  }
  napi_close_handle_scope(env, scope);
  return called;
}

void OnPoll(uv_poll_t* poll, int status, int) {
  // libuv stops the poll when the kernel reports EPOLLERR. Here an error counts as readable, level-triggered: the
  // owner's own system call reports which error it is.
  if (status < 0) uv_poll_start(poll, UV_READABLE, OnPoll);
  Call(UserOf(reinterpret_cast<uv_handle_t*>(poll)), nullptr);
}

// The words of `times`, in milliseconds of JavaScript's clock: when the next turn is due, written by JavaScript; the
// time after the wait; the number of waits; the time spent in them; and the longest time between two, which JavaScript
// resets.
enum : size_t { kDueMs, kNowMs, kWaits, kWaitedMs, kLongestTurnMs, kTimes };

// In place of a number of events: libuv's loop has to go on.
constexpr int32_t kLoopGoesOn = INT32_MIN;

// The user data of libuv's own epoll set.
constexpr uint32_t kLibuv = UINT32_MAX;

// An epoll set that has libuv's among its descriptors, and waits for both. libuv calls `prepare` before it would wait
// itself; `idle` is active afterwards, which keeps libuv from waiting, uv_backend_timeout(3).
struct Enclosure final : LoopUser {
  uv_prepare_t prepare = {};
  uv_idle_t idle = {};
  int epfd = -1;
  uint32_t* events = nullptr;
  int capacity = 0;
  double* times = nullptr;
  napi_ref arrays[2] = {};
  // CLOCK_MONOTONIC at the zero of JavaScript's clock.
  double origin_ms = 0;
  double waiting_since_ms = 0;
  bool libuv_is_ready = false;
  Enclosure* next = nullptr;

  uv_handle_t* Referenced() override { return reinterpret_cast<uv_handle_t*>(&prepare); }
  void CloseHandles() override;
  void ReleaseReferences() override {
    for (const napi_ref array : arrays) {
      if (array != nullptr) napi_delete_reference(env, array);
    }
  }

  double NowMs() const { return static_cast<double>(MonotonicNs()) / 1e6 - origin_ms; }

  // How long this set may wait: until its next turn is due, and at most `most_ms`; -1 without limit.
  int WaitMs(double now_ms, int most_ms) const {
    const double left_ms = times[kDueMs] - now_ms;
    if (left_ms <= 0) return 0;
    if (left_ms >= INT32_MAX) return most_ms;
    const int wait_ms = static_cast<int>(__builtin_ceil(left_ms));
    return most_ms < 0 || wait_ms < most_ms ? wait_ms : most_ms;
  }

  // Notes the time before a wait, at the end of a turn.
  void BeginWait() {
    waiting_since_ms = NowMs();
    times[kLongestTurnMs] = std::max(times[kLongestTurnMs], waiting_since_ms - times[kNowMs]);
  }

  // Returns the number of events without libuv's, or -errno.
  int64_t Wait(int timeout_ms) {
    int64_t count = WaitForEvents(epfd, events, capacity, timeout_ms);
    times[kWaits]++;
    if (count == -EINTR) return 0;
    for (int64_t i = 0; i < count; i++) {
      uint32_t* event = events + i * kWordsPerEvent;
      if (event[1] != kLibuv || event[2] != kLibuv) continue;
      libuv_is_ready = true;
      memcpy(event, events + --count * kWordsPerEvent, kWordsPerEvent * sizeof *event);
      break;
    }
    return count;
  }

  // Notes the time after a wait. Returns whether there is a turn to take.
  bool EndWait(int64_t count) {
    const double now_ms = NowMs();
    // libuv counts whole milliseconds.
    if (__builtin_floor(now_ms + origin_ms) != __builtin_floor(times[kNowMs] + origin_ms)) uv_update_time(prepare.loop);
    times[kWaitedMs] += now_ms - waiting_since_ms;
    times[kNowMs] = now_ms;
    return count != 0 || times[kDueMs] <= now_ms;
  }

  // Waits until there is a turn to take, and returns the number of its events; or until libuv has something to do.
  int64_t WaitForTurn() {
    while (!libuv_is_ready) {
      BeginWait();
      const int libuv_ms = uv_backend_timeout(prepare.loop);
      libuv_is_ready = libuv_ms == 0;
      const int64_t count = Wait(WaitMs(waiting_since_ms, libuv_ms));
      if (EndWait(count)) return count;
    }
    return kLoopGoesOn;
  }
};

// Those of this thread. The first one waits for all of them.
__thread Enclosure* first_enclosure = nullptr;

void Enclosure::CloseHandles() {
  Enclosure** place = &first_enclosure;
  while (*place != nullptr && *place != this) place = &(*place)->next;
  if (*place == this) *place = next;
  epoll_ctl(epfd, EPOLL_CTL_DEL, uv_backend_fd(prepare.loop), nullptr);
  open_handles = 2;
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle), OnClosed);
}

// Takes the turns of the only set of this thread until libuv has something to do.
void RunOne(Enclosure* enclosure) {
  while (enclosure == first_enclosure && enclosure->next == nullptr) {
    const int64_t count = enclosure->WaitForTurn();
    if (count == kLoopGoesOn || !Call(enclosure, &count)) return;
  }
}

// One turn of each of several sets that has one to take. A turn may start and stop any of them, so they are looked up
// again after each: a stopped one is not in the list.
void RunSeveral(uv_loop_t* loop) {
  std::vector<pollfd> sets;
  int wait_ms = uv_backend_timeout(loop);
  for (Enclosure* enclosure = first_enclosure; enclosure != nullptr; enclosure = enclosure->next) {
    enclosure->BeginWait();
    wait_ms = enclosure->WaitMs(enclosure->waiting_since_ms, wait_ms);
    sets.push_back({enclosure->epfd, POLLIN, 0});
  }
  poll(sets.data(), sets.size(), wait_ms);
  for (const pollfd& set : sets) {
    Enclosure* enclosure = first_enclosure;
    while (enclosure != nullptr && enclosure->epfd != set.fd) enclosure = enclosure->next;
    if (enclosure == nullptr) continue;
    const int64_t count = set.revents == 0 ? 0 : enclosure->Wait(0);
    if (enclosure->EndWait(count) && !Call(enclosure, &count)) return;
  }
}

void OnIdle(uv_idle_t*) {}

void OnPrepare(uv_prepare_t* handle) {
  Enclosure* enclosure = static_cast<Enclosure*>(UserOf(reinterpret_cast<uv_handle_t*>(handle)));
  if (enclosure != first_enclosure) return;
  uv_idle_stop(&enclosure->idle);
  enclosure->libuv_is_ready = false;
  enclosure->next == nullptr ? RunOne(enclosure) : RunSeveral(handle->loop);
  // Without it libuv waits, for the descriptors that it has registered meanwhile, and for no others. A handle that is
  // closing has the same effect.
  if (!enclosure->stopped) uv_idle_start(&enclosure->idle, OnIdle);
}

void OnCollected(napi_env, void* data, void*) { static_cast<LoopUser*>(data)->Release(); }

LoopUser* ReadUser(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  bool ours = false;
  void* data = nullptr;
  if (!info[0].IsObject() || napi_check_object_type_tag(env, info[0], &kUserTag, &ours) != napi_ok || !ours ||
      napi_unwrap(env, info[0], &data) != napi_ok) {
    RejectType(env, "watch", "what loopStart or loopEnclose returned");
    return nullptr;
  }
  return static_cast<LoopUser*>(data);
}

// Creates what the callback needs. False if the environment is being destroyed.
bool Prepare(LoopUser* user, const char* resource, napi_value callback, napi_value* object) {
  const napi_env env = user->env;
  napi_value name;
  if (napi_add_async_cleanup_hook(env, OnEnvironmentEnd, user, &user->hook) != napi_ok ||
      napi_create_reference(env, callback, 1, &user->callback) != napi_ok ||
      napi_create_string_utf8(env, resource, NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, nullptr, name, &user->context) != napi_ok || napi_create_object(env, object) != napi_ok ||
      napi_type_tag_object(env, *object, &kUserTag) != napi_ok ||
      napi_wrap(env, *object, user, OnCollected, nullptr, nullptr) != napi_ok) {
    return false;
  }
  user->owners++;
  return true;
}

}  // namespace

Napi::Value LoopStart(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd;
  uv_loop_t* loop;
  if (!ReadInt(env, info[0], "fd", &fd)) return {};
  if (!info[1].IsFunction()) {
    RejectType(env, "onReadable", "a function");
    return {};
  }
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return NumberOf(info, -EINVAL);
  Watch* watch = new Watch();
  watch->env = env;
  watch->poll.data = static_cast<LoopUser*>(watch);
  // libuv's errors are -errno on Linux.
  int result = uv_poll_init(loop, &watch->poll, fd);
  if (result < 0) {
    delete watch;
    return NumberOf(info, result);
  }
  napi_value object = nullptr;
  if (!Prepare(watch, "epollet.LoopWatch", info[1], &object)) {
    Stop(watch);
    return NumberOf(info, -ECANCELED);
  }
  result = uv_poll_start(&watch->poll, UV_READABLE, OnPoll);
  if (result < 0) {
    Stop(watch);
    return NumberOf(info, result);
  }
  return Napi::Value(env, object);
}

Napi::Value LoopEnclose(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t epfd;
  uint32_t* events;
  double* times;
  size_t event_words, time_words;
  uv_loop_t* loop;
  if (!ReadInt(env, info[0], "epfd", &epfd) ||
      !ReadArray(env, info[1], "events", napi_uint32_array, "a Uint32Array", &events, &event_words) ||
      !ReadArray(env, info[2], "times", napi_float64_array, "a Float64Array", &times, &time_words)) {
    return {};
  }
  if (event_words < kWordsPerEvent || time_words < kTimes) {
    event_words < kWordsPerEvent ? ThrowRange(env, "events.length", kWordsPerEvent, INT32_MAX)
                                 : ThrowRange(env, "times.length", kTimes, INT32_MAX);
    return {};
  }
  if (!info[3].IsFunction()) {
    RejectType(env, "onTurn", "a function");
    return {};
  }
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return NumberOf(info, -EINVAL);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = UINT64_MAX;
  const int64_t result = ResultOf(epoll_ctl(epfd, EPOLL_CTL_ADD, uv_backend_fd(loop), &event));
  if (result < 0) return NumberOf(info, result);
  Enclosure* enclosure = new Enclosure();
  enclosure->env = env;
  enclosure->epfd = epfd;
  enclosure->events = events;
  enclosure->capacity = static_cast<int>(std::min<size_t>(event_words / kWordsPerEvent, INT32_MAX));
  enclosure->times = times;
  enclosure->origin_ms = static_cast<double>(MonotonicNs()) / 1e6 - times[kNowMs];
  enclosure->prepare.data = enclosure->idle.data = static_cast<LoopUser*>(enclosure);
  uv_prepare_init(loop, &enclosure->prepare);
  uv_idle_init(loop, &enclosure->idle);
  uv_unref(reinterpret_cast<uv_handle_t*>(&enclosure->idle));
  napi_value object = nullptr;
  if (!Prepare(enclosure, "epollet.LoopEnclosure", info[3], &object) ||
      napi_create_reference(env, info[1], 1, &enclosure->arrays[0]) != napi_ok ||
      napi_create_reference(env, info[2], 1, &enclosure->arrays[1]) != napi_ok) {
    Stop(enclosure);
    return NumberOf(info, -ECANCELED);
  }
  enclosure->next = nullptr;
  Enclosure** place = &first_enclosure;
  while (*place != nullptr) place = &(*place)->next;
  *place = enclosure;
  uv_prepare_start(&enclosure->prepare, OnPrepare);
  return Napi::Value(env, object);
}

napi_value LoopWait(napi_env env, napi_callback_info) {
  Enclosure* enclosure = first_enclosure;
  if (enclosure == nullptr || enclosure->next != nullptr) return Int(env, kLoopGoesOn);
  return Int(env, enclosure->WaitForTurn());
}

Napi::Value LoopStop(const Napi::CallbackInfo& info) {
  LoopUser* user = ReadUser(info);
  if (user != nullptr) Stop(user);
  return {};
}

Napi::Value LoopRef(const Napi::CallbackInfo& info) {
  LoopUser* user = ReadUser(info);
  if (user == nullptr) return {};
  if (!info[1].IsBoolean()) {
    RejectType(info.Env(), "referenced", "a boolean");
    return {};
  }
  if (user->stopped) return {};
  info[1].As<Napi::Boolean>().Value() ? uv_ref(user->Referenced()) : uv_unref(user->Referenced());
  return {};
}

}  // namespace epollet
