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

ATTACKS=2550 # at random moments, of each of four attackers
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
        if [ "$WHAT" = child ]; then
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
    expect "$1, $3: it was killed while logged in" "moment logged-in 137" "$WHAT $REST $CODE"
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

# busy VICTIMS ATTACKERS ATTEMPTS: so many programs that sign, beside so many attackers with so many
# attempts each. None knows of another. Sets CODES to the attackers' exit codes; the programs'
# output is in $WORK/busy.N, the attackers' in $WORK/random.N, N being their seeds.
busy() {
    local stop seed pid
    local -a victims=() attackers=()
    rm -f "$WORK"/{stop,busy.*,random.*}
    fresh_card
    mkfifo "$WORK/stop"
    exec {stop}<>"$WORK/stop" # the programs end when it has no writer any more
    for ((seed = 1; seed <= $1; seed++)); do
        ASAN_OPTIONS=detect_leaks=0 timeout 120 "$VICTIM" "$MODULE" busy "$seed" \
            <"$WORK/stop" >"$WORK/busy.$seed" 2>"$WORK/busy.$seed.err" {stop}>&- &
        victims+=($!)
    done
    for ((seed = 1; seed <= $2; seed++)); do
        timeout 120 "$ATTACKER" random 0 "$3" "$seed" >"$WORK/random.$seed" 2>&1 {stop}>&- &
        attackers+=($!)
    done
    CODES=
    for pid in "${attackers[@]}"; do
        code=0
        wait "$pid" || code=$?
        CODES="$CODES $code"
    done
    exec {stop}>&-
    for pid in "${victims[@]}"; do
        wait "$pid" || CODES="$CODES, a program ended with $?"
    done
}

# sum NUMBER FILE...: of the NUMBERth word of the last line of each.
sum() {
    local number=$1
    shift
    tail -q -n 1 "$@" | awk -v n="$number" '{ sum += $n } END { print sum + 0 }'
}

# A reset that pcscd grants in the very moment in which a program begins its transaction breaks that
# transaction off (SCARD_E_PROTO_MISMATCH). The module begins it again if nothing but the SELECT was
# sent; otherwise about one life in a thousand is told CKR_DEVICE_ERROR, or sees no token for a
# second.
INTERRUPTED='^(C_[A-Za-z]+( as context)?: 0x00000030|no token takes a PIN of [46] characters)$'
at_random_moments() {
    local started=$SECONDS attempts signatures
    busy 2 4 "$ATTACKS"
    sed 's/^/        /' "$WORK"/{random,busy}.[0-9]
    attempts=$(sum 1 "$WORK"/random.[0-9])
    signatures=$(sum 8 "$WORK"/busy.[0-9])
    say "        $attempts attempts beside $signatures signatures in $((SECONDS - started)) s"
    expect 'at random moments no attacker gets anything' ' 0 0 0 0' "$CODES"
    expect '  of all their attempts, none' '0 0 0' "$(for n in 3 5 7; do
        sum "$n" "$WORK"/random.[0-9]
    done | paste -sd' ')"
    expect '  of 10000 at least' 0 "$((attempts < 10000))"
    expect 'the programs do their work meanwhile' 0 "$((signatures < 50))"
    expect '  where one is interrupted it is told so' '' \
        "$(grep -hvE "$INTERRUPTED" "$WORK"/busy.*.err || true)"
    expect_at_most '  which happens to few' $(($(sum 1 "$WORK"/busy.[0-9]) / 20)) \
        "$(sum 3 "$WORK"/busy.[0-9])"
}

# The same attack finds what isolation = no leaves open.
at_random_moments_without_isolation() {
    busy 1 2 "$FEW"
    sed 's/^/        /' "$WORK"/{random,busy}.[0-9]
    expect 'with isolation = no, random attackers get something' ' 10 10' "$CODES"
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
    at_random_moments_without_isolation
    interop_end
}

main "$@"
