#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki pin: no try is spent but knowingly, and the holder is told how he stands.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

# left auth|sign: the tries in the virtual card's own memory.
left() {
    sed -n "s/^$1\.tries = //p" "$CARD/state"
}

holds() {
    sed -n "s/^$1\.pin = //p" "$CARD/state"
}

# closed: no login is left on the card for another program.
closed() {
    expect '  the card is closed' 2 "$(raw_apdus 0 00A4040C0AD392F000260100000001 \
        802A00970330313200 802A009A0330313200 | grep -c 'SW1=0x69, SW2=0x82')"
}

verify() {
    local mark
    mark=$(apdu_mark card)
    ends 0 'the right PIN' typed "$PIN_AUTH" pin verify auth
    asked 1
    expect_has '  it is said to be right' '^It is right' "$OUTPUT"
    expect_has '  and how many tries there are' '3 of 3 tries left' "$OUTPUT"
    expect_has_not '  it is not shown' "$PIN_AUTH" "$OUTPUT"
    expect '  it was presented once' 1 "$(verifies_since card "$mark")"
    closed
    ends 0 'the right password, in small letters' typed abc123 pin verify sign
    closed
    mark=$(apdu_mark card)
    ends 4 'what cannot be a PIN' typed 12x4 pin verify auth
    expect_has '  nothing was spent' 'no try was spent' "$OUTPUT"
    expect '  nor presented' 0 "$(verifies_since card "$mark")"
    ends 4 'nothing typed' typed '' pin verify auth
    expect_has '  it says so' '^jpki: nothing was typed' "$OUTPUT"
    expect '  nothing was presented' 0 "$(verifies_since card "$mark")"
    ends 1 'no terminal' jpki pin verify auth
    expect_has '  it says so' 'needs a terminal' "$OUTPUT"
    ends 2 'no key named' jpki pin verify
    ends 2 'a key that does not exist' jpki pin verify both
    ends 2 'a job that does not exist' jpki pin chnge auth
    expect_has '  the nearest is named' 'did you mean "change"' "$OUTPUT"
}

# ^C at the question: the echo is on again, and the card was not asked.
interrupted() {
    local mark
    mark=$(apdu_mark card)
    ends 130 'interrupted at the question' python3 "$ROOT/tests/lib/interrupt.py" ': $' "$JPKI" \
        pin verify auth
    expect_has '  the echo is on again' '^echo on$' "$OUTPUT"
    expect '  nothing was presented' 0 "$(verifies_since card "$mark")"
}

# ^C after the present PIN was sent: the card is closed all the same, and the holder told.
interrupted_change() {
    interrupted_at 24 auth 'interrupted while it changes' "$PIN_AUTH"$'\n4821\n4821' pin change auth
    expect '  after it was said which one holds' 1 "$(grep -c '^It is changed' "$WORK/cut")"
    expect '  that one' 4821 "$(holds auth)"
    closed
    interrupted_end
    ends 0 '  it is changed back' typed $'4821\n'"$PIN_AUTH"$'\n'"$PIN_AUTH" pin change auth
}

change() {
    ends 0 'a new PIN' typed "$PIN_AUTH"$'\n8306\n8306' pin change auth
    asked 3
    expect '  the card holds it' 8306 "$(holds auth)"
    expect_has_not '  none was shown' "$PIN_AUTH|8306" "$OUTPUT"
    closed
    ends 0 'a new password' typed "$PIN_SIGN"$'\nnew2password\nnew2password' pin change sign
    expect '  the card holds it' NEW2PASSWORD "$(holds sign)"
    ends 4 'the second time another' typed $'8306\n1111\n1112' pin change auth
    expect_has '  it says so' 'not the same' "$OUTPUT"
    ends 4 'one that cannot be' typed $'8306\n111\n111' pin change auth
    asked 2
    expect_has '  it says what can' 'it must be four digits; nothing was changed' "$OUTPUT"
    ends 4 'a password without a digit' typed $'NEW2PASSWORD\nABCDEFGH\nABCDEFGH' pin change sign
    expect_has '  it says what can' 'at least one of each' "$OUTPUT"
    expect '  all stay' '8306 NEW2PASSWORD 3 5' "$(holds auth) $(holds sign) $(left auth) $(left sign)"
    ends 4 'a wrong old one' typed $'1111\n2222\n2222' pin change auth
    expect_has '  it says what is left' 'Tries left: 2' "$OUTPUT"
    expect '  the old one stays' '8306 2' "$(holds auth) $(left auth)"
}

# Down to the last try, which is only spent after a "yes".
last_try() {
    ends 0 'the tries' jpki pin status auth
    expect_has '  two are left' '2 of 3 tries left' "$OUTPUT"
    ends 4 'another wrong PIN' typed 2222 pin verify auth
    expect '  one try is left' 1 "$(left auth)"
    ends 4 'the last try, not consented to' typed $'no\n8306' pin verify auth
    asked 1
    expect_has '  it was said to be the last' 'LAST try' "$OUTPUT"
    expect '  it is still there' 1 "$(left auth)"
    ends 5 'another command keeps it' typed "$PIN_AUTH" sign --auth "$WORK/short"
    expect_has '  and says who can use it' 'jpki pin verify auth' "$OUTPUT"
    expect '  it is still there' 1 "$(left auth)"
    ends 0 'the last try, consented to' typed $'yes\n8306' pin verify auth
    asked 2
    expect '  all tries are back' 3 "$(left auth)"
}

locked() {
    local pin
    for pin in 0001 0002; do
        ends 4 "wrong: $pin" typed "$pin" pin verify auth
    done
    ends 5 'wrong, knowingly' typed $'yes\n0003' pin verify auth
    expect_has '  it says where help is' '^jpki: it is locked.*municipal office' "$OUTPUT"
    expect '  it is locked' 0 "$(left auth)"
    ends 5 'a locked PIN is not asked for' typed 8306 pin verify auth
    asked 0
    ends 5 'its status' jpki pin status
    expect_has '  of the other one too' '5 of 5 tries left' "$OUTPUT"
    ends 0 'status shows it' jpki status
    expect_has '  plainly' '^  PIN +LOCKED$' "$OUTPUT"
}

# Another program spends a try while the holder is typing: he was not asked about the last one.
spent_meanwhile() {
    raw_apdus 0 00A4040C0AD392F000260100000001 00A4020C02001B 0020008006585858585831 \
        0020008006585858585831 0020008006585858585831 >/dev/null
    expect 'two tries of the password are left' 2 "$(left sign)"
    ends 5 'a try is spent while the password is typed' spent_and_typed
    expect_has '  it is kept' 'Tries left: 1|tries left: 1' "$OUTPUT"
    expect '  and still there' 1 "$(left sign)"
    ends 0 'knowingly it can be spent' typed $'yes\nNEW2PASSWORD' pin verify sign
    asked 2
}

# The typist waits at the question until the other program has spent its try.
spent_and_typed() {
    local code=0
    mkfifo "$WORK/gate"
    python3 "$ROOT/tests/lib/late_typist.py" 'password.*: $' NEW2PASSWORD "$WORK/gate" "$JPKI" pin \
        verify sign </dev/null &
    local typist=$!
    read -r <"$WORK/gate" # the question is there
    raw_apdus 0 00A4040C0AD392F000260100000001 00A4020C02001B 0020008006585858585831 >/dev/null
    echo go >"$WORK/gate"
    wait "$typist" || code=$?
    rm "$WORK/gate"
    return "$code"
}

# What an administrator enforces holds for this command as well.
enforced() {
    printf '[enforced]\npin.reserve = 2\n' >/etc/jpki-pkcs11.conf
    ends 4 'a wrong password' typed WRONG1 pin verify sign
    ends 4 'another' typed WRONG2 pin verify sign
    ends 4 'a third' typed WRONG3 pin verify sign
    ends 5 'the rest is kept' typed $'yes\nNEW2PASSWORD' pin verify sign
    asked 0
    expect_has '  it is said who keeps it' "administrator's settings keep" "$OUTPUT"
    expect '  two tries' 2 "$(left sign)"
    rm /etc/jpki-pkcs11.conf
}

# Whatever the holder's settings say, only jpki pin spends the last tries, and only after a "yes".
reserves() {
    mkdir -p "$HOME/.config"
    echo 'pin.reserve = 3' >"$HOME/.config/jpki-pkcs11.conf"
    ends 4 'two tries that are kept, not consented to' typed $'no\nNEW2PASSWORD' pin verify sign
    expect_has '  it was said how many' 'Only 2 tries are left' "$OUTPUT"
    ends 4 'one of them, consented to' typed $'yes\nWRONG4' pin verify sign
    expect '  one is left' 1 "$(left sign)"
    echo 'pin.reserve = 0' >"$HOME/.config/jpki-pkcs11.conf"
    ends 5 'without a reserve, signing does not touch the last one' typed NEW2PASSWORD sign "$WORK/short"
    asked 0
    ends 5 '  nor does reading the certificate' typed NEW2PASSWORD cert sign
    asked 0
    ends 4 '  nor jpki pin unasked' typed $'no\nNEW2PASSWORD' pin verify sign
    asked 1
    expect '  it is still there' 1 "$(left sign)"
    rm "$HOME/.config/jpki-pkcs11.conf"
    ends 0 'the right password brings them all back' typed $'yes\nNEW2PASSWORD' pin verify sign
}

# What must be recorded and cannot be: before anything is typed.
unrecorded() {
    printf 'history = no\nhistory.required = yes\n' >"$HOME/.config/jpki-pkcs11.conf"
    ends 1 'a use that cannot be recorded' typed NEW2PASSWORD pin verify sign
    asked 0
    expect_has '  is refused for that' 'must be recorded' "$OUTPUT"
    rm "$HOME/.config/jpki-pkcs11.conf"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    own_etc
    pcscd_start
    card_new card
    card_insert card 0
    verify
    interrupted
    interrupted_change
    change
    last_try
    locked
    spent_meanwhile
    enforced
    reserves
    unrecorded
    interop_end
}

main "$@"
