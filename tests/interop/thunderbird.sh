#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Thunderbird signs mail (S/MIME) with the signature key: the module by the sample policy and by hand,
# the certificate chosen in the account's settings, messages written and sent. The holder answers the
# dialogs; a mail server on the loopback keeps what is sent, and OpenSSL judges it.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/thunderbird.sh
. "$ROOT/tests/lib/thunderbird.sh"
# shellcheck source=tests/lib/attack.sh
. "$ROOT/tests/lib/attack.sh"

readonly SAMPLE=$BUILD/conf/thunderbird-policies.json
readonly NAME='My Number Card \(signature\)' # as the sample calls the module
readonly WRONG=WRONG12
readonly FIRST=35 LATER=10 # APDUs that a signed message may take
PROFILES=0

# ---- the world: the module at its place, a mail server, Thunderbird ----

# The sample and the modules come where they belong, in this world alone.
policy_at_its_place() {
    local place
    place=$(sed -n 's/.*"\(\/[^"]*\)\/jpki-pkcs11-sign\.so"$/\1/p' "$SAMPLE")
    [ -d "$place" ] || die "$SAMPLE names a module in '$place', which is no folder"
    mount -t tmpfs tmpfs "$place"
    cp "$MODULE_AUTH" "$MODULE_SIGN" "$place/"
    MODULE_AUTH=$place/jpki-pkcs11-auth.so
    MODULE_SIGN=$place/jpki-pkcs11-sign.so
    cp -r /etc/thunderbird "$WORK/etc"
    mkdir -p "$WORK/etc/policies"
    cp "$SAMPLE" "$WORK/etc/policies/policies.json"
    mount --bind "$WORK/etc" /etc/thunderbird
}

profile_new() {
    PROFILE=$WORK/profile-$((++PROFILES))
    mkdir "$PROFILE"
    cp "$ROOT/tests/lib/thunderbird-profile.js" "$PROFILE/user.js"
}

# ---- the module ----

lists_token() {
    lists "^$NAME: $MODULE_SIGN: $LABEL_SIGN\$"
}

by_policy() {
    local mark
    mark=$(apdu_mark card)
    thunderbird_start
    works 'the sample policy loads the module, and it shows the token' wait_until 120 lists_token
    expect '  no PIN goes to the card at the start' 0 "$(verifies_since card "$mark")"
    expect_at_most '  APDUs at the start' 10 "$(apdus_since card "$mark")"
}

# ---- the certificate ----

choosing() {
    local mark
    mark=$(apdu_mark card)
    works 'the settings show the certificate' holder chooseCertificate "$PIN_SIGN no"
    asked 1
    expect_at_most '  APDUs from the prompt' 30 "$(apdus_since card "$FROM")"
    expect_at_most '  VERIFYs: the login, and the certificate' 2 "$(verifies_since card "$mark")"
    expect_has '  by its name' "^certificate .* $LABEL_SIGN:Digital Signature Certificate " "$OUTPUT"
    expect_has '  and warn: the CA is not known' '^confirmEx .*SEC_ERROR_UNKNOWN_ISSUER' "$OUTPUT"
    expect_has '  so that nothing is chosen' '^chosen nothing$' "$OUTPUT"
    works 'who insists gets it' holder chooseCertificate 'yes no'
    works '  but can send nothing' holder send "$PIN_SIGN $PIN_SIGN" "$TO" Refused Refused
    asked 0
    not_sent 'not valid for this operation. .*issuer is not recognized'
    refused "the card's CA cannot be imported" NS_ERROR_FAILURE \
        holder importAuthority "$CARD/sign-ca.pem"
    trusts sign ''
    works 'the settings take the certificate' holder chooseCertificate no
    asked 0
    expect_has '  it is the one of the card' "^chosen $(common_name sign)\$" "$OUTPUT"
    expect_has_not '  without a warning' 'SEC_ERROR' "$OUTPUT"
    works 'the settings test it' holder testCertificate ''
    expect_has '  it can sign mail' 'passed the test and can be used for email signing' "$OUTPUT"
    works 'the settings look for one for encryption' holder chooseForEncryption yes
    expect_has '  and offer none' "^alert .*can't locate a valid certificate .* encrypted" "$OUTPUT"
}

# ---- messages ----

# not_sent REASON: the message in OUTPUT stays on the screen, and the mail server has none more than
# MAILS.
not_sent() {
    expect_has '  the message is not sent' '^kept signed$' "$OUTPUT"
    expect_has '  for this reason' "^alert .* Sending of the message failed. .*$1" "$OUTPUT"
    expect '  nothing has arrived' "$MAILS" "$(mails)"
}

# What must not be accepted shows that OpenSSL does look. The CA is read from the card, too.
judges_look() {
    local mail=$MAIL/1.eml
    works "the card's CA is read by pkcs11-tool" tool_with "$MODULE_SIGN" --login --pin "$PIN_SIGN" \
        --read-object --type cert --id 04 --output-file "$WORK/ca.der"
    openssl x509 -inform DER -in "$WORK/ca.der" -out "$WORK/ca.pem"
    works '  OpenSSL accepts a message with it' openssl cms -verify -in "$mail" \
        -CAfile "$WORK/ca.pem" -out /dev/null
    expect "the mail server's recipient" "$TO" "$(cat "$MAIL/1.to")"
    expect_has '  the message says how it is signed' \
        '^Content-Type: multipart/signed; .*micalg=sha-256' "$(cat "$mail")"
    altered "$mail" >"$WORK/altered.eml"
    refused 'OpenSSL refuses an altered message' 'verification failure|digest' openssl cms -verify \
        -in "$WORK/altered.eml" -CAfile "$CARD/sign-ca.pem" -out /dev/null
    refused '  and a CA that is not the one' 'verify error' openssl cms -verify \
        -in "$mail" -CAfile "$CARD/auth-ca.pem" -out /dev/null
}

# altered MAIL: with one letter of its text changed, which is the first line of base64.
altered() {
    awk '!done && /^[A-Za-z0-9+\/=]+\r?$/ && length > 8 { done = 1; sub(/^./, "A") } { print }' "$1"
}

signing() {
    thunderbird_starts_again 'a fresh Thunderbird' "$MODULE_SIGN"
    sends 'for the first time' 2 "$FIRST" 4 "$PIN_SIGN $PIN_SIGN"
    sends 'once more' 1 "$LATER" 2 "$PIN_SIGN"
    judges_look
    saves 'with the sample policy' 0 0 "$PIN_SIGN"
    attack
    expect 'no other program can use the key while Thunderbird is open' closed "$SEEN"
    OUTPUT=$(cat "$HOME/.local/state/jpki-pkcs11/history.jsonl")
    expect_has 'the usage history knows who signed' \
        'thunderbird-bin".*"token":"sign",.*"operation":"sign"' "$OUTPUT"
}

refusals() {
    local mark
    mark=$(apdu_mark card)
    works 'a message whose PIN prompt is cancelled' holder send '' "$TO" Cancelled Cancelled
    asked 1
    not_sent 'Unable to sign message'
    expect '  no PIN goes to the card' 0 "$(verifies_since card "$mark")"
    works 'a message with a wrong password' holder send "$WRONG" "$TO" Wrong Wrong
    asked 2
    not_sent 'Unable to sign message'
    expect '  one VERIFY' 1 "$(verifies_since card "$mark")"
    expect '  one try is spent' '3 4' "$(tries)"
    works 'the same wrong password again' holder send "$WRONG $WRONG" "$TO" Wrong Wrong
    not_sent 'Unable to sign message'
    expect '  no further try is spent' '3 4' "$(tries)"
    sends 'with the right one' 1 "$LATER" 2 "$PIN_SIGN"
    expect '  all tries are there again' '3 5' "$(tries)"
}

pulled() {
    local mark
    card_pull 0
    # NSS asks for a token that it has just seen only after a second, and until then goes by what it knows.
    works 'Thunderbird sees that the card is out' wait_until 20 \
        lists_not "^$NAME: $MODULE_SIGN: $LABEL_SIGN\$"
    mark=$(apdu_mark card)
    works 'a message without the card' holder send "$PIN_SIGN $PIN_SIGN" "$TO" Pulled Pulled
    asked 0
    not_sent 'not valid for this operation'
    expect '  no PIN goes anywhere' 0 "$(verifies_since card "$mark")"
    card_put 0
    works 'Thunderbird sees that the card is back' wait_until 20 lists_token
    sends 'after the card is back' 2 "$FIRST" 4 "$PIN_SIGN $PIN_SIGN"
}

# ---- readers ----

# two_letters: signed by a key in a file. The certificates are alike, but that the policies of one are
# critical, as on the card.
two_letters() (
    cd "$WORK"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout soft-ca.key -out soft-ca.pem \
        -subj '/CN=Soft CA' -days 2 -addext keyUsage=critical,keyCertSign
    openssl req -newkey rsa:2048 -nodes -keyout soft.key -out soft.csr -subj '/CN=Soft'
    local kind policies=1.2.392.200149.8.5.1.1.20
    for kind in usual critical; do
        openssl x509 -req -in soft.csr -CA soft-ca.pem -CAkey soft-ca.key -CAcreateserial -days 2 \
            -out "$kind.pem" -extfile <(printf '%s\n' "certificatePolicies=$policies" \
                keyUsage=critical,digitalSignature,nonRepudiation)
        printf 'Content-Type: text/plain\r\n\r\nA letter by a soft key.\r\n' |
            openssl cms -sign -signer "$kind.pem" -inkey soft.key -outform SMIME \
                -from hanako@example.jp -to "$TO" -subject Soft -out "$kind.eml"
        policies=critical,$policies
    done
) 2>/dev/null

# A reader with Thunderbird who trusts the CA for mail. It finds the card's certificate good before it
# signs, but asks NSS's older check of a chain when it reads, which knows no critical policies.
reading() {
    two_letters
    works "a soft key's CA is imported" holder importAuthority "$WORK/soft-ca.pem"
    expect_has '  and trusted for mail' '^authority .* downloadcert.xhtml$' "$OUTPUT"
    works 'Thunderbird reads a letter whose policies are not critical' \
        inside read "$WORK/usual.eml"
    expect_has '  it is signed' '^Message is signed' "$OUTPUT"
    expect_has '  by someone without an address' 'does not contain an email address' "$OUTPUT"
    sed 's/soft key/hard key/' "$WORK/usual.eml" >"$WORK/altered.eml"
    works '  altered' inside read "$WORK/altered.eml"
    expect_has '  it is seen' 'does not match the message content' "$OUTPUT"
    works 'Thunderbird reads one whose policies are critical' inside read "$WORK/critical.eml"
    reader_refuses
    works "Thunderbird reads the holder's message" inside read "$MAIL/1.eml"
    reader_refuses
}

reader_refuses() {
    expect_has '  and calls the signature invalid' '^Digital Signature Is Not Valid' "$OUTPUT"
    expect_has '  for the CA, which it trusts' 'authority that you do not trust' "$OUTPUT"
}

# ---- without the policy, by hand, and the other key ----

# As the sample says.
undone() {
    sed 's/"Add": {/"Delete": [/; s/^\( *"My Number Card (signature)"\): .*/\1/; s/^      }$/      ]/' \
        "$SAMPLE" >"$WORK/etc/policies/policies.json"
    thunderbird_starts_again 'a policy takes the module out' 'Builtin Object Token'
    works '  Thunderbird does not list it' wait_until 60 lists_not jpki-pkcs11
}

by_hand() {
    umount /etc/thunderbird
    profile_new
    thunderbird_starts_again 'without the policy' 'Builtin Object Token'
    works '  the module is added by hand' inside addModule 'By hand' "$MODULE_SIGN"
    works '  Thunderbird lists it' wait_until 60 lists "^By hand: $MODULE_SIGN: $LABEL_SIGN\$"
    works 'a wrong password in the settings' holder chooseCertificate "$WRONG"
    asked 2
    expect_has '  shows no certificate' "^alert .*can't locate a valid certificate" "$OUTPUT"
    expect '  one try is spent' '3 4' "$(tries)"
    trusts sign "$PIN_SIGN"
    works 'the certificate is chosen' holder chooseCertificate no
    asked 0
    expect_has "  it is the card's" "^chosen $(common_name sign)\$" "$OUTPUT"
    sends 'with the module by hand' 1 "$LATER" 2 "$PIN_SIGN"
    saves 'without the policy' 1 1 "$PIN_SIGN"
}

other_key() {
    works 'the signature module is taken out' inside removeModule 'By hand'
    works '  Thunderbird does not list it' lists_not jpki-pkcs11
    works 'the authentication module is added' inside addModule Other "$MODULE_AUTH"
    works '  Thunderbird lists it' wait_until 60 lists "^Other: $MODULE_AUTH: $LABEL_AUTH\$"
    trusts auth ''
    works 'its certificate cannot be chosen' holder chooseCertificate 'yes yes'
    expect_has '  none is there that can sign' "^alert .*can't locate a valid certificate" "$OUTPUT"
    works 'forced into the settings' inside forceCertificate "$(common_name auth)"
    works '  it fails the test' holder testCertificate ''
    expect_has '  it is for logins only' 'SEC_ERROR_INADEQUATE_CERT_TYPE' "$OUTPUT"
    works '  and signs nothing' holder send "$PIN_AUTH $PIN_AUTH" "$TO" Forced Forced
    asked 0
    not_sent 'not valid for this operation. .Certificate type not approved'
}

# With this setting one prompt is enough until Thunderbird ends.
one_prompt() {
    mkdir -p "$HOME/.config"
    printf 'sign.consent = session\n' >"$HOME/.config/jpki-pkcs11.conf"
    thunderbird_starts_again 'with sign.consent = session' "$MODULE_SIGN"
    sends 'with one prompt' 1 "$FIRST" 3 "$PIN_SIGN"
    sends 'with none' 0 "$LATER" 1 ''
    rm "$HOME/.config/jpki-pkcs11.conf"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    profile_new
    policy_at_its_place
    mail_server_start
    pcscd_start
    card_new card
    card_insert card 0
    by_policy
    choosing
    thunderbird_ends
    signing
    refusals
    pulled
    reading
    thunderbird_ends
    one_prompt
    thunderbird_ends
    undone
    thunderbird_ends
    by_hand
    other_key
    thunderbird_ends
    attack
    expect 'nothing is left open on the card' closed "$SEEN"
    works 'no PIN went to the other token' only_pin_of sign card 0
    interop_end
}

main "$@"
