#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the holder at a terminal: types a PIN each time a program asks for one.

usage: typist.py PROMPT PIN COUNTED ASKED COMMAND...

The command gets a terminal of its own, and this program's standard input. What it prints is passed
on. PROMPT is a regular expression. PIN may be several lines: the first prompt is answered by the
first, and so on, and all further ones by the last. For each prompt a line goes to the file ASKED: how many lines the
file COUNTED, the log of the card's commands, has by then. Ends with the command's exit code; after
eight prompts, or a minute in which nothing is printed, with 124.
"""
import os
import pty
import re
import select
import signal
import sys
import termios
import time

PROMPTS = 8
SECONDS = 60


def lines_of(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def wait_for_echo_off(terminal):
    """What is typed before a program has switched the echo off, it may throw away. A question that
    is no secret leaves it on."""
    for _ in range(200):
        if not termios.tcgetattr(terminal)[3] & termios.ECHO:
            return
        time.sleep(0.01)


def give_up(pid):
    os.kill(pid, signal.SIGKILL)
    sys.exit(124)


def main():
    prompt, pin, counted, asked = sys.argv[1:5]
    prompt = re.compile(prompt.encode())
    answers = pin.encode().split(b"\n")
    standard_input = os.dup(0)
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(standard_input, 0)
        os.execvp(sys.argv[5], sys.argv[5:])
    unanswered = b""
    prompts = 0
    while True:
        if not select.select([terminal], [], [], SECONDS)[0]:
            give_up(pid)
        try:
            text = os.read(terminal, 4096)
        except OSError:  # how a terminal says that nobody is left on it
            break
        if not text:
            break
        os.write(1, text.replace(b"\r", b""))
        unanswered += text
        if prompt.search(unanswered):
            wait_for_echo_off(terminal)
            unanswered = b""
            prompts += 1
            if prompts > PROMPTS:
                give_up(pid)
            with open(asked, "a", encoding="ascii") as file:
                print(lines_of(counted), file=file)
            os.write(terminal, answers[min(prompts, len(answers)) - 1] + b"\n")
    status = os.waitpid(pid, 0)[1]
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


main()
