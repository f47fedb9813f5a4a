#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: load.sh [SIGNATURES]: that many of them through the real pcscd. Neither the program nor pcscd
# grows, and the usage history is whole at the end.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

# descriptors PID
descriptors() {
    find "/proc/$1/fd" -mindepth 1 | wc -l
}

no_more_than() {
    [ "$(descriptors "$PCSCD_PID")" -le "$1" ]
}

many() {
    local before count=${1:-200}
    card_new card
    card_insert card 0
    works 'one signature' "$API_TESTS/job" "$MODULE" sign auth 1
    before=$(descriptors "$PCSCD_PID")
    VCARD_DIR=$(card_dir card) works "$count signatures" "$API_TESTS/load" "$MODULE" "$count"
    say "$OUTPUT"
    # The program's connections are gone when pcscd has seen its end.
    wait_until 10 no_more_than "$before" || true
    expect_at_most 'descriptors of pcscd afterwards' "$before" "$(descriptors "$PCSCD_PID")"
}

history_is_whole() {
    local made
    made=$(sed -n 's,^\([0-9]*\) signatures$,\1,p' <<<"$OUTPUT")
    ends 0 'the history is checked' jpki history --check
    ends 0 'and read' jpki history --json
    expect 'it has each signature' "$((made + 1))" \
        "$(json 'sum(line["operation"] == "sign" and line["result"] == "CKR_OK" for line in x)')"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    pcscd_start
    many "$@"
    history_is_whole
    interop_end
}

main "$@"
