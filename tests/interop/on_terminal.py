#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the holder at a terminal: starts a program there and types the PIN whenever it is asked.

    on_terminal.py PROMPT PIN LOG COMMAND...

PROMPT is a regular expression. Shows what the program shows, then two lines of its own: how often
it asked, and how many lines LOG (the card's) had when it asked first. Ends with the program's code.
"""

import os
import pty
import re
import select
import sys
import termios
import time

SECONDS = 60


def echo_is_off(terminal):
    """NSS throws away what was typed before it has switched the echo off."""
    return not termios.tcgetattr(terminal)[3] & termios.ECHO


def lines(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def main():
    prompt, pin, log = re.compile(sys.argv[1].encode()), sys.argv[2], sys.argv[3]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[4], sys.argv[4:])
    shown, answered, first = b"", 0, None
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # the program has closed its terminal
                break
            shown += part
        if len(prompt.findall(shown)) > answered and echo_is_off(terminal):
            if first is None:
                first = lines(log)
            answered += 1
            os.write(terminal, pin.encode() + b"\n")
    else:
        os.kill(child, 9)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(shown.decode(errors="replace").replace("\r\n", "\n"))
    print("prompts:", answered)
    print("log at the first prompt:", first)
    return code if code >= 0 else 128 - code


sys.exit(main())
