#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup chromium, up to a login: with no database, with one that Chromium has made, and with the
# older one; and what Chromium does when it is undone.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/screen.sh
. "$ROOT/tests/lib/screen.sh"
# shellcheck source=tests/lib/chromium.sh
. "$ROOT/tests/lib/chromium.sh"

readonly HOST=server.example.jp
readonly REFUSED=net::ERR_BAD_SSL_CLIENT_AUTH_CERT
NAME='My Number Card \(authentication\)'

# new_home: nothing is in it.
new_home() {
    HOME=$(mktemp -d "$WORK/home.XXXX")
    export HOME
}

# chromium_start: whose the server's certificate is, is not asked here.
chromium_start() {
    browser_start "--host-resolver-rules=MAP $HOST:443 127.0.0.1:$TLS_PORT" --ignore-certificate-errors
}

chromium_close() {
    browser_close
    expect '  the browser ends well' 0 "$ANSWER"
}

# logs_in WHAT: one visit of a new browser, with the card.
logs_in() {
    local mark
    mark=$(apdu_mark card)
    tls_server_start -tls1_3
    chromium_start
    visit "https://$HOST/"
    works "$1: the holder is asked for the certificate" asked_for_choice
    press_in_browser Return
    asked_for_pin || die 'no dialog asks for a PIN'
    type_pin "$PIN_AUTH"
    await_page
    expect '  the visit ends well' shown "$ANSWER"
    tls_server_stop
    sed -i '/unexpected eof while reading/d' "$WORK/server.log"
    tls_page RSA-PSS "$(cat "$WORK/page")"
    expect '  PIN prompts' 1 "$PROMPTS"
    expect_at_most '  PINs shown to the card' 4 "$(verifies_since card "$mark")"
    expect_at_most '  APDUs in all' 40 "$(apdus_since card "$mark")"
    chromium_close
}

# turned_away WHAT: it does not know the card.
turned_away() {
    local mark
    mark=$(apdu_mark card)
    tls_server_start -tls1_2
    chromium_start
    visit "https://$HOST/"
    await_page
    expect "$1: the server turns Chromium away" "$REFUSED" "$ANSWER"
    expect '  it is not known to Chromium: PIN prompts and APDUs' '0 0' \
        "$PROMPTS $(apdus_since card "$mark")"
    tls_server_stop
    chromium_close
}

database_list() {
    modutil -dbdir "sql:$1" -list 2>&1
}

# Nothing but what jpki makes, and Chromium makes the rest of the database.
without_database() {
    local database
    new_home
    database=$HOME/.pki/nssdb
    ends 0 'a home without a database' jpki setup chromium --yes
    logs_in 'a home without a database'
    works '  Chromium has made the rest of it' test -e "$database/cert9.db" -a -e "$database/key4.db"
    works '  and no other' test ! -e "$HOME/.local/share/pki"
    expect_has "  NSS's own tool lists the module" "^ *2\\. $NAME\$" "$(database_list "$database")"
    ends 0 '  once more' jpki setup chromium --yes
    expect_has '  it is there already' 'pkcs11.txt: it is there already' "$OUTPUT"
    ends 0 '  undone' jpki setup chromium --undo --yes
    works '  the file that was made is gone' test ! -e "$database/pkcs11.txt"
    turned_away 'undone'
    expect_has_not "  NSS's own tool lists no module of jpki" jpki "$(database_list "$database")"
}

# The newer place, by Chromium itself.
own_database() {
    local database
    new_home
    database=$HOME/.local/share/pki/nssdb
    turned_away 'never set up'
    works '  Chromium has made a database' test -e "$database/pkcs11.txt"
    cp -p "$database/pkcs11.txt" "$WORK/kept.txt"
    ends 0 'with a database of its own' jpki setup chromium --yes
    works '  no other is made' test ! -e "$HOME/.pki"
    logs_in 'with a database of its own'
    ends 0 '  undone' jpki setup chromium --undo --yes
    expect '  every byte, mode and owner is as before' \
        "$(stat -c '%a %u %g' "$WORK/kept.txt" && cat "$WORK/kept.txt")" \
        "$(stat -c '%a %u %g' "$database/pkcs11.txt" && cat "$database/pkcs11.txt")"
    turned_away 'undone'
}

# The older place, with a module and a certificate of the holder.
older_database() {
    local database
    new_home
    database=$HOME/.pki/nssdb
    mkdir -p "$database"
    certutil -N -d "sql:$database" --empty-password
    certutil -A -d "sql:$database" -n mine -t C,, -i "$WORK/ca.pem"
    cp "$database/pkcs11.txt" "$WORK/kept.txt"
    ends 0 'with an older database' jpki setup chromium --yes
    logs_in 'with an older database'
    cp "$MODULE_AUTH" "$WORK/other.so"
    modutil -force -dbdir "sql:$database" -add other -libfile "$WORK/other.so" >"$WORK/modutil.log"
    ends 0 '  undone after another module has come' jpki setup chromium --undo --yes
    expect_has_not '  ours is gone' "$NAME" "$(database_list "$database")"
    logs_in 'by the other'
    works "  the holder's certificate is still there" certutil -L -d "sql:$database" -n mine
}

# ---- a Chromium that runs ----

SOCKET=
RUNNING=

# With its own folder of settings, where its locks are.
runs() {
    chromium --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
        --no-proxy-server --password-store=basic about:blank >"$WORK/running.log" 2>&1 </dev/null &
    RUNNING=$!
    wait_until 60 test -S "$SOCKET" || die "Chromium did not start: $(tail -n 5 "$WORK/running.log")"
}

running() {
    new_home
    SOCKET=$HOME/.config/chromium/SingletonSocket
    runs
    ends 1 'Chromium runs' jpki setup chromium --yes
    expect_has '  it says what to do' "Chromium is running \\($SOCKET\\); close it first" "$OUTPUT"
    works '  nothing is changed' test ! -e "$HOME/.pki"
    works '  Chromium does not mind' kill -0 "$RUNNING"
    kill -KILL "$RUNNING"
    wait "$RUNNING" 2>/dev/null || true
    works 'Chromium has crashed, and left its locks' test -L "$SOCKET" -a -L "${SOCKET%Socket}Lock"
    ends 0 '  it is set up' jpki setup chromium --yes
    ends 0 '  and undone' jpki setup chromium --undo --yes
    works '  nothing is left' test ! -e "$HOME/.pki"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    screen_start
    tls_certificates
    modules_installed
    without_database
    own_database
    older_database
    running
    works 'the signature password was never tried' only_pin_of auth card 0
    interop_end
}

main "$@"
