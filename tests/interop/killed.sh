#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Death inside one operation: after the PIN was sent, before the card was made to forget it. No
# program can cover that moment itself. What is left is measured here on the real pcscd: it only
# resets the card, which keeps the login (docs/card.md), so that others can use the key until the
# card loses its power, which pcscd takes soon after the last program has left, or until the next of
# our modules meets the card.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

SLOWLY=1500 # milliseconds that the card takes for the command in which the victim dies
declare -A COMMAND=() # by "which inside": "INS N", the N-th command of this instruction

# Which command of a run is the one with the PIN, and which the one that signs: counted in a run
# that nobody disturbs.
measure() {
    local which mark
    for which in auth sign; do
        fresh_card
        mark=$(apdu_mark card)
        works "an undisturbed run signs, $which" "$API_TESTS/job" "$MODULE" sign "$which" 1
        COMMAND[$which login]="20 $(tail -n "+$((mark + 1))" "$(card_log card)" |
            awk '/^> 0020/ { n++; if (/\*/) { print n; exit } }')"
        COMMAND[$which sign]="2A $(tail -n "+$((mark + 1))" "$(card_log card)" |
            awk '/^> 802A/ { n++; if (/9000$/) { print n; exit } }')"
        say "        $which: login is command ${COMMAND[$which login]}, sign ${COMMAND[$which sign]}"
    done
    card_take 0
}

fresh_card() {
    card_pull 0
    card_put 0
}

# One try is spent, so that the card's folder shows when the PIN was accepted, before the answer.
spend_a_try() {
    sed -i "s/^$1.tries = .*/$1.tries = 2/" "$(card_dir card)/state"
}

pin_accepted() {
    ! grep -q "^$1.tries = 2" "$(card_dir card)/state"
}

# dies WHICH INSIDE WAY: a fresh card; the victim dies in C_Login or C_Sign, with the PIN accepted.
# The card's program counts its commands from its start, so it is started for each death.
dies() {
    local which=$1 inside=$2 way=$3 ins count mark
    read -r ins count <<<"${COMMAND[$which $inside]}"
    spend_a_try "$which"
    card_insert card 0 --fault "ins=$ins:$count:delay:$SLOWLY"
    hold
    mark=$(apdu_mark card)
    victim_start "$MODULE" dies "$which" "$inside" "$way"
    victim_says || true
    # In C_Sign, the login has come before, and has the PIN accepted a first time.
    wait_until 20 pin_accepted "$which" || true
    if [ "$inside" = sign ]; then
        wait_until 20 sent_twice "$mark" || true
    fi
    victim_go
    victim_ends
    DIED="$WHAT $REST $CODE"
}

sent_twice() {
    [ "$(verifies_since card "$1")" -ge 2 ]
}

exit_code_of() {
    case $1 in
        kill) printf '137\n' ;;
        abort) printf '134\n' ;;
        exit) printf '0\n' ;;
    esac
}

# leaves_open WHICH INSIDE WAY
leaves_open() {
    dies "$@"
    expect "$1 key, $3 inside C_${2^}: so it ended" "moment inside-$2 $(exit_code_of "$3")" "$DIED"
    attack
    row "died: $3" "$1" "inside $2" "$SEEN" "$ATTACK"
    expect '  the limit: with another program connected, the card is open' open "$SEEN"
    expect '  the card was in the middle of it' 1 \
        "$(grep -c '^! delay' "$(card_log card)" || true)"
}

# closed_by_next_module WHAT: any of our modules that lists the tokens finds the mark that the dead
# one has left, and makes the card forget.
closed_by_next_module() {
    works "  the next module lists the tokens" tool -L
    attack
    row "$1" '' 'after the next pkcs11-tool -L' "$SEEN" "$ATTACK"
    expect '  which has closed the card' closed "$SEEN"
}

powered_off() {
    tail -n "+$(($1 + 1))" "$(card_log card)" | grep '^= power off' >/dev/null
}

# No module plays a part. How long pcscd takes depends on the reader: here it is below a second.
closed_by_power_off() {
    local mark start=${EPOCHREALTIME/./}
    mark=$(apdu_mark card)
    let_go
    wait_until 20 powered_off "$mark" || failed '  the power is taken' '= power off' "$(tail -n 3 "$(card_log card)")"
    say "        power off $(((${EPOCHREALTIME/./} - start) / 1000)) ms after the last program left"
    attack
    row 'power off' '' 'after it' "$SEEN" "$ATTACK"
    expect '  without power the card has forgotten' closed "$SEEN"
}

bury() {
    card_take 0
    : >"$(card_log card)"
}

death() {
    leaves_open "$@"
    closed_by_next_module "$1, $2, $3"
    no_mark
    let_go
    bury
}

# The mark is gone with what it stood for, so that nobody looks for it a second time.
no_mark() {
    expect '  and the mark is gone' '' "$(marks)"
}

marks() {
    find "$HOME" "$SANDBOX/runtime" -name 'card-*'
}

death_and_power_off() {
    leaves_open "$@"
    expect_has '  the dead one has left a mark' '/jpki-pkcs11/card-[0-9a-f]{16}-[0-9]+-[0-9a-f]{8}$' "$(marks)"
    closed_by_power_off
    closed_by_next_module "$1, $2, $3"
    no_mark
    bury
}

main() {
    local which
    interop_begin "${BASH_SOURCE[0]}" "$@"
    ulimit -c 0
    pcscd_start
    card_new card
    card_insert card 0
    VCARD_DIR=$(card_dir card)
    export VCARD_DIR
    measure
    for which in auth sign; do
        death_and_power_off "$which" sign kill
        death "$which" sign kill
        death "$which" login kill
    done
    death auth sign exit
    death sign sign abort
    say '-- without XDG_RUNTIME_DIR'
    unset XDG_RUNTIME_DIR
    death sign sign kill
    death auth login kill
    interop_end
}

main "$@"
