#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Cards that differ from the usual one, each in a fresh reader: what works, what is missing.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

# with_variant NAME FUNCTION OPTION...: calls FUNCTION with a card made with these options.
with_variant() {
    local name=$1 function=$2
    shift 2
    say "-- $name"
    card_new "$name" "$@"
    card_insert "$name" 0
    CARD=$(card_dir "$name")
    "$function" "$name"
    card_take 0
}

both_keys_sign() {
    works 'the authentication key signs' signs_and_verifies auth "$CARD/auth.pem"
    works 'the signature key signs' signs_and_verifies sign "$CARD/sign.pem"
}

# The long way is found once a connection, and then kept to.
without_short_ids() {
    both_keys_sign
    works 'certificates are read' tool --token-label "$LABEL_AUTH" --read-object --type cert --id 01 \
        --output-file "$WORK/read.der"
    expect 'the certificate is the card'"'"'s' \
        "$(openssl x509 -in "$CARD/auth.pem" -outform DER | sha256sum)" \
        "$(sha256sum <"$WORK/read.der")"
}

pss() {
    openssl dgst -sha256 -binary -out "$WORK/hash" "$WORK/short"
    sign_auth RSA-PKCS-PSS "$WORK/hash" "$WORK/pss.sig" --hash-algorithm SHA256 --mgf MGF1-SHA256 \
        --salt-len 32
}

# P1=04 is refused by the card. That is found out by trying; after two refusals in a row the
# mechanism is no longer offered, in new processes neither.
without_pss() {
    both_keys_sign
    refused 'a first PSS signature fails cleanly' 'CKR_' pss
    refused 'so does a second' 'CKR_' pss
    works 'mechanisms are listed' tool --token-label "$LABEL_AUTH" --list-mechanisms
    expect_has_not 'PSS is no longer offered' 'PSS' "$OUTPUT"
    expect_has 'RSA-PKCS still is' '^ *RSA-PKCS,' "$OUTPUT"
    refused 'and is refused at once' 'CKR_MECHANISM_INVALID' pss
    both_keys_sign
    rm -rf "$HOME/.local/state" # the next card is another story
}

# A telephone shows the authentication certificate only after login too.
smartphone() {
    works 'the authentication token has objects' objects "$LABEL_AUTH"
    expect 'its certificate is not shown before login' '' \
        "$(objects_block 'Certificate Object' 01 <<<"$OUTPUT")"
    works 'after login' objects "$LABEL_AUTH" --login --pin "$PIN_AUTH"
    expect 'it is' 'Certificate Object 01' "$(objects_block 'Certificate Object' 01 <<<"$OUTPUT")"
    both_keys_sign
}

without_sign_certificate() {
    works 'both tokens are listed' tool --list-slots
    expect_has 'the signature token is there' "$LABEL_SIGN" "$OUTPUT"
    works 'the authentication key signs' signs_and_verifies auth "$CARD/auth.pem"
    works 'the signature token answers' objects "$LABEL_SIGN"
    expect 'it has no key and no certificate of the holder' '' \
        "$(grep -E '^ +ID: +02' <<<"$OUTPUT" || true)"
    refused 'nothing is signed with it' '.' sign_sign SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
}

# The first command after power-up fails once: it is repeated, and nobody notices.
first_command_fails() {
    works 'both tokens are listed' tool --list-slots
    expect 'both are there' 2 "$(grep -c 'token label' <<<"$OUTPUT")"
    both_keys_sign
}

# A card that gives a PKCS #1 signature when asked for PSS: what does not verify is not handed out.
lying_about_pss() {
    refused 'a PSS signature that is none is not handed out' 'CKR_' pss
    expect 'nothing was written' no "$([ -s "$WORK/pss.sig" ] && echo yes || echo no)"
    both_keys_sign
    rm -rf "$HOME/.local/state"
}

# Dates are the business of whoever checks a signature: an expired card signs.
expired() {
    both_keys_sign
    refused 'the certificate is really expired' 'expired' openssl verify -partial_chain \
        -trusted "$CARD/auth-ca.pem" "$CARD/auth.pem"
}

other_pins() {
    PIN_AUTH=9876 PIN_SIGN=LONGPASSWORD2345 both_keys_sign
    refused 'the usual PIN is wrong here' CKR_PIN_INCORRECT sign_auth SHA256-RSA-PKCS \
        "$WORK/short" "$WORK/sig"
}

# lock_pin FILE TRIES WRONG: spends all tries with raw commands, since the module never would.
lock_pin() {
    local file=$1 tries=$2 wrong=$3 count
    local -a commands=(00A4040C0AD392F000260100000001 "00A4020C02$file")
    for ((count = 0; count < tries; count++)); do
        commands+=("$wrong")
    done
    raw_apdus 0 "${commands[@]}" >"$WORK/lock.log"
}

# token_flags LABEL
token_flags() {
    tool --list-slots 2>&1 | grep -A4 -F "token label        : $1" | grep 'token flags'
}

locked_auth() {
    lock_pin 0018 3 002000800430303030
    expect_has 'the authentication token says that its PIN is locked' 'user PIN locked' \
        "$(token_flags "$LABEL_AUTH")"
    expect_has_not 'the signature token does not' 'locked|count low|final' \
        "$(token_flags "$LABEL_SIGN")"
    local mark
    mark=$(apdu_mark "$1")
    refused 'login gives the right code' CKR_PIN_LOCKED sign_auth SHA256-RSA-PKCS "$WORK/short" \
        "$WORK/sig"
    expect 'without showing the card a PIN' 0 "$(verifies_since "$1" "$mark")"
    works 'the authentication certificate can still be read' tool --token-label "$LABEL_AUTH" \
        --read-object --type cert --id 01 --output-file "$WORK/read.der"
    works 'the signature key signs' signs_and_verifies sign "$CARD/sign.pem"
}

locked_sign() {
    lock_pin 001B 5 0020008006303030303030
    expect_has 'the signature token says that its password is locked' 'user PIN locked' \
        "$(token_flags "$LABEL_SIGN")"
    expect_has_not 'the authentication token does not' 'locked|count low|final' \
        "$(token_flags "$LABEL_AUTH")"
    refused 'login gives the right code' CKR_PIN_LOCKED sign_sign SHA256-RSA-PKCS "$WORK/short" \
        "$WORK/sig"
    works 'all certificates that are free can be read' objects "$LABEL_SIGN"
    works 'the authentication key signs' signs_and_verifies auth "$CARD/auth.pem"
}

# One wrong PIN after another, each in a new process: the last try is never touched.
stubborn_program() {
    local round mark
    mark=$(apdu_mark "$1")
    for round in 1 2 3 4 5; do
        refused "wrong PIN, process $round" 'CKR_PIN_(INCORRECT|LOCKED)' sign_with "$MODULE" \
            "$LABEL_AUTH" 4321 01 SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    done
    expect 'two of three tries are spent' 2 "$(verifies_since "$1" "$mark")"
    expect_has 'the flags speak of the last try' 'final user PIN try' "$(token_flags "$LABEL_AUTH")"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    with_variant no-sfi without_short_ids --no-sfi
    with_variant no-pss without_pss --no-pss
    with_variant smartphone smartphone --smartphone
    with_variant no-sign-cert without_sign_certificate --no-sign-cert
    with_variant no-sign-cert-ef without_sign_certificate --no-sign-cert --no-sign-cert-ef
    with_variant first-6f00 first_command_fails --first-6f00
    with_variant no-isd both_keys_sign --no-isd
    with_variant pss-as-pkcs1 lying_about_pss --pss-as-pkcs1
    with_variant expired expired --expired
    with_variant other-pins other_pins --pin-auth 9876 --pin-sign LONGPASSWORD2345
    with_variant locked-auth locked_auth
    with_variant locked-sign locked_sign
    with_variant locked-old locked_auth --old-lock
    with_variant stubborn stubborn_program
    interop_end
}

main "$@"
