#!/usr/bin/env bash
# A training step at the three sizes of docs/speed.md, each in a process of its own; the last columns compare with what
# the original needed on a machine of this kind (2 cores with AVX-512): seconds a step and MiB.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-}
printf '%-6s %10s %10s %10s %10s %12s %10s\n' size s/step clips/s 'GEMM %' 'peak MiB' 'x original' 'memory %'
while read -r name layers dim heads batch steps original_seconds original_mib; do
  build/testudo --json bench train --layers "$layers" --dim "$dim" --heads "$heads" --batch "$batch" --steps "$steps" \
    ${data:+--data "$data"} >"build/bench-$name.json"
  number() { grep -o "\"$1\": *[0-9.e+-]*" "build/bench-$name.json" | head -1 | sed 's/.*: *//'; }
  awk -v name="$name" -v s="$(number seconds_per_step)" -v c="$(number clips_per_second)" -v g="$(number gemm_peak_share)" \
    -v m="$(number peak_memory_mib)" -v os="$original_seconds" -v om="$original_mib" -v b="$batch" \
    'BEGIN { printf "%-6s %10.2f %10.2f %10.0f %10.0f %12.2f %10.0f\n", name, s, c, 100 * g, m, c / (b / os), 100 * m / om }'
done <<'SIZES'
small 6 384 6 8 8 3.65 2217
mid 12 768 12 4 6 7.42 4084
full 30 1024 16 2 5 13.62 10347
SIZES
echo "All numbers: build/bench-{small,mid,full}.json"
