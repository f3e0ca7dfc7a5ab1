#!/usr/bin/env bash
# Installs everything and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
bash bin/setup.sh gcc gcc-multilib libc6-dev make gdb gdbserver lldb flex bison bc libelf-dev xz-utils cpio busybox-static user-mode-linux linux-source-6.12 linux-source-6.1 qemu-user python3 perl sqlite3 binutils valgrind lcov golang-go
export PATH="$PWD/node_modules/.bin:$PATH"
node test/fixtures/uml-kernel.ts static dynamic i386 older instrumented >/dev/null
node test/fixtures/busybox-i386.ts >/dev/null
npm test --silent
