# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The holder's command in the end-to-end tests. After interop.sh.

JPKI=$BUILD/src/cli/jpki

# jpki ARGUMENT...: nothing can be asked, since there is no terminal.
jpki() {
    setsid --wait timeout "${LIMIT:-60}" "$JPKI" "$@" </dev/null
}

# shim KIND ARGUMENT...: jpki, in front of a service that answers so (pcscshim.c).
shim() {
    local kind=$1
    shift
    PCSC_SHIM=$kind LD_PRELOAD=$BUILD/tests/lib/pcscshim.so \
        ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} jpki "$@"
}

# typed ANSWERS ARGUMENT...: jpki on a terminal, where the holder types a line of ANSWERS at each
# question. The questions are counted in $WORK/asked.
typed() {
    local answers=$1
    shift
    : >"$WORK/asked"
    python3 "$ROOT/tests/lib/typist.py" ': $' "$answers" "$(card_log card)" "$WORK/asked" \
        timeout --foreground "${LIMIT:-60}" "$JPKI" "$@" </dev/null
}

# ends CODE WHAT COMMAND...: like works, for a command that is to end with this exit code.
ends() {
    local wanted=$1 what=$2 code=0
    shift 2
    OUTPUT=$("$@" 2>&1) || code=$?
    if [ "$code" -eq "$wanted" ] && ! went_wild 0 "$OUTPUT"; then
        passed "$what"
    else
        failed "$what" "exit code $wanted of: $*" "exit code $code"$'\n'"$OUTPUT"
    fi
}

# asked NUMBER: how often the last typed command did.
asked() {
    expect '  questions to the holder' "$1" "$(wc -l <"$WORK/asked")"
}

# json EXPRESSION: of OUTPUT, which must be JSON; Python's words, OUTPUT being `x`.
json() {
    python3 -c 'import json, sys; x = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1" \
        <<<"$OUTPUT" 2>&1
}

# in_japanese COMMAND...: the translations of the build folder, where the installed ones would be.
in_japanese() {
    LANGUAGE=ja "$@"
}

# own_folder FOLDER: what is made in it from now on is not made on the machine, which keeps what it
# has there in sight.
own_folder() {
    local kept entry
    [ "$1" != / ] || die 'the root folder cannot be replaced: set a prefix whose first folder exists'
    kept=$(mktemp -d "$WORK/own.XXXX")
    mount --rbind "$1" "$kept"
    mount -t tmpfs tmpfs "$1"
    for entry in "$kept"/*; do
        if [ -d "$entry" ] && [ ! -L "$entry" ]; then
            mkdir "$1/${entry##*/}"
            mount --rbind "$entry" "$1/${entry##*/}"
        elif [ -e "$entry" ] || [ -L "$entry" ]; then
            cp -a "$entry" "$1/"
        fi
    done
}

# translations_here: for in_japanese.
translations_here() {
    local place parent
    place=$(strings "$JPKI" | grep '^/.*/share/locale$')
    parent=$place
    while [ ! -d "$parent" ]; do
        parent=$(dirname "$parent")
    done
    if [ "$parent" != "$place" ]; then
        own_folder "$parent"
        mkdir -p "$place"
    fi
    mount --bind "$BUILD/src/cli/po" "$place"
}

# modules_installed: in this little world the modules of the build folder stand where the
# installation puts them, in MODULES.
modules_installed() {
    MODULES=$(strings "$JPKI" | sed -n 's|^\(/.*\)/jpki-pkcs11-auth\.so$|\1|p')
    mount -t tmpfs tmpfs "$MODULES"
    cp "$BUILD"/src/jpki-pkcs11*.so "$MODULES"
}

# login_home FOLDER: the home of root and of nobody, for programs that do not go by HOME.
login_home() {
    local users=$WORK/passwd
    if [ ! -e "$users" ]; then
        cp /etc/passwd "$users"
        mount --bind "$users" /etc/passwd
    fi
    awk -F: -v OFS=: -v home="$1" '$3 == 0 || $3 == 65534 { $6 = home } 1' "$users" >"$users.new"
    cat "$users.new" >"$users" # in place, since it is mounted
}

pin_sent() {
    [ "$(verifies_of "$1" card "$2")" -gt 0 ]
}

# interrupted_at INS TOKEN WHAT ANSWERS ARGUMENT...: jpki on a terminal gets the signal of ^C when the PIN
# of TOKEN was sent and the card takes its time over the command INS, and is expected to end by it, later.
# What it said is in $WORK/cut. Another program is connected, until interrupted_end: otherwise the card
# loses its power with the command that ends.
interrupted_at() {
    local token=$2 what=$3 answers=$4 mark code=0 command
    card_take 0
    card_insert card 0 --fault "ins=$1:1:delay:4000"
    shift 4
    mkfifo "$WORK/hold"
    : >"$WORK/held"
    "$ATTACKER" hold 0 <"$WORK/hold" >"$WORK/held" 2>&1 &
    HOLDER=$!
    exec {HOLD}>"$WORK/hold"
    wait_until 10 grep -q holding "$WORK/held" || die "no other program: $(cat "$WORK/held")"
    printf '#!/bin/sh\necho $$ >%s\nexec %s "$@"\n' "$WORK/pid" "$JPKI" >"$WORK/told"
    chmod +x "$WORK/told"
    mark=$(apdu_mark card)
    JPKI=$WORK/told typed "$answers" "$@" >"$WORK/cut" 2>&1 &
    command=$!
    wait_until 20 pin_sent "$token" "$mark" || die 'no PIN was sent'
    kill -INT "$(cat "$WORK/pid")"
    wait "$command" || code=$?
    expect "$what: it ends by the signal" $((256 - 2)) "$code"
    expect '  while the card was at it' 1 "$(tail -n "+$((mark + 1))" "$(card_log card)" | grep -c '^! delay')"
}

interrupted_end() {
    exec {HOLD}>&-
    wait "$HOLDER"
    rm "$WORK/hold"
    card_take 0
    card_insert card 0
}
