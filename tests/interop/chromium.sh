#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Chromium logs in with the card at a server of its own on the loopback. It has a window on a screen
# that nobody sees, and the holder types into its dialogs; the page shows what the server says of the
# signature that it has checked.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/screen.sh
. "$ROOT/tests/lib/screen.sh"
# shellcheck source=tests/lib/chromium.sh
. "$ROOT/tests/lib/chromium.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

readonly HOST=server.example.jp # as in the sample
readonly SETTINGS=/etc/chromium POLICIES=/etc/chromium/policies/managed
# What Chromium says of a server that has refused it, since it got no certificate. In TLS 1.3 the refusal
# comes after the handshake, and the name depends on what the browser was about to send: so all visits
# that end with this are to servers of TLS 1.2.
readonly REFUSED=net::ERR_BAD_SSL_CLIENT_AUTH_CERT
readonly NOT_SIGNED=net::ERR_SSL_CLIENT_AUTH_SIGNATURE_FAILED
readonly NO_SCHEME=net::ERR_SSL_CLIENT_AUTH_NO_COMMON_ALGORITHMS
OPTIONS=() # more, for the browser
MARK=0     # the place in the card's log where the last visit began

# ---- the holder and the administrator prepare ----

# register DATABASE: the token of the authentication key, and the CA of the server.
register() {
    works "the sample registers the module in $1" \
        sh "$ROOT/conf/jpki-nss" auth "$HOME/$1" "$(dirname "$MODULE_AUTH")"
    certutil -A -d "sql:$HOME/$1" -n server-ca -t C,, -i "$WORK/ca.pem"
}

# An empty folder for the administrator, in this world alone.
policies_here() {
    mount -t tmpfs tmpfs "$SETTINGS"
    mkdir -p "$POLICIES"
    policy
}

policy() {
    cp "$ROOT/conf/jpki-chromium.json" "$POLICIES"
}

no_policy() {
    rm "$POLICIES/jpki-chromium.json"
}

# ---- visits ----

# chromium_start: the name in the sample leads to the server of this world.
chromium_start() {
    browser_start "--host-resolver-rules=MAP $HOST:443 127.0.0.1:$TLS_PORT" "${OPTIONS[@]}"
}

chromium_close() {
    browser_close
    expect '  the browser ends well' 0 "$ANSWER"
    attack
    expect '  and leaves nothing open on the card' closed "$SEEN"
}

visit_server() {
    MARK=$(apdu_mark card)
    visit "https://$HOST/"
}

# The server starts anew, since a browser comes back to the old one without a signature.
new_server() {
    tls_server_stop
    tls_server_start "$1"
}

# shows EXPECTED: how the visit ends, and that nothing is asked any more.
shows() {
    await_page
    expect "  the visit ends with $1" "$1" "$ANSWER"
    expect '  no dialog is left' '' "$(windows "$PIN_TITLE")"
}

# signed_page TYPE: after the server's end. Chromium closes connections while it asks its holder.
signed_page() {
    sed -i '/unexpected eof while reading/d' "$WORK/server.log"
    tls_page "$1" "$(cat "$WORK/page")"
}

# spends PROMPTS VERIFIES: in the last visit. The browser may sign for a second connection, too.
spends() {
    expect '  PIN prompts' "$1" "$PROMPTS"
    expect_at_most '  PINs shown to the card' "$2" "$(verifies_since card "$MARK")"
    expect_at_most '  APDUs from the prompt to the page' 20 "$(apdus_since card "$PROMPT_MARK")"
    works '  none of them for the signature key' only_pin_of auth card "$MARK"
}

# asked: the dialog comes. Without it nothing that follows makes sense.
asked() {
    asked_for_pin || die "no dialog asks for a PIN ($1)"
    passed "  the holder is asked for the PIN$1"
}

# logs_in WHAT TYPE SERVER...: one visit of a new browser, up to its end.
logs_in() {
    local type=$2
    say "-- $1"
    shift 2
    tls_server_start "$@"
    chromium_start
    visit_server
    asked ''
    type_pin "$PIN_AUTH"
    shows shown
    tls_server_stop
    signed_page "$type"
    spends 1 4
    expect_at_most '  APDUs in all' 40 "$(apdus_since card "$MARK")"
    chromium_close
}

# turned_away WHAT ERROR SERVER...: the same, in vain.
turned_away() {
    local error=$2
    say "-- $1"
    shift 2
    tls_server_start "$@"
    chromium_start
    visit_server
    asked ''
    type_pin "$PIN_AUTH"
    shows "$error"
    spends 1 2
    tls_server_stop
    expect_has_not '  the server has seen no signature' '^depth=0' "$(cat "$WORK/server.log")"
    chromium_close
}

# While the browser lives, the PIN is typed once.
logs_in_twice() {
    say '-- TLS 1.3, twice'
    tls_server_start -tls1_3
    chromium_start
    visit_server
    asked ''
    type_pin "$PIN_AUTH"
    shows shown
    spends 1 4
    new_server -tls1_3
    visit_server
    shows shown
    tls_server_stop
    signed_page RSA-PSS
    expect '  PIN prompts the second time' 0 "$PROMPTS"
    expect_at_most '  APDUs, four for each connection' 20 "$(apdus_since card "$MARK")"
    chromium_close
}

logins() {
    logs_in_twice
    logs_in 'TLS 1.2' RSA -tls1_2
    logs_in 'TLS 1.3, SHA-512 first' RSA-PSS -tls1_3 -client_sigalgs "$SHA512_FIRST"
    logs_in 'TLS 1.2, SHA-512 first' RSA -tls1_2 \
        -client_sigalgs "$SHA512_FIRST:RSA+SHA512:RSA+SHA256"
    logs_in 'TLS 1.2, no PKCS #1' RSA-PSS -tls1_2 -client_sigalgs "$SHA512_FIRST"
    turned_away 'TLS 1.3, SHA-512 only' "$NOT_SIGNED" -tls1_3 -client_sigalgs rsa_pss_rsae_sha512
}

# ---- what the holder does ----

# Without a policy the browser shows the certificates and asks which one to use.
by_choice() {
    no_policy
    say '-- without a policy'
    tls_server_start -tls1_2
    chromium_start
    visit_server
    works '  the holder is asked for the certificate' asked_for_choice
    press_in_browser Escape
    shows "$REFUSED"
    expect '  not chosen: no PIN went to the card' '0 0' "$PROMPTS $(verifies_since card "$MARK")"
    chromium_close
    new_server -tls1_3
    chromium_start
    visit_server
    works '  the holder is asked for the certificate' asked_for_choice
    press_in_browser Return
    asked ''
    type_pin "$PIN_AUTH"
    shows shown
    tls_server_stop
    signed_page RSA-PSS
    spends 1 4
    chromium_close
    policy
}

# How wrong PINs end, and that the right one works in the same browser afterwards.
wrong_pins() {
    say '-- wrong PINs'
    tls_server_start -tls1_2
    chromium_start
    visit_server
    asked ''
    press "$PIN_WINDOW" Escape
    shows "$REFUSED"
    expect '  cancelled: the tries that are left' '3 5' "$(tries)"
    visit_server
    asked ''
    type_pin 12
    shows "$REFUSED"
    expect '  too short: the tries that are left' '3 5' "$(tries)"
    visit_server
    asked ''
    type_pin 9999
    asked ' again, after a wrong one'
    expect '  the tries that are left' '2 5' "$(tries)"
    type_pin 9999
    shows "$REFUSED"
    expect '  the same again: the tries that are left' '2 5' "$(tries)"
    visit_server
    asked ''
    type_pin 9998
    asked ' again, after another wrong one'
    expect '  the tries that are left' '1 5' "$(tries)"
    type_pin 9997
    shows "$REFUSED"
    expect '  the last one is kept' '1 5' "$(tries)"
    expect_has_not '  the server has seen no signature' '^depth=0' "$(cat "$WORK/server.log")"
    fill_tries
    visit_server
    asked ', and has the right one'
    type_pin "$PIN_AUTH"
    shows shown
    tls_server_stop
    chromium_close
}

# A right PIN fills the tries up again; the module keeps the last one, so this goes past it.
fill_tries() {
    raw_apdus 0 00A4040C0AD392F000260100000001 00A4020C020018 002000800431323334 \
        00A4040C07A0000001510000 >/dev/null
    expect 'the tries are full again' '3 5' "$(tries)"
}

# ---- other cards, other servers, other modules ----

# visit_asks: after the card was out, NSS may need a second, or a visit in vain, to see it again.
visit_asks() {
    visit_server
    asked_for_pin && return 0
    await_page
    return 1
}

# put_in WHAT: the card; then the holder is asked, and gets in.
put_in() {
    card_put 0
    wait_until 30 visit_asks || die "with the card $1, no dialog asks for a PIN"
    passed "the card is $1: the holder is asked for the PIN"
    type_pin "$PIN_AUTH"
    shows shown
}

pulled_card() {
    say '-- a card that comes and goes'
    card_pull 0
    tls_server_start -tls1_2
    chromium_start
    visit_server
    shows "$REFUSED"
    expect '  without a card nobody is asked' 0 "$PROMPTS"
    put_in 'put in'
    card_pull 0
    new_server -tls1_2
    visit_server
    shows "$REFUSED"
    expect '  without it nobody is asked' 0 "$PROMPTS"
    put_in 'put back'
    spends 1 4
    card_pull 0
    visit_server
    shows shown
    expect '  at a server that knows the browser, without the card: PIN prompts, APDUs' '0 0' \
        "$PROMPTS $(apdus_since card "$MARK")"
    card_put 0
    tls_server_stop
    expect_has '  the server has verified its holder' '^depth=0' "$(cat "$WORK/server.log")"
    chromium_close
}

# A server that does not trust the card's CA.
stranger() {
    local CARD=$WORK/stranger
    mkdir "$CARD"
    cp "$WORK/ca.pem" "$CARD/auth-ca.pem"
    say '-- a server that asks for certificates of another CA'
    tls_server_start -tls1_2
    chromium_start
    visit_server
    shows "$REFUSED"
    expect '  the holder is asked for no PIN' 0 "$PROMPTS"
    tls_server_stop
    chromium_close
}

# With both tokens registered, the browser asks for the signature password, too.
both_tokens() {
    local database=sql:$HOME/.pki/nssdb
    say '-- the module with both tokens'
    modutil -dbdir "$database" -force -delete jpki-auth >"$WORK/modutil.log"
    modutil -dbdir "$database" -force -add both -libfile "$MODULE" >>"$WORK/modutil.log"
    tls_server_start -tls1_3
    chromium_start
    visit_server
    asked ', that of the signature key'
    type_pin "$PIN_AUTH"
    asked ', that of the authentication key'
    type_pin "$PIN_AUTH"
    shows shown
    tls_server_stop
    signed_page RSA-PSS
    works '  the PIN that belonged to the other key did not reach the card' \
        only_pin_of auth card "$MARK"
    expect '  the tries that are left' '3 5' "$(tries)"
    chromium_close
    modutil -dbdir "$database" -force -delete both >>"$WORK/modutil.log"
}

# TLS 1.2 does not need PSS, and Chromium prefers PKCS #1 there. In TLS 1.3 it has to be PSS.
without_pss() {
    card_take 0
    card_new card --force --no-pss
    card_insert card 0
    turned_away 'a card without PSS, TLS 1.3' "$NOT_SIGNED" -tls1_3
    turned_away 'the same card again, now known' "$NO_SCHEME" -tls1_3
    logs_in 'a card without PSS, TLS 1.2' RSA -tls1_2
    OPTIONS=(--ssl-version-max=tls1.2)
    logs_in 'a card without PSS, a browser without TLS 1.3' RSA
    OPTIONS=()
}

# Chromium looks in ~/.pki/nssdb; where there is none, below the folder for data.
other_place() {
    rm -r "$HOME/.pki"
    register .local/share/pki/nssdb
    logs_in 'the database at its newer place' RSA-PSS -tls1_3
    works '  the browser has made no other' test ! -e "$HOME/.pki/nssdb"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    screen_start
    tls_certificates
    register .pki/nssdb
    policies_here
    logins
    by_choice
    wrong_pins
    pulled_card
    stranger
    both_tokens
    other_place
    without_pss
    interop_end
}

main "$@"
