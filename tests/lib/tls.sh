# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A TLS server for logins with the card, by OpenSSL, on the loopback address. After interop.sh; CARD
# is the folder of the card.

readonly TLS_PORT=4433
# Kinds of signature that a server may ask for, the best first. For PSS the card does SHA-256 alone.
# shellcheck disable=SC2034 # read by the scripts that source this file
readonly SHA512_FIRST=rsa_pss_rsae_sha512:rsa_pss_rsae_sha384:rsa_pss_rsae_sha256
TLS_PID=

# tls_certificates: of a server called localhost, or server.example.jp as in our samples, and of the
# CA that made it: $WORK/server.pem and $WORK/ca.pem, with their keys.
tls_certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.pem" \
        -subj '/CN=Test Server CA' -days 2 -addext keyUsage=critical,keyCertSign
    openssl req -newkey rsa:2048 -nodes -keyout "$WORK/server.key" -out "$WORK/server.csr" \
        -subj '/CN=localhost'
    openssl x509 -req -in "$WORK/server.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" \
        -CAcreateserial -days 2 -out "$WORK/server.pem" \
        -extfile <(printf '%s\n' subjectAltName=DNS:localhost,DNS:server.example.jp \
            extendedKeyUsage=serverAuth keyUsage=digitalSignature,keyEncipherment)
} 2>/dev/null

# tls_server_start OPTION...: a server that wants from everybody a certificate of the card's CA, and
# answers with a page about the connection. The options are those of `openssl s_server`: -tls1_3,
# -client_sigalgs LIST (what it tells clients to sign with, the best first). Its log is in
# $WORK/server.log.
tls_server_start() {
    : >"$WORK/server.log" # the last one's says ACCEPT, too
    openssl s_server -accept "127.0.0.1:$TLS_PORT" -cert "$WORK/server.pem" \
        -key "$WORK/server.key" -CAfile "$CARD/auth-ca.pem" -Verify 1 -verify_return_error -www "$@" \
        </dev/null >"$WORK/server.log" 2>&1 &
    TLS_PID=$!
    wait_until 10 grep -q '^ACCEPT' "$WORK/server.log" ||
        die "openssl s_server did not start: $(cat "$WORK/server.log")"
}

# tls_server_stop: at once; a server that has served all it was to serve (-naccept) is waited for.
tls_server_stop() {
    kill "$TLS_PID" 2>/dev/null || true
    wait "$TLS_PID" 2>/dev/null || true
    TLS_PID=
}

# with_tls_server OPTION... -- COMMAND...: while the server waits for one client.
with_tls_server() {
    local -a options=()
    local code=0
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    tls_server_start -naccept 1 "${options[@]}"
    "$@" || code=$?
    wait_until 5 process_gone "$TLS_PID" || true
    tls_server_stop
    return "$code"
}

# tls_page SIGNATURE PAGE: what a client was shown is the server's page, after a signature of this
# type (RSA-PSS or RSA) with SHA-256, by the holder of the card.
tls_page() {
    expect_has '  the page comes' '^Ciphers supported in s_server binary' "$2"
    expect_has '  the server got a signature with SHA-256' '^Peer signing digest: SHA256' "$2"
    expect_has "  of type $1" "^Peer signature type: $1\$" "$2"
    expect '  and a certificate that it trusts' \
        "$(openssl x509 -in "$CARD/auth.pem" -noout -subject)" \
        "$(sed -n 's/^depth=0 /subject=/p' "$WORK/server.log" | sort -u)"
    expect_has_not '  without a complaint' 'verify error|:error:' "$(cat "$WORK/server.log")"
}
