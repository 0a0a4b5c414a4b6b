#!/usr/bin/env bash
# Sets up what is missing, builds vkxl, and fine-tunes the bundled tiny model on the bundled pictures.
# Arguments go to `vkxl train`, for example --resume or --set training.max_steps=100.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
swift build -c release --product vkxl
"$(swift build -c release --show-bin-path)/vkxl" train --config Examples/quickstart.yaml "$@"
