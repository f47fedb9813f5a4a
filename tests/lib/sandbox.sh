# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A little world for one end-to-end test: its own mounts, network and processes, with its own pcscd
# and up to two virtual cards, or sixteen after sandbox_readers. The machine's pcscd, readers, settings
# and home folders are out of reach, several worlds live side by side, and when the script ends all its
# processes end with it. After common.sh.

SANDBOX=/run/jpki   # everything that belongs to the test; gone with it
PCSCD_PID=
PCSCD_PORTS=    # of the virtual readers, as a pattern
PCSCD_READERS=0 # how many these are
declare -A CARD_PID=()  # by number of the reader, from 0
declare -A CARD_NAME=()
SANDBOX_FAULTS=0        # services that ended badly
CARDS_MADE=0

# sandbox_enter SCRIPT ARGUMENT...: comes back inside a fresh world, by starting SCRIPT again in it.
sandbox_enter() {
    if [ "${JPKI_SANDBOX:-}" = entering ]; then
        sandbox_furnish
        return 0
    fi
    local -a how=(--mount --net --pid --fork --kill-child --mount-proc)
    if [ "$(id -u)" -ne 0 ]; then
        how=(--map-root-user "${how[@]}")
    fi
    local program refusal
    for program in unshare mount ip pcscd; do
        command -v "$program" >/dev/null || die "$program is missing: tests/lib/packages has its package"
    done
    if ! refusal=$(unshare "${how[@]}" true 2>&1); then
        warn "$refusal"
        warn "This test needs namespaces of its own, which this user or container may not make."
        warn "Run it as root (sudo $1), in a container with --privileged."
        exit 77 # Meson's sign for a test that could not be run
    fi
    JPKI_SANDBOX=entering exec unshare "${how[@]}" -- bash "$@"
}

# is_root: whether the world has other users, too. Where not, root is only somebody's name.
is_root() {
    [ "$(awk 'NR == 1 { print $3 }' /proc/self/uid_map)" -ne 1 ]
}

# need_root WHY: ends the script, as one that could not be run, where there are none.
need_root() {
    if ! is_root; then
        warn "$1, so this test has to be run as root."
        exit 77
    fi
}

# Runs as process 1 of the new world.
sandbox_furnish() {
    export JPKI_SANDBOX=inside
    trap sandbox_leave EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    ip link set lo up
    mount -t tmpfs tmpfs /run
    # No udev, D-Bus or polkit is left: pcscd then goes by the user id alone, which is root's.
    mkdir -p /run/pcscd "$SANDBOX"/{home,runtime,tmp,cards,readers,log}
    chmod 700 "$SANDBOX/runtime"
    chmod 1777 "$SANDBOX/tmp"
    sandbox_hide_machine
    sandbox_environment
    export PIN_AUTH=1234 PIN_SIGN=ABC123
}

# Nothing that the caller has set for his own programs changes what a test's programs do, and they
# leave nothing behind: neither in /tmp nor, as Python would, beside our files.
sandbox_environment() {
    unset "${!XDG_@}" "${!JPKI_PKCS11_@}" "${!MOZ_@}" LISTEN_FDS LISTEN_PID OPENSC_CONF OPENSC_DEBUG
    unset {http,https,all,no}_proxy {HTTP,HTTPS,ALL,NO}_PROXY
    unset OPENSSL_CONF SSLKEYLOGFILE WAYLAND_DISPLAY JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS
    export HOME=$SANDBOX/home XDG_CACHE_HOME=$SANDBOX/cache XDG_RUNTIME_DIR=$SANDBOX/runtime
    export TMPDIR=$SANDBOX/tmp
    export LC_ALL=C.UTF-8 TZ=UTC
    export DBUS_SESSION_BUS_ADDRESS=disabled: PYTHONDONTWRITEBYTECODE=1
}

# The machine's real readers, and a settings file for the module, must not change a test.
sandbox_hide_machine() {
    local drivers=/usr/lib/pcsc/drivers
    cp "$drivers/serial/libifdvpcd.so" "$SANDBOX/" ||
        die "the driver of virtual readers is missing: install vsmartcard-vpcd"
    mount -t tmpfs tmpfs "$drivers"
    sandbox_readers 2
    if [ -e /etc/jpki-pkcs11.conf ]; then
        mount --bind /dev/null /etc/jpki-pkcs11.conf
    fi
}

# sandbox_readers NUMBER: an even number of virtual readers, at most 16, for the next pcscd_start. vpcd
# has two to a driver, each at the next port, and keeps their state in the library: each pair needs a copy.
sandbox_readers() {
    local pair port name='Virtual PCD' ports=()
    PCSCD_READERS=$1
    : >"$SANDBOX/readers/vpcd"
    for ((pair = 0; pair < $1 / 2; pair++)); do
        printf -v port '%04X' $((0x8C7B + 2 * pair))
        ports+=("$port" "$(printf '%04X' $((0x$port + 1)))")
        cp -n "$SANDBOX/libifdvpcd.so" "$SANDBOX/libifdvpcd-$pair.so"
        printf '%s\n' "FRIENDLYNAME \"$name\"" "DEVICENAME /dev/null:0x$port" \
            "LIBPATH $SANDBOX/libifdvpcd-$pair.so" "CHANNELID 0x$port" >>"$SANDBOX/readers/vpcd"
        name="Virtual PCD $((pair + 2))" # a name that is there twice is one reader for programs
    done
    PCSCD_PORTS="($(IFS='|' && printf '%s' "${ports[*]}"))"
}

# The trap at the end: services end in order, so that their own sanitizers can speak.
sandbox_leave() {
    local code=$?
    trap - EXIT
    sandbox_stop
    if [ "$code" -eq 0 ] && [ "$SANDBOX_FAULTS" -gt 0 ]; then
        code=1
    fi
    exit "$code"
}

sandbox_stop() {
    local reader
    for reader in "${!CARD_PID[@]}"; do
        card_end "$reader"
    done
    pcscd_stop TERM
}

# service_ends NAME PID LOG: waits for a process that has been told to end, and looks whether it
# ended well.
service_ends() {
    local name=$1 pid=$2 log=$3 code=0
    wait_until 5 process_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || code=$?
    if { [ "$code" -ne 0 ] && [ "$code" -ne 143 ]; } ||
        grep -qE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$log"; then
        warn "$name ended badly (exit code $code); its last lines:"
        tail -n 40 "$log" >&2
        SANDBOX_FAULTS=$((SANDBOX_FAULTS + 1))
    fi
}

# A zombie is gone too: only its exit code is left.
process_gone() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
    [ -z "$state" ] || [ "$state" = Z ]
}

# pcscd_start: ready for clients and virtual cards when it returns.
pcscd_start() {
    mkdir -p /run/pcscd
    # Of one that was killed, the first thread may be a zombie while another still holds the ports.
    wait_until 10 pcscd_ports_free || die "the ports of the virtual readers are taken"
    pcscd --foreground --config "$SANDBOX/readers" >>"$SANDBOX/log/pcscd" 2>&1 &
    PCSCD_PID=$!
    disown "$PCSCD_PID" # bash need not report that a test has killed it
    if ! wait_until 10 pcscd_ready; then
        cat "$SANDBOX/log/pcscd" >&2
        die "pcscd did not start within 10 seconds"
    fi
}

pcscd_ports_free() {
    ! grep -qE ":$PCSCD_PORTS 0{8}:0{4} 0A " /proc/net/tcp
}

# vpcd's ports, from 35963 on, are listening, and so is pcscd's own socket.
pcscd_ready() {
    [ -S /run/pcscd/pcscd.comm ] &&
        [ "$(grep -cE ":$PCSCD_PORTS 0{8}:0{4} 0A " /proc/net/tcp)" -eq "$PCSCD_READERS" ]
}

# pcscd_stop SIGNAL: with KILL it leaves its socket behind, as after a crash.
pcscd_stop() {
    if [ -n "$PCSCD_PID" ]; then
        kill -"$1" "$PCSCD_PID" 2>/dev/null || true
        wait_until 5 process_gone "$PCSCD_PID" || kill -KILL "$PCSCD_PID" 2>/dev/null || true
        PCSCD_PID=
    fi
}

card_dir() {
    printf '%s\n' "$SANDBOX/cards/$1"
}

# The APDUs of the card NAME, over all its insertions.
card_log() {
    printf '%s\n' "$SANDBOX/log/$1.apdu"
}

# card_new NAME OPTION...: makes a card; the options are those of `jpki-vcard new`. As long as there are
# keys that no card of this world has, it gets ready ones, which saves seconds.
card_new() {
    local name=$1 keys=$BUILD/tests/keys-$CARDS_MADE
    shift
    need_file 'the virtual card' "$VCARD"
    CARDS_MADE=$((CARDS_MADE + 1))
    if [ -d "$keys" ]; then
        set -- --keys "$keys" "$@"
    fi
    "$VCARD" new "$(card_dir "$name")" "$@" >"$SANDBOX/log/$name.new" 2>&1 || {
        cat "$SANDBOX/log/$name.new" >&2
        die "jpki-vcard new $* failed"
    }
    : >"$(card_log "$name")"
}

# card_insert NAME READER OPTION...: puts a card into a reader; the options are those of
# `jpki-vcard run`. Returns when pcscd has seen it.
card_insert() {
    local name=$1 reader=$2
    shift 2
    "$VCARD" run "$(card_dir "$name")" --port $((35963 + reader)) --log "$(card_log "$name")" "$@" \
        >>"$SANDBOX/log/$name.run" 2>&1 &
    CARD_PID[$reader]=$!
    CARD_NAME[$reader]=$name
    await_reader "$reader" present
}

# card_pull READER and card_put READER: out of the reader, and the same card in again.
card_pull() {
    kill -USR1 "${CARD_PID[$1]}"
    await_reader "$1" empty
}

card_put() {
    kill -USR2 "${CARD_PID[$1]}"
    await_reader "$1" present
}

# card_end READER: ends the process of a card. What the card has counted stays in its folder.
card_end() {
    local pid=${CARD_PID[$1]} name=${CARD_NAME[$1]}
    unset "CARD_PID[$1]" "CARD_NAME[$1]"
    kill -TERM "$pid" 2>/dev/null || true
    service_ends "the virtual card $name" "$pid" "$SANDBOX/log/$name.run"
}

# card_take READER: takes the card away for good; returns when pcscd has seen it.
card_take() {
    card_end "$1"
    await_reader "$1" empty
}

# await_reader READER present|empty: until pcscd says so. Sends nothing to the card.
await_reader() {
    need_file 'the reader watcher' "$READERS"
    if ! "$READERS" wait "$1" "$2" 10; then
        warn "reader $1 is not $2 after 10 seconds; the readers are:"
        "$READERS" list >&2 || true
        tail -n 20 "$SANDBOX/log/${CARD_NAME[$1]:-none}.run" >&2 2>/dev/null || true
        exit 1
    fi
}

# apdu_mark NAME: a place in the log of the card, for the two counters below.
apdu_mark() {
    wc -l <"$(card_log "$1")"
}

# apdu_lines NAME MARK: the commands sent since MARK, in hexadecimal, one a line.
apdu_lines() {
    tail -n "+$(($2 + 1))" "$(card_log "$1")" | sed -n 's/^> *\([0-9A-F*]*\).*/\1/p'
}

# apdus_since NAME MARK
apdus_since() {
    apdu_lines "$1" "$2" | wc -l
}

# verifies_since NAME MARK: VERIFY commands that carry a PIN. An empty one only asks for the tries
# left; the log blanks the PIN's bytes, so only the length of the line is looked at.
verifies_since() {
    apdu_lines "$1" "$2" | grep -cE '^0020.{7,}' || true
}

# verifies_of WHICH NAME MARK: those of them that carry the PIN of one key, auth or sign. A VERIFY
# names the PIN's file by its short identifier, or means the one that is selected (P2 = 80): so the log
# is followed from its beginning.
verifies_of() {
    local -A reference=([auth]=98 [sign]=9B)
    awk -v wanted="${reference[$1]}" -v mark="$3" '
        # selected: the reference of the current file, if it is one of those with a short identifier.
        /^= / { selected = "" }
        /^> 00A402/ && $4 ~ /9000$/ { selected = $2 ~ /^00A402..02001/ ? "9" substr($2, 14, 1) : "" }
        /^> 00A40[^2]/ && $4 ~ /9000$/ { selected = "" }
        /^> 00B0[89]/ { selected = substr($2, 5, 2) }
        /^> 0020/ && NR > mark && length($2) > 10 {
            p2 = substr($2, 7, 2)
            found += (p2 == "80" ? selected : p2) == wanted
        }
        END { print found + 0 }' "$(card_log "$2")"
}

# only_pin_of WHICH NAME MARK: since MARK a PIN was shown to the card, and never one but that of this
# key. Says what it has counted.
only_pin_of() {
    local all own
    all=$(verifies_since "$2" "$3")
    own=$(verifies_of "$1" "$2" "$3")
    printf '%s\n' "VERIFYs: $all, of this PIN: $own"
    [ "$own" -gt 0 ] && [ "$own" -eq "$all" ]
}

# The tries left, of the authentication PIN and of the signature PIN, of the card in reader 0, which may
# be pulled.
tries() {
    "$VCARD" status "$(card_dir "${CARD_NAME[0]}")" | sed -n 's/^.* PIN: \([0-9]*\) of.*/\1/p' | paste -sd' '
}

# raw_apdus READER HEX...: sends bytes to the card with nothing in between.
raw_apdus() {
    local reader=$1 apdu
    local -a arguments=()
    shift
    for apdu in "$@"; do
        arguments+=(--send-apdu "$apdu")
    done
    opensc-tool --reader "$reader" --card-driver default "${arguments[@]}" 2>&1
}
