#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# NSS's own tools and poppler's pdfsig at their real work: TLS login, a detached CMS signature, a
# signed PDF. The holder types at a terminal; OpenSSL and NSS's server judge the results.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/pdf.sh
. "$ROOT/tests/lib/pdf.sh"

readonly PORT=4433
NICK_AUTH="$LABEL_AUTH:User Authentication Certificate"
NICK_SIGN="$LABEL_SIGN:Digital Signature Certificate"
SERVER=
FROM=0 # the place in the card's log where the program first asked for the PIN

# typed PIN COMMAND...: a program that loads the module, at a terminal where the holder types PIN.
typed() {
    local pin=$1
    shift
    : >"$WORK/asked"
    python3 "$ROOT/tests/lib/typist.py" 'Enter Password or Pin for "[^"]*":' "$pin" \
        "$(card_log card)" "$WORK/asked" timeout --foreground 90 env LD_PRELOAD="$PRELOAD" \
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$@" </dev/null
}

# asked NUMBER: how often the last typed command did. Sets FROM.
asked() {
    expect "  PIN prompts" "$1" "$(wc -l <"$WORK/asked")"
    FROM=$(head -n 1 "$WORK/asked")
    FROM=${FROM:-0}
}

# ---- the module in a database ----

registration() {
    local token
    for token in auth sign; do
        works "the sample registers $token" \
            with_module "$ROOT/conf/jpki-nss" "$token" "$WORK/$token" "$(dirname "$MODULE_AUTH")"
        works '  modutil lists it' with_module modutil -dbdir "sql:$WORK/$token" -list
        expect_has '  by its name' "^ *[0-9]+\\. jpki-$token" "$OUTPUT"
    done
    expect_has '  with the token' "token: $LABEL_SIGN" "$OUTPUT"
    expect_has_not '  and not the other one' "token: $LABEL_AUTH" "$OUTPUT"
    refused 'the sample refuses a token that does not exist' 'usage:' \
        "$ROOT/conf/jpki-nss" both "$WORK/both"
    refused '  and a folder without modules' 'no .*jpki-pkcs11-auth.so' \
        "$ROOT/conf/jpki-nss" auth "$WORK/both" "$WORK"
    works '  and makes nothing then' test ! -e "$WORK/both"
    works 'a third database' with_module "$ROOT/conf/jpki-nss" auth "$WORK/gone" \
        "$(dirname "$MODULE_AUTH")"
    works 'modutil takes the module out' with_module modutil -dbdir "sql:$WORK/gone" -force \
        -delete jpki-auth
    works '  it lists the others' with_module modutil -dbdir "sql:$WORK/gone" -list
    expect_has '  of which there is one' 'NSS Internal PKCS #11 Module' "$OUTPUT"
    expect_has_not '  and this is not one' 'jpki' "$OUTPUT"
}

listings() {
    local mark
    mark=$(apdu_mark card)
    works 'certutil -L, authentication, without a PIN' \
        with_module certutil -L -h all -d "sql:$WORK/auth"
    expect_has '  the certificate is a user certificate' "^$NICK_AUTH +u,u,u" "$OUTPUT"
    expect_has '  its CA is there' "^$NICK_AUTH CA +,," "$OUTPUT"
    expect '  no PIN went to the card' 0 "$(verifies_since card "$mark")"
    works 'certutil -L, signature' typed "$PIN_SIGN" certutil -L -h all -d "sql:$WORK/sign"
    asked 1
    expect_has '  the certificate is a user certificate' "^$NICK_SIGN +u,u,u" "$OUTPUT"
    works 'certutil -L of one certificate' typed "$PIN_SIGN" certutil -L -d "sql:$WORK/sign" \
        -h "$LABEL_SIGN" -n "$NICK_SIGN CA" -a
    asked 1
    expect "  it is the CA's" "$(openssl x509 -in "$CARD/sign-ca.pem" -noout -fingerprint)" \
        "$(openssl x509 -noout -fingerprint <<<"$OUTPUT")"
    works 'certutil -K, authentication' typed "$PIN_AUTH" certutil -K -h all -d "sql:$WORK/auth"
    asked 1
    expect_has '  the key' 'rsa +01 +User Authentication Key' "$OUTPUT"
    works 'certutil -K, signature' typed "$PIN_SIGN" certutil -K -h all -d "sql:$WORK/sign"
    asked 1
    expect_has '  the key' 'rsa +02 +Digital Signature Key' "$OUTPUT"
}

# ---- TLS ----

make_server_certificate() {
    (
        cd "$WORK"
        openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=Server CA' -days 30 \
            -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem
        openssl req -new -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout s.key -out s.csr
        printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n' >s.ext
        openssl x509 -req -in s.csr -CA ca.pem -CAkey ca.key -days 20 -extfile s.ext -out s.pem
        openssl pkcs12 -export -in s.pem -inkey s.key -name server -passout pass:x -out s.p12
    ) 2>/dev/null
}

# server_database DIRECTORY: with the server's own key. It trusts no client yet.
server_database() {
    mkdir "$1"
    certutil -N -d "sql:$1" --empty-password
    pk12util -i "$WORK/s.p12" -d "sql:$1" -W x -K '' >/dev/null
    certutil -A -d "sql:$1" -n server-ca -t ,, -i "$WORK/ca.pem"
}

# server_start DIRECTORY VERSION: a server that wants a certificate from everybody (-r twice).
server_start() {
    selfserv -n server -p "$PORT" -d "sql:$1" -V "$2:$2" -r -r -v -w '' >"$WORK/server.log" 2>&1 &
    SERVER=$!
    wait_until 10 grep -qiE ":$(printf '%04X' "$PORT") .* 0A " /proc/net/tcp /proc/net/tcp6 ||
        die "selfserv did not start: $(cat "$WORK/server.log")"
}

server_stop() {
    kill "$SERVER"
    wait "$SERVER" 2>/dev/null || true
}

# client DATABASE VERSION OPTION...: fetches the page. tstclnt ends with 254 when it is turned away.
client() {
    local database=$1 version=$2 code=0
    shift 2
    printf 'GET / HTTP/1.0\r\n\r\n' >"$WORK/request"
    typed "$PIN_AUTH" tstclnt -h localhost -p "$PORT" -d "sql:$database" -V "$version:$version" \
        -A "$WORK/request" "$@" || code=$?
    return $((code == 254 ? 1 : code))
}

# subject CERTIFICATE: as NSS writes it.
subject() {
    openssl x509 -in "$1" -noout -subject -nameopt RFC2253 | sed 's/^subject=//'
}

tls_login() {
    local version=$1 protocol=$2 mark
    server_start "$WORK/server" "$version"
    mark=$(apdu_mark card)
    works "$version login" client "$WORK/auth" "$version" -v -n "$NICK_AUTH"
    expect_has '  the page came' '^HTTP/1.0 200 OK' "$OUTPUT"
    asked 1
    expect_at_most '  APDUs from the prompt to the page' 20 "$(apdus_since card "$FROM")"
    expect_at_most '  APDUs in all' 30 "$(apdus_since card "$mark")"
    expect '  VERIFYs: the login, and the signature' 2 "$(verifies_since card "$mark")"
    server_stop
    OUTPUT=$(cat "$WORK/server.log")
    expect_has '  the server has verified the certificate' 'Certificate Validated' "$OUTPUT"
    expect_has "  the server's TLS version" "SSL version $protocol using" "$OUTPUT"
    expect_has '  the server knows the holder' "subject DN: $(subject "$CARD/auth.pem")$" "$OUTPUT"
}

# What must not work shows that the server does look.
tls_refusals() {
    local version=$1
    mkdir "$WORK/nobody-$version"
    certutil -N -d "sql:$WORK/nobody-$version" --empty-password
    certutil -A -d "sql:$WORK/nobody-$version" -n server-ca -t C,, -i "$WORK/ca.pem"
    server_start "$WORK/server" "$version"
    refused "$version, without the card" 'SSL_ERROR_.*ALERT' \
        client "$WORK/nobody-$version" "$version"
    server_stop
    expect_has_not '  the server verified nobody' 'Certificate Validated' \
        "$(cat "$WORK/server.log")"
    server_start "$WORK/stranger" "$version"
    refused "$version, a server that does not trust the card's CA" 'SSL_ERROR_.*ALERT' \
        client "$WORK/auth" "$version" -n "$NICK_AUTH"
    server_stop
    expect_has_not '  the server verified nobody' 'Certificate Validated' \
        "$(cat "$WORK/server.log")"
}

tls() {
    make_server_certificate
    server_database "$WORK/server"
    server_database "$WORK/stranger"
    certutil -A -d "sql:$WORK/server" -n client-ca -t T,, -i "$CARD/auth-ca.pem"
    with_module certutil -A -d "sql:$WORK/auth" -n server-ca -t C,, -i "$WORK/ca.pem"
    tls_login tls1.2 3.3
    tls_login tls1.3 3.4
    tls_refusals tls1.2
    tls_refusals tls1.3
}

# ---- signatures ----

# cms_verify CONTENT SIGNATURE: by OpenSSL, up to the CA of the card.
cms_verify() {
    openssl cms -verify -binary -inform DER -in "$2" -content "$1" -CAfile "$CARD/sign-ca.pem" \
        -out /dev/null
}

# cms_sign OUTPUT OPTION...
cms_sign() {
    local output=$1
    shift
    typed "$PIN_SIGN" cmsutil -S -T -G "$@" -d "sql:$WORK/sign" -N "$NICK_SIGN" \
        -i "$WORK/long" -o "$output"
}

cms() {
    local mark
    mark=$(apdu_mark card)
    works 'cmsutil signs, detached' cms_sign "$WORK/long.p7s" -Y NONE
    asked 2
    expect_at_most '  APDUs from the prompt to the signature' 35 "$(apdus_since card "$FROM")"
    expect_at_most '  VERIFYs' 4 "$(verifies_since card "$mark")"
    works '  OpenSSL accepts it' cms_verify "$WORK/long" "$WORK/long.p7s"
    refused '  but not for another text' 'verification failure|digest' \
        cms_verify "$WORK/short" "$WORK/long.p7s"
    refused 'cmsutil without -Y NONE finds no certificate for encryption' \
        'INADEQUATE_KEY_USAGE' cms_sign "$WORK/none.p7s"
    mkdir -p "$HOME/.config"
    printf 'sign.consent = session\n' >"$HOME/.config/jpki-pkcs11.conf"
    works 'with sign.consent = session' cms_sign "$WORK/once.p7s" -Y NONE
    asked 1
    works '  OpenSSL accepts it' cms_verify "$WORK/long" "$WORK/once.p7s"
    rm "$HOME/.config/jpki-pkcs11.conf"
}

pdf() {
    local mark
    make_pdf "$WORK/plain.pdf"
    mark=$(apdu_mark card)
    works 'pdfsig signs' with_module pdfsig -nssdir "sql:$WORK/sign" -nss-pwd "$PIN_SIGN" \
        -kpw "$PIN_SIGN" -nick "$NICK_SIGN" -reason Agreed -add-signature \
        "$WORK/plain.pdf" "$WORK/signed.pdf"
    expect_at_most '  APDUs' 45 "$(apdus_since card "$mark")"
    expect_at_most '  VERIFYs' 6 "$(verifies_since card "$mark")"
    expect '  it signs twice, once to learn the length' 2 \
        "$(apdu_lines card "$mark" | grep -c '^802A')"
    works 'pdfsig verifies' pdfsig -nssdir "sql:$WORK/server" -no-ocsp "$WORK/signed.pdf"
    expect_has '  the signature is valid' 'Signature Validation: Signature is Valid' "$OUTPUT"
    expect_has '  it covers everything' 'Total document signed' "$OUTPUT"
    expect_has '  it is the holder' "Distinguished Name: $(subject "$CARD/sign.pem")$" "$OUTPUT"
    pdf_by_openssl
    sed '0,/MediaBox/s//MediaBax/' "$WORK/signed.pdf" >"$WORK/altered.pdf"
    pdfsig -nssdir "sql:$WORK/server" -no-ocsp "$WORK/altered.pdf" >"$WORK/altered.log" 2>&1 || true
    expect_has '  pdfsig sees an altered document' 'Signature Validation: Digest Mismatch' \
        "$(cat "$WORK/altered.log")"
}

# The policies in the signature certificate are marked critical, which NSS's older way of checking a
# chain does not know; pdfsig uses that one. The newer one (-pp) is content.
trust() {
    certutil -A -d "sql:$WORK/server" -n sign-ca -t ,C, -i "$CARD/sign-ca.pem"
    refused "NSS's older check of the signature certificate" 'unknown critical extension' \
        vfychain -d "sql:$WORK/server" -u 4 -vv -a "$CARD/sign.pem"
    works '  the newer one is content' \
        vfychain -d "sql:$WORK/server" -u 4 -pp -vv -a "$CARD/sign.pem"
    works 'pdfsig, when it trusts the CA' pdfsig -nssdir "sql:$WORK/server" -no-ocsp \
        "$WORK/signed.pdf"
    expect_has '  finds the signature valid' 'Signature Validation: Signature is Valid' "$OUTPUT"
    expect_has '  but cannot judge the certificate' 'Certificate Validation: Unknown issue' \
        "$OUTPUT"
}

pdf_by_openssl() {
    mkdir "$WORK/dump"
    works 'pdfsig takes the signature out' env -C "$WORK/dump" pdfsig -nssdir "sql:$WORK/server" \
        -dump "$WORK/signed.pdf"
    pdf_parts "$WORK/signed.pdf" "$WORK/covered"
    works '  OpenSSL accepts it' cms_verify "$WORK/covered" "$WORK/dump/signed.pdf.sig0"
    refused '  but not for another document' 'verification failure|digest' \
        cms_verify "$WORK/plain.pdf" "$WORK/dump/signed.pdf.sig0"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    registration
    listings
    tls
    cms
    pdf
    trust
    interop_end
}

main "$@"
