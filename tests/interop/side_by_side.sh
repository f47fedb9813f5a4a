#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: side_by_side.sh [SECONDS]
#
# Two programs, in each of them two copies of the module, all at the same card: as a browser that has
# one registered and gets another through p11-kit, twice. No operation is lost, and none of the four
# has to wait for ever.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

FAIR_AFTER=60 # seconds

# program WHICH SECONDS NAME: its output is left in $WORK/NAME.
program() {
    timeout $(($2 + 60)) "$API_TESTS/side_by_side" "$2" "$1" "$MODULE" "$WORK/copy.so" >"$WORK/$3" 2>&1
}

# together WHICH SECONDS
together() {
    local -a signatures
    local one=0 other=0 pid
    program "$1" "$2" one &
    pid=$!
    program "$1" "$2" other || other=$?
    wait "$pid" || one=$?
    expect "$1 key: every call of two programs works" '0 0' "$one $other"
    sed 's/^/        /' "$WORK"/{one,other}
    mapfile -t signatures < <(sed -n 's/^\([0-9]*\) signatures$/\1/p' "$WORK"/{one,other})
    expect '  of all four copies' 4 "${#signatures[@]}"
    if [ "$2" -ge "$FAIR_AFTER" ]; then
        share "${signatures[@]}"
    fi
}

# In a few seconds, chance decides how many each of them makes.
share() {
    local n sum=0
    for n in "$@"; do
        sum=$((sum + n))
    done
    for n in "$@"; do
        expect "  $n of $sum signatures: one of four is not left behind" 0 "$((n * 16 < sum))"
    done
}

main() {
    local which
    interop_begin "${BASH_SOURCE[0]}" "$@"
    VCARD_DIR=$(card_dir card)
    export VCARD_DIR
    cp "$MODULE" "$WORK/copy.so"
    pcscd_start
    card_new card
    card_insert card 0
    for which in auth sign; do
        together "$which" "${1:-3}"
    done
    interop_end
}

main "$@"
