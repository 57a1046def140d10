#!/usr/bin/env bash
# Runs the package on other Nodes and, emulated, on other processors: what README calls "run".
#   test/matrix/platforms.sh            everything; as root, on Debian, it installs the emulators it misses
#   test/matrix/platforms.sh native     other Nodes only
# A Node of any version is an npm package with the binary inside.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

NODES=(22.23.3 24.21.0)
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

npm run --silent build
for version in "${NODES[@]}"; do
  node=$(node_binary linux-x64 "$version")
  echo "== the channel on Node $version"
  "$node" test/matrix/smoke.mjs dist
done
[[ ${1-} == native ]] && exit

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
