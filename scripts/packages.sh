# Debian packages that crisp is built, tested and demonstrated with. Sourced by ./demo and ./check.
# shellcheck shell=bash

build_packages=(gcc meson ninja-build pkg-config libssl-dev libevent-dev libcurl4-openssl-dev
    libjansson-dev libsqlite3-dev libpcsclite-dev libqrencode-dev libzbar-dev libpng-dev
    libjpeg62-turbo-dev libedit-dev libinih-dev libxml2-dev libcmocka-dev libsmpp34-dev)
run_packages=(openssl ca-certificates curl pcscd vsmartcard-vpcd opensc)
check_packages=(clang lld llvm libclang-rt-14-dev clang-format clang-tidy curl jq sqlite3 socat
    zbar-tools man-db procps faketime libxml2-utils tshark)

# Installs what is missing on Debian; names it on any other system.
need_packages() {
    local missing=() package
    if ! command -v dpkg-query >/dev/null 2>&1; then
        local tool lacking=()
        for tool in cc meson ninja pkg-config; do
            command -v "$tool" >/dev/null 2>&1 || lacking+=("$tool")
        done
        if ((${#lacking[@]})); then
            echo "This is not Debian. Please install: ${lacking[*]}, and the development files of" \
                "OpenSSL 3, libevent, libcurl, jansson, SQLite, PC/SC lite, qrencode, zbar, libpng," \
                "libjpeg, libedit, inih, libxml2, cmocka and libsmpp34." >&2
            return 1
        fi
        return 0
    fi
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    local sudo=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "Please install as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        sudo=(sudo)
    fi
    echo "Installing Debian packages: ${missing[*]}"
    local log
    log=$(mktemp)
    # pcscd and vsmartcard-vpcd try to start a service; without an init system that may fail and
    # does no harm, so what counts is whether the packages are there afterwards.
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
        "apt-get -q update && apt-get -q install -y --no-install-recommends ${missing[*]}" \
        >"$log" 2>&1 || true
    for package in "${missing[@]}"; do
        if ! dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
            tail -n 20 "$log" >&2
            echo "The package $package could not be installed (whole log: $log)." >&2
            return 1
        fi
    done
    rm -f "$log"
}
