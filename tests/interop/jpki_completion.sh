#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the shells offer after jpki is what jpki takes.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

# The commands, or the options of one, by jpki's own help.
commands() {
    "$JPKI" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'
}

options() {
    "$JPKI" "$1" --help | sed -n 's/^  \(--[a-z]*\).*/\1/p'
}

# bash_offers WORD...: for a command line that ends with the last of them.
bash_offers() {
    COMP_WORDS=(jpki "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _jpki
    printf '%s\n' "${COMPREPLY[@]}" | sort
}

# zsh_offers WORD...: zsh in a terminal of its own, where the tab key is pressed.
zsh_offers() {
    /usr/bin/env python3 "$ROOT/tests/lib/zsh_tab.py" "$ROOT/conf" "jpki $*" | sort
}

in_bash() {
    local command
    # shellcheck source=conf/jpki.bash
    . "$ROOT/conf/jpki.bash"
    expect 'bash offers the commands' "$(commands | sort)" "$(bash_offers '' | grep -v '^-')"
    while read -r command; do
        expect "  the options of $command" "$(options "$command" | sort)" "$(bash_offers "$command" --)"
    done < <(commands)
    expect '  what begins so' history "$(bash_offers hi)"
    expect '  the certificates' 'auth auth-ca sign sign-ca' \
        "$(bash_offers cert '' | grep -v '^-' | paste -sd' ')"
    expect '  nothing where a file is wanted' '' "$(bash_offers sign doc)"
    expect '  not even options' '' "$(bash_offers sign '')$(bash_offers verify doc '')"
    expect '  so that bash offers files' 1 "$(complete -p jpki | grep -c -- '-o default')"
}

in_zsh() {
    local command
    expect 'zsh offers the commands' "$(commands | sort)" "$(zsh_offers '' | grep -v '^-')"
    while read -r command; do
        expect "  the options of $command" "$(options "$command" | sort)" \
            "$(zsh_offers "$command --")"
    done < <(commands)
    expect '  the certificates' 'auth auth-ca sign sign-ca' "$(zsh_offers 'cert ' | paste -sd' ')"
    expect '  the keys of a PIN' 'auth sign' "$(zsh_offers 'pin verify ' | paste -sd' ')"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    in_bash
    in_zsh
    interop_end
}

main "$@"
