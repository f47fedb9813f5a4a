#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Where a PIN is in the memory of a program that uses the module, and for how long; that no log has
# it; and that nothing is left of the signature certificate. tests/api/pin_memory.c and
# certificate_memory.c look through all of their own memory at each moment. OpenSC's module
# shows that the search, of memory and of logs, finds what is there.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

PIN_MEMORY=$API_TESTS/pin_memory
LONG=QZ7XW4KV9JPB3HGM # stands nowhere by chance
BY_CHANCE=3           # exit code of pin_memory when the PIN does

# masked PIN: its bytes, XORed as memory.h says.
masked() {
    local i code
    for ((i = 0; i < ${#1}; i++)); do
        printf -v code '%d' "'${1:i:1}"
        # shellcheck disable=SC2059 # the format is the byte
        printf "\\x$(printf '%x' $((code ^ 0xA5)))"
    done
}

pin_of() {
    case $1 in
        auth) printf '%s\n' "$SHORT" ;;
        sign) printf '%s\n' "$LONG" ;;
    esac
}

ready_to_pull() {
    grep -q '^pull' "$WORK/memory" || process_gone "$1"
}

# look MODULE WHICH JOB: looks once, and again where four digits stand in a program's memory by chance,
# which has another place and other contents each time.
look() {
    local round
    for round in 1 2 3 4 5; do
        look_once "$@"
        [ "$CODE" -eq "$BY_CHANCE" ] || return 0
        say "        the PIN stands in memory by chance ($round)"
    done
}

# look_once MODULE WHICH JOB: sets CODE; leaves the moments in $WORK/memory, the module's own output in
# $WORK/log. The card is pulled when the program asks for it.
look_once() {
    local module=$1 which=$2 job=$3 answers pid
    : >"$WORK/memory"
    rm -f "$WORK/answers"
    mkfifo "$WORK/answers"
    exec {answers}<>"$WORK/answers"
    ASAN_OPTIONS=${LEAKS:-} timeout 60 env -u PIN_AUTH -u PIN_SIGN \
        "$PIN_MEMORY" "$module" "$which" <(masked "$(pin_of "$which")") "$job" \
        <"$WORK/answers" >"$WORK/memory" 2>"$WORK/log" {answers}>&- &
    pid=$!
    wait_until 60 ready_to_pull "$pid" || true
    if grep -q '^pull' "$WORK/memory"; then
        card_pull 0
    fi
    exec {answers}>&-
    CODE=0
    wait "$pid" || CODE=$?
    card_put 0
}

moments() {
    grep -E '^[a-z-]+ [0-9]+( lo)?( dd)?( wf)?$' "$WORK/memory" | paste -sd,
}

# use_pin PIN: a card with this PIN, and the LONG password, in the reader. Its folder's name, which
# the program has in its environment, does not tell.
use_pin() {
    SHORT=$1
    card_new card --force --pin-auth "$1" --pin-sign "$LONG"
    card_insert card 0
    VCARD_DIR=$(card_dir card)
    export VCARD_DIR
}

# Four digits may stand anywhere, such as in a log's serial number: the first of these that do not.
choose_pin() {
    local pin
    for pin in 7391 8264 6157 9048 5283; do
        use_pin "$pin"
        look "$MODULE" auth life
        if [ "$CODE" -ne "$BY_CHANCE" ] && ! grep -q "$pin" <<<"$(job_log)"; then
            return 0
        fi
        card_take 0
    done
    die 'every PIN stands in memory by chance'
}

# What is logged by a program that uses no PIN.
job_log() {
    JPKI_PKCS11_DEBUG=debug "$API_TESTS/job" "$MODULE" objects 2>&1
}

# On pages that are locked, not dumped and not inherited. The address sanitizer locks none: its
# mlock() does nothing.
ONE=' 1 lo dd wf'
one_of_sanitizer() {
    if [ -n "$PRELOAD" ]; then
        ONE=' 1 dd wf'
    fi
}

one_place_while_it_is_needed() {
    local in=$ONE out=' 0'
    look "$MODULE" auth life
    sed 's/^/        /' "$WORK/memory"
    expect 'auth: the program came to its end' '0: ' "$CODE: $(cat "$WORK/log")"
    expect 'auth: one place while logged in, none in a child and after the end' \
        "logged-in$in,in-a-child$out,after-change$out,changed-back$in,after-signature$in,after-logout$out,$(
        )logged-in-again$in,after-close$out,after-finalize$out,before-removal$in,after-removal$out" \
        "$(moments)"
    look "$MODULE" sign life
    expect 'sign: the program came to its end' '0: ' "$CODE: $(cat "$WORK/log")"
    expect 'sign: and none after the one signature' \
        "logged-in$in,in-a-child$out,after-change$out,changed-back$in,after-signature$out,after-logout$out,$(
        )logged-in-again$in,after-close$out,after-finalize$out,before-removal$in,after-removal$out" \
        "$(moments)"
    if [ -z "$PRELOAD" ]; then # a sanitizer's own memory is too large to be searched
        expect_has 'nothing was left out' ', 0 bytes left out$' "$(cat "$WORK/memory")"
    fi
}

settings() {
    mkdir -p "$HOME/.config"
    printf '%s\n' "$@" >"$HOME/.config/jpki-pkcs11.conf"
}

none_after_its_time() {
    local which
    settings 'pin.cache-seconds = 1'
    for which in auth sign; do
        look "$MODULE" "$which" time
        expect "$which: none at the first call after pin.cache-seconds" \
            "logged-in$ONE,after-the-time$ONE,after-a-call 0" "$(moments)"
        expect_has "$which: which is logged out" '^call 0x0, state 0$' "$(cat "$WORK/memory")"
    done
    rm "$HOME/.config/jpki-pkcs11.conf"
}

# has_pin PIN FILE: in text, or in hexadecimal with or without something between the bytes.
has_pin() {
    local hex
    hex=$(printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n')
    grep -qF "$1" "$2" || tr -d ' :,' <"$2" | grep -iF "$hex" >/dev/null
}

# logged_nothing WHAT WHICH LEVEL FILE
logged_nothing() {
    local seen=none
    if has_pin "$(pin_of "$2")" "$4"; then
        seen=$(cat "$4")
    fi
    expect "$1, $2: no PIN in the log at level $3 ($(wc -l <"$4") lines)" none "$seen"
    if [ "$3" = debug ]; then
        expect_has '  which has the login' 'debug: card: command with a PIN -> 9000' "$(cat "$4")"
    fi
}

no_pin_in_logs() {
    local which level
    for which in auth sign; do
        for level in error warning info debug; do
            JPKI_PKCS11_DEBUG=$level look "$MODULE" "$which" life
            logged_nothing 'standard error' "$which" "$level" "$WORK/log"
            rm -f "$WORK/file.log"
            settings "log.level = $level" "log.file = $WORK/file.log"
            look "$MODULE" "$which" life
            rm "$HOME/.config/jpki-pkcs11.conf"
            touch "$WORK/file.log" # at the level error there may be nothing to say
            logged_nothing 'log.file' "$which" "$level" "$WORK/file.log"
        done
    done
}

no_wrong_pin_in_logs() {
    export JPKI_PKCS11_DEBUG=debug
    refused 'a wrong password is refused' CKR_PIN_INCORRECT tool --token-label "$LABEL_SIGN" \
        --login --pin QZ7XW4KV9JPB3HGN --list-objects
    printf '%s\n' "$OUTPUT" >"$WORK/log"
    expect 'a wrong password is not logged' no \
        "$(has_pin QZ7XW4KV9JPB3HGN "$WORK/log" && echo yes || echo no)"
    unset JPKI_PKCS11_DEBUG
}

# masked_part FILE OFFSET: 16 bytes of it, XORed in the same way.
masked_part() {
    python3 -c 'import sys
with open(sys.argv[1], "rb") as file:
    file.seek(int(sys.argv[2]))
    sys.stdout.buffer.write(bytes(byte ^ 0xA5 for byte in file.read(16)))' "$1" "$2"
}

# The holder's name, address and date of birth: in the first and in the last part of what is read.
no_certificate_is_left() {
    local offset seen
    for offset in 300 1100; do
        seen=$(PIN_SIGN=$LONG "$API_TESTS/certificate_memory" "$MODULE" \
            <(masked_part "$VCARD_DIR/sign.der" "$offset"))
        expect_has "byte $offset: the search finds it" '^read [1-9]' "$seen"
        expect "byte $offset of the signature certificate: nowhere before it was read, nor after C_Finalize" \
            'before 0,after-finalize 0' "$(grep -E '^(before|after)' <<<"$seen" | paste -sd,)"
    done
}

# The signature password is left out: this module keeps no copy of it.
opensc_for_comparison() {
    local LEAKS=detect_leaks=0
    OPENSC_DEBUG=9 look "$(opensc_module)" auth stranger
    sed 's/^/        OpenSC: /' "$WORK/memory"
    expect_has "OpenSC's module has it after C_Finalize" '^after-finalize [1-9]' \
        "$(cat "$WORK/memory")"
    expect "and in its log" yes "$(has_pin "$SHORT" "$WORK/log" && echo yes || echo no)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    one_of_sanitizer
    pcscd_start
    choose_pin
    one_place_while_it_is_needed
    none_after_its_time
    no_pin_in_logs
    no_wrong_pin_in_logs
    no_certificate_is_left
    opensc_for_comparison
    interop_end
}

main "$@"
