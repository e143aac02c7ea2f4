// The parts of libstdc++ that the addon uses, for the prebuilt addons only: those in libstdc++.a bring the exception
// runtime, which needs a newer glibc than the addon, and ld-linux, which musl has not. The addon throws no C++
// exceptions.
#include <cstddef>
#include <cstdlib>
#include <string>

#define WEAK __attribute__((weak))

namespace {

// As operator new without exceptions: there is no caller that could handle it.
void* Allocate(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

WEAK void* operator new(std::size_t size) { return Allocate(size); }
WEAK void* operator new[](std::size_t size) { return Allocate(size); }
WEAK void operator delete(void* memory) noexcept { std::free(memory); }
WEAK void operator delete[](void* memory) noexcept { std::free(memory); }
WEAK void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
WEAK void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

// Called in place of a pure virtual function.
extern "C" WEAK void __cxa_pure_virtual() { std::abort(); }

// What containers and strings call where they would throw.
namespace std {
WEAK void __throw_length_error(const char*) { abort(); }
WEAK void __throw_logic_error(const char*) { abort(); }
WEAK void __throw_out_of_range_fmt(const char*, ...) { abort(); }
WEAK void __throw_bad_alloc() { abort(); }
WEAK void __throw_bad_array_new_length() { abort(); }
WEAK void __throw_bad_function_call() { abort(); }
WEAK void __throw_system_error(int) { abort(); }
}  // namespace std

template class std::basic_string<char>;
