#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a holder who takes his time. usage: late_typist.py PROMPT PIN GATE COMMAND...

The command gets a terminal of its own. When it has printed PROMPT, a regular expression, a line is
written to the fifo GATE, and one is read from it, before PIN is typed. What the command prints is
passed on; ends with its exit code.
"""
import os
import pty
import re
import select
import sys


def read(terminal):
    if not select.select([terminal], [], [], 30)[0]:
        sys.exit("nothing was printed for 30 seconds")
    try:
        text = os.read(terminal, 4096)
    except OSError:  # how a terminal says that nobody is left on it
        return b""
    os.write(1, text.replace(b"\r", b""))
    return text


def main():
    prompt, pin, gate = sys.argv[1:4]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[4], sys.argv[4:])
    text = b""
    while not re.search(prompt.encode(), text):
        text += read(terminal)
    with open(gate, "w", encoding="ascii") as file:
        print("asked", file=file)
    with open(gate, encoding="ascii") as file:
        file.readline()
    os.write(terminal, pin.encode() + b"\n")
    while read(terminal):
        pass
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)


main()
