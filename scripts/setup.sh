#!/usr/bin/env bash
# Checks that there is a Swift that can build vkxl, and installs the system packages that it needs
# (Debian 12 or later, Ubuntu 24.04 or later) where they are missing. Safe to run again.
set -euo pipefail

needed="Swift 6.2 or later is needed: https://www.swift.org/install/linux/"
if ! command -v swift >/dev/null; then
  echo "setup: no swift found. $needed" >&2
  exit 1
fi
found="$(swift --version 2>&1 || true)"
version="$(grep -oE 'Swift version [0-9]+\.[0-9]+' <<<"$found" | grep -oE '[0-9.]+$' || true)"
if [ -z "$version" ]; then
  echo "setup: $(command -v swift) tells no version, but: $found" >&2
  echo "setup: $needed" >&2
  exit 1
fi
if [ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" != "6.2" ]; then
  echo "setup: found Swift $version. $needed" >&2
  exit 1
fi

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
  if [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
    echo "setup: there is no sudo; run this as root, or have root install: ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${missing[*]}"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
fi
