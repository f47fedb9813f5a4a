#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A card takes its time, or another program has a transaction for longer than anybody likes. On a connection
# that is open, a call of the module gives up after its five seconds, while the other still has the card; what
# another reader's card is asked meanwhile is answered before that. A first connection waits as long as the other holds on, and
# no longer. No time is measured: the other program lets go only when what comes before has come.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/steps.sh
. "$ROOT/tests/lib/steps.sh"

let_go() {
    meddler_go
    meddler_done
    expect '  (the other program lets go only now)' 'Command successful.' "$MEDDLED"
}

# the_other_signs CALL: the card in the other reader, while CALL waits. What had come back is known by then.
the_other_signs() {
    run_scenario sign 2
    expect '  the card in the other reader signs' 'sign 2: CKR_OK two' "${ANSWERS[4]}"
    expect "  and $1 has not come back" '' "${EARLY["$1"]:-}"
}

# gives_up LINE... CALL: after these steps it waits, looking whether the card is free, and gives up.
gives_up() {
    local call=${!#} mark
    while [ $# -gt 1 ]; do
        call "$1"
        shift
    done
    mark=$(apdu_mark one)
    meddler_start hold 0 leave
    tell 'stop 2'
    tell "$call"
    await_stop
    expect "$call waits for the other program" look "$STOPPED"
    the_other_signs "$call"
    tell go
    answer "$call"
    expect '  it gives up' CKR_DEVICE_ERROR "$ANSWER"
    expect '  its card was asked nothing' 0 "$(apdus_since one "$mark")"
    let_go
}

open_connection() {
    say '-- an open connection'
    steps_start one two
    expect_call 'the program begins' init CKR_OK
    call tokens
    gives_up 'open 0' 'login 0'
    expect_call '  and logs in when it is asked again' 'login 0' CKR_OK
    call 'find 0'
    gives_up 'signinit 0' 'sign 0'
    expect_call '  a new signature begins' 'signinit 0' CKR_OK
    expect_call '  and is made' 'sign 0' 'CKR_OK one'
    call 'close 0'
    expect 'no try is lost' '3 5' "$(tries)"
    expect_call 'the program ends' final CKR_OK
    steps_end
}

# pcscd waits for a card for as long as the card likes.
slow_card() {
    local line
    say '-- a card that does not answer'
    steps_start one two
    expect_call 'the program begins' init CKR_OK
    call tokens
    for line in 'open 0' 'login 0' 'find 0' 'signinit 0'; do
        call "$line"
    done
    kill -STOP "${CARD_PID[0]}"
    tell 'sign 0'
    the_other_signs 'sign 0'
    expect_call '  its reader is still shown' 'slot 0' 'CKR_OK Virtual PCD 00 00, token'
    kill -CONT "${CARD_PID[0]}"
    answer 'sign 0'
    expect '  it signs when it answers again' 'CKR_OK one' "$ANSWER"
    expect_call 'the program ends' final CKR_OK
    steps_end
}

first_connection() {
    say '-- a first connection'
    steps_start one two
    expect_call 'the program begins' init CKR_OK
    meddler_start hold 0 leave
    tell 'stop 1'
    tell tokens
    await_stop
    expect 'it connects' connect "$STOPPED"
    tell go
    the_other_signs tokens
    let_go
    answer tokens
    expect_has '  then all four tokens are listed' '^CKR_OK 0=.* 1=.* 2=.* 3=.*$' "$ANSWER"
    run_scenario sign 0
    expect '  and the card signs' 'sign 0: CKR_OK one' "${ANSWERS[4]}"
    expect_call 'the program ends' final CKR_OK
    steps_end
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    # Without a list of all tokens, which would ask the card that is held.
    SCENARIO[sign]=${SCENARIO[sign]#tokens;}
    pcscd_start
    card_new one
    card_new two
    card_insert one 0
    card_insert two 1
    slow_card
    open_connection
    first_connection
    interop_end
}

main "$@"
