#!/usr/bin/env bash
# Measures a training step at the three sizes that the original was measured at.
# usage: bench/train.sh FOLDER [STEPS]     FOLDER holds train.txt and its clips
set -euo pipefail
folder=${1:?usage: bench/train.sh FOLDER [STEPS]}
steps=${2:-6}
program="$(dirname "$0")/../build/testudo"
for size in "6 384 6 8" "12 768 12 4" "30 1024 16 2"; do
  read -r layers dim heads batch <<<"$size"
  "$program" bench train --layers "$layers" --dim "$dim" --heads "$heads" --batch "$batch" --steps "$steps" \
    --threads 2 --data "$folder" --json
done
