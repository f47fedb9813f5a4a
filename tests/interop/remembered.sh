#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What one program has found out about a card is told the next one (src/token/seen.h) as long as that
# card stays in, and no longer: here a card comes after another that has the same certificates and
# everything else in common, but keeps a login in spite of all. Whoever believed it to be the card of
# before would leave it open to everybody.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

# signs WHAT CARD KEY COMMANDS: one signature in a new program; the card is closed afterwards.
signs() {
    local mark count
    mark=$(apdu_mark "$2")
    works "$1" "$API_TESTS/job" "$MODULE" sign "$3" 1
    count=$(apdus_since "$2" "$mark")
    expect '  commands' "$4" "$count"
    attack
    expect '  the card is closed' closed "$SEEN"
}

# commands KEY: with a card of which nothing is known, and with one of which all is known.
declare -A COLD=([auth]=15 [sign]=16) WARM=([auth]=12 [sign]=13)

# twins KEY: two cards that cannot be told apart, but for what the second one does.
twins() {
    rm -rf "$(card_dir first)" "$(card_dir second)"
    card_new first
    cp -r "$(card_dir first)" "$(card_dir second)"
    sed -i 's/^ignore-isd = no$/ignore-isd = yes/' "$(card_dir second)/card.conf"
    expect "$1: the second card is another one" 1 "$(grep -c '^ignore-isd = yes' "$(card_dir second)/card.conf")"
    : >"$(card_log second)"
}

# lying WHAT KEY: the second card is found out. Its power is taken, so the card's log has more to say
# than commands.
lying() {
    local mark
    mark=$(apdu_mark second)
    works "$1: the next signature" "$API_TESTS/job" "$MODULE" sign "$2" 1
    expect_has '  its power was taken' '^= power off' "$(tail -n "+$((mark + 1))" "$(card_log second)")"
    attack
    expect '  the card is closed' closed "$SEEN"
}

swapped() {
    card_take 0
    card_insert second 0
}

restarted() {
    pcscd_stop "$1"
    card_end 0
    pcscd_start
    card_insert second 0
}

main() {
    local key signal
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    for key in auth sign; do
        twins "$key"
        card_insert first 0
        signs "$key: a first program" first "$key" "${COLD[$key]}"
        signs "$key: the next one" first "$key" "${WARM[$key]}"
        swapped
        lying "$key: after the cards were exchanged" "$key"
        card_take 0
        for signal in TERM KILL; do
            pcscd_stop TERM # so that both services count the same
            pcscd_start
            card_insert first 0
            signs "$key: the first card again" first "$key" "${COLD[$key]}"
            restarted "$signal"
            lying "$key: exchanged while the service was restarted ($signal)" "$key"
            card_take 0
        done
    done
    interop_end
}

main "$@"
