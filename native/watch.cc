#include <sys/inotify.h>

#include "syscall.h"

namespace epollet {

Napi::Value InotifyInit1(const Napi::CallbackInfo& info) {
  uint32_t flags;
  if (!ReadMask(info.Env(), info[0], "flags", &flags)) return {};
  return NumberOf(info, Owned(ResultOf(inotify_init1(static_cast<int>(flags | IN_CLOEXEC)))));
}

Napi::Value InotifyAddWatch(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd;
  Path path;
  uint32_t mask;
  if (!ReadInt(env, info[0], "fd", &fd) || !path.Read(env, info[1]) || !ReadMask(env, info[2], "mask", &mask)) {
    return {};
  }
  if (path.error() < 0) return NumberOf(info, path.error());
  return NumberOf(info, Retry([&] { return inotify_add_watch(fd, path.c_str(), mask); }));
}

Napi::Value InotifyRmWatch(const Napi::CallbackInfo& info) {
  int32_t fd, wd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadInt(info.Env(), info[1], "wd", &wd)) return {};
  return NumberOf(info, ResultOf(inotify_rm_watch(fd, wd)));
}

}  // namespace epollet
