#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What `meson install` makes: the files at their places, and a module that works from there.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"


install_to_stage() {
    STAGE=$WORK/stage
    works 'meson install' env DESTDIR="$STAGE" meson install -C "$BUILD" --no-rebuild --quiet
    MODULES=$STAGE$(pkg-config --variable=p11_module_path p11-kit-1)
    CONFIGS=$STAGE$(pkg-config --variable=p11_module_configs p11-kit-1)
}

files_are_there() {
    local name
    for name in jpki-pkcs11 jpki-pkcs11-auth jpki-pkcs11-sign; do
        works "$name.so is where p11-kit looks" test -f "$MODULES/$name.so"
    done
    works 'no module is a link to another' test "$(find "$MODULES" -links 1 -type f | wc -l)" -eq 3
    works 'the registration is where p11-kit looks' test -f "$CONFIGS/jpki-pkcs11.module"
    expect 'it names the authentication module' 'module: jpki-pkcs11-auth.so' \
        "$(grep '^module:' "$CONFIGS/jpki-pkcs11.module")"
    works 'the sample for NSS is installed' \
        test -n "$(find "$STAGE" -path '*/doc/jpki-pkcs11/jpki-nss' -perm -100)"
    works 'jpki-vcard is installed' test -n "$(find "$STAGE" -path '*/bin/jpki-vcard' -perm -100)"
}

works_from_there() {
    MODULE=$MODULES/jpki-pkcs11-auth.so
    works 'the installed module signs' sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$(card_dir card)/auth.pem" "$WORK/short" \
        "$WORK/sig"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    card_new card
    card_insert card 0
    install_to_stage
    files_are_there
    works_from_there
    interop_end
}

main "$@"
