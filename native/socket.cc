#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "syscall.h"

namespace epollet {
namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

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

// False if an exception is pending. *error is 0, or what bind and connect return for a text that is not an address.
bool ReadAddress(napi_env env, napi_value text, napi_value port, Address* out, int* error) {
  // Longer than any address, so that a truncated one is still too long.
  char name[sizeof(sockaddr_un::sun_path) + INET6_ADDRSTRLEN];
  size_t length;
  int32_t number;
  if (napi_get_value_string_utf8(env, text, name, sizeof name, &length) != napi_ok) {
    return RejectType(env, "address", "a string");
  }
  if (memchr(name, '\0', length) != nullptr) return RejectType(env, "address", "without a NUL character");
  if (!ReadInt(env, port, "port", &number, 0, UINT16_MAX)) return false;
  *error = 0;
  if (name[0] == '/') {
    if (length >= sizeof out->local.sun_path) {
      *error = -ENAMETOOLONG;
      return true;
    }
    out->local.sun_family = AF_UNIX;
    memcpy(out->local.sun_path, name, length + 1);
    out->length = static_cast<socklen_t>(kPathOffset + length + 1);
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

Napi::Value AddressOf(const Napi::CallbackInfo& info, const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const char* family = "unix";
  const char* name = text;
  size_t length = 0;
  int port = 0;
  switch (address.any.sa_family) {
    case AF_INET:
      family = "IPv4";
      inet_ntop(AF_INET, &address.ipv4.sin_addr, text, sizeof text);
      length = strlen(text);
      port = ntohs(address.ipv4.sin_port);
      break;
    case AF_INET6:
      family = "IPv6";
      inet_ntop(AF_INET6, &address.ipv6.sin6_addr, text, sizeof text);
      length = strlen(text);
      port = ntohs(address.ipv6.sin6_port);
      break;
    case AF_UNIX:
      // An unnamed socket has no path; an abstract one starts with NUL and is as long as its length; any other path
      // ends with a NUL that the length may include, unix(7).
      name = address.local.sun_path;
      length = address.length > kPathOffset ? address.length - kPathOffset : 0;
      if (length > 0 && name[0] != '\0') length = strnlen(name, length);
      break;
    default:
      return NumberOf(info, -EAFNOSUPPORT);
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("family", family);
  result.Set("address", Napi::String::New(info.Env(), name, length));
  result.Set("port", port);
  return result;
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Napi::Value NameOf(const Napi::CallbackInfo& info, NameCall call) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  Address address;
  const int64_t result = ResultOf(call(fd, &address.any, &address.length));
  return result < 0 ? NumberOf(info, result) : AddressOf(info, address);
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

}  // namespace

Napi::Value Socket(const Napi::CallbackInfo& info) {
  int32_t domain, type, protocol;
  if (!ReadInt(info.Env(), info[0], "domain", &domain) || !ReadInt(info.Env(), info[1], "type", &type) ||
      !ReadInt(info.Env(), info[2], "protocol", &protocol)) {
    return {};
  }
  return NumberOf(info, ResultOf(socket(domain, type | SOCK_CLOEXEC, protocol)));
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
  return Int(env, Retry([&] { return accept4(fd, nullptr, nullptr, flags | SOCK_CLOEXEC); }));
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
  int value = 0;
  socklen_t length = sizeof value;
  const int64_t result = ResultOf(getsockopt(fd, level, option, &value, &length));
  return NumberOf(info, result < 0 ? result : value);
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
