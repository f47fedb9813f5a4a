#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What docs/reporting.md asks a holder to make and to send: it is made as the page says, by programs
# that were given PINs, right and wrong, and that signed; and nothing in it tells who the holder is.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/pages.sh
. "$ROOT/tests/lib/pages.sh"

readonly PAGE=docs/reporting.md
readonly RIGHT=7391 WRONG=8264 PASSWORD=QZ7XW4KV9JPB3HGM # none of them stands anywhere by chance
SENT=(doctor.json jpki.log)

# The holder: a name, a place and a day that are found if they are anywhere.
holder() {
    card_new card --name '架空 花子' --address '仮想県試験市模擬町九丁目' --birth 19790823 \
        --municipality Mogi-shi --prefecture Kasou-ken --expiring --pin-auth "$RIGHT" \
        --pin-sign "$PASSWORD"
    card_insert card 0
    CARD=$(card_dir card)
    export HOME=$SANDBOX/hanako
    mkdir -p "$HOME/.config"
    cd "$HOME"
    printf '%s\n' 'isolation = maybe' "pin.reserve = $RIGHT" >"$HOME/.config/jpki-pkcs11.conf"
    mkdir "$WORK/bin"
    ln -s "$JPKI" "$WORK/bin/"
    PATH=$WORK/bin:$PATH
}

# in_shell COMMAND: as somebody runs it who follows the page.
in_shell() {
    setsid --wait timeout 60 bash -c "$1" </dev/null
}

# makes CODE COMMAND
makes() {
    ends "$1" "$2" in_shell "$2"
}

# hex TEXT: as a dump of bytes has it.
hex() {
    printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}

# der FILE: beginnings of what stands in a certificate, in hexadecimal: its number, and its first bytes.
der() {
    openssl x509 -in "$1" -noout -serial | sed 's/^serial=//'
    openssl x509 -in "$1" -outform DER | od -An -v -tx1 -N 16 | tr -d ' \n'
    openssl x509 -in "$1" -noout -modulus | sed 's/^Modulus=\(.\{24\}\).*/\1/'
}

# secrets: what may stand in no file that is sent, one a line. In numbers and in letters.
secrets() {
    local text
    for text in "$RIGHT" "$WRONG" "$PASSWORD"; do
        printf '%s\n' "$text" "$(hex "$text")"
    done
    der "$CARD/auth.pem"
    der "$CARD/sign.pem"
    printf '%s\n' 架空 花子 試験市 模擬町 Mogi Kasou 19790823 1979-08-23
}

# The days and names that the page says are there, and are taken out.
traces() {
    printf '%s\n' "$SERIAL" "$LAST_DAY" "$HOME"
}

# found LIST: what of it stands in one of the files.
found() {
    local text
    "$1" | while read -r text; do
        grep -qiF -e "$text" "${SENT[@]}" && printf '%s ' "$text"
    done
    true
}

# Not only what the page has as an example: programs that ask for PINs, with the same log.
programs() {
    local -a verify=(pin verify auth) sign=(sign "$WORK/short")
    export JPKI_PKCS11_DEBUG=debug
    ends 4 'a wrong PIN' typed "$WRONG" "${verify[@]}"
    printf '%s\n' "$OUTPUT" >>jpki.log
    ends 0 'the right one' typed "$RIGHT" "${verify[@]}"
    printf '%s\n' "$OUTPUT" >>jpki.log
    ends 0 'a signature' typed "$PASSWORD" "${sign[@]}"
    printf '%s\n' "$OUTPUT" >>jpki.log
    works 'a signature by another program' sign_with "$MODULE" "$LABEL_AUTH" "$RIGHT" 01 \
        SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    printf '%s\n' "$OUTPUT" >>jpki.log
    unset JPKI_PKCS11_DEBUG
    expect_has '  the log has the commands with a PIN' 'command with a PIN -> 63C2' "$(cat jpki.log)"
    expect_has '  and the signatures' 'card: 80 2A .*-> 256 bytes, 9000' "$(cat jpki.log)"
}

# What is in the files before the last command is what the page says, so that the search does find.
before_cleaning() {
    SERIAL=$(tool --list-token-slots | sed -n 's/^ *serial num *: *//p' | head -n 1)
    LAST_DAY=$(date -u -d "$(openssl x509 -in "$CARD/auth.pem" -noout -enddate |
        sed 's/^notAfter=//')" +%Y-%m-%d)
    expect 'serial number, last day and home folder are there' "$SERIAL $LAST_DAY $HOME " \
        "$(found traces)"
    expect '  of which the first has so many digits' 16 "${#SERIAL}"
}

after_cleaning() {
    expect 'they are gone' '' "$(found traces)"
    expect '  and no secret is there' '' "$(found secrets)"
    printf '%s\n' "$(openssl x509 -in "$CARD/sign.pem" -noout -serial)" >>jpki.log
    expect '  where one would be found' "$(openssl x509 -in "$CARD/sign.pem" -noout -serial |
        sed 's/^serial=//') " "$(found secrets)"
    sed -i '$d' jpki.log
    OUTPUT=$(cat doctor.json)
    expect '  doctor.json is still JSON, and says what is wrong' True \
        "$(json '{"setting", "certificate-ending"} <= {f["name"] for f in x}')"
    expect_has '  the log is still one' '^jpki-pkcs11\[[0-9]+\] info: reader ' "$(cat jpki.log)"
}

# play COMMAND
play() {
    case $1 in
        'jpki --version')
            makes 0 "$1"
            expect '  it is that of this build' \
                "jpki $(meson introspect --projectinfo "$BUILD" | python3 -c \
                    'import json, sys; print(json.load(sys.stdin)["version"])')" "$OUTPUT"
            ;;
        '/usr/sbin/pcscd --version')
            makes 0 "$1"
            expect_has '  it says which' '[0-9]+\.[0-9]+\.[0-9]+' "$OUTPUT"
            ;;
        'jpki doctor --json > doctor.json') makes 1 "$1" ;;
        'JPKI_PKCS11_DEBUG=debug jpki status 2> jpki.log') makes 0 "$1" && programs ;;
        'sed -i -E '*)
            before_cleaning
            makes 0 "$1"
            after_cleaning
            ;;
        *) failed "$1" 'a test that tries it' 'none' ;;
    esac
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    holder
    same_commands "$PAGE"
    spans_exist "$PAGE"
    play_page "$PAGE"
    interop_end
}

main "$@"
