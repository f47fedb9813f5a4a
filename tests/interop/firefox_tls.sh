#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Firefox ESR and servers of every kind: what they would have signed with, and in which order; a card
# that cannot sign RSA-PSS; and what happens with the module that shows both keys.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/firefox.sh
. "$ROOT/tests/lib/firefox.sh"

# browser NAME CARD: a new profile, with the module by the administrator's policy, and this card.
browser() {
    if [ -n "${CARD_PID[0]:-}" ]; then
        card_take 0
    fi
    HELD=$2
    CARD=$(card_dir "$HELD")
    card_insert "$HELD" 0
    firefox_profile "$1"
    firefox_start
    firefox milliseconds >"$WORK/started" # when it is ready
}

# login WHAT SIGNATURE OPTION...: a login that begins with the PIN.
login() {
    local what=$1 signature=$2
    shift 2
    works "login by $what" with_tls_server "$@" -- visit "$PIN_AUTH"
    firefox_page "$signature"
    works '  the holder logs out' firefox logout
}

orders() {
    local version
    for version in tls1_2 tls1_3; do
        login "$version, no PKCS #1, SHA-512 first" RSA-PSS \
            -$version -client_sigalgs "$SHA512_FIRST"
        login "$version, no PKCS #1, SHA-256 first" RSA-PSS \
            -$version -client_sigalgs rsa_pss_rsae_sha256:rsa_pss_rsae_sha512
        login "$version, everything, SHA-512 first" RSA-PSS -$version -client_sigalgs \
            "rsa_pkcs1_sha512:$SHA512_FIRST:rsa_pkcs1_sha256"
    done
    login 'tls1_2, PKCS #1 only' RSA -tls1_2 -client_sigalgs rsa_pkcs1_sha256
    works 'TLS 1.3, PSS without SHA-256' with_tls_server -tls1_3 -client_sigalgs \
        rsa_pss_rsae_sha512:rsa_pss_rsae_sha384 -- visit "$PIN_AUTH"
    expect_has '  no page comes' '^error: SSL_ERROR_HANDSHAKE_FAILED$' "$OUTPUT"
}

# ---- a card that refuses PSS ----

# PSS is in the list that Firefox reads before it signs, and what it then starts it does not begin
# anew: the first page never comes. From then on the module does not list PSS for this card's model.
without_pss() {
    mv "$WORK/policies.json" "$POLICIES"
    browser nopss nopss
    refused 'TLS 1.2, a card without PSS: the first login comes to nothing' \
        'nothing came of it within 10 seconds' \
        env_seconds 10 with_tls_server -tls1_2 -- visit "$PIN_AUTH"
    works '  the second works' with_tls_server -tls1_2 -- visit "$PIN_AUTH"
    firefox_page RSA
    works '  the holder logs out' firefox logout
    firefox_error 'TLS 1.3 wants PSS' SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT "$PIN_AUTH"
    works '  the signature password was never tried' only_pin_of auth nopss 0
    expect '  all tries are left' '3 5' "$(tries)"
    firefox_quits 'with a card without PSS'
}

env_seconds() {
    local FIREFOX_SECONDS=$1
    export FIREFOX_SECONDS
    shift
    "$@"
}

# ---- both keys ----

# Firefox logs in wherever certificates may be hidden, which with the signature key is at every site.
both_keys() {
    mv "$POLICIES/policies.json" "$WORK"
    browser both card
    works 'the holder loads the module with both keys' firefox add Both "$MODULES/jpki-pkcs11.so"
    works '  cancels the prompt for the signature key, types the PIN at the other' \
        with_tls_server -tls1_3 -- visit '' "$PIN_AUTH"
    expect '  PIN prompts' 2 "$(prompts)"
    expect_has '  the first is for the signature key' "^asked: .*\\($LABEL_SIGN\\)" "$OUTPUT"
    tls_page RSA-PSS "$OUTPUT"
    works '  logs out' firefox logout
    firefox_quits 'with both keys'
    works '  the signature password was never tried' only_pin_of auth card 0
    expect '  all tries are left' '3 5' "$(tries)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    card_new card
    card_new nopss --no-pss
    CARD=$(card_dir card)
    tls_certificates
    firefox_install
    cp "$SAMPLES/firefox-policies.json" "$POLICIES/policies.json"
    browser orders card
    orders
    firefox_quits 'logged in'
    both_keys
    without_pss
    interop_end
}

main "$@"
