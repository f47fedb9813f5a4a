#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# OpenSC's pkcs11-tool on the module: lists, every mechanism with both keys, and its own tests.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

interfaces() {
    works 'interfaces are listed' tool --list-interfaces
    expect_has 'PKCS #11 2.40 is offered' 'version: 2\.40' "$OUTPUT"
    expect_has 'PKCS #11 3.0 is offered' 'version: 3\.0' "$OUTPUT"
    expect_has 'PKCS #11 3.2 is offered' 'version: 3\.2' "$OUTPUT"
}

tokens() {
    works 'slots are listed' tool --list-slots
    expect 'the reader with the card has the two tokens, authentication first' \
        "$LABEL_AUTH, $LABEL_SIGN" \
        "$(sed -n 's/^ *token label *: *//p' <<<"$OUTPUT" | paste -sd, | sed 's/,/, /g')"
    expect 'two readers have four slots' 4 "$(grep -c '^Slot ' <<<"$OUTPUT")"
    expect_has_not 'the serial number is a real one' 'serial num *: *0*$' "$OUTPUT"
    expect_has 'the authentication PIN has four digits' 'pin min/max *: 4/4' "$OUTPUT"
    expect_has 'the signature password has 6 to 16 characters' 'pin min/max *: 6/16' "$OUTPUT"
    expect 'the serial number stays the same' "$(grep 'serial num' <<<"$OUTPUT")" \
        "$(tool --list-slots 2>&1 | grep 'serial num')"
}

mechanism_lists() {
    works 'mechanisms of the authentication token are listed' \
        tool --token-label "$LABEL_AUTH" --list-mechanisms
    expect_has 'RSA-PKCS is the first mechanism' '^ *RSA-PKCS,' \
        "$(grep -m1 -E '^ +[A-Z]' <<<"$OUTPUT")"
    expect_has 'PSS is offered for authentication' 'RSA-PKCS-PSS' "$OUTPUT"
    expect_has_not 'nothing decrypts, verifies or unwraps' 'decrypt|verify|unwrap' "$OUTPUT"
    expect_has_not 'raw RSA is not offered' 'RSA-X-509' "$OUTPUT"
    works 'mechanisms of the signature token are listed' \
        tool --token-label "$LABEL_SIGN" --list-mechanisms
    expect_has 'RSA-PKCS is offered for signature' '^ *RSA-PKCS,' "$OUTPUT"
    expect_has_not 'hashing signatures are not listed while each needs consent' \
        'SHA[0-9]+-RSA-PKCS' "$OUTPUT"
}

public_objects() {
    works 'public objects of the authentication token' objects "$LABEL_AUTH"
    expect 'the certificate is public' 'Certificate Object 01' \
        "$(objects_block 'Certificate Object' 01 <<<"$OUTPUT")"
    expect 'the public key is public' 'Public Key Object 01' \
        "$(objects_block 'Public Key Object' 01 <<<"$OUTPUT")"
    expect 'the certificate of its CA is there too' 2 "$(grep -c '^Certificate Object' <<<"$OUTPUT")"
    expect_has 'the Public Certificates profile is met' 'CKP_PUBLIC_CERTIFICATES_TOKEN' "$OUTPUT"
    works 'public objects of the signature token' objects "$LABEL_SIGN"
    expect 'neither certificate nor keys are shown before login' '' \
        "$(grep -E '^ +ID: +02' <<<"$OUTPUT" || true)"
    expect 'the certificate of its CA is' 1 "$(grep -c '^Certificate Object' <<<"$OUTPUT")"
    expect_has_not 'the Public Certificates profile is not claimed' \
        'CKP_PUBLIC_CERTIFICATES_TOKEN' "$OUTPUT"
}

private_objects() {
    works 'objects after login, authentication' \
        objects "$LABEL_AUTH" --login --pin "$PIN_AUTH"
    expect 'the private key is there' 'Private Key Object 01' \
        "$(objects_block 'Private Key Object' 01 <<<"$OUTPUT")"
    works 'objects after login, signature' objects "$LABEL_SIGN" --login --pin "$PIN_SIGN"
    local kind
    for kind in 'Private Key Object' 'Public Key Object' 'Certificate Object'; do
        expect "${kind,,} 02 is there" "$kind 02" "$(objects_block "$kind" 02 <<<"$OUTPUT")"
    done
}

# read_certificate WHAT LABEL ID FILE OPTION...: the certificate read through the module is the
# card's.
read_certificate() {
    local what=$1 label=$2 id=$3 file=$4
    shift 4
    works "$what is read" tool --token-label "$label" --read-object --type cert --id "$id" \
        --output-file "$WORK/read.der" "$@"
    expect "$what is the card's own" "$(openssl x509 -in "$file" -outform DER | sha256sum)" \
        "$(sha256sum <"$WORK/read.der")"
}

# hashing_signatures WHICH CERTIFICATE: each mechanism that hashes, short and long input.
hashing_signatures() {
    local which=$1 certificate=$2 hash input
    for hash in SHA1 SHA224 SHA256 SHA384 SHA512; do
        for input in short long; do
            works "$which key, $hash-RSA-PKCS, $input input" \
                "sign_$which" "$hash-RSA-PKCS" "$WORK/$input" "$WORK/sig"
            works '  openssl accepts it' \
                verify_pkcs1 "${hash,,}" "$certificate" "$WORK/$input" "$WORK/sig"
        done
    done
}

raw_signatures() {
    local which=$1 certificate=$2
    works "$which key, RSA-PKCS over a few bytes" \
        "sign_$which" RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl recovers them' verify_raw "$certificate" "$WORK/short" "$WORK/sig"
    head -c 245 "$WORK/long" >"$WORK/longest"
    works "$which key, RSA-PKCS over the most that fits" \
        "sign_$which" RSA-PKCS "$WORK/longest" "$WORK/sig"
    works '  openssl recovers them' verify_raw "$certificate" "$WORK/longest" "$WORK/sig"
    head -c 246 "$WORK/long" >"$WORK/too-long"
    refused "$which key, RSA-PKCS over one byte more" 'CKR_DATA_LEN_RANGE' \
        "sign_$which" RSA-PKCS "$WORK/too-long" "$WORK/sig"
}

pss_signatures() {
    local which=$1 certificate=$2
    local -a right=(--hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len 32)
    openssl dgst -sha256 -binary -out "$WORK/hash" "$WORK/short"
    works "$which key, RSA-PKCS-PSS over a hash" \
        "sign_$which" RSA-PKCS-PSS "$WORK/hash" "$WORK/sig" "${right[@]}"
    works '  openssl accepts it' verify_pss "$certificate" "$WORK/short" "$WORK/sig"
    works "$which key, SHA256-RSA-PKCS-PSS" \
        "sign_$which" SHA256-RSA-PKCS-PSS "$WORK/long" "$WORK/sig"
    works '  openssl accepts it' verify_pss "$certificate" "$WORK/long" "$WORK/sig"
    refused "$which key, PSS with another salt" 'CKR_MECHANISM_PARAM_INVALID' \
        "sign_$which" RSA-PKCS-PSS "$WORK/hash" "$WORK/sig" --hash-algorithm SHA256 \
        --mgf MGF1-SHA256 --salt-len 20
    openssl dgst -sha384 -binary -out "$WORK/hash384" "$WORK/short"
    refused "$which key, PSS with another hash" 'CKR_MECHANISM_(PARAM_)?INVALID' \
        "sign_$which" RSA-PKCS-PSS "$WORK/hash384" "$WORK/sig" --hash-algorithm SHA384 \
        --mgf MGF1-SHA384 --salt-len 48
}

# A PIN that cannot be right costs nothing; a wrong one costs one try and no more.
wrong_pins() {
    local mark pin
    mark=$(apdu_mark card)
    for pin in 123 12345 12a4; do
        refused "PIN $pin is refused" 'CKR_PIN_' sign_with "$MODULE" "$LABEL_AUTH" "$pin" 01 \
            SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    done
    for pin in ABC12 ABC1234567890DEFG 'ABC-123'; do
        refused "password $pin is refused" 'CKR_PIN_' sign_with "$MODULE" "$LABEL_SIGN" "$pin" 02 \
            SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    done
    expect 'none of them was shown to the card' 0 "$(verifies_since card "$mark")"
    mark=$(apdu_mark card)
    refused 'a wrong PIN is refused' 'CKR_PIN_INCORRECT' sign_with "$MODULE" "$LABEL_AUTH" 4321 01 \
        SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    expect 'it was shown to the card once' 1 "$(verifies_since card "$mark")"
    expect_has 'the flags say so' 'token flags.*user PIN count low' \
        "$(tool --list-slots 2>&1 | grep -A4 "$LABEL_AUTH")"
    works 'the right one sets the tries back' signs_and_verifies auth "$CARD/auth.pem"
    PIN_SIGN=${PIN_SIGN,,} works 'a password in small letters is right' \
        signs_and_verifies sign "$CARD/sign.pem"
    refused 'login as security officer' 'CKR_(USER_TYPE_INVALID|PIN_INCORRECT|FUNCTION_NOT_SUPPORTED)' \
        tool --token-label "$LABEL_AUTH" --login --login-type so --so-pin 12345678 --list-objects
}

own_tests() {
    works "pkcs11-tool's test, authentication token" \
        tool --token-label "$LABEL_AUTH" --test --login --pin "$PIN_AUTH"
    expect_has '  without errors' 'No errors' "$OUTPUT"
    works "pkcs11-tool's test, signature token" \
        tool --token-label "$LABEL_SIGN" --test --login --pin "$PIN_SIGN"
    expect_has '  without errors' 'No errors' "$OUTPUT"
    works "pkcs11-tool's fork test" tool --test-fork
    expect_has '  a child initialises' 'Calling C_Initialize in forked child process' "$OUTPUT"
    expect_has_not '  and has no complaint' 'error|failed|CKR_' "$OUTPUT"
    local -a threads=()
    local thread
    for thread in 1 2 3 4; do
        threads+=(--test-threads ILGISLT0T1)
    done
    # Whatever its threads have met, it ends with exit code 0.
    works "pkcs11-tool's thread test" tool "${threads[@]}"
    expect_has '  all end well' 'all threads have ended with CKR_OK' "$OUTPUT"
    # Its threads write the labels into one buffer before they print them: what is in a line may be another's.
    expect '  each has seen both tokens' 8 "$(grep -c 'token label *: ' <<<"$OUTPUT")"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    interfaces
    tokens
    mechanism_lists
    public_objects
    private_objects
    read_certificate 'the authentication certificate' "$LABEL_AUTH" 01 "$CARD/auth.pem"
    read_certificate 'the signature certificate' "$LABEL_SIGN" 02 "$CARD/sign.pem" \
        --login --pin "$PIN_SIGN"
    hashing_signatures auth "$CARD/auth.pem"
    hashing_signatures sign "$CARD/sign.pem"
    raw_signatures auth "$CARD/auth.pem"
    raw_signatures sign "$CARD/sign.pem"
    pss_signatures auth "$CARD/auth.pem"
    pss_signatures sign "$CARD/sign.pem"
    wrong_pins
    own_tests
    interop_end
}

main "$@"
