#!/usr/bin/env bash
# Sets up what is missing, then checks format and runs every test, with warnings as errors and under
# the Vulkan validation layer. Release builds: the CPU meaning of operations is slow in debug ones.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh

swift format lint --strict --recursive --configuration .swift-format \
  Package.swift Sources Tests Plugins

export VKXL_STRICT=1 VKXL_VALIDATE=1
# A build folder of its own: the flags differ, and .build would be built anew after every test.
flags=(--scratch-path .build/tests -c release -Xswiftc -enable-testing)
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
swift build --build-tests "${flags[@]}"
# One test at a time: the layer (1.3.239) looks devices up in a table that it does not lock, and some
# tests open devices of their own.
swift test --no-parallel --skip-build "${flags[@]}" 2>&1 | tee "$log"
if grep -q "^vulkan validation:" "$log"; then
  echo "test: the validation layer found mistakes:" >&2
  grep "^vulkan validation:" "$log" | sort | uniq -c >&2
  exit 1
fi
