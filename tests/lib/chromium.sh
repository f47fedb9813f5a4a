# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Chromium with a window on a screen, and its holder. After interop.sh and screen.sh; the name of the
# card is card.
# shellcheck disable=SC2034 # PROMPT_MARK and ANSWER are read by the scripts that source this file

readonly PIN_TITLE='Unlock Security Device'
PIN_WINDOW=   # the last dialog that asked for a PIN
PROMPTS=0     # how often it was asked since the last visit
PROMPT_MARK=0 # the place in the card's log where it was asked first
ANSWER=       # the browser's last one

# browser ORDER: see chromium.py. Sets ANSWER.
browser() {
    printf '%s\n' "$*" >&"${BROWSER[1]}" || die "Chromium has ended: $(tail -n 5 "$WORK/chromium.log")"
    browser_answer "$*"
}

browser_answer() {
    read -r -t 120 ANSWER <&"${BROWSER[0]}" ||
        die "Chromium does not answer to '$1': $(tail -n 5 "$WORK/chromium.log")"
}

# browser_start OPTION...: with a new profile. Whoever is root has no sandbox; nothing here asks the
# network for anything but the pages.
browser_start() {
    PIN_WINDOW=
    rm -rf "$WORK/profile"
    coproc BROWSER {
        exec python3 "$ROOT/tests/lib/chromium.py" "$WORK/page" chromium \
            --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
            --disable-component-update --disable-sync --no-proxy-server --password-store=basic \
            --lang=en --user-data-dir="$WORK/profile" --remote-debugging-pipe "$@" about:blank \
            2>"$WORK/chromium.log"
    }
    browser_answer start
    wait_until 30 page_is_bright || die 'Chromium shows no window'
}

# browser_close: sets ANSWER to the exit code.
browser_close() {
    local pid=$BROWSER_PID
    browser close
    wait "$pid" || true
}

visit() {
    PROMPTS=0
    browser visit "$1"
}

# asked_for_pin: waits for a dialog that was not answered yet; fails when the visit ends without one.
asked_for_pin() {
    local asked_for=
    wait_until 30 dialog_or_end || return 1
    [ "$asked_for" = pin ] || return 1
    PROMPTS=$((PROMPTS + 1))
    if [ "$PROMPTS" -eq 1 ]; then
        PROMPT_MARK=$(apdu_mark card)
    fi
}

# For asked_for_pin, whose variable it sets.
dialog_or_end() {
    local window
    window=$(windows "$PIN_TITLE" | tail -n 1)
    if [ -n "$window" ] && [ "$window" != "$PIN_WINDOW" ]; then
        PIN_WINDOW=$window
        asked_for=pin
        return 0
    fi
    browser ended
    [ "$ANSWER" = yes ]
}

type_pin() {
    type_into "$PIN_WINDOW" "$1"$'\n'
}

# await_page: until it is there. Sets ANSWER to "shown", or to the name of an error.
await_page() {
    browser page
}

# The dialog in which the holder chooses a certificate has no window of its own, but the page behind
# it, which is white, gets dark. The point lies below the dialog.
page_is_bright() {
    [ "$(pixel 500 900)" = ffffff ]
}

page_is_dark() {
    ! page_is_bright
}

# asked_for_choice: waits for that dialog.
asked_for_choice() {
    wait_until 30 page_is_dark
}

press_in_browser() {
    press "$(windows 'about:blank - Chromium')" "$1"
}
