#!/usr/bin/env bash
# Installs the system packages that vkxl needs (Debian 12 or later, Ubuntu 24.04 or later) where they
# are missing. Safe to run again.
set -euo pipefail

packages=(
  libvulkan-dev libshaderc-dev glslang-dev spirv-tools libpng-dev libjpeg-dev libwebp-dev
  mesa-vulkan-drivers vulkan-validationlayers
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "setup: this script knows apt-get only; install: ${missing[*]}" >&2
    exit 1
  fi
  sudo=""
  if [ "$(id -u)" -ne 0 ]; then sudo="sudo"; fi
  echo "setup: installing ${missing[*]}"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
fi

needed="Swift 6.2 or later is needed: https://www.swift.org/install/linux/"
if ! command -v swift >/dev/null; then
  echo "setup: no swift found. $needed" >&2
  exit 1
fi
version="$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | grep -oE '[0-9]+\.[0-9]+')"
if [ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" != "6.2" ]; then
  echo "setup: found Swift $version. $needed" >&2
  exit 1
fi
