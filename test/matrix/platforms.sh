#!/usr/bin/env bash
# Runs the tests on other Nodes, what waits in the other ways in which a loop can look at sockets, on every Node, and on other
# runtimes, and, emulated, a smoke test on other processors: what README calls "run".
#   test/matrix/platforms.sh [nodes] [loops] [runtimes] [processors]       all four without a word
#   test/matrix/platforms.sh node=22.23.3 loop=poll+thread runtime=bun     one of each
# As root, on Debian, it installs the emulators that it misses. Every binary is in an npm package.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d)
chmod 755 "$work" # tests start Node as another user, too
trap 'rm -rf "$work"' EXIT

NODES=(22.23.3 24.21.0 26.10.0)
BUN=1.4.5
DENO=2.9.6
# The first is this system's own choice.
LOOPS=(epoll+stream epoll+thread poll+thread)
OTHER_LOOPS=("${LOOPS[@]:1}")
RUNTIMES=(node bun deno)
# Of test/socket, whose tables run over every kind of end, what waits on the event loop. Left out are the suites that
# never wait there, `lifetime`, which runs over each of LOOPS by itself, and `last`: test/loop/ends.test.ts tells of each
# what becomes of it when a process or a worker ends.
WAITING=(abort contention destroy end fairness flags iteration many order queue send shutdown sides states turn unasked)
# The same, where descriptor 0, garbage and processes are Node's.
WAITING_ON_NODE=(life limits many-at-once processes soak strange-signals)
# processor of the Node package, its version, koffi's name of the processor, emulator, Debian's name
EMULATED=(
  'arm64 24.21.0 arm64 qemu-aarch64-static aarch64-linux-gnu arm64'
  'armv7l 20.11.0 arm qemu-arm-static arm-linux-gnueabihf armhf'
  'ppc64le 20.11.0 ppc64 qemu-ppc64le-static powerpc64le-linux-gnu ppc64el'
)

# Each is fetched once, whichever lane needs it first.
export PACKAGES=${PACKAGES:-$work/packages}
package() { # its name and version; prints the folder into which it was extracted
  local folder=$PACKAGES/${1//\//-}
  mkdir -p "$folder"
  (
    flock 9
    cd "$folder"
    [[ -e fetched ]] && exit
    npm pack --fetch-retries 5 --loglevel error "$1" >/dev/null
    tar xzf ./*.tgz --strip 1
    rm ./*.tgz
    touch fetched
  ) 9>"$folder.lock"
  echo "$folder"
}

# A test builds there what another packs.
enter_copy() {
  cd "$(mktemp -d -p "$work")"
  chmod 755 .
  tar c -C "$root" --exclude .git . | tar x
}

tables() { # suites of test/socket; prints the names of their files
  local files=("${@/#/test/socket/}")
  echo "${files[@]/%/.test.ts}"
}

use_node() { # its version
  local node
  node=$(package "node-$(node -p 'process.platform + "-" + process.arch')@$1")
  export PATH=$node/bin:$PATH
}

tests_on_node() {
  use_node "$1"
  echo "== the tests on Node $1"
  npm test
}

# The tables of ends and the model on every Node, over the sets and watches that this system would not choose.
tests_over_loop() {
  export FDCHANNEL_LOOP=$1
  local version
  for version in '' "${NODES[@]}"; do
    if [[ $version ]]; then use_node "$version"; fi
    echo "== the tables of ends and the model over $1, on Node $(node --version)"
    # shellcheck disable=SC2046
    npm test -- $(tables "${WAITING[@]}" "${WAITING_ON_NODE[@]}") test/model/{found,soak}.test.ts
  done
}

# Bun and Deno know nothing of Node's streams, so a helper thread looks there. The model plays between their threads: it
# does not know which descriptors of theirs belong to a process. The tables need numbers that Deno's `fs` refuses.
tests_on_runtime() {
  local command=node loops=("${LOOPS[@]}") processor=x64 loop
  [[ $(uname -m) == x86_64 ]] || processor=aarch64
  if [[ $1 != node ]]; then loops=("${OTHER_LOOPS[@]}"); fi
  case $1 in
    bun) command=$(package "@oven/bun-linux-$processor@$BUN")/bin/bun ;;
    deno) command="$(package "@deno/linux-${processor/aarch/arm}-glibc@$DENO")/deno run -A --quiet --node-modules-dir=manual" ;;
  esac
  npm run --silent build
  for loop in '' "${loops[@]}"; do
    echo "== what waits on $1${loop:+ over $loop}"
    if [[ $loop ]]; then export FDCHANNEL_LOOP=$loop; fi
    $command test/matrix/runtimes.mjs "$PWD/dist/index.js"
    if [[ $1 == node || ! $loop ]]; then continue; fi
    $command test/model/soak.ts --seed 1 --seconds 10 --places main,worker
    # shellcheck disable=SC2046
    if [[ $1 == bun ]]; then $command test/support/run.ts $(tables "${WAITING[@]}"); fi
  done
}

processors() {
  npm run --silent build
  local row processor version koffi emulator triple debian folder
  for row in "${EMULATED[@]}"; do
    read -r processor version koffi emulator triple debian <<<"$row"
    if ! command -v "$emulator" >/dev/null || [[ ! -d /usr/$triple ]]; then
      apt-get install -y -qq qemu-user-static "libc6-$debian-cross" "libstdc++6-$debian-cross" >/dev/null
      [[ $debian == armhf ]] && apt-get install -y -qq libatomic1-armhf-cross >/dev/null
    fi
    folder=$work/$processor/fdchannel
    mkdir -p "$folder"
    cp -r "$root/dist" "$root/package.json" "$folder"
    (cd "$folder" && npm install --silent --no-save --ignore-scripts --omit=dev --cpu="$koffi" --os=linux)
    echo "== the channel on $processor, emulated"
    "$emulator" -L "/usr/$triple" "$(package "node-linux-$processor@$version")/bin/node" \
      "$root/test/matrix/smoke.mjs" "$folder/dist"
  done
}

[[ $# == 0 ]] && set -- nodes loops runtimes processors
lanes=()
for word in "$@"; do
  case $word in
    nodes) lanes+=("${NODES[@]/#/node=}") ;;
    loops) lanes+=("${OTHER_LOOPS[@]/#/loop=}") ;;
    runtimes) lanes+=("${RUNTIMES[@]/#/runtime=}") ;;
    processors) processors ;;
    # In a subshell, as each sets an environment of its own.
    node=*) (enter_copy; tests_on_node "${word#*=}") ;;
    loop=*) (enter_copy; tests_over_loop "${word#*=}") ;;
    runtime=*) (enter_copy; tests_on_runtime "${word#*=}") ;;
    *) echo "there is no $word: nodes, loops, runtimes, processors, node=VERSION, loop=..., runtime=..." >&2 && exit 2 ;;
  esac
done
# As many at once as there are processors. What one says comes at its end, in one piece, and what failed comes last.
export failed=$work/failed
[[ ${#lanes[@]} == 0 ]] || printf '%s\0' "${lanes[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c '
  said=$("$0" "$1" 2>&1) && echo "$said" && exit
  { echo "== failed with exit code $?: $1"; echo "$said"; } >>"$failed"
  exit 1' "$root/test/matrix/platforms.sh" || { cat "$failed"; exit 1; }
