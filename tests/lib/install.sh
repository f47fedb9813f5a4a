# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Installs what is missing and prepares build folders. After common.sh.

# shellcheck source=tests/lib/suites.sh
. "$ROOT/tests/lib/suites.sh"

# packages_for WHO: the packages that WHO (demo, tests, bench or i386) needs.
packages_for() {
    awk -v who="$1" '!/^#/ { for (i = 2; i <= NF; i++) if ($i == who) print $1 }' \
        "$ROOT/tests/lib/packages"
}

# missing_packages PACKAGE...: those that are not installed. A package is named as in the list.
missing_packages() {
    local package
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "${package%/*}" 2>/dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

# as_root COMMAND...: false, with the reason, where that cannot be had.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        warn "this needs root (or sudo): $*"
        return 1
    fi
}

# install_for WHO: asks apt for what WHO lacks, and leaves apt alone when nothing is missing. Sources of
# packages that it adds are gone afterwards, however it ends.
install_for() {
    local -a wanted missing
    if ! command -v dpkg-query >/dev/null; then
        say "Not a Debian system: nothing is installed; tests/lib/packages lists what is needed."
        return 0
    fi
    drop_suites
    mapfile -t wanted < <(packages_for "$1")
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if [ "${#missing[@]}" -eq 0 ]; then
        return 0
    fi
    say "Installing ${missing[*]%/*}"
    (
        trap drop_suites EXIT
        install_missing "${missing[@]}"
    )
}

# install_missing PACKAGE...
install_missing() {
    local -a known
    apt_quietly update || return 1
    mapfile -t known < <(known_packages "$@")
    if [ "${#known[@]}" -eq 0 ]; then
        return 0
    fi
    keep_from_starting "${known[@]}"
    apt_quietly install --yes --no-install-recommends "${known[@]}"
}

# keep_from_starting PACKAGE...: the tests want sshd as a program. Nobody has asked for one that lets
# people in, so that it does not start with its installation, nor with the machine.
keep_from_starting() {
    case " $* " in
        *' openssh-server '*) ;;
        *) return 0 ;;
    esac
    if command -v systemctl >/dev/null &&
        as_root systemctl mask ssh.service ssh.socket >/dev/null 2>&1; then
        say 'sshd is installed, but will not run: systemctl unmask ssh.service ssh.socket'
    fi
}

# quietly COMMAND...: the end of what it prints is shown, and only when it fails.
quietly() {
    local log code=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || code=$?
    if [ "$code" -ne 0 ]; then
        tail -n 60 "$log" >&2
    fi
    rm -f "$log"
    return "$code"
}

# apt_quietly ARGUMENT...
apt_quietly() {
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet \
        -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" || {
        warn "apt-get $1 failed"
        return 1
    }
}

# configure_build FOLDER COMPILER OPTION...: a Meson build folder with these options. A folder made
# for other options, or for a clone that has since been moved, is made anew.
configure_build() {
    local folder=$1 compiler=$2 stamp
    shift 2
    stamp="$ROOT $compiler $(meson --version) $*"
    if [ -e "$folder/build.ninja" ] && [ "$(cat "$folder/.made-for" 2>/dev/null)" = "$stamp" ]; then
        return 0
    fi
    rm -rf "$folder"
    CC=$compiler CFLAGS='' LDFLAGS='' meson setup "$@" "$folder" "$ROOT" || return 1
    printf '%s\n' "$stamp" >"$folder/.made-for"
}

# build_quietly FOLDER COMPILER OPTION...: configures and compiles everything.
build_quietly() {
    quietly configure_build "$@" && quietly meson compile -C "$1"
}
