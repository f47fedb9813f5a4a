# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# One program that goes on call by call (tests/api/steps.c), and what it is told by a card, a reader or a
# service that fails. After interop.sh.
# shellcheck disable=SC2034 # ANSWER, STOPPED and EXPECTED are read by the scripts that source this file

MEDDLER=$API_TESTS/meddler
STEPS_PID=
ANSWER=  # to the last call: code, and what was found
AT_STOP= # a command, done when a call stops on its way to pcscd
STOPPED= # where the last one did
PATIENCE=60 # seconds; no call of the module takes so long, on a machine that is busy too

EVERY=1    # something is done to the program at every EVERY-th place
TURNS=0    # places so far
BAD=       # what was not as it should be, since the last report
HITS=0     # places where something was done, since the last report
ALL_HITS=0

# The codes that tell a program that the card it knew is gone.
readonly GONE='CKR_(DEVICE_REMOVED|TOKEN_NOT_PRESENT|SESSION_HANDLE_INVALID)'

# What programs do, call by call; N stands for the slot.
declare -A SCENARIO=(
    [list]='tokens'
    [read]='tokens;open N;objects N;close N'
    [login]='tokens;open N;login N;session N;logout N;close N'
    [sign]='tokens;open N;login N;find N;signinit N;sign N;close N'
    [change]='tokens;open N;change N;close N'
)
declare -A OTHER_PIN=([1234]=5678 [5678]=1234 [ABC123]=XYZ789 [XYZ789]=ABC123)
EXPECTED=() # the answers of an undisturbed run
ANSWERS=()  # of the last one
declare -A EARLY=() # what was answered before it was asked for

# steps_start CARD...: the names of the cards that may sign.
steps_start() {
    local card
    local -a folders=()
    for card in "$@"; do
        folders+=("$(card_dir "$card")")
    done
    rm -f "$WORK"/steps.{in,out,err}
    mkfifo "$WORK"/steps.{in,out}
    "$API_TESTS/steps" "$MODULE" "${folders[@]}" \
        <"$WORK/steps.in" >"$WORK/steps.out" 2>"$WORK/steps.err" &
    STEPS_PID=$!
    exec {STEPS_IN}>"$WORK/steps.in" {STEPS_OUT}<"$WORK/steps.out"
}

# steps_end: it ends by itself, and no sanitizer has a complaint.
steps_end() {
    local code=0
    tell end
    wait "$STEPS_PID" || code=$?
    exec {STEPS_IN}>&- {STEPS_OUT}<&-
    expect 'the program came to its end' '0: ' "$code: $(cat "$WORK/steps.err")"
}

tell() {
    printf '%s\n' "$1" >&"$STEPS_IN" || die "the program has ended: $(cat "$WORK/steps.err")"
}

# heard: the next line into HEARD; a call that never comes back ends the test.
heard() {
    read -r -t "$PATIENCE" -u "$STEPS_OUT" HEARD ||
        die "no answer within $PATIENCE seconds to '$1'; it has said: $(cat "$WORK/steps.err")"
}

# answer LINE: waits for the answer to LINE, and keeps those to others that come before. Sets ANSWER.
answer() {
    local early=${EARLY["$1"]:-}
    if [ -n "$early" ]; then
        ANSWER=$early
        unset "EARLY[$1]"
        return 0
    fi
    while heard "$1"; do
        case $HEARD in
            "stop "*)
                STOPPED=${HEARD#stop }
                $AT_STOP
                tell go
                ;;
            "$1: "*)
                ANSWER=${HEARD#"$1: "}
                return 0
                ;;
            *) EARLY["${HEARD%%: *}"]=${HEARD#*: } ;;
        esac
    done
}

# await_stop: waits until a call stops, which stays there until it is told to go. Sets STOPPED.
await_stop() {
    STOPPED=
    heard 'stop'
    [[ $HEARD == "stop "* ]] || die "no call has stopped, but '$HEARD'"
    STOPPED=${HEARD#stop }
}

# call LINE: one call, to its end. Sets ANSWER.
call() {
    tell "$1"
    answer "$1"
}

# expect_call WHAT LINE EXPECTED: one call, and its answer as a whole.
expect_call() {
    call "$2"
    expect "$1" "$3" "$ANSWER"
}

# pin_of SLOT: what the card in reader 0 holds, by its own folder.
pin_of() {
    local which=auth
    [ $(($1 % 2)) -eq 0 ] || which=sign
    sed -n "s/^$which.pin = //p" "$(card_dir "${CARD_NAME[0]}")/state"
}

# change SLOT: the PIN that the card has, for another. What the module says of it is compared with what the
# card holds then: CKR_FUNCTION_FAILED means the old one.
change() {
    local old new holds
    old=$(pin_of "$1")
    new=${OTHER_PIN[$old]}
    call "setpin $1 $old $new"
    holds=$(pin_of "$1")
    case $ANSWER in
        CKR_OK) [ "$holds" = "$new" ] || ANSWER+=" but the card holds $holds" ;;
        CKR_FUNCTION_FAILED) [ "$holds" = "$old" ] || ANSWER+=" but the card holds $holds" ;;
    esac
}

# run_scenario NAME SLOT [MOMENT COMMAND]: all its calls, whatever they are told, and COMMAND before the
# MOMENT-th of them. The PIN is that of the card that is in when it begins. Sets ANSWERS.
run_scenario() {
    local line pin moment=0
    local -a lines
    pin=$(pin_of "$2")
    IFS=';' read -r -a lines <<<"${SCENARIO[$1]//N/$2}"
    ANSWERS=()
    for line in "${lines[@]}"; do
        moment=$((moment + 1))
        if [ "$moment" = "${3:-}" ]; then
            $4
        fi
        case $line in
            change*) change "$2" ;;
            login*) call "$line $pin" ;;
            *) call "$line" ;;
        esac
        ANSWERS+=("$line: $ANSWER")
    done
}

# undisturbed NAME SLOT: what the calls are told when nothing happens. Sets EXPECTED.
undisturbed() {
    run_scenario "$@"
    EXPECTED=("${ANSWERS[@]}")
    expect "$1, slot $2: undisturbed" '' "$(printf '%s\n' "${ANSWERS[@]}" | grep -v ': CKR_OK' || true)"
}

# dishonest PATTERN: what should not have been said. The first answer that is not that of an undisturbed run
# must be like PATTERN, and those after it like it or a consequence of it; a token that goes while it is
# listed is left out, or says so. Without a login there is no session with one, and no signature.
dishonest() {
    local i line tokens none told='' refused=''
    tokens="tokens: CKR_OK( [0-9]+=([0-9A-F]{16}|$GONE))*"
    none='[a-z]+ [0-9]+: CKR_(OK public|OK none|USER_NOT_LOGGED_IN|KEY_HANDLE_INVALID|OPERATION_NOT_INITIALIZED)'
    for i in "${!ANSWERS[@]}"; do
        line=${ANSWERS[i]}
        case $line in
            login*CKR_OK) ;;
            login*) refused=yes ;;
            session*user | sign\ *OK*) [ -z "$refused" ] || printf '%s without a login\n' "$line" ;;
        esac
        [ "$line" != "${EXPECTED[i]}" ] || continue
        if grep -qxE -- "[a-z]+ [0-9]+( .*)?: $1|$tokens" <<<"$line"; then
            told=yes
        elif [ -z "$told" ] || ! grep -qxE -- "$none" <<<"$line"; then
            printf '%s\n' "$line"
        fi
    done
}

# differs: the answers that are not those of an undisturbed run.
differs() {
    diff <(printf '%s\n' "${EXPECTED[@]}") <(printf '%s\n' "${ANSWERS[@]}") || true
}

# ---- many places ----

# its_turn: whether this place is one of those.
its_turn() {
    TURNS=$((TURNS + 1))
    [ $((TURNS % EVERY)) -eq 0 ]
}

bad() {
    BAD+="$1"$'\n'
}

# report WHAT GOOD: what was seen at all places since the last report. Where there was none, nothing is said.
report() {
    if [ "$HITS" -gt 0 ]; then
        expect "$1, $HITS times: $2" '' "$BAD"
    fi
    ALL_HITS=$((ALL_HITS + HITS))
    BAD=
    HITS=0
}

# report_all ALL SOME: so many places there were at least, when nothing is left out and otherwise.
report_all() {
    local least=$((EVERY == 1 ? $1 : $2))
    expect "$least places at least, and there were $ALL_HITS" yes \
        "$([ "$ALL_HITS" -ge "$least" ] && echo yes)"
}

# ---- another program that has the card, too ----

MEDDLED= # what pcscd has answered to it

# meddler_start hold|reconnect|disconnect READER WAY: see tests/api/meddler.c. Has the card, or its
# transaction, when this returns.
meddler_start() {
    local said=''
    rm -f "$WORK"/meddler.{in,out}
    mkfifo "$WORK"/meddler.{in,out}
    "$MEDDLER" "$@" <"$WORK/meddler.in" >"$WORK/meddler.out" 2>&1 &
    MEDDLER_PID=$!
    exec {MEDDLER_IN}>"$WORK/meddler.in" {MEDDLER_OUT}<"$WORK/meddler.out"
    read -r -t "$PATIENCE" -u "$MEDDLER_OUT" said || true
    [ "$said" = ready ] || die "no other program: $said"
}

# meddler_go: it does what it came for.
meddler_go() {
    echo >&"$MEDDLER_IN"
}

# meddler_done: waits for what pcscd answers to it. Sets MEDDLED.
meddler_done() {
    MEDDLED=''
    read -r -t "$PATIENCE" -u "$MEDDLER_OUT" MEDDLED || die 'pcscd does not answer to the other program'
    wait "$MEDDLER_PID" || die "the other program ended with $?: $MEDDLED"
    exec {MEDDLER_IN}>&- {MEDDLER_OUT}<&-
}
