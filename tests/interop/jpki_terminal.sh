#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki and its terminal: ^C at every question, no terminal, streams that are closed. Nothing of it spends
# a try or leaves the echo off.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

# untouched MARK: the card was shown no PIN since MARK.
untouched() {
    expect '  no PIN was presented' 0 "$(verifies_since card "$1")"
}

# interrupted WHAT OPTION... PROMPT ARGUMENT...: jpki, with ^C at PROMPT; OPTION for interrupt.py.
interrupted() {
    local what=$1 mark
    local -a options=()
    shift
    while [[ $1 == --* ]]; do
        options+=("$1")
        shift
    done
    mark=$(apdu_mark card)
    ends 130 "^C at $what" python3 "$ROOT/tests/lib/interrupt.py" "${options[@]}" "$1" "$JPKI" "${@:2}"
    expect_has '  the echo is on again' '^echo on$' "$OUTPUT"
    untouched "$mark"
}

questions() {
    interrupted 'the PIN' 'PIN .*: $' pin verify auth
    interrupted 'the password' 'password .*: $' pin verify sign
    interrupted 'the present PIN' 'present one: $' pin change auth
    interrupted 'the new one' --answer="$PIN_AUTH" 'new one: $' pin change auth
    interrupted 'the new one again' --answer="$PIN_AUTH" --answer=8306 'again: $' pin change auth
    interrupted 'the password of a signature' 'password .*: $' sign --output "$WORK/none" "$WORK/short"
    interrupted 'the PIN of one' 'PIN .*: $' sign --auth --output "$WORK/none" "$WORK/short"
    works '  nothing is made' test ! -e "$WORK/none"
    interrupted 'the password of a certificate' 'password .*: $' cert sign
    expect 'all tries are left' '3 5' "$(tries)"
}

# Two tries are spent first.
consent() {
    ends 4 'a wrong PIN' typed 0001 pin verify auth
    ends 4 'another' typed 0002 pin verify auth
    interrupted 'the question about the last try' --shown 'go on: $' pin verify auth
    interrupted 'the PIN after it' --answer=yes 'PIN .*: $' pin verify auth
    interrupted 'the question before a change' --shown 'go on: $' pin change auth
    expect 'it is still there' '1 5' "$(tries)"
    local mark
    mark=$(apdu_mark card)
    ends 4 'no terminal to be asked on' jpki pin verify auth
    expect_has '  it says so' 'needs a terminal, to ask you whether you mean it' "$OUTPUT"
    untouched "$mark"
    ends 0 'it brings the others back' typed $'yes\n1234' pin verify auth
}

no_terminal() {
    local mark command
    mark=$(apdu_mark card)
    for command in 'pin verify auth' 'pin verify sign' 'pin change auth' 'cert sign' \
        "sign --output $WORK/none $WORK/short" "sign --auth --output $WORK/none $WORK/short"; do
        # shellcheck disable=SC2086 # words
        ends 1 "no terminal: $command" jpki $command
        expect_has '  it says so' 'needs a terminal, to ask you for the PIN' "$OUTPUT"
    done
    works '  nothing is made' test ! -e "$WORK/none"
    for command in status list 'pin status' 'cert auth' history; do
        # shellcheck disable=SC2086 # words
        ends 0 "no terminal: $command" jpki $command
    done
    untouched "$mark"
}

# closing REDIRECTIONS: from now on jpki begins with these streams closed.
closing() {
    printf '%s\n' '#!/bin/sh' "exec '$REAL' \"\$@\" $1" >"$WORK/jpki"
    chmod +x "$WORK/jpki"
    JPKI=$WORK/jpki
}

# at_question: what stands in for the closed streams while jpki has its connection to pcscd.
at_question() {
    local pid
    mkfifo "$WORK/gate"
    python3 "$ROOT/tests/lib/late_typist.py" 'PIN .*: $' "$PIN_AUTH" "$WORK/gate" "$JPKI" pin verify auth \
        >/dev/null </dev/null &
    read -r <"$WORK/gate"
    pid=$(pgrep -x jpki)
    find "/proc/$pid/fd" -name '[012]' -printf '%f %l\n' | sort | grep -v pts | paste -sd' '
    echo go >"$WORK/gate"
    wait $!
    rm "$WORK/gate"
}

# What is opened next would be a standard stream: the connection to pcscd, or the history.
closed_streams() {
    local history=$HOME/.local/state/jpki-pkcs11/history.jsonl
    REAL=$JPKI
    closing '<&-'
    for command in status list 'pin status'; do
        # shellcheck disable=SC2086 # words
        ends 0 "standard input closed: $command" jpki $command
    done
    ends 0 '  a PIN' typed "$PIN_AUTH" pin verify auth
    expect_has '  is right' '^It is right' "$OUTPUT"
    ends 0 '  a signature' typed "$PIN_SIGN" sign --output "$WORK/one" "$WORK/short"
    closing '2>&-'
    ends 0 'standard error closed: a PIN' typed "$PIN_AUTH" pin verify auth
    ends 0 '  status' jpki status
    expect_has '  is complete' '^  Password +5 of 5' "$OUTPUT"
    ends 4 '  a wrong PIN' typed 0001 pin verify auth
    ends 0 '  a signature' typed "$PIN_SIGN" sign --output "$WORK/two" "$WORK/short"
    ends 3 '  a reader that does not exist' jpki cert auth --reader Nonesuch
    closing '<&- 2>&-'
    expect 'both: nothing else is in their place' '0 /dev/null 2 /dev/null' "$(at_question)"
    ends 0 '  a signature' typed "$PIN_AUTH" sign --auth --output "$WORK/three" "$WORK/short"
    closing '>&-'
    ends 1 'standard output closed: status' jpki status
    expect_has '  it says so' '^jpki: standard output' "$OUTPUT"
    ends 0 '  a PIN' typed "$PIN_AUTH" pin verify auth
    closing '<&- >&- 2>&-'
    ends 1 'all closed: status' jpki status
    JPKI=$REAL
    works 'the history has lines of its own only' python3 -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' "$history"
    ends 0 '  unbroken' jpki history --check
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    card_new card
    card_insert card 0
    questions
    consent
    no_terminal
    closed_streams
    interop_end
}

main "$@"
