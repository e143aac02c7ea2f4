#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer in a directory of its own, and runs the tests of
# test/native and the argument matrix on it.
#
#   test/native/arguments.sh [--seconds N] [--seed N]     how long to try pairs of wrong arguments, 10 s by default
#
# After a crash it names the case; the same seed repeats the pairs. With CI=true a missing compiler or sanitizer is a
# failure, not a skip.
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")

cannot_run() {
  echo "arguments: skipped, $1"
  [[ ${CI:-} != true ]] || exit 1
  exit 0
}

seconds=10
for ((i = 1; i < $#; i++)); do
  [[ ${!i} != --seconds ]] || { next=$((i + 1)) && seconds=${!next}; }
done
[[ $seconds =~ ^[0-9]+$ ]] || {
  echo "arguments: --seconds takes a whole number, not '$seconds'" >&2
  exit 1
}

command -v g++ >/dev/null || cannot_run "g++ is not installed"
asan=$(g++ -print-file-name=libasan.so)
ubsan=$(g++ -print-file-name=libubsan.so)
[[ $asan == /* && $ubsan == /* ]] || cannot_run "g++ has no sanitizers here"

work=$(mktemp -d "${TMPDIR:-/tmp}/epollet-sanitized.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -R "$root/native" "$root/binding.gyp" "$root/package.json" "$root/tsconfig.json" "$root/vitest.config.ts" \
  "$root/src" "$root/test" "$work"
ln -s "$root/node_modules" "$work/node_modules"
# By npx, which passes npm's settings on: where Node's headers are, for instance.
(cd "$work" && CXX=g++ CC=gcc timeout 400 npx --no-install node-gyp rebuild -- -Dsanitize=address,undefined &&
  timeout 200 npx --no-install tsc -p tsconfig.json) >"$work/build.log" 2>&1 || {
  tail -n 40 "$work/build.log" >&2
  exit 1
}

# Node itself is not built for it: its memory at exit is not a leak, and the runtimes must be loaded before it.
sanitized() {
  LD_PRELOAD="$asan:$ubsan" \
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    timeout "$@"
}

status=0
(cd "$work" && sanitized 300 node node_modules/vitest/vitest.mjs run --maxWorkers=1 --reporter=dot test/native) \
  >"$work/tests.log" 2>&1 || {
  status=$?
  tail -n 80 "$work/tests.log" >&2
  echo "arguments: the tests of test/native fail on the sanitized addon" >&2
}

# Its files are below $work: a crash leaves none.
matrix=0
TMPDIR=$work sanitized $((seconds + 280)) node "$root/test/native/arguments.mjs" "$work/build/Release/epollet.node" \
  --trace "$work/case" "$@" || matrix=$?
if [[ $matrix != 0 && -s $work/case ]]; then
  echo "arguments: ended with $matrix at the case $(<"$work/case")" >&2
fi
exit $((status > matrix ? status : matrix))
