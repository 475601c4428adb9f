#!/usr/bin/env bash
# Installs what is missing, or says exactly what to install. Changes nothing when all is there.
#
#   Tools/Setup/install.sh build        what building and running needs
#   Tools/Setup/install.sh test         that, the tools of the tests, and the Python clients in .venv
#   Tools/Setup/install.sh containers   that, and a container engine for Tests/EndToEnd/compose.sh
set -euo pipefail

purpose=${1:-build}
root=$(cd "$(dirname "$0")/../.." && pwd)
requirements=$root/Tools/Setup/requirements.txt
venv=$root/.venv
smallest_swift=6.2

# g++ brings the C++ library that the TOML parser is built on. The services read the time zones of tzdata.
packages=(git g++ pkg-config zlib1g-dev libzstd-dev liblz4-dev libsnappy-dev tzdata)
case $purpose in
    build) ;;
    test) packages+=(kcat chromium python3 python3-venv) ;;
    containers)
        packages+=(kcat chromium python3 python3-venv docker.io iptables nftables debootstrap iproute2 curl) ;;
    *) echo "usage: $0 [build|test|containers]" >&2; exit 2 ;;
esac

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

check_swift() {
    command -v swift >/dev/null ||
        fail "Swift is not installed (or not on PATH): Signalbox needs Swift $smallest_swift or later." \
            "Install it from https://www.swift.org/install/linux/ and run this again."
    # The full version string is slow to ask for; it cannot change while the binary stays the same.
    local binary stamp version
    binary=$(readlink -f "$(command -v swift)")
    stamp=$root/.build/.swift-checked
    [ -f "$stamp" ] && [ "$stamp" -nt "$binary" ] && return
    version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail "'swift --version' does not print a version; is the installation complete?"
    if [ "$(printf '%s\n' "$smallest_swift" "$version" | sort -V | head -n 1)" != "$smallest_swift" ]; then
        fail "Swift $version is too old: Signalbox needs $smallest_swift or later (https://www.swift.org/install/)."
    fi
    mkdir -p "$root/.build" && touch "$stamp"
}

check_without_dpkg() {
    local absent=() library program
    for library in zlib libzstd liblz4; do
        pkg-config --exists "$library" 2>/dev/null || absent+=("$library")
    done
    if [ "$purpose" != build ]; then
        for program in kcat python3; do
            command -v "$program" >/dev/null || absent+=("$program")
        done
    fi
    [ ${#absent[@]} -eq 0 ] ||
        fail "this is no Debian, so nothing is installed for you. Not found: ${absent[*]}" \
            "The names of the packages on Debian 12 are: ${packages[*]}"
}

missing_packages() {
    local package
    declare -A present=()
    while read -r package; do present[$package]=1; done < <(
        dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^ii *//p')
    for package in "${packages[@]}"; do
        [ -n "${present[$package]:-}" ] || echo "$package"
    done
}

install_packages() {
    local missing=() as_root=() install
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    install="apt-get install -y --no-install-recommends ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            fail "these packages are missing and this user may not install them: ${missing[*]}" \
                "Run:  sudo apt-get update && sudo $install"
        fi
    fi
    echo "setup: installing ${missing[*]}"
    local options=(-qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3)
    export DEBIAN_FRONTEND=noninteractive
    # The lists may be absent or old; one update is tried before giving up.
    if ! "${as_root[@]}" apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" \
        >/dev/null 2>&1; then
        "${as_root[@]}" apt-get "${options[@]}" update ||
            fail "the package lists cannot be fetched (no network?)." "Run later:  apt-get update && $install"
        "${as_root[@]}" apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null ||
            fail "installing failed." "Run and read:  $install"
    fi
}

install_python_clients() {
    local wanted stamp=$venv/.installed
    wanted=$(sha256sum <"$requirements")
    [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
    echo "setup: installing the Python clients into .venv"
    [ -x "$venv/bin/pip" ] || { rm -rf "$venv"; python3 -m venv "$venv"; } ||
        fail "no virtual environment can be made." "Run:  apt-get install -y python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 10 --timeout 60 \
        --requirement "$requirements" ||
        fail "the Python clients cannot be installed (no network?)." \
            "Run later:  $venv/bin/pip install -r $requirements"
    printf '%s\n' "$wanted" >"$stamp"
}

check_swift
if command -v dpkg-query >/dev/null; then install_packages; else check_without_dpkg; fi
if [ "$purpose" != build ]; then install_python_clients; fi
