#!/usr/bin/env bash
# Runs all tests on other Nodes and, emulated, a smoke test on other processors: what README calls "run".
#   test/matrix/platforms.sh            everything; as root, on Debian, it installs the emulators it misses
#   test/matrix/platforms.sh nodes      other Nodes only
# A Node of any version is an npm package with the binary inside.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

NODES=(22.23.3 24.21.0 26.10.0)
# processor of the Node package, its version, koffi's name of the processor, emulator, Debian's name
EMULATED=(
  'arm64 24.21.0 arm64 qemu-aarch64-static aarch64-linux-gnu arm64'
  'armv7l 20.11.0 arm qemu-arm-static arm-linux-gnueabihf armhf'
  'ppc64le 20.11.0 ppc64 qemu-ppc64le-static powerpc64le-linux-gnu ppc64el'
)

node_binary() { # platform version
  local folder=$work/node-$1-$2
  mkdir -p "$folder"
  (cd "$folder" && npm pack --silent "node-$1@$2" >/dev/null && tar xzf ./*.tgz --strip 1)
  echo "$folder/bin/node"
}

for version in "${NODES[@]}"; do
  node=$(node_binary "$(node -p 'process.platform + "-" + process.arch')" "$version")
  echo "== the tests on Node $version"
  PATH=$(dirname "$node"):$PATH npm test
done
[[ ${1-} == nodes ]] && exit

npm run --silent build
for row in "${EMULATED[@]}"; do
  read -r processor version koffi emulator triple debian <<<"$row"
  if ! command -v "$emulator" >/dev/null || [[ ! -d /usr/$triple ]]; then
    apt-get install -y -qq qemu-user-static "libc6-$debian-cross" "libstdc++6-$debian-cross" >/dev/null
    [[ $debian == armhf ]] && apt-get install -y -qq libatomic1-armhf-cross >/dev/null
  fi
  node=$(node_binary "linux-$processor" "$version")
  package=$work/$processor/fdchannel
  mkdir -p "$package"
  cp -r "$root/dist" "$root/package.json" "$package"
  (cd "$package" && npm install --silent --no-save --ignore-scripts --omit=dev --cpu="$koffi" --os=linux)
  echo "== the channel on $processor, emulated"
  "$emulator" -L "/usr/$triple" "$node" "$root/test/matrix/smoke.mjs" "$package/dist"
done
