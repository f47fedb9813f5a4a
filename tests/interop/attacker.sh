#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A second process with nothing but PC/SC at every moment of a program's life, and at ten thousand
# random ones: with our module it never gets a signature or the signature certificate. The same
# attacker finds OpenSC's module, and ours with isolation = no, as open as the documents say.
#
# tests/api/test_attacker.c asks the same at more moments and of more kinds of card, in one process.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

ATTACKS=5100 # of each of two attackers; each also tries what the other does
FEW=300

always_closed() {
    printf 'closed\n'
}

# Nothing but a reset of the card ends a login with OpenSC's module: at C_Logout, C_CloseSession
# and C_Finalize it selects the JPKI application again at most, which the card does not take for an
# end.
open_after_login() {
    if [ "$1" = before-login ]; then
        printf 'closed\n'
    else
        printf 'open\n'
    fi
}

open_until_logout() {
    case $1 in
        before-login | after-logout | after-close | after-finalize) printf 'closed\n' ;;
        *) printf 'open\n' ;;
    esac
}

# fresh_card: out and in again, so that nothing is left of what was before.
fresh_card() {
    card_pull 0
    card_put 0
}

# at_moment WHO WHICH MOMENT EXPECTED
at_moment() {
    attack
    row "$1" "$2" "$3" "$SEEN" "$ATTACK"
    expect "$1, $2: $3" "$4" "$SEEN"
}

# from_the_child WHO WHICH EXPECTED CALLS ATTEMPTS SUCCESSES: what the forked child reports.
from_the_child() {
    local seen=closed
    [ "$6" -eq 0 ] || seen=open
    row "$1" "$2" 'attacked by a forked child' "$seen" "$5 attempts, $6 successes"
    expect "$1, $2: by raw PC/SC, a forked child asks everything" "$ATTEMPTS_ONCE" "$5"
    expect "$1, $2: and what it finds is" "$3" "$seen"
    expect "$1, $2: no call of the module works in the child" 0 "$4"
}

# life WHO MODULE WHICH EXPECTATION [stranger]: one whole life under attack.
life() {
    local who=$1 module=$2 which=$3 expectation=$4 moments=0
    shift 4
    fresh_card
    victim_start "$module" life "$which" "$@"
    while victim_says; do
        if [ "$WORD" = child ]; then
            # shellcheck disable=SC2086 # three numbers
            from_the_child "$who" "$which" "$($expectation with-a-child)" $REST
            continue
        fi
        at_moment "$who" "$which" "$REST" "$($expectation "$REST")"
        moments=$((moments + 1))
        victim_go
    done
    victim_ends
    expect "$who, $which: the program came to its end" "0: " "$CODE: $(cat "$WORK/victim.err")"
    # More for a key that wants a context login, and where there is PSS.
    expect "$who, $which: all moments were seen" yes "$([ "$moments" -ge 13 ] && echo yes || echo "$moments")"
}

# killed WHO MODULE WHICH EXPECTED: SIGKILL while it is logged in and does nothing.
killed() {
    fresh_card
    victim_start "$2" killed "$3"
    victim_says && victim_go
    victim_ends
    expect "$1, $3: it was killed while logged in" "moment logged-in 137" "$WORD $REST $CODE"
    at_moment "$1" "$3" killed "$4"
}

both_lives() {
    local which
    for which in auth sign; do
        life "$1" "$2" "$which" "${@:4}"
        killed "$1" "$2" "$which" "$3"
    done
}

set_isolation() {
    mkdir -p "$HOME/.config"
    printf 'isolation = %s\n' "$1" >"$HOME/.config/jpki-pkcs11.conf"
}

# busy_victim SEED: runs until the FIFO $WORK/stop has no writer any more.
busy_victim() {
    timeout 120 "$VICTIM" "$MODULE" busy "$1" <"$WORK/stop" >"$WORK/busy.$1" 2>&1 &
}

verified() {
    sed -n 's/.* lives, \([0-9]*\) signatures verified$/\1/p' "$1"
}

# Two programs that sign, two attackers that try. None of the four knows of another.
at_random_moments() {
    local stop seed code attempts=0 started=$SECONDS
    local -a victims=() attackers=()
    fresh_card
    mkfifo "$WORK/stop"
    exec {stop}<>"$WORK/stop" # a writer before the victims ask for one
    for seed in 11 12; do
        busy_victim "$seed"
        victims+=($!)
    done
    exec {stop}>&- {stop}>"$WORK/stop"
    for seed in 21 22; do
        timeout 120 "$ATTACKER" random 0 "$ATTACKS" "$seed" >"$WORK/random.$seed" 2>&1 &
        attackers+=($!)
    done
    for seed in 21 22; do
        code=0
        wait "${attackers[seed - 21]}" || code=$?
        row random "$seed" "after $((SECONDS - started)) s" "$code" "$(cat "$WORK/random.$seed")"
        expect "attacker $seed gets nothing at random moments" \
            '0: 0 signatures, 0 certificates, 0 odd answers' \
            "$code: $(sed 's/^[0-9]* attempts, //' "$WORK/random.$seed")"
        attempts=$((attempts + $(sed -n 's/ attempts,.*//p' "$WORK/random.$seed")))
    done
    exec {stop}>&-
    expect 'they tried at least 10000 times' yes "$([ "$attempts" -ge 10000 ] && echo yes || echo "$attempts")"
    for seed in 11 12; do
        code=0
        wait "${victims[seed - 11]}" || code=$?
        row random "$seed" "after $((SECONDS - started)) s" "$code" "$(tail -n 1 "$WORK/busy.$seed")"
        expect "program $seed did its work meanwhile" 'exit code 0, signatures' \
            "exit code $code, $([ "$(verified "$WORK/busy.$seed")" -ge 10 ] && echo signatures || cat "$WORK/busy.$seed")"
    done
    rm -f "$WORK/stop"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    OPENSC=$(opensc_module)
    pcscd_start
    card_new card
    card_insert card 0
    VCARD_DIR=$(card_dir card)
    export VCARD_DIR
    both_lives isolation "$MODULE" closed always_closed
    at_random_moments
    both_lives OpenSC "$OPENSC" open open_after_login stranger
    set_isolation no
    both_lives 'isolation = no' "$MODULE" open open_until_logout
    interop_end
}

main "$@"
