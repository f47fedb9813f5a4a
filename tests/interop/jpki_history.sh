#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki history and jpki config.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

empty() {
    ends 0 'no history' jpki history
    expect_has '  it says so' '^No use is recorded' "$OUTPUT"
    ends 0 '  and none to check' jpki history --check
}

# Three uses, by another program than jpki.
table() {
    works 'a use' sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    PIN_AUTH=4321 refused 'a wrong PIN' CKR_PIN_INCORRECT sign_auth SHA256-RSA-PKCS "$WORK/short" \
        "$WORK/sig"
    ends 0 'the history' jpki history
    expect_has '  the previous use comes first' '^Previous use: .*, login \(wrong PIN\)$' \
        "$(head -n 1 <<<"$OUTPUT")"
    expect '  the newest on top' 'login wrong|signature done|login done' \
        "$(sed -n 's/^20[-0-9]* [:0-9]* auth \([a-z]*\) *\([a-z]*\).*/\1 \2/p' <<<"$OUTPUT" |
            paste -sd'|')"
    expect '  and the program' 3 "$(grep -cE "/pkcs11-tool\$" <<<"$OUTPUT")"
    ends 0 'for programs' jpki history --json
    expect '  the lines as they are' 'CKR_OK CKR_OK CKR_PIN_INCORRECT' \
        "$(json '" ".join(line["result"] for line in x)')"
    ends 0 'status shows the last use that was one' jpki status
    expect_has '  by its program' '^  Last use +20[-0-9]* [:0-9]*, .*/pkcs11-tool$' "$OUTPUT"
}

since() {
    ends 0 'since yesterday' jpki history --since "$(date -d yesterday +%F)"
    expect '  all' 3 "$(grep -c '^20' <<<"$OUTPUT")"
    ends 0 'since tomorrow' jpki history --since "$(date -d tomorrow +'%F 08:30')"
    expect '  none' 0 "$(grep -c '^20' <<<"$OUTPUT" || true)"
    ends 2 'since a day that is none' jpki history --since 'last week'
    ends 2 'two jobs at once' jpki history --check --json
}

# A program that is named so that it deceives a terminal.
deceiver() {
    local name
    name=$WORK/$'evil\e[2J\u202eexe'
    cp "$(command -v pkcs11-tool)" "$name"
    works 'a program with a deceiving name' with_module "$name" --module "$MODULE" --token-label \
        "$LABEL_AUTH" --login --pin "$PIN_AUTH" --list-objects
    ends 0 'the history' jpki history
    expect_has '  shows it harmless' 'evil\?\[2J\?exe$' "$OUTPUT"
    ends 0 'status too' jpki status
    expect_has '  shows it harmless' 'evil\?\[2J\?exe$' "$OUTPUT"
}

# The same in the words of a line that no module has written, and of a command line.
deceiving_words() {
    local history=$HOME/.local/state/jpki-pkcs11/history.jsonl
    cp "$history" "$WORK/history"
    printf '%s\n' '{"time":"2026-11-24T18:43:00.123+09:00","program":"/x","token":"\u001b[1m",
        "operation":"\u001b[2J\u202eop","result":"\u001b]0;x\u0007\u009b2J","prev":"0"}' |
        paste -sd' ' >>"$history"
    ends 0 'a line with deceiving words' jpki history
    expect_has '  their controls are not shown' '\?\[1m *\?\[2J\?op *\?\]0;x\?\?2J */x$' "$OUTPUT"
    expect_has '  nor on top' '^Previous use: .*, \?\[2J\?op \(\?\]0;x\?\?2J\)$' "$OUTPUT"
    expect '  no control character at all' '' "$(tr -d '\n[:print:]' <<<"$OUTPUT")"
    ends 0 '  for programs' jpki history --json
    expect '  no control character there either' '' "$(tr -d '\n[:print:]' <<<"$OUTPUT")"
    expect '  but the words as they are' "$(printf '\u001b[2J\u202eop')" "$(json 'x[-1]["operation"]')"
    cat "$WORK/history" >"$history"
    ends 1 'a file with a deceiving name' jpki verify "$WORK/short" $'\e[2J\nno'
    expect_has '  is complained of, harmless' '^jpki: .*\?\[2J\?no' "$OUTPUT"
}

# follow_start: it has begun to look when it returns. What an earlier one said must not be taken for
# its own, before the shell in the background has emptied the file.
follow_start() {
    : >"$WORK/followed"
    "$JPKI" history --follow >"$WORK/followed" 2>&1 &
    FOLLOWER=$!
    wait_until 5 grep -q "Each use" "$WORK/followed"
}

follow() {
    follow_start
    works 'a use while it is followed' sign_sign SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    wait_until 5 grep -q 'sign signature .*done' "$WORK/followed" || true
    kill "$FOLLOWER"
    wait "$FOLLOWER" || true
    expect_has '  it is shown' '^20.* sign signature +done +.*/pkcs11-tool$' "$(cat "$WORK/followed")"
    expect_has_not '  and no old one' ' auth ' "$(cat "$WORK/followed")"
}

# The history is emptied in its place while it is followed.
emptied() {
    local history=$HOME/.local/state/jpki-pkcs11/history.jsonl
    cp "$history" "$WORK/history"
    follow_start
    : >"$history"
    works 'a use after it was emptied' sign_sign SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    wait_until 5 grep -q 'sign signature .*done' "$WORK/followed" || true
    kill "$FOLLOWER"
    wait "$FOLLOWER" || true
    expect '  is shown, from its login on' 2 "$(grep -cE '^20.* sign (login|signature) +done' "$WORK/followed")"
    cat "$WORK/history" >"$history"
}

check() {
    local history=$HOME/.local/state/jpki-pkcs11/history.jsonl
    ends 0 'nothing is wrong' jpki history --check
    expect_has '  and all lines are counted' "^$(wc -l <"$history") lines" "$OUTPUT"
    cp "$history" "$WORK/history"
    sed -i '2s/CKR_OK/CKR_NO/' "$history"
    ends 1 'a line that was changed' jpki history --check
    expect_has '  the next one shows it' '^line 3 does not follow' "$OUTPUT"
    sed 2d "$WORK/history" >"$history"
    ends 1 'a line that was taken out' jpki history --check
    expect_has '  the next one shows it' '^line 2 does not follow' "$OUTPUT"
    sed '2s/.*/garbage/' "$WORK/history" >"$history"
    ends 1 'a line that is none' jpki history --check
    expect_has '  it is named' '^line 2 is damaged' "$OUTPUT"
    { cat "$WORK/history" && printf '{"time":'; } >"$history"
    ends 0 'a line that breaks off' jpki history --check
    expect_has '  is no fault' 'the next use will mend it' "$OUTPUT"
    works '  the next use' sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    ends 0 '  mends it' jpki history --check
    { cat "$WORK/history" && head -c 5000 /dev/zero | tr '\0' x && echo; } >"$history"
    ends 1 'a line that is too long' jpki history --check
    expect_has '  it is named' "^line $(wc -l <"$history") is damaged" "$OUTPUT"
    rm "$history"
    mkfifo "$history"
    ends 1 'a pipe in its place' jpki history
    expect_has '  it says so' 'cannot be read: Operation not supported' "$OUTPUT"
    ln -sf "$WORK/history" "$history"
    ends 1 'a link in its place' jpki history
    rm "$history"
}

# A file whose very beginning cannot be read: the memory of a process has nothing there.
read_error() {
    local history=$HOME/.local/state/jpki-pkcs11/history.jsonl way
    cp "$WORK/history" "$history"
    mount --bind /proc/$$/mem "$history"
    for way in --all --check --json --follow; do
        ends 1 "a file that cannot be read, $way" jpki history $way
        expect_has '  it says so' 'cannot be read: Input/output error' "$OUTPUT"
        expect_has_not '  and nothing else' '^(No use|[0-9]* lines|\[)' "$OUTPUT"
    done
    umount "$history"
}

config() {
    mkdir -p "$HOME/.config"
    printf '%s\n' 'sign.consent = session' 'isolation = maybe' >"$HOME/.config/jpki-pkcs11.conf"
    printf '%s\n' '[enforced]' 'history.required = yes' >/etc/jpki-pkcs11.conf
    ends 1 'the settings, of which one is wrong' jpki config
    expect_has '  it is named with file and line' "jpki-pkcs11.conf:2: 'isolation' is 'maybe'" "$OUTPUT"
    expect_has '  one of the holder' "^sign.consent +session +$HOME/.config/jpki-pkcs11.conf:1\$" \
        "$OUTPUT"
    expect_has '  one that is enforced' \
        '^history.required +yes +/etc/jpki-pkcs11.conf:2 \(enforced\)$' "$OUTPUT"
    expect_has '  one that nobody has set' '^pss +yes +the default$' "$OUTPUT"
    rm "$HOME/.config/jpki-pkcs11.conf"
    ends 0 'a folder whose name is no text' env XDG_CONFIG_HOME="$WORK/"$'caf\xe9' "$JPKI" config
    mkdir "$WORK/"$'caf\xe9'
    echo 'sign.consent = session' >"$WORK/"$'caf\xe9/jpki-pkcs11.conf'
    ends 0 '  for programs' env XDG_CONFIG_HOME="$WORK/"$'caf\xe9' "$JPKI" config --json
    expect '  its setting is not left out' session \
        "$(json '[k["value"] for k in x if k["source"] and "caf\ufffd" in k["source"]][0]')"
    ends 0 'for programs' env JPKI_PKCS11_SLOTS=auth "$JPKI" config --json
    expect '  one of the environment' 'auth JPKI_PKCS11_SLOTS' \
        "$(json '[k["value"] + " " + k["source"] for k in x if k["key"] == "slots"][0]')"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    own_etc
    pcscd_start
    card_new card
    card_insert card 0
    empty
    table
    since
    deceiver
    deceiving_words
    follow
    emptied
    check
    read_error
    config
    interop_end
}

main "$@"
