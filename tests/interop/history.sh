#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: history.sh [ROUNDS]: of killed writers.
#
# The usage history under many writers, killed writers, full and read-only disks; and whether the
# checker, and the command in docs/history.md, see what was done to it.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

readonly WRITER=$BUILD/tests/unit/history_writer
readonly WRITERS=8 LINES_EACH=500 CUTS=50

# fresh: an empty state folder.
fresh() {
    rm -rf "$HOME/.local"
    STATE=$HOME/.local/state/jpki-pkcs11
    HISTORY=$STATE/history.jsonl
}

check() {
    "$ROOT/tests/lib/check_history.py" "$HISTORY"
}

# add COUNT
add() {
    "$WRITER" add file "$1"
}

# bytes_of FILE
bytes_of() {
    stat -c %s "$1"
}

# ended_well WHAT PID
ended_well() {
    local code=0
    wait "$2" || code=$?
    expect "$1" 0 "$code"
}

one_line() {
    fresh
    works 'one event is recorded' add 1
    expect 'a mode for its holder alone' 600 "$(stat -c %a "$HISTORY")"
    expect 'a sound history of one line' '1 whole, 0 mended' "$(check)"
    expect 'the program is named' "$(realpath "$WRITER")" \
        "$(python3 -c 'import json, sys; print(json.loads(sys.stdin.read())["program"])' <"$HISTORY")"
    expect_at_most 'bytes of a line' 450 "$(bytes_of "$HISTORY")"
    works 'with standard input, output and error closed' \
        bash -c "'$WRITER' add file 1 <&- >&- 2>&-"
    expect 'both lines' '2 whole, 0 mended' "$(check)"
}

many_writers() {
    local number
    local -a writers=()
    fresh
    for ((number = 0; number < WRITERS; number++)); do
        "$WRITER" add file "$LINES_EACH" >"$WORK/writer$number" 2>&1 &
        writers+=($!)
    done
    for number in "${!writers[@]}"; do
        ended_well "writer $number has recorded all" "${writers[number]}"
    done
    expect "$WRITERS programs at once" "$((WRITERS * LINES_EACH)) whole, 0 mended" "$(check)"
}

history_size() {
    stat -c %s "$HISTORY" 2>/dev/null || echo 0
}

is_longer_than() {
    [ "$(history_size)" -gt "$1" ]
}

# Two programs at once, killed wherever they are; every other pair when it has begun to write, however
# slow the machine is.
killed_writers() {
    local round size rounds=${1:-50}
    local -a writers
    fresh
    for ((round = 0; round < rounds; round++)); do
        size=$(history_size)
        writers=()
        for _ in 1 2; do
            "$WRITER" add file 1000000 >/dev/null 2>&1 &
            writers+=($!)
        done
        disown "${writers[@]}" # bash need not report that they are killed
        if ((round % 2)); then
            wait_until 20 is_longer_than "$size" || true
        fi
        sleep "0.0$((RANDOM % 40 + 10))"
        kill -KILL "${writers[@]}"
        wait_until 5 process_gone "${writers[0]}"
        wait_until 5 process_gone "${writers[1]}"
    done
    works "after $rounds times two killed programs, a line is recorded" add 1
    works '  and the history is sound' check
    say "        $OUTPUT"
    works '  and was written to' test "$(wc -l <"$HISTORY")" -gt "$((rounds / 2))"
}

# What is left of a last line when its writer is ended in the middle of it.
torn_lines() {
    local round
    fresh
    add 3 >/dev/null
    for ((round = 0; round < CUTS; round++)); do
        truncate -s "-$((RANDOM % 200 + 1))" "$HISTORY"
        add 2 >/dev/null 2>&1 || true
    done
    expect_has "$CUTS torn lines are mended" "^[0-9]+ whole, $CUTS mended$" "$(check)"
    truncate -s -20 "$HISTORY"
    expect_has 'an unfinished last line is no damage' 'the last line is unfinished$' "$(check)"
    OUTPUT=$(add 1 2>&1)
    expect_has 'the program that mends says so' 'warning: .*left unfinished' "$OUTPUT"
}

# changed WHAT COMMAND...: the checker and the documented command see what COMMAND does.
changed() {
    local what=$1
    shift
    fresh
    add 9 >/dev/null
    works "  sound before: $what" check
    expect '  so says the documented command' '' "$(documented_command)"
    "$@" "$HISTORY"
    refused "seen: $what" 'line [0-9]+:' check
    expect_has '  and by the documented command' '^line [0-9]+' "$(documented_command)"
}

# The first block of commands in the documentation, as it stands there.
documented_command() {
    awk '/^```sh/ { inside = 1; next } /^```/ { if (inside) exit } inside' \
        "$ROOT/docs/history.md" >"$WORK/command"
    [ -s "$WORK/command" ] || die 'docs/history.md has no command'
    bash "$WORK/command"
}

damage() {
    changed 'a letter changed' sed -i '4s/"tries":3/"tries":2/'
    changed 'the hash of a line changed' sed -i '4s/"prev":"./"prev":"g/'
    changed 'a line taken out' sed -i '4d'
    changed 'the first line taken out' sed -i '1d'
    changed 'a line doubled' sed -i '4p'
    changed 'two lines exchanged' sed -i '4{h;d};5G'
    changed 'an empty line' sed -i '4G'
    fresh
    add 9 >/dev/null
    sed -i '$d' "$HISTORY"
    expect 'not seen, as documented: the end cut off' '8 whole, 0 mended' "$(check)"
}

full_disk() {
    local before recorded
    fresh
    mkdir -p "$HOME/.local/state"
    mount -t tmpfs -o size=16k tmpfs "$HOME/.local/state"
    recorded=$(add 200 2>"$WORK/said" || true)
    works 'a full disk: some are recorded, not all' test "$recorded" -gt 10 -a "$recorded" -lt 100
    expect_has '  the log says why' 'only a part of the line has room|No space left' \
        "$(cat "$WORK/said")"
    expect '  those stand whole' "$recorded whole, 0 mended" "$(check)"
    before=$(bytes_of "$HISTORY")
    refused '  one more is refused' 'cannot be written' add 1
    expect '  and leaves nothing' "$before" "$(bytes_of "$HISTORY")"
    mount -o remount,size=64k "$HOME/.local/state"
    works '  with room again, it goes on' add 5
    expect '  in the same chain' "$((recorded + 5)) whole, 0 mended" "$(check)"
    mount -o remount,ro "$HOME/.local/state"
    refused 'a read-only disk: refused' 'Read-only file system' add 1
    refused '  which can be known before' 'Read-only file system' "$WRITER" ready file
    umount "$HOME/.local/state"
}

file_size_limit() {
    local recorded
    fresh
    recorded=$( (ulimit -f 4 && add 100 2>/dev/null) || true)
    works 'a limit on file sizes: some are recorded' test "$recorded" -gt 3 -a "$recorded" -lt 50
    expect '  those stand whole' "$recorded whole, 0 mended" "$(check)"
}

moved_away() {
    fresh
    add 3 >/dev/null
    mv "$HISTORY" "$STATE/old.jsonl"
    add 2 >/dev/null
    expect 'moved away: a new one begins' '2 whole, 0 mended' "$(check)"
    HISTORY=$STATE/old.jsonl
    expect '  and the old one is as it was' '3 whole, 0 mended' "$(check)"
}

# A /dev of our own, in which a system log can be put.
own_dev() {
    local name
    mkdir "$WORK/dev"
    mount -t tmpfs tmpfs "$WORK/dev"
    for name in null zero full random urandom; do
        touch "$WORK/dev/$name"
        mount --bind "/dev/$name" "$WORK/dev/$name"
    done
    ln -s /proc/self/fd "$WORK/dev/fd"
    mount --rbind "$WORK/dev" /dev
}

# Prints the datagrams that come to /dev/log, until one second passes without any.
system_log() {
    python3 - <<'PYTHON'
import socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
log.settimeout(10)
try:
    while True:
        print(log.recv(4096).decode("utf-8"), flush=True)
        log.settimeout(1)
except TimeoutError:
    pass
PYTHON
}

to_system_log() {
    local listener
    own_dev
    fresh
    refused 'no system log: refused' 'cannot be sent to the system log at /dev/log' \
        "$WRITER" add syslog
    refused '  which can be known before' 'cannot be sent' "$WRITER" ready syslog
    system_log >"$WORK/datagrams" &
    listener=$!
    wait_until 5 test -S /dev/log
    works 'the system log is ready' "$WRITER" ready syslog
    works 'three events are sent' "$WRITER" add syslog 3
    ended_well 'the log has ended' "$listener"
    expect 'three datagrams' 3 "$(wc -l <"$WORK/datagrams")"
    expect 'each with priority, time, name, and JSON' 3 "$(grep -cE \
        '^<85>[A-Z][a-z]{2} [ 1-3][0-9] [0-9:]{8} jpki-pkcs11\[[0-9]+\]: \{"time":.*"tries":3\}$' \
        "$WORK/datagrams")"
    works 'which Python reads' python3 -c \
        'import json, sys; [json.loads(line.split(": ", 1)[1]) for line in sys.stdin]' \
        <"$WORK/datagrams"
    expect 'and no file is made' no "$(if [ -e "$STATE" ]; then echo yes; else echo no; fi)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_file 'the history writer' "$WRITER"
    one_line
    many_writers
    killed_writers "$@"
    torn_lines
    damage
    full_disk
    file_size_limit
    moved_away
    to_system_log
    interop_end
}

main "$@"
