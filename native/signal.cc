#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "syscall.h"

namespace epollet {
namespace {

// Linux 5.3 and 5.1, which older C libraries do not declare. The same numbers on every architecture but alpha.
constexpr long kSysPidfdOpen = 434;
constexpr long kSysPidfdSendSignal = 424;

// A signal can be read from a signalfd only while every thread has it blocked, else a thread takes it by its
// disposition, signalfd(2). A thread blocks signals for itself alone. So the other threads get the signal with our
// mark, and a handler adds it to the mask that the thread has when the handler returns. Threads that start later
// inherit the mask. A thread that had the signal blocked for a moment, or unblocks it, runs the handler at the first
// real signal: it blocks it too, and sends it to the process again.

// The kernel's number of signals; larger on mips only.
constexpr int kSignals = 64;

// Distinguishes our own signal from real ones: its address.
char mark;

// Guards what follows, and the order of blocking and unblocking.
std::mutex guard;

// What the signal did before, while our handler is installed.
struct sigaction previous[kSignals + 1];
bool installed[kSignals + 1];

void OnSignal(int signal, siginfo_t* details, void* context) {
  const int error = errno;
  sigaddset(&static_cast<ucontext_t*>(context)->uc_sigmask, signal);
  const bool ours = details->si_code == SI_QUEUE && details->si_value.sival_ptr == &mark;
  // A thread other than the main one may not repeat the details of another process: then by kill, without them.
  if (!ours && syscall(SYS_rt_sigqueueinfo, getpid(), signal, details) != 0) kill(getpid(), signal);
  errno = error;
}

// Faults, which end a process that blocks them, sigprocmask(2); those that cannot be blocked; those of the C library.
bool IsReserved(int signal) {
  switch (signal) {
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGKILL:
    case SIGSEGV:
    case SIGSTOP:
      return true;
  }
  return signal >= 32 && signal < SIGRTMIN;
}

// Elements, then numbers: false means that an exception is pending.
bool ReadSignals(const Napi::CallbackInfo& info, std::vector<int>* out) {
  const napi_env env = info.Env();
  bool is_array = false;
  uint32_t length = 0;
  if (napi_is_array(env, info[0], &is_array) != napi_ok || !is_array) {
    return RejectType(env, "signals", "an array of integers");
  }
  napi_get_array_length(env, info[0], &length);
  if (length > kSignals) return RejectRange(env, "signals.length", 0, kSignals);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    int32_t signal;
    if (napi_get_element(env, info[0], i, &element) != napi_ok ||
        !ReadInt(env, element, "signals", &signal, 1, std::min(kSignals, static_cast<int>(SIGRTMAX)))) {
      return false;
    }
    if (IsReserved(signal)) {
      return RejectChoice(env, "signals", "without SIGKILL, SIGSTOP, faults, and the signals of the C library");
    }
    out->push_back(signal);
  }
  return true;
}

// The blocked signals of a thread as the kernel's mask, proc_pid_status(5). False if the thread has ended.
bool BlockedOf(const char* tid, uint64_t* mask) {
  char path[64];
  char text[4096];
  snprintf(path, sizeof path, "/proc/self/task/%.20s/status", tid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t length = Retry([&] { return read(fd, text, sizeof text - 1); });
  close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  const char* line = strstr(text, "\nSigBlk:");
  if (line == nullptr) return false;
  *mask = strtoull(line + strlen("\nSigBlk:"), nullptr, 16);
  return true;
}

// Sends the signals that the other threads do not block yet. Returns their count; -1 without /proc.
int BlockElsewhere(const std::vector<int>& signals, bool send) {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return -1;
  const pid_t self = static_cast<pid_t>(syscall(SYS_gettid));
  int missing = 0;
  while (const dirent* entry = readdir(tasks)) {
    const pid_t tid = atoi(entry->d_name);
    uint64_t blocked;
    if (tid <= 0 || tid == self || !BlockedOf(entry->d_name, &blocked)) continue;
    for (const int signal : signals) {
      if ((blocked >> (signal - 1) & 1) != 0) continue;
      missing++;
      if (!send) continue;
      siginfo_t details = {};
      details.si_signo = signal;
      details.si_code = SI_QUEUE;
      details.si_pid = getpid();
      details.si_uid = getuid();
      details.si_value.sival_ptr = &mark;
      syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, signal, &details);
    }
  }
  closedir(tasks);
  return missing;
}

// pthread_sigmask(3) by its system call: the function has another version since glibc 2.32.
int64_t ChangeMask(int how, const sigset_t& set) {
  return ResultOf(syscall(SYS_rt_sigprocmask, how, &set, nullptr, size_t{kSignals / 8}));
}

void Block(const std::vector<int>& signals, const sigset_t& set) {
  const std::lock_guard<std::mutex> lock(guard);
  ChangeMask(SIG_BLOCK, set);
  for (const int signal : signals) {
    struct sigaction current;
    sigaction(signal, nullptr, &current);
    if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == OnSignal) continue;
    previous[signal] = current;
    installed[signal] = true;
    struct sigaction ours = {};
    ours.sa_sigaction = OnSignal;
    ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    sigaction(signal, &ours, nullptr);
  }
  // A thread in a system call takes microseconds. One that does not return from the kernel runs the handler later,
  // before its next instruction, so that nothing is lost if the wait ends first: after 100 ms.
  constexpr int kRounds = 200;
  constexpr timespec kPause = {0, 500000};
  for (int round = 0; round < kRounds; round++) {
    // Again after a while: for threads that a thread started meanwhile, before it had blocked the signals.
    if (BlockElsewhere(signals, round % 20 == 0) <= 0) return;
    nanosleep(&kPause, nullptr);
  }
}

sigset_t SetOf(const std::vector<int>& signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

}  // namespace

Napi::Value Signalfd(const Napi::CallbackInfo& info) {
  std::vector<int> signals;
  uint32_t flags;
  if (!ReadSignals(info, &signals) || !ReadMask(info.Env(), info[1], "flags", &flags)) return {};
  const sigset_t set = SetOf(signals);
  const int64_t fd = Owned(ResultOf(signalfd(-1, &set, static_cast<int>(flags | SFD_CLOEXEC))));
  if (fd >= 0) Block(signals, set);
  return NumberOf(info, fd);
}

Napi::Value SignalfdRead(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  int32_t fd;
  signalfd_siginfo details = {};
  if (!ReadInt(env, info[0], "fd", &fd)) return {};
  const int64_t result = Reading(info.Env(), fd, [&] { return read(fd, &details, sizeof details); });
  if (result < 0) return NumberOf(info, result);
  // Another kind of descriptor, from which fewer bytes come.
  if (result != sizeof details) return NumberOf(info, -EINVAL);
  return Napi::Value(
      env,
      ObjectOf(env,
               {Property("signal", Number(env, details.ssi_signo)), Property("code", Number(env, details.ssi_code)),
                Property("pid", Number(env, details.ssi_pid)), Property("uid", Number(env, details.ssi_uid)),
                Property("status", Number(env, details.ssi_status)), Property("value", Number(env, details.ssi_int))}));
}

Napi::Value UnblockSignals(const Napi::CallbackInfo& info) {
  std::vector<int> signals;
  if (!ReadSignals(info, &signals)) return {};
  const sigset_t set = SetOf(signals);
  const std::lock_guard<std::mutex> lock(guard);
  for (const int signal : signals) {
    struct sigaction current;
    sigaction(signal, nullptr, &current);
    // Not what libuv has installed since.
    if (installed[signal] && (current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == OnSignal) {
      sigaction(signal, &previous[signal], nullptr);
    }
    installed[signal] = false;
  }
  return NumberOf(info, ChangeMask(SIG_UNBLOCK, set));
}

Napi::Value PidfdOpen(const Napi::CallbackInfo& info) {
  int32_t pid;
  uint32_t flags;
  if (!ReadInt(info.Env(), info[0], "pid", &pid) || !ReadMask(info.Env(), info[1], "flags", &flags)) return {};
  // Always close-on-exec, pidfd_open(2).
  return NumberOf(info, Owned(ResultOf(syscall(kSysPidfdOpen, pid, flags))));
}

Napi::Value PidfdSendSignal(const Napi::CallbackInfo& info) {
  int32_t fd, signal;
  if (!ReadInt(info.Env(), info[0], "fd", &fd) || !ReadInt(info.Env(), info[1], "signal", &signal)) return {};
  return NumberOf(info, ResultOf(syscall(kSysPidfdSendSignal, fd, signal, nullptr, 0u)));
}

}  // namespace epollet
