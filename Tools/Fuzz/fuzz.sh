#!/bin/bash
# fuzz.sh SECONDS [TARGET]: runs libFuzzer on one decoder or on each for that long (default 60 s each).
# The corpus stays in .build-fuzz/corpus; an input that stops a decoder is left in .build-fuzz/crashes.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
scratch=.build-fuzz
SIGNALBOX_FUZZ=1 swift build -c release --scratch-path "$scratch" --product LibFuzzer \
    -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld

targets=${2:-$("$scratch/release/LibFuzzer")}
mkdir -p "$scratch/crashes"
failed=0
for target in $targets; do
    corpus=$scratch/corpus/$target
    mkdir -p "$corpus"
    echo "--- $target"
    FUZZ_TARGET=$target FUZZ_SEEDS=$corpus "$scratch/release/LibFuzzer" "$corpus" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$scratch/crashes/$target-" 2>&1 | tail -20 || failed=1
done
exit $failed
