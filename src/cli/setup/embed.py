#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints samples as C texts, without the remarks before their first blank line: those speak of the
sample's own place. usage: embed.py FILE..."""
import pathlib
import re
import sys


def literal(line):
    """A C string literal of ASCII, whatever the line holds."""
    return '"' + "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else "".join(
        f"\\{b:03o}" for b in c.encode()) for c in line) + '\\n"'


for argument in sys.argv[1:]:
    path = pathlib.Path(argument)
    _, body = path.read_text(encoding="utf-8").split("\n\n", 1)
    name = re.sub(r"\W", "_", path.name)
    print(f"static const char sample_{name}[] =")
    print("\n".join("    " + literal(line) for line in body.splitlines()) + ";")
