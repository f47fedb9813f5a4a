#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Card time is the only time that matters: each job's APDUs are counted and held against a budget.
# OpenSC's module does the same jobs on the same card, for comparison.
#
# The jobs are done by tests/api/job, a small program without a life of its own:
#   job MODULE initialize            C_Initialize and C_Finalize
#   job MODULE tokens                the slot list, and the information of every slot and token
#   job MODULE objects               every public object of every token, with all its values
#   job MODULE sign auth|sign COUNT  the first token with the key 01 or 02: login, find, COUNT
#                                    signatures; PINs from PIN_AUTH and PIN_SIGN
# Each job is a fresh process, ends with exit code 0 when all went well, and works with any module.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

JOB=$API_TESTS/job
MORE=10 # further signatures, to see what one costs

# count_job MODULE CARD JOB...: sets COUNT to the APDUs of one job, or fails.
count_job() {
    local module=$1 card=$2 mark code=0
    shift 2
    mark=$(apdu_mark "$card")
    # With the card's folder, the job checks its signatures too.
    OUTPUT=$(VCARD_DIR=$(card_dir "$card") timeout 60 "$JOB" "$module" "$@" 2>&1) || code=$?
    COUNT=$(apdus_since "$card" "$mark")
    [ "$code" -eq 0 ]
}

# What earlier programs have left to a job: nothing, or what they have found out about the card and its
# certificates.
REMEMBERED=no

forget() {
    [ "$REMEMBERED" = yes ] || rm -rf "$XDG_RUNTIME_DIR"/jpki-pkcs11/seen-* "$XDG_CACHE_HOME/jpki-pkcs11"
}

# within CARD BUDGET JOB...: counts with our module.
within() {
    local card=$1 budget=$2
    shift 2
    forget
    if count_job "$MODULE" "$card" "$@"; then
        expect_at_most "$card: $*" "$budget" "$COUNT"
        row "$card" "$*" "$COUNT" "$budget"
    else
        failed "$card: $*" 'exit code 0' "$OUTPUT"
    fi
}

# each_further CARD BUDGET WHICH: one more signature of the same session.
each_further() {
    local card=$1 budget=$2 which=$3 first
    if count_job "$MODULE" "$card" sign "$which" 1 && first=$COUNT &&
        count_job "$MODULE" "$card" sign "$which" $((1 + MORE)); then
        expect_at_most "$card: each further signature, $which" $((budget * MORE)) \
            $((COUNT - first))
        row "$card" "each further, $which" $(((COUNT - first) / MORE)) "$budget"
    else
        failed "$card: each further signature, $which" 'exit code 0' "$OUTPUT"
    fi
}

# row CARD JOB COUNT BUDGET: a line of the table at the end, with OpenSC's figure beside it.
row() {
    local theirs=-
    case $2 in
        'each further, '*) theirs=$(opensc_further "$1" "${2##* }") ;;
        *)
            # shellcheck disable=SC2086 # the job's words
            if count_job "$OPENSC" "$1" $2; then theirs=$COUNT; fi
            ;;
    esac
    TABLE+=$(printf '%-8s %-22s %6s %6s %6s' "$1" "$2" "$3" "$4" "$theirs")$'\n'
}

opensc_further() {
    local first
    if count_job "$OPENSC" "$1" sign "$2" 1 && first=$COUNT &&
        count_job "$OPENSC" "$1" sign "$2" $((1 + MORE)); then
        printf '%s\n' $(((COUNT - first) / MORE))
    else
        printf -- '-\n'
    fi
}

# budgets CARD INITIALIZE TOKENS OBJECTS SIGN-AUTH SIGN-SIGN FURTHER-AUTH FURTHER-SIGN
budgets() {
    REMEMBERED=no
    within "$1" "$2" initialize
    within "$1" "$3" tokens
    within "$1" "$4" objects
    within "$1" "$5" sign auth 1
    within "$1" "$6" sign sign 1
    each_further "$1" "$7" auth
    each_further "$1" "$8" sign
}

# remembered CARD TOKENS OBJECTS SIGN-AUTH SIGN-SIGN: after other programs, while the card stays in.
remembered() {
    REMEMBERED=yes
    works "$1: an earlier program" "$JOB" "$MODULE" objects
    within "$1" "$2" tokens
    within "$1" "$3" objects
    within "$1" "$4" sign auth 1
    within "$1" "$5" sign sign 1
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_file 'the program that does the jobs' "$JOB"
    OPENSC=$(opensc_module)
    TABLE=$(printf '%-8s %-22s %6s %6s %6s' card job ours budget OpenSC)$'\n'
    pcscd_start
    card_new usual
    card_insert usual 0
    budgets usual 0 5 25 15 16 4 7
    remembered usual 4 8 12 13
    card_take 0
    card_new no-sfi --no-sfi
    card_insert no-sfi 0
    budgets no-sfi 0 10 33 24 26 6 10
    remembered no-sfi 8 14 19 21
    card_take 0
    say "$TABLE"
    interop_end
}

main "$@"
