# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What bash offers when you press the tab key after jpki.

_jpki_words() {
    case $1 in
        '') echo 'status list cert sign verify pin history setup doctor watch config --help --version' ;;
        status | list | doctor | config) echo '--json --help' ;;
        cert) echo 'auth sign auth-ca sign-ca --pem --der --text --ssh --reader --help' ;;
        sign) echo '--auth --output --force --reader --help' ;;
        verify) echo '--ca --personal --reader --help' ;;
        pin) echo 'status verify change auth sign --reader --help' ;;
        history) echo '--all --since --follow --check --json --help' ;;
        setup)
            echo 'firefox thunderbird chromium ssh openssl p11-kit java' \
                '--undo --dry-run --yes --profile --help'
            ;;
        watch) echo '--help' ;;
    esac
}

# What comes after the program that is set up: servers or programs, nothing, or the folder of a profile.
# Fails where that program itself is to be named.
_jpki_setup_name() {
    local before="${COMP_WORDS[COMP_CWORD - 1]}" words=" ${COMP_WORDS[*]:2:COMP_CWORD-2} "
    COMPREPLY=()
    if [ "$before" = --profile ]; then
        return 0
    fi
    case $words in
        *' ssh '*) mapfile -t COMPREPLY < <(compgen -A hostname -- "$1") ;;
        *' p11-kit '*) mapfile -t COMPREPLY < <(compgen -c -- "$1" | sort -u) ;;
        *) [[ $words == *' '[a-z]* ]] ;;
    esac
}

_jpki() {
    local current=${COMP_WORDS[COMP_CWORD]} command=
    if [ "$COMP_CWORD" -gt 1 ]; then
        command=${COMP_WORDS[1]}
    fi
    if [[ $command == setup && $current != -* ]] && _jpki_setup_name "$current"; then
        return
    fi
    # The operands of these are files. Without an answer, bash offers some.
    if [[ $command == @(sign|verify) && $current != -* ]]; then
        COMPREPLY=()
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(_jpki_words "$command")" -- "$current")
}

# Where jpki has nothing to offer, bash offers files.
complete -o bashdefault -o default -F _jpki jpki
