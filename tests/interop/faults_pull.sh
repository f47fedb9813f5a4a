#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The card is taken out at each of the calls that a program's work makes to pcscd: before it, and inside
# each command, after which nobody knows what the card has done. The program is told so in words of
# PKCS#11, no PIN goes out twice, and with the card put back the same process goes on. After a card was
# lost inside a command, a reader of vpcd is dead: there pcscd is killed and started again each time.
#
# usage: faults_pull.sh [EVERY]: only at every EVERY-th of them (29), and of less work

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/steps.sh
. "$ROOT/tests/lib/steps.sh"

readonly WORKS='list 0;read 0;login 0;sign 0;login 1;sign 1;change 0;change 1'
readonly WELL='told honestly, and all went well afterwards'
readonly LESS_WORK='change 0;read 0;sign 0;sign 1' # has the others' calls in it
# Inside a command the module cannot know that it was the card that went; a PIN that was to be changed may
# be known to be the old one.
readonly LOST='CKR_(DEVICE_REMOVED|DEVICE_ERROR|TOKEN_NOT_PRESENT|TOKEN_NOT_RECOGNIZED|SESSION_HANDLE_INVALID|FUNCTION_FAILED)'
NEXT_CALL=1    # the next to be hit, counted on from work to work
NEXT_COMMAND=1
VERIFIES=      # of an undisturbed run
COMMANDS=
CALLS=

# So that each run has the same calls.
forget_certificates() {
    rm -rf "$XDG_CACHE_HOME/jpki-pkcs11"
}

fresh_card() {
    card_pull 0
    forget_certificates
    card_put 0
}

# honest WHERE PATTERN MARK: of the run that was disturbed, since MARK.
honest() {
    local seen
    seen=$(dishonest "$2")
    [ -z "$seen" ] || bad "$1: $seen"
    seen=$(verifies_since card "$3")
    [ "$seen" -le "$VERIFIES" ] || bad "$1: $seen VERIFYs, undisturbed $VERIFIES"
}

# recovers WHERE WORK SLOT: with the card in again, as if nothing had been. A right PIN costs nothing.
recovers() {
    local seen
    run_scenario "$2" "$3"
    seen=$(differs)
    [ -z "$seen" ] || bad "$1, afterwards: $seen"
    seen=$(tries)
    [ "$seen" = '3 5' ] || bad "$1, afterwards: tries $seen"
}

# measure WORK SLOT
measure() {
    local mark
    fresh_card
    mark=$(apdu_mark card)
    tell 'stop 0'
    undisturbed "$1" "$2"
    call calls
    CALLS=$ANSWER
    VERIFIES=$(verifies_since card "$mark")
    COMMANDS=$(apdus_since card "$mark")
}

pulled() {
    card_pull 0
    HIT=yes
}

# before_each WORK SLOT: pcscd knows that the card is gone when the call is made.
before_each() {
    local call mark told=$GONE
    # The card is not there to be asked, but it was not told to change anything either.
    [ "$1" != change ] || told="($GONE|CKR_FUNCTION_FAILED)"
    AT_STOP=pulled
    for ((call = NEXT_CALL; call <= CALLS; call += EVERY)); do
        HIT=
        fresh_card
        mark=$(apdu_mark card)
        tell "stop $call"
        run_scenario "$@"
        [ -n "$HIT" ] || bad "there was no call $call"
        HITS=$((HITS + 1))
        honest "before call $call, $STOPPED" "$told" "$mark"
        card_put 0
        tell 'stop 0'
        recovers "before call $call, $STOPPED" "$@"
    done
    NEXT_CALL=$((call - CALLS))
    report "$1, slot $2: pulled before a call" "$WELL"
}

# inside_each WORK SLOT: the card does what it was told, and its answer is lost.
inside_each() {
    local command mark
    for ((command = NEXT_COMMAND; command <= COMMANDS; command += EVERY)); do
        card_take 0
        forget_certificates
        card_insert card 0 --fault "$command:pull"
        mark=$(apdu_mark card)
        run_scenario "$@"
        honest "inside command $command" "$LOST" "$mark"
        [ "$(apdus_since card "$mark")" -eq "$command" ] || bad "command $command was not the last"
        HITS=$((HITS + 1))
        new_service
        recovers "inside command $command" "$@"
    done
    NEXT_COMMAND=$((command - COMMANDS))
    report "$1, slot $2: pulled inside a command" "$WELL"
}

new_service() {
    card_end 0
    pcscd_stop KILL
    pcscd_start
    card_insert card 0
}

# The number of a VERIFY with the authentication PIN among the commands with its instruction.
number_of_verify() {
    local mark
    fresh_card
    mark=$(apdu_mark card)
    run_scenario login 0
    VERIFY=$(tail -n "+$((mark + 1))" "$(card_log card)" | awk '/^> 0020/ { n++; if (/\*/) { print n; exit } }')
}

# A lost answer to a wrong PIN costs what the card has counted, and the module finds that out.
lost_refusal() {
    local mark
    number_of_verify
    card_take 0
    card_insert card 0 --fault "ins=20:$VERIFY:pull"
    mark=$(apdu_mark card)
    call tokens
    call 'open 0'
    call 'login 0 9999'
    expect_has 'the answer to a wrong PIN is lost' "^$LOST\$" "$ANSWER"
    expect '  the card has counted' '2 5' "$(tries)"
    new_service
    call tokens
    call 'open 0'
    expect_call '  the same PIN again is refused' 'login 0 9999' CKR_PIN_INVALID
    expect '  without asking the card' 1 "$(verifies_since card "$mark")"
    expect '  which has its tries' '2 5' "$(tries)"
    expect_call '  the right one' "login 0 $(pin_of 0)" CKR_OK
    expect '  sets them back' '3 5' "$(tries)"
    call 'close 0'
}

main() {
    local work works=$WORKS
    local -a each
    interop_begin "${BASH_SOURCE[0]}" "$@"
    EVERY=${1:-29}
    [ "$EVERY" -eq 1 ] || works=$LESS_WORK
    IFS=';' read -r -a each <<<"$works"
    pcscd_start
    card_new card
    card_insert card 0
    steps_start card
    expect_call 'the program begins' init CKR_OK
    for work in "${each[@]}"; do
        # shellcheck disable=SC2086 # a work and a slot
        measure $work && before_each $work && inside_each $work
    done
    report_all 250 5
    lost_refusal
    expect_call 'the program ends' final CKR_OK
    steps_end
    interop_end
}

main "$@"
