#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Certificates in one extended command, on a real pcscd and by a real program: a reader that takes them
# is a layer between libpcsclite and the program (lib/longshim.c). And what is done where the reader
# does not say it, where the card refuses, and where the reader has promised too much.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

readonly ATR=3BDA13FF8131FB468012392F31C173C601C03B # was seen; announces extended lengths

# A program that nobody was before.
afresh() {
    rm -rf "$XDG_RUNTIME_DIR"/jpki-pkcs11/seen-* "$XDG_CACHE_HOME/jpki-pkcs11"
}

with_usual_reader() {
    "$@"
}

with_long_reader() {
    PRELOAD="$PRELOAD $BUILD/tests/lib/longshim.so" "$@"
}

# read_object LABEL TYPE ID OUTPUT
read_object() {
    rm -f "$4"
    tool --token-label "$1" --read-object --type "$2" --id "$3" --output-file "$4"
}

# ca_id LABEL: of its CA's certificate.
ca_id() {
    tool --token-label "$1" --list-objects --type cert 2>&1 |
        sed -n '/CA/,/ID:/ s/^ *ID: *//p' | head -n 1
}

# reads_all CARD HOW COMMAND...: each free certificate is the card's own, byte for byte, through
# COMMAND, which is put before each program. The log from here on is what the checks look at.
reads_all() {
    local card=$1 how=$2 dir
    shift 2
    dir=$(card_dir "$card")
    afresh
    MARK=$(apdu_mark "$card")
    works "$how: the authentication certificate" \
        "$@" read_object "$LABEL_AUTH" cert 01 "$WORK/auth.der"
    works '  is the card'\''s' cmp "$WORK/auth.der" "$dir/auth.der"
    works "$how: the CA of the signature key" "$@" read_object "$LABEL_SIGN" cert "$SIGN_CA" "$WORK/ca.der"
    works '  is the card'\''s' cmp "$WORK/ca.der" "$dir/sign-ca.der"
}

# long_since CARD MARK: READ BINARY commands with an extended Le.
long_since() {
    apdu_lines "$1" "$2" | grep -cE '^00B0[0-9A-F]{4}00[0-9A-F]{4}$' || true
}

signs() {
    rm -f "$WORK/sig"
    works '  a signature' "$@" tool --token-label "$LABEL_AUTH" --login --pin "$PIN_AUTH" --sign --id 01 \
        --mechanism SHA256-RSA-PKCS --input-file "$WORK/short" --output-file "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CERTIFICATE" "$WORK/short" "$WORK/sig"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    card_new card --extended --atr "$ATR"
    card_insert card 0
    CERTIFICATE=$(card_dir card)/auth.pem
    SIGN_CA=$(ca_id "$LABEL_SIGN")

    reads_all card 'reader and card' with_long_reader
    expect '  extended commands: one for each' 2 "$(long_since card "$MARK")"
    expect_has '  all that was left, from the first block'\''s last byte on' \
        '^00B08AFF00[0-9A-F]{4}$' "$(apdu_lines card "$MARK")"
    signs with_long_reader

    reads_all card 'a reader that does not say it' with_usual_reader
    expect '  extended commands' 0 "$(long_since card "$MARK")"

    : >"$WORK/broken"
    reads_all card 'a reader that promises too much' env_breaks with_long_reader
    expect '  tried by each program, once' 2 "$(wc -l <"$WORK/broken")"
    signs env_breaks with_long_reader
    expect '  all tries are left' '3 5' "$(tries card)"
    card_take 0

    card_new refuses --atr "$ATR"
    card_insert refuses 0
    CERTIFICATE=$(card_dir refuses)/auth.pem
    reads_all refuses 'a card that does not what it announces' with_long_reader
    expect '  tried by each program, once' 2 "$(long_since refuses "$MARK")"
    signs with_long_reader
    interop_end
}

env_breaks() {
    local LONG_BREAKS=$WORK/broken
    export LONG_BREAKS
    "$@"
}

main "$@"
