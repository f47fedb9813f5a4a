#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what Meson says about tests: which there are, and how they ended.

  meson introspect --tests BUILD | results.py choose --filter P --suites S --leave-out S
  meson introspect --tests BUILD | results.py programs --folder BUILD NAMES    what these tests run
  results.py count [--allow-skip P]... --expected N testlog.json    prints "passed failed"
  results.py explain testlog.json                                prints what failed tests said
"""
import argparse
import fnmatch
import json
import math
import pathlib
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
LINES_SHOWN = 40  # from the first failure on, and at the end


def suites_of(test):
    # "project:suite", and the project's name alone for a test without a suite
    return {name.partition(":")[2] for name in test["suite"]}


def choose(options):
    wanted, left_out = set(options.suites.split()), set(options.leave_out.split())
    # What may take long starts first, so that nothing long is left to run alone at the end.
    for test in sorted(json.load(sys.stdin), key=lambda test: -(test["timeout"] or math.inf)):
        suites = suites_of(test)
        if wanted and not wanted & suites:
            continue
        if left_out & suites or not fnmatch.fnmatch(test["name"], options.filter):
            continue
        print(test["name"])


def programs(options):
    names = set(options.names.split())
    for test in json.load(sys.stdin):
        if test["name"] in names:
            print(pathlib.Path(test["cmd"][0]).relative_to(options.folder))


def results(path):
    log = pathlib.Path(path)
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]


def short_name(result):
    return result["name"].rpartition("/")[2].strip()


def count(options):
    passed = failed = 0
    for result in results(options.log):
        skipped = result["result"] == "SKIP"
        if skipped and any(fnmatch.fnmatch(short_name(result), p) for p in options.allow_skip):
            continue
        if result["result"] in GOOD:
            passed += 1
        else:
            failed += 1
    # A test that Meson never came to has not passed.
    seen = len(results(options.log))
    print(passed, failed + max(0, options.expected - seen))


def explain(options):
    for result in results(options.log):
        if result["result"] in GOOD:
            continue
        print(f"-- {short_name(result)}: {result['result']}, exit code {result.get('returncode')}")
        said = (result.get("stdout") or "") + (result.get("stderr") or "")
        for line in worth_reading(said.splitlines()):
            print(f"   {line}")


def worth_reading(lines):
    # What fails after the first failure is often its consequence, and the first one far from the end.
    end = max(0, len(lines) - LINES_SHOWN)
    first = next((at for at, line in enumerate(lines) if line.startswith("FAILED")), end)
    if first + LINES_SHOWN >= end:
        return lines[min(first, end):]
    return lines[first:first + LINES_SHOWN] + ["..."] + lines[end:]


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("choose")
    command.add_argument("--filter", default="*")
    command.add_argument("--suites", default="")
    command.add_argument("--leave-out", default="")
    command.set_defaults(run=choose)
    command = commands.add_parser("programs")
    command.add_argument("--folder", required=True)
    command.add_argument("names")
    command.set_defaults(run=programs)
    command = commands.add_parser("count")
    command.add_argument("--allow-skip", action="append", default=[])
    command.add_argument("--expected", type=int, required=True)
    command.add_argument("log")
    command.set_defaults(run=count)
    command = commands.add_parser("explain")
    command.add_argument("log")
    command.set_defaults(run=explain)
    options = parser.parse_args()
    options.run(options)


main()
