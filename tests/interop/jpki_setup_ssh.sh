#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup ssh, and then ssh itself: it logs in at the servers that were named, offers the card to no
# other, and keeps every option of the holder's where it was.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/setup.sh
. "$ROOT/tests/lib/setup.sh"
# shellcheck source=tests/lib/sshd.sh
. "$ROOT/tests/lib/sshd.sh"

readonly ONE=one.example.jp TWO=two.example.jp OTHER=other.example.jp
CONFIG=

# The holder has a configuration that works at OTHER, by a key in a file. It begins with options for
# every server, and has the one that would leave the card out.
holder_start() {
    login_home "$HOME"
    CONFIG=$HOME/.ssh/config
    mkdir -m 700 "$HOME/.ssh"
    ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/own"
    printf '%s\n' 'IdentitiesOnly yes' 'ServerAliveInterval 7' 'ForwardAgent yes' 'Host *' \
        '    HostName 127.0.0.1' "    Port $PORT" '    User root' \
        "    UserKnownHostsFile $WORK/known" '    GlobalKnownHostsFile none' \
        "Host $OTHER" "    IdentityFile $HOME/.ssh/own" >"$CONFIG"
    chmod 600 "$CONFIG"
    WATCHED=("$HOME")
    askpass_start
    pin "$PIN_AUTH"
}

# log_in SERVER: as the holder does. ssh fails with 255, which elsewhere would be a crash.
log_in() {
    apdu_mark card >"$WORK/began"
    : >"$WORK/asked"
    : >"$WORK/asked-at"
    with_module ssh "$1" 'echo welcome' || return 1
}

# by_card SERVER: one question, and the server has checked the card's signature.
by_card() {
    local before
    before=$(accepted)
    works "login at $1" log_in "$1"
    expect '  the command was run' welcome "$(tail -n 1 <<<"$OUTPUT")"
    expect '  the server has checked the signature' $((before + 1)) "$(accepted)"
    expect '  PIN prompts' 1 "$(wc -l <"$WORK/asked")"
    expect '  VERIFYs' 2 "$(verifies_of auth card "$(cat "$WORK/began")")"
    expect '  none of the other PIN' 0 "$(verifies_of sign card "$(cat "$WORK/began")")"
}

# without_card: since log_in.
without_card() {
    expect '  PIN prompts' 0 "$(wc -l <"$WORK/asked")"
    expect '  APDUs' 0 "$(apdus_since card "$(cat "$WORK/began")")"
}

# options SERVER: all of them, as ssh has understood its configuration.
options() {
    ssh -G "$1"
}

# ours SERVER: those that setup gives to its servers, in the order in which ssh prints them.
ours() {
    options "$1" | grep -iE '^(pkcs11provider|identityagent|identitiesonly|forwardagent) ' | sort |
        paste -sd'|'
}

# others_note, and later others_keep: what ssh makes of the holder's configuration.
others_note() {
    options "$OTHER" >"$WORK/options.other"
    options "$ONE" | grep -viE '^(pkcs11provider|identityagent|identitiesonly|forwardagent) ' \
        >"$WORK/options.one"
}

others_keep() {
    expect '  for another server no option is different' "$(cat "$WORK/options.other")" \
        "$(options "$OTHER")"
    expect '  for this one four are, and no more' "$(cat "$WORK/options.one")" \
        "$(options "$ONE" | grep -viE '^(pkcs11provider|identityagent|identitiesonly|forwardagent) ')"
    expect '  those' \
        "forwardagent no|identitiesonly no|identityagent none|pkcs11provider $MODULES/jpki-pkcs11-auth.so" \
        "$(ours "$ONE")"
}

log_ins() {
    works 'the public key' jpki cert auth --ssh
    printf '%s\n' "$OUTPUT" >"$AUTHORIZED"
    FINGERPRINT=$(openssl x509 -in "$CARD/auth.pem" -noout -pubkey |
        ssh-keygen -i -m PKCS8 -f /dev/stdin | ssh-keygen -lf - | cut -d' ' -f2)
    refused "before, nobody gets in at $ONE" 'Permission denied' log_in "$ONE"
    without_card
    setup_does 'one server' ssh "$ONE"
    expect_has '  it says how to get the public key' '^    jpki cert auth --ssh$' "$OUTPUT"
    expect '  the file keeps its mode' 600 "$(stat -c %a "$CONFIG")"
    by_card "$ONE"
    refused 'another server is not offered the card' 'Permission denied' log_in "$OTHER"
    without_card
    cat "$HOME/.ssh/own.pub" >>"$AUTHORIZED"
    works '  and is reached by the key for it' log_in "$OTHER"
    without_card
    refused 'nor is a second one' 'Permission denied' log_in "$TWO"
    without_card
    ends 0 '  until it is named' setup ssh "$TWO" --yes
    by_card "$TWO"
    by_card "$ONE"
    works '  the other is reached as before' log_in "$OTHER"
    without_card
    setup_undoes ssh
    refused "then nobody gets in at $ONE" 'Permission denied' log_in "$ONE"
    without_card
}

# keeps WHAT LINE...: a configuration of the holder's that begins so.
keeps() {
    local what=$1
    shift
    cp "$CONFIG" "$WORK/own-config"
    printf '%s\n' "$@" "$(cat "$WORK/own-config")" >"$CONFIG"
    others_note
    setup_does "$what" ssh "$ONE"
    others_keep
    setup_undoes ssh
    cp "$WORK/own-config" "$CONFIG"
}

configurations() {
    printf 'LogLevel VERBOSE\n' >"$HOME/.ssh/included"
    keeps 'before options for every server' 'ConnectTimeout 33'
    keeps 'before a Match' "Match host $ONE,$OTHER" '    ConnectTimeout 33'
    keeps 'before an Include' 'Include included' 'ConnectTimeout 33'
    keeps "before a module of the holder's for all servers" 'PKCS11Provider /nowhere/own.so' \
        'IdentityAgent /nowhere/agent'
    expect_has "  which the others keep" '^pkcs11provider /nowhere/own.so$' \
        "$(cat "$WORK/options.other")"
}

changed_since() {
    setup_does 'one server, whose file then changes' ssh "$ONE"
    printf 'Host later\n    Port 2\n' >>"$CONFIG"
    ends 0 '  undone' setup ssh --undo --yes
    expect '  the later lines stay, ours are gone' \
        "$(cat "$WORK/own-config" - <<<$'Host later\n    Port 2')" "$(cat "$CONFIG")"
    cp "$WORK/own-config" "$CONFIG"
}

wrong_names() {
    local name
    for name in "me@$ONE" "ssh://$ONE" "$ONE/x" "$ONE\\" "$ONE,$TWO" "!$ONE" "$ONE#"; do
        setup_refuses "the name $name" 'is no name of a server' ssh "$name"
    done
    setup_refuses 'a name that looks like an option' 'is no name of a server' ssh -- -oProxyCommand=x
    setup_refuses 'one good name, one bad' 'is no name of a server' ssh "$ONE" $'a\nMatch all'
    setup_refuses 'every server' 'would offer the card to every server, and all of them' ssh '*'
    setup_does 'an address' ssh ::1
    expect_has '  ssh takes it so' "$MODULES/jpki-pkcs11-auth.so" "$(ours ::1)"
    setup_undoes ssh
}

# ssh goes by the list of users, and refuses files that others may write to.
places() {
    local kept=$HOME
    HOME=$WORK/elsewhere ends 0 'HOME leads elsewhere' setup ssh "$ONE" --yes
    expect '  nothing is made there but what jpki remembers' .local "$(ls -A "$WORK/elsewhere")"
    expect_has '  ssh has it' "$MODULES/jpki-pkcs11-auth.so" "$(ours "$ONE")"
    HOME=$WORK/elsewhere ends 0 '  undone' setup ssh --undo --yes
    expect '  the file is as before' "$(cat "$WORK/own-config")" "$(cat "$kept/.ssh/config")"
    chmod 666 "$CONFIG"
    setup_refuses 'a file that everybody may write to' 'chmod go-w' ssh "$ONE"
    refused '  so does ssh' 'Bad owner or permissions' log_in "$ONE"
    chmod 600 "$CONFIG"
    chown 65534 "$CONFIG"
    setup_refuses "somebody else's file" "is another user's" ssh "$ONE"
    refused '  so does ssh' 'Bad owner or permissions' log_in "$ONE"
    chown 0 "$CONFIG"
    rm -r "$HOME/.ssh"
    setup_does 'where there is nothing yet' ssh "$ONE"
    expect_has '  ssh has it' "$MODULES/jpki-pkcs11-auth.so" "$(ours "$ONE")"
    setup_undoes ssh
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_root 'sshd changes to users of its own'
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    modules_installed
    server_start
    holder_start
    log_ins
    configurations
    changed_since
    wrong_names
    places
    expect 'all tries are left' '3 5' "$(tries)"
    interop_end
}

main "$@"
