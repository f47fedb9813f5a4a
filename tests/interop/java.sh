#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Debian's Java 17 with the samples conf/java-*.cfg: keytool, jarsigner, logins by TLS, and a program
# that signs, gives up signatures, types wrong PINs and has its card taken away. OpenSSL judges.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"
# shellcheck source=tests/lib/java.sh
. "$ROOT/tests/lib/java.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"

ALIAS_AUTH='User Authentication Certificate'
ALIAS_SIGN='Digital Signature Certificate'
SETTINGS=.config/jpki-pkcs11.conf # in the holder's home folder

# The modules come where the samples have them, in this world alone.
modules_at_their_place() {
    local place
    place=$(sed -n 's/^library = \(.*\)\/jpki-pkcs11-auth\.so$/\1/p' "$SAMPLES/java-auth.cfg")
    [ -d "$place" ] || die "java-auth.cfg names a module in '$place', which is no folder"
    mount -t tmpfs tmpfs "$place"
    cp "$MODULE_AUTH" "$MODULE_SIGN" "$place/"
}

# ---- keytool and jarsigner ----

fingerprints() {
    local file
    for file in "$@"; do
        openssl x509 -in "$file" -noout -fingerprint -sha256
    done
}

# chain TEXT: the fingerprints of the certificates in it, in their order.
chain() {
    awk -v folder="$WORK/chain" '
        /BEGIN CERTIFICATE/ { file = folder "." ++n }
        file != "" { print >file }
        /END CERTIFICATE/ { close(file); file = "" }' <<<"$1"
    fingerprints "$WORK"/chain.[0-9]
    rm "$WORK"/chain.[0-9]
}

# lists WHICH PIN ALIAS VERIFYS
lists() {
    local first
    with_key "$1"
    works "keytool lists the $1 token" at_terminal "$2" keytool -list -rfc "${KEY[@]}"
    expect '  PIN prompts' 1 "$(prompts)"
    expect '  VERIFYs' "$4" "$(verifies_since card "$(mark)")"
    expect '  one key, with this alias' "Alias name: $3" "$(grep '^Alias name' <<<"$OUTPUT")"
    expect_has '  which can sign' '^Entry type: PrivateKeyEntry' "$OUTPUT"
    expect "  its chain is the card's certificate and its CA" \
        "$(fingerprints "$CARD/$1.pem" "$CARD/$1-ca.pem")" "$(chain "$OUTPUT")"
    first=$OUTPUT
    card_pull 0
    card_put 0
    works 'the card was out' at_terminal "$2" keytool -list -rfc "${KEY[@]}"
    expect '  the list is the same' "$first" "$OUTPUT"
}

jars_begin() {
    local which
    java_tool jar cf "$WORK/plain.jar" -C "$WORK" short
    for which in auth sign; do
        java_tool keytool -importcert -noprompt -file "$CARD/$which-ca.pem" -alias "$which-ca" \
            -keystore "$WORK/trust.p12" -storepass changeit 2>/dev/null
    done
}

# sign_jar WHICH PIN ALIAS ALGORITHM
sign_jar() {
    with_key "$1"
    rm -f "$WORK/signed.jar"
    at_terminal "$2" jarsigner "${KEY[@]}" -sigalg "$4" -signedjar "$WORK/signed.jar" \
        "$WORK/plain.jar" "$3"
}

check_jar() {
    java_tool jarsigner -verify -verbose -certs "$@" -keystore "$WORK/trust.p12" -storepass changeit \
        "$WORK/signed.jar"
}

# jar_by_openssl WHICH: the other judge.
jar_by_openssl() {
    rm -rf "$WORK/jar"
    mkdir "$WORK/jar"
    (cd "$WORK/jar" && java_tool jar xf ../signed.jar)
    openssl cms -verify -binary -inform DER -in "$WORK"/jar/META-INF/*.RSA \
        -content "$WORK"/jar/META-INF/*.SF -CAfile "$CARD/$1-ca.pem" -purpose any -out /dev/null
}

# signs_jar WHICH PIN ALIAS ALGORITHM VERIFYS APDUS
signs_jar() {
    works "jarsigner, $1 key, $4" sign_jar "$1" "$2" "$3" "$4"
    cost 1 "$5" 1 "$6"
    works '  jarsigner verifies it' check_jar
    expect_has '  the file is covered' '^smk .* short$' "$OUTPUT"
    expect_has '  with this kind of signature' "^ *Signature algorithm: $4, 2048-bit key" "$OUTPUT"
    works '  openssl accepts it' jar_by_openssl "$1"
}

jars() {
    jars_begin
    signs_jar auth "$PIN_AUTH" "$ALIAS_AUTH" SHA256withRSA 2 25
    # Its certificate is for clients.
    refused '  as code it is not accepted' "ExtendedKeyUsage .*doesn't allow code signing" \
        check_jar -strict
    signs_jar auth "$PIN_AUTH" "$ALIAS_AUTH" RSASSA-PSS 2 25
    signs_jar sign "$PIN_SIGN" "$ALIAS_SIGN" SHA256withRSA 3 30
    refused '  Java does not know what its critical policy says' \
        'critical policy qualifiers present' check_jar -strict
    # Neither would a signature be good for another file.
    printf 'another text\n' >"$WORK/short"
    java_tool jar uf "$WORK/signed.jar" -C "$WORK" short
    refused '  jarsigner sees an altered file' 'SHA-256 digest error for short' check_jar
    make_messages
    refused 'jarsigner, signature key, PSS: the token does not offer it' \
        'No installed provider supports this key' sign_jar sign "$PIN_SIGN" "$ALIAS_SIGN" RSASSA-PSS
    cost 1 2 0
    refused 'jarsigner, a wrong PIN' 'keystore load: load failed' \
        sign_jar auth 9876 "$ALIAS_AUTH" SHA256withRSA
    cost 1 1 0
}

# ---- TLS ----

# get OPTION... -- VERSION [KIND]: one page, from a server with these options.
get() {
    local -a options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    with_tls_server "${options[@]}" -- tell get "$2" "$TLS_PORT" "$WORK/ca.pem" "${3:-default}"
}

# fresh_login: the PIN is typed anew, in the same JVM.
fresh_login() {
    tell logout >/dev/null
    begin
    tell load >/dev/null
}

# page WHAT SIGNATURE OPTION... -- VERSION [KIND]: after a login to the card. Java logs in to the token
# before it looks at anything; so in a new JVM both certificates are read after the prompt. On a slow day the
# tries left are asked for once more a second.
page() {
    local what=$1 signature=$2
    shift 2
    works "$what" get "$@"
    tls_page "$signature" "$OUTPUT"
    cost 1 2 1 "${LIMIT_APDUS:-20}"
}

# no_page WHAT PATTERN OPTION... -- VERSION [KIND]
no_page() {
    local what=$1 pattern=$2
    shift 2
    begin
    refused "$what: no login" "$pattern" get "$@"
    expect_has_not '  no page' '^HTTP/' "$OUTPUT"
    expect '  signatures made by the card' 0 "$(signed)"
}

# tls VERSION REFUSAL: what Java says when the server has got no certificate.
tls() {
    local version=$1 refusal=$2
    local -a with=("-tls1_$version")
    jvm_start auth
    tell pin "$PIN_AUTH"
    refused 'no certificate without a PIN' 'LoginException: no password provided' tell look
    cost 0 0 0
    tell load >/dev/null
    LIMIT_APDUS=25 page "TLS 1.$version" RSA-PSS "${with[@]}" -- "TLSv1.$version"
    fresh_login
    page "TLS 1.$version, SHA-512 first, no PKCS #1" RSA-PSS "${with[@]}" \
        -client_sigalgs "$SHA512_FIRST" -- "TLSv1.$version"
    fresh_login
    page "TLS 1.$version, PSS with SHA-256 alone" RSA-PSS "${with[@]}" \
        -client_sigalgs rsa_pss_rsae_sha256 -- "TLSv1.$version"
    fresh_login
    page "TLS 1.$version, PKIX, SHA-512 first" RSA-PSS "${with[@]}" \
        -client_sigalgs "$SHA512_FIRST:rsa_pkcs1_sha256" -- "TLSv1.$version" PKIX
    no_page "TLS 1.$version, PKIX, no PKCS #1" "$refusal" "${with[@]}" \
        -client_sigalgs "$SHA512_FIRST" -- "TLSv1.$version" PKIX
    no_page "TLS 1.$version, PSS with SHA-512 alone" "$refusal|No supported CertificateVerify" \
        "${with[@]}" -client_sigalgs rsa_pss_rsae_sha512 -- "TLSv1.$version"
    no_page "TLS 1.$version, a server that trusts another CA" "$refusal" \
        "${with[@]}" -CAfile "$WORK/ca.pem" -- "TLSv1.$version"
    [ "$version" -eq 3 ] || tls_pkcs1
    jvm_end
}

# What TLS 1.2 has besides PSS.
tls_pkcs1() {
    fresh_login
    page 'TLS 1.2, PKCS #1 with SHA-256' RSA -tls1_2 -client_sigalgs rsa_pkcs1_sha256 -- TLSv1.2
    fresh_login
    works 'TLS 1.2, PKCS #1 with SHA-512' get -tls1_2 \
        -client_sigalgs rsa_pkcs1_sha512:rsa_pkcs1_sha256 -- TLSv1.2
    expect_has '  the page comes' '^Ciphers supported in s_server binary' "$OUTPUT"
    expect_has '  the server got a signature with SHA-512' '^Peer signing digest: SHA512' "$OUTPUT"
    cost 1 2 1 20
}

# ---- a card that refuses PSS ----

loads() {
    tell load >/dev/null
}

forget_refusal() {
    rm -f "$HOME/.local/state/jpki-pkcs11/pss-refused"
}

# login_begins OPTION...: a new JVM, where the PIN has been typed.
login_begins() {
    jvm_start auth "$@"
    tell pin "$PIN_AUTH"
    tell load >/dev/null
}

refuses_pss() {
    CARD_IN_USE=plain
    card_take 0
    card_new plain --no-pss
    card_insert plain 0
    CARD=$(card_dir plain)
    login_begins
    no_page 'a card that refuses PSS, TLS 1.2, the first time' CKR_DEVICE_ERROR -tls1_2 -- TLSv1.2
    expect '  VERIFYs' 1 "$(verifies_since plain "$(mark)")"
    works '  Java soon finds the card again' wait_until 20 loads
    fresh_login
    page '  the second time, in the same JVM' RSA -tls1_2 -- TLSv1.2
    jvm_end
    login_begins
    LIMIT_APDUS=25 page 'a new JVM, TLS 1.2' RSA -tls1_2 -- TLSv1.2
    no_page 'a card that refuses PSS, TLS 1.3' 'No supported CertificateVerify' -tls1_3 -- TLSv1.3
    no_page '  a server that has both' 'No supported CertificateVerify' -- TLS
    jvm_end
    login_begins -Djdk.tls.client.protocols=TLSv1.2
    LIMIT_APDUS=25 page '  with jdk.tls.client.protocols=TLSv1.2' RSA -- TLS
    jvm_end
    forget_refusal
    printf 'pss = no\n' >"$HOME/$SETTINGS"
    login_begins
    LIMIT_APDUS=25 page 'with pss = no, TLS 1.2, the first time' RSA -tls1_2 -- TLSv1.2
    jvm_end
    rm "$HOME/$SETTINGS"
}

# ---- signing ----

# signs WHAT WHICH: the short message, by the program that is running.
signs() {
    rm -f "$WORK/sig"
    works "$1" tell_all "init SHA256withRSA" "update $WORK/short" "sign $WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/$2.pem" "$WORK/short" "$WORK/sig"
}

tell_all() {
    local line
    for line in "$@"; do
        # shellcheck disable=SC2086 # words
        tell $line || return
    done
}

# given_up: begins a signature three times with the same object.
given_up() {
    tell_all "init SHA256withRSA" "update $WORK/long" "init SHA256withRSA" "update $WORK/long" \
        "init SHA256withRSA"
}

# let_go: begins a signature and forgets it. Java then closes its session, and when that was the last
# one, the login is gone. It does so some time later, and what it then does must not sign either: when all
# is done, the caller looks once more, by not_signed.
let_go() {
    begin
    works '  a signature that is let go of' tell_all "init SHA256withRSA" "update $WORK/long" drop
    cost 0 0 0
}

# not_signed: what was let go of has stayed without a signature, though its session is closed by now.
not_signed() {
    expect '  nothing was signed in its place' 0 "$(signed)"
}

signature_key() {
    jvm_start sign
    tell pin "$PIN_SIGN"
    works 'a program loads the signature token' tell load
    expect '  one key, with its chain' "$ALIAS_SIGN: 2 certificates, key: true" "$OUTPUT"
    signs '  and signs' sign
    cost 1 3 1 30
    begin
    refused '  a second signature wants another login' CKR_USER_NOT_LOGGED_IN \
        tell_all "init SHA256withRSA" "update $WORK/short" "sign $WORK/sig"
    expect '  of which the card hears nothing' 0 "$(apdus_since card "$(mark)")"
    works '  logout' tell logout
    works '  login' tell load
    signs '  and it signs again' sign
    cost 1 2 1 12
    works '  logout' tell logout
    begin
    works '  login' tell load
    works '  signatures that are given up' given_up
    cost 1 1 0
    signs '  after them, the one that is wanted' sign
    cost 1 2 1 30
    tell logout
    works '  login' tell load
    let_go
    refused "  Java rejects the certificate's critical policy" 'critical policy qualifiers present' \
        tell path "$CARD/sign.pem" "$CARD/sign-ca.pem" rejected
    works '  but for a program that says it may be' \
        tell path "$CARD/sign.pem" "$CARD/sign-ca.pem" accepted
    refused '  which does not trust another CA' 'PKIX|CertPathValidatorException' \
        tell path "$CARD/sign.pem" "$CARD/auth-ca.pem" accepted
    jvm_end
    not_signed
    attack
    expect '  and the card is closed' closed "$SEEN"
}

# Why the sample says explicitCancel = false.
without_the_line() {
    grep -v '^explicitCancel' "$SAMPLES/java-sign.cfg" >"$WORK/java-sign.cfg"
    CONFIG=$WORK/java-sign.cfg jvm_start sign
    tell pin "$PIN_SIGN"
    works "without the sample's line" tell load
    works '  a signature is given up' tell_all "init SHA256withRSA" "update $WORK/long" \
        "init SHA256withRSA"
    cost 1 3 1
    refused '  and then the one that is wanted is not made' CKR_USER_NOT_LOGGED_IN \
        tell_all "update $WORK/short" "sign $WORK/sig"
    jvm_end
}

consent_for_session() {
    printf 'sign.consent = session\n' >"$HOME/$SETTINGS"
    jvm_start sign
    tell pin "$PIN_SIGN"
    works 'sign.consent = session' tell load
    signs '  one signature' sign
    signs '  another' sign
    cost 1 4 2
    begin
    refused '  an object that is used anew too often gives up' CKR_OPERATION_ACTIVE \
        tell_all "init SHA256withRSA" "update $WORK/long" "init SHA256withRSA" "update $WORK/long" \
        "init SHA256withRSA" "update $WORK/long" "init SHA256withRSA" "update $WORK/long"
    cost 0 0 0
    works '  logout' tell logout
    works '  login' tell load
    signs '  and it signs again' sign
    jvm_end
    rm "$HOME/$SETTINGS"
}

authentication_key() {
    jvm_start auth
    tell pin "$PIN_AUTH"
    works 'a program loads the authentication token' tell load
    expect '  one key, with its chain' "$ALIAS_AUTH: 2 certificates, key: true" "$OUTPUT"
    signs '  and signs' auth
    signs '  and signs again' auth
    cost 1 3 2
    works '  by PSS' tell_all 'init RSASSA-PSS' "update $WORK/short" "sign $WORK/sig"
    works '  openssl accepts it' verify_pss "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    begin
    works '  a signature that is begun anew' tell_all "init SHA256withRSA" "update $WORK/long" \
        "init SHA256withRSA"
    cost 0 1 1
    attack
    expect '  while it is logged in, others cannot sign' closed "$SEEN"
    tell logout
    works '  login' tell load
    let_go
    works '  logout' tell logout
    not_signed
    begin
    refused '  then there is no key' 'InvalidKeyException: Key must not be null' \
        tell init SHA256withRSA
    cost 0 0 0
    works '  login' tell load
    signs '  and it signs' auth
    cost 1 2 1
    works '  logout' tell logout
    jvm_end
    expect_has '  the history names java, whatever the program' \
        '"program":"[^"]*/bin/java",.*"operation":"sign",.*"result":"CKR_OK"' \
        "$(tail -n 1 "$HOME/.local/state/jpki-pkcs11/history.jsonl")"
    attack
    expect '  and the card is closed' closed "$SEEN"
}

# ---- what goes wrong ----

wrong_pins() {
    jvm_start auth
    tell pin 9876
    refused 'a wrong PIN' 'FailedLoginException <- .*CKR_PIN_INCORRECT' tell load
    cost 1 1 0
    expect '  one try was lost' '2 5' "$(tries)"
    begin
    refused '  the same once more' 'LoginException <- .*CKR_PIN_INVALID' tell load
    cost 1 0 0
    tell pin 12345
    refused '  five digits' 'LoginException <- .*CKR_PIN_LEN_RANGE' tell load
    cost 2 0 0
    tell pin "$PIN_AUTH"
    works '  the right one' tell load
    expect '  all tries are left' '3 5' "$(tries)"
    jvm_end
}

# Java looks every two seconds whether a card has come. Whether it is gone it asks at most twenty times
# a second; until then the module tells it so.
GONE='Token has been removed|PKCS11 not found|CKR_SESSION_HANDLE_INVALID|CKR_DEVICE_REMOVED'

card_comes_and_goes() {
    jvm_start auth
    tell pin "$PIN_AUTH"
    works 'a program with the card' tell load
    signs '  signs' auth
    card_pull 0
    refused '  the card is out' "$GONE" \
        tell_all "init SHA256withRSA" "update $WORK/short" "sign $WORK/sig"
    refused '  so the key store is not there' "$GONE" tell load
    card_put 0
    begin
    works '  the card is in again' wait_until 20 loads
    signs '  and it signs, with the PIN typed anew' auth
    expect '  VERIFYs' 2 "$(verifies_since card "$(mark)")"
    jvm_end
    card_pull 0
    with_key auth
    refused 'keytool, no card' 'PKCS11 not found' at_terminal "$PIN_AUTH" keytool -list "${KEY[@]}"
    jvm_start auth
    tell pin "$PIN_AUTH"
    refused 'a program, no card' 'PKCS11 not found' tell load
    expect '  nobody was asked for a PIN' 0 "$(prompts)"
    card_put 0
    works '  the card is put in' wait_until 20 loads
    signs '  and it signs' auth
    jvm_end
}

# With several readers Java has to be told which.
second_reader() {
    card_pull 0
    card_new other
    card_insert other 1
    CARD_IN_USE=other
    CARD=$(card_dir other)
    sed 's/^#\(slotListIndex = 1\)$/\1/' "$SAMPLES/java-auth.cfg" >"$WORK/second.cfg"
    CONFIG='' jvm_start auth
    tell pin "$PIN_AUTH"
    works 'the second reader, by slotListIndex' tell configure "$WORK/second.cfg"
    works '  login' tell load
    signs '  signs' auth
    jvm_end
    card_take 1
    CARD_IN_USE=card
    CARD=$(card_dir card)
    card_put 0
}

# The reader asks, not Java.
pin_pad() {
    printf '%s\n' "$PIN_AUTH" >"$WORK/types"
    : >"$WORK/pad"
    export PAD_TYPES=$WORK/types PAD_LOG=$WORK/pad
    SHIM=$PADSHIM jvm_start auth
    unset PAD_TYPES PAD_LOG
    works 'with a PIN pad' tell load
    signs '  it signs' auth
    expect '  Java did not ask' 0 "$(prompts)"
    expect '  the reader did, once' 1 "$(grep -c '^PIN' "$WORK/pad")"
    jvm_end
}

# with_auth and with_sign: all that is done with one key. Its PIN never goes to the other one.
with_auth() {
    local before
    before=$(apdu_mark card)
    tls_certificates
    tls 2 handshake_failure
    tls 3 certificate_required
    authentication_key
    wrong_pins
    card_comes_and_goes
    pin_pad
    works 'the signature password was never tried' only_pin_of auth card "$before"
}

with_sign() {
    local before
    before=$(apdu_mark card)
    signature_key
    without_the_line
    consent_for_session
    works 'the authentication PIN was never tried' only_pin_of sign card "$before"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    mkdir -p "$HOME/.config"
    pcscd_start
    card_new card
    card_insert card 0
    modules_at_their_place
    java_begin
    expect "the samples' provider is the one after Java's own" 12 \
        "$(grep -c '^security\.provider\.[0-9]*=' "$JAVA/../conf/security/java.security")"
    lists auth "$PIN_AUTH" "$ALIAS_AUTH" 1
    lists sign "$PIN_SIGN" "$ALIAS_SIGN" 2
    jars
    with_auth
    with_sign
    expect 'all tries are left' '3 5' "$(tries)"
    second_reader
    refuses_pss
    interop_end
}

main "$@"
