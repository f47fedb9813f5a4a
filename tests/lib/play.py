#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a person at a terminal, for a recording. usage: play.py PAUSE LINE...

Each LINE is a command of the shell; a TAB and words after it are what is typed at its questions, the
first at the first. It is shown letter by letter, PAUSE milliseconds apart, and then run on a terminal
of its own. Ends with the exit code of the first command that fails.
"""
import os
import pty
import re
import select
import shutil
import struct
import fcntl
import sys
import termios
import time

QUESTION = re.compile(rb": $|\xef\xbc\x9a$")


def show(data):
    os.write(1, data)


def type_out(text, pause):
    for letter in text:
        show(letter.encode())
        time.sleep(pause)


def run(command, answers, pause):
    """The exit code. A question is what ends in a colon while nothing more comes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", command])
    size = shutil.get_terminal_size()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size.lines, size.columns, 0, 0))
    text = b""
    while True:
        if not select.select([terminal], [], [], 0.3)[0]:
            if answers and QUESTION.search(text):
                time.sleep(20 * pause)
                os.write(terminal, answers.pop(0).encode() + b"\n")
                text = b""
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:
            data = b""
        if not data:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        text += data
        show(data)


def main():
    pause = int(sys.argv[1]) / 1000
    for line in sys.argv[2:]:
        command, *answers = line.split("\t")
        show(b"\x1b[1m$ \x1b[0m")
        type_out(command, pause)
        show(b"\r\n")
        code = run(command, answers, pause)
        if code:
            sys.exit(code)
        time.sleep(60 * pause)


if __name__ == "__main__":
    main()
