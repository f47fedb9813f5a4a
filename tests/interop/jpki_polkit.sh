#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Where polkit decides who may use the card: the rule of docs/doctor.md with a real polkitd, and what
# jpki doctor says to somebody whom it lets in, or not. A pcscd that asks polkit is needed for the second
# part: the machine's own, if it is built so (Debian 12's is not), or the one that $JPKI_PCSCD names.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

BUS=/run/dbus/system_bus_socket
POLKITD=/usr/lib/polkit-1/polkitd
RULES=/etc/polkit-1/rules.d
ACTIONS=/usr/share/polkit-1/actions

# Two people, of whom none sits at this computer.
people() {
    printf '%s\n' 'hanako:x:2001:2001::/nowhere:/bin/sh' 'taro:x:2002:2002::/nowhere:/bin/sh' >>/etc/passwd
    printf '%s\n' 'hanako:x:2001:' 'taro:x:2002:' >>/etc/group
    install -d -m 755 "$WORK/bin"
    cp "$JPKI" "$WORK/bin/jpki"
    chmod 755 "$SANDBOX" "$WORK"
    install -d -o 2001 "$WORK/hanako"
    install -d -o 2002 "$WORK/taro"
}

# as NAME COMMAND...
as() {
    local name=$1
    shift
    HOME=$WORK/$name XDG_RUNTIME_DIR='' setsid --wait setpriv --reuid "$name" --regid "$name" \
        --clear-groups timeout 60 "$@" </dev/null
}

# The two actions of pcscd, with its defaults: who is not at the computer may do neither.
actions() {
    local action
    mount -t tmpfs tmpfs "$ACTIONS"
    {
        say '<?xml version="1.0" encoding="UTF-8"?><policyconfig>'
        for action in access_pcsc access_card; do
            say "<action id=\"org.debian.pcsc-lite.$action\"><description>d</description><message>m</message>" \
                '<defaults><allow_any>no</allow_any><allow_inactive>no</allow_inactive>' \
                '<allow_active>yes</allow_active></defaults></action>'
        done
        say '</policyconfig>'
    } >"$ACTIONS/org.debian.pcsc-lite.policy"
}

# rules [FILE]: polkitd anew, with these rules and no other.
rules() {
    if [ -n "${POLKIT_PID:-}" ]; then
        kill "$POLKIT_PID"
        wait_until 5 process_gone "$POLKIT_PID"
    fi
    rm -f "$RULES"/*
    [ $# -eq 0 ] || install -m 644 "$1" "$RULES/50-jpki.rules"
    "$POLKITD" --no-debug >>"$SANDBOX/log/polkitd" 2>&1 &
    POLKIT_PID=$!
    disown "$POLKIT_PID"
    wait_until 10 has_polkit || die 'polkitd did not start within 10 seconds'
}

has_polkit() {
    dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
        string:org.freedesktop.PolicyKit1 2>/dev/null | grep 'boolean true' >/dev/null
}

polkit_start() {
    mkdir -p "$(dirname "$BUS")"
    cat >"$WORK/bus.conf" <<END
<busconfig><type>system</type><listen>unix:path=$BUS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
END
    dbus-daemon --config-file="$WORK/bus.conf" --nofork >"$SANDBOX/log/bus" 2>&1 &
    disown $!
    wait_until 10 test -S "$BUS" || die 'the bus did not start within 10 seconds'
    mount -t tmpfs tmpfs /usr/share/polkit-1/rules.d
    actions
    rules
}

# rule_of PAGE: the rule that it shows.
rule_of() {
    sed -n '/^polkit\.addRule/,/^});$/p' "$ROOT/$1"
}

# may NAME ACTION: whether polkit lets a process of NAME do it.
may() {
    local code=0 pid
    rm -f "$WORK/$1/pid"
    # shellcheck disable=SC2016 # for the inner shell
    as "$1" sh -c 'echo $$ >"$HOME/pid" && exec sleep 60' &
    wait_until 5 test -s "$WORK/$1/pid" || return
    pid=$(cat "$WORK/$1/pid")
    pkcheck --action-id "org.debian.pcsc-lite.$2" --process "$pid" 2>&1 || code=$?
    kill "$pid"
    wait $! || true
    return "$code"
}

documented_rule() {
    local action
    rule_of docs/doctor.md >"$WORK/rule"
    expect 'the page shows one rule' 1 "$(grep -c addRule "$WORK/rule")"
    expect 'both pages show the same rule' "$(cat "$WORK/rule")" "$(rule_of docs/ja/doctor.md)"
    for action in access_pcsc access_card; do
        refused "without a rule nobody may ($action)" 'Not authorized' may hanako "$action"
    done
    rules "$WORK/rule"
    for action in access_pcsc access_card; do
        works "with it, the person that it names may ($action)" may hanako "$action"
        refused '  and no other' 'Not authorized' may taro "$action"
    done
}

# ---- with a pcscd that asks polkit ----

# Before 2.0 pcscd -v does not tell it.
asks_polkit() {
    ldd "$1" | grep libpolkit >/dev/null
}

# finds WHAT NAME FINDING: jpki doctor says this, and nothing else is wrong with service and card.
finds() {
    ends 1 "$1" as "$2" "$WORK/bin/jpki" doctor --json
    expect '  that is what is said' "$3" \
        "$(json '" ".join(f["name"] for f in x if not f["good"] and f["name"].split("-")[0] in ("service", "card"))')"
}

with_pcscd() {
    mount --bind "$1" "$(command -v pcscd)"
    rules "$WORK/root-may"
    pcscd_start
    card_new card
    card_insert card 0
    finds 'nobody is let in' hanako service-forbidden
    rules "$WORK/service-only"
    finds 'hanako is let in, but not to the card' hanako card-forbidden
    cat "$WORK/root-may" "$WORK/rule" >"$WORK/both"
    rules "$WORK/both"
    finds 'with the rule of the page' hanako ''
    expect_has '  her card is well' 'good standing' "$OUTPUT"
    finds 'it lets in nobody else' taro service-forbidden
}

make_rules() {
    cat >"$WORK/root-may" <<'END'
polkit.addRule(function(action, subject) {
    if (action.id.indexOf("org.debian.pcsc-lite.") == 0 && subject.user == "root")
        return polkit.Result.YES;
});
END
    cp "$WORK/root-may" "$WORK/service-only"
    cat >>"$WORK/service-only" <<'END'
polkit.addRule(function(action, subject) {
    if (action.id == "org.debian.pcsc-lite.access_pcsc")
        return polkit.Result.YES;
});
END
}

main() {
    local pcscd
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd=${JPKI_PCSCD:-$(command -v pcscd)}
    own_etc
    people
    make_rules
    polkit_start
    documented_rule
    if asks_polkit "$pcscd"; then
        with_pcscd "$pcscd"
    else
        say "This pcscd does not ask polkit: what it answers is imitated in the test jpki_doctor."
    fi
    interop_end
}

main "$@"
