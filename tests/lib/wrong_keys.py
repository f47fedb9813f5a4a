#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a holder who begins to type in the wrong place. usage: wrong_keys.py PROMPT KEYS FILE ENTRY COMMAND...

The command gets a terminal of its own. When it has printed PROMPT, a regular expression, and
switched the echo off, the line KEYS is typed there, and then the line ENTRY is written to FILE,
which is what somebody types at an imitated PIN pad. What the command prints is passed on; ends with its
exit code.
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time


def read(terminal):
    if not select.select([terminal], [], [], 30)[0]:
        sys.exit("nothing was printed for 30 seconds")
    try:
        text = os.read(terminal, 4096)
    except OSError:  # how a terminal says that nobody is left on it
        return b""
    os.write(1, text.replace(b"\r", b""))
    return text


def waiting(keyboard):
    """The bytes that the next one who reads from the terminal would get."""
    return struct.unpack("i", fcntl.ioctl(keyboard, termios.FIONREAD, bytes(4)))[0]


def wait_until(condition, otherwise):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    sys.exit(otherwise + " after thirty seconds")


def main():
    prompt, keys, file, entry = sys.argv[1:5]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[5], sys.argv[5:])
    text = b""
    while not re.search(prompt.encode(), text):
        text += read(terminal)
    wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "the echo is on")
    keyboard = os.open(f"/proc/{pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
    os.write(terminal, keys.encode() + b"\n")
    wait_until(lambda: waiting(keyboard) > len(keys), "what was typed is not there")
    os.close(keyboard)
    with open(file, "a", encoding="ascii") as types:
        print(entry, file=types)
    while read(terminal):
        pass
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)


main()
