#!/usr/bin/env bash
# From a bare Debian 12 to a booted Linux with a gdb stub: installs what is needed, builds a UML kernel with debug
# information (once, a few minutes), boots it to a shell and prints the gdb command to paste into another terminal.
set -euo pipefail
cd "$(dirname "$0")/.."
bash bin/setup.sh gcc libc6-dev make gdb flex bison bc libelf-dev xz-utils busybox-static linux-source-6.12
export PATH="$PWD/node_modules/.bin:$PATH"
kernel=$(node test/fixtures/uml-kernel.ts static)
initrd=$(node test/fixtures/initramfs.ts)
exec node bin/skas.mjs boot --gdb "${SKAS_PORT:-1234}" "$@" "$kernel" mem=64M "initrd=$initrd"
