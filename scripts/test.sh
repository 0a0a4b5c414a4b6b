#!/usr/bin/env bash
# Sets up what is missing, then checks format and runs every test, with warnings as errors and under
# the Vulkan validation layer. Release builds: the CPU meaning of operations is slow in debug ones.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh

swift format lint --strict --recursive --configuration .swift-format \
  Package.swift Sources Tests Plugins

export VKXL_STRICT=1 VKXL_VALIDATE=1
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
swift build --build-tests -c release -Xswiftc -enable-testing
# One test at a time: the layer (1.3.239) looks devices up in a table that it does not lock, and some
# tests open devices of their own.
swift test --no-parallel --skip-build -c release -Xswiftc -enable-testing 2>&1 | tee "$log"
if grep -q "^vulkan validation:" "$log"; then
  echo "test: the validation layer found mistakes:" >&2
  grep "^vulkan validation:" "$log" | sort | uniq -c >&2
  exit 1
fi
