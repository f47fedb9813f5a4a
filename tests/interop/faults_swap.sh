#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Another holder's card takes the place of the one that a program works with: between any two of its calls,
# between any two of the module's calls to pcscd, and while pcscd itself was not there to see it. Nothing is
# signed with the wrong card, and no PIN reaches it.
#
# usage: faults_swap.sh [EVERY]: only at every EVERY-th of these places (18), and always before C_Sign

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/steps.sh
. "$ROOT/tests/lib/steps.sh"

# With a session that is open already: to open one on the other card would be the program's own doing.
SCENARIO[use]='session N;login N;find N;signinit N;sign N'
readonly MOMENTS=5 # before each of them
readonly WELL='nothing from, and nothing to, the wrong card'
NEXT=1 # call to pcscd, counted on from one use to the next
IN=one # the card in the reader
OUT=two

# swap: sets IN and OUT.
swap() {
    local card=$IN
    card_take 0
    IN=$OUT
    OUT=$card
    card_insert "$IN" 0
}

# swap_unseen: while pcscd is dead. The new one counts insertions from the beginning.
swap_unseen() {
    local card=$IN
    pcscd_stop KILL
    card_end 0
    IN=$OUT
    OUT=$card
    pcscd_start
    card_insert "$IN" 0
}

# untouched WHERE CARD MARK: no PIN was shown to this card, and no signature asked of it.
untouched() {
    local seen
    seen=$(verifies_since "$2" "$3")
    [ "$seen" -eq 0 ] || bad "$1: $seen VERIFYs on the wrong card"
    seen=$(apdu_lines "$2" "$3" | grep -c '^802A' || true)
    [ "$seen" -eq 0 ] || bad "$1: $seen signatures asked of the wrong card"
}

# new_session WHERE SLOT: with the card that is in now.
new_session() {
    call tokens
    [ "$ANSWER" = "CKR_OK ${SERIAL[$IN]}" ] || bad "$1: tokens: $ANSWER, not those of $IN"
    run_scenario sign "$2"
    [ "${ANSWERS[5]}" = "sign $2: CKR_OK $IN" ] || bad "$1, a new session: ${ANSWERS[5]}"
}

# begin SLOT: a new session with the card that is in; EXPECTED is what its use is told undisturbed.
begin() {
    call tokens
    call "open $1"
    EXPECTED=("session $1: CKR_OK public" "login $1: CKR_OK" "find $1: CKR_OK" "signinit $1: CKR_OK"
        "sign $1: CKR_OK $IN")
}

# ends_here WHERE SLOT MARK: the old session was honest, the wrong card is untouched, a new session works.
ends_here() {
    local seen
    seen=$(dishonest "$GONE")
    [ -z "$seen" ] || bad "$1: $seen"
    untouched "$1" "$IN" "$3"
    call "session $2"
    grep -qxE "$GONE" <<<"$ANSWER" || bad "$1: the old session lives: $ANSWER"
    new_session "$1" "$2"
}

# between_calls SLOT HOW
between_calls() {
    local moment mark
    for ((moment = 1; moment <= MOMENTS; moment++)); do
        its_turn || [ "$moment" -eq "$MOMENTS" ] || continue
        mark=$(apdu_mark "$OUT")
        begin "$1"
        run_scenario use "$1" "$moment" "$2"
        [ "${ANSWERS[4]}" = "sign $1: CKR_OK $IN" ] && bad "moment $moment: signed by $IN"
        ends_here "moment $moment" "$1" "$mark"
        HITS=$((HITS + 1))
    done
    report_swaps "slot $1: $2 between calls"
}

swapped() {
    swap
    HIT=yes
}

# inside_calls SLOT
inside_calls() {
    local call mark
    AT_STOP=swapped
    for ((call = NEXT; ; call += EVERY)); do
        HIT=
        begin "$1"
        mark=$(apdu_mark "$OUT")
        tell "stop $call"
        run_scenario use "$1"
        [ -n "$HIT" ] || break
        tell 'stop 0'
        ends_here "before call $call, $STOPPED" "$1" "$mark"
        HITS=$((HITS + 1))
    done
    call calls
    NEXT=$((call - ANSWER))
    tell 'stop 0'
    report_swaps "slot $1: swap inside calls"
    call "close $1"
}

# report_swaps WHAT
report_swaps() {
    report "$1" "$WELL"
    expect '  no try is lost, on neither' '3 5 3 5' "$(tries) $(tries_of "$OUT")"
}

tries_of() {
    "$VCARD" status "$(card_dir "$1")" | sed -n 's/^.* PIN: \([0-9]*\) of.*/\1/p' | paste -sd' '
}

# serials: what each card's tokens say, in the order of the slots.
serials() {
    declare -gA SERIAL
    call tokens
    SERIAL[$IN]=${ANSWER#CKR_OK }
    swap
    call tokens
    SERIAL[$IN]=${ANSWER#CKR_OK }
    expect_has 'the first card has a serial number' '^0=([0-9A-F]{16}) 1=\1$' "${SERIAL[one]}"
    expect_has 'the second card has one' '^0=([0-9A-F]{16}) 1=\1$' "${SERIAL[two]}"
    expect '  another one' yes "$([ "${SERIAL[one]}" != "${SERIAL[two]}" ] && echo yes)"
}

# Two holders who have no PIN in common.
main() {
    local isolation slot
    interop_begin "${BASH_SOURCE[0]}" "$@"
    EVERY=${1:-18}
    pcscd_start
    card_new one
    card_new two --pin-auth 5678 --pin-sign XYZ789
    card_insert one 0
    for isolation in yes no; do
        say "-- isolation = $isolation"
        mkdir -p "$HOME/.config"
        printf 'isolation = %s\n' "$isolation" >"$HOME/.config/jpki-pkcs11.conf"
        steps_start one two
        expect_call 'the program begins' init CKR_OK
        serials
        for slot in 0 1; do
            between_calls "$slot" swap
            between_calls "$slot" swap_unseen
            inside_calls "$slot"
        done
        expect_call 'the program ends' final CKR_OK
        steps_end
    done
    report_all 85 10
    interop_end
}

main "$@"
