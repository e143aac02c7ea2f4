#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "message.h"

namespace epollet {
namespace {

// Without libc's wrappers, which make each call a cancellation point, pthreads(7): these threads are never cancelled.
int64_t RecvNow(int fd, void* data, size_t length, int flags) {
  return Retry([&] { return syscall(SYS_recvfrom, fd, data, length, flags, nullptr, nullptr); });
}

int64_t SendNow(int fd, const void* data, size_t length, int flags) {
  return Retry([&] { return syscall(SYS_sendto, fd, data, length, flags | MSG_NOSIGNAL, nullptr, 0); });
}

using VectorCall = ssize_t (*)(int, const iovec*, int);

napi_value MoveVector(napi_env env, napi_callback_info info, VectorCall call) {
  const RawArguments<2> arguments(env, info);
  int32_t fd;
  Buffers buffers;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) || !buffers.Read(env, arguments.at[1]) || !buffers.TakePointers(env)) {
    return nullptr;
  }
  if (!buffers.fit()) return Int(env, -EINVAL);
  const auto run = [&] { return call(fd, buffers.vector(), buffers.count()); };
  return Number(env, call == readv ? Reading(env, fd, run) : Retry(run));
}

// 8 KiB of stack. The limit of sendmmsg(2), UIO_MAXIOV, too.
constexpr size_t kMostOfBatch = 1024;

// A batch is used only as it was checked: the arrays may be one memory, which a result or a peer's bytes overwrite, or
// be shared with another thread. Each number is read once, which a plain copy does not guarantee.
void CopyOnce(const int32_t* from, int32_t count, int32_t* to) {
  for (int32_t i = 0; i < count; i++) to[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
}

}  // namespace

napi_value Recv(napi_env env, napi_callback_info info) {
  const RawArguments<5> arguments(env, info);
  int32_t fd, flags;
  Span bytes;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &bytes) ||
      !ReadInt(env, arguments.at[4], "flags", &flags)) {
    return nullptr;
  }
  return Int(env, Receiving(env, fd, flags, [&](int with) {
               return syscall(SYS_recvfrom, fd, bytes.data, bytes.length, with, nullptr, nullptr);
             }));
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
  return Int(env, SendNow(fd, bytes.data, bytes.length, flags));
}

// recv for a batch, in one native call. Each descriptor has a part of the bytes, `stride` long, whose last byte is not
// written. Its result replaces it in `fds`.
napi_value RecvEach(napi_env env, napi_callback_info info) {
  const RawArguments<4> arguments(env, info);
  int32_t* fds;
  uint8_t* bytes;
  size_t room, available;
  int32_t count, stride;
  if (!ReadArray(env, arguments.at[0], "fds", napi_int32_array, "an Int32Array", &fds, &room) ||
      !ReadInt(env, arguments.at[1], "count", &count, 0, static_cast<int32_t>(std::min(room, kMostOfBatch))) ||
      !ReadArray(env, arguments.at[2], "bytes", napi_uint8_array, "a Uint8Array", &bytes, &available) ||
      !ReadInt(env, arguments.at[3], "stride", &stride, 2)) {
    return nullptr;
  }
  if (static_cast<uint64_t>(count) * stride > available) {
    RejectRange(env, "stride", 2, count == 0 ? 2 : static_cast<double>(available / count));
    return nullptr;
  }
  int32_t batch[kMostOfBatch];
  CopyOnce(fds, count, batch);
  for (int32_t i = 0; i < count; i++, bytes += stride) {
    batch[i] = static_cast<int32_t>(RecvNow(batch[i], bytes, stride - 1, 0));
  }
  std::copy_n(batch, count, fds);
  return nullptr;
}

// send for a batch, in one native call. Each descriptor sends the bytes from the end before its own to its own.
napi_value SendEach(napi_env env, napi_callback_info info) {
  const RawArguments<4> arguments(env, info);
  int32_t *fds, *ends;
  uint8_t* bytes;
  size_t room, places, available;
  int32_t count;
  if (!ReadArray(env, arguments.at[0], "fds", napi_int32_array, "an Int32Array", &fds, &room) ||
      !ReadArray(env, arguments.at[1], "ends", napi_int32_array, "an Int32Array", &ends, &places) ||
      !ReadInt(env, arguments.at[2], "count", &count, 0,
               static_cast<int32_t>(std::min({room, places, kMostOfBatch}))) ||
      !ReadArray(env, arguments.at[3], "bytes", napi_uint8_array, "a Uint8Array", &bytes, &available)) {
    return nullptr;
  }
  const int32_t last = static_cast<int32_t>(std::min<size_t>(available, INT32_MAX));
  int32_t batch[kMostOfBatch];
  int32_t parts[kMostOfBatch];
  CopyOnce(ends, count, parts);
  for (int32_t i = 0, start = 0; i < count; start = parts[i++]) {
    if (parts[i] < start || parts[i] > last) {
      RejectRange(env, "ends", start, last);
      return nullptr;
    }
  }
  CopyOnce(fds, count, batch);
  for (int32_t i = 0, start = 0; i < count; start = parts[i++]) {
    batch[i] = static_cast<int32_t>(SendNow(batch[i], bytes + start, parts[i] - start, 0));
  }
  std::copy_n(batch, count, fds);
  return nullptr;
}

napi_value Sendfile(napi_env env, napi_callback_info info) {
  const RawArguments<4> arguments(env, info);
  int32_t socket_fd, file_fd;
  int64_t offset, count;
  if (!ReadInt(env, arguments.at[0], "socketFd", &socket_fd) || !ReadInt(env, arguments.at[1], "fileFd", &file_fd) ||
      !ReadSize(env, arguments.at[2], "offset", &offset) || !ReadSize(env, arguments.at[3], "count", &count)) {
    return nullptr;
  }
  off_t position = offset;
  return Number(env, Retry([&] { return sendfile(socket_fd, file_fd, &position, static_cast<size_t>(count)); }));
}

napi_value Readv(napi_env env, napi_callback_info info) { return MoveVector(env, info, readv); }

napi_value Writev(napi_env env, napi_callback_info info) { return MoveVector(env, info, writev); }

Napi::Value Read(const Napi::CallbackInfo& info) {
  int32_t fd;
  Span bytes;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadSpan(info.Env(), info[1], info[2], info[3], &bytes)) return {};
  return NumberOf(info, Reading(info.Env(), fd, [&] { return read(fd, bytes.data, bytes.length); }));
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
