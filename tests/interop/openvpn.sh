#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# OpenVPN: a real tunnel to a server in a network of its own, whose client logs in with the card's
# authentication key, by the sample conf/jpki.ovpn. The holder types at the terminal, or a program
# answers for him at OpenVPN's management console. The server has to find the signatures right.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"

readonly HOST=vpn.example.jp
readonly OUTSIDE=192.0.2.1 SERVER=192.0.2.2 # the two ends of the cable
readonly INSIDE=198.51.100.1 ECHO_PORT=9000 # the server's end of the tunnel
readonly SAMPLE=$BUILD/conf/jpki.ovpn
readonly AFTER_PROMPT=20 AGAIN=6 # APDUs from the PIN to the tunnel, and to stand again
readonly UP='Initialization Sequence Completed'
readonly ASKS='Enter .* token Password:'
readonly -a THERE=(nsenter --net=/run/netns/peer)
SERVER_PID=

# ---- the world: two networks, the module at its place, a client's folder ----

# On the other side of a cable lies the network of the server, whose name is known here.
two_networks() {
    ip netns add peer
    ip link add name cable type veth peer name elbac netns peer
    ip addr add "$OUTSIDE/24" dev cable
    ip link set cable up
    ip -n peer addr add "$SERVER/24" dev elbac
    ip -n peer link set elbac up
    ip -n peer link set lo up
    { cat /etc/hosts && printf '%s %s\n' "$SERVER" "$HOST"; } >"$WORK/hosts"
    mount --bind "$WORK/hosts" /etc/hosts
}

module_at_its_place() {
    local module
    module=$(sed -n 's/^pkcs11-providers //p' "$SAMPLE")
    [ -d "$(dirname "$module")" ] || die "$SAMPLE names a module '$module' in no folder"
    mount -t tmpfs tmpfs "$(dirname "$module")"
    cp "$MODULE_AUTH" "$module"
    MODULE_AUTH=$module
}

# The sample, filled in as it says: the authority's certificate, and the card.
client_folder() {
    mkdir "$WORK/client"
    cp "$WORK/ca.pem" "$WORK/client/ca.pem"
    sed "s|^pkcs11-id .*|pkcs11-id '${1//\\/\\\\}'|" "$SAMPLE" >"$WORK/client/jpki.ovpn"
    HISTORY=$HOME/.local/state/jpki-pkcs11/history.jsonl
}

# server_start OPTION...: takes clients with a certificate of the card's authority. OPENSSL_SAYS, a
# line for OpenSSL's configuration, is for the server alone.
server_start() {
    if [ -n "$SERVER_PID" ]; then
        kill "$SERVER_PID"
        wait "$SERVER_PID" || true
    fi
    printf '%s\n' 'openssl_conf = all' '[all]' 'ssl_conf = ssl' '[ssl]' 'system_default = tls' '[tls]' \
        "${OPENSSL_SAYS:-}" >"$WORK/openssl.cnf"
    : >"$WORK/server.log"
    "${THERE[@]}" env OPENSSL_CONF="$WORK/openssl.cnf" openvpn --dev tun --topology subnet \
        --proto udp --local "$SERVER" --server 198.51.100.0 255.255.255.0 \
        --ca "$CARD/auth-ca.pem" --cert "$WORK/server.pem" --key "$WORK/server.key" --dh none \
        --keepalive 2 20 --verb 3 --suppress-timestamps "$@" >"$WORK/server.log" 2>&1 &
    SERVER_PID=$!
    wait_until 10 grep -q "$UP" "$WORK/server.log" || die "the server: $(cat "$WORK/server.log")"
}

# ---- the client ----

# client COMMAND... -- OPTION...: COMMAND, if any, runs OpenVPN in the client's folder.
client() {
    local -a by=()
    while [ "$1" != -- ]; do
        by+=("$1")
        shift
    done
    shift
    # At once, so that nobody reads what an earlier one has said.
    : >"$WORK/asked"
    : >"$WORK/client.log"
    rm -f "$WORK/pid"
    MARK=$(apdu_mark card)
    (
        cd "$WORK/client"
        exec "${by[@]}" env LD_PRELOAD="$PRELOAD" \
            ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
            openvpn --config jpki.ovpn --writepid "$WORK/pid" --verb 3 --suppress-timestamps \
            "$@"
    ) </dev/null >"$WORK/client.log" 2>&1 &
    CLIENT_PID=$!
}

# by_terminal PIN OPTION...: the holder types PIN whenever he is asked.
by_terminal() {
    local pin=$1
    shift
    client python3 "$ROOT/tests/lib/typist.py" "$ASKS" "$pin" "$(card_log card)" "$WORK/asked" -- "$@"
}

client_tell() {
    kill -"$1" "$(cat "$WORK/pid")"
}

# client_ends CODE: waits for the client's end. From the typist 124 means that he was tired of it.
client_ends() {
    local code=0
    wait_until 30 process_gone "$CLIENT_PID" || client_tell KILL
    wait "$CLIENT_PID" || code=$?
    expect '  it ends' "$1" "$code"
    expect_has_not '  with no fault in memory' 'Sanitizer|runtime error:' "$(cat "$WORK/client.log")"
}

# said COUNT PATTERN LOG: so many lines like it.
said() {
    [ "$(grep -cE -- "$2" "$WORK/$3")" -ge "$1" ]
}

# says WHAT COUNT PATTERN LOG: within half a minute.
says() {
    if wait_until 30 said "$2" "$3" "$4"; then
        passed "$1"
    else
        failed "$1" "$2 lines like /$3/ in $4" "$(tail -n 40 "$WORK/$4")"
    fi
}

# ---- the accounts ----

# cost PROMPTS VERIFYS: since the client was started.
cost() {
    expect '  PIN prompts' "$1" "$(wc -l <"$WORK/asked")"
    expect '  VERIFYs' "$2" "$(verifies_since card "$MARK")"
    if [ "$1" -gt 0 ]; then
        expect_at_most '  APDUs from the prompt to the tunnel' "$AFTER_PROMPT" \
            "$(apdus_since card "$(tail -n 1 "$WORK/asked")")"
    fi
}

# closed: another program cannot sign.
closed() {
    expect '  the card is closed' 1 "$(raw_apdus 0 00A4040C0AD392F000260100000001 802A00970330313200 |
        grep -c 'SW1=0x69, SW2=0x82')"
}

# signed_by MECHANISM: the last signature was of this kind.
signed_by() {
    expect_has "  by $1" "\"program\":\"[^\"]*/openvpn\",.*\"operation\":\"sign\",\"mechanism\":\"$1\",\"result\":\"CKR_OK\"" \
        "$(tail -n 1 "$HISTORY")"
}

# admitted COUNT: so often the server has found a certificate of this card and its signature right.
admitted() {
    says "  the server has checked the holder's signature" "$1" "\[$HOLDER\] Peer Connection Initiated" \
        server.log
}

echoes() {
    socat -t 10 - "TCP:$INSIDE:$ECHO_PORT,connect-timeout=5" <"$WORK/long" >"$WORK/echo" &&
        cmp "$WORK/echo" "$WORK/long"
}

tunnel_carries() {
    works '  bytes go there and back' echoes
}

# tunnel_stands TLS PROMPTS VERIFYS MECHANISM
tunnel_stands() {
    says '  the tunnel stands' 1 "$UP" client.log
    cost "$2" "$3"
    expect_has "  with TLS $1" "^Control Channel: TLSv$1," "$(cat "$WORK/client.log")"
    admitted 1
    signed_by "$4"
    tunnel_carries
    closed
}

no_tunnel() {
    expect_has_not '  no tunnel' "$UP" "$(cat "$WORK/client.log")"
}

# ---- what it does ----

# The card is named by what openssl reads from its certificate.
ids_are_shown() {
    local mark id
    mark=$(apdu_mark card)
    works 'openvpn --show-pkcs11-ids' with_module openvpn --show-pkcs11-ids "$MODULE_AUTH"
    expect_has "  the holder's certificate" "^ *Serial: *$(openssl x509 -in "$CARD/auth.pem" -noout -serial |
        cut -d= -f2)\$" "$OUTPUT"
    id=$(sed -n 's/^ *Serialized id: *//p' <<<"$OUTPUT")
    expect '  the one certificate that has a key' 1 "$(wc -l <<<"$id")"
    expect_has '  as the sample has it' '^JPKI/[^/]+/[0-9A-F]{16}/JPKI\\x20User\\x20Authentication/01$' "$id"
    expect '  no PIN goes to the card' 0 "$(verifies_since card "$mark")"
    client_folder "$id"
}

# OpenVPN's first signature finds a card that its login has closed again: the module verifies twice.
by_tls_13() {
    server_start
    refused 'nothing gets through without the tunnel' 'Network is unreachable' echoes
    say 'a client by the sample'
    by_terminal "$PIN_AUTH"
    tunnel_stands 1.3 1 2 RSA-PKCS-PSS
    local mark
    mark=$(apdu_mark card)
    tunnel_carries
    expect '  which the card has nothing to do with' 0 "$(apdus_since card "$mark")"
    reconnects USR1 1
    reconnects HUP 2
    tunnel_carries
    client_tell TERM
    client_ends 0
    closed
}

# reconnects SIGNAL COUNT: for the COUNT-th time, and without a question.
reconnects() {
    local mark
    mark=$(apdu_mark card)
    client_tell "$1"
    says "  after SIG$1 it stands again" $((1 + $2)) "$UP" client.log
    expect '  PIN prompts in all' 1 "$(wc -l <"$WORK/asked")"
    expect '  VERIFYs' 1 "$(verifies_since card "$mark")"
    expect_at_most '  APDUs' "$AGAIN" "$(apdus_since card "$mark")"
    admitted $((1 + $2))
}

by_tls_12() {
    server_start --tls-version-max 1.2
    say 'a server with TLS 1.2'
    by_terminal "$PIN_AUTH"
    tunnel_stands 1.2 1 2 RSA-PKCS-PSS
    client_tell TERM
    client_ends 0
    OPENSSL_SAYS='ClientSignatureAlgorithms = RSA+SHA512:RSA+SHA256' server_start --tls-version-max 1.2
    say 'and no PSS'
    by_terminal "$PIN_AUTH"
    tunnel_stands 1.2 1 2 RSA-PKCS
    client_tell TERM
    client_ends 0
}

# The client goes by its own order, in which SHA-256 comes first.
other_hashes() {
    OPENSSL_SAYS='ClientSignatureAlgorithms = rsa_pss_rsae_sha512:rsa_pss_rsae_sha256' server_start
    say 'a server that likes SHA-512 best'
    by_terminal "$PIN_AUTH"
    tunnel_stands 1.3 1 2 RSA-PKCS-PSS
    client_tell TERM
    client_ends 0
    OPENSSL_SAYS='ClientSignatureAlgorithms = rsa_pss_rsae_sha512' server_start
    say 'a server that takes nothing but SHA-512'
    by_terminal "$PIN_AUTH" --tls-exit
    client_ends 0
    no_tunnel
    cost 2 2
    closed
}

# A new key each three seconds, each with a signature: the PIN is not asked for again.
renegotiation() {
    server_start
    say 'new keys by renegotiation'
    by_terminal "$PIN_AUTH" --reneg-sec 3
    says '  the tunnel stands' 1 "$UP" client.log
    says '  the server has seen two more signatures' 3 "VERIFY OK: depth=0, C=JP, CN=$HOLDER" server.log
    says '  and taken them' 3 'Control Channel: TLS' server.log
    client_tell TERM
    client_ends 0
    expect '  PIN prompts' 1 "$(wc -l <"$WORK/asked")"
    local signatures
    signatures=$(apdu_lines card "$MARK" | grep -c '^802A049720')
    expect '  a VERIFY for the login and for each signature' $((1 + signatures)) \
        "$(verifies_since card "$MARK")"
    expect_at_most '  APDUs for each' "$AGAIN" \
        $(($(apdus_since card "$(cat "$WORK/asked")") / signatures))
    closed
}

# As docs/openvpn.md has it for the administrator.
only_who_may() {
    mkdir "$WORK/clients"
    works "the authority's certificate is read from the card" authority_of_card
    say 'a server that knows nobody'
    server_start --ca "$WORK/authority.pem" --client-config-dir "$WORK/clients" --ccd-exclusive
    by_terminal "$PIN_AUTH" --connect-retry-max 1
    says '  sends everybody away' 1 'AUTH_FAILED' server.log
    client_ends 0
    no_tunnel
    say 'and one that knows the holder'
    : >"$WORK/clients/$HOLDER"
    by_terminal "$PIN_AUTH"
    tunnel_stands 1.3 1 2 RSA-PKCS-PSS
    client_tell TERM
    client_ends 0
}

authority_of_card() {
    tool_with "$MODULE_AUTH" --read-object --type cert --id 03 | openssl x509 -out "$WORK/authority.pem"
}

# Whom the client does not trust does not get so far that the holder is asked for his PIN.
trust() {
    server_start
    say 'a server of another authority'
    by_terminal "$PIN_AUTH" --ca "$CARD/auth-ca.pem" --tls-exit
    client_ends 0
    no_tunnel
    expect_has '  is not believed' '^VERIFY ERROR: depth=0,' "$(cat "$WORK/client.log")"
    cost 0 0
    server_start --ca "$WORK/ca.pem"
    say 'a server that does not know the authority of the card'
    by_terminal "$PIN_AUTH"
    says '  takes no client' 1 "VERIFY ERROR: depth=0, .*CN=$HOLDER" server.log
    client_tell TERM
    client_ends 0
    no_tunnel
    expect '  the holder was asked once' 1 "$(wc -l <"$WORK/asked")"
    closed
}

# OpenVPN asks again and again: three times for a signature, and then for the next connection. The
# typist answers eight times with the same PIN.
wrong_pins() {
    server_start
    say 'a wrong PIN, eight times'
    by_terminal 9876
    client_ends 124
    cost 8 1
    expect '  one try was lost' '2 5' "$(tries)"
    say 'a PIN of five digits, eight times'
    by_terminal 12345
    client_ends 124
    cost 8 0
    expect '  none was lost' '2 5' "$(tries)"
    say 'the right one'
    by_terminal "$PIN_AUTH"
    tunnel_stands 1.3 1 2 RSA-PKCS-PSS
    expect '  all tries are left' '3 5' "$(tries)"
    client_tell TERM
    client_ends 0
}

# ---- by the management console, as windows for OpenVPN do it ----

# by_console: OpenVPN waits until the console lets it go.
by_console() {
    rm -f "$WORK/console"
    client -- --management "$WORK/console" unix --management-query-passwords --management-hold
    wait_until 10 test -S "$WORK/console" || die "no console: $(cat "$WORK/client.log")"
    rm -f "$WORK/typed"
    mkfifo "$WORK/typed"
    : >"$WORK/shown"
    socat - "UNIX-CONNECT:$WORK/console" <"$WORK/typed" >"$WORK/shown" 2>&1 &
    exec {CONSOLE}>"$WORK/typed"
    says '  it waits for the console' 1 '^>HOLD:' shown
    console 'hold release'
}

console() {
    printf '%s\n' "$1" >&"$CONSOLE"
}

# console_pin COUNT: for the COUNT-th time, the console asks for the PIN.
console_pin() {
    says '  it asks for the PIN' "$1" "^>PASSWORD:Need '$LABEL_AUTH token' password" shown
    apdu_mark card >>"$WORK/asked"
    console "password \"$LABEL_AUTH token\" $PIN_AUTH"
}

# console_card COUNT: for the COUNT-th time, it asks for the card.
console_card() {
    says '  it asks for the card' "$1" "^>NEED-OK:Need 'token-insertion-request' confirmation MSG:.*$LABEL_AUTH" \
        shown
}

console_end() {
    console 'signal SIGTERM'
    client_ends 0
    exec {CONSOLE}>&-
}

without_card() {
    server_start
    card_pull 0
    say 'a client by the console, without the card'
    by_console
    console_card 1
    expect '  nothing was sent to a card' 0 "$(apdus_since card "$MARK")"
    card_put 0
    console 'needok token-insertion-request ok'
    console_pin 1
    tunnel_stands 1.3 1 2 RSA-PKCS-PSS
    console_end
    closed
}

# A card that was out wants its PIN anew, when the next signature is due.
pulled_card() {
    server_start
    say 'a card pulled from under the tunnel'
    by_console
    console_pin 1
    tunnel_stands 1.3 1 2 RSA-PKCS-PSS
    card_pull 0
    tunnel_carries
    console 'signal SIGUSR1'
    says '  a new connection' 2 '^>HOLD:' shown
    console 'hold release'
    console_card 1
    card_put 0
    console 'needok token-insertion-request ok'
    console_pin 2
    says '  the tunnel stands again' 2 "$UP" client.log
    cost 2 4
    admitted 2
    tunnel_carries
    console_end
    closed
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    if [ ! -c /dev/net/tun ]; then
        warn 'There is no /dev/net/tun: a tunnel cannot be made here.'
        exit 77
    fi
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    HOLDER=$(openssl x509 -in "$CARD/auth.pem" -noout -subject | sed 's/.*CN = //')
    local mark
    mark=$(apdu_mark card)
    module_at_its_place
    tls_certificates
    two_networks
    "${THERE[@]}" socat "TCP-LISTEN:$ECHO_PORT,reuseaddr,fork" EXEC:cat &
    ids_are_shown
    by_tls_13
    by_tls_12
    other_hashes
    renegotiation
    only_who_may
    trust
    wrong_pins
    without_card
    pulled_card
    works 'the signature password was never tried' only_pin_of auth card "$mark"
    expect 'all tries are left' '3 5' "$(tries)"
    interop_end
}

main "$@"
