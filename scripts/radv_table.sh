#!/usr/bin/env bash
# Compiles the kernels of GPUs for AMD's generations with Mesa's RADV, no card needed, and writes what
# its compiler says to Benchmarks/radv-kernels.md. Another RADV than the installed one:
#   VKXL_RADV_DRIVER=/path/to/radeon_icd.json scripts/radv_table.sh
set -euo pipefail
cd "$(dirname "$0")/.."
driver="${VKXL_RADV_DRIVER:-$(ls /usr/share/vulkan/icd.d/radeon_icd*.json 2>/dev/null | head -n 1 || true)}"
if [ -z "$driver" ]; then
  echo "radv_table: Mesa's RADV is not installed (Debian, Ubuntu: package mesa-vulkan-drivers)" >&2
  exit 1
fi
# As scripts/test.sh builds, so that one build serves both.
swift build -c release -Xswiftc -enable-testing --product vkxl
vkxl="$(swift build -c release --show-bin-path)/vkxl"
table="$(mktemp)"
trap 'rm -f "$table"' EXIT

cat > "$table" <<'TEXT'
# Kernels of GPUs as RADV compiles them

Made by `scripts/radv_table.sh`; nothing is run. Operands and results f16 where the name tells no other
storage. VGPRs are those of a lane,
LDS and scratch in bytes, inverse throughput in cycles of a subgroup as the compiler guesses them (it
does not know how often loops run, so compare only kernels of one kind). On RDNA2 and RDNA3 a SIMD has
room for 16 subgroups of 32; four are enough to hide a wait for shared memory.
TEXT
# Names of one generation in newer and older versions of Mesa.
errors="$(mktemp)"
trap 'rm -f "$table" "$errors"' EXIT
for names in "navi21" "navi31 gfx1100" "gfx1201"; do
  found=""
  for name in $names; do
    if section="$(RADV_FORCE_FAMILY=$name VK_DRIVER_FILES=$driver "$vkxl" kernel-statistics 2> "$errors")"; then
      found=yes
      printf '\n%s\n' "$section" >> "$table"
      break
    fi
    if ! grep -q "Unknown family" "$errors"; then
      echo "radv_table: $name failed, the table stays as it was:" >&2
      cat "$errors" >&2
      exit 1
    fi
  done
  if [ -z "$found" ]; then echo "radv_table: nothing for ${names// / or } with $driver" >&2; fi
done
mkdir -p Benchmarks
cp "$table" Benchmarks/radv-kernels.md
