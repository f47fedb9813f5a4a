#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Firefox ESR with the authentication key, as a holder uses it: registration by the administrator, by
# hand and with modutil, logins at a TLS server, right and wrong PINs, a card that comes and goes, the
# end of the browser.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/firefox.sh
. "$ROOT/tests/lib/firefox.sh"

NAME='My Number Card \(authentication\)'

# Another program can neither sign nor read what is protected.
closed() {
    local answers
    answers=$(raw_apdus 0 00A4040C0AD392F000260100000001 802A00970330313200 802A009A0330313200 \
        00B0810000)
    expect '  the card is closed' 3 "$(grep -c 'SW1=0x69, SW2=0x82' <<<"$answers")"
}

# ---- registered by the administrator ----

by_policy() {
    cp "$SAMPLES/firefox-policies.json" "$POLICIES/policies.json"
    firefox_profile policy
    local mark
    mark=$(apdu_mark card)
    firefox_start
    works 'with the policy, Firefox lists the module' wait_until 20 lists_module
    expect_has '  by its path, with its one token' \
        "^$NAME	$MODULES/jpki-pkcs11-auth\\.so	$LABEL_AUTH	?\$" "$(firefox modules)"
    expect_at_most '  APDUs so far' 6 "$(apdus_since card "$mark")"
    works 'login by TLS 1.3' with_tls_server -tls1_3 -- visit "$PIN_AUTH"
    expect_has "  the holder's certificate is offered" "^offered: $(holder) \\[" "$OUTPUT"
    expect_has '  once for this session' '^remembered: For this session$' "$OUTPUT"
    firefox_page RSA-PSS
    expect_has '  the history names Firefox' '"program":"/usr/lib/firefox-esr/firefox-esr".*"operation":"sign"' \
        "$(cat "$HOME/.local/state/jpki-pkcs11/history.jsonl")"
    works 'a second one, while logged in' with_tls_server -tls1_2 -- visit
    expect '  PIN prompts' 0 "$(prompts)"
    tls_page RSA-PSS "$OUTPUT"
    works 'the holder logs out' firefox logout
    works 'login by TLS 1.2' with_tls_server -tls1_2 -- visit "$PIN_AUTH"
    firefox_page RSA-PSS
}

# The name in the certificate, which is a number.
holder() {
    openssl x509 -in "$CARD/auth.pem" -noout -subject -nameopt multiline |
        sed -n 's/^ *commonName *= //p'
}

lists_module() {
    firefox modules | grep -E "^$NAME" >/dev/null
}

# ---- what must not work ----

wrong_pins() {
    works 'the holder logs out' firefox logout
    firefox_error 'the prompt is cancelled' SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT
    expect '  PIN prompts' 1 "$(prompts)"
    expect '  PINs shown to the card' 0 "$(typed_verifies card)"
    firefox_error 'a wrong PIN, then cancelled' SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT 9999
    expect '  PIN prompts' 2 "$(prompts)"
    expect '  PINs shown to the card' 1 "$(typed_verifies card)"
    expect '  one try is lost' '2 5' "$(tries)"
    firefox_error 'the same wrong PIN again' SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT 9999 9999
    expect '  Firefox gives up' 1 "$(prompts)"
    expect '  PINs shown to the card' 0 "$(typed_verifies card)"
    firefox_error 'five digits' SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT 12345 12345
    expect '  Firefox gives up' 1 "$(prompts)"
    expect '  PINs shown to the card' 0 "$(typed_verifies card)"
    expect '  no further try is lost' '2 5' "$(tries)"
    works 'the right one' with_tls_server -tls1_3 -- visit "$PIN_AUTH"
    firefox_page RSA-PSS
    expect '  all tries are back' '3 5' "$(tries)"
}

# The server names the authorities whose certificates it takes.
other_authority() {
    local mark
    mark=$(apdu_mark card)
    works 'a server that wants the certificates of somebody else' \
        with_tls_server -tls1_3 -CAfile "$WORK/ca.pem" -- visit
    expect_has '  no page comes' '^error: SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT$' "$OUTPUT"
    expect_has_not '  it was not even asked for' '^(offered|asked): ' "$OUTPUT"
    expect '  the server has seen no certificate' '' "$(grep '^depth=' "$WORK/server.log" || true)"
    expect '  nothing was signed' 0 "$(apdu_lines card "$mark" | grep -c '^802A')"
}

# ---- a card that comes and goes ----

# Firefox looks for cards at most every three seconds.
pulled() {
    card_pull 0
    card_put 0
    works 'the card was out and is in again, while logged in' wait_until 15 page_comes
    firefox_page RSA-PSS
    card_pull 0
    works 'the card is out, and Firefox sees it' wait_until 15 token_is_gone
    firefox_error 'the card is out, while logged in' SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT
    expect '  PIN prompts' 0 "$(prompts)"
    card_put 0
    works 'the card is in again' wait_until 15 page_comes
    firefox_page RSA-PSS
    expect '  all tries are left' '3 5' "$(tries)"
}

token_is_gone() {
    local seen
    seen=$(firefox modules) && ! grep -qF "$LABEL_AUTH" <<<"$seen"
}

page_comes() {
    local shown
    shown=$(with_tls_server -tls1_3 -- visit "$PIN_AUTH")
    printf '%s\n' "$shown"
    ! grep -q '^error: ' <<<"$shown"
}

# ---- registered by the holder ----

# As the window "Device Manager" does it; no card is there at first.
by_hand() {
    rm "$POLICIES/policies.json"
    card_pull 0
    firefox_profile hand
    firefox_start
    expect_has_not 'without the policy, Firefox does not know the module' 'jpki' "$(firefox modules)"
    works 'the holder loads it' firefox add 'My card' "$MODULES/jpki-pkcs11-auth.so"
    expect_has '  Firefox lists it, with no token' "^My card	$MODULES/jpki-pkcs11-auth\\.so" \
        "$(firefox modules)"
    expect_has_not '  with no token' "$LABEL_AUTH" "$(firefox modules)"
    firefox_quits 'without a card'
    firefox_start
    expect_has 'after another start, Firefox still lists it' '^My card	' "$(firefox modules)"
    card_put 0
    works 'login with a card that has come later' wait_until 15 page_comes
    firefox_page RSA-PSS
    card_pull 0
    firefox_quits 'logged in, and the card pulled'
    card_put 0
}

by_modutil() {
    firefox_profile modutil
    works 'the sample registers the module in a profile' \
        "$SAMPLES/jpki-nss" auth "$PROFILE" "$MODULES"
    firefox_start
    expect_has '  Firefox lists it' '^jpki-auth	' "$(firefox modules)"
    works '  login' with_tls_server -tls1_3 -- visit "$PIN_AUTH"
    firefox_page RSA-PSS
    works 'the holder logs out' firefox logout
    firefox_quits 'logged out, the card in the reader'
    closed
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    tls_certificates
    firefox_install
    by_policy
    other_authority
    wrong_pins
    pulled
    firefox_quits 'logged in'
    closed
    by_hand
    by_modutil
    works 'the signature password was never tried' only_pin_of auth card 0
    interop_end
}

main "$@"
