#!/usr/bin/env bash
# Builds the Dockerfile's two images, the default and slim, and runs each where there is no Docker engine and no registry to pull from.
#
#   sudo test/image/run.sh
#
# A stand-in replaces the published base image: debootstrap makes a Debian, this machine's node and npm are copied to their
# paths in the official image, and the result is tagged with the name in the Dockerfile's FROM. buildah then builds the
# unchanged Dockerfile (chroot isolation, vfs storage), and each image's command runs on the resulting root filesystem,
# read-only, as the image's user, as PID 1 of a PID namespace.
#
# Environment:
#   CI=true             a missing prerequisite is a failure, not a skip
#   IMAGE_TEST_CACHE    a directory for the .deb files of debootstrap; it alone remains after a run
#   IMAGE_TEST_CONTEXT  the directory to build, by default this checkout
set -Eeuo pipefail
export LC_ALL=C

here=$(dirname "$(readlink -f "$0")")
context=${IMAGE_TEST_CONTEXT:-$(dirname "$(dirname "$here")")}
suite=bookworm
image=localhost/epollet-image-test
targets=(default slim)

# ---- prerequisites ------------------------------------------------------------------------------------------

log() { echo "image: $*"; }

fail() {
  echo "image: FAILED, $*" >&2
  exit 1
}

cannot_run() {
  [[ ${CI:-} != true ]] || fail "$1, and CI=true allows no skipping"
  log "skipped, $1"
  exit 0
}

check_prerequisites() {
  ((EUID == 0)) || cannot_run "root is needed for debootstrap, mounts and chroot"
  local command
  for command in buildah debootstrap node npm curl unshare; do
    command -v "$command" >/dev/null || cannot_run "$command is not installed"
  done
  unshare --mount --pid --fork true 2>/dev/null || cannot_run "namespaces are not permitted here"
}

# Every mount from here on belongs to this process tree and disappears with it.
enter_own_mount_namespace() {
  [[ ${IMAGE_TEST_UNSHARED:-} == yes ]] || IMAGE_TEST_UNSHARED=yes exec unshare --mount bash "$0" "$@"
}

# ---- steps, time limits and cleanup -----------------------------------------------------------------

work=
covered= # the machine's own container storage

# Every background job is an unshare with a PID namespace, which ends with its first process.
cleanup() {
  trap - EXIT
  local -a left
  mapfile -t left < <(jobs -p)
  # bash's own messages about killed jobs would hide the last line, the reason of the failure.
  exec 3>&2 2>/dev/null
  ((${#left[@]} == 0)) || kill -KILL "${left[@]}" || true
  wait
  exec 2>&3
  if [[ -n $covered ]]; then
    umount --lazy "$covered" || true
    rmdir --ignore-fail-on-non-empty "$covered" || true
  fi
  # A killed process may still be writing.
  [[ -z $work ]] || rm -rf --one-file-system "$work" || { sleep 2 && rm -rf --one-file-system "$work"; }
}

milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

# ended_within SECONDS PID
ended_within() {
  local deadline=$(($(milliseconds) + $1 * 1000))
  while kill -0 "$2" 2>/dev/null; do
    (($(milliseconds) < deadline)) || return 1
    sleep 0.02
  done
}

# bounded SECONDS DESCRIPTION COMMAND...: prints the output only on failure. In the background, so that a signal to this
# script does not wait for the step.
bounded() {
  local seconds=$1 what=$2 log=$work/step.log status=0 start=$SECONDS
  shift 2
  unshare --pid --fork --kill-child --mount-proc -- "$@" >"$log" 2>&1 </dev/null &
  ended_within "$seconds" $! || fail_with "$log" "$what takes longer than $seconds s"
  wait $! || status=$?
  ((status == 0)) || fail_with "$log" "$what, exit code $status"
  log "$what ($((SECONDS - start)) s)"
}

# fail_with LOG REASON
fail_with() {
  tail -n 60 "$1" >&2
  fail "$2"
}

# buildah has no option for the location of its blob cache next to the machine's storage; a mount that is private to this
# script hides it. The directory is removed again if empty; buildah creates it on demand.
cover_own_storage() {
  covered=/var/lib/containers
  mkdir -p "$covered"
  mount -t tmpfs image-test "$covered"
}

# ---- the stand-in for the base image ------------------------------------------------------------------------------------

# The mirror of this machine's apt, if it is a Debian; proxy and certificate settings are copied below.
debian_mirror() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" 'Origin: Debian' 2>/dev/null |
    grep '^http' | head -n 1) || true
  echo "${mirror:-http://deb.debian.org/debian}"
}

make_base() {
  local name=$1 mirror
  mirror=$(debian_mirror)
  local -a debootstrap=(debootstrap --variant=minbase)
  if [[ -n ${IMAGE_TEST_CACHE:-} ]]; then
    mkdir -p "$IMAGE_TEST_CACHE"
    debootstrap+=(--cache-dir="$(readlink -f "$IMAGE_TEST_CACHE")")
  fi
  local base root
  base=$("${buildah[@]}" from scratch)
  root=$("${buildah[@]}" mount "$base")
  bounded 240 "base: debootstrap of $suite from $mirror" "${debootstrap[@]}" "$suite" "$root" "$mirror"
  add_network_settings "$root" "$mirror"
  add_node "$root"
  chroot "$root" groupadd --gid 1000 node
  chroot "$root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
  "${buildah[@]}" config --cmd node --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$base"
  if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then
    "${buildah[@]}" config --env NODE_EXTRA_CA_CERTS=/usr/local/etc/extra-ca.crt "$base"
  fi
  bounded 120 "base: commit as $name" "${buildah[@]}" commit --quiet --rm "$base" "$name"
}

# Network settings of apt and npm on this machine: proxies, mirrors, certificates.
add_network_settings() {
  local root=$1 mirror=$2 bundle=/etc/ssl/certs/ca-certificates.crt key value
  echo "deb $mirror $suite main" >"$root/etc/apt/sources.list"
  apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::|Check-Valid-Until|Check-Date)' \
    >"$root/etc/apt/apt.conf.d/90image-test" || true
  # A temporary root needs no fsync after every file; the official images do the same.
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/image-test"
  if [[ -f $bundle ]]; then
    mkdir -p "$root${bundle%/*}"
    cat "$bundle" >"$root$bundle"
  fi
  mkdir -p "$root/usr/local/etc"
  if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then cat "$NODE_EXTRA_CA_CERTS" >"$root/usr/local/etc/extra-ca.crt"; fi
  for key in registry proxy https-proxy noproxy cafile; do
    value=$(cd / && npm config get "$key" 2>/dev/null)
    case $value in
      '' | null | undefined) continue ;;
    esac
    if [[ $key == cafile ]]; then
      cat "$value" >"$root/usr/local/etc/npm-ca.crt"
      value=/usr/local/etc/npm-ca.crt
    fi
    echo "$key=$value"
  done >"$root/usr/local/etc/npmrc"
}

# This machine's node, its headers and npm, at their paths in the official image.
add_node() {
  local root=$1 node npm library
  node=$(node -p process.execPath)
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  local headers=${node%/bin/*}/include/node
  [[ -f $npm/bin/npm-cli.js ]] || fail "npm must be a symlink to its npm-cli.js, but $npm/bin/npm-cli.js does not exist"
  [[ -f $headers/node_api.h ]] || fail "node's headers are missing in $headers"
  mkdir -p "$root/usr/local/include" "$root/usr/local/lib/node_modules"
  cp "$node" "$root/usr/local/bin/node"
  cp -R --dereference "$headers" "$root/usr/local/include/node"
  cp -R "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  # A distribution's node may need libraries that a minimal Debian lacks; existing ones are not overwritten.
  while read -r library; do
    if [[ ! -e $root$library && ! -e $root/usr$library ]]; then
      mkdir -p "$root${library%/*}"
      cp --dereference "$library" "$root$library"
    fi
  done < <(ldd "$node" | grep -o ' /[^ ]*' | tr -d ' ')
  log "base: node $(chroot "$root" node --version) and npm $(chroot "$root" npm --version)"
}

# ---- the image and its configuration -------------------------------------------------------------------------------

build_images() {
  local version target
  version=$(cd "$context" && node -p 'require("./package.json").version')
  for target in "${targets[@]}"; do
    # Only Docker's format has health checks; the OCI format drops them. The default image is the last stage.
    local -a options=(--isolation chroot --format docker --pull-never --build-arg VERSION="$version" --tag "$image:$target")
    [[ $target == default ]] || options+=(--target "$target")
    bounded 480 "build: buildah bud of the $target image" "${buildah[@]}" bud "${options[@]}" --file "$context/Dockerfile" "$context"
  done
}

# config EXPRESSION: evaluates it on the image's configuration `c`; entries of an array are terminated by NUL.
config() {
  node -e '
    const c = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).Docker.config;
    const value = eval(process.argv[2]);
    process.stdout.write(Array.isArray(value) ? value.map((entry) => `${entry}\0`).join("") : String(value));
  ' "$work/inspect.json" "$1"
}

read_config() {
  "${buildah[@]}" inspect --type image "$1" >"$work/inspect.json"
  mapfile -d '' entrypoint < <(config c.Entrypoint)
  mapfile -d '' default_command < <(config c.Cmd)
  mapfile -d '' health_check < <(config 'c.Healthcheck.Test.slice(1)')
  mapfile -d '' environment < <(config c.Env)
  user=$(config c.User)
  workdir=$(config c.WorkingDir)
}

expect_config() {
  local found
  found=$(config "JSON.stringify($1)")
  [[ $found == "$2" ]] || fail "the image's configuration: $1 is $found, expected $2"
}

check_config() {
  local version
  version=$(cd "$context" && node -p 'require("./package.json").version')
  expect_config 'c.User' '"1000:1000"'
  expect_config 'c.Entrypoint' '["epollet"]'
  expect_config 'c.Cmd' '["serve"]'
  expect_config 'c.ExposedPorts' '{"8080/tcp":{}}'
  expect_config 'c.StopSignal' '"SIGTERM"'
  expect_config 'c.Healthcheck.Test' '["CMD","epollet","healthcheck"]'
  expect_config '["EPOLLET_HOST=::","EPOLLET_PORT=8080","NODE_ENV=production"].every((e) => c.Env.includes(e))' true
  expect_config 'c.Labels["org.opencontainers.image.licenses"]' '"MIT"'
  expect_config 'c.Labels["org.opencontainers.image.version"]' "\"$version\""
  log "config: user 1000:1000, entrypoint, command, port, health check, stop signal, environment and labels are as expected"
}

check_contents() {
  local name path
  for name in cc c++ gcc g++ clang as ld make python3 node-gyp; do
    path=$(cd "$rootfs" && find . -xdev \( -type f -o -type l \) \( -path '*/bin/*' -o -path '*/sbin/*' \) \
      \( -name "$name" -o -name "$name[-.][0-9]*" \) \
      -not -path './usr/local/lib/node_modules/npm/*' -print -quit)
    [[ -z $path ]] || fail "the runtime image contains ${path#.}"
  done
  for path in node_modules/node-gyp node_modules/node-addon-api node_modules/typescript node_modules/vitest node_modules/autocannon native src test .git; do
    [[ ! -e $rootfs/app/$path ]] || fail "the runtime image contains /app/$path"
  done
  for path in LICENSE package.json dist/epollet.cjs dist/command.cjs build/Release/epollet.node node_modules/{bindings,prom-client}; do
    [[ -e $rootfs/app/$path ]] || fail "the runtime image lacks /app/$path"
  done
  [[ -e $rootfs/srv/index.html && $(readlink "$rootfs/app/html") == /srv ]] || fail "/srv is not the default site of the image"
  path=$(find "$rootfs/app" "$rootfs/srv" \( -not -user 0 -o -perm /002 \) -not -type l -print -quit)
  [[ -z $path ]] || fail "the image's user can write ${path#"$rootfs"}"
  check_code_cache
  log "contents: no compilers and no build tools; /app takes $(megabytes "$rootfs/app") ($(ls -m "$rootfs/app/node_modules")) and belongs to root"
}

megabytes() { du -s --block-size=1MB "$1" | awk '{ print $1 " MB" }'; }

# Everything in the slim image that can be run, but node's own files.
check_slim_contents() {
  local found
  found=$(cd "$rootfs" && find . -xdev \( -type f -o -type l \) -perm /111 \( -path '*/bin/*' -o -path '*/sbin/*' \) | sort | xargs)
  [[ $found == "./usr/local/bin/epollet ./usr/local/bin/node" ]] || fail "the slim image has the programs $found"
  found=$(cd "$rootfs" && find . -xdev -perm /6000 -print -quit)
  [[ -z $found ]] || fail "the slim image has a file with setuid or setgid, $found"
  log "contents: node and epollet are its only programs, its libraries are $(cd "$rootfs" && find . -name '*.so.*' -printf '%f ')"
}

check_code_cache() {
  env -u NODE_EXTRA_CA_CERTS chroot "$rootfs" /usr/local/bin/node -e '
    const { readdirSync, readFileSync } = require("node:fs");
    const [cache, ...more] = readdirSync("/app/cache");
    const script = new (require("node:vm").Script)(readFileSync("/app/dist/command.cjs", "latin1"), {
      cachedData: readFileSync(`/app/cache/${cache}`),
    });
    process.exit(script.cachedDataRejected || more.length > 0 ? 1 : 0);
  ' || fail "/app/cache is not the code cache of the command"
}

# ---- the image's command, run as in a container -------------------------------------------------------------------

site=                # a directory to mount at /srv, as `-v …:/srv:ro` would
declare -a extra=()  # more environment, as `-e NAME=value` would

# contained COMMAND...: on the image's root, read-only, as its user, in its environment, as PID 1 of a PID namespace, with
# the host's network. It is nested in an outer PID namespace: the kernel clears --kill-child when a process changes its
# user; the first process of the outer one does not, and everything inside ends with it.
contained() {
  exec unshare --pid --fork --kill-child -- unshare --mount --pid --fork -- bash -euc '
    root=$1 site=$2 user=$3 workdir=$4 count=$5
    shift 5
    mount --bind "$root" "$root"
    [[ -z $site ]] || mount --bind "$site" "$root/srv"
    mkdir -p "$root/dev" "$root/proc" # as a container engine does
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount -o remount,bind,ro "$root"
    # This shell is PID 1 and execs env, then unshare, which enters the root, then the command: the slim image has none of them.
    exec env -i -- "${@:1:count}" "$(command -v unshare)" --root "$root" --wd "$workdir" \
      --setgid "${user#*:}" --setuid "${user%:*}" -- "${@:count+1}"
  ' contained "$rootfs" "$site" "$user" "$workdir" "$((${#environment[@]} + ${#extra[@]}))" "${environment[@]}" "${extra[@]}" "$@"
}

free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, () => { console.log(s.address().port); s.close(); })'
}

# start ARGUMENT...: like `docker run … epollet ARGUMENT...`; without arguments the image's CMD.
start() {
  local -a command=("${entrypoint[@]}" "$@")
  (($# > 0)) || command+=("${default_command[@]}")
  log "run: ${extra[*]:+${extra[*]} }${command[*]}"
  : >"$work/out"
  : >"$work/err"
  contained "${command[@]}" >"$work/out" 2>"$work/err" </dev/null &
  container=$!
  local deadline=$((SECONDS + 15)) status=0
  until (($(wc -l <"$work/out") > 0)); do
    if ! kill -0 "$container" 2>/dev/null; then
      wait "$container" || status=$?
      fail_with_output "it exited before it was ready, exit code $status"
    fi
    ((SECONDS < deadline)) || fail_with_output "it was not ready within 15 s"
    sleep 0.05
  done
  [[ $(grep -vc ' is the admin door$' "$work/out") == 1 && $(<"$work/out") == *http://*":$port"* ]] ||
    fail_with_output "it should print one line with its URL, port $port"
  inside=$(only_child "$(only_child "$container")")
}

only_child() {
  local child
  child=$(<"/proc/$1/task/$1/children")
  echo "${child% }"
}

fail_with_output() {
  sed 's/^/  stdout: /' "$work/out" >&2
  sed 's/^/  stderr: /' "$work/err" >&2
  fail "$1"
}

# get HOST PATH FILE: the response must be the content of FILE.
get() {
  local url=http://$1:$port$2
  curl --silent --show-error --fail --noproxy '*' --max-time 5 --output "$work/page" "$url" || fail_with_output "GET $url"
  cmp -s "$work/page" "$3" || fail_with_output "GET $url did not return ${3#"$rootfs"}"
}

# expect_health STATUS WHEN: runs the image's health check like a container engine; it must exit with STATUS.
expect_health() {
  local status=0 begin took
  begin=$(milliseconds)
  contained "${health_check[@]}" >"$work/health" 2>&1 </dev/null &
  ended_within 3 $! || fail_with "$work/health" "$2, the health check takes longer than its timeout"
  wait $! || status=$?
  took=$(($(milliseconds) - begin))
  ((status == $1)) || fail_with "$work/health" "$2, the health check exits with $status instead of $1"
  log "run: $2, the health check exits with $status after $took ms"
}

check_identity() {
  local status=/proc/$inside/status
  [[ $(awk '/^NSpid:/ { print $NF }' "$status") == 1 ]] || fail "the command is not PID 1 in its namespace"
  [[ $(awk '/^Uid:/ { print $2, $3, $4, $5 }' "$status") == "1000 1000 1000 1000" ]] || fail "the command does not run as 1000"
  [[ $(awk '/^CapEff:/ { print $2 }' "$status") == 0000000000000000 ]] || fail "the command has capabilities"
  [[ $(readlink "/proc/$inside/exe") == */node ]] || fail "PID 1 is $(readlink "/proc/$inside/exe") and not node"
  log "run: node is PID 1, user 1000, without capabilities, on a read-only root"
}

# The kernel drops a signal to PID 1 unless the process has a handler for it.
stop() {
  local signal=$1 status=0 begin took
  begin=$(milliseconds)
  kill "-$signal" "$inside"
  ended_within 5 "$container" || fail_with_output "SIG$signal did not stop it within 5 s"
  wait "$container" || status=$?
  took=$(($(milliseconds) - begin))
  ((status == 0)) || fail_with_output "after SIG$signal it exited with $status instead of 0"
  log "run: SIG$signal stopped it with exit code 0 after $took ms"
}

run_defaults() {
  port=$(free_port) extra=("EPOLLET_PORT=$port") site=
  start
  check_identity
  get 127.0.0.1 / "$rootfs/srv/index.html"
  [[ ! -s /proc/net/if_inet6 ]] || get '[::1]' / "$rootfs/srv/index.html"
  log "run: / is the page that ships with the image"
  expect_health 0 "while it serves"
  stop TERM
  expect_health 1 "after it has stopped"
}

run_with_a_site() {
  port=$(free_port) extra=("EPOLLET_PORT=$port") site=$work/site
  mkdir -p "$site"
  echo "<!doctype html><title>a mounted site</title>" >"$site/index.html"
  chmod -R a+rX "$site"
  start
  get 127.0.0.1 / "$site/index.html"
  stop INT
}

run_with_flags() {
  port=$(free_port) extra=()
  start serve --host 127.0.0.1 --port "$port"
  get 127.0.0.1 / "$site/index.html"
  stop TERM
}

run_with_an_admin_door() {
  local door
  port=$(free_port) door=$(free_port)
  extra=("EPOLLET_PORT=$port" "EPOLLET_ADMIN=127.0.0.1:$door" EPOLLET_STOP_DELAY_MS=1000)
  start
  curl --silent --show-error --fail --noproxy '*' --max-time 5 --output "$work/page" "http://127.0.0.1:$door/metrics" ||
    fail_with_output "GET /metrics of the admin door"
  grep -q '^epollet_ready 1$' "$work/page" || fail_with "$work/page" "the metrics lack epollet_ready 1"
  log "run: /metrics has $(grep -c '^[^#]' "$work/page") values, by prom-client"
  expect_health 0 "with an admin door"
  kill -TERM "$inside"
  expect_health 1 "while a stop is delayed"
  ended_within 5 "$container" || fail_with_output "the delayed stop took more than 5 s"
  wait "$container" || fail_with_output "the delayed stop did not exit with 0"
}

# -------------------------------------------------------------------------------------------------------------------------

check_prerequisites
enter_own_mount_namespace "$@"

trap 'echo "image: FAILED, line $LINENO: $BASH_COMMAND" >&2' ERR
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
work=$(mktemp -d "${TMPDIR:-/tmp}/epollet-image.XXXXXX")
chmod 755 "$work" # the image's user must be able to traverse it
mkdir "$work/tmp"
cover_own_storage
export TMPDIR=$work/tmp
# The storage of the calling user stays untouched.
buildah=(buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs)

default_base=$(sed -n 's/^ARG NODE_IMAGE=//p' "$context/Dockerfile")
[[ -n $default_base ]] || fail "the Dockerfile has no ARG NODE_IMAGE with a default"

make_base "$default_base"
build_images
for target in "${targets[@]}"; do
  read_config "$image:$target"
  check_config
  rootfs=$("${buildah[@]}" mount "$("${buildah[@]}" from --pull-never "$image:$target")")
  log "$target: $(megabytes "$rootfs")"
  check_contents
  [[ $target != slim ]] || check_slim_contents
  run_defaults
  run_with_a_site
  run_with_flags
  run_with_an_admin_door
done
log "ok, built and run in $SECONDS s"
