# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Programs that load the module, in particular through p11-kit. After interop.sh.

# typed PIN CARD COMMAND...: a program that uses p11-kit, on a terminal where the holder types PIN
# each time he is asked. Standard input is the caller's. For the three functions below.
typed() {
    local pin=$1 card=$2
    shift 2
    : >"$WORK/asked"
    apdu_mark "$card" >"$WORK/began"
    python3 "$ROOT/tests/lib/typist.py" 'Enter PIN: *$' "$pin" "$(card_log "$card")" "$WORK/asked" \
        timeout --foreground "${LIMIT:-30}" env LD_PRELOAD="$PRELOAD" \
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$@"
}

# How often the holder was asked.
prompts() {
    wc -l <"$WORK/asked"
}

# prompt_apdus CARD: the APDUs since he was asked first.
prompt_apdus() {
    apdus_since "$1" "$(head -n 1 "$WORK/asked")"
}

# typed_verifies CARD: how often a PIN was shown to the card meanwhile.
typed_verifies() {
    verifies_since "$1" "$(cat "$WORK/began")"
}
