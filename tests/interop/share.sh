#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Two programs use one card at the same time and without a pause, one on each token or both on the same:
# login, signatures, logout. Each does its work, nothing that one asks is lost for the other's sake, and the
# card never sees a wrong PIN. Also on a card that is slow, as real ones are, where one program's
# transactions leave the other next to no gap.
#
# usage: share.sh [MINUTES]: for so long, all in all; otherwise a second each

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

readonly PAIRS='auth-sign auth-auth sign-sign'
SHARE=0           # per cent of all signatures that each makes at least; a second proves little
SIGNATURES=3      # of each login
SECONDS_EACH=1    # of fast cards; slow ones take six times that

# one_program NUMBER WHICH SECONDS SIGNATURES [lent]: in the background.
one_program() {
    "$API_TESTS/share" "$MODULE" "${@:2}" >"$WORK/share.$1" 2>&1 &
    PIDS+=($!)
}

# signatures NUMBER: that a program has made.
signatures() {
    sed -n 's/^.* \([0-9]*\) signatures verified.*/\1/p' "$WORK/share.$1"
}

# fair FIRST SECOND: how many signatures each of them has made.
fair() {
    local less=$(($1 < $2 ? $1 : $2))
    [ $((100 * less)) -ge $((SHARE * ($1 + $2))) ] && [ "$less" -gt 0 ] && echo yes || echo "$1 and $2"
}

# pair SECONDS WHICH-WHICH [lent]
pair() {
    local pid codes='' first second
    local -a PIDS=()
    : >"$(card_log card)"
    one_program 1 "${2%-*}" "$1" "$SIGNATURES" "${@:3}"
    one_program 2 "${2#*-}" "$1" "$SIGNATURES" "${@:3}"
    for pid in "${PIDS[@]}"; do
        wait "$pid" && codes+='0 ' || codes+="$? "
    done
    expect "$2: both come to their end, and nothing was refused" '0 0 ' \
        "$codes$([ "$codes" = '0 0 ' ] || cat "$WORK"/share.[12])"
    sed 's/^/        /' "$WORK"/share.[12]
    first=$(signatures 1) second=$(signatures 2)
    expect "  neither keeps the card from the other ($SHARE %)" yes "$(fair "${first:-0}" "${second:-0}")"
    expect '  all that the card has signed was handed out' "$((${first:-0} + ${second:-0}))" \
        "$(grep -cE '^> 802A.*9000$' "$(card_log card)")"
    expect '  no PIN was refused' '' "$(grep -E '^> 0020.{7,} ->' "$(card_log card)" | grep -v -- '-> 9000$' || true)"
    expect '  no try is lost' '3 5' "$(tries)"
}

# with_isolation yes|no SECONDS PAIR...
with_isolation() {
    local pair
    say "-- isolation = $1"
    mkdir -p "$HOME/.config"
    printf 'isolation = %s\n' "$1" >"$HOME/.config/jpki-pkcs11.conf"
    for pair in "${@:3}"; do
        if [ "$1" = yes ]; then
            pair "$2" "$pair"
        else
            pair "$2" "$pair" lent
        fi
    done
}

# card_with OPTION...: another one in reader 0.
card_with() {
    say "-- a card with ${*:-nothing special}"
    card_new card --force "$@"
    card_insert card 0
}

main() {
    local isolation
    interop_begin "${BASH_SOURCE[0]}" "$@"
    # Six parts of the same length, and one of six times that.
    if [ $# -gt 0 ]; then
        SECONDS_EACH=$(($1 * 60 / 12))
        SHARE=10
    fi
    VCARD_DIR=$(card_dir card)
    export VCARD_DIR
    pcscd_start
    card_with
    for isolation in yes no; do
        # shellcheck disable=SC2086 # the names
        with_isolation "$isolation" "$SECONDS_EACH" $PAIRS
    done
    card_take 0
    card_with --slow contactless
    # Logins and logouts would make gaps.
    SIGNATURES=1000000
    [ $# -eq 0 ] || SHARE=15
    with_isolation yes "$((SECONDS_EACH * 6))" auth-auth
    interop_end
}

main "$@"
