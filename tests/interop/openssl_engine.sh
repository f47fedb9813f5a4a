#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# OpenSSL with libp11's engine, by the sample conf/openssl-engine.cnf: signatures with both keys, a
# signed message, logins by TLS, also with a card that refuses RSA-PSS. An OpenSSL without the engine
# judges what the card has signed.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/openssl.sh
. "$ROOT/tests/lib/openssl.sh"

readonly -a ENGINE=(-engine pkcs11 -keyform engine)

# dgst HASH PIN KEY [INPUT]
dgst() {
    rm -f "$WORK/sig"
    by engine "$2" openssl dgst "${ENGINE[@]}" "-$1" -sign "$3" -out "$WORK/sig" "${4:-$WORK/short}"
}

authentication_key() {
    local hash
    for hash in sha256 sha512; do
        works "dgst -$hash, authentication key" dgst "$hash" "$PIN_AUTH" "$AUTH_KEY"
        costs 1 2
        expect_has '  it asks for the right token' "^Enter PKCS#11 token PIN for $LABEL_AUTH:" "$OUTPUT"
        expect '  the other PIN was not tried' 0 "$(others_verifies auth)"
        works '  openssl accepts it' verify_pkcs1 "$hash" "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    done
}

# The first PIN is for the login, the second one for the signature.
signature_key() {
    works 'dgst -sha256, signature key' dgst sha256 "$PIN_SIGN" "$SIGN_KEY" "$WORK/long"
    costs 2 4 30
    expect_has '  it asks for the token' "^Enter PKCS#11 token PIN for $LABEL_SIGN:" "$OUTPUT"
    expect_has '  and for the key' '^Enter PKCS#11 key PIN for Digital Signature Key:' "$OUTPUT"
    expect '  the other PIN was not tried' 0 "$(others_verifies sign)"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/long" "$WORK/sig"
    refused '  but not for another text' 'Verification failure' \
        verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/sig"
}

# export_certificate NAME LABEL ID OPTION...: the engine has no way to it, so as in docs/openssl.md.
export_certificate() {
    local name=$1 label=$2 id=$3
    shift 3
    tool --token-label "$label" --read-object --type cert --id "$id" "$@" \
        --output-file "$WORK/$name.der" >/dev/null
    openssl x509 -inform DER -in "$WORK/$name.der" -out "$WORK/$name.pem"
    cmp <(openssl x509 -in "$CARD/$name.pem" -outform DER) "$WORK/$name.der"
}

sign_message() {
    by engine "$PIN_SIGN" openssl cms -sign -binary "${ENGINE[@]}" -inkey "$SIGN_KEY" \
        -signer "$WORK/sign.pem" -in "$WORK/long" -outform DER -out "$1"
}

message() {
    works 'the certificate of the signature key, from the card' \
        export_certificate sign "$LABEL_SIGN" 02 --login --pin "$PIN_SIGN"
    works 'cms -sign' sign_message "$WORK/long.p7s"
    costs 2 4 30
    works '  openssl accepts it, up to the CA of the card' cms_verify "$WORK/long" "$WORK/long.p7s"
    refused '  but not for another text' 'verification failure|digest' \
        cms_verify "$WORK/short" "$WORK/long.p7s"
    mkdir -p "$HOME/.config"
    printf 'sign.consent = session\n' >"$HOME/.config/jpki-pkcs11.conf"
    works 'with sign.consent = session' sign_message "$WORK/once.p7s"
    costs 1 3 30
    works '  openssl accepts it' cms_verify "$WORK/long" "$WORK/once.p7s"
    rm "$HOME/.config/jpki-pkcs11.conf"
}

log_in() {
    get "${SAMPLE:-engine}" "${ENGINE[@]}" -key "$AUTH_KEY" -cert "$WORK/auth.pem"
}

tls() {
    local version
    works 'the certificate of the authentication key, from the card' \
        export_certificate auth "$LABEL_AUTH" 01
    tls_certificates
    for version in tls1_2 tls1_3; do
        logs_in "login, $version" RSA-PSS "-$version"
        logs_in "login, $version, the server has SHA-512 first" RSA-PSS "-$version" \
            -client_sigalgs "$SHA512_FIRST"
    done
    logs_in 'login, tls1_2, PKCS #1 only' RSA -tls1_2 -client_sigalgs rsa_pkcs1_sha256
    logs_in 'login, tls1_2, PKCS #1 or PSS with SHA-512' RSA -tls1_2 -client_sigalgs "$SHA512_OR_PKCS1"
    no_login 'tls1_3, PSS with SHA-512 only' 'alert certificate required' -tls1_3 \
        -client_sigalgs "$SHA512_ONLY"
    no_login 'a server that does not trust the CA' 'alert unknown ca' -tls1_2 -CAfile "$WORK/ca.pem"
    expect_has '  it says so' 'unable to get (local )?issuer certificate' "$(cat "$WORK/server.log")"
    sed 's/^ClientSignatureAlgorithms = .*/MinProtocol = TLSv1.2/' "$BUILD/conf/openssl-engine.cnf" \
        >"$WORK/without.cnf"
    SAMPLE=$WORK/without.cnf no_login 'SHA-512 first, without the list in the sample' \
        'Mechanism invalid' -tls1_2 -client_sigalgs "$SHA512_FIRST"
}

# The list is why the sample is for one program at a time: it shuts out the keys that others may have.
other_keys() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/ec.key" \
        -out "$WORK/ec.pem" -subj '/CN=Another client' -days 2 2>/dev/null
    refused 'no login by an ECDSA key, under the sample' 'alert handshake failure' \
        with_tls_server -tls1_2 -CAfile "$WORK/ec.pem" -- \
        get engine -key "$WORK/ec.key" -cert "$WORK/ec.pem"
    works 'but without it' with_tls_server -tls1_2 -CAfile "$WORK/ec.pem" -- \
        get /dev/null -key "$WORK/ec.key" -cert "$WORK/ec.pem"
    expect_has '  by such a key' '^Peer signature type: ECDSA$' "$OUTPUT"
}

wrong_pins() {
    refused 'a PIN of five digits' 'Invalid PIN length' dgst sha256 12345 "$AUTH_KEY"
    costs 1 0
    refused 'a wrong PIN' 'PIN incorrect' dgst sha256 9876 "$AUTH_KEY"
    costs 1 1
    expect '  one try was lost' '2 5' "$(tries)"
    works 'the right one' dgst sha256 "$PIN_AUTH" "$AUTH_KEY"
    expect '  all tries are left' '3 5' "$(tries)"
    refused 'an address that fits both tokens' 'Multiple matching slots' dgst sha256 "$PIN_AUTH" \
        'pkcs11:type=private'
    costs 0 0
    card_pull 0
    refused 'the card is out' 'No matching initialized token' dgst sha256 "$PIN_AUTH" "$AUTH_KEY"
    costs 0 0
    card_put 0
    works 'the card is in again' dgst sha256 "$PIN_AUTH" "$AUTH_KEY"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    openssl_begin
    authentication_key
    signature_key
    message
    tls
    other_keys
    wrong_pins
    pss_refused_begin
    works 'the certificate of another card' export_certificate auth "$LABEL_AUTH" 01
    without_pss engine 'Mechanism invalid'
    SAMPLE=$WORK/pkcs1.cnf logs_in "with the sample's other lines, at the first" RSA
    interop_end
}

main "$@"
