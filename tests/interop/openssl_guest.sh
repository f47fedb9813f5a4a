#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The module uses OpenSSL's library, in a process whose OpenSSL may have this module loaded, or another
# one. It must read no configuration, meet itself without harm, hang nowhere, and outlive OpenSSL.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/openssl.sh
. "$ROOT/tests/lib/openssl.sh"

LIMIT=30

# provider_for MODULE LINE...: prints the sample for the provider, with another module and these lines.
# The provider is loaded as soon as somebody reads the configuration, and not only when it is used.
provider_for() {
    local module=$1 lines
    shift
    lines=$(printf '%s\\n' "pkcs11-module-path = $module" 'pkcs11-module-load-behavior = early' "$@")
    sed "s|^pkcs11-module-path = .*|$lines|" "$BUILD/conf/openssl-auth.cnf"
}

# with_engine: reads such a configuration, and adds the engine with our module.
with_engine() {
    sed 's/^providers = .*/&\nengines = engine_sect/'
    sed -n '/^\[engine_sect\]/,/^init/p' "$BUILD/conf/openssl-engine.cnf" |
        sed "s|^MODULE_PATH = .*|MODULE_PATH = $1|"
}

# pkcs11-spy stands before the module and writes down each call. calls FUNCTION: how often.
spy_begins() {
    SPY=$(dirname "$(opensc_module)")/pkcs11-spy.so
    need_file "OpenSC's pkcs11-spy" "$SPY"
    export PKCS11SPY=$MODULE PKCS11SPY_OUTPUT=$WORK/spy
    rm -f "$WORK/spy"
}

calls() {
    grep -cE "^[0-9]+: $1\$" "$WORK/spy" || true
}

# ---- a host that uses OpenSSL later ----

# host CONFIGURATION
host() {
    PRELOAD=$(preloads) ASAN_OPTIONS=verify_asan_link_order=0 \
        with_module env OPENSSL_CONF="$1" "$API_TESTS/openssl_host" "$MODULE"
}

late_host() {
    printf '%s\n' 'openssl_conf = init' '[init]' 'providers = all' '[all]' 'null = one' '[one]' \
        'activate = 1' >"$WORK/null.cnf"
    works 'a host uses OpenSSL after the module' host "$WORK/null.cnf"
    expect '  which has read no configuration, takes none away, and outlives OpenSSL' \
        "$(printf '%s\n' 'after the module: not configured' 'the host: configured' \
            'at exit: signed' 'at exit: C_Finalize 0x0')" "$OUTPUT"
    works 'a host without that configuration' host /dev/null
    expect '  sees that it has none' 'the host: not configured' "$(grep '^the host' <<<"$OUTPUT")"
}

# The provider finalizes the module when OpenSSL cleans up: PKCS #11 has one such state in a process.
host_beside_provider() {
    provider_for "$MODULE" >"$WORK/same.cnf"
    works 'a host whose OpenSSL loads the same module' host "$WORK/same.cnf"
    expect '  finds it finalized at the end' \
        "$(printf '%s\n' 'at exit: no signature' 'at exit: C_Finalize 0x190')" \
        "$(grep '^at exit' <<<"$OUTPUT")"
}

# ---- the provider and the engine ----

sign_by_provider() {
    by "$1" "$PIN_AUTH" openssl dgst -sha256 -sign "$AUTH_KEY" -out "$WORK/sig" "$WORK/short"
}

sign_by_engine() {
    by "$1" "$PIN_AUTH" openssl dgst -sha256 -engine pkcs11 -keyform engine -sign "$AUTH_KEY" \
        -out "$WORK/sig" "$WORK/short"
}

# signs WHAT COMMAND...: one prompt, and what comes out is right.
signs() {
    local what=$1
    shift
    rm -f "$WORK/sig"
    works "$what" "$@"
    costs 1 2
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
}

provider_alone() {
    spy_begins
    provider_for "$SPY" >"$WORK/provider.cnf"
    signs 'the provider, loaded at once' sign_by_provider "$WORK/provider.cnf"
    expect '  has initialized the module once' 1 "$(calls C_Initialize)"
    expect '  and finalized it once' 1 "$(calls C_Finalize)"
}

# Both are in one process, each with its own C_Initialize; the second one is told that it has been done.
engine_beside_provider() {
    spy_begins
    provider_for "$SPY" | with_engine "$SPY" >"$WORK/both.cnf"
    signs 'the engine, beside the provider with the same module' sign_by_engine "$WORK/both.cnf"
    expect '  each has asked for it once' 2 "$(calls C_Initialize)"
    expect '  one of them was too late' 1 "$(grep -c 'CKR_CRYPTOKI_ALREADY_INITIALIZED' "$WORK/spy")"
}

# OpenSC's module uses OpenSSL as well, and so does SoftHSM's, which has to be left loaded at the end.
engine_beside_others() {
    provider_for "$(opensc_module)" | with_engine "$MODULE" >"$WORK/opensc.cnf"
    signs "the engine, beside the provider with OpenSC's module" sign_by_engine "$WORK/opensc.cnf"
    provider_for /usr/lib/softhsm/libsofthsm2.so 'pkcs11-module-quirks = no-deinit' |
        with_engine "$MODULE" >"$WORK/softhsm.cnf"
    mkdir "$WORK/soft"
    printf 'directories.tokendir = %s\n' "$WORK/soft" >"$WORK/softhsm2.conf"
    export SOFTHSM2_CONF=$WORK/softhsm2.conf
    signs "the engine, beside the provider with SoftHSM's" sign_by_engine "$WORK/softhsm.cnf"
}

# ---- pkcs11-tool ----

# It loads the module first, and uses OpenSSL later, if at all.
tool_beside_provider() {
    spy_begins
    local plain=$PRELOAD
    PRELOAD=$(preloads)
    export OPENSSL_CONF=$WORK/provider.cnf ASAN_OPTIONS=verify_asan_link_order=0
    works 'pkcs11-tool, in whose OpenSSL the provider would load the module' \
        sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  nobody has read that configuration' test ! -e "$WORK/spy"
    works 'pkcs11-tool checks signatures by OpenSSL' tool \
        --token-label "$LABEL_AUTH" --login --pin "$PIN_AUTH" --test
    expect_has '  they are right' 'SHA256-RSA-PKCS: OK' "$OUTPUT"
    expect '  the provider has come to the same module' 1 "$(calls C_Initialize)"
    expect '  which was in use' 1 "$(grep -c CKR_CRYPTOKI_ALREADY_INITIALIZED "$WORK/spy")"
    unset OPENSSL_CONF ASAN_OPTIONS
    PRELOAD=$plain
    works '  openssl accepts the signature' \
        verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_provider
    openssl_begin
    late_host
    host_beside_provider
    provider_alone
    engine_beside_provider
    engine_beside_others
    tool_beside_provider
    interop_end
}

main "$@"
