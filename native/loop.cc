#include <uv.h>

#include "syscall.h"

namespace epollet {
namespace {

// Distinguishes our objects from those that other addons have wrapped. Random bits that must not change.
constexpr napi_type_tag kWatchTag = {0x9d3f1c07a2e84b65, 0xb1746ce0582df39a};

// A descriptor watched by libuv. It has two owners: the JavaScript object that wraps it, until that is collected, and
// the libuv handle, until that is closed. The last one deletes it; neither closes the descriptor.
struct Watch {
  napi_env env = nullptr;
  uv_poll_t poll = {};
  napi_ref on_readable = nullptr;
  napi_async_context context = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  bool stopped = false;
  int owners = 1;

  void Release() {
    if (--owners == 0) delete this;
  }
};

Watch* WatchOf(uv_handle_t* handle) { return static_cast<Watch*>(handle->data); }

void OnClosed(uv_handle_t* handle) {
  Watch* watch = WatchOf(handle);
  napi_handle_scope scope;
  napi_open_handle_scope(watch->env, &scope);
  if (watch->on_readable != nullptr) napi_delete_reference(watch->env, watch->on_readable);
  if (watch->context != nullptr) napi_async_destroy(watch->env, watch->context);
  napi_close_handle_scope(watch->env, scope);
  // Last: the environment waits for this before it is destroyed.
  if (watch->hook != nullptr) napi_remove_async_cleanup_hook(watch->hook);
  watch->Release();
}

// Safe inside the callback: what the callback uses is freed by OnClosed, which libuv calls later.
void Stop(Watch* watch) {
  if (watch->stopped) return;
  watch->stopped = true;
  uv_poll_stop(&watch->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&watch->poll), OnClosed);
}

void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) { Stop(static_cast<Watch*>(data)); }

void OnPoll(uv_poll_t* poll, int status, int) {
  Watch* watch = WatchOf(reinterpret_cast<uv_handle_t*>(poll));
  const napi_env env = watch->env;
  // libuv stops the poll when the kernel reports EPOLLERR. Here an error counts as readable, level-triggered: the
  // owner's own system call reports which error it is.
  if (status < 0) uv_poll_start(poll, UV_READABLE, OnPoll);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver;
  if (napi_get_reference_value(env, watch->on_readable, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_make_callback(env, watch->context, receiver, callback, 0, nullptr, nullptr) == napi_pending_exception) {
    // There is no JavaScript below to catch it: 'uncaughtException'. Both calls fail in a thread that is terminating.
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

void OnCollected(napi_env, void* data, void*) { static_cast<Watch*>(data)->Release(); }

Watch* ReadWatch(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  bool ours = false;
  void* data = nullptr;
  if (!info[0].IsObject() || napi_check_object_type_tag(env, info[0], &kWatchTag, &ours) != napi_ok || !ours ||
      napi_unwrap(env, info[0], &data) != napi_ok) {
    RejectType(env, "watch", "what loopStart returned");
    return nullptr;
  }
  return static_cast<Watch*>(data);
}

// Creates what the callback needs. False if the environment is being destroyed.
bool Prepare(Watch* watch, napi_value on_readable, napi_value* object) {
  const napi_env env = watch->env;
  napi_value name;
  if (napi_add_async_cleanup_hook(env, OnEnvironmentEnd, watch, &watch->hook) != napi_ok ||
      napi_create_reference(env, on_readable, 1, &watch->on_readable) != napi_ok ||
      napi_create_string_utf8(env, "epollet.LoopWatch", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, nullptr, name, &watch->context) != napi_ok || napi_create_object(env, object) != napi_ok ||
      napi_type_tag_object(env, *object, &kWatchTag) != napi_ok ||
      napi_wrap(env, *object, watch, OnCollected, nullptr, nullptr) != napi_ok) {
    return false;
  }
  watch->owners++;
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
  watch->poll.data = watch;
  // libuv's errors are -errno on Linux.
  int result = uv_poll_init(loop, &watch->poll, fd);
  if (result < 0) {
    delete watch;
    return NumberOf(info, result);
  }
  napi_value object = nullptr;
  if (!Prepare(watch, info[1], &object)) {
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

Napi::Value LoopStop(const Napi::CallbackInfo& info) {
  Watch* watch = ReadWatch(info);
  if (watch != nullptr) Stop(watch);
  return {};
}

Napi::Value LoopRef(const Napi::CallbackInfo& info) {
  Watch* watch = ReadWatch(info);
  if (watch == nullptr) return {};
  if (!info[1].IsBoolean()) {
    RejectType(info.Env(), "referenced", "a boolean");
    return {};
  }
  if (watch->stopped) return {};
  uv_handle_t* handle = reinterpret_cast<uv_handle_t*>(&watch->poll);
  info[1].As<Napi::Boolean>().Value() ? uv_ref(handle) : uv_unref(handle);
  return {};
}

}  // namespace epollet
