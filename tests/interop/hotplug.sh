#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Cards, readers and pcscd come and go: between programs, and under one that stays.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

# count_tokens: how many tokens a fresh process sees; "error" when listing fails. To pkcs11-tool no
# slots at all are a failure, but not to us: without pcscd there are none.
count_tokens() {
    local listing
    if listing=$(tool --list-slots 2>&1) || grep -q '^No slots' <<<"$listing"; then
        grep -c 'token label' <<<"$listing" || true
    else
        printf 'error: %s\n' "$listing"
    fi
}

without_pcscd() {
    say '-- no pcscd'
    refused 'the list of slots is empty without pcscd' '^No slots' tool --list-slots
    expect 'there are no tokens' 0 "$(count_tokens)"
    refused 'a signature is refused' '.' sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
}

between_programs() {
    say '-- card pulled and put back between programs'
    pcscd_start
    expect 'no card, no tokens' 0 "$(count_tokens)"
    card_insert one 0
    expect 'a card, two tokens' 2 "$(count_tokens)"
    works 'it signs' signs_and_verifies auth "$ONE/auth.pem"
    card_pull 0
    expect 'the card is out' 0 "$(count_tokens)"
    refused 'a signature is refused' '.' sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    card_put 0
    expect 'the card is in again' 2 "$(count_tokens)"
    works 'it signs again' signs_and_verifies sign "$ONE/sign.pem"
}

second_reader() {
    say '-- a second reader'
    card_insert two 1
    works 'both readers are listed' tool --list-slots
    expect 'two cards, four tokens' 4 "$(grep -c 'token label' <<<"$OUTPUT")"
    expect 'the cards have different serial numbers' 2 \
        "$(sed -n 's/^ *serial num *: *//p' <<<"$OUTPUT" | sort -u | wc -l)"
    # The second reader's authentication token is the third slot.
    works 'the second card signs' tool --slot-index 2 --login --pin "$PIN_AUTH" --sign --id 01 \
        --mechanism SHA256-RSA-PKCS --input-file "$WORK/short" --output-file "$WORK/two.sig"
    works 'with its own key' verify_pkcs1 sha256 "$TWO/auth.pem" "$WORK/short" "$WORK/two.sig"
    card_pull 0
    expect 'the first card out, two tokens' 2 "$(count_tokens)"
    works 'they are those of the second card' signs_and_verifies auth "$TWO/auth.pem"
    card_put 0
    card_take 1
}

restarted_pcscd() {
    say '-- pcscd killed and started again'
    pcscd_stop KILL
    expect 'a dead pcscd, no tokens, no error' 0 "$(count_tokens)"
    pcscd_start
    await_reader 0 present
    expect 'pcscd is back, and the card' 2 "$(count_tokens)"
    works 'it signs' signs_and_verifies auth "$ONE/auth.pem"
}

asks_again() {
    [ "$(grep -o 'press return' "$WORK/stays.log" | wc -l)" -ge "$1" ]
}

# event COUNT WHAT SLOT TOKENS: the COUNT-th event is about this slot, and so many tokens are listed
# after it.
event() {
    local text
    wait_until 10 asks_again $((4 + $1)) || return 1
    text=$(awk -v count="$1" '/event on slot/ { seen++ } seen == count' "$WORK/stays.log")
    expect "$2" "slot 0x$3, $4 tokens" "slot $(sed -n 's/.*event on slot //p' <<<"$text"), \
$(grep -c 'token label' <<<"$text" || true) tokens"
}

# pkcs11-tool's own hot-plug test, in one process: it lists the slots at each new line, and after
# an x it first waits for an event at each of them.
program_that_stays() {
    say '-- one program sees a card go and come'
    local answers code=0
    mkfifo "$WORK/answers"
    stdbuf -oL env LD_PRELOAD="$PRELOAD" ASAN_OPTIONS=detect_leaks=0 \
        timeout 60 pkcs11-tool --module "$MODULE" --test-hotplug \
        <"$WORK/answers" >"$WORK/stays.log" 2>&1 &
    local pid=$!
    exec {answers}>"$WORK/answers"
    stays_through_it "$answers" || failed 'the program that stays' \
        'a removal and an insertion, each seen within 10 seconds' "$(cat "$WORK/stays.log")"
    printf 'x\n' >&"$answers"
    exec {answers}>&-
    wait "$pid" || code=$?
    expect 'it ended by itself' 0 "$code"
}

stays_through_it() {
    wait_until 10 asks_again 1 || return 1
    card_pull 0
    printf '\n' >&"$1"
    wait_until 10 asks_again 2 || return 1
    expect 'C_GetSlotList finds no card' 0 "$(grep -c 'token label' "$WORK/stays.log" || true)"
    card_put 0
    printf '\n' >&"$1"
    wait_until 10 asks_again 3 || return 1
    expect 'C_GetSlotList finds the card again' 2 "$(grep -c 'token label' "$WORK/stays.log" || true)"
    printf 'x\n' >&"$1"
    wait_until 10 asks_again 4 || return 1
    stays_through_events "$1"
}

# A reader has two slots, each with its own event. Those of the card that went and came before still
# wait. The program is told to wait before the card moves.
stays_through_events() {
    printf '\n' >&"$1"
    event 1 'C_WaitForSlotEvent reports what was before' 0 2 || return 1
    printf '\n' >&"$1"
    event 2 '  and its other slot' 1 2 || return 1
    printf '\n' >&"$1"
    card_pull 0
    event 3 'C_WaitForSlotEvent reports a removal' 0 0 || return 1
    printf '\n' >&"$1"
    event 4 '  and its other slot' 1 0 || return 1
    printf '\n' >&"$1"
    card_put 0
    event 5 'C_WaitForSlotEvent reports an insertion' 0 2 || return 1
    printf '\n' >&"$1"
    event 6 '  and its other slot' 1 2
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    ONE=$(card_dir one)
    TWO=$(card_dir two)
    card_new one
    card_new two
    without_pcscd
    between_programs
    second_reader
    restarted_pcscd
    program_that_stays
    interop_end
}

main "$@"
