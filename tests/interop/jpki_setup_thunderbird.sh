#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup thunderbird: in a profile that Thunderbird itself has made, up to a signed mail, which
# OpenSSL judges, and a draft that is not signed; and how all is as it was when it is undone.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/thunderbird.sh
. "$ROOT/tests/lib/thunderbird.sh"

readonly NAME='My Number Card \(signature\)'
readonly DRAFTS='user_pref("mail.identity.default.autoEncryptDrafts", false);'
readonly FIRST=35 # APDUs that a signed message may take
readonly RUNS='Thunderbird is running .*; close it first'

# profile_new NAME: as Thunderbird's first start makes one, but with an account.
profile_new() {
    works 'Thunderbird makes a profile' env MOZ_HEADLESS=1 timeout 60 thunderbird --CreateProfile "$1"
    PROFILE=$(dirname "$HOME"/.thunderbird/*."$1"/times.json)
    works '  in ~/.thunderbird' test -d "$PROFILE"
    cp "$ROOT/tests/lib/thunderbird-profile.js" "$PROFILE/user.js"
}

made_by_thunderbird() {
    profile_new hanako
    ends 1 'jpki setup thunderbird, before it was ever used' jpki setup thunderbird --yes
    expect_has '  it says what to do' 'no profile yet; start Thunderbird once, close it' "$OUTPUT"
    thunderbird_starts_again 'Thunderbird is started' 'Builtin Object Token'
    ends 1 'jpki setup thunderbird, while it runs' jpki setup thunderbird --yes
    expect_has '  it says what to do' "$RUNS" "$OUTPUT"
    thunderbird_ends
    expect_has_not '  nothing was changed' 'jpki-pkcs11|autoEncryptDrafts' "$(files_of "$PROFILE")"
}

# files_of FOLDER: what setup changes, with mode and owner.
files_of() {
    stat -c '%n %a %u %g' "$1"/{pkcs11.txt,prefs.js}
    cat "$1"/{pkcs11.txt,prefs.js}
}

untouched() {
    local before
    chmod 640 "$PROFILE/prefs.js"
    before=$(files_of "$PROFILE")
    ends 0 'shown only' jpki setup thunderbird --dry-run
    expect_has '  the module' "^  \\+ library=$MODULES/jpki-pkcs11-sign\\.so\$" "$OUTPUT"
    expect_has '  the preference' '^  \+ user_pref.*autoEncryptDrafts", false' "$OUTPUT"
    expect '  nothing is changed' "$before" "$(files_of "$PROFILE")"
    ends 0 'jpki setup thunderbird' jpki setup thunderbird --yes
    expect '  the preference stands there' 1 "$(grep -cxF "$DRAFTS" "$PROFILE/prefs.js")"
    expect_has '  modutil lists the module' "^ *2\\. $NAME\$" "$(modutil -dbdir "sql:$PROFILE" -list 2>&1)"
    ends 0 '  undone' jpki setup thunderbird --undo --yes
    expect '  every byte, mode and owner is as before' "$before" "$(files_of "$PROFILE")"
}

signing() {
    ends 0 'set up again' jpki setup thunderbird --yes
    thunderbird_starts_again 'Thunderbird lists the module, and it shows the token' \
        "^$NAME: $MODULES/jpki-pkcs11-sign\\.so: $LABEL_SIGN\$"
    trusts sign "$PIN_SIGN"
    works 'the certificate is chosen' holder chooseCertificate no
    asked 0
    expect_has "  it is the card's" "^chosen $(common_name sign)\$" "$OUTPUT"
    sends 'after jpki setup' 1 "$FIRST" 4 "$PIN_SIGN"
    saves 'after jpki setup' 0 0 "$PIN_SIGN"
    local now
    now=$(cat "$PROFILE/pkcs11.txt")
    ends 1 'undoing it while Thunderbird runs' jpki setup thunderbird --undo --yes
    expect_has '  it says what to do' "$RUNS" "$OUTPUT"
    expect '  nothing is changed' "$now" "$(cat "$PROFILE/pkcs11.txt")"
    thunderbird_ends
}

# Thunderbird has written prefs.js anew.
used_since() {
    expect 'Thunderbird has kept the preference' 1 "$(grep -cxF "$DRAFTS" "$PROFILE/prefs.js")"
    expect '  among others that are new' 1 "$(grep -c 'signing_cert_name' "$PROFILE/prefs.js")"
    grep -vxF "$DRAFTS" "$PROFILE/prefs.js" >"$WORK/wanted.js"
    ends 0 '  undone' jpki setup thunderbird --undo --yes
    expect '  only this line is taken out' "$(cat "$WORK/wanted.js")" "$(cat "$PROFILE/prefs.js")"
    thunderbird_starts_again 'Thunderbird starts' 'Builtin Object Token'
    works '  it does not know the module' lists_not jpki-pkcs11
    thunderbird_ends
    expect_has_not '  nor the preference' 'identity.default.autoEncryptDrafts' \
        "$(cat "$PROFILE/prefs.js")"
}

# The page of the account's settings keeps what it shows, which goes before the preference for all.
settings_opened() {
    profile_new taro
    thunderbird_starts_again 'with a new profile' 'Builtin Object Token'
    works "the account's settings are opened" holder chooseCertificate no
    thunderbird_ends
    expect_has '  Thunderbird keeps a preference of the account' \
        'identity.id1.autoEncryptDrafts", true' "$(cat "$PROFILE/prefs.js")"
    ends 0 'jpki setup thunderbird' jpki setup thunderbird --yes --profile "$PROFILE"
    expect_has '  it warns' "$PROFILE/prefs.js makes Thunderbird store drafts encrypted" "$OUTPUT"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    modules_installed
    mail_server_start
    pcscd_start
    card_new card
    card_insert card 0
    made_by_thunderbird
    untouched
    signing
    used_since
    settings_opened
    works 'no PIN went to the other token' only_pin_of sign card 0
    interop_end
}

main "$@"
