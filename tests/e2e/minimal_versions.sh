#!/usr/bin/env bash
# Whether what the manifests ask for is enough: builds with the oldest versions that they allow.
#
#     tests/e2e/minimal_versions.sh
#
# Asks the registry, and builds everything once more, in a folder of its own. The resolver's option is unstable, which
# a stable cargo takes when it is told so.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$folder"
cd "$folder"
rm Cargo.lock
export CARGO_TARGET_DIR="$folder/target"
RUSTC_BOOTSTRAP=1 cargo update --quiet -Z direct-minimal-versions
cargo check --quiet --locked -p jobmon --all-features
cargo check --quiet --locked -p jobmon-cli
echo "builds with the oldest versions that are allowed"
