#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Another program resets the card, or takes its power, in each way that PC/SC has: between any two calls of
# a program, at each of the module's calls to pcscd, and at the end of a transaction that the module waits
# for. With isolation the login outlives it. Without, the card may have forgotten the PIN: then the program
# is told at its next use of the card, and says so. No try is lost, and no PIN is repeated.
#
# usage: faults_reset.sh [EVERY]: only at every EVERY-th of these places (17)

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/steps.sh
. "$ROOT/tests/lib/steps.sh"

SCENARIO[use]='session N;login N;find N;signinit N;sign N;session N'
readonly MOMENTS=6 # before each of them
readonly WAYS='reset unpower eject'
NEXT=1 # call to pcscd, counted on from one use to the next
CALL= # what the other program calls, and in which way
WAY=
FORGETS= # the ways that make the card forget a login that is left to it
TOLD=

# report_resets WHAT
report_resets() {
    report "$1" 'all goes on as it should'
    expect '  no try is lost' '3 5' "$(tries)"
}

# begin SLOT: a new session, and what it is told when all goes well.
begin() {
    call tokens
    call "open $1"
    EXPECTED=("session $1: CKR_OK public" "login $1: CKR_OK" "find $1: CKR_OK" "signinit $1: CKR_OK"
        "sign $1: CKR_OK card" "session $1: CKR_OK user")
}

# expect_forgotten SLOT: what it is told when the card was made to forget a login that was left to it.
expect_forgotten() {
    if [[ " $FORGETS " == *" $WAY "* ]]; then
        EXPECTED[4]="sign $1: CKR_USER_NOT_LOGGED_IN"
        EXPECTED[5]="session $1: CKR_OK public"
    fi
}

# ends_here WHERE SLOT MARK: the PIN went out as often as with nobody else there, at most; and it works anew.
ends_here() {
    local seen
    seen=$(verifies_since card "$3")
    [ "$seen" -le 2 ] || bad "$1: $seen VERIFYs"
    call "close $2"
    [ "$ANSWER" = CKR_OK ] || bad "$1: close: $ANSWER"
    run_scenario sign "$2"
    [ "${ANSWERS[5]}" = "sign $2: CKR_OK card" ] || bad "$1, afterwards: ${ANSWERS[5]}"
    HITS=$((HITS + 1))
}

# meddle: at once, and to its end.
meddle() {
    meddler_start "$CALL" 0 "$WAY"
    meddler_go
    meddler_done
    [[ $MEDDLED == 'Command successful.' ]] || bad "the other program: $MEDDLED"
}

# between_calls SLOT: after the login and before the signature, the card is what the login is left to.
between_calls() {
    local moment mark seen
    for ((moment = 1; moment <= MOMENTS; moment++)); do
        its_turn || continue
        begin "$1"
        if [ "$moment" -gt 2 ] && [ "$moment" -lt 6 ]; then
            expect_forgotten "$1"
        fi
        mark=$(apdu_mark card)
        run_scenario use "$1" "$moment" meddle
        seen=$(differs)
        [ -z "$seen" ] || bad "$CALL $WAY before call $moment: $seen"
        ends_here "$CALL $WAY before call $moment" "$1" "$mark"
    done
}

# meddle_now: it is connected already, as a new connection would wait for the transaction's end. So do its
# calls inside one, where they are left to wait.
meddle_now() {
    HIT=yes
    meddler_go
    case $STOPPED in
        transmit | end) ;;
        *) meddler_done && HIT='done' ;;
    esac
}

# inside_calls SLOT: a reset inside a transaction waits for its end. One that pcscd grants in the moment in
# which the module's next one begins may break that off (see attacker.sh): the program is told.
inside_calls() {
    local call mark seen
    AT_STOP=meddle_now
    for ((call = NEXT; ; call += EVERY)); do
        HIT=
        begin "$1"
        mark=$(apdu_mark card)
        meddler_start "$CALL" 0 "$WAY"
        tell "stop $call"
        run_scenario use "$1"
        if [ -z "$HIT" ]; then
            meddler_go
        fi
        if [ "$HIT" != 'done' ]; then
            meddler_done
        fi
        [ -n "$HIT" ] || break
        tell 'stop 0'
        seen=$(dishonest "$TOLD")
        [ -z "$seen" ] || bad "$CALL $WAY in call $call, $STOPPED: $seen"
        ends_here "$CALL $WAY in call $call, $STOPPED" "$1" "$mark"
    done
    call calls
    NEXT=$((call - ANSWER))
    tell 'stop 0'
    call "close $1"
}

let_go() {
    meddler_go
    meddler_done
}

# while_waiting SLOT: the other program has a transaction, which ends in this way. The module has looked
# once, and looks again, when it does.
while_waiting() {
    local line mark
    begin "$1"
    for line in "login $1" "find $1" "signinit $1"; do
        call "$line"
    done
    expect_forgotten "$1"
    mark=$(apdu_mark card)
    meddler_start hold 0 "$WAY"
    AT_STOP=let_go STOPPED=
    tell 'stop 2'
    call "sign $1"
    tell 'stop 0'
    [ "$STOPPED" = look ] || bad "$WAY: it did not wait: $STOPPED"
    [ "sign $1: $ANSWER" = "${EXPECTED[4]}" ] || bad "$WAY after waiting: $ANSWER"
    ends_here "$WAY after waiting" "$1" "$mark"
}

# under_fire ISOLATION FORGETS [OPTION...]: a card with these options.
under_fire() {
    local slot
    say "-- isolation = $1${3:+, a card with $3}"
    FORGETS=$2
    TOLD=CKR_DEVICE_ERROR
    if [ -n "$FORGETS" ]; then
        TOLD='CKR_(DEVICE_ERROR|USER_NOT_LOGGED_IN)'
    fi
    mkdir -p "$HOME/.config"
    printf 'isolation = %s\n' "$1" >"$HOME/.config/jpki-pkcs11.conf"
    rm -rf "$(card_dir card)"
    card_new card "${@:3}"
    card_insert card 0
    steps_start card
    expect_call 'the program begins' init CKR_OK
    for slot in 0 1; do
        attack_slot "$slot"
    done
    expect_call 'the program ends' final CKR_OK
    steps_end
    card_take 0
}

attack_slot() {
    for CALL in reconnect disconnect; do
        for WAY in $WAYS; do
            # No program can reconnect by ejecting.
            [ "$CALL $WAY" != 'reconnect eject' ] || continue
            between_calls "$1"
        done
    done
    report_resets "slot $1: between calls"
    for CALL in reconnect disconnect; do
        for WAY in reset unpower; do
            inside_calls "$1"
        done
    done
    report_resets "slot $1: inside calls"
    for WAY in leave $WAYS; do
        its_turn || continue
        while_waiting "$1"
    done
    report_resets "slot $1: while it waits"
}

# without_power: it was taken by a program that has gone, while ours is connected and does not look. pcscd
# lets nobody connect then, as it comes: a new program must not depend on what the others do.
without_power() {
    local mark
    say '-- a card without power'
    steps_start card
    expect_call 'the program begins' init CKR_OK
    run_scenario sign 0
    CALL=disconnect WAY=unpower meddle
    works 'another program signs' "$API_TESTS/job" "$MODULE" sign auth 1
    run_scenario sign 0
    expect '  the first one does, too' 'sign 0: CKR_OK card' "${ANSWERS[5]}"
    mark=$(apdu_mark card)
    CALL=disconnect WAY=unpower meddle
    expect 'the card has lost its power again' 'power off' \
        "$(tail -n "+$((mark + 1))" "$(card_log card)" | sed -n 's/^= //p')"
    run_scenario sign 0
    expect '  the first one gives it power itself' 'sign 0: CKR_OK card' "${ANSWERS[5]}"
    expect_call 'the program ends' final CKR_OK
    steps_end
}

# own_power_cuts: a card that forgets only without power. Two of our programs take it, each while the other
# is connected.
own_power_cuts() {
    local round
    say '-- a card that forgets only without power'
    card_take 0
    rm -rf "$(card_dir card)"
    card_new card --ignore-isd
    card_insert card 0
    steps_start card
    expect_call 'the program begins' init CKR_OK
    for round in 1 2; do
        run_scenario sign 0
        expect "it signs, round $round" 'sign 0: CKR_OK card' "${ANSWERS[5]}"
        works '  another program does' "$API_TESTS/job" "$MODULE" sign auth 1
        works '  and with the other key' "$API_TESTS/job" "$MODULE" sign sign 1
        expect '  the power was taken' yes "$(grep -q '^= power off' "$(card_log card)" && echo yes)"
    done
    expect '  no try is lost' '3 5' "$(tries)"
    expect_call 'the program ends' final CKR_OK
    steps_end
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    EVERY=${1:-17}
    pcscd_start
    under_fire yes ''
    under_fire no unpower
    under_fire no 'reset unpower' --warm-reset-clears
    report_all 400 20
    printf 'isolation = yes\n' >"$HOME/.config/jpki-pkcs11.conf"
    rm -rf "$(card_dir card)"
    card_new card
    card_insert card 0
    without_power
    own_power_cuts
    interop_end
}

main "$@"
