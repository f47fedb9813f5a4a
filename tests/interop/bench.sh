#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The benchmark (tests/bench) counts what the card has seen, and charges each run with its own commands.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

readonly SETUPS=(ours ours-again ours-open opensc opensc-cache opensc-jpki)
readonly LOG=cards/ideal-1-card0.log # the card's own, from its insertion to the end

bench() {
    timeout 100 "$ROOT/tests/bench" --no-install --build "$BUILD" --results "$WORK" "$@" </dev/null
}

# commands LOG...: as they went to the card, with the answers.
commands() {
    sed -n 's/^> //p' "$@"
}

# column NUMBER: of the table's rows of set-ups, one a line. It begins with a job and a set-up.
column() {
    grep -E '^\| [^|]*\| (ours|OpenSC)' "$WORK/tables.md" | cut -d'|' -f$(($1 + 1)) | tr -d ' '
}

# bytes FIELD: in each set-up's log, of the commands (1) or the answers (3).
bytes() {
    local setup
    for setup in "${SETUPS[@]}"; do
        commands "$WORK/logs/ideal-list-$setup.log" |
            awk -v field="$1" '{ sum += length($field) / 2 } END { print sum }'
    done
}

table_is_the_log() {
    local setup
    local -a logs=() counted=()
    for setup in "${SETUPS[@]}"; do
        logs+=("$WORK/logs/ideal-list-$setup"{-before,}.log)
        counted+=("$(commands "${logs[-1]}" | wc -l)")
    done
    expect 'each command of the card is one of one run, or of what goes before it, and in its turn' \
        "$(commands "$WORK/$LOG" | sha256sum)" "$(commands "${logs[@]}" | sha256sum)"
    expect 'the table has six rows, with these numbers of commands' "$(printf '%s\n' "${counted[@]}")" \
        "$(column 3)"
    expect '  their bytes to the card' "$(bytes 1)" "$(column 4)"
    expect '  and from it' "$(bytes 3)" "$(column 5)"
    expect 'none of them is without commands' 0 "$(column 3 | grep -cx 0 || true)"
}

main() {
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    refused 'a job that nobody knows' '^usage: ' bench --job nothing
    works 'lists, by six set-ups' bench --model ideal --job list --rounds 1
    expect '  a line for each' 6 "$(wc -l <"$WORK/runs.jsonl")"
    table_is_the_log
    interop_end
}

main "$@"
