#!/usr/bin/env bash
# Sets up what a build for NVIDIA GPUs needs: libtorch for CUDA out of its wheel and the CUDA libraries and headers out
# of those that it asks for, into .deps/cuda/torch and .deps/cuda/nvidia (about 4.5 GB, 10 GB while it works). No CUDA
# toolkit and no nvcc: there is no kernel of our own to compile. Safe to run again: what is there is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/versions.sh
deps=$PWD/.deps
mark="$TORCH_CUDA_VERSION $CUDA_HEADERS"
[[ $(cat "$deps/.cuda" 2>/dev/null) == "$mark" ]] && exit 0

printf '\033[1mFetching libtorch %s for CUDA (out of wheels, about 2.5 GB)\033[0m\n' "$TORCH_CUDA_VERSION"
work=$deps/work-cuda
rm -rf "$work" && mkdir -p "$work/tmp" "$work/out"
TMPDIR=$work/tmp python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --only-binary=:all: \
  --target "$work/site" "torch==$TORCH_CUDA_VERSION" $CUDA_HEADERS || {
  printf 'error: torch==%s could not be fetched\n%s\n' "$TORCH_CUDA_VERSION" \
    "Check the network connection and the room on the disk, then run this command again." >&2
  exit 4
}
if [[ ! -e $work/site/torch/lib/libtorch_cuda.so ]]; then
  echo "error: the wheel torch $TORCH_CUDA_VERSION is not one for CUDA" >&2
  echo "Correct TORCH_CUDA_VERSION in scripts/versions.sh." >&2
  exit 4
fi
mkdir "$work/out/torch"
mv "$work/site/torch/lib" "$work/site/torch/include" "$work/out/torch/"
rm -f "$work/out/torch/lib/libtorch_python.so"
mv "$work"/site/torch-*.dist-info/licenses/LICENSE "$work/out/torch/LICENSE"
# Beside torch/, as its libraries look for them.
mv "$work/site/nvidia" "$work/out/"
rm -rf "$deps/cuda" && mv "$work/out" "$deps/cuda" && rm -rf "$work"
printf '%s\n' "$mark" >"$deps/.cuda.tmp" && mv "$deps/.cuda.tmp" "$deps/.cuda"
