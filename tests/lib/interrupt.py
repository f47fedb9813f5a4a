#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Types ^C at a question. usage: interrupt.py PROMPT COMMAND...

The command gets a terminal of its own. When it has printed PROMPT, a regular expression, and
switched the echo off, ^C is typed, and again, as a signal that comes just before the program waits
for the terminal is not noticed by it. Then prints "echo on" or "echo off", as the command has left the
terminal, and ends as a shell would: 128 and the number of the signal, or the exit code.
"""
import os
import pty
import re
import select
import sys
import termios
import time


def echo(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def read_until(terminal, prompt):
    text = b""
    while not prompt.search(text):
        if not select.select([terminal], [], [], 30)[0]:
            sys.exit("no question within 30 seconds")
        text += os.read(terminal, 4096)


def has_ended(pid):
    """Within a fifth of a second. Its exit code can still be asked for."""
    for _ in range(20):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return True
        time.sleep(0.01)
    return False


def main():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    read_until(terminal, re.compile(sys.argv[1].encode()))
    while echo(terminal):
        time.sleep(0.01)
    for _ in range(50):
        os.write(terminal, b"\x03")
        if has_ended(pid):
            break
    else:
        sys.exit("it has not ended after fifty ^C")
    print("echo on" if echo(terminal) else "echo off")
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(code if code >= 0 else 128 - code)


main()
