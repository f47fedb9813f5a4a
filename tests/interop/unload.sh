#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: unload.sh [ROUNDS]
#
# The module as it is built, loaded and unloaded again and again; and programs that end without
# C_Finalize, with a login open and a signature under way. tests/api/unload.c is these programs.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

UNLOAD=$API_TESTS/unload
WAYS=(main exit _exit waiting atexit dlclose child)

# Without its reserve for each thread, malloc says exactly what it has given out.
rounds() {
    works "$1" timeout 600 env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 \
        "$UNLOAD" "$MODULE" rounds "$2"
    say "$OUTPUT"
}

all_rounds() {
    rounds '1000 rounds without a service' 1000
    pcscd_start
    rounds '200 rounds without a card' 200
    card_new card
    card_insert card 0
    rounds "$1 rounds with a card" "$1"
}

# ends_well WHICH WAY: nothing is looked for in the memory of a program that leaves it to the system.
ends_well() {
    works "$1 key, $2: it ends" timeout 60 env ASAN_OPTIONS=detect_leaks=0 \
        "$UNLOAD" "$MODULE" ends "$1" "$2"
    expect '  without a word' '' "$OUTPUT"
}

# Another program is connected all the time, so that the card keeps its power.
closed() {
    attack
    expect "  the card is closed" closed "$SEEN"
}

isolated() {
    local which way
    for which in auth sign; do
        for way in "${WAYS[@]}"; do
            ends_well "$which" "$way"
            closed
        done
    done
}

# The card keeps the PIN for the program: it is closed when C_Finalize is called, however late, and
# otherwise by the next of our modules that looks for cards.
kept() {
    local way
    mkdir -p "$HOME/.config"
    printf 'isolation = no\n' >"$HOME/.config/jpki-pkcs11.conf"
    ends_well auth atexit
    closed
    for way in main exit _exit waiting dlclose child; do
        ends_well auth "$way"
        works '  the next module lists the tokens' tool -L
        closed
    done
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    ulimit -c 0
    VCARD_DIR=$(card_dir card)
    export VCARD_DIR
    all_rounds "${1:-50}"
    hold
    isolated
    kept
    let_go
    interop_end
}

main "$@"
