// Shared by all system calls: checked arguments, the retry after EINTR, and -errno as a number.

#ifndef EPOLLET_SYSCALL_H_
#define EPOLLET_SYSCALL_H_

#include <errno.h>
#include <napi.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <initializer_list>

namespace epollet {

// 2^53 - 1: Number.MAX_SAFE_INTEGER.
constexpr double kMaxSafeInteger = 9007199254740991.0;

// Repeats a call that a signal interrupts. Returns -errno in place of -1.
template <typename Call>
inline int64_t Retry(Call call) {
  int64_t result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result == -1 ? -errno : result;
}

// For calls that EINTR cannot interrupt, or that must not be repeated after it: close(2) and epoll_wait(2).
inline int64_t ResultOf(int64_t result) { return result == -1 ? -errno : result; }

inline napi_value Number(napi_env env, int64_t value) {
  napi_value result = nullptr;
  napi_create_int64(env, value, &result);
  return result;
}

// napi_create_int32 makes a small integer without a double between. All results of the hot calls fit.
inline napi_value Int(napi_env env, int64_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<int32_t>(value), &result);
  return result;
}

// Throw an error for an invalid argument. Out of line: the message is formatted only if it is needed.
[[gnu::cold]] void ThrowType(napi_env env, const char* name, const char* wanted);
[[gnu::cold]] void ThrowRange(napi_env env, const char* name, double minimum, double maximum);
[[gnu::cold]] void ThrowSpan(napi_env env, double offset, double length, size_t available);

// A RangeError for a number that is not one of those that a call takes.
[[gnu::cold]] void ThrowChoice(napi_env env, const char* name, const char* wanted);

// Return false, for the last line of a reader.
inline bool RejectType(napi_env env, const char* name, const char* wanted) {
  ThrowType(env, name, wanted);
  return false;
}

inline bool RejectRange(napi_env env, const char* name, double minimum, double maximum) {
  ThrowRange(env, name, minimum, maximum);
  return false;
}

inline bool RejectChoice(napi_env env, const char* name, const char* wanted) {
  ThrowChoice(env, name, wanted);
  return false;
}

// Readers of one argument. False means that a TypeError or RangeError naming the argument is pending: the caller
// returns at once. NaN and fractions are not integers; -0 is 0.
inline bool ReadNumber(napi_env env, napi_value value, const char* name, double minimum, double maximum, double* out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return RejectType(env, name, "an integer");
  if (!(number >= minimum && number <= maximum)) {
    const bool integer = __builtin_isfinite(number) && __builtin_trunc(number) == number;
    return integer ? RejectRange(env, name, minimum, maximum) : RejectType(env, name, "an integer");
  }
  if (__builtin_trunc(number) != number) return RejectType(env, name, "an integer");
  *out = number;
  return true;
}

inline bool ReadInt(napi_env env, napi_value value, const char* name, int32_t* out, int32_t minimum = INT32_MIN,
                    int32_t maximum = INT32_MAX) {
  double number;
  if (!ReadNumber(env, value, name, minimum, maximum, &number)) return false;
  *out = static_cast<int32_t>(number);
  return true;
}

inline bool ReadUint(napi_env env, napi_value value, const char* name, uint32_t* out, uint32_t minimum = 0) {
  double number;
  if (!ReadNumber(env, value, name, minimum, UINT32_MAX, &number)) return false;
  *out = static_cast<uint32_t>(number);
  return true;
}

// A set of 32 bits. JavaScript's `|` yields a negative number if bit 31 is set, so signed and unsigned are accepted.
inline bool ReadMask(napi_env env, napi_value value, const char* name, uint32_t* out) {
  double number;
  if (!ReadNumber(env, value, name, INT32_MIN, UINT32_MAX, &number)) return false;
  *out = static_cast<uint32_t>(static_cast<int64_t>(number));
  return true;
}

// A position in a file or a count of bytes: 0 to 2^53 - 1.
inline bool ReadSize(napi_env env, napi_value value, const char* name, int64_t* out) {
  double number;
  if (!ReadNumber(env, value, name, 0, kMaxSafeInteger, &number)) return false;
  *out = static_cast<int64_t>(number);
  return true;
}

// The memory of a typed array, valid until JavaScript runs again. A detached array has no elements.
template <typename Element>
inline bool ReadArray(napi_env env, napi_value value, const char* name, napi_typedarray_type type, const char* wanted,
                      Element** data, size_t* length) {
  napi_typedarray_type actual;
  void* address = nullptr;
  if (napi_get_typedarray_info(env, value, &actual, length, &address, nullptr, nullptr) != napi_ok || actual != type) {
    return RejectType(env, name, wanted);
  }
  *data = static_cast<Element*>(address);
  return true;
}

// The part [offset, offset + length) of a Uint8Array (a Buffer is one), or of another view's bytes.
struct Span {
  uint8_t* data;
  size_t length;
};

inline bool ReadSpan(napi_env env, napi_value array, napi_value offset, napi_value length, Span* out) {
  // napi_get_typedarray_info also returns the element type, and takes four times as long.
  bool is_view = false;
  void* data;
  size_t available;
  double from;
  double count;
  if (napi_is_buffer(env, array, &is_view) != napi_ok || !is_view) return RejectType(env, "bytes", "a Uint8Array");
  napi_get_buffer_info(env, array, &data, &available);
  if (!ReadNumber(env, offset, "offset", 0, kMaxSafeInteger, &from)) return false;
  if (!ReadNumber(env, length, "length", 0, kMaxSafeInteger, &count)) return false;
  // The sum of two integers below 2^53 is exact enough to be compared with the length of an array.
  if (from + count > static_cast<double>(available)) {
    ThrowSpan(env, from, count, available);
    return false;
  }
  // The data pointer of an empty array may be null: no arithmetic on it.
  out->data = static_cast<uint8_t*>(data);
  if (count > 0) out->data += static_cast<size_t>(from);
  out->length = static_cast<size_t>(count);
  return true;
}

inline napi_property_descriptor Property(const char* name, napi_value value) {
  return {name, nullptr, nullptr, nullptr, nullptr, value, napi_default_jsproperty, nullptr};
}

// An object of these properties, which are defined, not set: no setter of Object.prototype runs. nullptr if it fails.
inline napi_value ObjectOf(napi_env env, std::initializer_list<napi_property_descriptor> properties) {
  napi_value object = nullptr;
  if (napi_create_object(env, &object) != napi_ok ||
      napi_define_properties(env, object, properties.size(), properties.begin()) != napi_ok) {
    return nullptr;
  }
  return object;
}

// The arguments of a hot function. Missing ones are undefined, which every reader rejects.
template <size_t kCount>
struct RawArguments {
  napi_value at[kCount];

  RawArguments(napi_env env, napi_callback_info info) {
    size_t count = kCount;
    // Fails only for a null argument.
    napi_get_cb_info(env, info, &count, at, nullptr, nullptr);
  }
};

// A number as the result of a cold function.
inline Napi::Value NumberOf(const Napi::CallbackInfo& info, int64_t value) {
  return Napi::Value(info.Env(), Number(info.Env(), value));
}

// environment.cc: what ends with the environment of a worker.

// 0 in the main thread, which ends with its process. Another number for each worker.
extern __thread uint32_t environment_id __attribute__((visibility("hidden")));

void StartEnvironment(napi_env env);
void SetOwner(int fd, uint32_t id);

// The result of every call that creates a descriptor goes through this: the end of a worker closes it.
inline int64_t Owned(int64_t result) {
  if (result >= 0) SetOwner(static_cast<int>(result), environment_id);
  return result;
}

// How long a blocking wait of a worker lasts before it looks whether the environment ends: neither worker.terminate()
// nor process.exit() interrupts a system call, and both wait for the thread. Ten wakeups of a waiting
// thread cost less than a millisecond of CPU time a second.
constexpr int64_t kSliceNs = 100000000;

// False once Node has stopped the environment. Runs no JavaScript: napi_strict_equals checks it before all else.
bool CanRunJavaScript(napi_env env);

int64_t MonotonicNs();

// Calls wait(ns), which returns 0 after that time. In the main thread and for a short timeout (-1 is without limit)
// once; in a worker in slices, until there is a result, the whole timeout is over, or the environment ends.
template <typename Call>
inline int64_t WaitInSlices(napi_env env, int64_t timeout_ns, Call wait) {
  if (environment_id == 0 || (timeout_ns >= 0 && timeout_ns <= kSliceNs)) return wait(timeout_ns);
  const int64_t due_ns = timeout_ns < 0 ? 0 : MonotonicNs() + timeout_ns;
  int64_t left_ns = timeout_ns;
  for (;;) {
    const int64_t result = wait(left_ns < 0 || left_ns > kSliceNs ? kSliceNs : left_ns);
    if (result != 0 || !CanRunJavaScript(env)) return result;
    if (timeout_ns < 0) continue;
    left_ns = due_ns - MonotonicNs();
    if (left_ns <= 0) return 0;
  }
}

// The words of one event in JavaScript's array: mask, low half and high half of the user data.
constexpr size_t kWordsPerEvent = 3;
// epoll_wait(2) into such an array. Returns the number of events, or -errno.
int64_t WaitForEvents(int epfd, uint32_t* words, int max_events, int timeout_ms);

enum class Wait { kCall, kReady, kEnded };

// Before a call that would block in a worker: waits in slices until the descriptor is readable. kCall without a wait,
// if the call does not block for ever or is the main thread's.
Wait WaitReadable(napi_env env, int fd);

// JavaScript ends at its next loop or call of a function; until then it sees this error.
constexpr int64_t kEnded = -ECANCELED;

// call() for a descriptor that is read in another way than by recv.
template <typename Call>
inline int64_t Reading(napi_env env, int fd, Call call) {
  return WaitReadable(env, fd) == Wait::kEnded ? kEnded : Retry(call);
}

// call(flags) of recv and its like, first with MSG_DONTWAIT: only a call that would block costs further ones.
template <typename Call>
inline int64_t Receiving(napi_env env, int fd, int flags, Call call) {
  if (environment_id == 0 || flags & MSG_DONTWAIT) return Retry([&] { return call(flags); });
  // With MSG_DONTWAIT it would return less than all.
  if (flags & MSG_WAITALL) return Reading(env, fd, [&] { return call(flags); });
  for (;;) {
    const int64_t result = Retry([&] { return call(flags | MSG_DONTWAIT); });
    if (result != -EAGAIN) return result;
    switch (WaitReadable(env, fd)) {
      case Wait::kCall:
        return Retry([&] { return call(flags); });
      case Wait::kEnded:
        return kEnded;
      case Wait::kReady:
        break;
    }
  }
}

// Two descriptors as [first, second].
inline Napi::Value PairOf(const Napi::CallbackInfo& info, const int descriptors[2]) {
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, NumberOf(info, Owned(descriptors[0])));
  pair.Set(1u, NumberOf(info, Owned(descriptors[1])));
  return pair;
}

// The exported functions, by file.

// environment.cc
Napi::Value Disown(const Napi::CallbackInfo& info);
Napi::Value Own(const Napi::CallbackInfo& info);

// epoll.cc
napi_value EpollWait(napi_env env, napi_callback_info info);
napi_value EpollPwait2(napi_env env, napi_callback_info info);
Napi::Value EpollGetParams(const Napi::CallbackInfo& info);
Napi::Value EpollSetParams(const Napi::CallbackInfo& info);
Napi::Value EpollCreate1(const Napi::CallbackInfo& info);
Napi::Value EpollCtl(const Napi::CallbackInfo& info);
// socket.cc
napi_value Accept4(napi_env env, napi_callback_info info);
Napi::Value Socket(const Napi::CallbackInfo& info);
Napi::Value Socketpair(const Napi::CallbackInfo& info);
Napi::Value Bind(const Napi::CallbackInfo& info);
Napi::Value Connect(const Napi::CallbackInfo& info);
Napi::Value Listen(const Napi::CallbackInfo& info);
Napi::Value Shutdown(const Napi::CallbackInfo& info);
Napi::Value Getsockname(const Napi::CallbackInfo& info);
Napi::Value Getpeername(const Napi::CallbackInfo& info);
Napi::Value Setsockopt(const Napi::CallbackInfo& info);
Napi::Value Getsockopt(const Napi::CallbackInfo& info);
Napi::Value TcpiUnacked(const Napi::CallbackInfo& info);
Napi::Value SetsockoptBytes(const Napi::CallbackInfo& info);
Napi::Value GetsockoptBytes(const Napi::CallbackInfo& info);
Napi::Value Peercred(const Napi::CallbackInfo& info);
// message.cc
napi_value Recvfrom(napi_env env, napi_callback_info info);
napi_value Sendto(napi_env env, napi_callback_info info);
napi_value Recvmsg(napi_env env, napi_callback_info info);
napi_value Sendmsg(napi_env env, napi_callback_info info);
// stream.cc
napi_value Recv(napi_env env, napi_callback_info info);
napi_value RecvEach(napi_env env, napi_callback_info info);
napi_value Send(napi_env env, napi_callback_info info);
napi_value SendEach(napi_env env, napi_callback_info info);
napi_value Sendfile(napi_env env, napi_callback_info info);
napi_value Readv(napi_env env, napi_callback_info info);
napi_value Writev(napi_env env, napi_callback_info info);
Napi::Value Read(const Napi::CallbackInfo& info);
Napi::Value Write(const Napi::CallbackInfo& info);
Napi::Value Pipe2(const Napi::CallbackInfo& info);
// file.cc
Napi::Value Openat2(const Napi::CallbackInfo& info);
Napi::Value Openat(const Napi::CallbackInfo& info);
Napi::Value Readlinkat(const Napi::CallbackInfo& info);
Napi::Value Fstat(const Napi::CallbackInfo& info);
napi_value Fstatat(napi_env env, napi_callback_info info);
napi_value OpenRead(napi_env env, napi_callback_info info);
napi_value Pread(napi_env env, napi_callback_info info);
Napi::Value Getdents64(const Napi::CallbackInfo& info);
Napi::Value Fstatfs(const Napi::CallbackInfo& info);
Napi::Value InotifyInit1(const Napi::CallbackInfo& info);
Napi::Value InotifyAddWatch(const Napi::CallbackInfo& info);
Napi::Value InotifyRmWatch(const Napi::CallbackInfo& info);
// descriptor.cc
Napi::Value Close(const Napi::CallbackInfo& info);
Napi::Value Dup(const Napi::CallbackInfo& info);
Napi::Value Fcntl(const Napi::CallbackInfo& info);
Napi::Value Flock(const Napi::CallbackInfo& info);
Napi::Value Ioctl(const Napi::CallbackInfo& info);
// terminal.cc
Napi::Value Tcgetattr(const Napi::CallbackInfo& info);
Napi::Value Tcsetattr(const Napi::CallbackInfo& info);
Napi::Value Tcflush(const Napi::CallbackInfo& info);
Napi::Value Tcdrain(const Napi::CallbackInfo& info);
Napi::Value Tcsendbreak(const Napi::CallbackInfo& info);
// wakeup.cc
Napi::Value Eventfd(const Napi::CallbackInfo& info);
Napi::Value EventfdWrite(const Napi::CallbackInfo& info);
Napi::Value EventfdRead(const Napi::CallbackInfo& info);
Napi::Value TimerfdCreate(const Napi::CallbackInfo& info);
Napi::Value TimerfdSettime(const Napi::CallbackInfo& info);
Napi::Value TimerfdGettime(const Napi::CallbackInfo& info);
Napi::Value TimerfdRead(const Napi::CallbackInfo& info);
// signal.cc
Napi::Value PidfdOpen(const Napi::CallbackInfo& info);
Napi::Value PidfdSendSignal(const Napi::CallbackInfo& info);
Napi::Value Signalfd(const Napi::CallbackInfo& info);
Napi::Value SignalfdRead(const Napi::CallbackInfo& info);
Napi::Value UnblockSignals(const Napi::CallbackInfo& info);
// uring.cc
Napi::Value IoUringSetup(const Napi::CallbackInfo& info);
Napi::Value IoUringMap(const Napi::CallbackInfo& info);
Napi::Value IoUringUnmap(const Napi::CallbackInfo& info);
Napi::Value IoUringRegisterBuffers(const Napi::CallbackInfo& info);
napi_value IoUringEnter(napi_env env, napi_callback_info info);
napi_value AddressOf(napi_env env, napi_callback_info info);
// loop.cc
Napi::Value LoopStart(const Napi::CallbackInfo& info);
Napi::Value LoopEnclose(const Napi::CallbackInfo& info);
napi_value LoopWait(napi_env env, napi_callback_info info);
Napi::Value LoopStop(const Napi::CallbackInfo& info);
Napi::Value LoopRef(const Napi::CallbackInfo& info);

}  // namespace epollet

#endif  // EPOLLET_SYSCALL_H_
