#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Two programs use one card at the same time and without a pause, one on each token or both on the same:
# login, signatures, logout. Each does its work, nothing that one asks is lost for the other's sake, and the
# card never sees a wrong PIN. Also on a card that is slow, as real ones are, where one program's
# transactions leave the other next to no gap; and when one has another network, as in a container, where the
# other cannot see it. The card rests for others that are connected; a program that has it for itself need not
# wait so often.
#
# usage: share.sh [MINUTES]: for so long, all in all; otherwise a second each

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/steps.sh
. "$ROOT/tests/lib/steps.sh"

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

card_has_signed() {
    grep -qE '^> 802A.*9000$' "$(card_log card)"
}

# A program that is not seen gets on while the other goes on, and not only when that has ended.
in_another_network() {
    local pid
    say '-- the second one in another network'
    : >"$(card_log card)"
    "$API_TESTS/share" "$MODULE" auth "$((10 * PATIENCE))" 1000000 >"$WORK/share.1" 2>&1 &
    pid=$!
    wait_until "$PATIENCE" card_has_signed || true
    works 'it does its work' timeout "$PATIENCE" unshare --net "$API_TESTS/share" "$MODULE" auth 3 1000000
    say "        $OUTPUT"
    expect '  while the first one does, too' yes "$(process_gone "$pid" || echo yes)$(cat "$WORK/share.1")"
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    expect '  no try is lost' '3 5' "$(tries)"
}

# rests KIND: how often the card was left to others, for this reason.
rests() {
    grep -c "the card rests, for others who $1" "$WORK/rests" || true
}

has_rested() {
    [ "$(rests "$1")" -gt 0 ]
}

# rests_for KIND [COMMAND...]: a program signs without a pause until it has let the card rest for this reason.
rests_for() {
    local pid seen=yes
    env JPKI_PKCS11_DEBUG=debug "${@:2}" "$API_TESTS/share" "$MODULE" auth "$PATIENCE" 1000000 \
        >"$WORK/rests" 2>&1 &
    pid=$!
    wait_until "$PATIENCE" has_rested "$1" || seen=no
    kill "$pid"
    wait "$pid" 2>/dev/null || true
    expect "  the card rests for those who $1" yes "$seen"
}

# Only the reason is looked at, which the module logs; how long it rests, and how often, tests/pcsc counts.
who_is_there() {
    say '-- who is connected'
    say 'nobody else'
    rests_for 'cannot be seen'
    expect '  and not for others' 0 "$(rests 'may want it')"
    say 'another program, which does nothing'
    meddler_start reconnect 0 leave
    rests_for 'may want it'
    meddler_go
    meddler_done
    say 'nobody else any longer'
    rests_for 'cannot be seen'
    expect '  and not for others' 0 "$(rests 'may want it')"
    say 'perhaps somebody: the service has another network'
    rests_for 'may want it' unshare --net
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
    in_another_network
    who_is_there
    interop_end
}

main "$@"
