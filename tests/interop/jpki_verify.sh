#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki verify: what it says of signatures, ours and a stranger's.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

# What another program has signed with another CA's key.
stranger() {
    openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=Stranger' -days 2 -keyout "$WORK/s.key" \
        -out "$WORK/s.pem" 2>/dev/null
    openssl cms -sign -binary -in "$WORK/short" -signer "$WORK/s.pem" -inkey "$WORK/s.key" \
        -outform PEM -out "$WORK/s.p7s"
}

verify() {
    ends 0 'a good signature' jpki verify "$WORK/long" "$WORK/long.p7s"
    expect_has '  it says so' '^GOOD' "$OUTPUT"
    expect_has '  and who' "^  Certificate +$(openssl x509 -in "$CARD/sign.pem" -noout -serial |
        sed 's/serial=//')\$" "$OUTPUT"
    ends 0 'of the other key' jpki verify "$WORK/short" "$WORK/auth.p7s"
    ends 0 'with a CA in a file' jpki verify --ca "$CARD/sign-ca.pem" "$WORK/long" "$WORK/long.p7s"
    ends 1 'with another CA' jpki verify --ca "$CARD/auth-ca.pem" "$WORK/long" "$WORK/long.p7s"
    expect_has '  it says so' '^UNKNOWN SIGNER' "$OUTPUT"
    ends 1 'of another file' jpki verify "$WORK/short" "$WORK/long.p7s"
    expect_has '  it says so' '^WRONG' "$OUTPUT"
    sed '$s/$/x/' "$WORK/long" >"$WORK/changed"
    ends 1 'of a file that was changed' jpki verify "$WORK/changed" "$WORK/long.p7s"
    stranger
    ends 1 "a stranger's, in PEM" jpki verify "$WORK/short" "$WORK/s.p7s"
    expect_has '  it says so' '^UNKNOWN SIGNER' "$OUTPUT"
    ends 0 '  whom one may believe' jpki verify --ca "$WORK/s.pem" "$WORK/short" "$WORK/s.p7s"
    ends 1 'what is no signature' jpki verify "$WORK/short" "$WORK/long"
    ends 1 'what is not there' jpki verify "$WORK/nothing" "$WORK/long.p7s"
    ends 1 'no CA in the file' jpki verify --ca "$WORK/long" "$WORK/long" "$WORK/long.p7s"
    ends 2 'half a command line' jpki verify "$WORK/long"
    card_take 0
    ends 1 'without a card' jpki verify "$WORK/long" "$WORK/long.p7s"
    expect_has '  the file fits, but nobody vouches for the signer' '^UNKNOWN SIGNER' "$OUTPUT"
    ends 0 '  but for a CA in a file' jpki verify --ca "$CARD/sign-ca.pem" "$WORK/long" \
        "$WORK/long.p7s"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    ends 0 'a file is signed' typed "$PIN_SIGN" sign "$WORK/long"
    ends 0 'with the other key' typed "$PIN_AUTH" sign --auth --output "$WORK/auth.p7s" "$WORK/short"
    verify
    interop_end
}

main "$@"
