// Shared by the calls that take addresses or several buffers.

#ifndef EPOLLET_MESSAGE_H_
#define EPOLLET_MESSAGE_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "syscall.h"

namespace epollet {

// The elements of an array, at most kMost of them. Reading an element may run a getter, hence JavaScript: pointers are
// taken only after all arguments have been read.
template <size_t kMost>
class Elements {
 public:
  bool Read(napi_env env, napi_value array, const char* name, const char* wanted) {
    bool is_array = false;
    uint32_t length = 0;
    if (napi_is_array(env, array, &is_array) != napi_ok || !is_array) return RejectType(env, name, wanted);
    napi_get_array_length(env, array, &length);
    count_ = length;
    if (count_ > kMost) return true;
    for (uint32_t i = 0; i < length; i++) {
      // Fails if a getter throws.
      if (napi_get_element(env, array, i, &at_[i]) != napi_ok) return false;
    }
    return true;
  }

  // Greater than kMost if the array is: then nothing was read.
  size_t count() const { return count_; }
  napi_value operator[](size_t index) const { return at_[index]; }

 private:
  napi_value at_[kMost];
  size_t count_ = 0;
};

// IOV_MAX, which the kernel limits to UIO_MAXIOV of linux/uio.h.
constexpr size_t kMaxBuffers = 1024;

// An array of Uint8Arrays as the vector of readv(2) and recvmsg(2).
class Buffers {
 public:
  bool Read(napi_env env, napi_value array) { return arrays_.Read(env, array, "buffers", "an array of Uint8Arrays"); }

  // After all arguments have been read, directly before the system call: no JavaScript runs between.
  bool TakePointers(napi_env env) {
    if (!fit()) return true;
    for (size_t i = 0; i < arrays_.count(); i++) {
      bool is_view = false;
      if (napi_is_buffer(env, arrays_[i], &is_view) != napi_ok || !is_view) {
        return RejectType(env, "buffers", "an array of Uint8Arrays");
      }
      napi_get_buffer_info(env, arrays_[i], &vector_[i].iov_base, &vector_[i].iov_len);
    }
    return true;
  }

  // False for more buffers than a call takes, which is an errno.
  bool fit() const { return arrays_.count() <= kMaxBuffers; }
  iovec* vector() { return vector_; }
  int count() const { return static_cast<int>(arrays_.count()); }

 private:
  Elements<kMaxBuffers> arrays_;
  iovec vector_[kMaxBuffers];
};

// A socket address of any supported family, with its length.
struct Address {
  union {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
    sockaddr_un local;
    sockaddr_storage storage;
  };
  socklen_t length;

  Address() : storage(), length(sizeof storage) {}
};

// socket.cc. False if an exception is pending. *error is 0, or what bind and connect return for a text that is not an
// address.
bool ReadAddress(napi_env env, napi_value text, napi_value port, Address* out, int* error);

// The parts of a SocketAddress. False for an unsupported family.
bool DescribeAddress(napi_env env, const Address& address, napi_value* family, napi_value* name, napi_value* port);

// Process, user and group of a peer, unix(7).
inline napi_value CredentialsOf(napi_env env, const ucred& peer) {
  return ObjectOf(env, {Property("pid", Number(env, peer.pid)), Property("uid", Number(env, peer.uid)),
                        Property("gid", Number(env, peer.gid))});
}

}  // namespace epollet

#endif  // EPOLLET_MESSAGE_H_
