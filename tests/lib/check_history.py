#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks a usage history by what docs/history.md says of it. usage: check_history.py FILE

Prints "LINES whole, MENDED mended" and ends with 0, or prints what is wrong and ends with 1. Knows
nothing of the module: JSON and SHA-256 are Python's own.
"""
import hashlib
import json
import re
import sys

KEYS = ["time", "program", "pid", "token", "serial", "operation", "mechanism", "result", "tries",
        "digest", "mended", "prev"]
OPTIONAL = {"digest", "mended"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")
LONGEST = 2048


def read_line(line):
    """The members of a line, or None when it is not a whole line of ours."""
    try:
        pairs = json.loads(line.decode("utf-8"), object_pairs_hook=list)
    except ValueError:
        return None
    if not isinstance(pairs, list) or not all(isinstance(p, tuple) for p in pairs):
        return None
    return pairs


def faults(pairs, line, prev):
    """What is wrong with a whole line whose predecessor has the hash PREV."""
    members = dict(pairs)
    wanted = [key for key in KEYS if key in members or key not in OPTIONAL]
    if [key for key, _ in pairs] != wanted:
        yield f"members {[key for key, _ in pairs]}"
        return
    if not TIME.fullmatch(members["time"]):
        yield f"time {members['time']}"
    if len(line) + 1 > LONGEST:
        yield f"{len(line)} bytes long"
    if members.get("mended", True) is not True:
        yield "mended is not true"
    if members["prev"] != prev:
        yield f"holds {members['prev']}, but the line before has {prev}"


def check(data):
    whole = mended = 0
    prev, torn = "0" * 64, None
    lines = data.split(b"\n")
    unfinished = lines.pop()
    for number, line in enumerate(lines, 1):
        pairs = read_line(line)
        if torn is not None and (pairs is None or not dict(pairs).get("mended")):
            yield f"line {torn}: neither a line of a history nor one that was mended"
        torn = number if pairs is None else None
        if pairs is not None:
            for fault in faults(pairs, line, prev):
                yield f"line {number}: {fault}"
            whole += 1
            mended += 1 if dict(pairs).get("mended") else 0
        prev = hashlib.sha256(line).hexdigest()
    if torn is not None:
        yield f"line {torn}: not a line of a history"
    tail = ", the last line is unfinished" if unfinished else ""
    print(f"{whole} whole, {mended} mended{tail}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        found = list(check(file.read()))
    print("\n".join(found[:20]), end="\n" if found else "")
    sys.exit(1 if found else 0)


main()
