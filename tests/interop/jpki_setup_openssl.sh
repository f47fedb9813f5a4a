#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup openssl, and then OpenSSL by what it has made: the engine and, where it is installed, the
# provider. An OpenSSL that knows no card judges what was signed.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/setup.sh
. "$ROOT/tests/lib/setup.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/openssl.sh
. "$ROOT/tests/lib/openssl.sh"

MADE=      # the folder of what was made
PROVIDER=  # not empty: it is installed

# made: the configurations are there, of what is installed and of nothing else.
made() {
    setup_gives "$MADE" openssl-engine.cnf ${PROVIDER:+openssl-auth.cnf openssl-sign.cnf}
}

# ---- the engine and the provider at work ----

log_in() {
    if [ -n "$PROVIDER" ]; then
        get "$MADE/openssl-auth.cnf" -key "$AUTH_KEY" -cert "$AUTH_CERT"
    else
        get "$MADE/openssl-engine.cnf" -engine pkcs11 -keyform engine -key "$AUTH_KEY" \
            -cert "$CARD/auth.pem"
    fi
}

# signs WHAT CONFIGURATION KEY PIN CERTIFICATE OPTION...
signs() {
    local what=$1 configuration=$2 key=$3 pin=$4 certificate=$5
    shift 5
    rm -f "$WORK/sig"
    works "$what" by "$MADE/$configuration" "$pin" openssl dgst -sha256 "$@" -sign "$key" \
        -out "$WORK/sig" "$WORK/short"
    works '  openssl accepts it' verify_pkcs1 sha256 "$certificate" "$WORK/short" "$WORK/sig"
}

engine() {
    signs 'a signature by the engine' openssl-engine.cnf "$AUTH_KEY" "$PIN_AUTH" "$CARD/auth.pem" \
        -engine pkcs11 -keyform engine
    costs 1 2
    expect '  the other PIN was not tried' 0 "$(others_verifies auth)"
}

provider() {
    signs 'a signature by the provider' openssl-auth.cnf "$AUTH_KEY" "$PIN_AUTH" "$CARD/auth.pem"
    costs 1 2
    expect '  the other PIN was not tried' 0 "$(others_verifies auth)"
    works 'the certificate of the signature key' by "$MADE/openssl-sign.cnf" "$PIN_SIGN" openssl x509 \
        -in "$SIGN_CERT" -out "$WORK/sign.pem"
    works 'a signed message' by "$MADE/openssl-sign.cnf" "$PIN_SIGN" openssl cms -sign -binary \
        -inkey "$SIGN_KEY" -signer "$WORK/sign.pem" -in "$WORK/long" -outform DER -out "$WORK/long.p7s"
    costs 1 3 30
    expect '  the other PIN was not tried' 0 "$(others_verifies sign)"
    works '  openssl accepts it, up to the CA of the card' cms_verify "$WORK/long" "$WORK/long.p7s"
}

login() {
    logs_in 'login by TLS' RSA-PSS -tls1_3
}

at_work() {
    engine
    [ -z "$PROVIDER" ] || provider
    login
}

# ---- where the files are ----

# by_advice: the command that setup has advised, by a shell; it asks for the PIN.
by_advice() {
    by /dev/null "$PIN_AUTH" sh -c "$(grep 'storeutl' <<<"$1")"
}

# A folder whose name a shell would take apart.
odd_folder() {
    local advice
    export XDG_CONFIG_HOME="$HOME/it's my #1 \$HOME"
    MADE=$XDG_CONFIG_HOME/jpki-pkcs11
    setup_does 'where the folder has an odd name' openssl
    made
    advice=$OUTPUT
    signs '  a signature' openssl-engine.cnf "$AUTH_KEY" "$PIN_AUTH" "$CARD/auth.pem" \
        -engine pkcs11 -keyform engine
    if [ -n "$PROVIDER" ]; then
        works '  the advice can be copied' by_advice "$advice"
        expect_has '  and works' '^URI pkcs11:.*type=private' "$OUTPUT"
    fi
    setup_undoes openssl
    export XDG_CONFIG_HOME=$HOME/$'two\nlines = 1'
    setup_refuses 'a folder with a line break in its name' 'line break' openssl
    export XDG_CONFIG_HOME=relative
    MADE=$HOME/.config/jpki-pkcs11
    setup_does 'in the usual folder, where another is no path' openssl
    made
    setup_undoes openssl
    unset XDG_CONFIG_HOME
}

# What the holder has changed is his, and what is not there cannot be set up.
refusals() {
    setup_does 'and the holder changes a file' openssl
    sed -i 's/^#MaxProtocol/MaxProtocol/' "$MADE/openssl-engine.cnf"
    setup_refuses 'a file that is different' 'openssl-engine.cnf is there already, .*--undo' openssl
    ends 1 '  undone, as far as it is ours' setup openssl --undo --yes
    expect '  his stays' openssl-engine.cnf "$(ls "$MADE")"
    expect_has '  as he has made it' '^MaxProtocol = TLSv1.2$' "$(cat "$MADE/openssl-engine.cnf")"
    rm "$MADE/openssl-engine.cnf"
    ends 0 '  when it is gone' setup openssl --undo --yes
    expect '  every byte and mode is as before' "$BEFORE" "$(tree)"
    local folder
    for folder in engines-3 ossl-modules; do
        mount -t tmpfs tmpfs "$(plugins "$folder")"
    done
    setup_refuses 'an OpenSSL without PKCS #11' 'install libengine-pkcs11-openssl or pkcs11-provider' \
        openssl
    for folder in engines-3 ossl-modules; do
        umount "$(plugins "$folder")"
    done
    umount "$MODULES"
    setup_refuses 'where there is no module' 'the module is not where it should be' openssl
}

# plugins FOLDER
plugins() {
    printf '%s/%s\n' "$(dirname "$(openssl version -m | sed 's/.*"\(.*\)"/\1/')")" "$1"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    openssl_begin
    MODULES=$(dirname "$MODULE")
    WATCHED=("$HOME" /etc/ssl/openssl.cnf)
    MADE=$HOME/.config/jpki-pkcs11
    PROVIDER=$([ ! -e "$(plugins ossl-modules)/pkcs11.so" ] || echo installed)
    tls_certificates
    setup_does openssl openssl
    made
    at_work
    setup_undoes openssl
    odd_folder
    refusals
    expect 'all tries are left' '3 5' "$(tries)"
    interop_end
}

main "$@"
