#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A reader with a PIN pad, used by real programs through the module: the PIN is never in the
# program. The pad is a layer between libpcsclite and the program (lib/padshim.c).

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

# with_pad ENTRIES COMMAND...: the holder does what ENTRIES says, a word for each time he is asked.
with_pad() {
    local entries=$1
    shift
    tr ' ' '\n' <<<"$entries" >"$WORK/types"
    : >"$WORK/asked"
    PAD_TYPES=$WORK/types PAD_LOG=$WORK/asked PRELOAD="$PRELOAD $PADSHIM" "$@"
}

asked() {
    grep -c '^PIN' "$WORK/asked" || true
}

# sign_on_pad OUTPUT: without --pin, pkcs11-tool trusts the token's flag.
sign_on_pad() {
    rm -f "$1"
    tool --token-label "$LABEL_AUTH" --login --sign --id 01 --mechanism SHA256-RSA-PKCS \
        --input-file "$WORK/short" --output-file "$1"
}

flags() {
    tool --list-slots 2>&1 | grep -A4 "$1" | grep 'token flags'
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    local mark certificate
    pcscd_start
    card_new card
    card_insert card 0
    certificate=$(card_dir card)/auth.pem
    expect_has_not 'a usual reader has no PIN pad' 'PIN pad' "$(flags "$LABEL_AUTH")"
    expect_has 'the authentication PIN is typed on the reader' 'PIN pad present' \
        "$(with_pad '' flags "$LABEL_AUTH")"
    expect_has_not 'the password is not' 'PIN pad' "$(with_pad '' flags "$LABEL_SIGN")"

    mark=$(apdu_mark card)
    works 'a signature' with_pad '1234' sign_on_pad "$WORK/sig"
    expect '  the holder was asked once' 1 "$(asked)"
    expect '  the card too' 1 "$(verifies_since card "$mark")"
    works '  openssl accepts it' verify_pkcs1 sha256 "$certificate" "$WORK/short" "$WORK/sig"
    expect '  the card was closed, and has shown that it is' '> 802A0097010000 -> 6982' \
        "$(grep '^>' "$(card_log card)" | tail -n 1)"

    mark=$(apdu_mark card)
    refused 'the holder thinks better of it' 'CKR_(FUNCTION_CANCELED|USER_NOT_LOGGED_IN|GENERAL_ERROR)' \
        with_pad 'cancel cancel cancel' sign_on_pad "$WORK/sig"
    expect '  nothing was spent' 0 "$(verifies_since card "$mark")"
    # pkcs11-tool begins a failed signature again: then the holder sees what he is asked for.
    refused 'a wrong PIN' 'CKR_(PIN_INCORRECT|FUNCTION_CANCELED)' \
        with_pad '9999 cancel cancel' sign_on_pad "$WORK/sig"
    expect '  one try' 1 "$(verifies_since card "$mark")"
    works 'the right one fills the tries again' with_pad '1234' sign_on_pad "$WORK/sig"
    works 'the password token, as usual' with_pad '' signs_and_verifies sign "$(card_dir card)/sign.pem"
    expect '  without the pad' 0 "$(asked)"

    mkdir -p "$HOME/.config"
    printf 'reader.pinpad = no\n' >"$HOME/.config/jpki-pkcs11.conf"
    expect_has_not 'reader.pinpad = no: nobody uses the pad' 'PIN pad' \
        "$(with_pad '' flags "$LABEL_AUTH")"
    works '  and programs ask as usual' with_pad '' signs_and_verifies auth "$certificate"
    expect '  without the pad' 0 "$(asked)"
    interop_end
}

main "$@"
