#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes commands out of a page.

usage: pages.py blocks|spans PAGE

blocks: what stands in the page's code blocks, one command a line; a line that ends with a backslash
goes on in the next one. spans: what stands in its sentences as code and begins with `jpki`.
"""
import re
import sys


def parts(path):
    """The lines of code blocks, and those of everything else."""
    code, text, fenced = [], [], False
    with open(path, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line.startswith("```"):
                fenced = not fenced
            elif fenced or line.startswith("    "):
                code.append(line)
            else:
                text.append(line)
    return code, text


def main():
    what, path = sys.argv[1:]
    code, text = parts(path)
    if what == "blocks":
        found = re.sub(r"\\\n", " ", "\n".join(code)).split("\n")
    else:
        # A span may go over the end of a line.
        found = re.findall(r"`(jpki [^`]*)`", "\n".join(text))
    for command in found:
        if command.strip():
            print(" ".join(command.split()))


main()
