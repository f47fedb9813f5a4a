#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Python with PyKCS11 on the module: the example conf/jpki-sign.py, and what else a program may do
# (lib/python_jobs.py). openssl judges all signatures.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

readonly EXAMPLE=$ROOT/conf/jpki-sign.py
readonly PYTHON=/usr/bin/python3 # Debian's, which PyKCS11 is built for
readonly AFTER_PROMPT=20         # APDUs of the example
readonly EACH=50                 # signatures of each of two programs

# ---- the programs ----

py() {
    with_module "$PYTHON" "$ROOT/tests/lib/python_jobs.py" "$MODULE" "$@"
}

# example PIN: the holder types it.
example() {
    : >"$WORK/asked"
    rm -f "$WORK/example.sig" "$WORK/example.der"
    python3 "$ROOT/tests/lib/typist.py" 'PIN for .*: ' "$1" "$(card_log card)" "$WORK/asked" \
        env LD_PRELOAD="$PRELOAD" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
        "$PYTHON" "$EXAMPLE" "$MODULE_AUTH" "$WORK/long" "$WORK/example.sig" "$WORK/example.der"
}

# ---- the accounts ----

# closed: another program cannot sign.
closed() {
    expect '  the card is closed' 1 "$(raw_apdus 0 00A4040C0AD392F000260100000001 802A00970330313200 |
        grep -c 'SW1=0x69, SW2=0x82')"
}

# same_certificate DER: it is the holder's.
same_certificate() {
    openssl x509 -in "$CARD/auth.pem" -outform DER | cmp - "$1"
}

# ---- what they do ----

the_example() {
    local mark
    mark=$(apdu_mark card)
    works 'the example signs' example "$PIN_AUTH"
    works '  openssl accepts the signature' verify_pss "$CARD/auth.pem" "$WORK/long" "$WORK/example.sig"
    works "  the certificate is the holder's" same_certificate "$WORK/example.der"
    expect '  PIN prompts' 1 "$(wc -l <"$WORK/asked")"
    expect '  VERIFYs' 2 "$(verifies_since card "$mark")"
    expect_at_most '  APDUs from the prompt to the signature' "$AFTER_PROMPT" \
        "$(apdus_since card "$(cat "$WORK/asked")")"
    closed
    refused 'the example, with five digits' 'has four digits' example 12345
    expect '  no try was lost' '3 5' "$(tries)"
    mark=$(apdu_mark card)
    refused 'with a wrong PIN' 'one try was lost' example 9876
    expect '  VERIFYs' 1 "$(verifies_since card "$mark")"
    expect '  one try was lost' '2 5' "$(tries)"
    works 'the right one' example "$PIN_AUTH"
    expect_has '  is told of it' 'a wrong PIN was entered before' "$OUTPUT"
    expect '  all tries are left' '3 5' "$(tries)"
    card_pull 0
    refused 'without the card' 'There is no My Number Card in a reader' example "$PIN_AUTH"
    expect '  it does not ask' 0 "$(wc -l <"$WORK/asked")"
    card_put 0
}

# Nothing more than these flags: CKF_RNG would have some programs fetch random bytes from the card.
lists() {
    local flags=CKF_LOGIN_REQUIRED,CKF_TOKEN_INITIALIZED,CKF_USER_PIN_INITIALIZED serial mark
    mark=$(apdu_mark card)
    works 'tokens' py tokens
    serial=$(cut -d'|' -f3 <<<"$OUTPUT" | sort -u)
    expect_has '  a serial number' '^[0-9A-F]{16}$' "$serial"
    expect '  two tokens, their numbers and flags' "0|$LABEL_AUTH|$serial|$flags
1|$LABEL_SIGN|$serial|$flags" "$OUTPUT"
    works 'the certificate, without login' py certificate "$WORK/read.der"
    expect '  one with this id' 'certificates 1' "$OUTPUT"
    works "  it is the holder's" same_certificate "$WORK/read.der"
    expect '  VERIFYs' 0 "$(verifies_since card "$mark")"
}

# signs WAY COMMAND...: which judges the signature. The ways are those of lib/python_jobs.py.
signs() {
    local way=$1
    shift
    rm -f "$WORK/sig"
    works "signs: $way" py sign "$LABEL_AUTH" "$PIN_AUTH" "$way" "$WORK/long" "$WORK/sig"
    expect '  its key is gone after logout' 'keys after logout 0' "$OUTPUT"
    works '  openssl accepts it' "$@" "$CARD/auth.pem" "$WORK/long" "$WORK/sig"
    closed
}

signatures() {
    signs whole verify_pkcs1 sha256
    signs parts verify_pkcs1 sha256
    signs plain verify_pkcs1 sha256
    signs pss verify_pss
    signs pss-of-hash verify_pss
    local mark
    mark=$(apdu_mark card)
    refused 'PSS with another salt' '^CKR_MECHANISM_PARAM_INVALID' \
        py sign "$LABEL_AUTH" "$PIN_AUTH" pss-other-salt "$WORK/long" "$WORK/sig"
    expect '  nothing is signed' 0 "$(apdu_lines card "$mark" | grep -cE '^802A.{10,}' || true)"
    closed
}

# A login counts for one signature.
signature_key() {
    works 'the signature key' py consent "$PIN_SIGN" "$WORK/short" "$WORK/consent"
    expect '  one login, one signature' 'without consent CKR_USER_NOT_LOGGED_IN' "$OUTPUT"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/consent.1"
    works '  and the one after a context login' \
        verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/consent.2"
    closed
}

wrong_pins() {
    local mark
    mark=$(apdu_mark card)
    works 'wrong PINs' py refused 12345 12a4 4321 4321 4321 "$PIN_AUTH"
    expect '  each has its answer' "CKR_PIN_LEN_RANGE after
CKR_PIN_LEN_RANGE after
CKR_PIN_INCORRECT after
CKR_PIN_INVALID after CKF_USER_PIN_COUNT_LOW
CKR_PIN_INVALID after CKF_USER_PIN_COUNT_LOW
CKR_OK after CKF_USER_PIN_COUNT_LOW" "$OUTPUT"
    expect '  VERIFYs, of the wrong and of the right one' 2 "$(verifies_since card "$mark")"
    expect '  all tries are left' '3 5' "$(tries)"
}

# ---- fork ----

# forks STATE LINE...: what the child says of what it has from its parent; both sign in the end.
forks() {
    local state=$1
    shift
    rm -f "$WORK"/forked.*
    works "fork: $state" py fork "$state" "$PIN_AUTH" "$WORK/short" "$WORK/forked"
    expect '  the child has nothing of its parent, and all of its own' \
        "$(printf '%s\n' 'child lists: CKR_CRYPTOKI_NOT_INITIALIZED' "$@" \
            'child has keys before login: 0' 'child signs by itself')" "$OUTPUT"
    works '  its signature' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/forked.child"
    works "  its parent's" verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/forked.parent"
    closed
}

forking() {
    forks loaded
    forks open
    forks logged-in 'child signs: CKR_CRYPTOKI_NOT_INITIALIZED'
    forks signing 'child signs: CKR_CRYPTOKI_NOT_INITIALIZED'
}

# ---- two programs on one card ----

both_ended() {
    process_gone "$ONE" && process_gone "$TWO"
}

# two_programs JOB: started and waited for. By turns, each gets its turn from the other.
two_programs() {
    local job=$1 one=0 two=0
    rm -rf "$WORK/many"
    mkdir "$WORK/many"
    rm -f "$WORK/turn-of-"*
    mkfifo "$WORK/turn-of-one" "$WORK/turn-of-two"
    # Held open for reading and writing, so that neither waits for the other to open it.
    exec {FIRST}<>"$WORK/turn-of-one" {SECOND}<>"$WORK/turn-of-two"
    program "$job" one "$FIRST" "$SECOND" &
    ONE=$!
    program "$job" two "$SECOND" "$FIRST" &
    TWO=$!
    printf '\n' >&"$FIRST"
    wait "$ONE" || one=$?
    wait "$TWO" || two=$?
    exec {FIRST}>&- {SECOND}>&-
    expect "two programs, $job" '0 0' "$one $two"
    sed 's/^/        /' "$WORK/many/"*.err
}

# program JOB NAME IN OUT
program() {
    timeout 120 env LD_PRELOAD="$PRELOAD" \
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$PYTHON" \
        "$ROOT/tests/lib/python_jobs.py" "$MODULE" "$1" "$2" "$EACH" "$PIN_AUTH" "$WORK/many" \
        <&"$3" >&"$4" 2>"$WORK/many/$2.err"
}

# good_signatures NAME: how many of them openssl accepts.
good_signatures() {
    local message key good=0
    key=$(public_key "$CARD/auth.pem")
    for message in "$WORK/many/$1"-*.message; do
        if openssl dgst -sha256 -verify "$key" -signature "${message%.message}.sig" "$message" >/dev/null; then
            good=$((good + 1))
        fi
    done
    printf '%s\n' "$good"
}

signed_by_both() {
    local name
    for name in one two; do
        expect "  good signatures of program $name" "$EACH" "$(good_signatures "$name")"
        expect '  no key before its own login' "$name keys before login: 0" \
            "$(cat "$WORK/many/$name.log")"
    done
    closed
}

# By turns, the second looks for the key while the first is logged in.
side_by_side() {
    two_programs turns
    signed_by_both
    two_programs many
    signed_by_both
    expect 'all tries are left' '3 5' "$(tries)"
}

# ---- events ----

event() {
    printf '%s\n' "$1" >&"$TELL"
}

# told WHAT LINE: the next line of the program.
told() {
    local line=
    read -r -t 30 -u "$HEAR" line || true
    expect "$1" "$2" "$line"
}

# An event waits: what has happened since the last question is answered at once. Which of the
# reader's two slots comes first is the module's choice.
both_slots() {
    local first='' second=''
    read -r -t 30 -u "$HEAR" first || true
    event "$3"
    read -r -t 30 -u "$HEAR" second || true
    expect "$1" "$2" "$(printf '%s\n' "$first" "$second" | sort | paste -sd,)"
}

hot_plug() {
    card_new other
    mkfifo "$WORK/tell" "$WORK/hear"
    timeout 120 env LD_PRELOAD="$PRELOAD" ASAN_OPTIONS=detect_leaks=0 "$PYTHON" \
        "$ROOT/tests/lib/python_jobs.py" "$MODULE" events <"$WORK/tell" >"$WORK/hear" 2>"$WORK/events.err" &
    local pid=$! code=0
    exec {TELL}>"$WORK/tell" {HEAR}<"$WORK/hear"
    told 'events: two readers have four slots' 'slots 0 1 2 3'
    event ask
    told '  nothing has happened' 'event CKR_NO_EVENT'
    event wait
    card_pull 0
    both_slots '  the card is pulled' 'event 0 empty,event 1 empty' ask
    event ask
    told '  nothing more' 'event CKR_NO_EVENT'
    event wait
    card_insert other 1
    both_slots '  another is put into the other reader' 'event 2 present,event 3 present' wait
    card_put 0
    event wait
    both_slots '  the first is back' 'event 0 present,event 1 present' ask
    event ask
    told '  nothing more' 'event CKR_NO_EVENT'
    card_take 1 # which holds the pipes, too
    exec {TELL}>&- {HEAR}<&-
    wait "$pid" || code=$?
    expect '  the program ends' '0 ' "$code $(cat "$WORK/events.err")"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    if [ -n "$PRELOAD" ]; then
        # PyKCS11 throws exceptions, which the sanitizer looks for when the program begins.
        PRELOAD+=" $(gcc -print-file-name=libstdc++.so.6)"
    fi
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    local mark
    mark=$(apdu_mark card)
    the_example
    lists
    signatures
    wrong_pins
    forking
    side_by_side
    hot_plug
    works 'the signature password was never tried so far' only_pin_of auth card "$mark"
    signature_key
    interop_end
}

main "$@"
