#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""report.py RESULTS [PAGE]: makes tables.md, plot.dat and time.svg there from runs.jsonl, and puts table
and picture into PAGE. Exit code 1 when a run has failed; the table says so, too."""

import json
import os
import platform
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from statistics import median

import jobs

FIGURES = ('apdus', 'to_card', 'from_card', 'wall_ms', 'above_ms', 'memory_kib')
PACKAGES = ('pcscd', 'vsmartcard-vpcd', 'opensc-pkcs11', 'libnss3-tools', 'openssh-client')
BEGIN, END = '<!-- written by tests/bench -->', '<!-- as far as here -->'
PLOTTED = ('list', 'objects', 'auth1', 'sign1', 'sign10', 'tls', 'ssh')


def said_by(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'


def machine():
    """Lines that say where and with what was measured."""
    cpuinfo = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    model = next((line.split(':', 1)[1].strip() for line in cpuinfo if line.startswith('model name')),
                 platform.machine())
    commit = said_by('git', '-C', str(jobs.ROOT), '-c', f'safe.directory={jobs.ROOT}', 'describe',
                     '--always', '--dirty')
    yield f'- jpki-pkcs11: {commit}'
    yield f'- processor: {model}, {os.cpu_count()} cores; Linux {platform.release().split("-")[0]}'
    for package in PACKAGES:
        yield f'- {package} {said_by("dpkg-query", "-W", "-f", "${Version}", package)}'


def medians(runs):
    """By model, job and set-up: the medians of the good runs, and what else the table says."""
    groups = {}
    for run in runs:
        groups.setdefault((run['model'], run['job'], run['setup']), []).append(run)
    found = {}
    for key, all_runs in groups.items():
        good = [run for run in all_runs if run['good']]
        row = {figure: median(run[figure] for run in good) for figure in FIGURES} if good else {}
        row['failed'] = len(all_runs) - len(good)
        row['rounds'] = len(all_runs)
        row['readers'] = min((run.get('readers', -1) for run in good), default=-1)
        found[key] = row
    return found


def remarks(job, setup, row):
    words = setup.title
    if row['failed']:
        words += f' (**{row["failed"]} of {row["rounds"]} failed**)'
    if job.tokens and row['readers'] not in (-1, job.cards):
        words += f' (shows {row["readers"]} of {job.cards} readers)'
    return words


def table(model, found):
    """One line for each job and set-up."""
    yield '| job | set-up | APDUs | bytes to the card | from it | time, ms | above the card\'s, ms |' \
          ' memory, KiB | time : OpenSC\'s |'
    yield '|---|---|--:|--:|--:|--:|--:|--:|--:|'
    for job in jobs.JOBS:
        reference = found.get((model, job.name, jobs.REFERENCE), {}).get('wall_ms')
        first = True
        for setup in jobs.SETUPS:
            row = found.get((model, job.name, setup.name))
            if not row:
                continue
            title = job.title + (' (one run)' if row['rounds'] == 1 else '') if first else ''
            first = False
            if 'wall_ms' not in row:
                yield f'| {title} | {remarks(job, setup, row)} | | | | | | | |'
                continue
            ratio = f'{row["wall_ms"] / reference:.2f}' if reference else ''
            digits = 2 if job.own_figures else 1
            yield (f'| {title} | {remarks(job, setup, row)} | {row["apdus"]:.0f} | '
                   f'{row["to_card"]:.0f} | {row["from_card"]:.0f} | {row["wall_ms"]:.{digits}f} | '
                   f'{row["above_ms"]:.{digits}f} | {row["memory_kib"]:.0f} | {ratio} |')


def write_tables(results, found):
    lines = [*machine(), f'- {said_by("date", "+%-d %B %Y")}', '']
    for model, (title, _) in jobs.MODELS.items():
        rounds = max((row['rounds'] for key, row in found.items() if key[0] == model), default=0)
        if rounds:
            lines += [f'### {model.capitalize()}: {title}', '', *table(model, found), '']
        if rounds > 1:
            lines += [f'Medians of {rounds} runs, where not one is said.', '']
    (results / 'tables.md').write_text('\n'.join(lines), encoding='utf-8')


def plot(results, found):
    """Of the contactless card, if that was measured."""
    measured = [model for model in jobs.MODELS if any(key[0] == model for key in found)]
    model = 'contactless' if 'contactless' in measured else measured[0]
    lines = ['job ' + ' '.join(f'"{setup.title}"' for setup in jobs.SETUPS)]
    for name in PLOTTED:
        walls = [found.get((model, name, setup.name), {}).get('wall_ms') for setup in jobs.SETUPS]
        if any(walls):
            title = '\\n'.join(textwrap.wrap(jobs.job_named(name).title, 17))
            lines.append(f'"{title}" ' + ' '.join(f'{wall / 1000:.3f}' if wall else '?' for wall in walls))
    (results / 'plot.dat').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    if len(lines) == 1:
        return
    script = Path(__file__).with_name('plot.gp')
    try:
        subprocess.run(['gnuplot', '-c', script, results / 'plot.dat', results / 'time.svg',
                        f'{model} card'], check=True)
    except FileNotFoundError:
        print('no gnuplot, so no picture')


def document(results, page):
    """Between its two marks the page has the table; the picture is in the folder beside it."""
    text = page.read_text(encoding='utf-8')
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f'{page} does not say where the results go')
    tables = (results / 'tables.md').read_text(encoding='utf-8')
    page.write_text(f'{before}{begin}\n\n{tables}\n{end}{after}', encoding='utf-8')
    shutil.copyfile(results / 'time.svg', page.parent / 'pictures' / 'performance.svg')


def main():
    results = Path(sys.argv[1])
    with (results / 'runs.jsonl').open(encoding='utf-8') as lines:
        runs = [json.loads(line) for line in lines]
    found = medians(runs)
    write_tables(results, found)
    plot(results, found)
    print((results / 'tables.md').read_text(encoding='utf-8'))
    if len(sys.argv) > 2:
        document(results, Path(sys.argv[2]))
    bad = [run for run in runs if not run['good']]
    for run in bad:
        print(f'FAILED {run["model"]} {run["job"]} {run["setup"]}:\n{run["output"]}', file=sys.stderr)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
