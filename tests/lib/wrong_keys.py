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
import struct
import sys
import termios
import time

import holder


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
    pid, terminal = holder.start(sys.argv[5:])
    holder.read_until(terminal, prompt)
    wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "the echo is on")
    keyboard = os.open(f"/proc/{pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
    os.write(terminal, keys.encode() + b"\n")
    wait_until(lambda: waiting(keyboard) > len(keys), "what was typed is not there")
    os.close(keyboard)
    with open(file, "a", encoding="ascii") as types:
        print(entry, file=types)
    holder.finish(pid, terminal)


main()
