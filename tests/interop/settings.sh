#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Settings, from where a program really finds them: the system's file, the holder's, the environment.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

# settings USER [SYSTEM]: the two files' contents; an empty one is a missing file.
settings() {
    mkdir -p "$HOME/.config"
    rm -f "$HOME/.config/jpki-pkcs11.conf" /etc/jpki-pkcs11.conf
    if [ -n "$1" ]; then
        printf '%s\n' "$1" >"$HOME/.config/jpki-pkcs11.conf"
    fi
    if [ -n "${2:-}" ]; then
        printf '%s\n' "$2" >/etc/jpki-pkcs11.conf
    fi
}

labels() {
    tool --list-slots 2>/dev/null | sed -n 's/^ *token label *: *//p' | paste -sd'|'
}

mechanisms() {
    tool --token-label "$1" --list-mechanisms 2>/dev/null
}

# How often the PIN goes to the card for a login and one signature: with isolation, which forgets
# it in between, twice; without, once.
verifies_of_a_signature() {
    local mark
    mark=$(apdu_mark card)
    sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig" >/dev/null 2>&1 &&
        verifies_since card "$mark"
}

which_tokens() {
    settings ''
    expect 'no settings: both tokens' "$LABEL_AUTH|$LABEL_SIGN" "$(labels)"
    settings 'slots = auth'
    expect "the holder's slots = auth" "$LABEL_AUTH" "$(labels)"
    settings 'slots = sign' 'slots = auth'
    expect "the holder's file goes before the system's" "$LABEL_SIGN" "$(labels)"
    settings 'slots = sign' $'[enforced]\nslots = auth'
    expect 'but not before what is enforced' "$LABEL_AUTH" "$(labels)"
    settings 'labels = japanese'
    expect 'labels = japanese' 'JPKI 利用者証明用|JPKI 署名用' "$(labels)"
    settings 'reader.ignore = Virtual PCD *'
    expect 'reader.ignore hides the readers' '' "$(labels)"
}

which_mechanisms() {
    settings ''
    expect_has 'PSS is listed' 'RSA-PKCS-PSS' "$(mechanisms "$LABEL_AUTH")"
    expect_has_not 'with consent for each signature, the signature token lists no combined one' \
        'SHA256-RSA-PKCS' "$(mechanisms "$LABEL_SIGN")"
    settings 'pss = no'
    expect_has_not 'pss = no' 'PSS' "$(mechanisms "$LABEL_AUTH")"
    settings 'sign.consent = session'
    expect_has 'sign.consent = session' 'SHA256-RSA-PKCS' "$(mechanisms "$LABEL_SIGN")"
}

isolation() {
    settings ''
    expect 'isolation is the default' 2 "$(verifies_of_a_signature)"
    settings 'isolation = no'
    expect 'isolation = no: the card keeps the login' 1 "$(verifies_of_a_signature)"
    expect_has '  and is logged out in the end' '^> 00A4040C07A0000001510000 -> 9000' \
        "$(tail -n 3 "$(card_log card)")"
    settings 'isolation = no' $'[enforced]\nisolation = yes'
    expect 'enforced isolation stands' 2 "$(verifies_of_a_signature)"
}

wrong_lines() {
    local said
    settings $'# first line\nisolation = maybe'
    said=$(JPKI_PKCS11_DEBUG=warning tool --list-slots 2>&1)
    expect_has 'a wrong line is named, with what is allowed' \
        "jpki-pkcs11.conf:2: 'isolation' is 'maybe', but must be yes or no" "$said"
    expect 'and the stricter value holds' 2 "$(verifies_of_a_signature)"
    expect 'nothing is said without being asked' '' "$(tool --list-slots 2>&1 >/dev/null)"
    settings 'islation = no'
    said=$(JPKI_PKCS11_DEBUG=warning tool --list-slots 2>&1)
    expect_has 'an unknown key is named, with the nearest one' "islation.*isolation" "$said"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    own_etc
    pcscd_start
    card_new card
    card_insert card 0
    which_tokens
    which_mechanisms
    isolation
    wrong_lines
    interop_end
}

main "$@"
