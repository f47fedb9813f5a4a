#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# OpenSSL with pkcs11-provider, by the samples conf/openssl-auth.cnf and conf/openssl-sign.cnf:
# signatures with both keys, a signed message, logins by TLS, also with a card that refuses RSA-PSS.
# An OpenSSL without the provider judges what the card has signed.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/openssl.sh
. "$ROOT/tests/lib/openssl.sh"

# sign SAMPLE PIN KEY INPUT OPTION...
sign() {
    local sample=$1 pin=$2 key=$3 input=$4
    shift 4
    rm -f "$WORK/sig"
    by "$sample" "$pin" openssl dgst -sign "$key" -out "$WORK/sig" "$@" "$input"
}

sign_auth_short() {
    sign auth "${PIN:-$PIN_AUTH}" "$AUTH_KEY" "$WORK/short" "$@"
}

# ---- what is on the card ----

listings() {
    works 'storeutl, certificates of the authentication key, without a PIN' \
        by auth "$PIN_AUTH" openssl storeutl -certs "$AUTH;type=cert"
    costs 0 0
    expect '  they are the holder'"'"'s and the CA'"'"'s' \
        "$(cat "$CARD/auth.pem" "$CARD/auth-ca.pem" | pem_bodies)" "$(pem_bodies <<<"$OUTPUT")"
    works 'storeutl, everything' by auth "$PIN_AUTH" openssl storeutl -text -noout pkcs11:
    costs 1 1 20
    expect_has '  the key' "^URI pkcs11:.*token=JPKI%20User%20Authentication;id=%01;.*type=private" \
        "$OUTPUT"
    works 'x509 -in ADDRESS' by auth "$PIN_AUTH" openssl x509 -in "$AUTH_CERT" -outform DER \
        -out "$WORK/auth.der"
    costs 0 0
    works '  it is the certificate' cmp "$WORK/auth.der" <(openssl x509 -in "$CARD/auth.pem" -outform DER)
    works 'x509 -in ADDRESS, signature key' by sign "$PIN_SIGN" openssl x509 -in "$SIGN_CERT" \
        -outform DER -out "$WORK/sign.der"
    costs 1 2 20
    works '  it is the certificate' cmp "$WORK/sign.der" <(openssl x509 -in "$CARD/sign.pem" -outform DER)
    openssl x509 -inform DER -in "$WORK/sign.der" -out "$WORK/sign.pem"
}

# pem_bodies: what is inside the certificates in a text, in a fixed order.
pem_bodies() {
    sed -n '/^-----BEGIN CERTIFICATE/,/^-----END CERTIFICATE/p' | tr -d '\n' |
        sed 's/-----BEGIN/\n&/g' | sort
}

# ---- signatures ----

authentication_key() {
    local hash
    for hash in sha256 sha512; do
        works "dgst -$hash, authentication key" sign_auth_short "-$hash"
        costs 1 2
        expect '  the other PIN was not tried' 0 "$(others_verifies auth)"
        works '  openssl accepts it' verify_pkcs1 "$hash" "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    done
    works 'dgst -sha256 by PSS' sign_auth_short -sha256 -sigopt rsa_padding_mode:pss \
        -sigopt rsa_pss_saltlen:digest
    costs 1 2
    works '  openssl accepts it' verify_pss "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    refused 'dgst -sha512 by PSS, which the card cannot do' 'mechanism not allowed with this key' \
        sign_auth_short -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
    openssl dgst -sha256 -binary -out "$WORK/hash" "$WORK/short"
    works 'pkeyutl, of a hash' by auth "$PIN_AUTH" openssl pkeyutl -sign -inkey "$AUTH_KEY" \
        -pkeyopt digest:sha256 -in "$WORK/hash" -out "$WORK/sig"
    costs 1 2
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
}

signature_key() {
    works 'dgst -sha256, signature key' sign sign "$PIN_SIGN" "$SIGN_KEY" "$WORK/long" -sha256
    costs 1 3 30
    expect '  the other PIN was not tried' 0 "$(others_verifies sign)"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/long" "$WORK/sig"
    works 'cms -sign' by sign "$PIN_SIGN" openssl cms -sign -binary -inkey "$SIGN_KEY" \
        -signer "$WORK/sign.pem" -in "$WORK/long" -outform DER -out "$WORK/long.p7s"
    costs 1 3 30
    works '  openssl accepts it, up to the CA of the card' cms_verify "$WORK/long" "$WORK/long.p7s"
    refused '  but not for another text' 'verification failure|digest' \
        cms_verify "$WORK/short" "$WORK/long.p7s"
    consent_for_each
}

# Why the sample asks for sign.consent = session: the provider would leave out the name of the hash.
# Should this ever fail, the provider has been mended, and the sample can do without.
consent_for_each() {
    sed '/^pkcs11-module-init-args/d' "$BUILD/conf/openssl-sign.cnf" >"$WORK/always.cnf"
    works 'with consent for each signature: the provider signs' \
        sign "$WORK/always.cnf" "$PIN_SIGN" "$SIGN_KEY" "$WORK/short" -sha256
    costs 2 4 30
    refused '  what no openssl accepts' 'Verification failure' \
        verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/sig"
    expect '  since it is the bare hash that was signed' \
        "$(openssl dgst -sha256 -binary "$WORK/short" | base64)" \
        "$(openssl pkeyutl -verifyrecover -pubin -inkey "$(public_key "$CARD/sign.pem")" \
            -in "$WORK/sig" | base64)"
}

# ---- TLS ----

log_in() {
    get "${SAMPLE:-auth}" -key "$AUTH_KEY" -cert "$AUTH_CERT"
}

tls() {
    local version
    tls_certificates
    for version in tls1_2 tls1_3; do
        logs_in "login, $version" RSA-PSS "-$version"
        logs_in "login, $version, the server has SHA-512 first" RSA-PSS "-$version" \
            -client_sigalgs "$SHA512_FIRST"
    done
    logs_in 'login, tls1_2, PKCS #1 only' RSA -tls1_2 -client_sigalgs rsa_pkcs1_sha256
    logs_in 'login, tls1_2, PKCS #1 or PSS with SHA-512' RSA -tls1_2 -client_sigalgs "$SHA512_OR_PKCS1"
    logs_in 'login, any version, no PKCS #1' RSA-PSS -client_sigalgs rsa_pss_rsae_sha256
    no_login 'tls1_3, PSS with SHA-512 only' 'alert certificate required' -tls1_3 \
        -client_sigalgs "$SHA512_ONLY"
    no_login 'a server that does not trust the CA' 'alert unknown ca' -tls1_3 -CAfile "$WORK/ca.pem"
    expect_has '  it says so' 'unable to get (local )?issuer certificate' "$(cat "$WORK/server.log")"
    sed 's/^ClientSignatureAlgorithms = .*/MinProtocol = TLSv1.2/' "$BUILD/conf/openssl-auth.cnf" \
        >"$WORK/without.cnf"
    SAMPLE=$WORK/without.cnf no_login 'SHA-512 first, without the list in the sample' \
        'mechanism not allowed with this key' -tls1_3 -client_sigalgs "$SHA512_FIRST"
}

wrong_pins() {
    PIN=12345 refused 'a PIN of five digits' 'Could not read private key' sign_auth_short -sha256
    costs 1 0
    PIN=9876 refused 'a wrong PIN' 'Could not read private key' sign_auth_short -sha256
    costs 1 1
    expect '  one try was lost' '2 5' "$(tries)"
    works 'the right one' sign_auth_short -sha256
    expect '  all tries are left' '3 5' "$(tries)"
    card_pull 0
    refused 'the card is out' 'Could not read private key' sign_auth_short -sha256
    costs 0 0
    card_put 0
    works 'the card is in again' sign_auth_short -sha256
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_provider
    openssl_begin
    listings
    authentication_key
    signature_key
    wrong_pins
    tls
    pss_refused_begin
    without_pss auth 'CKM_RSA_PKCS_PSS unavailable'
    SAMPLE=$WORK/pkcs1.cnf logs_in "with the sample's other lines, at the first" RSA
    interop_end
}

main "$@"
