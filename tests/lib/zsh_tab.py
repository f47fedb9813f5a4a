#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What zsh offers when the tab key is pressed. usage: zsh_tab.py FUNCTIONS LINE

A fresh zsh with the completion functions of the folder FUNCTIONS; LINE is typed, then the tab key.
Prints the words that are offered, one a line.
"""
import os
import pty
import re
import select
import sys

# Each match is shown behind a mark of its own, whatever its group and description are.
SETUP = r"""
fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D
zstyle ':completion:*' verbose no
LISTMAX=1000; setopt nolistbeep nolisttypes; unsetopt menucomplete automenu
show() {{
    compadd() {{
        local -a hits
        builtin compadd -O hits "$@" 2>/dev/null
        print -rl -- '<<'${{^hits}}'>>'
        builtin compadd "$@"
    }}
    _main_complete
    unfunction compadd
    print -r -- '<<end>>'
}}
zle -C show list-choices show; bindkey '^I' show; PS1='ready$ '; stty -echo; print -r "be"gun
"""


def read_until(terminal, mark):
    text = b""
    while mark not in text:
        if not select.select([terminal], [], [], 30)[0]:
            sys.exit(f"zsh does not answer: {text!r}")
        text += os.read(terminal, 65536)
    return text


def main():
    functions, line = sys.argv[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", ZDOTDIR="/nonexistent", COLUMNS="200")
        os.execvp("zsh", ["zsh", "-f", "-i"])
    os.write(terminal, SETUP.format(functions=functions).replace("\n", "\r").encode())
    read_until(terminal, b"begun")
    os.write(terminal, line.encode() + b"\t")
    text = read_until(terminal, b"<<end>>").decode()
    os.write(terminal, b"\x03exit\r")
    for word in sorted(set(re.findall(r"<<(.+?)>>", text)) - {"end"}):
        print(word)


main()
