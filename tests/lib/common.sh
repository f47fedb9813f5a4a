# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Where things are, and how the scripts speak. Every other script of the tests reads this first.

set -euo pipefail

# pcscd, ip and mount live in folders that an ordinary user's PATH may lack.
export PATH="$PATH:/usr/sbin:/sbin"

# tests/lib/common.sh is two folders below the top.
# shellcheck disable=SC2034 # read by the scripts that source this file
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# The build folder in use. Meson's tests hand it over; by hand it is the one the demo makes.
BUILD=${JPKI_BUILD:-$ROOT/build}

say() {
    printf '%s\n' "$*"
}

warn() {
    printf '%s\n' "$*" >&2
}

die() {
    warn "${0##*/}: $*"
    exit 1
}

# first_file PATH...: prints the first one that exists; fails, printing the last, when none does.
first_file() {
    local file
    for file in "$@"; do
        if [ -e "$file" ]; then
            break
        fi
    done
    printf '%s\n' "$file"
    [ -e "$file" ]
}

# locate_programs: sets the paths of what the build makes. The only place that knows the layout of
# the build folder. A path that does not exist yet is set all the same: need_file says so later.
locate_programs() {
    local out=$BUILD/src
    MODULE=${JPKI_MODULE:-$(first_file "$out"/{pkcs11/,}jpki-pkcs11.so || true)}
    MODULE_AUTH=${JPKI_MODULE_AUTH:-$(first_file "$out"/{pkcs11/,}jpki-pkcs11-auth.so || true)}
    MODULE_SIGN=${JPKI_MODULE_SIGN:-$(first_file "$out"/{pkcs11/,}jpki-pkcs11-sign.so || true)}
    VCARD=${JPKI_VCARD:-$out/vcard/jpki-vcard}
    READERS=${JPKI_READERS:-$BUILD/tests/lib/readers}
    PADSHIM=$BUILD/tests/lib/padshim.so
    SHALLOW=$BUILD/tests/lib/shallow.so
    FIRST=$BUILD/tests/lib/first.so
    PAD=$BUILD/tests/lib/pad
    API_TESTS=$BUILD/tests/api
    export MODULE MODULE_AUTH MODULE_SIGN VCARD READERS PADSHIM SHALLOW FIRST PAD API_TESTS
}
locate_programs

# OpenSC's own module, as a second opinion on the virtual card.
opensc_module() {
    first_file /usr/lib/"$(uname -m)"-linux-gnu/opensc-pkcs11.so /usr/lib64/opensc-pkcs11.so \
        /usr/lib/opensc-pkcs11.so || die "OpenSC's module is missing: install opensc-pkcs11"
}

# need_file WHAT PATH: ends the script when something that the build should have made is not there.
need_file() {
    [ -e "$2" ] || die "$1 is missing: $2 (build first: meson compile -C $BUILD)"
}

# wait_until SECONDS COMMAND...: asks COMMAND again and again until it succeeds; fails after
# SECONDS. No test waits for a fixed time. What is not so soon is asked for less and less often: asking
# costs time that the asked could use. The last time is after the end: between asking and looking at
# the clock, this shell may have been held up.
wait_until() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000)) pause=20 seconds over=
    shift
    until "$@"; do
        if [ -n "$over" ]; then
            return 1
        fi
        if ((${EPOCHREALTIME/./} > end)); then
            over=yes
        fi
        printf -v seconds '0.%03d' "$pause"
        sleep "$seconds"
        pause=$((pause < 200 ? pause * 5 / 4 : pause))
    done
}
