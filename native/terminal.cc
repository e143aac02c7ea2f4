#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iterator>

#include "syscall.h"

// The kernel's own structure, which has the speeds as numbers: struct termios2 of asm-generic/termbits.h, on powerpc
// struct termios. The headers of the C library declare another one, and the kernel's cannot be included with it.
#if defined(__powerpc__)
#define EPOLLET_HAS_TERMIOS2 1
#elif defined(__mips__) || defined(__sparc__) || defined(__alpha__) || defined(__hppa__)
#define EPOLLET_HAS_TERMIOS2 0
#else
#define EPOLLET_HAS_TERMIOS2 1
#endif

namespace epollet {
namespace {

constexpr size_t kControlCharacters = 19;

#if defined(__powerpc__)
struct KernelTermios {
  uint32_t iflag, oflag, cflag, lflag;
  uint8_t cc[kControlCharacters];
  uint8_t line;
  uint32_t ispeed, ospeed;
};
constexpr unsigned long kGet = _IOR('t', 19, KernelTermios);
constexpr unsigned long kSet = _IOW('t', 20, KernelTermios);
constexpr uint32_t kSpeedMask = 0x00ff;   // CBAUD
constexpr uint32_t kOtherSpeed = 0x001f;  // BOTHER: the speed is the number
constexpr uint32_t CodeAt(uint32_t index) { return index; }
#else
struct KernelTermios {
  uint32_t iflag, oflag, cflag, lflag;
  uint8_t line;
  uint8_t cc[kControlCharacters];
  uint32_t ispeed, ospeed;
};
constexpr unsigned long kGet = _IOR('T', 0x2a, KernelTermios);
constexpr unsigned long kSet = _IOW('T', 0x2b, KernelTermios);
constexpr uint32_t kSpeedMask = 0x100f;
constexpr uint32_t kOtherSpeed = 0x1000;
constexpr uint32_t CodeAt(uint32_t index) { return index < 16 ? index : kOtherSpeed + index - 15; }
#endif
static_assert(sizeof(KernelTermios) == 44, "the size is a part of the request");

// IBSHIFT: from the code of the output speed to that of the input speed.
constexpr int kInputShift = 16;

// B0, B50 and so on to B4000000, in the order of their codes.
constexpr uint32_t kSpeeds[] = {0,       50,      75,      110,     134,     150,     200,    300,
                                600,     1200,    1800,    2400,    4800,    9600,    19200,  38400,
                                57600,   115200,  230400,  460800,  500000,  576000,  921600, 1000000,
                                1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};

// The code of a speed, by which programs with the older requests, such as stty(1), know it too.
uint32_t SpeedCode(uint32_t speed) {
  for (uint32_t i = 0; i < std::size(kSpeeds); i++) {
    if (kSpeeds[i] == speed) return CodeAt(i);
  }
  return kOtherSpeed;
}

int64_t IoctlNow(int fd, unsigned long request, const void* argument) {
#if EPOLLET_HAS_TERMIOS2
  return Retry([&] { return syscall(SYS_ioctl, fd, request, argument); });
#else
  return -ENOSYS;
#endif
}

int64_t IoctlNow(int fd, unsigned long request, int argument) {
  return Retry([&] { return syscall(SYS_ioctl, fd, request, static_cast<long>(argument)); });
}

// May run a getter of the object, hence JavaScript.
bool ReadProperty(napi_env env, napi_value object, const char* property, const char* name, uint32_t* out) {
  napi_value value;
  return napi_get_named_property(env, object, property, &value) == napi_ok && ReadMask(env, value, name, out);
}

bool ReadTermios(napi_env env, napi_value object, KernelTermios* out) {
  napi_valuetype type;
  uint32_t line;
  napi_value cc;
  uint8_t* characters;
  size_t length;
  if (napi_typeof(env, object, &type) != napi_ok || type != napi_object) {
    return RejectType(env, "termios", "an object, as tcgetattr returns it");
  }
  if (!ReadProperty(env, object, "iflag", "termios.iflag", &out->iflag) ||
      !ReadProperty(env, object, "oflag", "termios.oflag", &out->oflag) ||
      !ReadProperty(env, object, "cflag", "termios.cflag", &out->cflag) ||
      !ReadProperty(env, object, "lflag", "termios.lflag", &out->lflag) ||
      !ReadProperty(env, object, "ispeed", "termios.ispeed", &out->ispeed) ||
      !ReadProperty(env, object, "ospeed", "termios.ospeed", &out->ospeed) ||
      !ReadProperty(env, object, "line", "termios.line", &line) ||
      napi_get_named_property(env, object, "cc", &cc) != napi_ok ||
      !ReadArray(env, cc, "termios.cc", napi_uint8_array, "a Uint8Array", &characters, &length)) {
    return false;
  }
  if (line > UINT8_MAX) return RejectRange(env, "termios.line", 0, UINT8_MAX);
  if (length != sizeof out->cc) return RejectRange(env, "termios.cc.length", sizeof out->cc, sizeof out->cc);
  out->line = static_cast<uint8_t>(line);
  memcpy(out->cc, characters, sizeof out->cc);
  out->cflag &= ~(kSpeedMask | kSpeedMask << kInputShift);
  out->cflag |= SpeedCode(out->ospeed);
  // Without a code, the input speed is that of the output, termios(3).
  if (out->ispeed == 0) out->ispeed = out->ospeed;
  if (out->ispeed != out->ospeed) out->cflag |= SpeedCode(out->ispeed) << kInputShift;
  return true;
}

}  // namespace

Napi::Value Tcgetattr(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd;
  KernelTermios termios = {};
  if (!ReadInt(env, info[0], "fd", &fd)) return {};
  const int64_t result = IoctlNow(fd, kGet, &termios);
  if (result < 0) return NumberOf(info, result);
  Napi::Uint8Array cc = Napi::Uint8Array::New(env, sizeof termios.cc);
  memcpy(cc.Data(), termios.cc, sizeof termios.cc);
  const uint32_t cflag = termios.cflag & ~(kSpeedMask | kSpeedMask << kInputShift);
  return Napi::Value(
      env,
      ObjectOf(env, {Property("iflag", Number(env, termios.iflag)), Property("oflag", Number(env, termios.oflag)),
                     Property("cflag", Number(env, cflag)), Property("lflag", Number(env, termios.lflag)),
                     Property("ispeed", Number(env, termios.ispeed)), Property("ospeed", Number(env, termios.ospeed)),
                     Property("line", Number(env, termios.line)), Property("cc", cc)}));
}

Napi::Value Tcsetattr(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd, when;
  KernelTermios termios = {};
  // TCSANOW, TCSADRAIN, TCSAFLUSH: their requests follow each other.
  if (!ReadInt(env, info[0], "fd", &fd) || !ReadInt(env, info[1], "when", &when, 0, 2) ||
      !ReadTermios(env, info[2], &termios)) {
    return {};
  }
  return NumberOf(info, IoctlNow(fd, kSet + static_cast<unsigned long>(when), &termios));
}

Napi::Value Tcflush(const Napi::CallbackInfo& info) {
  int32_t fd, queue;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadInt(info.Env(), info[1], "queue", &queue)) return {};
  return NumberOf(info, IoctlNow(fd, TCFLSH, queue));
}

Napi::Value Tcdrain(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  // With an argument other than 0 no break is sent, ioctl_tty(2).
  return NumberOf(info, IoctlNow(fd, TCSBRK, 1));
}

Napi::Value Tcsendbreak(const Napi::CallbackInfo& info) {
  int32_t fd;
  if (!ReadInt(info.Env(), info[0], "fd", &fd)) return {};
  return NumberOf(info, IoctlNow(fd, TCSBRK, 0));
}

}  // namespace epollet
