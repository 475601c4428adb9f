#!/usr/bin/env bash
# Runs every test and ends with one line, "N passed, N failed". Called by `make test`, which installs what it needs.
#
#   Tools/Setup/test.sh "FLAGS OF THE DEBUG BUILD" "FLAGS OF THE RELEASE BUILD"
#
# A section that fails does not stop the next one, unless the next one needs what it should have built.
set -uo pipefail
cd "$(dirname "$0")/../.."

read -ra debug <<<"$1"
read -ra release <<<"$2"
results=.build/test-results
rm -rf "$results" && mkdir -p "$results"
failed_builds=0
waiting_modules='^(Arrivals|BrokerServer|Dashboard|Delays|EventStreams|KafkaClient|KafkaTransport|Notifications|'
waiting_modules+='ServiceKit|Signalbox|Station)Tests\.'

section() { printf '\n==== %s ====\n' "$1"; }

run_swift_tests() {
    section "Swift: build"
    if ! swift build --build-tests "${debug[@]}"; then
        failed_builds=$((failed_builds + 1))
        return 1
    fi
    # Swift starts all tests of a run at once. What waits for sockets and timers would wait behind every rule that
    # computes for minutes, so these run first, by themselves. A test that hangs is to fail the run, not to keep it.
    local tests=(timeout --kill-after=60 1800 swift test --skip-build --disable-xctest "${debug[@]}") ended=0
    section "Swift: what computes"
    "${tests[@]}" --skip "$waiting_modules" --xunit-output "$results/swift-computing.xml" || ended=1
    section "Swift: what waits"
    "${tests[@]}" --filter "$waiting_modules" --xunit-output "$results/swift-waiting.xml" || ended=1
    return $ended
}

build_release() {
    section "Release build"
    swift build "${release[@]}" || { failed_builds=$((failed_builds + 1)); return 1; }
}

run_python_tests() {
    local folder ended=0
    for folder in Interop EndToEnd; do
        section "Tests/$folder"
        # pytest's own limit for each test cannot end a call that never returns from a client's C code.
        timeout --kill-after=60 3000 \
            .venv/bin/pytest -c Tests/pytest.ini "Tests/$folder" --junitxml="$results/$folder.xml" || ended=1
    done
    return $ended
}

started=$SECONDS
status=0
run_swift_tests || status=1
if build_release; then run_python_tests || status=1; else status=1; fi

section "Sum after $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
python3 Tools/Setup/sum_results.py "$results" "$failed_builds" "$status" || status=1
exit $status
