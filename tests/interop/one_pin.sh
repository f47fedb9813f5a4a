#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Real programs that have one PIN, or one wrong PIN for ever, and push it at every token that wants
# one: OpenSSH's agent, GnuTLS, NSS, poppler, OpenSC. What it costs is counted by the card.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/pdf.sh
. "$ROOT/tests/lib/pdf.sh"

readonly WRONG_AUTH=9876 WRONG_SIGN=WRONG12
NICK='JPKI Digital Signature:Digital Signature Certificate'

# ---- the card's own account ----

# tries_of auth|sign: how many are left.
tries_of() {
    local -A place=([auth]=1 [sign]=2)
    tries | cut -d' ' -f"${place[$1]}"
}

# All tries, as after a login elsewhere.
fill() {
    raw_apdus 0 00A4040C0AD392F000260100000001 00A4020C020018 0020008004"$(hex "$PIN_AUTH")" \
        00A4020C02001B 0020008006"$(hex "$PIN_SIGN")" 00A4040C07A0000001510000 >/dev/null
    [ "$(tries)" = '3 5' ] || die 'the tries could not be filled'
}

hex() {
    printf '%s' "$1" | od -An -tx1 | tr -d ' \n'
}

# ---- the programs: each takes a PIN, and may do with it what it likes ----

# ssh-agent hands its environment to the helper that loads the module. A copy of it is used, since
# the installed one belongs to a group of its own: its LD_PRELOAD would be taken away.
by_ssh() {
    local agent=$WORK/agent code=0
    printf '#!/bin/sh\necho "%s"\n' "$1" >"$WORK/askpass"
    chmod 700 "$WORK/askpass"
    rm -f "$agent.socket"
    with_module "$agent" -D -a "$agent.socket" -P "$MODULE" >"$agent.log" 2>&1 &
    local pid=$!
    wait_until 10 test -S "$agent.socket" || die "ssh-agent did not start: $(cat "$agent.log")"
    SSH_AUTH_SOCK=$agent.socket SSH_ASKPASS=$WORK/askpass SSH_ASKPASS_REQUIRE=force \
        timeout 60 ssh-add -s "$MODULE" </dev/null || code=$?
    SSH_AUTH_SOCK=$agent.socket timeout 10 ssh-add -l || true
    kill "$pid"
    wait "$pid" 2>/dev/null || true
    cat "$agent.log"
    return "$code"
}

by_gnutls() {
    with_module env GNUTLS_PIN="$1" p11tool --provider "$MODULE" --batch --login --list-all pkcs11:
}

by_gnutls_option() {
    with_module p11tool --provider "$MODULE" --set-pin "$1" --login --list-all pkcs11:
}

by_certutil() {
    printf '%s\n' "$1" >"$WORK/password"
    with_module certutil -K -h all -d "sql:$WORK/nss" -f "$WORK/password"
}

# pdfsig hands out -nss-pwd once for all tokens, but -kpw for ever.
by_pdfsig_list() {
    with_module pdfsig -nssdir "sql:$WORK/nss" -nss-pwd "$1" -list-nicks
}

by_pdfsig_sign() {
    pdf_sign "$PIN_SIGN" "$1"
}

by_pkcs11_tool_auth() {
    tool --token-label "$LABEL_AUTH" --login --pin "$1" --list-objects
}

by_pkcs11_tool_sign() {
    tool --token-label "$LABEL_SIGN" --login --pin "$1" --list-objects
}

# pdf_sign NSS_PASSWORD KEY_PASSWORD: with a module that shows the signature token alone; with both
# tokens the NSS database is never opened.
pdf_sign() {
    rm -f "$WORK/signed.pdf"
    with_module pdfsig -nssdir "sql:$WORK/nss-sign" -nss-pwd "$1" -kpw "$2" -nick "$NICK" \
        -add-signature "$WORK/plain.pdf" "$WORK/signed.pdf"
}

nss_database() {
    mkdir "$1"
    certutil -N -d "sql:$1" --empty-password
    works "NSS takes $(basename "$2")" \
        with_module modutil -dbdir "sql:$1" -add jpki -libfile "$2" -force
}

# ---- what they may do ----

# run PROGRAM PIN: ends by itself, well or badly, and does not crash. Output in OUTPUT, and the
# place in the log before it in MARK.
run() {
    local code=0
    MARK=$(apdu_mark card)
    OUTPUT=$("$1" "$2" 2>&1) || code=$?
    # certutil ends with 255 when a login has failed.
    if [ "$code" -eq 255 ]; then
        code=1
    fi
    if went_wild "$code" "$OUTPUT"; then
        failed "$1 $2: it ends" 'an end of its own' "exit code $code"$'\n'"$OUTPUT"
    fi
}

# right PROGRAM PIN WHICH OTHER PATTERN: the PIN of token WHICH is never shown to the OTHER one; the
# program says PATTERN.
right() {
    run "$1" "$2"
    expect_has "$1, PIN of $3" "$5" "$OUTPUT"
    expect "  no VERIFY at the other token" 0 "$(verifies_of "$4" card "$MARK")"
    expect '  nor any other' "$(verifies_since card "$MARK")" "$(verifies_of "$3" card "$MARK")"
    expect '  all tries are left' '3 5' "$(tries)"
}

# reached: the PIN did come to its token; else the check before would prove nothing.
reached() {
    expect '  and it was shown to its own' yes "$([ "$(verifies_of "$1" card "$MARK")" -gt 0 ] && echo yes)"
}

# wrong TIMES PROGRAM PIN WHICH OTHER: a wrong PIN in so many processes, one after the other: one
# VERIFY each at most, none at the OTHER token, none once only the last try is left.
wrong() {
    local times=$1 program=$2 pin=$3 which=$4 other=$5 number before left others
    others=$(tries_of "$other")
    for ((number = 1; number <= times; number++)); do
        before=$(tries_of "$which")
        left=$((before > 1 ? before - 1 : before))
        run "$program" "${pin//#/$(printf '%03d' "$number")}"
        expect "$program, wrong PIN, process $number: tries left" "$left" "$(tries_of "$which")"
        expect '  VERIFYs at its token' "$((before - left))" "$(verifies_of "$which" card "$MARK")"
        expect '  VERIFYs at the other' 0 "$(verifies_of "$other" card "$MARK")"
    done
    expect '  the last try is left' 1 "$(tries_of "$which")"
    expect "  and the other token's are as before" "$others" "$(tries_of "$other")"
    fill
}

openssh() {
    cp "$(command -v ssh-agent)" "$WORK/agent"
    right by_ssh "$PIN_AUTH" auth sign 'RSA\)$'
    reached auth
    right by_ssh "$PIN_SIGN" sign auth 'RSA\)$'
    reached sign
    wrong 5 by_ssh "$WRONG_AUTH" auth sign
    wrong 6 by_ssh "$WRONG_SIGN" sign auth
}

# It stops at the first token that does not take the PIN, so the signature token's is never shown.
gnutls() {
    local program
    for program in by_gnutls by_gnutls_option; do
        right "$program" "$PIN_AUTH" auth sign 'Error in provided PIN'
        reached auth
        right "$program" "$PIN_SIGN" sign auth 'Error in provided PIN'
        wrong 4 "$program" "$WRONG_AUTH" auth sign
        right "$program" "$WRONG_SIGN" sign auth 'Error in provided PIN'
    done
}

nss() {
    nss_database "$WORK/nss" "$MODULE"
    right by_certutil "$PIN_AUTH" auth sign 'rsa +01 +User Authentication Key'
    reached auth
    right by_certutil "$PIN_SIGN" sign auth 'rsa +02 +Digital Signature Key'
    reached sign
    wrong 4 by_certutil "$WRONG_AUTH" auth sign
    wrong 6 by_certutil "$WRONG_SIGN" sign auth
}

poppler() {
    nss_database "$WORK/nss-sign" "$MODULE_SIGN"
    make_pdf "$WORK/plain.pdf"
    right by_pdfsig_list "$PIN_AUTH" auth sign 'Password was not accepted'
    reached auth
    right by_pdfsig_list "$PIN_SIGN" sign auth 'Password was not accepted'
    wrong 4 by_pdfsig_list "$WRONG_AUTH" auth sign
    works 'pdfsig signs with the right passwords' pdf_sign "$PIN_SIGN" "$PIN_SIGN"
    expect_has '  and finds its signature valid' 'Signature is Valid' \
        "$(pdfsig "$WORK/signed.pdf" 2>&1 || true)"
    endless_answer
}

# The login before fills the counter each time, so it is one try in the end, however often.
endless_answer() {
    local mark number
    for number in 1 2 3; do
        run by_pdfsig_sign "$WRONG_SIGN"
        mark=$MARK
        expect "pdfsig with a wrong -kpw, process $number: tries left" 4 "$(tries_of sign)"
        expect '  the wrong one was shown once' 1 "$(apdu_lines card "$mark" | grep -c '^0020009B07')"
        works '  no signature was made' test ! -s "$WORK/signed.pdf"
    done
    fill
}

opensc() {
    wrong 20 by_pkcs11_tool_auth '9#' auth sign
    wrong 20 by_pkcs11_tool_sign 'WRONG#' sign auth
    right by_pkcs11_tool_auth "$PIN_AUTH" auth sign 'Private Key Object'
    reached auth
    right by_pkcs11_tool_sign "$PIN_SIGN" sign auth 'Private Key Object'
    reached sign
    right by_pkcs11_tool_auth "$PIN_SIGN" sign auth 'CKR_PIN_LEN_RANGE'
    right by_pkcs11_tool_sign "$PIN_AUTH" auth sign 'CKR_PIN_LEN_RANGE'
}

# Where files have no short identifiers, the PIN's is selected, and a VERIFY does not name it.
without_short_ids() {
    card_take 0
    card_new card --force --no-sfi
    card_insert card 0
    local mark
    mark=$(apdu_mark card)
    right by_pkcs11_tool_auth "$PIN_AUTH" auth sign 'Private Key Object'
    reached auth
    right by_pkcs11_tool_sign "$PIN_SIGN" sign auth 'Private Key Object'
    reached sign
    wrong 3 by_pkcs11_tool_auth '9#' auth sign
    wrong 5 by_pkcs11_tool_sign 'WRONG#' sign auth
    expect 'no VERIFY has named a file' 0020 "$(apdu_lines card "$mark" | grep '^0020.\{7,\}' |
        sed 's/^\(....\)0080.*/\1/' | sort -u)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    card_new card
    card_insert card 0
    openssh
    gnutls
    nss
    poppler
    opensc
    without_short_ids
    interop_end
}

main "$@"
