#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The holder's command: what it shows without a PIN, in both languages, on cards of all kinds.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

# The day on which a certificate ends, as jpki writes it.
last_day() {
    date -u -d "$(openssl x509 -in "$1" -noout -enddate | sed 's/^notAfter=//')" +%Y-%m-%d
}

# The token's serial number, as another program sees it.
serial() {
    tool --list-token-slots | sed -n 's/^ *serial num *: *//p' | head -n 1
}

# What a service that runs may answer. None of it is "no memory", but where it is.
service() {
    ends 3 'a service that turns us away' shim away status
    expect_has '  it says so' '^jpki: the smart card service \(pcscd\) turns you away' "$OUTPUT"
    ends 1 'one without memory' shim exhausted status
    expect_has '  it says so' 'no memory is left, here or in the smart card service' "$OUTPUT"
}

# Settings that do not count are no secret, whatever else is done.
settings() {
    local file=$HOME/.config/jpki-pkcs11.conf what
    for what in 'isolation = maybe' folder; do
        mkdir -p "$HOME/.config"
        if [ "$what" = folder ]; then mkdir "$file"; else echo "$what" >"$file"; fi
        ends 0 "in the settings: $what" jpki status
        expect_has '  it is said' '^jpki: not all settings count.*"jpki config" names them' "$OUTPUT"
        expect_has '  the card is shown' '^My Number Card' "$OUTPUT"
        ends 1 '  jpki config' jpki config
        expect_has '  names it' "^jpki: $file" "$OUTPUT"
        rm -r "$file"
    done
    echo 'isolation = yes' >"$file"
    ends 0 'settings in order' jpki status
    expect_has_not '  nothing is said' '^jpki:' "$OUTPUT"
    rm "$file"
}

no_card() {
    ends 3 'without pcscd' jpki status
    expect_has '  it says why' '^jpki: the smart card service \(pcscd\) does not run; "jpki doctor"' "$OUTPUT"
    ends 3 '  nor is there a certificate' jpki cert auth
    pcscd_start
    service
    ends 3 'with empty readers' jpki status
    expect '  both are shown' 2 "$(grep -c '^Reader ' <<<"$OUTPUT")"
    ends 3 '  nor is there a list' jpki list
    expect_has '  it says why' 'no My Number Card in any reader' "$OUTPUT"
}

status() {
    local mark
    mark=$(apdu_mark card)
    ends 0 'status' jpki status
    expect_has '  the kind and the serial number' "^My Number Card, serial number $(serial)\$" "$OUTPUT"
    expect_has '  until when' "^  Certificate +valid until $(last_day "$CARD/auth.pem")\$" "$OUTPUT"
    expect_has '  the tries of the PIN' '^  PIN +3 of 3 tries left$' "$OUTPUT"
    expect_has '  and of the password' '^  Password +5 of 5 tries left$' "$OUTPUT"
    expect '  no line is wider than a terminal' '' "$(grep -E '^.{81}' <<<"$OUTPUT")"
    expect '  no PIN was presented' 0 "$(verifies_since card "$mark")"
    ends 0 'status, for programs' jpki status --json
    expect '  a key for each' 'auth sign' "$(json '" ".join(k["key"] for k in x[0]["keys"])')"
    expect '  its end' "$(last_day "$CARD/auth.pem")" "$(json 'x[0]["keys"][0]["valid_until"]')"
    expect '  its tries' '3 5' "$(json '"%d %d" % tuple(k["tries"] for k in x[0]["keys"])')"
    expect '  the empty reader' none "$(json 'x[1]["card"]')"
}

# For people only: a program that reads it wants none.
colour() {
    local escape=$'\e\\['
    ends 0 'status on a terminal' typed '' status
    expect_has '  is coloured' "$escape" "$OUTPUT"
    ends 0 '  not if that is unwanted' env NO_COLOR=1 python3 "$ROOT/tests/lib/typist.py" ': $' '' \
        "$(card_log card)" "$WORK/asked" "$JPKI" status
    expect_has_not '  then it is plain' "$escape" "$OUTPUT"
    ends 0 'status into a pipe' jpki status
    expect_has_not '  is plain' "$escape" "$OUTPUT"
}

list() {
    ends 0 'list' jpki list --json
    expect '  its addresses work elsewhere' 'auth sign' "$(json '" ".join(t["key"] for t in x)')"
    works '  for another program' with_module p11tool --provider "$MODULE" --list-all \
        "$(json 'x[0]["uri"]')"
    expect_has '  which finds the certificate' 'Label: User Authentication Certificate' "$OUTPUT"
    expect_has_not '  of this token only' 'Label: .*Signature' "$OUTPUT"
}

# certificate NAME FILE: in every form, by another program's judgement.
certificate() {
    expect "cert $1 is the card's" "$(openssl x509 -in "$2" -outform DER | sha256sum)" \
        "$(jpki cert "$1" --der | sha256sum)"
    expect '  as PEM too' "$(openssl x509 -in "$2")" "$(jpki cert "$1")"
    expect_has '  as text' "Issuer: .*O = JPKI-FAKE" "$(jpki cert "$1" --text)"
    openssl x509 -in "$2" -noout -pubkey >"$WORK/public"
    expect '  as a public key of ssh' "$(ssh-keygen -i -m PKCS8 -f "$WORK/public")" \
        "$(jpki cert "$1" --ssh | cut -d' ' -f1,2)"
}

# The signature certificate is not free: what it gives away is said before the question.
signature_certificate() {
    ends 0 'the signature certificate' typed "$PIN_SIGN" cert sign
    asked 1
    expect_has '  what it gives away is said' 'your name, address, date of birth and sex' "$OUTPUT"
    expect "  it is the card's" "$(openssl x509 -in "$CARD/sign.pem" -noout -fingerprint)" \
        "$(openssl x509 -noout -fingerprint <<<"$OUTPUT")"
    ends 1 '  not without a terminal' jpki cert sign
    expect_has '  it says so' 'needs a terminal' "$OUTPUT"
}

# away_from_card PID MARK: it has been at the card since MARK, and has no connection to pcscd now.
away_from_card() {
    [ "$(apdus_since card "$2")" -gt 5 ] && [ -z "$(find "/proc/$1/fd" -lname 'socket:*')" ]
}

# A reader of what is printed that takes his time, as a pager does: the first write waits for him.
slow_reader() {
    local pid mark
    mkfifo "$WORK/full"
    exec 9<>"$WORK/full"
    dd if=/dev/zero of="$WORK/full" bs=1024 oflag=nonblock 2>/dev/null || true
    rm -rf "$XDG_CACHE_HOME/jpki-pkcs11" # so that the card has to be asked
    mark=$(apdu_mark card)
    env LD_PRELOAD="$PRELOAD" stdbuf -o0 "$JPKI" cert auth --text >"$WORK/full" 2>/dev/null &
    pid=$!
    works 'the card is left before a certificate is printed' wait_until 10 away_from_card "$pid" "$mark"
    expect '  which is not yet taken' alive "$(kill -0 "$pid" && echo alive)"
    kill "$pid" || true # it may have ended, which is told above
    wait "$pid" || true
    exec 9>&-
}

# to FILE ARGUMENT...: jpki with standard output there; to_nowhere: closed.
to() {
    local file=$1
    shift
    jpki "$@" >"$file"
}

to_nowhere() {
    jpki "$@" >&-
}

# A script that leaves letters out would break when there is another option of that beginning.
abbreviations() {
    local option
    for option in --js --jso --json=; do
        ends 2 "an abbreviation: $option" jpki status "$option"
        expect_has '  the option is named' 'did you mean "--json"' "$OUTPUT"
    done
    ends 2 'an abbreviation with a value' jpki cert auth --rea 'PCD 00 00'
    expect_has '  the option is named' 'no option "--rea"; did you mean "--reader"' "$OUTPUT"
    ends 2 '  with = before it' jpki cert auth '--read=PCD 00 00'
    expect_has '  the option is named' 'did you mean "--reader"' "$OUTPUT"
    ends 2 '  without it' jpki cert auth --r
    expect_has '  the option is named' 'did you mean "--reader"' "$OUTPUT"
    ends 2 'an abbreviation of help' jpki status --he
    expect_has '  the option is named' 'did you mean "--help"' "$OUTPUT"
    ends 0 'but for -h' jpki status -h
    expect_has '  which is help' '^usage: jpki status' "$OUTPUT"
    ends 2 'an abbreviation before what would be written over' jpki sign --f "$WORK/short"
    expect_has '  the option is named' 'did you mean "--force"' "$OUTPUT"
}

mistakes() {
    ends 2 'nothing asked for' jpki
    ends 2 'a command that does not exist' jpki stats
    expect_has '  the nearest is named' 'did you mean "status"' "$OUTPUT"
    ends 2 'an option that does not exist' jpki status --jsn
    expect_has '  the nearest is named' 'did you mean "--json"' "$OUTPUT"
    ends 2 'two letters' jpki cert auth -xy
    expect_has '  are named, not the word before them' 'cert has no option "-xy"' "$OUTPUT"
    ends 2 'an option without its value' jpki cert auth --reader
    expect_has '  it says so' '--reader wants a value' "$OUTPUT"
    abbreviations
    ends 2 'an option with two values' jpki cert auth --reader 'PCD 00 00' --reader=Nonesuch
    expect_has '  both are said' '"PCD 00 00" and with "Nonesuch"' "$OUTPUT"
    ends 0 '  twice the same one' jpki cert auth --reader 'PCD 00 00' --reader='PCD 00 00' --pem --pem
    ends 0 '  before and behind the word' jpki cert --reader 'PCD 00 00' auth --pem
    ends 2 'a certificate that does not exist' jpki cert auth-c
    expect_has '  the nearest is named' 'did you mean "auth-ca"' "$OUTPUT"
    ends 2 'two forms at once' jpki cert auth --pem --der
    ends 2 'too many words' jpki list everything
    ends 3 'a reader that does not exist' jpki cert auth --reader Nonesuch
    ends 0 'help' jpki cert --help
    expect_has '  with the options' '^  --ssh +' "$OUTPUT"
    ends 1 'a full disk' to /dev/full cert auth
    expect_has '  it says so' 'standard output: No space left' "$OUTPUT"
    ends 1 'standard output that is closed' to_nowhere cert auth
}

japanese() {
    translations_here
    ends 0 'status in Japanese' in_japanese jpki status
    expect_has '  the kind of card' '^マイナンバーカード、シリアル番号 ' "$OUTPUT"
    expect_has '  the tries' '^  暗証番号       残り 3 回\(3 回のうち\)$' "$OUTPUT"
    ends 2 'a mistake in Japanese' in_japanese jpki stats
    expect_has '  it says so' '「status」のことですか' "$OUTPUT"
}

# kind WHAT PATTERN OPTION...: what status says of a card that is made with these options.
kind() {
    local what=$1 pattern=$2
    shift 2
    card_take 1
    card_new other --force "$@"
    card_insert other 1
    ends 0 "$what" jpki status
    expect_has '  status says so' "$pattern" "$(sed -n '/^Reader .* 01$/,$p' <<<"$OUTPUT")"
}

kinds() {
    card_new other
    card_insert other 1
    ends 2 'two cards, and none named' jpki cert auth
    expect_has '  it says what to do' '--reader NAME' "$OUTPUT"
    expect 'the one that is named' "$(openssl x509 -in "$(card_dir other)/auth.pem")" \
        "$(jpki cert auth --reader '00 01')"
    kind 'an expired certificate' 'has ended on .* and cannot be used' --expired
    kind 'one that ends soon' '^ +Your municipal office renews it' --expiring
    kind 'a card without signature certificate' '^  Certificate +none was issued' --no-sign-cert
    kind 'a telephone' '^JPKI on Android, serial' --smartphone
    card_take 1
    card_new foreign --set label=SOMETHING
    card_insert foreign 1
    ends 0 'another kind of card' jpki status
    expect_has '  status says so' '^Another kind of card' "$OUTPUT"
}

# A certificate whose words would clear the screen.
deceiver() {
    card_take 1
    card_new other --force
    works 'a deceiving certificate' openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/key" \
        -subj /CN=Evil -addext $'nsComment=a\e[2Jb' -outform DER \
        -out "$(card_dir other)/auth-ca.der"
    card_insert other 1
    ends 0 '  as text' jpki cert auth-ca --text --reader '00 01'
    expect_has '  its controls are not shown' 'a\?\[2Jb' "$OUTPUT"
    expect_has '  the rest is as it was' '^    Data:$' "$OUTPUT"
}

# A configuration of OpenSSL with which it can do nothing.
openssl_configuration() {
    printf '%s\n' 'openssl_conf = all' '[all]' 'providers = list' '[list]' 'null = section' \
        '[section]' 'activate = 1' >"$WORK/openssl.cnf"
    refused 'a configuration with which openssl can do nothing' 'No store loader found' \
        env OPENSSL_CONF="$WORK/openssl.cnf" openssl x509 -in "$CARD/auth.pem" -noout -text
    ends 0 '  is nothing to jpki' env OPENSSL_CONF="$WORK/openssl.cnf" "$JPKI" cert auth --text
    expect_has '  which shows the key' '^ *Modulus:$' "$OUTPUT"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    no_card
    card_new card
    card_insert card 0
    status
    settings
    colour
    list
    certificate auth "$CARD/auth.pem"
    certificate auth-ca "$CARD/auth-ca.pem"
    certificate sign-ca "$CARD/sign-ca.pem"
    signature_certificate
    slow_reader
    openssl_configuration
    mistakes
    japanese
    kinds
    deceiver
    interop_end
}

main "$@"
