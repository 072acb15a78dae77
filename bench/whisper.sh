#!/usr/bin/env bash
# Transcription speed on a folder of recordings, greedy and with a beam of 5.
set -euo pipefail
cd "$(dirname "$0")/.."
clips=${1:-tests/golden/asr/audio} model=${2:-.deps/models/whisper/tiny.en}
for beam in 0 5; do
  echo "beam $beam:"
  build/testudo bench whisper --model "$model" --data "$clips" --beam "$beam" --language en
done
