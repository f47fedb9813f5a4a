#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# pcscd is not there, dies, and comes back, with the same readers or others, at each phase of a program's
# life, while it waits for an event, and while a command is with the card. Each call comes back, says what
# is the matter, and the same process goes on when pcscd does. A slot never means another reader.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/steps.sh
. "$ROOT/tests/lib/steps.sh"

SCENARIO[life]='tokens;open N;login N;find N;signinit N;sign N;close N'
readonly SLOWLY=60000 # milliseconds that the card takes for a command in which pcscd dies
SERIALS=             # the two tokens of the card in reader 0

# back: pcscd, and the card in reader 0, which nobody has touched meanwhile.
back() {
    pcscd_start
    await_reader 0 present
}

works_again() {
    run_scenario sign 0
    expect "$1: it signs again" 'sign 0: CKR_OK card' "${ANSWERS[5]}"
    expect '  no try is lost' '3 5' "$(tries)"
}

absent_at_first() {
    say '-- pcscd is not there'
    expect_call 'C_Initialize without pcscd' init CKR_OK
    expect_call '  no slot has a token' tokens CKR_OK
    tell wait
    pcscd_start
    card_insert card 0 --wait 60
    answer wait
    expect_has 'a program that waits is told when it comes, with a card' '^CKR_OK slot [01]$' "$ANSWER"
    call tokens
    SERIALS=${ANSWER#CKR_OK }
    expect_has '  which has two tokens' '^0=([0-9A-F]{16}) 1=\1$' "$SERIALS"
    works_again 'pcscd appears'
}

# phase WHAT LINE...: pcscd dies after these steps. The next calls are told so; the old session is over.
phase() {
    local what=$1 line
    shift
    for line in "$@"; do
        call "$line"
    done
    pcscd_stop KILL
    expect_call "$what, pcscd dies: no token is listed" tokens CKR_OK
    for line in 'session 0' 'login 0' 'signinit 0' 'sign 0' 'open 0'; do
        call "$line"
        expect_has "  $line is told" "^$GONE\$" "$ANSWER"
    done
    back
    call 'session 0'
    expect_has '  the old session is over' "^$GONE\$" "$ANSWER"
    expect_call '  the card is the same to the program' tokens "CKR_OK $SERIALS"
    works_again "$what"
}

# unseen WHAT LINE...: it dies after these steps and is back before the program looks.
unseen() {
    local what=$1 line mark
    shift
    for line in "$@"; do
        call "$line"
    done
    pcscd_stop KILL
    back
    mark=$(apdu_mark card)
    for line in 'login 0' 'signinit 0' 'sign 0'; do
        call "$line"
        expect_has "$what, pcscd was dead for a while: $line is told" "^$GONE\$" "$ANSWER"
    done
    expect '  no PIN is sent for an old session' 0 "$(verifies_since card "$mark")"
    works_again "$what"
}

all_phases() {
    say '-- pcscd dies'
    phase 'with nothing begun'
    phase 'with the tokens known' tokens
    phase 'with a session' tokens 'open 0'
    phase 'logged in' tokens 'open 0' 'login 0'
    phase 'with a signature begun' tokens 'open 0' 'login 0' 'find 0' 'signinit 0'
    unseen 'with a session' tokens 'open 0'
    unseen 'logged in' tokens 'open 0' 'login 0' 'find 0'
    unseen 'with a signature begun' tokens 'open 0' 'login 0' 'find 0' 'signinit 0'
}

# number_of INS: of the command with a PIN, or the one that signs, among those with this instruction since a
# card was put in: with its answer, the first that was not refused.
number_of() {
    tail -n "+$((MARK + 1))" "$(card_log card)" |
        awk -v ins="$1" 'substr($2, 3, 2) == ins { n++; if ($2 ~ /\*/ || /-> .*9000$/) { print n; exit } }'
}

pin_accepted() {
    [ "$(tries)" = '3 5' ]
}

second_verify() {
    [ "$(verifies_since card "$MARK")" -ge 2 ]
}

# inside CALL FAULT READY LINE...: it dies while the card is at work on a command of CALL, which READY can tell.
inside() {
    local call=$1 fault=$2 ready=$3 line
    shift 3
    card_take 0
    # One try is spent, so that the card's folder shows when the PIN was accepted, before the answer.
    sed -i 's/^auth.tries = .*/auth.tries = 2/' "$(card_dir card)/state"
    card_insert card 0 --wait 60 --fault "$fault:delay:$SLOWLY"
    MARK=$(apdu_mark card)
    for line in "$@"; do
        call "$line"
    done
    tell "$call"
    wait_until 20 "$ready" || die "the card is not at work on $call"
    pcscd_stop KILL
    answer "$call"
    expect_has "pcscd dies inside $call, which is told" '^CKR_(DEVICE_REMOVED|DEVICE_ERROR)$' "$ANSWER"
    card_end 0
    pcscd_start
    card_insert card 0 --wait 60
    works_again "inside $call"
}

inside_calls() {
    local verify sign
    say '-- pcscd dies while a command is with the card'
    card_pull 0
    card_put 0
    MARK=$(apdu_mark card)
    run_scenario sign 0
    verify=$(number_of 20)
    sign=$(number_of 2A)
    inside 'login 0' "ins=20:$verify" pin_accepted tokens 'open 0'
    inside 'sign 0' "ins=2A:$sign" second_verify tokens 'open 0' 'login 0' 'find 0' 'signinit 0'
}

# drained: no event waits to be told.
drained() {
    ANSWER=
    until [ "$ANSWER" = CKR_NO_EVENT ]; do
        call poll
    done
}

waiting_program() {
    say '-- pcscd dies while a program waits'
    call tokens
    drained
    tell wait
    pcscd_stop KILL
    answer wait
    expect_has 'the wait ends, as the card cannot be reached' '^CKR_OK slot [01]$' "$ANSWER"
    drained
    expect_call '  no token is listed' tokens CKR_OK
    tell wait
    back
    answer wait
    expect_has 'one that began without pcscd ends when it is back' '^CKR_OK slot [01]$' "$ANSWER"
    works_again 'waiting'
    drained
    tell wait
    pcscd_stop KILL
    answer wait
    drained
    tell wait
    expect_call 'C_Finalize without pcscd' final CKR_OK
    answer wait
    expect '  ends a wait' CKR_CRYPTOKI_NOT_INITIALIZED "$ANSWER"
    expect_call '  and C_Initialize begins anew' init CKR_OK
    back
    works_again 'begun anew'
}

# reader_file FILE NAME CHANNEL LIBRARY: a driver of virtual readers in pcscd's settings. The driver keeps its
# readers in itself: two need two copies of it.
reader_file() {
    printf '%s\n' "FRIENDLYNAME \"$2\"" "DEVICENAME /dev/null:$3" "LIBPATH $4" "CHANNELID $3" \
        >"$SANDBOX/readers/$1"
}

with_card() {
    "$READERS" list 2>/dev/null | sed -n 's/^[0-9]* present //p' | grep .
}

# readers_are WHAT SLOT: pcscd with the readers that are set up now. The card's tokens are in SLOT and the one
# after it, which is the reader that pcscd says has the card; slot 0 is what it was.
readers_are() {
    local name
    pcscd_start
    wait_until 20 with_card >"$WORK/reader" || die 'no reader has the card'
    name=$(cat "$WORK/reader")
    expect_call "$1: the tokens" tokens "CKR_OK $2=${SERIALS##*=} $(($2 + 1))=${SERIALS##*=}"
    expect_call '  their reader' "slot $2" "CKR_OK $name, token"
    call 'slot 0'
    expect '  slot 0 is still that of the first reader' 'CKR_OK Virtual PCD 00 00' "${ANSWER%,*}"
    run_scenario sign "$2"
    expect '  the card signs' "sign $2: CKR_OK card" "${ANSWERS[5]}"
}

other_readers() {
    local line driver=$SANDBOX/libifdvpcd.so
    say '-- pcscd comes back with other readers'
    expect_call 'a session' tokens "CKR_OK $SERIALS"
    for line in 'open 0' 'login 0' 'find 0' 'signinit 0'; do
        call "$line"
    done
    pcscd_stop KILL
    reader_file vpcd 'Another PCD' 0x8C7B "$driver"
    readers_are 'another name' 4
    call 'sign 0'
    expect_has '  the session with the old reader is over' "^$GONE\$" "$ANSWER"
    pcscd_stop KILL
    reader_file vpcd 'Virtual PCD' 0x8C7B "$driver"
    readers_are 'the old name' 0
    pcscd_stop KILL
    cp "$driver" "$SANDBOX/second.so"
    reader_file a-first 'First PCD' 0x9000 "$SANDBOX/second.so"
    readers_are 'two more before it' 0
    expect '  pcscd names them first' '0 empty First PCD 00 00' "$("$READERS" list | head -n 1)"
    card_end 0
    pcscd_stop KILL
    in_reader 36864
    readers_are 'the card in the first of them' 8
    card_end 0
    pcscd_stop KILL
    rm "$SANDBOX/readers/a-first"
    in_reader 35963
    readers_are 'as in the beginning' 0
}

# in_reader PORT: the card waits for pcscd, and is put in there.
in_reader() {
    "$VCARD" run "$(card_dir card)" --port "$1" --wait 60 --log "$(card_log card)" \
        >>"$SANDBOX/log/card.run" 2>&1 &
    CARD_PID[0]=$!
    CARD_NAME[0]=card
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    card_new card
    steps_start card
    absent_at_first
    all_phases
    inside_calls
    waiting_program
    other_readers
    expect_call 'the program ends' final CKR_OK
    steps_end
    interop_end
}

main "$@"
