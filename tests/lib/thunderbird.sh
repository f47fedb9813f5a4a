# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Thunderbird without a screen, remotely controlled, a mail server, and a holder who signs mail. After
# interop.sh; the name of the card is card, CARD its folder.

readonly SMTP_PORT=2525 TO=taro@example.jp
readonly PROMPT='^promptPassword .* Please authenticate to the security device'
PROFILE=
MAIL=
MAILS=0 # how many have been sent
THUNDERBIRD_PID=
FROM=0 # the place in the card's log where the holder was asked first

# ---- a mail server ----

mail_server_start() {
    MAIL=$WORK/mail
    mkdir "$MAIL"
    python3 "$ROOT/tests/lib/smtp_sink.py" "$SMTP_PORT" "$MAIL" >"$WORK/smtp.log" 2>&1 &
    wait_until 10 grep -qE ":$(printf '%04X' "$SMTP_PORT") 0{8}:0{4} 0A " /proc/net/tcp ||
        die "the mail server did not start: $(cat "$WORK/smtp.log")"
}

# How many messages have arrived.
mails() {
    find "$MAIL" -name '*.eml' | wc -l
}

# ---- Thunderbird ----

thunderbird_start() {
    MOZ_HEADLESS=1 MOZ_CRASHREPORTER_DISABLE=1 thunderbird --profile "$PROFILE" \
        --marionette --remote-allow-system-access >>"$WORK/thunderbird.log" 2>&1 &
    THUNDERBIRD_PID=$!
}

# thunderbird_starts_again WHAT MODULE: until it lists this module.
thunderbird_starts_again() {
    thunderbird_start
    works "$1" wait_until 120 lists "$2"
}

thunderbird_ends() {
    local code=0
    works 'Thunderbird is closed' inside quit
    wait_until 60 process_gone "$THUNDERBIRD_PID" || kill -KILL "$THUNDERBIRD_PID"
    wait "$THUNDERBIRD_PID" || code=$?
    expect '  it ends well' 0 "$code"
}

# inside FUNCTION ARGUMENT...: one of those in tests/lib/thunderbird.js.
inside() {
    timeout 180 python3 "$ROOT/tests/lib/thunderbird.py" "$PROFILE" "$@" </dev/null
}

# holder FUNCTION ANSWERS ARGUMENT...: one of those where a holder is asked.
holder() {
    inside "$1" "$(card_log card)" "${@:2}"
}

# asked NUMBER [MARK]: how often for a PIN, in OUTPUT. Sets FROM, to MARK if never.
asked() {
    expect '  PIN prompts' "$1" "$(grep -cE "$PROMPT" <<<"$OUTPUT" || true)"
    FROM=$(sed -n 's/^promptPassword \([0-9]*\) .*/\1/p' <<<"$OUTPUT" | head -n 1)
    FROM=${FROM:-${2:-0}}
}

lists() {
    inside modules | grep -E "$1" >/dev/null
}

lists_not() {
    local found
    found=$(inside modules) && ! grep -qE "$1" <<<"$found"
}

# ---- the certificate ----

# trusts WHICH ANSWERS: the CA of this key, which is on the card, for mail. By its entry in the list,
# since what Thunderbird sees on a card it does not import.
trusts() {
    local mark
    mark=$(apdu_mark card)
    works "the card's CA is trusted for mail" \
        holder trustAuthority "$2" "$(fingerprint "$CARD/$1-ca.pem")"
    expect_has '  by the list of authorities' '^authority .* editcacert.xhtml$' "$OUTPUT"
    expect_has '  which has it' '^trusted$' "$OUTPUT"
    asked "$(wc -w <<<"$2")" "$mark"
    expect_at_most '  APDUs from the prompt' 30 "$(apdus_since card "$FROM")"
}

fingerprint() {
    openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//'
}

common_name() {
    openssl x509 -in "$CARD/$1.pem" -noout -subject -nameopt multiline |
        sed -n 's/^ *commonName *= //p'
}

# ---- messages ----

# sends WHAT PROMPTS APDUS VERIFYS ANSWERS: a message, and what it may take from the first prompt.
sends() {
    local mark text="私は$1、これに署名します。"
    mark=$(apdu_mark card)
    works "a signed message, $1" holder send "$5" "$TO" "$1" "$text"
    expect_has '  it is sent' '^sent signed$' "$OUTPUT"
    MAILS=$((MAILS + 1))
    expect '  it has arrived' "$MAILS" "$(mails)"
    asked "$2" "$mark"
    expect_at_most '  APDUs from the prompt to its arrival' "$3" "$(apdus_since card "$FROM")"
    expect_at_most '  VERIFYs' "$4" "$(verifies_since card "$mark")"
    expect '  signatures' 1 "$(apdu_lines card "$mark" | grep -c '^802A')"
    judged "$MAIL/$MAILS.eml" "$text"
}

# saves WHAT PROMPTS SIGNATURES ANSWERS: a draft that its writer wants to sign when it is finished.
saves() {
    local mark
    mark=$(apdu_mark card)
    works "a draft, $1" holder saveDraft "$4" "$TO" "Draft $1" 'Not yet'
    asked "$2"
    expect '  signatures' "$3" "$(apdu_lines card "$mark" | grep -c '^802A')"
    OUTPUT=$(sed -n "/^Subject: Draft $1/,\$p" "$PROFILE/Mail/127.0.0.1/Drafts")
    expect '  signed drafts in the folder' "$3" "$(grep -c '^Content-Type: multipart/signed' <<<"$OUTPUT")"
    expect_has '  of this account' '^From: Hanako' "$OUTPUT"
}

# judged MAIL TEXT: by OpenSSL, up to the CA of the card.
judged() {
    works '  OpenSSL accepts it' openssl cms -verify -in "$1" -CAfile "$CARD/sign-ca.pem" \
        -out "$WORK/content" -signer "$WORK/signer.pem"
    expect '  what was signed is what was written' "$2" "$(mail_text <"$WORK/content")"
    expect "  the signer's certificate is the card's" "$(fingerprint "$CARD/sign.pem")" \
        "$(fingerprint "$WORK/signer.pem")"
}

mail_text() {
    python3 -c 'import email, sys
part = email.message_from_binary_file(sys.stdin.buffer)
sys.stdout.write(part.get_payload(decode=True).decode().rstrip())'
}
