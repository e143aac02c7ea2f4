#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer in a directory of its own, and runs the argument
# matrix on it.
#
#   test/native/arguments.sh [--seconds N] [--seed N]     how long to try pairs of wrong arguments, 10 s by default
#
# With CI=true a missing compiler or sanitizer is a failure, not a skip.
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")

cannot_run() {
  echo "arguments: skipped, $1"
  [[ ${CI:-} != true ]] || exit 1
  exit 0
}

command -v g++ >/dev/null || cannot_run "g++ is not installed"
asan=$(g++ -print-file-name=libasan.so)
ubsan=$(g++ -print-file-name=libubsan.so)
[[ $asan == /* && $ubsan == /* ]] || cannot_run "g++ has no sanitizers here"

work=$(mktemp -d "${TMPDIR:-/tmp}/epollet-sanitized.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -R "$root/native" "$root/binding.gyp" "$root/package.json" "$work"
ln -s "$root/node_modules" "$work/node_modules"
# By npx, which passes npm's settings on: where Node's headers are, for instance.
(cd "$work" && CXX=g++ CC=gcc timeout 400 npx --no-install node-gyp rebuild -- -Dsanitize=address,undefined) \
  >"$work/build.log" 2>&1 || {
  tail -n 40 "$work/build.log" >&2
  exit 1
}

# Node itself is not built for it: its memory at exit is not a leak, and the runtimes must be loaded before it.
LD_PRELOAD="$asan:$ubsan" \
  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
  timeout 300 node "$root/test/native/arguments.mjs" "$work/build/Release/epollet.node" "$@"
