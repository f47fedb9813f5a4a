#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# curl as Debian has it, with OpenSSL, fetches a page as the holder of the card, by libp11's engine,
# with addresses in the place of files, also with a card that refuses RSA-PSS.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/openssl.sh
. "$ROOT/tests/lib/openssl.sh"

# The options that say by what means; curl sees by itself that its arguments are addresses.
ENGINE=(--engine pkcs11 --key-type ENG --cert-type ENG)

TLS_MAX=()

log_in() {
    fetch "${SAMPLE:-engine}" ${ENGINE[@]+"${ENGINE[@]}"} --key "$AUTH_KEY" --cert "$AUTH_CERT" \
        ${TLS_MAX[@]+"${TLS_MAX[@]}"}
}

engine() {
    local version
    for version in tls1_2 tls1_3; do
        logs_in "$version, by the engine" RSA-PSS "-$version"
        logs_in "$version, the server has SHA-512 first" RSA-PSS "-$version" \
            -client_sigalgs "$SHA512_FIRST"
    done
    logs_in 'PKCS #1 only' RSA -tls1_2 -client_sigalgs rsa_pkcs1_sha256
    sed 's/^ClientSignatureAlgorithms = .*/MinProtocol = TLSv1.2/' "$BUILD/conf/openssl-engine.cnf" \
        >"$WORK/without.cnf"
    SAMPLE=$WORK/without.cnf no_login 'SHA-512 first, without the list in the sample' \
        'Mechanism invalid' -tls1_2 -client_sigalgs "$SHA512_FIRST"
    ENGINE=()
    logs_in 'by addresses alone' RSA-PSS -tls1_3
}

refusals() {
    no_login 'a server that does not trust the CA' 'curl: \([0-9]+\)' -tls1_2 -CAfile "$WORK/ca.pem"
    PIN=9876 no_login 'a wrong PIN' 'Login failed'
    costs 1 1
    expect '  one try was lost' '2 5' "$(tries)"
    card_pull 0
    no_login 'the card is out' 'No matching initialized token'
    costs 0 0
    card_put 0
    logs_in 'the card is in again' RSA-PSS
    expect '  all tries are left' '3 5' "$(tries)"
}

# curl sets the versions of TLS by itself, whatever the sample says.
refused_pss() {
    pss_refused_begin
    without_pss engine 'Mechanism invalid'
    SAMPLE=$WORK/pkcs1.cnf no_login "with the sample's other lines alone, TLS 1.3" \
        'alert certificate required'
    TLS_MAX=(--tls-max 1.2)
    SAMPLE=$WORK/pkcs1.cnf logs_in "with the sample's other lines and --tls-max 1.2, at the first" RSA
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    openssl_begin
    tls_certificates
    engine
    refusals
    refused_pss
    interop_end
}

main "$@"
