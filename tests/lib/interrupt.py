#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Types ^C at a question. usage: interrupt.py [--answer LINE]... [--shown] [--later FILE ENTRY]
PROMPT COMMAND...

The command gets a terminal of its own. Each LINE answers one question, which ends with ": ". When the
command has then printed PROMPT, a regular expression, and switched the echo off (which it does not do
when what is typed is --shown), ^C is typed, and again, as a signal that comes just before the program waits
for the terminal is not noticed by it. --later: it is typed once, must wait, and has its effect only after
the line ENTRY was added to FILE, which is what somebody types at an imitated PIN pad. Then prints "echo on" or "echo off", as the command has left the
terminal, and ends as a shell would: 128 and the number of the signal, or the exit code.
"""
import argparse
import os
import pty
import re
import select
import signal
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


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--answer", action="append", default=[])
    parser.add_argument("--shown", action="store_true")
    parser.add_argument("--later", nargs=2)
    parser.add_argument("prompt")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def wait_for_echo_off(terminal):
    for _ in range(3000):
        if not echo(terminal):
            return
        time.sleep(0.01)
    sys.exit("the echo is on for thirty seconds")


def interrupt_now(terminal, pid):
    for _ in range(50):
        os.write(terminal, b"\x03")
        if has_ended(pid):
            return
    sys.exit("it has not ended after fifty ^C")


def waits(pid):
    """Whether ^C has come, and waits (proc(5), ShdPnd)."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        pending = re.search(r"^ShdPnd:\s*(\w+)", status.read(), re.MULTILINE)
    return bool(int(pending[1], 16) & 1 << signal.SIGINT - 1)


def interrupt_later(terminal, pid, file, entry):
    os.write(terminal, b"\x03")
    for _ in range(3000):
        if waits(pid):
            break
        time.sleep(0.01)
    else:
        sys.exit("^C does not wait")
    with open(file, "a", encoding="ascii") as types:
        print(entry, file=types)
    for _ in range(150):
        if has_ended(pid):
            return
    sys.exit("it has not ended")


def print_rest(terminal):
    """What has been said since, by a command that has ended."""
    os.set_blocking(terminal, False)
    try:
        print(os.read(terminal, 4096).decode(errors="replace"))
    except OSError:
        pass


def main():
    wanted = options()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(wanted.command[0], wanted.command)
    for answer in wanted.answer:
        read_until(terminal, re.compile(b": $"))
        os.write(terminal, answer.encode() + b"\n")
    read_until(terminal, re.compile(wanted.prompt.encode()))
    if not wanted.shown:
        wait_for_echo_off(terminal)
    if wanted.later:
        interrupt_later(terminal, pid, *wanted.later)
    else:
        interrupt_now(terminal, pid)
    print("echo on" if echo(terminal) else "echo off")
    print_rest(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(code if code >= 0 else 128 - code)


main()
