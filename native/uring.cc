#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

#include "syscall.h"

// io_uring_setup(2), io_uring_enter(2), io_uring_register(2), and mmap(2) of what they share with the kernel. Entries
// and offsets are JavaScript's: of linux/io_uring.h only what these calls take is repeated here, so that the addon is
// the same with headers of any age.

namespace epollet {
namespace {

// Linux 5.1. The same numbers on every architecture but alpha.
constexpr long kSysSetup = 425;
constexpr long kSysEnter = 426;
constexpr long kSysRegister = 427;

// struct io_uring_params is these words.
constexpr size_t kParamsWords = 30;

constexpr unsigned kEnterGetEvents = 1u << 0;
constexpr unsigned kEnterExtendedArgument = 1u << 3;

// struct io_uring_getevents_arg, Linux 5.11.
struct WaitArgument {
  uint64_t sigmask;
  uint32_t sigmask_size;
  uint32_t padding;
  uint64_t timeout;
};

// struct __kernel_timespec of linux/time_types.h.
struct Timespec {
  int64_t seconds;
  int64_t nanoseconds;
};

// struct io_uring_buf_reg and IORING_REGISTER_PBUF_RING, Linux 5.19.
struct BufferRing {
  uint64_t address;
  uint32_t entries;
  uint16_t group;
  uint16_t flags;
  uint64_t reserved[3];
};
constexpr unsigned kRegisterBufferRing = 22;

#ifdef IORING_OFF_SQ_RING
static_assert(sizeof(io_uring_params) == kParamsWords * sizeof(uint32_t), "the size of struct io_uring_params");
static_assert(IORING_ENTER_GETEVENTS == kEnterGetEvents, "the value of IORING_ENTER_GETEVENTS");
#endif

constexpr int64_t kNsPerS = 1000000000;

constexpr napi_type_tag kMappingTag = {0x3c1de5720f984ba6, 0x8e70b2d94a16f35c};

// What an ArrayBuffer of IoUringMap refers to. Freed with the ArrayBuffer's memory.
struct Mapping {
  // MAP_FAILED once it is unmapped.
  void* address;
  size_t length;
};

// Also at the end of a worker.
void FreeMapping(napi_env env, void* data, void* hint) {
  Mapping* mapping = static_cast<Mapping*>(hint);
  if (mapping->address != MAP_FAILED) munmap(mapping->address, mapping->length);
  delete mapping;
}

int64_t Enter(int fd, uint32_t to_submit, uint32_t min_complete, const WaitArgument* argument) {
  return ResultOf(syscall(kSysEnter, fd, to_submit, min_complete, kEnterGetEvents | kEnterExtendedArgument, argument,
                          sizeof *argument));
}

}  // namespace

Napi::Value IoUringSetup(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  uint32_t entries;
  uint32_t* params;
  size_t length;
  if (!ReadUint(env, info[0], "entries", &entries) ||
      !ReadArray(env, info[1], "params", napi_uint32_array, "a Uint32Array", &params, &length)) {
    return {};
  }
  if (length < kParamsWords) {
    RejectRange(env, "params.length", kParamsWords, kMaxSafeInteger);
    return {};
  }
  return NumberOf(info, Owned(ResultOf(syscall(kSysSetup, entries, params))));
}

Napi::Value IoUringMap(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd;
  int64_t offset, length;
  if (!ReadInt(env, info[0], "fd", &fd, -1) || !ReadSize(env, info[1], "offset", &offset) ||
      !ReadSize(env, info[2], "length", &length)) {
    return {};
  }
  int kind = MAP_PRIVATE | MAP_ANONYMOUS;
  if (fd >= 0) {
    // No other kind of file: an access beyond the end of a regular one would be a SIGBUS. -EOPNOTSUPP for those.
    const WaitArgument none = {};
    const int64_t result = Enter(fd, 0, 0, &none);
    if (result < 0) return NumberOf(info, result);
    kind = MAP_SHARED | MAP_POPULATE;
  }
  void* address =
      mmap(nullptr, static_cast<size_t>(length), PROT_READ | PROT_WRITE, kind, fd, static_cast<off_t>(offset));
  if (address == MAP_FAILED) return NumberOf(info, -errno);
  Mapping* mapping = new Mapping{address, static_cast<size_t>(length)};
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, address, mapping->length, FreeMapping, mapping, &buffer) != napi_ok) {
    // Runtimes with a sandbox for pointers take no memory from outside.
    FreeMapping(env, nullptr, mapping);
    return NumberOf(info, -ENOTSUP);
  }
  if (napi_wrap(env, buffer, mapping, nullptr, nullptr, nullptr) != napi_ok ||
      napi_type_tag_object(env, buffer, &kMappingTag) != napi_ok) {
    return {};
  }
  return Napi::Value(env, buffer);
}

Napi::Value IoUringUnmap(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  bool ours = false;
  bool detached = true;
  void* data = nullptr;
  // One that is detached has no memory any more, and its mapping may be freed.
  if (!info[0].IsArrayBuffer() || napi_check_object_type_tag(env, info[0], &kMappingTag, &ours) != napi_ok || !ours ||
      napi_is_detached_arraybuffer(env, info[0], &detached) != napi_ok || detached ||
      napi_unwrap(env, info[0], &data) != napi_ok) {
    RejectType(env, "mapping", "what ioUringMap returned, and mapped");
    return {};
  }
  Mapping* mapping = static_cast<Mapping*>(data);
  const Mapping before = *mapping;
  // Detaching may free it.
  mapping->address = MAP_FAILED;
  if (napi_detach_arraybuffer(env, info[0]) != napi_ok) {
    mapping->address = before.address;
    return NumberOf(info, -EBUSY);
  }
  return NumberOf(info, ResultOf(munmap(before.address, before.length)));
}

Napi::Value IoUringRegisterBuffers(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd, group;
  int64_t address;
  uint32_t entries;
  if (!ReadInt(env, info[0], "fd", &fd) || !ReadSize(env, info[1], "address", &address) ||
      !ReadUint(env, info[2], "entries", &entries) || !ReadInt(env, info[3], "group", &group, 0, UINT16_MAX)) {
    return {};
  }
  BufferRing ring = {};
  ring.address = static_cast<uint64_t>(address);
  ring.entries = entries;
  ring.group = static_cast<uint16_t>(group);
  return NumberOf(info, ResultOf(syscall(kSysRegister, fd, kRegisterBufferRing, &ring, 1)));
}

napi_value IoUringEnter(napi_env env, napi_callback_info info) {
  const RawArguments<3> arguments(env, info);
  int32_t fd, timeout_ms;
  uint32_t to_submit;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) || !ReadUint(env, arguments.at[1], "toSubmit", &to_submit) ||
      !ReadInt(env, arguments.at[2], "timeoutMs", &timeout_ms, -1)) {
    return nullptr;
  }
  int64_t submitted = 0;
  const int64_t timeout_ns = timeout_ms < 0 ? -1 : int64_t{timeout_ms} * (kNsPerS / 1000);
  const int64_t result = WaitInSlices(env, timeout_ns, [&](int64_t ns) -> int64_t {
    const Timespec timeout = {ns / kNsPerS, ns % kNsPerS};
    WaitArgument argument = {};
    argument.sigmask_size = _NSIG / 8;
    if (ns > 0) argument.timeout = reinterpret_cast<uintptr_t>(&timeout);
    const int64_t count = Enter(fd, to_submit, ns == 0 ? 0 : 1, &argument);
    if (count == -ETIME) return 0;
    if (count < 0) return count;
    // What it has submitted hides how the wait ended: the caller looks.
    submitted = count;
    return 1;
  });
  // After a signal only the caller knows how much of the timeout is left.
  return Int(env, result < 0 && result != -EINTR ? result : submitted);
}

napi_value AddressOf(napi_env env, napi_callback_info info) {
  const RawArguments<3> arguments(env, info);
  Span span;
  if (!ReadSpan(env, arguments.at[0], arguments.at[1], arguments.at[2], &span)) return nullptr;
  return Number(env, static_cast<int64_t>(reinterpret_cast<uintptr_t>(span.data)));
}

}  // namespace epollet
