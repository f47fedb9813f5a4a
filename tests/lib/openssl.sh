# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# OpenSSL with the card, by the samples as they are shipped, and what that costs. After interop.sh and
# tls.sh. CARD is the folder of the card, which is called card.

readonly AUTH='pkcs11:token=JPKI%20User%20Authentication'
readonly SIGN='pkcs11:token=JPKI%20Digital%20Signature'
# shellcheck disable=SC2034 # read by the scripts that source this file
readonly AUTH_KEY="$AUTH;id=%01;type=private" AUTH_CERT="$AUTH;id=%01;type=cert" \
    SIGN_KEY="$SIGN;id=%02;type=private" SIGN_CERT="$SIGN;id=%02;type=cert"
# How the engine asks, how the provider does, and how it does where it stands for a file.
readonly OPENSSL_PROMPT='Enter (PKCS#11 (token|key) PIN for [^:]*|(pass phrase|PIN) for PKCS#11 Token \([^)]*\)|PEM pass phrase):'

# openssl_begin: a card in its reader, and the modules at the place where the samples have them, in
# this world alone.
openssl_begin() {
    local place
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    place=$(sed -n 's/^MODULE_PATH = \(.*\)\/jpki-pkcs11\.so$/\1/p' "$BUILD/conf/openssl-engine.cnf")
    [ -d "$place" ] || die "the sample names a module in '$place', which is no folder"
    mount -t tmpfs tmpfs "$place"
    cp "$MODULE" "$MODULE_AUTH" "$MODULE_SIGN" "$place/"
    MODULE=$place/jpki-pkcs11.so
    MODULE_AUTH=$place/jpki-pkcs11-auth.so
    MODULE_SIGN=$place/jpki-pkcs11-sign.so
}

# need_provider: ends the script, as one that could not be run, where pkcs11-provider is missing.
need_provider() {
    if [ ! -e "$(openssl version -m | sed 's/.*"\(.*\)"/\1/')/pkcs11.so" ]; then
        warn 'pkcs11-provider is missing: tests/lib/packages says which suite has it'
        exit 77
    fi
}

# by SAMPLE PIN COMMAND...: a program under conf/openssl-SAMPLE.cnf, or under any other configuration
# with its path, at a terminal where the holder types PIN.
by() {
    local configuration=$BUILD/conf/openssl-$1.cnf pin=$2
    if [[ $1 == /* ]]; then
        configuration=$1
    fi
    shift 2
    : >"$WORK/asked"
    apdu_mark card >"$WORK/began"
    python3 "$ROOT/tests/lib/typist.py" "$OPENSSL_PROMPT" "$pin" "$(card_log card)" "$WORK/asked" \
        timeout --foreground 60 env OPENSSL_CONF="$configuration" LD_PRELOAD="$(preloads)" \
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0:verify_asan_link_order=0" "$@"
}

# The provider asks the dynamic loader for a module's own symbols first (RTLD_DEEPBIND), which no
# sanitizer can live with.
preloads() {
    if [ -n "$PRELOAD" ]; then
        printf '%s %s\n' "$SHALLOW" "$PRELOAD"
    fi
}

# costs PROMPTS VERIFYS [LIMIT]: of what ran by `by` just now; LIMIT is for the APDUs from the first
# prompt to the end.
costs() {
    expect '  PIN prompts' "$1" "$(wc -l <"$WORK/asked")"
    expect '  PINs shown to the card' "$2" "$(verifies_since card "$(cat "$WORK/began")")"
    if [ "$1" -gt 0 ]; then
        expect_at_most '  APDUs from the prompt to the result' "${3:-20}" \
            "$(apdus_since card "$(head -n 1 "$WORK/asked")")"
    fi
}

# others_verifies KEY: since `by` began, VERIFYs that were not of the PIN of KEY (auth or sign).
others_verifies() {
    local mark
    mark=$(cat "$WORK/began")
    printf '%s\n' "$(($(verifies_since card "$mark") - $(verifies_of "$1" card "$mark")))"
}

# cms_verify INPUT SIGNATURE: by an OpenSSL that knows no card, up to the CA of the card.
cms_verify() {
    openssl cms -verify -binary -inform DER -in "$2" -content "$1" -CAfile "$CARD/sign-ca.pem" \
        -out /dev/null
}

# get SAMPLE OPTION...: the server's page, by s_client. The options say which key.
get() {
    local sample=$1
    shift
    printf 'GET / HTTP/1.0\r\n\r\n' >"$WORK/request"
    by "$sample" "${PIN:-$PIN_AUTH}" openssl s_client -connect "127.0.0.1:$TLS_PORT" -quiet \
        -CAfile "$WORK/ca.pem" -verify_hostname localhost -verify_return_error "$@" <"$WORK/request"
}

# fetch SAMPLE OPTION...: the same, by curl.
fetch() {
    local sample=$1
    shift
    by "$sample" "${PIN:-$PIN_AUTH}" curl --silent --show-error --cacert "$WORK/ca.pem" "$@" \
        "https://localhost:$TLS_PORT/"
}

# For the next three the script has a function log_in, which gets the page with the authentication key.
# It takes the sample from SAMPLE, if that is set.

# logs_in WHAT SIGNATURE OPTION...: at a server with these options.
logs_in() {
    local what=$1 signature=$2
    shift 2
    works "$what" with_tls_server "$@" -- log_in
    tls_page "$signature" "$OUTPUT"
    costs 1 2 20
    expect '  the other PIN was not tried' 0 "$(others_verifies auth)"
}

# no_login WHAT PATTERN OPTION...: the program says something like PATTERN.
no_login() {
    local what=$1 pattern=$2
    shift 2
    refused "no login: $what" "$pattern" with_tls_server "$@" -- log_in
    expect '  and no page' 0 "$(grep -c 'Ciphers supported' <<<"$OUTPUT")"
}

# pss_refused_begin: from now on the card, another one, refuses PSS.
pss_refused_begin() {
    card_take 0
    rm -r "$CARD"
    card_new card --no-pss
    card_insert card 0
}

# without_pss SAMPLE AGAIN: with such a card. OpenSSL prefers PSS where a server does, even if the key
# has just said that it cannot do it: AGAIN is like what is said at the second try. The sample (auth or
# engine) with the other two of its lines is in $WORK/pkcs1.cnf then, and the refusal is forgotten.
without_pss() {
    no_login 'a card that refuses PSS, a server that prefers it' \
        'tls_construct_cert_verify|curl: \(35\)' -tls1_2
    no_login '  again' "$2" -tls1_2
    works '  the module lists what it can do' tool --token-label "$LABEL_AUTH" --list-mechanisms
    expect_has '  by PKCS #1' '^ *SHA256-RSA-PKCS, ' "$OUTPUT"
    expect_has_not '  no more by PSS' 'PSS' "$OUTPUT"
    logs_in '  a server without PSS' RSA -tls1_2 -client_sigalgs rsa_pkcs1_sha256
    sed 's/^#\(ClientSignature\|MaxProtocol\)/\1/' "$BUILD/conf/openssl-$1.cnf" >"$WORK/pkcs1.cnf"
    rm "$HOME/.local/state/jpki-pkcs11/pss-refused"
}

# The kinds of signature that a server may ask for, the best first. Not one that the card can make is
# in the last two, in TLS 1.3 and at all.
# shellcheck disable=SC2034 # read by the scripts that source this file
readonly SHA512_OR_PKCS1=rsa_pss_rsae_sha512:rsa_pkcs1_sha256 SHA512_ONLY=rsa_pss_rsae_sha512
