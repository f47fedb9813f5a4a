#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: jpki_setup_firefox.sh [all]: all kinds of homes, where one stands for them every day.
#
# jpki setup firefox: in profiles that Firefox itself has made, up to a login; and how all is as it was
# when it is undone.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"
# shellcheck source=tests/lib/firefox.sh
. "$ROOT/tests/lib/firefox.sh"

NAME='My Number Card \(authentication\)'

# new_home: nothing is in it.
new_home() {
    HOME=$(mktemp -d "$WORK/home.XXXX")
    export HOME
}

# firefox_once ARGUMENT...: starts, and ends when it has shown a page.
firefox_once() {
    MOZ_HEADLESS=1 MOZ_CRASHREPORTER_DISABLE=1 timeout 60 firefox-esr --no-remote "$@" \
        --screenshot "$WORK/picture.png" about:blank >>"$WORK/firefox.log" 2>&1 </dev/null
    wait_until 20 firefox_gone
}

# The profile that was used, in FOLDER.
used_profile() {
    dirname "$1"/*/pkcs11.txt
}

# What a test wants of a profile: Marionette, and the CA of the test's server.
furnish() {
    profile_preferences >>"$1/user.js"
    certutil -A -d "sql:$1" -n server-ca -t C,, -i "$WORK/ca.pem"
}

modules_of() {
    modutil -dbdir "sql:$1" -list 2>&1
}

# keep PROFILE: for as_kept.
keep() {
    cp -p "$1/pkcs11.txt" "$WORK/kept.txt"
}

# kept_state FILE: mode, owner and every byte.
kept_state() {
    stat -c '%a %u %g' "$1"
    cat "$1"
}

as_kept() {
    expect "$2" "$(kept_state "$WORK/kept.txt")" "$(kept_state "$1/pkcs11.txt")"
}

# Every file of the home but what jpki remembers.
tree() {
    (cd "$HOME" && find . -path ./.local -prune -o -printf '%p %y %m %U %G %l\n' | sort &&
        find . -path ./.local -prune -o -type f -exec sha256sum {} + | sort)
}

# ---- a home as most have it ----

first_home() {
    new_home
    works 'Firefox makes its profiles' firefox_once
    PROFILE=$(used_profile "$HOME/.config/mozilla/firefox")
    expect '  two of them, one of which it uses' '2 1' \
        "$(grep -c '^Path=' "$HOME/.config/mozilla/firefox/profiles.ini") $(wc -w <<<"$PROFILE")"
    furnish "$PROFILE"
    chmod 640 "$PROFILE/pkcs11.txt"
    chown 65534:65534 "$PROFILE/pkcs11.txt"
    keep "$PROFILE"
    local before
    before=$(tree)
    ends 0 'jpki setup firefox, shown only' jpki setup firefox --dry-run
    expect_has '  the file' "^$PROFILE/pkcs11.txt: " "$OUTPUT"
    expect '  nothing is changed' "$before" "$(tree)"
    ends 0 'jpki setup firefox' jpki setup firefox --yes
    expect_has '  modutil lists the module' "^ *2\\. $NAME\$" "$(modules_of "$PROFILE")"
    expect_has '  by its path' "library name: $MODULES/jpki-pkcs11-auth\\.so\$" "$(modules_of "$PROFILE")"
    expect_has '  with the card' "token: $LABEL_AUTH\$" "$(modules_of "$PROFILE")"
    before=$(tree)
    ends 0 'once more' jpki setup firefox --yes
    expect_has '  it is there already' "^$PROFILE/pkcs11.txt: it is there already" "$OUTPUT"
    expect '  nothing is changed' "$before" "$(tree)"
}

login() {
    firefox_start
    works 'Firefox lists the module' wait_until 20 lists "^$NAME	$MODULES/jpki-pkcs11-auth\\.so	$LABEL_AUTH"
    works '  login' with_tls_server -tls1_3 -- visit "$PIN_AUTH"
    firefox_page RSA-PSS
}

lists() {
    firefox modules | grep -E "$1" >/dev/null
}

# Firefox runs, and then it has crashed.
while_it_runs() {
    local now
    now=$(kept_state "$PROFILE/pkcs11.txt")
    ends 1 'undoing it while Firefox runs' jpki setup firefox --undo --yes
    expect_has '  it says what to do' "Firefox is running \\($PROFILE\\); close it first" "$OUTPUT"
    expect '  nothing is changed' "$now" "$(kept_state "$PROFILE/pkcs11.txt")"
    kill -KILL "$FIREFOX_PID"
    wait "$FIREFOX_PID" 2>/dev/null || true
    works 'Firefox has crashed, and left its lock files' test -L "$PROFILE/lock" -a -e "$PROFILE/.parentlock"
    ends 0 '  undone' jpki setup firefox --undo --yes
    as_kept "$PROFILE" '  every byte, mode and owner is as before'
    expect_has_not '  modutil lists no module of jpki' jpki "$(modules_of "$PROFILE")"
    firefox_start
    expect_has_not '  Firefox does not know it any more' jpki "$(firefox modules)"
    keep "$PROFILE"
    ends 1 'setting up while Firefox runs' jpki setup firefox --yes
    expect_has '  it says what to do' "Firefox is running \\($PROFILE\\); close it first" "$OUTPUT"
    as_kept "$PROFILE" '  nothing is changed'
    firefox_quits 'without the module'
}

# ---- others have written, too ----

# Firefox itself writes pkcs11.txt anew.
other_module() {
    cp "$MODULE_AUTH" "$WORK/other.so"
    ends 0 'set up again' jpki setup firefox --yes
    firefox_start
    works '  the holder loads another module' firefox add 'Other' "$WORK/other.so"
    firefox_quits 'with both'
    ends 0 '  undone' jpki setup firefox --undo --yes
    expect_has '  it says how' 'only these lines are taken out' "$OUTPUT"
    expect_has_not '  ours is gone' "$NAME" "$(modules_of "$PROFILE")"
    firefox_start
    works '  Firefox lists the other' wait_until 20 lists '^Other	.*/other\.so	'
    expect_has_not '  and ours no more' "$NAME" "$(firefox modules)"
    works '  login by the other' with_tls_server -tls1_3 -- visit "$PIN_AUTH"
    firefox_page RSA-PSS
    works '  the holder unloads it' firefox remove Other
    firefox_quits 'without modules'
}

# What the holder or his administrator has registered stays his.
by_others() {
    firefox_start
    works 'the holder loads the module himself' firefox add 'Mine' "$MODULES/jpki-pkcs11-auth.so"
    firefox_quits 'with his module'
    keep "$PROFILE"
    ends 0 '  jpki setup firefox' jpki setup firefox --yes
    expect_has '  it is there already' "^$PROFILE/pkcs11.txt: it is there already" "$OUTPUT"
    ends 0 '  undone' jpki setup firefox --undo --yes
    as_kept "$PROFILE" '  it is still his'
    firefox_start
    works '  Firefox lists it' lists '^Mine	'
    works '  the holder unloads it' firefox remove Mine
    firefox_quits 'without modules'
    mkdir -p "$POLICIES"
    sed "s|: \".*/jpki-pkcs11-auth|: \"$MODULES/jpki-pkcs11-auth|" "$BUILD/conf/firefox-policies.json" \
        >"$POLICIES/policies.json"
    firefox_start
    works 'a policy registers the module' wait_until 20 lists "^$NAME"
    firefox_quits 'with the policy'
    keep "$PROFILE"
    ends 0 '  jpki setup firefox' jpki setup firefox --yes
    expect_has '  it is there already' "^$PROFILE/pkcs11.txt: it is there already" "$OUTPUT"
    as_kept "$PROFILE" '  nothing is changed'
    rm "$POLICIES/policies.json"
}

# ---- other homes ----

# Older versions keep all in ~/.mozilla, and newer ones go on there. The second profile has blanks in
# its name, and its folder stands elsewhere.
older_home() {
    local other
    new_home
    other="$HOME/my files/work at home"
    mkdir -p "$HOME/.mozilla/firefox" "$other"
    works 'Firefox with a folder ~/.mozilla' firefox_once
    PROFILE=$(used_profile "$HOME/.mozilla/firefox")
    works '  makes its profiles there' test -d "$PROFILE"
    works '  and another elsewhere' firefox_once --CreateProfile "work $other"
    expect_has '  by its full path' '^Path=.*/my files/work at home$' \
        "$(cat "$HOME/.mozilla/firefox/profiles.ini")"
    ends 0 'a profile that was made, but never used' jpki setup firefox --dry-run
    expect_has '  the first is set up' "^$PROFILE/pkcs11.txt: these lines" "$OUTPUT"
    expect_has_not '  the other is left' 'work at home' "$OUTPUT"
    works 'the other is used' firefox_once -P work
    furnish "$other"
    keep "$other"
    ends 0 'jpki setup firefox' jpki setup firefox --yes
    expect_has '  sets up the first' "$NAME" "$(modules_of "$PROFILE")"
    expect_has '  and the other' "$NAME" "$(modules_of "$other")"
    ends 0 '  undone' jpki setup firefox --undo --yes
    expect_has_not '  in the first' jpki "$(modules_of "$PROFILE")"
    as_kept "$other" '  and in the other'
    ends 0 'of the one profile only' jpki setup firefox --yes --profile "$other/"
    expect_has_not '  the first is left' jpki "$(modules_of "$PROFILE")"
    PROFILE=$other
    login
    firefox_quits 'with the profile elsewhere'
    ends 0 '  undone' jpki setup firefox --undo --yes
    as_kept "$other" '  it is as before'
}

# Firefox's own profile manager makes profiles that profiles.ini does not name. A Firefox that is told
# its profile on the command line has none.
managed_profiles() {
    local other
    new_home
    works 'Firefox in a new home' firefox_once
    PROFILE=$(used_profile "$HOME/.config/mozilla/firefox")
    profile_preferences >>"$PROFILE/user.js"
    printf 'user_pref("browser.profiles.enabled", true);\n' >>"$PROFILE/user.js"
    firefox_start_with
    works '  its profile manager makes another profile' firefox profile
    other=$OUTPUT
    firefox_quits 'with two profiles'
    works '  the other is used' firefox_once --profile "$other"
    expect '  profiles.ini does not name it' 0 \
        "$(grep -cF "${other##*/}" "$HOME/.config/mozilla/firefox/profiles.ini")"
    ends 0 'jpki setup firefox' jpki setup firefox --yes
    expect_has '  sets up the first' "$NAME" "$(modules_of "$PROFILE")"
    expect_has '  and the other' "$NAME" "$(modules_of "$other")"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    tls_certificates
    modules_installed
    own_policies
    first_home
    login
    while_it_runs
    other_module
    if [ "${1:-}" = all ]; then
        by_others
        managed_profiles
    fi
    older_home
    works 'the signature password was never tried' only_pin_of auth card 0
    interop_end
}

main "$@"
