# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes of gcovr's summary the table of docs/testing.md, and says which layer has too little.

usage: coverage.py SUMMARY.json
"""

import json
import sys

LAYERS = ('support', 'crypto', 'history', 'reader', 'card', 'token', 'pkcs11', 'cli', 'vcard')
ENOUGH = {'card': 95, 'token': 95, 'pkcs11': 95}  # per cent of the lines


def percent(part, whole):
    return 100 * part / whole if whole else 0


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        files = json.load(file)['files']
    bad = []
    print('| layer | lines | run | branches | taken |')
    print('|---|---|---|---|---|')
    for layer in LAYERS:
        mine = [row for row in files if row['filename'].startswith(f'src/{layer}/')]
        lines, run, branches, taken = (sum(row[key] for row in mine) for key in (
            'line_total', 'line_covered', 'branch_total', 'branch_covered'))
        print(f'| {layer} | {lines} | {percent(run, lines):.1f} % |'
              f' {branches} | {percent(taken, branches):.1f} % |')
        if percent(run, lines) < ENOUGH.get(layer, 0):
            bad.append(layer)
    for layer in bad:
        print(f'{layer}: less than {ENOUGH[layer]} % of its lines are run', file=sys.stderr)
    return 1 if bad else 0


sys.exit(main())
