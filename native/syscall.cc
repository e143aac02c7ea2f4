#include "syscall.h"

namespace epollet {

void ThrowType(napi_env env, const char* name, const char* wanted) {
  char message[160];
  snprintf(message, sizeof message, "%s must be %s", name, wanted);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
}

void ThrowRange(napi_env env, const char* name, double minimum, double maximum) {
  char message[160];
  if (minimum > maximum) {
    snprintf(message, sizeof message, "%s must be at least %.0f, for which the array is too short", name, minimum);
  } else {
    snprintf(message, sizeof message, "%s must be from %.0f to %.0f", name, minimum, maximum);
  }
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
}

void ThrowChoice(napi_env env, const char* name, const char* wanted) {
  char message[160];
  snprintf(message, sizeof message, "%s must be %s", name, wanted);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
}

void ThrowSpan(napi_env env, double offset, double length, size_t available) {
  char message[160];
  snprintf(message, sizeof message, "offset %.0f and length %.0f reach beyond the %zu bytes of the array", offset,
           length, available);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
}

}  // namespace epollet
