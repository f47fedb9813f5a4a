# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A victim that goes on step by step, and the attacker at the same card. After interop.sh.
# shellcheck disable=SC2034 # SEEN, WHAT, REST and CODE are read by the scripts that source this file

ATTACKER=$API_TESTS/attacker
VICTIM=$API_TESTS/victim
ATTEMPTS_ONCE=104 # 26 forms, with and without SELECT, with and without a transaction
VICTIM_PID=

# attack: everything once. Sets SEEN to what the card in reader 0 is: open or closed.
attack() {
    local code=0
    ATTACK=$(timeout 60 "$ATTACKER" once 0 2>&1) || code=$?
    case $code in
        0) SEEN=closed ;;
        10) SEEN=open ;;
        *) SEEN="exit code $code" ;;
    esac
    # What a reset breaks off is begun again, so there may be more.
    if ! [[ $ATTACK =~ (^|$'\n')([0-9]+)' attempts, ' ]] || [ "${BASH_REMATCH[2]}" -lt "$ATTEMPTS_ONCE" ]; then
        SEEN="not asked everything: $SEEN: $ATTACK"
    fi
}

# victim_start MODULE JOB ARGUMENT...: a program that dies leaves its memory to the system, and a
# forked child its parent's: no leaks are looked for.
victim_start() {
    [ -e "$WORK/victim.in" ] || mkfifo "$WORK/victim.in" "$WORK/victim.out"
    ASAN_OPTIONS=detect_leaks=0 "$VICTIM" "$@" \
        <"$WORK/victim.in" >"$WORK/victim.out" 2>"$WORK/victim.err" &
    VICTIM_PID=$!
    exec {VICTIM_IN}>"$WORK/victim.in" {VICTIM_OUT}<"$WORK/victim.out"
}

# victim_says: the next line into the words WHAT and REST; fails when the victim has ended.
victim_says() {
    read -r -t 60 -u "$VICTIM_OUT" WHAT REST
}

victim_go() {
    printf '\n' >&"$VICTIM_IN"
}

# victim_ends: waits for its end; sets CODE to its exit code.
victim_ends() {
    CODE=0
    wait "$VICTIM_PID" 2>/dev/null || CODE=$?
    exec {VICTIM_IN}>&- {VICTIM_OUT}<&-
    VICTIM_PID=
}

# hold and let_go: another program that is connected and does nothing.
hold() {
    rm -f "$WORK/hold"
    mkfifo "$WORK/hold"
    : >"$WORK/held"
    "$ATTACKER" hold 0 <"$WORK/hold" >"$WORK/held" 2>&1 &
    HOLDER=$!
    exec {HOLD}>"$WORK/hold"
    wait_until 10 grep -q holding "$WORK/held" || die "no other program: $(cat "$WORK/held")"
}

let_go() {
    exec {HOLD}>&-
    wait "$HOLDER"
}

# row WHO WHICH MOMENT SEEN FIGURES: a line of the table.
row() {
    printf '        %-14s %-5s %-30s %-7s %s\n' "$@"
}
