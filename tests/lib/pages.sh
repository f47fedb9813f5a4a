# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Pages whose commands are tried one after the other. After interop.sh and jpki.sh.

# commands_of blocks|spans PAGE
commands_of() {
    python3 "$ROOT/tests/lib/pages.py" "$1" "$ROOT/$2"
}

# same_commands PAGE: in English and in Japanese, with those that stand in sentences.
same_commands() {
    local page=$1
    expect "$page has the commands of its Japanese" "$(commands_of blocks "$page")" \
        "$(commands_of blocks "docs/ja/${page##*/}")"
    expect '  and names the same ones in its sentences' "$(commands_of spans "$page" | sort -u)" \
        "$(commands_of spans "docs/ja/${page##*/}" | sort -u)"
}

# spans_exist PAGE: what its sentences name is a command of jpki's, with options that it has.
spans_exist() {
    local span command option
    while read -r span; do
        read -r _ command _ <<<"$span"
        expect_has "\`$span\` is a command" "^  $command " "$(jpki --help)"
        while read -r option; do
            expect_has "  with $option" "^  $option " "$(jpki "$command" --help)"
        done < <(grep -oE -e '--[a-z]+' <<<"$span" || true)
    done < <(commands_of spans "$1" | sort -u)
}

# play_page PAGE: `play` is called for each command of it.
play_page() {
    local -a commands
    local command
    mapfile -t commands < <(commands_of blocks "$1")
    expect_has "$1 has commands" . "${commands[0]:-}"
    for command in "${commands[@]}"; do
        play "$command"
    done
}
