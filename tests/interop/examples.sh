#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The examples of the manual, as they stand there in both languages, do what the pages say.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

SYSTEM=/etc/jpki-pkcs11.conf
MAN=$ROOT/docs/man # of the language whose turn it is

# example PAGE NUMBER: that block of the page, with the folder of the modules of this build in it.
example() {
    awk -v wanted="$2" '/^```$/ { count++; next } count == 2 * wanted - 1' "$MAN/$1.scd" |
        sed -e "s,@moduledir@,$(dirname "$MODULE_AUTH"),g" -e 's/\\\\/\\/g'
}

# do_example PAGE NUMBER [EDIT]: in this very shell, whose jobs later examples mean; without the lines
# that prepare a whole machine.
do_example() {
    local script
    script=$(example "$1" "$2" | sed -e '/^sudo /d' -e "${3:-}")
    [ -n "$script" ] || die "$1 has no example $2"
    eval "$script"
}

pkcs11-tool() {
    with_module env JPKI_PKCS11_SLOTS="${JPKI_PKCS11_SLOTS:-}" pkcs11-tool "$@"
}

# labels: of the tokens in a listing.
labels() {
    sed -n 's/^  token label *: //p' | paste -sd'|'
}

# ---- jpki-pkcs11.conf(5) ----

# in_force FILE PLACE: every setting in FILE is in force, comes from PLACE, and is enforced where it
# stands under [enforced].
in_force() {
    ends 0 'jpki config has nothing against it' jpki config --json
    expect '  and each setting is in force' True "$(json "(lambda facts: all(
        (facts[key]['value'], facts[key]['source'], facts[key]['enforced']) == (value, '$2', enforced)
        for key, value, enforced in [
            (line.split(' = ')[0], line.split(' = ')[1].split(' ;')[0].strip(), part == 1)
            for part, text in enumerate(open('$1').read().split('[enforced]'))
            for line in text.splitlines() if ' = ' in line]))(
        {fact['key']: fact for fact in x})")"
    expect_has '  of which there are some' '^[a-z.-]+ = ' "$(cat "$1")"
}

settings() {
    local own=$HOME/.config/jpki-pkcs11.conf
    mkdir -p "$HOME/.config"
    example jpki-pkcs11.conf.5 1 >$SYSTEM
    in_force $SYSTEM $SYSTEM
    expect '  programs see the key for logging in alone' "$LABEL_AUTH" "$(tool -L | labels)"
    printf 'slots = both\nhistory = no\n' >"$own"
    expect '  unless the holder says so' "$LABEL_AUTH|$LABEL_SIGN" "$(tool -L | labels)"
    ends 1 '  but what is enforced stands' jpki config
    expect_has '    the holder is told' "history.*enforced" "$OUTPUT"
    rm $SYSTEM
    example jpki-pkcs11.conf.5 2 >"$own"
    in_force "$own" "$own"
    echo 'isolation = maybe' >"$own"
    works 'one program alone with other settings' do_example jpki-pkcs11.conf.5 3
    expect '  sees the signature key alone' "$LABEL_SIGN" "$(labels <<<"$OUTPUT")"
    expect_has '  and shows what is wrong' "isolation.*maybe" "$OUTPUT"
    rm "$own"
}

# ---- jpki-vcard(1) ----

virtual_card() {
    local log=apdu.log code=0
    rm -rf card "$log"
    do_example jpki-vcard.1 1 '/^jpki status/d' >"$SANDBOX/log/example.run" 2>&1
    await_reader 0 present
    works 'jpki knows the card' jpki status
    expect_has '  and its end' '^  Certificate  *valid until 20' "$OUTPUT"
    expect_has '  the log has the commands' '^> 00A4' "$(cat $log)"
    pcscd_stop TERM
    pcscd_start
    await_reader 0 present
    passed 'it waits for a service that comes back'
    do_example jpki-vcard.1 2 '1!d'
    await_reader 0 empty
    passed 'SIGUSR1 takes it out'
    do_example jpki-vcard.1 2 '2!d'
    await_reader 0 present
    passed 'SIGUSR2 puts it in'
    modules
    do_example jpki-vcard.1 2 '3!d'
    await_reader 0 empty
    wait %1 || code=$?
    expect 'the last signal ends it' 0 "$code"
}

fault() {
    do_example jpki-vcard.1 3 's/&$/--log apdu.log \&/' >"$SANDBOX/log/example.run" 2>&1
    await_reader 0 present
    : >apdu.log
    sign_auth RSA-PKCS "$WORK/short" "$WORK/sig" >/dev/null 2>&1 || true
    refused 'a card that is pulled' . sign_auth RSA-PKCS "$WORK/short" "$WORK/sig"
    expect '  at the third signing command' "$(printf '%s\n' 3 '! pull')" \
        "$(grep -c '^> ..2A' apdu.log; grep -A1 '^> ..2A' apdu.log | tail -n 1)"
    kill %1
    await_reader 0 empty
    wait %1
    # A reader of vpcd is of no more use when a card was pulled inside a command.
    pcscd_stop TERM
    pcscd_start
}

# ---- jpki-pkcs11(7) ----

modules() {
    local address
    cp "$WORK/short" FILE
    rm -f FILE.sig auth.pub
    works 'a signature with the key for logging in' do_example jpki-pkcs11.7 1 \
        "s/--login/--login --pin $PIN_AUTH/"
    expect_has '  OpenSSL accepts it' '^Verified OK$' "$OUTPUT"
    expect_has '  the token is listed' "$LABEL_AUTH" "$OUTPUT"
    works '  with the key of the certificate' cmp auth.pub "$(public_key card/auth.pem)"
    address=$(example jpki-pkcs11.7 2)
    works 'the address' with_module p11tool --provider "$MODULE_AUTH" --list-all "$address;type=cert"
    expect '  leads to one certificate' 1 "$(grep -c '^Object ' <<<"$OUTPUT")"
}

main() {
    local language
    interop_begin "${BASH_SOURCE[0]}" "$@"
    PATH=$(dirname "$VCARD"):$PATH
    own_etc
    pcscd_start
    cd "$WORK"
    for language in '' ja; do
        say "-- ${language:-en}"
        MAN=$ROOT/docs/man/$language
        card_new "card$language"
        card_insert "card$language" 0
        settings
        card_take 0
        virtual_card
        fault
    done
    interop_end
}

main "$@"
