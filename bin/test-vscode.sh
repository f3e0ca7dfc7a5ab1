#!/usr/bin/env bash
# Drives the extension in a real VS Code (code-server in chromium); installs what that needs (600 MB, once). After bin/test.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
bash bin/setup.sh chromium build-essential libkrb5-dev python3
export PATH="$PWD/node_modules/.bin:$PATH"
# A browser on a busy machine may be slow to the point of missing a click: once more then.
node test/vscode/main.ts || { echo 'test-vscode: once more' >&2; node test/vscode/main.ts; }
