#include "message.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace epollet {
namespace {

// SCM_MAX_FD of the kernel's net/scm.h: the most descriptors of one message.
constexpr size_t kMaxFds = 253;

// SCM_PIDFD of linux/socket.h (Linux 6.5): a descriptor, if SO_PASSPIDFD is set.
constexpr int kScmPidfd = 4;

// Space for the credentials, and for what other options of the socket (timestamps, security labels) put in front of the
// descriptors. Descriptors fill what these leave: those beyond the caller's maximum are closed.
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(ucred)) + 256;

// What a control message carried. Owns the descriptors until Release.
class Received {
 public:
  Received() = default;
  Received(const Received&) = delete;
  Received& operator=(const Received&) = delete;
  ~Received() { CloseFrom(0); }

  // The sizes are the kernel's, but it truncates a message that does not fit: each is checked against its data.
  void Read(msghdr* message, size_t max_fds) {
    for (cmsghdr* each = CMSG_FIRSTHDR(message); each != nullptr; each = CMSG_NXTHDR(message, each)) {
      if (each->cmsg_level != SOL_SOCKET || each->cmsg_len < CMSG_LEN(0)) continue;
      const uint8_t* data = CMSG_DATA(each);
      const uint8_t* end = static_cast<const uint8_t*>(message->msg_control) + message->msg_controllen;
      const size_t size = std::min<size_t>(each->cmsg_len - CMSG_LEN(0), end > data ? end - data : 0);
      if (each->cmsg_type == SCM_CREDENTIALS && size >= sizeof credentials) {
        memcpy(&credentials, data, sizeof credentials);
        has_credentials = true;
      } else if (each->cmsg_type == SCM_RIGHTS || each->cmsg_type == kScmPidfd) {
        const size_t wanted = each->cmsg_type == SCM_RIGHTS ? max_fds : 0;
        for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
          int fd;
          memcpy(&fd, data + at, sizeof fd);
          if (fd < 0) continue;
          if (count < wanted) {
            fds[count++] = fd;
          } else {
            close(fd);
            if (each->cmsg_type == SCM_RIGHTS) message->msg_flags |= MSG_CTRUNC;
          }
        }
      }
    }
  }

  void Release() {
    for (size_t i = 0; i < count; i++) Owned(fds[i]);
    count = 0;
  }

  int fds[kMaxFds];
  size_t count = 0;
  ucred credentials = {};
  bool has_credentials = false;

 private:
  void CloseFrom(size_t first) {
    for (size_t i = first; i < count; i++) close(fds[i]);
  }
};

// nullptr if the array cannot be made.
napi_value FdsOf(napi_env env, const Received& received) {
  napi_value array = nullptr;
  if (napi_create_array_with_length(env, received.count, &array) != napi_ok) return nullptr;
  for (size_t i = 0; i < received.count; i++) {
    if (napi_set_element(env, array, static_cast<uint32_t>(i), Int(env, received.fds[i])) != napi_ok) return nullptr;
  }
  return array;
}

// null if the kernel reports no address, or one of another family.
napi_value AddressOrNull(napi_env env, const Address& address) {
  napi_value family, name, port, null = nullptr;
  if (address.length > 0 && DescribeAddress(env, address, &family, &name, &port)) {
    return ObjectOf(env, {Property("family", family), Property("address", name), Property("port", port)});
  }
  napi_get_null(env, &null);
  return null;
}

}  // namespace

napi_value Recvfrom(napi_env env, napi_callback_info info) {
  const RawArguments<5> arguments(env, info);
  int32_t fd, flags;
  Span bytes;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &bytes) ||
      !ReadInt(env, arguments.at[4], "flags", &flags)) {
    return nullptr;
  }
  Address address;
  const int64_t count = Receiving(env, fd, flags, [&](int with) {
    address.length = sizeof address.storage;
    return recvfrom(fd, bytes.data, bytes.length, with, &address.any, &address.length);
  });
  if (count < 0) return Int(env, count);
  // An unnamed Unix socket, and a connected stream, of which only getpeername(2) returns the address.
  if (address.length == 0) {
    address.any.sa_family = AF_UNIX;
  }
  napi_value family, name, port;
  if (!DescribeAddress(env, address, &family, &name, &port)) return Int(env, -EAFNOSUPPORT);
  return ObjectOf(env, {Property("count", Int(env, count)), Property("family", family), Property("address", name),
                        Property("port", port)});
}

napi_value Sendto(napi_env env, napi_callback_info info) {
  const RawArguments<7> arguments(env, info);
  int32_t fd, flags;
  Span bytes;
  Address address;
  int error;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) ||
      !ReadSpan(env, arguments.at[1], arguments.at[2], arguments.at[3], &bytes) ||
      !ReadInt(env, arguments.at[4], "flags", &flags) ||
      !ReadAddress(env, arguments.at[5], arguments.at[6], &address, &error)) {
    return nullptr;
  }
  if (error < 0) return Int(env, error);
  return Int(env, Retry([&] {
               return sendto(fd, bytes.data, bytes.length, flags | MSG_NOSIGNAL, &address.any, address.length);
             }));
}

napi_value Recvmsg(napi_env env, napi_callback_info info) {
  const RawArguments<4> arguments(env, info);
  int32_t fd, flags, max_fds;
  Buffers buffers;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) || !buffers.Read(env, arguments.at[1]) ||
      !ReadInt(env, arguments.at[2], "flags", &flags) ||
      !ReadInt(env, arguments.at[3], "maxFds", &max_fds, 0, static_cast<int32_t>(kMaxFds)) ||
      !buffers.TakePointers(env)) {
    return nullptr;
  }
  if (!buffers.fit()) return Int(env, -EMSGSIZE);
  Address address;
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(kMaxFds * sizeof(int)) + kControlBytes];
  msghdr message = {};
  const int64_t count = Receiving(env, fd, flags, [&](int with) {
    message.msg_name = &address.storage;
    message.msg_namelen = sizeof address.storage;
    message.msg_iov = buffers.vector();
    message.msg_iovlen = buffers.count();
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(max_fds * sizeof(int)) + kControlBytes;
    message.msg_flags = 0;
    return recvmsg(fd, &message, with | MSG_CMSG_CLOEXEC);
  });
  if (count < 0) return Int(env, count);
  address.length = message.msg_namelen;
  Received received;
  received.Read(&message, static_cast<size_t>(max_fds));
  const napi_value fds = FdsOf(env, received);
  const napi_value from = AddressOrNull(env, address);
  napi_value credentials = nullptr;
  if (received.has_credentials) {
    credentials = CredentialsOf(env, received.credentials);
  } else {
    napi_get_null(env, &credentials);
  }
  if (fds == nullptr || from == nullptr || credentials == nullptr) return nullptr;
  // The kernel returns MSG_CMSG_CLOEXEC too, which recvmsg(2) does not list.
  const int result_flags = message.msg_flags & ~MSG_CMSG_CLOEXEC;
  const napi_value result =
      ObjectOf(env, {Property("count", Int(env, count)), Property("flags", Int(env, result_flags)),
                     Property("address", from), Property("fds", fds), Property("credentials", credentials)});
  if (result != nullptr) received.Release();
  return result;
}

napi_value Sendmsg(napi_env env, napi_callback_info info) {
  const RawArguments<6> arguments(env, info);
  int32_t fd, flags;
  Buffers buffers;
  Elements<kMaxFds> fds;
  Address address;
  int error = 0;
  napi_valuetype type, port_type;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) || !buffers.Read(env, arguments.at[1]) ||
      !ReadInt(env, arguments.at[2], "flags", &flags) ||
      !fds.Read(env, arguments.at[3], "fds", "an array of integers")) {
    return nullptr;
  }
  napi_typeof(env, arguments.at[4], &type);
  napi_typeof(env, arguments.at[5], &port_type);
  const bool addressed = type != napi_undefined;
  const napi_value port = port_type == napi_undefined ? Int(env, 0) : arguments.at[5];
  if (addressed && !ReadAddress(env, arguments.at[4], port, &address, &error)) return nullptr;
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr message = {};
  const size_t fd_count = fds.count();
  if (fd_count > 0 && fd_count <= kMaxFds) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    for (size_t i = 0; i < fd_count; i++) {
      int32_t passed;
      if (!ReadInt(env, fds[i], "fds", &passed)) return nullptr;
      memcpy(CMSG_DATA(rights) + i * sizeof passed, &passed, sizeof passed);
    }
  }
  if (!buffers.TakePointers(env)) return nullptr;
  if (error < 0) return Int(env, error);
  if (!buffers.fit()) return Int(env, -EMSGSIZE);
  // As the kernel for more than SCM_MAX_FD.
  if (fd_count > kMaxFds) return Int(env, -EINVAL);
  if (addressed) {
    message.msg_name = &address.storage;
    message.msg_namelen = address.length;
  }
  message.msg_iov = buffers.vector();
  message.msg_iovlen = buffers.count();
  return Int(env, Retry([&] { return sendmsg(fd, &message, flags | MSG_NOSIGNAL); }));
}

}  // namespace epollet
