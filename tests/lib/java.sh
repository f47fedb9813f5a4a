# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Debian's Java with the samples, and a Java program that does what a test tells it. After
# interop.sh; the card is the one in CARD_IN_USE.

CARD_IN_USE=card
readonly SAMPLES=$BUILD/conf
JVM_PID=

# java_begin: finds Debian's Java, whatever else is installed, and compiles the program.
java_begin() {
    local compiler
    compiler=$(first_file /usr/lib/jvm/java-17-openjdk-*/bin/javac) ||
        die "Debian's Java is missing: install openjdk-17-jdk-headless"
    JAVA=$(dirname "$compiler")
    # Nothing into the machine's own folders; and a quick start rather than quick work.
    JVM_OPTIONS=("-Djava.io.tmpdir=$WORK" "-Duser.home=$HOME" "-XX:ErrorFile=$WORK/crash"
        -XX:-UsePerfData -XX:TieredStopAtLevel=1 -XX:+UseSerialGC)
    # The JVM has its own handler of bad addresses; and leaks are looked for in our own programs.
    ASAN_IN_JVM=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0:handle_segv=0
    works 'the program compiles' java_tool javac -Xlint:all -Werror -d "$WORK/classes" \
        "$ROOT/tests/lib/java/CardShell.java"
}

# java_tool NAME ARGUMENT...: a tool of the JDK, without the card.
java_tool() {
    local name=$1
    shift
    timeout 60 "$JAVA/$name" "${JVM_OPTIONS[@]/#/-J}" "$@"
}

# at_terminal PIN NAME ARGUMENT...: a tool with the card, where the holder types PIN each time he is
# asked.
at_terminal() {
    local pin=$1 name=$2
    shift 2
    begin
    # shellcheck disable=SC2016 # for the inner shell, whose input is the terminal
    python3 "$ROOT/tests/lib/typist.py" 'Enter (keystore password|Passphrase for keystore): *$' \
        "$pin" "$(card_log "$CARD_IN_USE")" "$WORK/asked" timeout --foreground 60 \
        env LD_PRELOAD="$PRELOAD" ASAN_OPTIONS="$ASAN_IN_JVM" \
        sh -c 'exec "$@" </dev/tty' sh "$JAVA/$name" "${JVM_OPTIONS[@]/#/-J}" "$@" </dev/null
}

# with_key WHICH: sets KEY to the options that keytool and jarsigner want for a key.
with_key() {
    # shellcheck disable=SC2034 # read by the script that sources this file
    KEY=(-keystore NONE -storetype PKCS11 -addprovider SunPKCS11
        -providerArg "$SAMPLES/java-$1.cfg")
}

# ---- a program that goes on line by line ----

# jvm_start WHICH OPTION...: CardShell, with the sample for this key among its providers (or the file
# CONFIG, or nothing if that is empty), after the twelve of java.security; or with the properties in the
# file SECURITY. The options are Java's.
jvm_start() {
    local which=$1
    shift
    begin
    rm -f "$WORK/jvm.in" "$WORK/jvm.out"
    mkfifo "$WORK/jvm.in" "$WORK/jvm.out"
    local config=${CONFIG-$SAMPLES/java-$which.cfg}
    printf '%s\n' "${config:+security.provider.13=SunPKCS11 $config}" >"$WORK/java.security"
    LD_PRELOAD="$PRELOAD${SHIM:+ $SHIM}" ASAN_OPTIONS=$ASAN_IN_JVM \
        "$JAVA/java" "${JVM_OPTIONS[@]}" "$@" \
        -Djava.security.properties="${SECURITY:-$WORK/java.security}" \
        -cp "$WORK/classes" CardShell "SunPKCS11-JPKI-$which" "$(card_log "$CARD_IN_USE")" "$WORK/asked" \
        <"$WORK/jvm.in" >"$WORK/jvm.out" 2>&1 &
    JVM_PID=$!
    exec {JVM_IN}>"$WORK/jvm.in" {JVM_OUT}<"$WORK/jvm.out"
}

# tell COMMAND ARGUMENT...: prints the answer; fails, with the exceptions in the last line, when it
# could not be done.
tell() {
    local line
    printf '%s\n' "$*" >&"$JVM_IN"
    while IFS= read -r -t 60 line <&"$JVM_OUT"; do
        case $line in
            done) return 0 ;;
            'failed '*) printf '%s\n' "$line" && return 1 ;;
            *) printf '%s\n' "$line" ;;
        esac
    done
    return 125 # it has ended, or hangs
}

# jvm_end: by the end of its main method.
jvm_end() {
    local code=0
    printf 'quit\n' >&"$JVM_IN"
    wait_until 20 process_gone "$JVM_PID" || kill -KILL "$JVM_PID"
    wait "$JVM_PID" 2>/dev/null || code=$?
    exec {JVM_IN}>&- {JVM_OUT}<&-
    expect 'the JVM ends well' 0 "$code"
}

# ---- the accounts ----

# begin: counts from here.
begin() {
    apdu_mark "$CARD_IN_USE" >"$WORK/began"
    : >"$WORK/asked"
}

mark() {
    cat "$WORK/began"
}

prompts() {
    wc -l <"$WORK/asked"
}

# signed: signatures that the card has made.
signed() {
    tail -n "+$(($(mark) + 1))" "$(card_log "$CARD_IN_USE")" | grep -cE '^> 802A.* -> .+9000$' || true
}

# cost PROMPTS VERIFYS SIGNATURES [LIMIT]: since begin; LIMIT is for the commands since the prompt.
cost() {
    expect '  PIN prompts' "$1" "$(prompts)"
    expect '  VERIFYs' "$2" "$(verifies_since "$CARD_IN_USE" "$(mark)")"
    expect '  signatures made by the card' "$3" "$(signed)"
    if [ -n "${4:-}" ]; then
        expect_at_most '  APDUs from the prompt to the result' "$4" \
            "$(apdus_since "$CARD_IN_USE" "$(head -n 1 "$WORK/asked")")"
    fi
}
