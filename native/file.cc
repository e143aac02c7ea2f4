#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall.h"

namespace epollet {
namespace {

// struct open_how of openat2(2), which older C libraries do not declare. The kernel tells its versions apart by the
// size.
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

// The number is the same on every architecture but alpha.
#ifdef SYS_openat2
constexpr long kSysOpenat2 = SYS_openat2;
#else
constexpr long kSysOpenat2 = 437;
#endif

// A path with its final NUL. PATH_MAX counts the NUL; a longer one keeps its length, and is refused by `error`.
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
    if (memchr(bytes_, '\0', length_) != nullptr) return RefuseType(env, "path", "without a NUL byte");
    return true;
  }

  int error() const { return length_ < PATH_MAX ? 0 : -ENAMETOOLONG; }
  const char* c_str() const { return bytes_; }

 private:
  // A string is cut before the character that does not fit, which is up to four bytes long: more room than PATH_MAX, so
  // that one that was cut is still seen to be too long.
  char bytes_[PATH_MAX + 8];
  size_t length_ = 0;
};

}  // namespace

Napi::Value Openat2(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t dirfd;
  Path path;
  uint32_t flags, resolve;
  if (!ReadInt(env, info[0], "dirfd", &dirfd) || !path.Read(env, info[1]) || !ReadMask(env, info[2], "flags", &flags) ||
      !ReadMask(env, info[3], "resolve", &resolve)) {
    return {};
  }
  if (path.error() < 0) return NumberOf(info, path.error());
  OpenHow how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  return NumberOf(info, Retry([&] { return syscall(kSysOpenat2, dirfd, path.c_str(), &how, sizeof how); }));
}

Napi::Value Openat(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t dirfd;
  Path path;
  uint32_t flags;
  if (!ReadInt(env, info[0], "dirfd", &dirfd) || !path.Read(env, info[1]) || !ReadMask(env, info[2], "flags", &flags)) {
    return {};
  }
  if (path.error() < 0) return NumberOf(info, path.error());
  // The mode counts only where a file is made.
  return NumberOf(info, Retry([&] { return openat(dirfd, path.c_str(), static_cast<int>(flags | O_CLOEXEC), 0); }));
}

Napi::Value Readlinkat(const Napi::CallbackInfo& info) {
  int32_t dirfd;
  Path path;
  if (!ReadInt(info.Env(), info[0], "dirfd", &dirfd) || !path.Read(info.Env(), info[1])) return {};
  if (path.error() < 0) return NumberOf(info, path.error());
  char target[PATH_MAX + 1];
  const int64_t length = Retry([&] { return readlinkat(dirfd, path.c_str(), target, sizeof target); });
  if (length < 0) return NumberOf(info, length);
  // A full buffer means a target that was cut, readlink(2).
  if (length == sizeof target) return NumberOf(info, -ENAMETOOLONG);
  Napi::Uint8Array bytes = Napi::Uint8Array::New(info.Env(), static_cast<size_t>(length));
  if (length > 0) memcpy(bytes.Data(), target, static_cast<size_t>(length));
  return bytes;
}

Napi::Value Fstat(const Napi::CallbackInfo& info) {
  // As the Stat enum in src/sys/kernel.ts has it.
  enum { kMode, kSize, kMtimeS, kMtimeNs, kCtimeS, kCtimeNs, kInodeLow, kInodeHigh, kDeviceLow, kDeviceHigh, kWords };
  int32_t fd;
  double* out;
  size_t length;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) ||
      !ReadArray(info.Env(), info[1], "out", napi_float64_array, "a Float64Array", &out, &length)) {
    return {};
  }
  if (length < kWords) {
    RefuseRange(info.Env(), "out.length", kWords, kMaxSafeInteger);
    return {};
  }
  struct stat status;
  const int64_t result = Retry([&] { return fstat(fd, &status); });
  if (result < 0) return NumberOf(info, result);
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
  return NumberOf(info, 0);
}

Napi::Value Pread(const Napi::CallbackInfo& info) {
  int32_t fd;
  Span bytes;
  int64_t position;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadSpan(info.Env(), info[1], info[2], info[3], &bytes) ||
      !ReadSize(info.Env(), info[4], "position", &position)) {
    return {};
  }
  return NumberOf(info, Retry([&] { return pread(fd, bytes.data, bytes.length, position); }));
}

Napi::Value Close(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  // Linux has freed the number even when it answers EINTR, close(2): again would close somebody else's.
  return NumberOf(info, ResultOf(close(fd)));
}

}  // namespace epollet
