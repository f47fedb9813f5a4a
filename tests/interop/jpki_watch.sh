#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki watch: the desktop is told of each use of the card.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

# A session bus, with somebody on it who takes notifications as a desktop does, and writes down what
# he is given.
desktop() {
    export DBUS_SESSION_BUS_ADDRESS=unix:path=$WORK/bus
    dbus-daemon --session --nofork --nopidfile --address="$DBUS_SESSION_BUS_ADDRESS" \
        >"$WORK/bus.log" 2>&1 &
    BUS=$!
    wait_until 10 test -S "$WORK/bus" || die "no session bus: $(cat "$WORK/bus.log")"
    # Debian's own Python has the package, another one on the path may not.
    /usr/bin/python3 -u -m dbusmock --session --template notification_daemon >"$WORK/told" 2>&1 &
    DESKTOP=$!
    wait_until 10 desktop_is_there || die "no notification daemon: $(cat "$WORK/told")"
}

desktop_is_there() {
    dbus-send --session --print-reply --dest=org.freedesktop.Notifications \
        /org/freedesktop/Notifications org.freedesktop.Notifications.GetServerInformation \
        >/dev/null 2>&1
}

# watch_start: it has begun to look when it returns.
watch_start() {
    : >"$WORK/watch.log"
    "$JPKI" watch >"$WORK/watch.log" 2>&1 &
    WATCH=$!
    wait_until 10 grep -q 'Each use of the card' "$WORK/watch.log" ||
        die "jpki watch did not begin: $(cat "$WORK/watch.log")"
}

# told PATTERN: how many notifications like it there are.
told() {
    grep -cE -- "Notify .*$1" "$WORK/told" || true
}

told_is() {
    [ "$(told "$2")" -eq "$1" ]
}

# expect_told WHAT NUMBER PATTERN
expect_told() {
    wait_until 10 told_is "$2" "$3" || true
    expect "$1" "$2" "$(told "$3")"
}

uses() {
    works 'a signature' sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    expect_told '  the login is told' 1 'My Number Card: login \(done\).*pkcs11-tool'
    expect_told '  the signature is told' 1 'My Number Card: signature \(done\).*pkcs11-tool'
    PIN_AUTH=4321 refused 'a wrong PIN' CKR_PIN_INCORRECT sign_auth SHA256-RSA-PKCS "$WORK/short" \
        "$WORK/sig"
    expect_told '  is told as a warning' 1 'dialog-warning.*login \(wrong PIN\)'
}

# A name that a desktop would take for markup.
markup() {
    cp "$(command -v pkcs11-tool)" "$WORK/<b>bold"
    works 'a program with markup in its name' with_module "$WORK/<b>bold" --module "$MODULE" \
        --token-label "$LABEL_AUTH" --login --pin "$PIN_AUTH" --list-objects
    expect_told '  is told without' 1 '&lt;b&gt;bold'
}

# Words that no module has written, and a path whose end begins in the middle of a character.
deceiver() {
    local path
    path=/$(printf '漢%.0s' {1..60})
    printf '%s\n' "{\"operation\":\"\\u001b[2J\\u202eop\",\"result\":\"CKR_漢漢漢漢漢漢漢漢漢漢漢漢漢\",
        \"program\":\"$path/x\",\"prev\":\"0\"}" | paste -sd' ' \
        >>"$HOME/.local/state/jpki-pkcs11/history.jsonl"
    expect_told 'a line with deceiving words is told without' 1 'My Number Card: \?\[2J\?op \(漢'
    expect_told '  and the end of its path' 1 '"…漢{39}/x'
}

# The history is moved away; the new one is watched.
moved() {
    mv "$HOME/.local/state/jpki-pkcs11/history.jsonl" "$WORK/old"
    works 'a use after the history was moved away' sign_sign SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    expect_told '  is told' 2 'My Number Card: signature \(done\)'
}

no_desktop() {
    kill "$DESKTOP" "$BUS"
    wait "$DESKTOP" "$BUS" 2>/dev/null || true
    works 'a use without a desktop' sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    wait_until 10 grep -q 'the desktop cannot be told' "$WORK/watch.log" || true
    expect '  is complained of, once' 1 "$(grep -c 'the desktop cannot be told' "$WORK/watch.log")"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    card_new card
    card_insert card 0
    desktop
    watch_start
    uses
    markup
    deceiver
    moved
    no_desktop
    kill "$WATCH"
    wait "$WATCH" || true
    expect_has_not 'nothing went wrong in it' 'Sanitizer|runtime error' "$(cat "$WORK/watch.log")"
    interop_end
}

main "$@"
