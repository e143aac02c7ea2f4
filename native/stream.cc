#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "syscall.h"

namespace epollet {

napi_value Recv(napi_env env, napi_callback_info info) {
  const RawArguments<5> arguments(env, info);
  int32_t fd, flags;
  Span bytes;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &bytes) ||
      !ReadInt(env, arguments.at[4], "flags", &flags)) {
    return nullptr;
  }
  return Int(env, Retry([&] { return recv(fd, bytes.data, bytes.length, flags); }));
}

napi_value Send(napi_env env, napi_callback_info info) {
  const RawArguments<5> arguments(env, info);
  int32_t fd, flags;
  Span bytes;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &bytes) ||
      !ReadInt(env, arguments.at[4], "flags", &flags)) {
    return nullptr;
  }
  return Int(env, Retry([&] { return send(fd, bytes.data, bytes.length, flags | MSG_NOSIGNAL); }));
}

Napi::Value Sendfile(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t socket_fd, file_fd;
  int64_t offset, count;
  if (!ReadInt(env, info[0], "socketFd", &socket_fd) || !ReadInt(env, info[1], "fileFd", &file_fd) ||
      !ReadSize(env, info[2], "offset", &offset) || !ReadSize(env, info[3], "count", &count)) {
    return {};
  }
  off_t position = offset;
  return NumberOf(info, Retry([&] { return sendfile(socket_fd, file_fd, &position, static_cast<size_t>(count)); }));
}

Napi::Value Read(const Napi::CallbackInfo& info) {
  int32_t fd;
  Span bytes;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadSpan(info.Env(), info[1], info[2], info[3], &bytes)) return {};
  return NumberOf(info, Retry([&] { return read(fd, bytes.data, bytes.length); }));
}

Napi::Value Write(const Napi::CallbackInfo& info) {
  int32_t fd;
  Span bytes;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadSpan(info.Env(), info[1], info[2], info[3], &bytes)) return {};
  return NumberOf(info, Retry([&] { return write(fd, bytes.data, bytes.length); }));
}

Napi::Value Pipe2(const Napi::CallbackInfo& info) {
  uint32_t flags;
  int ends[2];
  if (!ReadMask(info.Env(), info[0], "flags", &flags)) return {};
  const int64_t result = ResultOf(pipe2(ends, static_cast<int>(flags | O_CLOEXEC)));
  return result < 0 ? NumberOf(info, result) : PairOf(info, ends);
}

}  // namespace epollet
