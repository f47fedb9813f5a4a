#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki with a reader that has a PIN pad: the authentication PIN is typed there, under the same rules.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

readonly AT_READER='at the reader, not here' NO_TRY='No try was spent'

# jpki with the imitated pad; the programs around it go without.
jpki_with_pad() {
    printf '%s\n' '#!/bin/sh' "export PAD_TYPES='$WORK/types' PAD_LOG='$WORK/pad'" \
        "LD_PRELOAD='$PRELOAD $PADSHIM' exec '$JPKI' \"\$@\"" >"$WORK/jpki"
    chmod +x "$WORK/jpki"
    JPKI=$WORK/jpki
}

# pad ENTRIES CODE WHAT COMMAND...: like ends, while the holder does what ENTRIES says, one word for
# each time that the reader asks him.
pad() {
    tr ' ' '\n' <<<"$1" >"$WORK/types"
    : >"$WORK/pad"
    MARK=$(apdu_mark card)
    ends "${@:2}"
}

# counts PAD KEYBOARD VERIFIES: how often the holder was asked there and here, and the card.
counts() {
    expect '  asked at the reader, on the keyboard; PINs presented' "$*" "$(grep -c '^PIN' "$WORK/pad" || true) \
$(wc -l <"$WORK/asked") $(verifies_since card "$MARK")"
}

left() {
    sed -n "s/^$1\.tries = //p" "$CARD/state"
}

settings() {
    mkdir -p "$HOME/.config"
    printf '%s\n' "$@" >"$HOME/.config/jpki-pkcs11.conf"
}

last_record() {
    tail -n 1 "$HOME/.local/state/jpki-pkcs11/history.jsonl"
}

# The card is closed to other programs.
closed() {
    expect '  the card is closed' 1 "$(raw_apdus 0 00A4040C0AD392F000260100000001 \
        802A00970330313200 | grep -c 'SW1=0x69, SW2=0x82')"
}

verify() {
    pad 1234 0 'the right PIN' typed x pin verify auth
    counts 1 0 1
    expect_has '  it was said where to type' "^Type your authentication PIN .* $AT_READER" "$OUTPUT"
    expect_has '  and how long there is' '^You have 30 seconds' "$OUTPUT"
    expect_has '  it is said to be right' '^It is right' "$OUTPUT"
    expect_has '  the history has it' '"token":"auth".*"operation":"login".*"result":"CKR_OK"' \
        "$(last_record)"
    closed
    pad 9999 4 'a wrong one' typed x pin verify auth
    counts 1 0 1
    expect_has '  it is said what is left' '^jpki: wrong\. Tries left: 2$' "$OUTPUT"
    expect_has '  the history has it' '"operation":"login".*"result":"CKR_PIN_INCORRECT"' "$(last_record)"
    pad 1234 0 'the right one brings the try back' jpki pin verify auth
    expect_has '  also without a terminal' '3 of 3 tries left' "$OUTPUT"
}

# What the reader says when no PIN was confirmed: in time, at all, of the right length.
no_pin() {
    local what
    for what in cancel timeout 12345; do
        pad "$what" 4 "at the reader: $what" typed x pin verify auth
        counts 1 0 0
        expect_has '  no try was spent, it says' "$NO_TRY" "$OUTPUT"
        pad "$what" 4 '  while a file is signed' typed x sign --auth --output "$WORK/none" "$WORK/short"
        counts 1 0 0
        works '  and nothing is made' test ! -e "$WORK/none"
    done
    works 'the history' jpki history
    expect_has '  calls it cancelled' 'cancelled' "$OUTPUT"
    pad broken 1 'a PIN pad that fails' typed x pin verify auth
    counts 1 0 0
    expect_has '  it is said how to do without' 'reader\.pinpad = no' "$OUTPUT"
    expect 'all tries are there' 3 "$(left auth)"
}

judged() {
    works '  openssl accepts it' openssl cms -verify -binary -inform DER -in "$1" \
        -content "$WORK/short" -CAfile "$CARD/auth-ca.pem" -purpose any -out /dev/null
}

signs() {
    pad 1234 0 'a file is signed' typed x sign --auth --output "$WORK/one" "$WORK/short"
    counts 1 0 1
    expect_has '  it was said where to type' "$AT_READER" "$OUTPUT"
    judged "$WORK/one"
    closed
    pad '1234 1234' 0 'another' typed x sign --auth --output "$WORK/two" "$WORK/short"
    counts 1 0 1
    pad 9999 4 'a wrong PIN' typed x sign --auth --output "$WORK/none" "$WORK/short"
    counts 1 0 1
    works '  nothing is made' test ! -e "$WORK/none"
    settings 'isolation = no'
    pad 1234 0 'without isolation' typed x sign --auth --output "$WORK/three" "$WORK/short"
    counts 1 0 1
    judged "$WORK/three"
    closed
    pad 1234 0 '  a PIN' typed x pin verify auth
    counts 1 0 1
    closed
    rm "$HOME/.config/jpki-pkcs11.conf"
}

# The file becomes another one while the holder is at the reader.
changed_meanwhile() {
    cp "$WORK/short" "$WORK/shown"
    : >"$WORK/pad"
    echo wait >"$WORK/types"
    typed x sign --auth "$WORK/shown" >"$WORK/late" 2>&1 &
    local signer=$! code=0
    wait_until 60 grep -q waits "$WORK/pad" || die 'the reader does not ask'
    echo 'Another message.' >"$WORK/shown"
    echo 1234 >>"$WORK/types"
    wait "$signer" || code=$?
    expect 'a file that changes while the PIN is typed' 1 "$code"
    expect_has '  it says so' 'has changed meanwhile' "$(cat "$WORK/late")"
    works '  and nothing is made' test ! -e "$WORK/shown.p7s"
}

# What has letters, or is to be changed, and where the settings say so.
on_the_keyboard() {
    pad 1234 0 'the password' typed "$PIN_SIGN" pin verify sign
    counts 0 1 1
    pad 1234 0 'a signature with the signature key' typed "$PIN_SIGN" sign --output "$WORK/sign.p7s" "$WORK/short"
    expect '  asked at the reader, on the keyboard' '0 1' \
        "$(grep -c '^PIN' "$WORK/pad" || true) $(wc -l <"$WORK/asked")"
    pad 1234 0 'its certificate' typed "$PIN_SIGN" cert sign
    expect '  asked at the reader, on the keyboard' '0 1' \
        "$(grep -c '^PIN' "$WORK/pad" || true) $(wc -l <"$WORK/asked")"
    pad 1234 0 'a new PIN' typed "$PIN_AUTH"$'\n8306\n8306' pin change auth
    counts 0 3 1
    expect_has '  it is said why' 'keyboard: a PIN cannot be changed at the reader' "$OUTPUT"
    pad 8306 0 'which is typed at the reader' typed x pin verify auth
    counts 1 0 1
    settings 'reader.pinpad = no'
    pad 1234 0 'reader.pinpad = no' typed 8306 pin verify auth
    counts 0 1 1
    expect_has_not '  nothing is said of a reader' 'reader' "$OUTPUT"
    pad 1234 0 '  and for a signature' typed 8306 sign --auth --output "$WORK/four" "$WORK/short"
    counts 0 1 2
    judged "$WORK/four"
    rm "$HOME/.config/jpki-pkcs11.conf"
}

# The last tries are kept, and spent only by jpki pin, knowingly.
kept() {
    pad 0001 4 'a wrong PIN' typed x pin verify auth
    pad 0002 4 'another' typed x pin verify auth
    expect '  one try is left' 1 "$(left auth)"
    pad 8306 5 'a signature does not touch it' typed x sign --auth --output "$WORK/none" "$WORK/short"
    counts 0 0 0
    pad 8306 4 'nor jpki pin unasked' typed no pin verify auth
    counts 0 1 0
    pad cancel 4 'consented to, and cancelled at the reader' typed yes pin verify auth
    counts 1 1 0
    expect '  it is still there' 1 "$(left auth)"
    pad 8306 0 'consented to' typed yes pin verify auth
    counts 1 1 1
    expect '  all tries are back' 3 "$(left auth)"
    pad 0001 4 'a wrong PIN' typed x pin verify auth
    printf '[enforced]\npin.reserve = 2\n' >/etc/jpki-pkcs11.conf
    pad 8306 5 'what the administrator keeps' typed yes pin verify auth
    counts 0 0 0
    rm /etc/jpki-pkcs11.conf
    pad 0002 4 'a wrong PIN' typed x pin verify auth
    pad 0003 5 'the last one, wrong' typed yes pin verify auth
    counts 1 1 1
    expect_has '  it says where help is' '^jpki: it is locked.*municipal office' "$OUTPUT"
    pad 8306 5 'a locked one' typed yes pin verify auth
    counts 0 0 0
    pad 8306 5 '  nor for a signature' typed x sign --auth --output "$WORK/none" "$WORK/short"
    counts 0 0 0
}

# ^C while the reader waits: it has its effect when the card is closed again, not before.
interrupted() {
    local entry
    for entry in 1234 cancel; do
        : >"$WORK/asked"
        pad wait 130 "interrupted while the reader waits, and then: $entry" python3 \
            "$ROOT/tests/lib/interrupt.py" --later "$WORK/types" "$entry" seconds "$JPKI" pin verify auth
        expect_has '  the echo is on again' '^echo on$' "$OUTPUT"
        [ "$entry" = 1234 ] || expect_has '  it is said what became of the PIN' 'No try was spent' "$OUTPUT"
        counts 1 0 "$(if [ "$entry" = 1234 ]; then echo 1; else echo 0; fi)"
        closed
    done
}

# The holder types on the keyboard what belongs to the reader.
wrong_keys() {
    : >"$WORK/asked"
    pad wait 0 'a PIN that is begun on the keyboard' python3 "$ROOT/tests/lib/wrong_keys.py" seconds \
        12345678 "$WORK/types" 1234 bash -c "'$JPKI' pin verify auth && if read -t 0; then read -r x; echo \"left: \$x\"; fi; stty -a"
    counts 1 0 1
    expect_has_not '  is neither shown nor left for the shell' '1234567' "$OUTPUT"
    expect_has '  the echo is on again' ' echo ' "$OUTPUT"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    own_etc
    jpki_with_pad
    pcscd_start
    card_new card
    card_insert card 0
    verify
    no_pin
    signs
    changed_meanwhile
    interrupted
    wrong_keys
    on_the_keyboard
    kept
    interop_end
}

main "$@"
