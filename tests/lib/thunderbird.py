#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has a running Thunderbird do one thing.

usage: thunderbird.py PROFILE FUNCTION ARGUMENT...

FUNCTION is one of those in thunderbird.js beside this file. What it returns is printed. Ends with 1
and the reason on standard error if it throws, or has not ended after two minutes.
"""
import os
import sys
import time

import marionette

SECONDS = 120

# Marionette ends a script as soon as a dialog opens, so that none is waited for: the function leaves
# its result with the main window.
START = """
window.jpkiEnd = null;
Promise.resolve().then(() => %s(...arguments)).then(
  value => { window.jpkiEnd = [true, String(value ?? "")]; },
  error => { window.jpkiEnd = [false, String(error)]; }
);
"""


def end_of(thunderbird):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            end = thunderbird.script("return window.jpkiEnd;")
        except marionette.Refused as refusal:
            if not str(refusal).startswith("unexpected alert open:"):
                raise
            end = None
        if end:
            return end
        time.sleep(0.02)
    return False, f"has not ended after {SECONDS} seconds"


def main():
    profile, function, *arguments = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "thunderbird.js"), encoding="utf-8") as file:
        functions = file.read()
    thunderbird = marionette.Marionette(profile)
    if function == "quit":
        thunderbird.command("Marionette:Quit", {"flags": ["eAttemptQuit"]})
        return
    thunderbird.script(functions + START % function, *arguments)
    worked, text = end_of(thunderbird)
    if not worked:
        sys.exit(f"{function}: {text}")
    if text:
        print(text)


main()
