#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a holder who takes his time. usage: late_typist.py PROMPT PIN GATE COMMAND...

The command gets a terminal of its own. When it has printed PROMPT, a regular expression, a line is
written to the fifo GATE, and one is read from it, before PIN is typed. What the command prints is
passed on; ends with its exit code.
"""
import os
import sys

import holder


def main():
    prompt, pin, gate = sys.argv[1:4]
    pid, terminal = holder.start(sys.argv[4:])
    holder.read_until(terminal, prompt)
    with open(gate, "w", encoding="ascii") as file:
        print("asked", file=file)
    with open(gate, encoding="ascii") as file:
        file.readline()
    os.write(terminal, pin.encode() + b"\n")
    holder.finish(pid, terminal)


main()
