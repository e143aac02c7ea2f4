#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "message.h"

namespace epollet {
namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

}  // namespace

bool ReadAddress(napi_env env, napi_value text, napi_value port, Address* out, int* error) {
  // Longer than any address, so that a truncated one is still too long.
  char name[sizeof(sockaddr_un::sun_path) + INET6_ADDRSTRLEN];
  size_t length;
  int32_t number;
  if (napi_get_value_string_utf8(env, text, name, sizeof name, &length) != napi_ok) {
    return RejectType(env, "address", "a string");
  }
  const bool is_abstract = length > 0 && name[0] == '\0';
  if (memchr(name + is_abstract, '\0', length - is_abstract) != nullptr) {
    return RejectType(env, "address", "without a NUL character, except the first of an abstract one");
  }
  if (!ReadInt(env, port, "port", &number, 0, UINT16_MAX)) return false;
  *error = 0;
  if (name[0] == '/' || is_abstract) {
    // A path ends with its NUL. An abstract name has no end but its length, unix(7).
    const size_t size = is_abstract ? length : length + 1;
    if (size > sizeof out->local.sun_path) {
      *error = -ENAMETOOLONG;
      return true;
    }
    out->local.sun_family = AF_UNIX;
    memcpy(out->local.sun_path, name, size);
    out->length = static_cast<socklen_t>(kPathOffset + size);
  } else if (inet_pton(AF_INET, name, &out->ipv4.sin_addr) == 1) {
    out->ipv4.sin_family = AF_INET;
    out->ipv4.sin_port = htons(static_cast<uint16_t>(number));
    out->length = sizeof out->ipv4;
  } else if (inet_pton(AF_INET6, name, &out->ipv6.sin6_addr) == 1) {
    out->ipv6.sin6_family = AF_INET6;
    out->ipv6.sin6_port = htons(static_cast<uint16_t>(number));
    out->length = sizeof out->ipv6;
  } else {
    *error = -EINVAL;
  }
  return true;
}

bool DescribeAddress(napi_env env, const Address& address, napi_value* family, napi_value* name, napi_value* port) {
  char text[INET6_ADDRSTRLEN] = "";
  const char* family_name = "unix";
  const char* bytes = text;
  size_t length = 0;
  int number = 0;
  switch (address.any.sa_family) {
    case AF_INET:
      family_name = "IPv4";
      inet_ntop(AF_INET, &address.ipv4.sin_addr, text, sizeof text);
      length = strlen(text);
      number = ntohs(address.ipv4.sin_port);
      break;
    case AF_INET6:
      family_name = "IPv6";
      inet_ntop(AF_INET6, &address.ipv6.sin6_addr, text, sizeof text);
      length = strlen(text);
      number = ntohs(address.ipv6.sin6_port);
      break;
    case AF_UNIX:
      // An unnamed socket has no path; an abstract one starts with NUL and is as long as its length; any other path
      // ends with a NUL that the length may include, unix(7).
      bytes = address.local.sun_path;
      length = address.length > kPathOffset ? address.length - kPathOffset : 0;
      if (length > 0 && bytes[0] != '\0') length = strnlen(bytes, length);
      break;
    default:
      return false;
  }
  napi_create_string_utf8(env, family_name, NAPI_AUTO_LENGTH, family);
  napi_create_string_utf8(env, bytes, length, name);
  *port = Int(env, number);
  return true;
}

namespace {

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Napi::Value NameOf(const Napi::CallbackInfo& info, NameCall call) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  Address address;
  const int64_t result = ResultOf(call(fd, &address.any, &address.length));
  if (result < 0) return NumberOf(info, result);
  napi_value family, name, port;
  if (!DescribeAddress(info.Env(), address, &family, &name, &port)) return NumberOf(info, -EAFNOSUPPORT);
  return Napi::Value(info.Env(), ObjectOf(info.Env(), {Property("family", family), Property("address", name),
                                                       Property("port", port)}));
}

using AddressCall = int (*)(int, const sockaddr*, socklen_t);

Napi::Value CallWithAddress(const Napi::CallbackInfo& info, AddressCall call) {
  int32_t fd;
  Address address;
  int error;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadAddress(info.Env(), info[1], info[2], &address, &error))
    return {};
  if (error < 0) return NumberOf(info, error);
  // An interrupted connect(2) continues in the kernel; on Linux the same call again waits for its end.
  return NumberOf(info, Retry([&] { return call(fd, &address.any, address.length); }));
}

// The options whose value is a struct or a text. Others are not passed on: the value of some (SO_ATTACH_FILTER,
// TCP_ZEROCOPY_RECEIVE, those of netfilter) contains an address in memory, and SO_GET_FILTER writes more than its
// length.
bool IsBytesOption(int level, int option) {
  switch (level) {
    case SOL_SOCKET:
      switch (option) {
        case SO_BINDTODEVICE:
        case SO_COOKIE:
        case SO_LINGER:
        case SO_PEERCRED:
        case SO_PEERGROUPS:
        case SO_PEERSEC:
        case SO_RCVTIMEO:
        case SO_SNDTIMEO:
          return true;
      }
      return false;
    case IPPROTO_TCP:
      return option == TCP_CONGESTION || option == TCP_INFO;
    case IPPROTO_IP:
      switch (option) {
        case IP_ADD_MEMBERSHIP:
        case IP_ADD_SOURCE_MEMBERSHIP:
        case IP_BLOCK_SOURCE:
        case IP_DROP_MEMBERSHIP:
        case IP_DROP_SOURCE_MEMBERSHIP:
        case IP_MULTICAST_IF:
        case IP_OPTIONS:
        case IP_UNBLOCK_SOURCE:
        case MCAST_JOIN_GROUP:
        case MCAST_JOIN_SOURCE_GROUP:
        case MCAST_LEAVE_GROUP:
        case MCAST_LEAVE_SOURCE_GROUP:
          return true;
      }
      return false;
    case IPPROTO_IPV6:
      switch (option) {
        case IPV6_JOIN_GROUP:
        case IPV6_LEAVE_GROUP:
        case MCAST_JOIN_GROUP:
        case MCAST_JOIN_SOURCE_GROUP:
        case MCAST_LEAVE_GROUP:
        case MCAST_LEAVE_SOURCE_GROUP:
          return true;
      }
      return false;
  }
  return false;
}

bool ReadBytesOption(const Napi::CallbackInfo& info, int32_t* fd, int32_t* level, int32_t* option, uint8_t** bytes,
                     size_t* length) {
  const napi_env env = info.Env();
  if (!ReadInt(env, info[0], "fd", fd) || !ReadInt(env, info[1], "level", level) ||
      !ReadInt(env, info[2], "option", option) ||
      !ReadArray(env, info[3], "bytes", napi_uint8_array, "a Uint8Array", bytes, length)) {
    return false;
  }
  return IsBytesOption(*level, *option) || RejectChoice(env, "option", "an option whose value is a struct or a text");
}

// optlen is a signed int in the kernel, and no option is longer than a page.
constexpr size_t kMaxOptionBytes = 4096;

}  // namespace

Napi::Value Socket(const Napi::CallbackInfo& info) {
  int32_t domain, type, protocol;
  if (!ReadInt(info.Env(), info[0], "domain", &domain) || !ReadInt(info.Env(), info[1], "type", &type) ||
      !ReadInt(info.Env(), info[2], "protocol", &protocol)) {
    return {};
  }
  return NumberOf(info, Owned(ResultOf(socket(domain, type | SOCK_CLOEXEC, protocol))));
}

Napi::Value Socketpair(const Napi::CallbackInfo& info) {
  int32_t type;
  int ends[2];
  if (!ReadInt(info.Env(), info[0], "type", &type)) return {};
  const int64_t result = ResultOf(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends));
  return result < 0 ? NumberOf(info, result) : PairOf(info, ends);
}

Napi::Value Bind(const Napi::CallbackInfo& info) { return CallWithAddress(info, bind); }

Napi::Value Connect(const Napi::CallbackInfo& info) { return CallWithAddress(info, connect); }

Napi::Value Listen(const Napi::CallbackInfo& info) {
  int32_t fd, backlog;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadInt(info.Env(), info[1], "backlog", &backlog)) return {};
  return NumberOf(info, ResultOf(listen(fd, backlog)));
}

napi_value Accept4(napi_env env, napi_callback_info info) {
  const RawArguments<2> arguments(env, info);
  int32_t fd, flags;
  if (!ReadInt(env, arguments.at[0], "fd", &fd) || !ReadInt(env, arguments.at[1], "flags", &flags)) return nullptr;
  // No peer address: getpeername(2) returns it where it is needed.
  return Int(env, Owned(Reading(env, fd, [&] { return accept4(fd, nullptr, nullptr, flags | SOCK_CLOEXEC); })));
}

Napi::Value Shutdown(const Napi::CallbackInfo& info) {
  int32_t fd, how;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadInt(info.Env(), info[1], "how", &how)) return {};
  return NumberOf(info, ResultOf(shutdown(fd, how)));
}

Napi::Value Getsockname(const Napi::CallbackInfo& info) { return NameOf(info, getsockname); }

Napi::Value Getpeername(const Napi::CallbackInfo& info) { return NameOf(info, getpeername); }

Napi::Value Setsockopt(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd, level, option, value;
  if (!ReadInt(env, info[0], "fd", &fd) || !ReadInt(env, info[1], "level", &level) ||
      !ReadInt(env, info[2], "option", &option) || !ReadInt(env, info[3], "value", &value)) {
    return {};
  }
  return NumberOf(info, ResultOf(setsockopt(fd, level, option, &value, sizeof value)));
}

Napi::Value Getsockopt(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd, level, option;
  if (!ReadInt(env, info[0], "fd", &fd) || !ReadInt(env, info[1], "level", &level) ||
      !ReadInt(env, info[2], "option", &option)) {
    return {};
  }
  // SO_GET_FILTER takes a count of instructions as its length, and would write them behind the value.
  if (level == SOL_SOCKET && option == SO_GET_FILTER) return NumberOf(info, -ENOPROTOOPT);
  int value = 0;
  socklen_t length = sizeof value;
  const int64_t result = ResultOf(getsockopt(fd, level, option, &value, &length));
  return NumberOf(info, result < 0 ? result : value);
}

Napi::Value SetsockoptBytes(const Napi::CallbackInfo& info) {
  int32_t fd, level, option;
  uint8_t* bytes;
  size_t length;
  if (!ReadBytesOption(info, &fd, &level, &option, &bytes, &length)) return {};
  if (length > kMaxOptionBytes) return NumberOf(info, -EINVAL);
  return NumberOf(info, ResultOf(setsockopt(fd, level, option, bytes, static_cast<socklen_t>(length))));
}

Napi::Value GetsockoptBytes(const Napi::CallbackInfo& info) {
  int32_t fd, level, option;
  uint8_t* bytes;
  size_t available;
  if (!ReadBytesOption(info, &fd, &level, &option, &bytes, &available)) return {};
  socklen_t length = static_cast<socklen_t>(std::min(available, kMaxOptionBytes));
  const int64_t result = ResultOf(getsockopt(fd, level, option, bytes, &length));
  return NumberOf(info, result < 0 ? result : static_cast<int64_t>(length));
}

Napi::Value Peercred(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd;
  if (!ReadInt(env, info[0], "fd", &fd)) return {};
  ucred peer = {};
  socklen_t length = sizeof peer;
  const int64_t result = ResultOf(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length));
  if (result < 0) return NumberOf(info, result);
  return Napi::Value(env, CredentialsOf(env, peer));
}

Napi::Value TcpiUnacked(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  tcp_info status = {};
  // The kernel copies only `length` bytes, and the field is in the first tenth of the struct.
  socklen_t length = offsetof(tcp_info, tcpi_unacked) + sizeof status.tcpi_unacked;
  const int64_t result = ResultOf(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &status, &length));
  return NumberOf(info, result < 0 ? result : status.tcpi_unacked);
}

}  // namespace epollet
