# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# An sshd on the loopback that takes nothing but public keys, and a holder who is asked for the PIN in
# a window. After interop.sh; the card is called card.

readonly PORT=2222

# server_start: an sshd that takes nothing but the public keys in AUTHORIZED.
server_start() {
    local home=$WORK/sshd
    SSHD_LOG=$home/log
    AUTHORIZED=$home/authorized
    mkdir -p "$home" /run/sshd
    chmod 755 /run/sshd
    # Where root's account is locked, sshd takes no key for it.
    sed 's/^root:[^:]*:/root:*:/' /etc/shadow >"$home/shadow"
    chmod 600 "$home/shadow"
    mount --bind "$home/shadow" /etc/shadow
    ssh-keygen -q -t ed25519 -N '' -f "$home/host"
    printf '%s\n' 'ListenAddress 127.0.0.1' "Port $PORT" "HostKey $home/host" 'PidFile none' \
        "AuthorizedKeysFile $AUTHORIZED" 'StrictModes no' 'UsePAM no' 'PermitRootLogin yes' \
        'AuthenticationMethods publickey' 'LogLevel VERBOSE' 'PrintMotd no' >"$home/config"
    printf '%s %s\n' "[127.0.0.1]:$PORT" "$(cut -d' ' -f1,2 "$home/host.pub")" >"$WORK/known"
    : >"$AUTHORIZED"
    "$(command -v sshd)" -D -e -f "$home/config" 2>"$SSHD_LOG" &
    wait_until 10 grep -q 'Server listening' "$SSHD_LOG" || die "sshd: $(cat "$SSHD_LOG")"
}

# askpass_start: askpass writes down each question, and how long the card's log was then.
askpass_start() {
    printf '%s\n' '#!/bin/sh' "printf '%s\\n' \"\$1\" >>'$WORK/asked'" \
        "wc -l <'$(card_log card)' >>'$WORK/asked-at'" "cat '$WORK/pin'" >"$WORK/askpass"
    chmod 700 "$WORK/askpass"
    export SSH_ASKPASS=$WORK/askpass SSH_ASKPASS_REQUIRE=force
    unset SSH_AUTH_SOCK
}

# pin PIN: what the holder types from now on.
pin() {
    printf '%s\n' "$1" >"$WORK/pin"
}

# accepted: so often the server has found a signature of the authentication key right.
accepted() {
    tr -d '\r' <"$SSHD_LOG" | grep -c "^Accepted publickey .*RSA $FINGERPRINT\$" || true
}
