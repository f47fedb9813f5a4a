#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The module as it is installed, inside pkcs11-tool and under Valgrind's memcheck: whatever it is asked for,
# it reads nothing that has no value, nothing beside its memory, and leaves nothing behind. What is not ours
# to mend is in valgrind.supp, with the reason.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

readonly FOUND=99 # Valgrind's exit code when it has found something
MORE=()           # its options for a job

# watched ARGUMENT...: pkcs11-tool with the module. Its own exit code, or FOUND. What is only reached from
# static variables of libraries is nobody's loss; those of the module are gone when it is closed.
watched() {
    timeout 120 valgrind --quiet --error-exitcode="$FOUND" --leak-check=full \
        --keep-debuginfo=yes --vgdb=no \
        --suppressions="$ROOT/tests/interop/valgrind.supp" "${MORE[@]}" \
        pkcs11-tool --module "$MODULE" "$@" </dev/null
}

# clean WHAT COMMAND...: works, and Valgrind finds nothing.
clean() {
    works "$@"
    expect '  and Valgrind has nothing to say' '' "$(grep -E '^==[0-9]+==' <<<"$OUTPUT" || true)"
}

# clean_refusal WHAT PATTERN COMMAND...: the same of what is refused.
clean_refusal() {
    refused "$@"
    expect '  and Valgrind has nothing to say' '' "$(grep -E '^==[0-9]+==' <<<"$OUTPUT" || true)"
}

# signing LABEL PIN ID: with all that is to be listed.
signing() {
    clean "$1: lists, a login, a signature" watched --list-slots --list-mechanisms --list-objects \
        --token-label "$1" --login --pin "$2" --sign --id "$3" --mechanism SHA256-RSA-PKCS \
        --input-file "$WORK/short" --output-file "$WORK/sig"
    expect_has '  slots were listed' '^Slot 3 ' "$OUTPUT"
    expect '  and objects' "Private Key Object $3" "$(objects_block 'Private Key Object' "$3" <<<"$OUTPUT")"
}

reading() {
    clean 'a certificate is read' watched --token-label "$LABEL_AUTH" --read-object --type cert --id 01 \
        --output-file "$WORK/read.der"
    openssl x509 -in "$CARD/auth.pem" -outform DER -out "$WORK/auth.der"
    works "  and is the card's own" cmp "$WORK/read.der" "$WORK/auth.der"
}

pins() {
    MORE=(--suppressions="$ROOT/tests/interop/valgrind-no-finalize.supp")
    clean 'a PIN is changed' watched --token-label "$LABEL_AUTH" --login --pin "$PIN_AUTH" \
        --change-pin --new-pin 5678
    expect '  on the card' 5678 "$(sed -n 's/^auth.pin = //p' "$CARD/state")"
    MORE=()
    clean_refusal 'a wrong PIN is refused' CKR_PIN_INCORRECT \
        watched --token-label "$LABEL_AUTH" --login --pin 9999 --list-objects
    expect '  and costs one try' '2 5' "$(tries)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    works 'meson install' install_into "$WORK/stage"
    MODULE=$(find "$WORK/stage" -name jpki-pkcs11.so)
    pcscd_start
    card_new card
    card_insert card 0
    reading
    signing "$LABEL_AUTH" "$PIN_AUTH" 01
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    signing "$LABEL_SIGN" "$PIN_SIGN" 02
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/sig"
    pins
    interop_end
}

main "$@"
