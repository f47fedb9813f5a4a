#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# curl as Debian has it, with OpenSSL, fetches a page as the holder of the card: by libp11's engine,
# with addresses in the place of files, and by pkcs11-provider, with a file that holds the address of
# the key.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/openssl.sh
. "$ROOT/tests/lib/openssl.sh"

# fetch SAMPLE OPTION...
fetch() {
    local sample=$1
    shift
    by "$sample" "${PIN:-$PIN_AUTH}" curl --silent --show-error --cacert "$WORK/ca.pem" "$@" \
        "https://localhost:$TLS_PORT/"
}

by_engine() {
    fetch "${SAMPLE:-engine}" --engine pkcs11 --key-type ENG --key "$AUTH_KEY" --cert-type ENG \
        --cert "$AUTH_CERT" "$@"
}

# curl sees by itself that these are addresses.
by_addresses() {
    fetch engine --key "$AUTH_KEY" --cert "$AUTH_CERT" "$@"
}

by_files() {
    fetch auth --key "$WORK/key.pem" --cert "$WORK/auth.pem" "$@"
}

# fetches WHAT SIGNATURE COMMAND OPTION...: the page, from a server with these options.
fetches() {
    local what=$1 signature=$2 command=$3
    shift 3
    works "$what" with_tls_server "$@" -- "$command"
    tls_page "$signature" "$OUTPUT"
    costs 1 2 20
    expect '  the other PIN was not tried' 0 "$(others_verifies auth)"
}

# fetches_not WHAT PATTERN COMMAND OPTION...
fetches_not() {
    local what=$1 pattern=$2 command=$3
    shift 3
    refused "$what" "$pattern" with_tls_server "$@" -- "$command"
    expect '  no page comes' 0 "$(grep -c 'Ciphers supported' <<<"$OUTPUT")"
}

engine() {
    local version
    for version in tls1_2 tls1_3; do
        fetches "$version, by the engine" RSA-PSS by_engine "-$version"
        fetches "$version, the server has SHA-512 first" RSA-PSS by_engine "-$version" \
            -client_sigalgs "$SHA512_FIRST"
    done
    fetches 'PKCS #1 only' RSA by_engine -tls1_2 -client_sigalgs rsa_pkcs1_sha256
    fetches 'by addresses alone' RSA-PSS by_addresses -tls1_3
    sed 's/^ClientSignatureAlgorithms = .*/MinProtocol = TLSv1.2/' "$BUILD/conf/openssl-engine.cnf" \
        >"$WORK/without.cnf"
    SAMPLE=$WORK/without.cnf fetches_not 'SHA-512 first, without the list in the sample' \
        'Mechanism invalid' by_engine -tls1_2 -client_sigalgs "$SHA512_FIRST"
}

# address_file ADDRESS: a file that stands for the key of this address, as pkcs11-provider reads it.
address_file() {
    echo '-----BEGIN PKCS#11 PROVIDER URI-----'
    printf '%s\n' 'asn1 = SEQUENCE:file' '[file]' 'version = VISIBLESTRING:PKCS\#11 Provider URI v1.0' \
        "address = UTF8:$1" >"$WORK/address.cnf"
    openssl asn1parse -genconf "$WORK/address.cnf" -noout -out - | openssl base64
    echo '-----END PKCS#11 PROVIDER URI-----'
}

provider() {
    address_file "$AUTH_KEY" >"$WORK/key.pem"
    works 'the certificate, by the provider' by auth "$PIN_AUTH" openssl x509 -in "$AUTH_CERT" \
        -out "$WORK/auth.pem"
    fetches 'by the provider' RSA-PSS by_files -tls1_3
    fetches 'PKCS #1 only' RSA by_files -tls1_2 -client_sigalgs rsa_pkcs1_sha256
}

refusals() {
    fetches_not 'a server that does not trust the CA' 'curl: \([0-9]+\)' by_engine -tls1_2 \
        -CAfile "$WORK/ca.pem"
    PIN=9876 fetches_not 'a wrong PIN' 'Login failed' by_engine
    costs 1 1
    expect '  one try was lost' '2 5' "$(tries)"
    card_pull 0
    fetches_not 'the card is out' 'No matching initialized token' by_engine
    costs 0 0
    card_put 0
    fetches 'the card is in again' RSA-PSS by_engine
    expect '  all tries are left' '3 5' "$(tries)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    openssl_begin
    tls_certificates
    engine
    provider
    refusals
    interop_end
}

main "$@"
