#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The three modules: one shows both tokens, the others one each; side by side in one process too.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

# tokens_of MODULE
tokens_of() {
    tool_with "$1" --list-slots 2>&1 | sed -n 's/^ *token label *: *//p' | paste -sd'|'
}

# The name alone decides; a variable narrows it further for one program.
each_alone() {
    expect 'jpki-pkcs11 shows both tokens' "$LABEL_AUTH|$LABEL_SIGN" "$(tokens_of "$MODULE")"
    expect 'jpki-pkcs11-auth shows the authentication token' "$LABEL_AUTH" \
        "$(tokens_of "$MODULE_AUTH")"
    expect 'jpki-pkcs11-sign shows the signature token' "$LABEL_SIGN" \
        "$(tokens_of "$MODULE_SIGN")"
    expect 'JPKI_PKCS11_SLOTS=auth narrows' "$LABEL_AUTH" \
        "$(JPKI_PKCS11_SLOTS=auth tokens_of "$MODULE")"
    expect 'JPKI_PKCS11_SLOTS=sign narrows' "$LABEL_SIGN" \
        "$(JPKI_PKCS11_SLOTS=sign tokens_of "$MODULE")"
}

each_signs() {
    works 'jpki-pkcs11-auth signs' sign_with "$MODULE_AUTH" "$LABEL_AUTH" "$PIN_AUTH" 01 \
        SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    works 'jpki-pkcs11-sign signs' sign_with "$MODULE_SIGN" "$LABEL_SIGN" "$PIN_SIGN" 02 \
        SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/sig"
}

# tests/api/three_modules PATH PATH PATH loads all three, logs in through each and signs; it takes
# the PINs from PIN_AUTH and PIN_SIGN.
side_by_side() {
    need_file 'the program with three modules' "$API_TESTS/three_modules"
    works 'all three in one process' env VCARD_DIR="$CARD" "$API_TESTS/three_modules" "$MODULE" "$MODULE_AUTH" \
        "$MODULE_SIGN"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    each_alone
    each_signs
    side_by_side
    interop_end
}

main "$@"
