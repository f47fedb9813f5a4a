#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# curl as Debian has it, with OpenSSL, fetches a page as the holder of the card, by pkcs11-provider,
# with a file that holds the address of the key, also with a card that refuses RSA-PSS.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/openssl.sh
. "$ROOT/tests/lib/openssl.sh"

TLS_MAX=()

log_in() {
    fetch "${SAMPLE:-auth}" --key "$WORK/key.pem" --cert "$WORK/auth.pem" \
        ${TLS_MAX[@]+"${TLS_MAX[@]}"}
}

# address_file ADDRESS: a file that stands for the key of this address, as pkcs11-provider reads it.
address_file() {
    echo '-----BEGIN PKCS#11 PROVIDER URI-----'
    printf '%s\n' 'asn1 = SEQUENCE:file' '[file]' 'version = VISIBLESTRING:PKCS\#11 Provider URI v1.0' \
        "address = UTF8:$1" >"$WORK/address.cnf"
    openssl asn1parse -genconf "$WORK/address.cnf" -noout -out - | openssl base64
    echo '-----END PKCS#11 PROVIDER URI-----'
}

read_certificate() {
    works 'the certificate, by the provider' by auth "$PIN_AUTH" openssl x509 -in "$AUTH_CERT" \
        -out "$WORK/auth.pem"
}

provider() {
    address_file "$AUTH_KEY" >"$WORK/key.pem"
    read_certificate
    logs_in 'by the provider' RSA-PSS -tls1_3
    logs_in 'PKCS #1 only' RSA -tls1_2 -client_sigalgs rsa_pkcs1_sha256
}

# curl sets the versions of TLS by itself, whatever the sample says.
refused_pss() {
    pss_refused_begin
    read_certificate
    without_pss auth 'invalid mechanism'
    SAMPLE=$WORK/pkcs1.cnf no_login "with the sample's other lines alone, TLS 1.3" \
        'alert certificate required'
    TLS_MAX=(--tls-max 1.2)
    SAMPLE=$WORK/pkcs1.cnf logs_in "with the sample's other lines and --tls-max 1.2, at the first" RSA
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_provider
    openssl_begin
    tls_certificates
    provider
    refused_pss
    interop_end
}

main "$@"
