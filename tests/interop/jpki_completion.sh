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
    "$JPKI" "$1" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

# What can be set up, by the same; it takes names after two of them.
programs() {
    "$JPKI" setup --help | sed -n '1s/^usage: jpki setup \(.*\) \[OPTION\].*/\1/p' | tr '|' '\n' |
        cut -d' ' -f1 | sort
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
    expect '  what can be set up' "$(programs)" "$(bash_offers setup '' | grep -v '^-')"
    expect '  also after an option' 'p11-kit' "$(bash_offers setup --undo p)"
    expect '  programs for p11-kit' 'p11-kit p11tool' "$(bash_offers setup p11-kit p11 | xargs)"
    printf '192.0.2.1 server.example.jp\n' >"$WORK/hosts"
    expect '  servers for ssh' server.example.jp "$(HOSTFILE=$WORK/hosts bash_offers setup ssh serv)"
    expect '  nothing for the others' '' "$(bash_offers setup java '')"
    expect '  and nothing where a folder is wanted' '' "$(bash_offers setup firefox --profile '')"
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
    expect '  what can be set up' "$(programs)" "$(zsh_offers 'setup ' | grep -v '^-')"
    expect '  programs for p11-kit' 'p11-kit p11tool' "$(zsh_offers 'setup p11-kit p11' | xargs)"
    expect '  nothing for others' '' "$(zsh_offers 'setup java x')"
    expect '  the keys of a PIN' 'auth sign' "$(zsh_offers 'pin verify ' | paste -sd' ')"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    in_bash
    in_zsh
    interop_end
}

main "$@"
