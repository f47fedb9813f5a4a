#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# OpenSSH logs in with the card at a server of its own on the loopback: by PKCS11Provider as the
# sample conf/ssh_config has it, by -I, through the agent, and under git. What the holder is asked
# and what the card is sent are counted; the server says whose signature it has checked.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/sshd.sh
. "$ROOT/tests/lib/sshd.sh"

readonly HOST=server.example.jp
readonly SAMPLE=$BUILD/conf/ssh_config
readonly AFTER_PROMPT=20 IN_ALL=40 # APDUs that one login may take

# ---- the world: the modules at their place, a server, a holder ----

# The modules come where the sample has them, in this world alone. ELSEWHERE is left as it was.
modules_at_their_place() {
    local place
    place=$(sed -n 's/^ *PKCS11Provider \(.*\)\/jpki-pkcs11-auth\.so$/\1/p' "$SAMPLE")
    [ -d "$place" ] || die "$SAMPLE names a module in '$place', which is no folder"
    mount -t tmpfs tmpfs "$place"
    cp "$MODULE" "$MODULE_AUTH" "$MODULE_SIGN" "$place/"
    ELSEWHERE=$(realpath "$MODULE_AUTH")
    MODULE=$place/jpki-pkcs11.so
    MODULE_AUTH=$place/jpki-pkcs11-auth.so
    MODULE_SIGN=$place/jpki-pkcs11-sign.so
}

# The sample comes first in the holder's configuration; what belongs to this world alone is below it.
holder_start() {
    askpass_start
    printf '%s\n' 'Host *' 'HostName 127.0.0.1' "Port $PORT" 'User root' 'IdentityFile none' \
        "UserKnownHostsFile $WORK/known" 'GlobalKnownHostsFile none' >"$WORK/plain"
    printf 'Include %s\n' "$SAMPLE" "$WORK/plain" >"$WORK/config"
    HISTORY=$HOME/.local/state/jpki-pkcs11/history.jsonl
    pin "$PIN_AUTH"
}

# ---- the programs ----

# login_by CONFIG OPTION...: what the server says when the login has worked. ssh fails with 255,
# which elsewhere would be a crash.
login_by() {
    local config=$1 code=0
    shift
    with_module ssh -F "$config" "$@" "$HOST" 'echo welcome' || code=$?
    if [ "$code" -eq 255 ]; then
        code=1
    fi
    return "$code"
}

by_sample() {
    login_by "$WORK/config" "$@"
}

by_option() {
    login_by "$WORK/plain" -I "$@"
}

by_agent() {
    login_by "$WORK/plain"
}

# agent_start OPTION...: the installed agent belongs to a group of its own, so that a sanitizer's
# library would not be loaded before it; then a copy of it is used.
agent_start() {
    local agent
    agent=$(command -v ssh-agent)
    if [ -n "$PRELOAD" ]; then
        cp "$agent" "$WORK/agent"
        agent=$WORK/agent
    fi
    export SSH_AUTH_SOCK=$WORK/agent.socket
    rm -f "$SSH_AUTH_SOCK"
    LD_PRELOAD=$PRELOAD ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
        "$agent" -D -a "$SSH_AUTH_SOCK" "$@" >"$WORK/agent.log" 2>&1 &
    AGENT_PID=$!
    wait_until 10 test -S "$SSH_AUTH_SOCK" || die "ssh-agent: $(cat "$WORK/agent.log")"
}

agent_end() {
    kill "$AGENT_PID"
    wait "$AGENT_PID" 2>/dev/null || true
    expect_has_not 'the agent and its helper ended well' 'Sanitizer|runtime error' \
        "$(cat "$WORK/agent.log")"
    unset SSH_AUTH_SOCK
}

# add OPTION... and drop MODULE: the agent's helper loads the module, not ssh-add.
add() {
    timeout 60 ssh-add "$@" </dev/null
}

drop() {
    add -e "$1"
}

# ---- the accounts ----

begin() {
    MARK=$(apdu_mark card)
    : >"$WORK/asked"
    : >"$WORK/asked-at"
}

prompts() {
    wc -l <"$WORK/asked"
}

# line_of NAME: what a signature by this program looks like in the history.
line_of() {
    printf '"program":"[^"]*%s",.*"operation":"sign",.*"result":"CKR_OK"' "$1"
}

# cost PROMPTS VERIFYS [LIMIT]: since begin.
cost() {
    expect '  PIN prompts' "$1" "$(prompts)"
    expect '  VERIFYs' "$2" "$(verifies_since card "$MARK")"
    if [ "$1" -gt 0 ]; then
        expect_at_most '  APDUs from the prompt to the result' "${3:-$AFTER_PROMPT}" \
            "$(apdus_since card "$(tail -n 1 "$WORK/asked-at")")"
    fi
    expect_at_most '  APDUs in all' "$IN_ALL" "$(apdus_since card "$MARK")"
}

# logs_in WHAT PROMPTS VERIFYS COMMAND...: gets in, by the signature of the card's authentication key.
logs_in() {
    local what=$1 prompts=$2 verifies=$3 before
    shift 3
    before=$(accepted)
    begin
    works "$what" "$@"
    expect '  the command was run' welcome "$(tail -n 1 <<<"$OUTPUT")"
    expect '  the server has checked the signature' $((before + 1)) "$(accepted)"
    cost "$prompts" "$verifies"
}

# ---- what they do ----

# The expected key comes from the card's folder, by openssl.
public_keys() {
    local key
    openssl x509 -in "$CARD/auth.pem" -noout -pubkey >"$WORK/auth.pub"
    key=$(ssh-keygen -i -m PKCS8 -f "$WORK/auth.pub")
    FINGERPRINT=$(ssh-keygen -lf - <<<"$key" | cut -d' ' -f2)
    begin
    works 'ssh-keygen -D, authentication module' with_module ssh-keygen -D "$MODULE_AUTH"
    cost 0 0
    expect "  the first key is the holder's" "$key" "$(head -n 1 <<<"$OUTPUT" | cut -d' ' -f1,2)"
    expect "  the other is the CA's" 2 "$(grep -c '^ssh-rsa' <<<"$OUTPUT")"
    # As docs/openssh.md has it.
    head -n 1 <<<"$OUTPUT" >"$WORK/card.pub"
    cp "$WORK/card.pub" "$AUTHORIZED"
    begin
    works 'ssh-keygen -D, both tokens' with_module ssh-keygen -D "$MODULE"
    cost 0 0
    expect '  the same key' "$key" "$(head -n 1 <<<"$OUTPUT" | cut -d' ' -f1,2)"
    begin
    works 'ssh-keygen -D, signature module' with_module ssh-keygen -D "$MODULE_SIGN"
    cost 0 0
    openssl x509 -in "$CARD/sign.pem" -noout -pubkey >"$WORK/sign.pub"
    expect "  never the holder's signature key" 0 \
        "$(grep -cF "$(ssh-keygen -i -m PKCS8 -f "$WORK/sign.pub")" <<<"$OUTPUT" || true)"
}

# ssh logs in to the card once and signs once, each with the PIN: two VERIFYs.
without_agent() {
    logs_in 'login by the sample' 1 2 by_sample
    expect '  it asked for the right token' "Enter PIN for '$LABEL_AUTH': " "$(cat "$WORK/asked")"
    logs_in 'login by ssh -I' 1 2 by_option "$MODULE_AUTH"
    logs_in 'login with both tokens in the module' 1 2 by_option "$MODULE"
    logs_in 'with rsa-sha2-256' 1 2 by_sample -o PubkeyAcceptedAlgorithms=rsa-sha2-256
    logs_in 'with rsa-sha2-512' 1 2 by_sample -o PubkeyAcceptedAlgorithms=rsa-sha2-512
    refused 'IdentitiesOnly leaves the card out' 'Permission denied' by_sample -o IdentitiesOnly=yes
    logs_in '  but where its key is named' 1 2 by_sample -o IdentitiesOnly=yes \
        -o IdentityFile="$WORK/card.pub"
    card_pull 0
    begin
    refused 'the card is out' 'Permission denied \(publickey\)' by_sample
    cost 0 0
    card_put 0
    logs_in 'the card is in again' 1 2 by_sample
    expect_has 'the history names ssh' "$(line_of /ssh)" "$(cat "$HISTORY")"
}

wrong_pins() {
    begin
    pin 12345
    refused 'a PIN of five digits' 'Permission denied \(publickey\)' by_sample
    cost 1 0
    pin 9876
    begin
    refused 'a wrong PIN' 'Permission denied \(publickey\)' by_sample
    cost 1 1
    expect '  one try was lost' '2 5' "$(tries)"
    pin "$PIN_AUTH"
    logs_in 'the right one' 1 2 by_sample
    expect '  all tries are left' '3 5' "$(tries)"
}

# With a PIN pad ssh leaves the question to the reader, which asks once, at the signature.
on_pinpad() {
    printf '%s\n' "$PIN_AUTH" "$PIN_AUTH" >"$WORK/types"
    : >"$WORK/pad"
    local plain=$PRELOAD
    PRELOAD="$plain $PADSHIM"
    export PAD_TYPES=$WORK/types PAD_LOG=$WORK/pad
    logs_in 'with a PIN pad: ssh does not ask' 0 1 by_sample
    PRELOAD=$plain
    unset PAD_TYPES PAD_LOG
    expect '  the reader does, once' 1 "$(grep -c '^PIN' "$WORK/pad")"
}

# By itself the agent loads what is installed, and nothing else.
agent_allows() {
    agent_start
    begin
    refused 'the agent takes no module from elsewhere' 'agent refused operation' add -s "$ELSEWHERE"
    cost 1 0
    works 'it takes the installed one' add -s "$MODULE_AUTH"
    agent_end
    agent_start -P "$(dirname "$ELSEWHERE")/*"
    works 'with -P it takes the one from elsewhere' add -s "$ELSEWHERE"
    logs_in '  and logs in with it' 0 1 by_agent
    agent_end
}

agent() {
    agent_start
    begin
    # It asks first, and then reads the certificates.
    works 'ssh-add -s' add -s "$MODULE_AUTH"
    cost 1 1 "$IN_ALL"
    expect '  the agent has the key' "$FINGERPRINT" "$(add -l | head -n 1 | cut -d' ' -f2)"
    logs_in 'login through the agent' 0 1 by_agent
    logs_in 'another login' 0 1 by_agent
    expect_has "the history names the agent's helper" "$(line_of /ssh-pkcs11-helper)" \
        "$(cat "$HISTORY")"
    agent_and_git
    agent_and_pulled_card
    works 'ssh-add -e' drop "$MODULE_AUTH"
    refused '  the agent has no key' 'no identities' add -l
    begin
    refused '  nobody gets in' 'Permission denied \(publickey\)' by_agent
    cost 0 0
    works 'ssh-add -t: for a second' add -t 1 -s "$MODULE_AUTH"
    works '  then the key is gone' wait_until 10 agent_is_empty
    refused '  but the module is not' 'agent refused operation' add -s "$MODULE_AUTH"
    works '  ssh-add -e takes it away' drop "$MODULE_AUTH"
    agent_and_time
    works 'both tokens in the agent' add -s "$MODULE"
    logs_in '  login with both' 0 1 by_agent
    agent_end
}

agent_is_empty() {
    ! add -l >/dev/null
}

# The agent's helper never looks for the card again; a card that was out wants its PIN anew.
agent_and_pulled_card() {
    card_pull 0
    card_put 0
    begin
    refused 'after the card was out, the agent does not sign' 'agent refused operation' by_agent
    cost 0 0
    logs_in '  but the sample, which asks no agent, gets in' 1 2 by_sample
    works 'ssh-add -e, and' drop "$MODULE_AUTH"
    works '  -s again' add -s "$MODULE_AUTH"
    logs_in '  and the agent signs' 0 1 by_agent
}

# agent_and_time: a PIN that may be used for a second only. The agent has no way to ask for it again.
agent_and_time() {
    mkdir -p "$HOME/.config"
    printf 'pin.cache-seconds = 1\n' >"$HOME/.config/jpki-pkcs11.conf"
    works 'ssh-add -s, pin.cache-seconds = 1' add -s "$MODULE_AUTH"
    works '  then the agent does not sign' wait_until 20 agent_refuses
    begin
    refused '  nor later' 'agent refused operation' by_agent
    cost 0 0
    works '  and has to be told anew' drop "$MODULE_AUTH"
    rm "$HOME/.config/jpki-pkcs11.conf"
}

agent_refuses() {
    ! by_agent >/dev/null 2>&1
}

# ---- git ----

make_repository() {
    export GIT_CONFIG_GLOBAL=$WORK/gitconfig GIT_CONFIG_NOSYSTEM=1
    git config --global user.name Holder
    git config --global user.email holder@example.jp
    git config --global init.defaultBranch main
    git init --quiet "$WORK/repository"
    cp "$WORK/short" "$WORK/repository/"
    git -C "$WORK/repository" add short
    git -C "$WORK/repository" commit --quiet -m 'one file'
}

clone() {
    rm -rf "$WORK/clone"
    with_module env GIT_SSH_COMMAND="ssh -F $1" \
        git clone --quiet "ssh://$HOST$WORK/repository" "$WORK/clone" && cmp "$WORK/clone/short" "$WORK/short"
}

git_clone() {
    local before
    make_repository
    before=$(accepted)
    begin
    works 'git clone' clone "$WORK/config"
    cost 1 2
    expect '  the server has checked the signature' $((before + 1)) "$(accepted)"
}

sign_commit() {
    git -C "$WORK/clone" -c gpg.format=ssh -c user.signingKey="$WORK/card.pub" \
        commit --quiet --allow-empty -S -m 'signed' </dev/null
}

verify_commit() {
    git -C "$WORK/clone" -c gpg.ssh.allowedSignersFile="$WORK/signers" verify-commit HEAD
}

agent_and_git() {
    begin
    works 'git clone through the agent' clone "$WORK/plain"
    cost 0 1
    begin
    works 'git commit -S, by the agent' sign_commit
    cost 0 1
    printf 'holder@example.jp %s\n' "$(cut -d' ' -f1,2 "$WORK/card.pub")" >"$WORK/signers"
    works '  git finds the signature good' verify_commit
    printf 'holder@example.jp %s\n' "$(cut -d' ' -f1,2 "$WORK/sshd/host.pub")" >"$WORK/signers"
    refused '  but not when another is to have signed' 'No principal matched|not.*match' verify_commit
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_root 'sshd changes to users of its own'
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    local mark
    mark=$(apdu_mark card)
    modules_at_their_place
    server_start
    holder_start
    public_keys
    without_agent
    wrong_pins
    on_pinpad
    git_clone
    agent_allows
    agent
    works 'the signature password was never tried' only_pin_of auth card "$mark"
    expect 'all tries are left' '3 5' "$(tries)"
    interop_end
}

main "$@"
