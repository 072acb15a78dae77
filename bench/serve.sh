#!/usr/bin/env bash
# Measures what 200 open pages that play audio cost a training: it runs alone, beside them, and beside such pages of a
# stand-in for the server on their own core, in turns. The last two differ by what the server does alone.
# usage: bench/serve.sh WORKSPACE VOICE [ROUNDS]     VOICE has recordings and training/VOICE/train.yaml
# The server and the training share one core and the pages have another, so that only the server's part is seen.
set -euo pipefail
here=$(dirname "$0")
export OMP_WAIT_POLICY=passive
exec taskset -c 1 "$here/../.deps/node/bin/node" "$here/serve.mjs" "$here/../build/testudo" "$@"
