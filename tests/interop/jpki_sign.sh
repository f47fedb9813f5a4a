#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki sign: its work is judged by other programs.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

# cms_verify WHICH FILE SIGNATURE OPTION...: by OpenSSL, up to the CA of the card.
cms_verify() {
    local which=$1 file=$2 signature=$3
    shift 3
    openssl cms -verify -binary -inform DER -in "$signature" -content "$file" \
        -CAfile "$CARD/$which-ca.pem" -purpose any -out /dev/null "$@"
}

# judged WHICH FILE SIGNATURE: by two other programs.
judged() {
    works '  openssl accepts it' cms_verify "$@"
    works '  also as CAdES' cms_verify "$@" -cades
    works '  certtool accepts it' certtool --p7-verify --load-ca-certificate "$CARD/$1-ca.pem" \
        --inder --infile "$3" --load-data "$2"
}

signature_key() {
    local mark
    mark=$(apdu_mark card)
    ends 0 'a file is signed' typed "$PIN_SIGN" sign "$WORK/long"
    asked 1
    expect_has '  it was said what that means' 'registered seal' "$OUTPUT"
    expect_has '  and what it gives away' 'name, address, date of birth and sex' "$OUTPUT"
    expect_has '  and which file' "^To be signed: $WORK/long\$" "$OUTPUT"
    expect_has '  all of it, before the password was asked for' \
        "  Size: $(wc -c <"$WORK/long") bytes   SHA-256: $(sha256sum "$WORK/long" | cut -d' ' -f1)\$" \
        "$(sed -n '/^  Size/,/^  SHA/p' <<<"${OUTPUT%%Your signature password*}" | paste -sd ' ')"
    expect_at_most '  PINs presented' 3 "$(verifies_since card "$mark")"
    judged sign "$WORK/long" "$WORK/long.p7s"
    expect '  not of another file' 1 "$(cms_verify sign "$WORK/short" "$WORK/long.p7s" >/dev/null 2>&1
        echo $(($? != 0)))"
    expect '  anybody may read it' 644 "$(umask 022 && stat -c %a "$WORK/long.p7s")"
    expect_has '  the history has it' '"token":"sign".*"operation":"sign".*"result":"CKR_OK"' \
        "$(cat "$HOME/.local/state/jpki-pkcs11/history.jsonl")"
}

authentication_key() {
    ends 0 'with the other key' typed "$PIN_AUTH" sign --auth --output "$WORK/auth.p7s" "$WORK/short"
    asked 1
    expect_has_not '  which gives nothing away' 'address' "$OUTPUT"
    expect_has '  but does not bind' 'does not stand for your registered seal' "$(tr '\n' ' ' <<<"$OUTPUT")"
    judged auth "$WORK/short" "$WORK/auth.p7s"
}

# What there was before is still there, and nothing half made.
refusals() {
    local before
    before=$(sha256sum "$WORK/long.p7s")
    ends 1 'a signature that is there already' typed "$PIN_SIGN" sign "$WORK/long"
    asked 0
    ends 4 'a wrong password' typed WRONG1 sign --output "$WORK/wrong.p7s" "$WORK/long"
    asked 1
    expect_has '  it says so' 'wrong\. Tries left: 4$' "$OUTPUT"
    ends 1 'a folder' typed "$PIN_SIGN" sign --output "$WORK/folder.p7s" "$WORK"
    asked 0
    expect_has '  it says so' 'is not a regular file' "$OUTPUT"
    ends 1 'a file that is not there' typed "$PIN_SIGN" sign "$WORK/nothing"
    asked 0
    ends 1 'a place that is not there' typed "$PIN_SIGN" sign --output "$WORK/no/where" "$WORK/long"
    asked 0
    expect_has '  it says so' 'no/where: No such file' "$OUTPUT"
    mkdir "$WORK/full"
    mount -t tmpfs -o size=4k tmpfs "$WORK/full"
    head -c 4096 /dev/zero >"$WORK/full/filler"
    ends 1 'a full disk' typed "$PIN_SIGN" sign --output "$WORK/full/sig" "$WORK/long"
    expect_has '  it says so' 'No space left' "$OUTPUT"
    expect '  nothing half made is left' filler "$(ls -A "$WORK/full")"
    expect '  nor elsewhere' "auth.p7s long.p7s" \
        "$(cd "$WORK" && find . -maxdepth 1 -name '*.p7s*' -printf '%f\n' | sort | paste -sd' ')"
    ends 130 'interrupted at the question' python3 "$ROOT/tests/lib/interrupt.py" ': $' "$JPKI" sign \
        --output "$WORK/full/interrupted" "$WORK/long"
    expect '  nothing is left of it' filler "$(ls -A "$WORK/full")"
    expect '  the old one is untouched' "$before" "$(sha256sum "$WORK/long.p7s")"
    cp "$WORK/short" "$WORK/document"
    ends 1 'in the place of what is signed' typed "$PIN_SIGN" sign --force --output "$WORK/document" \
        "$WORK/document"
    asked 0
    works '  which is still itself' cmp "$WORK/short" "$WORK/document"
    local long
    long=$WORK/$(printf 'x%.0s' {1..255})
    ends 0 'the longest name that there is' typed "$PIN_SIGN" sign --output "$long" "$WORK/short"
    rm -f "$long"
    ends 1 'one that is longer' typed "$PIN_SIGN" sign --output "${long}x" "$WORK/short"
    asked 0
    ends 0 'replaced when that is wanted' typed "$PIN_SIGN" sign --force "$WORK/long"
    works '  openssl accepts it' cms_verify sign "$WORK/long" "$WORK/long.p7s"
}

# A file that grows while it is read: the reader is slowed down by a large one.
changing() {
    head -c 300M /dev/zero >"$WORK/growing"
    (while echo more >>"$WORK/growing"; do :; done) 2>/dev/null &
    local writer=$!
    ends 1 'a file that changes meanwhile' typed "$PIN_SIGN" sign --output "$WORK/grown.p7s" \
        "$WORK/growing"
    kill "$writer"
    asked 0
    expect_has '  it says so' 'has changed meanwhile' "$OUTPUT"
    works '  nothing is made' test ! -e "$WORK/grown.p7s"
    rm "$WORK/growing"
}

# meanwhile WHAT COMMAND...: while the holder types, COMMAND makes the file another one.
meanwhile() {
    local what=$1 code=0 typist
    shift
    rm -f "$WORK/gate"
    mkfifo "$WORK/gate"
    cp "$WORK/short" "$WORK/shown"
    ln -sfn shown "$WORK/link"
    echo 'Another message.' >"$WORK/other"
    python3 "$ROOT/tests/lib/late_typist.py" 'password.*: $' "$PIN_SIGN" "$WORK/gate" "$JPKI" sign \
        "$WORK/link" >"$WORK/late" 2>&1 </dev/null &
    typist=$!
    read -r <"$WORK/gate"
    "$@"
    echo go >"$WORK/gate"
    wait "$typist" || code=$?
    expect "a file that is $what while the password is typed" 1 "$code"
    expect_has '  is not signed' 'has changed meanwhile; nothing was signed' "$(cat "$WORK/late")"
    works '  and nothing is made' test ! -e "$WORK/link.p7s"
}

changed_meanwhile() {
    meanwhile written cp "$WORK/other" "$WORK/shown"
    meanwhile replaced mv "$WORK/other" "$WORK/shown"
    meanwhile removed rm "$WORK/shown"
    meanwhile 'led elsewhere by a link' ln -sfn other "$WORK/link"
}

# signed NAME WHAT OPERAND...: a file in the folder of names, by its own name.
signed() {
    local name=$1 what=$2
    shift 2
    ends 0 "$what" typed "$PIN_SIGN" sign "$@"
    works '  openssl accepts it' cms_verify sign "./$name" "./$name.p7s"
}

names() {
    local odd=$'a\xff\e[2Jb\nTo be signed: c'
    mkdir "$WORK/names"
    cd "$WORK/names"
    : >empty
    signed empty 'an empty file' empty
    cp "$WORK/short" ./-
    signed - 'a file that is called -' -
    cp "$WORK/short" ./-dash
    signed -dash 'one that begins with it' -- -dash
    ends 2 '  which is an option otherwise' typed "$PIN_SIGN" sign -dash
    cp "$WORK/short" "$odd"
    signed "$odd" 'one whose name deceives the terminal' "$odd"
    ends 0 '  once more' typed "$PIN_SIGN" sign --force "$odd"
    expect_has '  is shown so that it does not' '^To be signed: a\?\?\[2Jb\?To be signed: c$' "$OUTPUT"
    expect_has '  where it is put, too' '^The signature is in a\?\?\[2Jb\?To be signed: c.p7s$' "$OUTPUT"
    ln -s "$WORK/short" link
    signed link 'what a link leads to' link
    works '  the same by its own name' cms_verify sign "$WORK/short" link.p7s
    cd - >/dev/null
}

# not_replaced WHAT PATH: what is no file stays, whatever is wanted.
not_replaced() {
    local before
    before=$(stat -c '%F %i' "$2")
    ends 1 "in the place of $1" typed "$PIN_SIGN" sign --force --output "$2" "$WORK/short"
    asked 0
    expect_has '  it says so' 'is not a regular file' "$OUTPUT"
    expect '  which is still there' "$before" "$(stat -c '%F %i' "$2")"
}

no_files() {
    local what
    mkfifo "$WORK/fifo"
    mkdir "$WORK/place"
    ln -s "$WORK/long" "$WORK/to-long"
    ln -s nowhere "$WORK/dangling"
    for what in fifo place ../../../dev/zero; do
        LIMIT=10 ends 1 "no file: $what" typed "$PIN_SIGN" sign --output "$WORK/no.p7s" "$WORK/$what"
        asked 0
        expect_has '  it says so' 'is not a regular file' "$OUTPUT"
    done
    not_replaced 'a folder' "$WORK/place"
    not_replaced 'a folder with a slash' "$WORK/place/"
    not_replaced 'a pipe' "$WORK/fifo"
    not_replaced 'a link' "$WORK/to-long"
    not_replaced 'a link to nowhere' "$WORK/dangling"
    works '  nothing is made' test ! -e "$WORK/no.p7s"
}

# memory COMMAND...: the most that jpki has had of it, in kilobytes.
memory() {
    rm -f "$WORK/kilobytes"
    JPKI=$WORK/measured "$@" >/dev/null 2>&1
    cat "$WORK/kilobytes"
}

# A file is read piece by piece.
large() {
    local small
    printf '#!/bin/sh\nexec /usr/bin/time -q -f %%M -o %s %s "$@"\n' "$WORK/kilobytes" "$JPKI" >"$WORK/measured"
    chmod +x "$WORK/measured"
    truncate -s 512M "$WORK/large"
    small=$(memory typed "$PIN_SIGN" sign --force "$WORK/short")
    expect_at_most 'kilobytes for a file of 512 MiB' $((small + 20000)) \
        "$(memory typed "$PIN_SIGN" sign "$WORK/large")"
    works '  openssl accepts it' cms_verify sign "$WORK/large" "$WORK/large.p7s"
    small=$(memory jpki verify "$WORK/short" "$WORK/short.p7s")
    expect_at_most '  kilobytes to check it' $((small + 20000)) \
        "$(memory jpki verify "$WORK/large" "$WORK/large.p7s")"
    ends 0 '  which is good' jpki verify "$WORK/large" "$WORK/large.p7s"
    rm "$WORK/large"
}

# ^C after the password was sent: the card is closed all the same, and there is no half a signature.
interrupted() {
    interrupted_at 2A sign 'interrupted while it signs' "$PIN_SIGN" sign \
        --output "$WORK/place/cut.p7s" "$WORK/short"
    expect '  nothing is left of it' '' "$(ls -A "$WORK/place")"
    attack
    expect '  nor is the card open' closed "$SEEN"
    interrupted_end
}

expired() {
    card_new old --expired
    card_insert old 1
    ends 1 'an ended certificate' typed "$PIN_SIGN" sign --reader '00 01' --output "$WORK/old.p7s" \
        "$WORK/short"
    expect_has '  signs nothing any more' 'the certificate has ended' "$OUTPUT"
    works '  and nothing is made' test ! -e "$WORK/old.p7s"
    card_take 1
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    signature_key
    authentication_key
    refusals
    changing
    changed_meanwhile
    names
    no_files
    large
    interrupted
    expired
    interop_end
}

main "$@"
