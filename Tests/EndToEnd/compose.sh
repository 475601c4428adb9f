#!/usr/bin/env bash
# docker-compose.yml on a real engine: every container healthy, trains on the pages, a killed container comes back,
# the log outlives `down` and `up`.
#
#   Tests/EndToEnd/compose.sh            all of it; root, Debian; needs no image registry
#   Tests/EndToEnd/compose.sh --quick    only checks that compose files and Dockerfiles parse; no engine, no root
#   Tests/EndToEnd/compose.sh --keep     all of it, and leaves the containers running until Enter
#
# The engine is one of its own: started here in a network namespace, with its data in .build/engine, ended at the end.
# The base image is made with debootstrap and the binaries are built on the host, so nothing is pulled.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
compose=$root/.venv/bin/docker-compose
python=$root/.venv/bin/python
files=(-f docker-compose.yml -f deploy/compose.prebuilt.yml)

say() { printf 'compose: %s\n' "$*"; }
fail() { printf 'compose: FAILED: %s\n' "$*" >&2; exit 1; }

check_files() {
    export DOCKER_HOST=unix:///nonexistent
    "$compose" -f docker-compose.yml config -q || fail "docker-compose.yml does not parse"
    "$compose" "${files[@]}" config -q || fail "deploy/compose.prebuilt.yml does not fit docker-compose.yml"
    "$python" Tests/EndToEnd/check_dockerfiles.py deploy/Dockerfile deploy/Dockerfile.prebuilt
    say "docker-compose.yml, deploy/compose.prebuilt.yml and the Dockerfiles parse"
}

keep=
case ${1:-} in
    --quick) check_files; exit 0 ;;
    --keep) keep=1 ;;
    "") ;;
    *) sed -n '2,8p' "$0" >&2; exit 2 ;;
esac

[ "$(id -u)" -eq 0 ] || fail "starting an engine needs root"
(check_files)

namespace=signalbox-$$
engine=$root/.build/engine           # images and volumes: large, kept for the next run
short=$(mktemp -d /tmp/signalbox-XXXXXX) # sockets: their paths must be short
engine_pid=
export DOCKER_HOST=unix://$short/docker.sock
export COMPOSE_PROJECT_NAME=signalbox-test

inside() { nsenter --net="/run/netns/$namespace" "$@"; }

clean_up() {
    local code=$?
    set +e
    if [ -n "$engine_pid" ]; then
        [ $code -eq 0 ] || "$compose" "${files[@]}" logs --no-color --tail 30 >"$root/.build/compose.log" 2>&1
        "$compose" "${files[@]}" down -v --timeout 10 >/dev/null 2>&1
        kill "$engine_pid" && wait "$engine_pid" 2>/dev/null
    fi
    ip netns del "$namespace" 2>/dev/null
    rm -rf "$short"
    [ $code -eq 0 ] || say "the containers' last words: .build/compose.log; the engine's: .build/engine.log"
    exit $code
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start_engine() {
    mkdir -p "$engine/data"
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    nsenter --net="/run/netns/$namespace" dockerd --data-root "$engine/data" --exec-root "$short/exec" \
        --pidfile "$short/pid" -H "$DOCKER_HOST" >"$root/.build/engine.log" 2>&1 &
    engine_pid=$!
    local attempt
    for attempt in $(seq 300); do
        docker info >/dev/null 2>&1 && return
        kill -0 "$engine_pid" 2>/dev/null || fail "the engine ended: $(tail -n 3 "$root/.build/engine.log")"
        sleep 0.1
    done
    fail "the engine does not answer: $(tail -n 3 "$root/.build/engine.log")"
}

make_base_image() {
    docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return
    say "making debian:bookworm-slim with debootstrap (about a minute, once)"
    debootstrap --variant=minbase bookworm "$engine/root" >"$root/.build/debootstrap.log" 2>&1 ||
        fail "debootstrap: $(tail -n 3 "$root/.build/debootstrap.log")"
    tar -C "$engine/root" -c . | docker import - debian:bookworm-slim >/dev/null
    rm -rf "$engine/root"
}

collect_binaries() {
    local name library target=$root/.build/container
    rm -rf "$target" && mkdir -p "$target/bin" "$target/lib"
    for name in broker station arrivals delays notifications dashboard signalbox; do
        [ -x ".build/release/$name" ] || fail ".build/release/$name is not built: run make build"
        strip -o "$target/bin/$name" ".build/release/$name"
        # What the C library's own packages do not bring.
        ldd ".build/release/$name" |
            awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^lib(c|m|dl|pthread|rt|resolv|util)\.so/ { print $3 }' |
            while read -r library; do cp -Lu "$library" "$target/lib/"; done
    done
    ! ldd .build/release/broker | grep -q libswift || fail "the binaries need Swift's libraries: build with make build"
    local bundle
    for bundle in .build/release/*.resources; do
        if [ -d "$bundle" ]; then cp -r "$bundle" "$target/bin/"; fi
    done
}

containers() { "$compose" "${files[@]}" ps -aq; }

all_healthy() {
    local id
    for id in $(containers); do
        [ "$(docker inspect -f '{{.State.Health.Status}}' "$id")" = healthy ] || return 1
    done
    [ "$(containers | wc -l)" -eq 10 ]
}

wait_until() {
    local what=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fail "not in time: $what"
        sleep 0.2
    done
}

bring_up() {
    "$compose" "${files[@]}" up -d --wait --wait-timeout 180 "$@" >"$root/.build/compose-up.log" 2>&1 ||
        fail "up: $(tail -n 3 "$root/.build/compose-up.log")"
    wait_until "all ten containers healthy" 60 all_healthy
    say "all ten containers are healthy"
}

look_at_pages() {
    inside "$python" Tests/EndToEnd/look_at_pages.py --dashboard http://127.0.0.1:8080 \
        --board http://127.0.0.1:8090 --screenshots "$root/.build/screenshots/compose-$1"
    say "trains are on the pages ($1)"
}

answers() { inside curl -fsS -m 5 -o /dev/null "$1" 2>/dev/null; }

# Kills a container's first process from outside, as a crash would; the restart policy has to bring it back.
crash() {
    local id restarts
    id=$("$compose" "${files[@]}" ps -q "$1")
    restarts=$(docker inspect -f '{{.RestartCount}}' "$id")
    kill -9 "$(docker inspect -f '{{.State.Pid}}' "$id")"
    restarted() { [ "$(docker inspect -f '{{.RestartCount}}' "$id")" -gt "$restarts" ]; }
    wait_until "$1 is started again" 60 restarted
    wait_until "all containers healthy after the crash of $1" 90 all_healthy
    say "$1 was killed and is back"
}

# The first record of each partition, and how many there are: what the log must still hold later.
first_records() {
    inside kcat -b 127.0.0.1:9092 -C -t station-events -o beginning -e -q -f '%p %o %T %k %s\n' 2>/dev/null |
        grep -E '^[0-9]+ 0 ' | sort
}
record_count() {
    inside kcat -b 127.0.0.1:9092 -C -t station-events -o beginning -e -q -f '%o\n' 2>/dev/null | wc -l
}

start_engine
make_base_image
collect_binaries
"$compose" "${files[@]}" build -q
bring_up
look_at_pages first
[ -z "$keep" ] || { say "nsenter --net=/run/netns/$namespace; DOCKER_HOST=$DOCKER_HOST"; read -r _; }

crash delays
answers http://127.0.0.1:8091/delays/summary || fail "delays is back but does not answer"
crash broker
look_at_pages after-crash

before=$(first_records)
count=$(record_count)
[ -n "$before" ] || fail "station-events holds no records"
"$compose" "${files[@]}" down --timeout 20 2>&1 | tail -n 2
say "down; $count records were in the log"
bring_up
[ "$(first_records)" = "$before" ] || fail "the first records are not the same after down and up"
[ "$(record_count)" -ge "$count" ] || fail "$(record_count) records after down and up, $count before"
look_at_pages after-down-and-up
say "the log outlived down and up: $(record_count) records"
say "passed"
