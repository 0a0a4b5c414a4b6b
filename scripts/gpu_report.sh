#!/usr/bin/env bash
# All that is to be known of a GPU, in one go of some minutes: what it is, whether every kernel computes
# what it should, what kernels and training steps take. Writes a folder to attach to a report.
#   scripts/gpu_report.sh [FOLDER] [--device NAME]      (default: gpu-report)
# VKXL names a binary that is there already (built elsewhere with --static-swift-stdlib, say).
set -euo pipefail
folder=gpu-report
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
  folder="$1"
  shift
fi
device=("$@")
vkxl="${VKXL:-}"
if [ -z "$vkxl" ]; then
  cd "$(dirname "$0")/.."
  swift build -c release --product vkxl
  vkxl="$(swift build -c release --show-bin-path)/vkxl"
fi
mkdir -p "$folder"
failures=0

# Runs a command and keeps what it says; one that fails, for want of memory say, does not end the others.
run() {
  local name="$1"
  shift
  echo "== $name: vkxl $*"
  if ! "$vkxl" "$@" 2> "$folder/$name.errors" | tee "$folder/$name.txt"; then
    echo "gpu_report: $name failed" >&2
    cat "$folder/$name.errors" >&2
    failures=$((failures + 1))
  fi
}

run devices devices
run verify verify "${device[@]}"
for precision in f16 bf16 f32; do
  run "kernels-$precision" bench kernels --batch 4 --precision "$precision" \
    --json "$folder/kernels-$precision.json" --plot "$folder/kernels-$precision.png" "${device[@]}"
done
for batch in 1 4 8; do
  run "memory-full-$batch" bench memory --size full --batch "$batch" "${device[@]}"
  run "step-full-$batch" bench step --size full --batch "$batch" --precision f16 \
    --json "$folder/step-full-$batch.json" "${device[@]}"
done
run step-tiny bench step --size tiny --batch 4 --json "$folder/step-tiny.json" "${device[@]}"
echo "report in $folder, $failures of its parts failed"
[ "$failures" -eq 0 ]
