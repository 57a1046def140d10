#!/usr/bin/env bash
# Runs the tests on other Nodes, what waits on other runtimes and in the other ways in which a loop can look at sockets,
# and, emulated, a smoke test on other processors: what README calls "run".
#   test/matrix/platforms.sh [nodes] [loops] [runtimes] [processors]     all four without a word
# As root, on Debian, it installs the emulators that it misses. Every binary is in an npm package.
set -euo pipefail
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
# Of test/socket, whose tables run over every kind of end, what waits on the event loop. Left out are the suites that
# never wait there, `lifetime`, which runs over each of LOOPS by itself, and `last`: test/loop/ends.test.ts tells of each
# what becomes of it when a process or a worker ends.
WAITING=(abort contention destroy end fairness flags iteration life limits many many-at-once order processes queue send
  shutdown sides soak states strange-signals turn unasked)
# processor of the Node package, its version, koffi's name of the processor, emulator, Debian's name
EMULATED=(
  'arm64 24.21.0 arm64 qemu-aarch64-static aarch64-linux-gnu arm64'
  'armv7l 20.11.0 arm qemu-arm-static arm-linux-gnueabihf armhf'
  'ppc64le 20.11.0 ppc64 qemu-ppc64le-static powerpc64le-linux-gnu ppc64el'
)

package() { # its name and version; prints the folder into which it was extracted
  local folder=$work/${1//\//-}
  mkdir -p "$folder"
  (cd "$folder" && npm pack --silent "$1" >/dev/null && tar xzf ./*.tgz --strip 1)
  echo "$folder"
}

nodes() {
  local platform version
  platform=$(node -p 'process.platform + "-" + process.arch')
  for version in "${NODES[@]}"; do
    echo "== the tests on Node $version"
    PATH=$(package "node-$platform@$version")/bin:$PATH npm test
  done
}

# The tables of ends, over the sets and watches that this system would not choose.
loops() {
  local loop
  for loop in "${LOOPS[@]:1}"; do
    echo "== the tables of ends over $loop"
    printf 'test/socket/%s.test.ts\0' "${WAITING[@]}" | FDCHANNEL_LOOP=$loop xargs -0 npm test --
  done
}

# Bun and Deno know nothing of Node's streams, so a helper thread looks there.
runtimes() {
  npm run --silent build
  local bun deno loop run=("$root/test/matrix/runtimes.mjs" "$root/dist/index.js")
  case $(uname -m) in
    x86_64) bun=bun-linux-x64 deno=linux-x64-glibc ;;
    *) bun=bun-linux-aarch64 deno=linux-arm64-glibc ;;
  esac
  bun=$(package "@oven/$bun@$BUN")/bin/bun
  deno=$(package "@deno/$deno@$DENO")/deno
  for loop in "${LOOPS[@]}"; do
    FDCHANNEL_LOOP=$loop node "${run[@]}"
    [[ $loop == *stream ]] && continue
    FDCHANNEL_LOOP=$loop "$bun" "${run[@]}"
    FDCHANNEL_LOOP=$loop "$deno" run -A --quiet --node-modules-dir=manual "${run[@]}"
  done
  for command in "$bun" "$deno run -A --quiet --node-modules-dir=manual"; do $command "${run[@]}"; done
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
for word in "$@"; do
  case $word in
    nodes | loops | runtimes | processors) "$word" ;;
    *) echo "there is no $word: nodes, loops, runtimes, processors" >&2 && exit 2 ;;
  esac
done
