#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "syscall.h"

namespace epollet {
namespace {

// struct open_how of openat2(2), which older C libraries do not declare. Its size is its version.
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

// The number is the same on every architecture except alpha.
#ifdef SYS_openat2
constexpr long kSysOpenat2 = SYS_openat2;
#else
constexpr long kSysOpenat2 = 437;
#endif

// A path with its final NUL, which PATH_MAX includes. `error` is -ENAMETOOLONG for a longer one.
class Path {
 public:
  bool Read(napi_env env, napi_value value) {
    napi_valuetype type;
    if (napi_typeof(env, value, &type) == napi_ok && type == napi_string) {
      napi_get_value_string_utf8(env, value, bytes_, sizeof bytes_, &length_);
    } else {
      const char* data;
      size_t length;
      if (!ReadArray(env, value, "path", napi_uint8_array, "a string or a Uint8Array", &data, &length)) return false;
      length_ = length < sizeof bytes_ ? length : sizeof bytes_ - 1;
      if (length_ > 0) memcpy(bytes_, data, length_);
      bytes_[length_] = '\0';
    }
    if (memchr(bytes_, '\0', length_) != nullptr) return RejectType(env, "path", "without a NUL byte");
    return true;
  }

  int error() const { return length_ < PATH_MAX ? 0 : -ENAMETOOLONG; }
  const char* c_str() const { return bytes_; }

 private:
  // A string is truncated before the character that does not fit, which has up to four bytes. With more space than
  // PATH_MAX, a truncated path is still too long.
  char bytes_[PATH_MAX + 8];
  size_t length_ = 0;
};

// glibc exports fstat and fstatat since 2.33; before, it was inline. On these two the C library's structure is the
// kernel's.
int64_t StatusOf(int fd, struct stat* status) {
#if defined(__x86_64__) || defined(__aarch64__)
  return syscall(SYS_fstat, fd, status);
#else
  return fstat(fd, status);
#endif
}

int64_t StatusAt(int dirfd, const char* path, struct stat* status, int flags) {
#if defined(__x86_64__) || defined(__aarch64__)
  return syscall(SYS_newfstatat, dirfd, path, status, flags);
#else
  return fstatat(dirfd, path, status, flags);
#endif
}

// The same order as `Stat` in src/sys/calls/file.ts.
enum {
  kMode,
  kSize,
  kMtimeS,
  kMtimeNs,
  kCtimeS,
  kCtimeNs,
  kInodeLow,
  kInodeHigh,
  kDeviceLow,
  kDeviceHigh,
  kLinks,
  kStatusWords,
  kOpenFd = kStatusWords,
  kOpenReadWords
};

bool ReadStatus(napi_env env, napi_value value, size_t words, double** out) {
  size_t length;
  if (!ReadArray(env, value, "out", napi_float64_array, "a Float64Array", out, &length)) return false;
  return length >= words || RejectRange(env, "out.length", static_cast<double>(words), kMaxSafeInteger);
}

void WriteStatus(const struct stat& status, double* out) {
  const uint64_t inode = status.st_ino;
  const uint64_t device = status.st_dev;
  out[kMode] = status.st_mode;
  out[kSize] = static_cast<double>(status.st_size);
  out[kMtimeS] = static_cast<double>(status.st_mtim.tv_sec);
  out[kMtimeNs] = static_cast<double>(status.st_mtim.tv_nsec);
  out[kCtimeS] = static_cast<double>(status.st_ctim.tv_sec);
  out[kCtimeNs] = static_cast<double>(status.st_ctim.tv_nsec);
  out[kInodeLow] = static_cast<uint32_t>(inode);
  out[kInodeHigh] = static_cast<uint32_t>(inode >> 32);
  out[kDeviceLow] = static_cast<uint32_t>(device);
  out[kDeviceHigh] = static_cast<uint32_t>(device >> 32);
  out[kLinks] = static_cast<double>(status.st_nlink);
}

bool IsUnchanged(const struct stat& before, const struct stat& after) {
  return before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
         before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
         before.st_ctim.tv_nsec == after.st_ctim.tv_nsec;
}

// A path that is a part of other bytes, with its final NUL. Returns 0; -ENAMETOOLONG; or 1 when an exception is
// pending.
int CopyPath(napi_env env, const Span& name, char path[PATH_MAX]) {
  if (name.length >= PATH_MAX) return -ENAMETOOLONG;
  if (name.length > 0) memcpy(path, name.data, name.length);
  path[name.length] = '\0';
  if (memchr(path, '\0', name.length) == nullptr) return 0;
  RejectType(env, "path", "without a NUL byte");
  return 1;
}

// The permissions of a file that is created: an optional argument, 0 by default.
bool ReadMode(const Napi::CallbackInfo& info, size_t index, uint32_t* mode) {
  int32_t bits = 0;
  if (!info[index].IsUndefined() && !ReadInt(info.Env(), info[index], "mode", &bits, 0, 07777)) return false;
  *mode = static_cast<uint32_t>(bits);
  return true;
}

}  // namespace

Napi::Value Openat2(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t dirfd;
  Path path;
  uint32_t flags, resolve, mode;
  if (!ReadInt(env, info[0], "dirfd", &dirfd) || !path.Read(env, info[1]) || !ReadMask(env, info[2], "flags", &flags) ||
      !ReadMask(env, info[3], "resolve", &resolve) || !ReadMode(info, 4, &mode)) {
    return {};
  }
  if (path.error() < 0) return NumberOf(info, path.error());
  OpenHow how = {};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  return NumberOf(info, Owned(Retry([&] { return syscall(kSysOpenat2, dirfd, path.c_str(), &how, sizeof how); })));
}

Napi::Value Openat(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t dirfd;
  Path path;
  uint32_t flags, mode;
  if (!ReadInt(env, info[0], "dirfd", &dirfd) || !path.Read(env, info[1]) || !ReadMask(env, info[2], "flags", &flags) ||
      !ReadMode(info, 3, &mode)) {
    return {};
  }
  if (path.error() < 0) return NumberOf(info, path.error());
  return NumberOf(info,
                  Owned(Retry([&] { return openat(dirfd, path.c_str(), static_cast<int>(flags | O_CLOEXEC), mode); })));
}

Napi::Value Readlinkat(const Napi::CallbackInfo& info) {
  int32_t dirfd;
  Path path;
  if (!ReadInt(info.Env(), info[0], "dirfd", &dirfd) || !path.Read(info.Env(), info[1])) return {};
  if (path.error() < 0) return NumberOf(info, path.error());
  char target[PATH_MAX + 1];
  const int64_t length = Retry([&] { return readlinkat(dirfd, path.c_str(), target, sizeof target); });
  if (length < 0) return NumberOf(info, length);
  // A full buffer may be a truncated target, readlink(2).
  if (length == sizeof target) return NumberOf(info, -ENAMETOOLONG);
  Napi::Uint8Array bytes = Napi::Uint8Array::New(info.Env(), static_cast<size_t>(length));
  if (length > 0) memcpy(bytes.Data(), target, static_cast<size_t>(length));
  return bytes;
}

Napi::Value Fstat(const Napi::CallbackInfo& info) {
  int32_t fd;
  double* out;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadStatus(info.Env(), info[1], kStatusWords, &out)) return {};
  struct stat status;
  const int64_t result = Retry([&] { return StatusOf(fd, &status); });
  if (result >= 0) WriteStatus(status, out);
  return NumberOf(info, result);
}

napi_value Fstatat(napi_env env, napi_callback_info info) {
  const RawArguments<6> arguments(env, info);
  int32_t dirfd, flags;
  Span name;
  double* out;
  char path[PATH_MAX];
  if (!ReadInt(env, arguments.at[0], "dirfd", &dirfd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &name) ||
      !ReadInt(env, arguments.at[4], "flags", &flags) || !ReadStatus(env, arguments.at[5], kStatusWords, &out)) {
    return nullptr;
  }
  const int error = CopyPath(env, name, path);
  if (error != 0) return error < 0 ? Int(env, error) : nullptr;
  struct stat status;
  const int64_t result = Retry([&] { return StatusAt(dirfd, path, &status, flags); });
  if (result >= 0) WriteStatus(status, out);
  return Int(env, result);
}

// Four system calls in one function, for a file that is sent once: each crossing between JavaScript and C++ would cost
// a tenth of it, docs/decisions/027-cold-files.md.
napi_value OpenRead(napi_env env, napi_callback_info info) {
  const RawArguments<9> arguments(env, info);
  int32_t dirfd;
  uint32_t resolve;
  Span name, bytes;
  double* out;
  char path[PATH_MAX];
  if (!ReadInt(env, arguments.at[0], "dirfd", &dirfd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &name) ||
      !ReadMask(env, arguments.at[4], "resolve", &resolve) ||
      !ReadSpan(env, arguments.at[5], arguments.at[6], arguments.at[7], &bytes) ||
      !ReadStatus(env, arguments.at[8], kOpenReadWords, &out)) {
    return nullptr;
  }
  out[kOpenFd] = -1;
  const int error = CopyPath(env, name, path);
  if (error != 0) return error < 0 ? Int(env, error) : nullptr;
  OpenHow how = {};
  how.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  how.resolve = resolve;
  const int64_t opened = Retry([&] { return syscall(kSysOpenat2, dirfd, path, &how, sizeof how); });
  if (opened < 0) return Int(env, opened);
  const int fd = static_cast<int>(opened);
  struct stat before, after;
  int64_t result = Retry([&] { return StatusOf(fd, &before); });
  if (result == 0 && !S_ISREG(before.st_mode)) result = -EINVAL;
  if (result == 0) {
    WriteStatus(before, out);
    // Not a byte of a longer one.
    if (before.st_size >= static_cast<off_t>(bytes.length)) {
      out[kOpenFd] = static_cast<double>(Owned(fd));
      return Int(env, 0);
    }
    result = Retry([&] { return pread(fd, bytes.data, bytes.length, 0); });
    if (result >= 0) {
      const int64_t again = Retry([&] { return StatusOf(fd, &after); });
      if (again < 0) result = again;
      if (again == 0 && !IsUnchanged(before, after)) result = -EBUSY;
    }
  }
  close(fd);
  return Int(env, result);
}

napi_value Pread(napi_env env, napi_callback_info info) {
  const RawArguments<5> arguments(env, info);
  int32_t fd;
  Span bytes;
  int64_t position;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &bytes) ||
      !ReadSize(env, arguments.at[4], "position", &position)) {
    return nullptr;
  }
  return Number(env, Retry([&] { return pread(fd, bytes.data, bytes.length, position); }));
}

Napi::Value Getdents64(const Napi::CallbackInfo& info) {
  int32_t fd;
  uint8_t* bytes;
  size_t length;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) ||
      !ReadArray(info.Env(), info[1], "bytes", napi_uint8_array, "a Uint8Array", &bytes, &length)) {
    return {};
  }
  // The kernel takes an unsigned int, and returns an int.
  const size_t room = std::min<size_t>(length, INT32_MAX);
  return NumberOf(info, Retry([&] { return syscall(SYS_getdents64, fd, bytes, room); }));
}

Napi::Value Fstatfs(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  struct statfs status;
  const int64_t result = Retry([&] { return fstatfs(fd, &status); });
  // A magic number has 32 bits; if f_type is a signed 32-bit word, half of them would be negative and look like errnos.
  return NumberOf(info, result < 0 ? result : static_cast<uint32_t>(status.f_type));
}

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
