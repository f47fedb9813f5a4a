#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# GnuTLS and p11-kit with the module as it is installed: p11tool, certtool, logins by TLS, p11-kit's
# proxy with a second module, and a card that is used on another computer.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/p11kit.sh
. "$ROOT/tests/lib/p11kit.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"

AUTH='pkcs11:manufacturer=JPKI;token=JPKI%20User%20Authentication'
SIGN='pkcs11:manufacturer=JPKI;token=JPKI%20Digital%20Signature'
AUTH_KEY="$AUTH;id=%01;type=private"
AUTH_CERT="$AUTH;id=%01;type=cert"
SIGN_KEY="$SIGN;id=%02;type=private"
SIGN_CERT="$SIGN;id=%02;type=cert"

# ---- the installation ----

variable() {
    pkg-config --variable="$1" p11-kit-1
}

# What `meson install` makes, at its places in this little world, beside p11-kit's own modules and
# SoftHSM's. The samples lie in SAMPLES, where nothing reads them; OpenSC's module waits in KEPT.
install_here() {
    local stage=$WORK/stage
    KEPT=$WORK/kept
    MODULES=$(variable p11_module_path)
    CONFIGS=$(variable p11_module_configs)
    PROXY=$(variable proxy_module)
    CLIENT=$MODULES/p11-kit-client.so
    mkdir "$KEPT"
    cp "$CLIENT" "$CONFIGS"/{softhsm2,opensc-pkcs11}.module "$MODULES/opensc-pkcs11.so" "$KEPT"
    works 'meson install' install_into "$stage"
    mount -t tmpfs tmpfs "$MODULES"
    mount -t tmpfs tmpfs "$CONFIGS"
    cp "$stage$MODULES"/* "$KEPT/p11-kit-client.so" "$MODULES"
    cp "$stage$CONFIGS"/* "$KEPT/softhsm2.module" "$CONFIGS"
    SAMPLES=$(dirname "$(find "$stage" -name jpki-pkcs11-sign.module)")
    need_file "the samples" "$SAMPLES/jpki-gnutls.conf"
}

# A second module, with a token of its own.
soft_token() {
    mkdir "$WORK/soft"
    printf 'directories.tokendir = %s\n' "$WORK/soft" >"$WORK/softhsm2.conf"
    export SOFTHSM2_CONF=$WORK/softhsm2.conf
    softhsm2-util --init-token --free --label soft --pin 5555 --so-pin 55555555 >/dev/null
}

# labels COMMAND...: the labels of the tokens in a listing, in its order, our own and soft's only.
labels() {
    "$@" 2>&1 | sed -n 's/^[[:space:]]*\(Label\|token\|token label *\): *\(.\+\)/\2/p' |
        grep -E '^(JPKI|soft)' | paste -sd'|'
}

gnutls_tokens() {
    labels with_module p11tool --list-tokens
}

# ---- p11tool and certtool ----

# spends WHAT PROMPTS VERIFIES APDUS: of the program that was run by `typed` just now; APDUs from
# the prompt to its end.
spends() {
    expect "  $1: PIN prompts" "$2" "$(prompts)"
    expect_at_most '  PINs shown to the card' "$3" "$(typed_verifies card)"
    expect_at_most '  commands from the prompt to the end' "$4" "$(prompt_apdus card)"
}

p11tool_lists() {
    works 'p11tool lists without login' with_module p11tool --list-all "$AUTH"
    expect_has '  the certificate' 'object=User%20Authentication%20Certificate;type=cert' "$OUTPUT"
    expect_has_not '  no private key' 'type=private' "$OUTPUT"
    works 'p11tool lists with login' typed "$PIN_AUTH" card p11tool --login --list-all "$AUTH"
    expect_has '  the private key' 'id=%01;object=User%20Authentication%20Key;type=private' "$OUTPUT"
    spends 'list, a login for each object' 1 5 40
    works 'p11tool exports the certificate' with_module \
        p11tool --export "$AUTH_CERT" --outfile "$WORK/exported.pem"
    expect "  it is the card's own" "$(fingerprint "$CARD/auth.pem")" \
        "$(fingerprint "$WORK/exported.pem")"
}

fingerprint() {
    openssl x509 -in "$1" -noout -fingerprint -sha256
}

# test_sign WHAT PIN URL VERIFIES APDUS OPTION...
test_sign() {
    local what=$1 pin=$2 url=$3 verifies=$4 apdus=$5
    shift 5
    works "p11tool tests $what" typed "$pin" card p11tool --login --test-sign "$@" "$url"
    expect '  GnuTLS accepts the signature, by both public keys' 2 \
        "$(grep -c '^Verifying against .*\.\.\. ok' <<<"$OUTPUT")"
    spends "$what" 1 "$verifies" "$apdus"
}

# cms WHICH PIN CERTIFICATE KEY VERIFIES APDUS: certtool signs a document, openssl looks at it. For
# this work certtool takes the certificate from a file only.
cms() {
    works "p11tool exports the certificate, $1 key" typed "$2" card \
        p11tool --login --export "$3" --outfile "$WORK/$1.pem"
    works "certtool signs a document, $1 key" typed "$2" card certtool --p7-sign \
        --infile "$WORK/short" --load-certificate "$WORK/$1.pem" --load-privkey "$4" --outfile "$WORK/$1.p7"
    spends document 1 "$5" "$6"
    works '  openssl accepts it, and the certificate' openssl cms -verify -inform PEM \
        -in "$WORK/$1.p7" -CAfile "$CARD/$1-ca.pem" -purpose any -out "$WORK/$1.text"
    works '  with what was signed' cmp "$WORK/short" "$WORK/$1.text"
}

# ---- TLS ----

# get OPTION...: one page, as the holder of the card; get_from CARD OPTION...: of this card.
get() {
    get_from card "$@"
}

get_from() {
    local card=$1
    shift
    printf 'GET / HTTP/1.0\r\n\r\n' >"$WORK/request"
    typed "$PIN_AUTH" "$card" gnutls-cli --x509cafile "$WORK/ca.pem" --x509certfile "$AUTH_CERT" \
        --x509keyfile "$AUTH_KEY" "$@" -p "$TLS_PORT" localhost <"$WORK/request"
}

# page SIGNATURE: what was fetched just now is the server's page.
page() {
    expect_has '  the answer is well' '^HTTP/1\.0 200' "$OUTPUT"
    tls_page "$1" "$OUTPUT"
    spends login 1 2 20
}

openssl_server() {
    works 'login by TLS 1.3' with_tls_server -tls1_3 -- get
    page RSA-PSS
    works 'login by TLS 1.2' with_tls_server -tls1_2 -- get
    page RSA-PSS
    works 'login by TLS 1.2, PKCS #1 with SHA-256' \
        with_tls_server -tls1_2 -client_sigalgs rsa_pkcs1_sha256 -- get
    page RSA
}

# GnuTLS takes the server's first, whatever the key can do.
sha512_first() {
    local version
    for version in tls1_2 tls1_3; do
        refused "$version, SHA-512 first: no login" 'Fatal error' \
            with_tls_server "-$version" -client_sigalgs "$SHA512_FIRST" -- get
        expect '  no page' 0 "$(grep -c '^HTTP/' <<<"$OUTPUT")"
        works "$version, SHA-512 first, with the sample's priorities" \
            env_priority "$SAMPLES/jpki-gnutls.conf" \
            with_tls_server "-$version" -client_sigalgs "$SHA512_FIRST" -- get --priority=@JPKI
        page RSA-PSS
    done
    sed 's/^#\(\[overrides\]\|default-priority\)/\1/' "$SAMPLES/jpki-gnutls.conf" >"$WORK/gnutls.conf"
    works 'SHA-512 first, the sample for all programs' env_priority "$WORK/gnutls.conf" \
        with_tls_server -tls1_3 -client_sigalgs "$SHA512_FIRST" -- get
    page RSA-PSS
}

no_pkcs1() {
    local version
    for version in tls1_2 tls1_3; do
        works "$version, no PKCS #1" with_tls_server "-$version" \
            -client_sigalgs rsa_pss_rsae_sha256:rsa_pss_pss_sha256 -- get
        page RSA-PSS
        refused "$version, PSS without SHA-256: no login" 'Fatal error' \
            with_tls_server "-$version" -client_sigalgs rsa_pss_rsae_sha512 -- get
        expect '  no page' 0 "$(grep -c '^HTTP/' <<<"$OUTPUT")"
    done
}

# A card that refuses PSS, at a server that would also take PKCS #1. The module offers PSS until it is
# refused, GnuTLS does not fall back; so the first login may fail, and the second must not.
refuses_pss() {
    card_take 0
    card_new plain --no-pss
    card_insert plain 0
    CARD=$(card_dir plain)
    refused 'a card that refuses PSS: the first login by TLS 1.2 fails' 'Fatal error' \
        with_tls_server -tls1_2 -- get_from plain
    works '  the second does not' with_tls_server -tls1_2 -- get_from plain
    tls_page RSA "$OUTPUT"
    expect '  PIN prompts' 1 "$(prompts)"
    expect_at_most '  commands from the prompt to the end' 20 "$(prompt_apdus plain)"
    refused '  TLS 1.3, which knows nothing but PSS, cannot be used' 'Fatal error' \
        with_tls_server -tls1_3 -- get_from plain
    # It is remembered for cards of this model, of which the other one is.
    rm "$HOME/.local/state/jpki-pkcs11/pss-refused"
    card_take 0
    card_insert card 0
    CARD=$(card_dir card)
}

# env_priority FILE COMMAND...: with FILE in the place of /etc/gnutls/config.
env_priority() {
    local GNUTLS_SYSTEM_PRIORITY_FILE=$1
    export GNUTLS_SYSTEM_PRIORITY_FILE
    shift
    "$@"
}

gnutls_server() {
    local pid
    gnutls-serv --http --require-client-cert --verify-client-cert --x509cafile "$CARD/auth-ca.pem" \
        --x509certfile "$WORK/server.pem" --x509keyfile "$WORK/server.key" -p "$TLS_PORT" \
        >"$WORK/server.log" 2>&1 &
    pid=$!
    wait_until 10 grep -q 'IPv4 .*done' "$WORK/server.log" || die 'gnutls-serv did not start'
    works 'login at gnutls-serv' get
    expect_has '  the page comes' '^HTTP/1\.0 200' "$OUTPUT"
    spends login 1 2 20
    kill "$pid"
    wait "$pid" || true
    expect_has '  it trusts the certificate' 'Status: The certificate is trusted' \
        "$(cat "$WORK/server.log")"
    expect_has '  and the signature' 'Client Signature: RSA-PSS-RSAE-SHA256' "$(cat "$WORK/server.log")"
}

# ---- p11-kit ----

p11kit_tokens() {
    labels with_module p11-kit list-modules
}

registered() {
    expect 'p11-kit shows the authentication token, and the other module' \
        "$LABEL_AUTH|soft" "$(p11kit_tokens)"
    expect 'so does GnuTLS' "$LABEL_AUTH|soft" "$(gnutls_tokens)"
    expect 'and the proxy' "$LABEL_AUTH|soft" "$(labels tool_with "$PROXY" --list-slots)"
}

# The sample, as it is shipped, in the folder of jpki-pkcs11.module.
sign_by_name() {
    cp "$SAMPLES/jpki-pkcs11-sign.module" "$CONFIGS"
    expect 'p11tool is named, and sees both tokens' "$LABEL_AUTH|$LABEL_SIGN|soft" "$(gnutls_tokens)"
    expect 'p11-kit is not' "$LABEL_AUTH|soft" "$(p11kit_tokens)"
    expect 'pkcs11-tool is named, and sees both through the proxy' "$LABEL_AUTH|$LABEL_SIGN|soft" \
        "$(labels tool_with "$PROXY" --list-slots)"
    cp "$(command -v p11tool)" "$WORK/nameless"
    expect 'a program of another name is not' "$LABEL_AUTH|soft" \
        "$(labels with_module "$WORK/nameless" --list-tokens)"
}

# For one holder: p11-kit does not read root's own folder, so this is somebody else.
sign_for_one() {
    local folder=$HOME/.config/pkcs11/modules
    mkdir -p "$folder"
    cp "$SAMPLES/jpki-pkcs11-sign.module" "$folder"
    expect 'in a holder'"'"'s own folder it counts too' "$LABEL_AUTH|$LABEL_SIGN|soft" \
        "$(labels with_module unshare --user --map-user=1000 p11tool --list-tokens)"
    rm "$folder/jpki-pkcs11-sign.module"
}

# OpenSC's registration shows both keys of the card again, to everybody; a holder can switch it off.
opensc_beside() {
    local folder=$HOME/.config/pkcs11/modules
    local -a list=(labels with_module unshare --user --map-user=1000 p11tool --list-tokens)
    cp "$KEPT/opensc-pkcs11.so" "$MODULES"
    cp "$KEPT/opensc-pkcs11.module" "$CONFIGS"
    expect_has "with OpenSC's module beside ours the card is seen twice" \
        "$LABEL_AUTH\\|JPKI \\(User Authentication PIN\\)" "$("${list[@]}")"
    test_sign 'the key that the address names' "$PIN_AUTH" "$AUTH_KEY" 2 20
    expect "  by our module" sign "$(tail -n 1 "$HOME/.local/state/jpki-pkcs11/history.jsonl" |
        sed 's/.*"program":"[^"]*p11tool".*"operation":"\([a-z]*\)".*/\1/')"
    echo 'module:' >"$folder/opensc-pkcs11.module"
    expect 'an empty registration of the holder hides it' "$LABEL_AUTH|soft" "$("${list[@]}")"
    rm "$folder/opensc-pkcs11.module" "$CONFIGS/opensc-pkcs11.module"
}

proxy_signs() {
    works 'a signature through the proxy' sign_with "$PROXY" "$LABEL_AUTH" "$PIN_AUTH" 01 \
        SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    works 'with the signature key' sign_with "$PROXY" "$LABEL_SIGN" "$PIN_SIGN" 02 \
        SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/sig"
    works 'a key in the other module' tool_with "$PROXY" --token-label soft --login --pin 5555 \
        --keypairgen --key-type rsa:2048 --id 07
    works '  signs' sign_with "$PROXY" soft 5555 07 SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  its public key is read' tool_with "$PROXY" --token-label soft --read-object --type pubkey \
        --id 07 --output-file "$WORK/soft.der"
    works '  openssl accepts it' openssl dgst -sha256 -verify "$WORK/soft.der" -keyform DER \
        -signature "$WORK/sig" "$WORK/short"
}

# ---- a card on one computer, used on another ----

# The other computer: no network but its own loopback, no pcscd, none of this world's files; of the
# first one it has a socket, as ssh -L makes it, in a folder of its own.
on_other_host() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --net --mount bash -euc '
        mount --rbind "$1" /mnt
        mount -t tmpfs tmpfs /run
        shift
        cd /mnt
        export HOME=/mnt P11_KIT_SERVER_ADDRESS=unix:path=/mnt/socket
        exec "$@"' other "$WORK/other" "$@"
}

server_begins() {
    local here=$WORK/here
    mkdir -m 700 "$here" "$WORK/other"
    cp "$WORK/short" "$WORK/other"
    openssl dgst -sha256 -binary -out "$WORK/other/hash" "$WORK/short"
    with_module p11-kit server --name "$here/socket" \
        --provider "$MODULES/jpki-pkcs11-auth.so" "$AUTH" >"$WORK/server.env" 2>"$WORK/server.err" || true
    wait_until 10 test -S "$here/socket" || die "p11-kit server: $(cat "$WORK/server.err")"
    SERVER_PID=$(sed -n 's/^P11_KIT_SERVER_PID=\([0-9]*\).*/\1/p' "$WORK/server.env")
    socat "UNIX-LISTEN:$WORK/other/socket,fork,mode=600" "UNIX-CONNECT:$here/socket" &
    FORWARD_PID=$!
    wait_until 10 test -S "$WORK/other/socket" || die 'socat did not start'
}

other_signs() {
    local mark
    expect 'the other computer has no card of its own' '' \
        "$(labels on_other_host env LD_PRELOAD="$PRELOAD" pkcs11-tool \
            --module "$MODULES/jpki-pkcs11-auth.so" --list-slots)"
    expect 'it sees the token' "$LABEL_AUTH" \
        "$(labels on_other_host pkcs11-tool --module "$CLIENT" --list-slots)"
    mark=$(apdu_mark card)
    works 'it signs' on_other_host pkcs11-tool --module "$CLIENT" --token-label "$LABEL_AUTH" --login \
        --pin "$PIN_AUTH" --sign --id 01 --mechanism SHA256-RSA-PKCS --input-file short --output-file sig
    works '  openssl accepts it' \
        verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/other/sig"
    expect '  the card was asked here' 2 "$(verifies_since card "$mark")"
    works 'it signs by PSS' on_other_host pkcs11-tool --module "$CLIENT" --token-label "$LABEL_AUTH" \
        --login --pin "$PIN_AUTH" --sign --id 01 --mechanism RSA-PKCS-PSS --hash-algorithm SHA256 \
        --mgf MGF1-SHA256 --salt-len 32 --input-file hash --output-file pss
    works '  openssl accepts it' verify_pss "$CARD/auth.pem" "$WORK/short" "$WORK/other/pss"
    works 'p11tool there tests the key by PSS' on_other_host env GNUTLS_PIN="$PIN_AUTH" p11tool --batch \
        --provider "$CLIENT" --login --test-sign --sign-params=RSA-PSS --hash=SHA256 "$AUTH_KEY"
    expect_has "the history here says so, under the server's name" \
        '"program":"[^"]*/p11-kit-remote".*"operation":"sign"' \
        "$(cat "$HOME/.local/state/jpki-pkcs11/history.jsonl")"
}

# A socket that is there no longer is no card, and no crash.
server_ends() {
    kill "$SERVER_PID" "$FORWARD_PID"
    wait "$FORWARD_PID" 2>/dev/null || true
    wait_until 5 process_gone "$SERVER_PID" || kill -KILL "$SERVER_PID"
    rm -f "$WORK/other/socket"
    expect 'when the server has ended, the other computer sees nothing' '' \
        "$(labels on_other_host pkcs11-tool --module "$CLIENT" --list-slots)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    install_here
    soft_token
    registered
    p11tool_lists
    test_sign 'the authentication key' "$PIN_AUTH" "$AUTH_KEY" 2 20
    test_sign 'the authentication key by PSS' "$PIN_AUTH" "$AUTH_KEY" 2 20 \
        --sign-params=RSA-PSS --hash=SHA256
    cms auth "$PIN_AUTH" "$AUTH_CERT" "$AUTH_KEY" 2 20
    tls_certificates
    openssl_server
    sha512_first
    no_pkcs1
    refuses_pss
    gnutls_server
    sign_for_one
    opensc_beside
    sign_by_name
    test_sign 'the signature key' "$PIN_SIGN" "$SIGN_KEY" 4 30
    cms sign "$PIN_SIGN" "$SIGN_CERT" "$SIGN_KEY" 4 30
    proxy_signs
    server_begins
    other_signs
    server_ends
    interop_end
}

main "$@"
