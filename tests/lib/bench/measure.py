#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs jobs in one world, beside its cards, and writes a line for each run.

measure.py RESULTS MODEL ROUNDS JOB... : the jobs all want as many cards as are in now. The set-ups take
turns, so that what else the machine does meets all of them. CARD_LOGS names the cards' logs, CARD_PIDS
their processes.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jobs

LIMIT = 1200  # seconds


class CardLog:
    """What a card has written since the last look."""

    def __init__(self, path):
        self.path = Path(path)
        self.at = 0

    def fresh(self):
        with self.path.open(encoding='ascii') as log:
            log.seek(self.at)
            text = log.read()
            self.at = log.tell()
        return text.splitlines()


def insert_anew():
    """Takes all cards out and puts them in again: a PIN that the run before has left verified would show
    the next one the signature certificate without a login."""
    pids = [int(pid) for pid in os.environ['CARD_PIDS'].split()]
    for sign, state in ((signal.SIGUSR1, 'empty'), (signal.SIGUSR2, 'present')):
        for pid in pids:
            os.kill(pid, sign)
        for number in range(len(pids)):
            subprocess.run([os.environ['READERS'], 'wait', str(number), state, '10'], check=True)


def earlier_programs(setup, model):
    """Read and sign with all that a card has, so that whatever can be remembered is."""
    for words in (['objects'], ['sign', 'auth', '1'], ['sign', 'sign', '1']):
        subprocess.run([os.environ['API_TESTS'] + '/job', setup.module(), *words],
                       env=setup.environment(model), check=True, capture_output=True)


def begin_anew(job, setup, model, logs):
    """What the runs before have left is gone, and what this one finds is there. The commands of that."""
    insert_anew()
    shutil.rmtree(Path(os.environ['XDG_CACHE_HOME']) / 'jpki-pkcs11', ignore_errors=True)
    for log in logs:
        log.fresh()
    if setup.again and job.cards:
        earlier_programs(setup, model)
    return [line for log in logs for line in log.fresh()]


def at_work(intervals):
    """Seconds in which at least one card was at work."""
    total = end = 0
    for begin, until in sorted(intervals):
        if until > end:
            total += until - max(begin, end)
            end = until
    return total / 1e6


def count(lines):
    """Commands, bytes each way, and when the cards were at work."""
    seen = {'apdus': 0, 'to_card': 0, 'from_card': 0}
    intervals = []
    for line in lines:
        words = line.split()
        if words[0] == '>':
            answer = words[3] if len(words) > 3 else ''
            seen['apdus'] += 1
            seen['to_card'] += len(words[1]) // 2
            seen['from_card'] += len(answer) // 2
        elif words[0] == '@':
            intervals.append((int(words[1]), int(words[2])))
    return seen, at_work(intervals)


def timed(command, env):
    """Seconds, KiB at the most, what was printed, and whether it went well. time(1) starts the command,
    since a process's peak begins with that of whoever has started it."""
    note = Path(os.environ['WORK']) / 'memory'
    begin = time.monotonic()
    done = subprocess.run(['/usr/bin/time', '-f', '%M', '-o', note, *command], env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
    wall = time.monotonic() - begin
    memory = int(note.read_text(encoding='ascii').split()[-1])
    return wall, memory, done.stdout.decode(errors='replace'), done.returncode == 0


def one_run(job, setup, model, logs):
    before = begin_anew(job, setup, model, logs)
    wall, memory, output, good = timed(job.command(setup), setup.environment(model))
    good = good and job.expects in output
    lines = [line for log in logs for line in log.fresh()]
    seen, busy = count(lines)
    if job.own_figures and good:
        words = output.split()
        wall, memory = int(words[0]) / 1e6, int(words[2])
    row = {'job': job.name, 'setup': setup.name, 'good': good, **seen, 'wall_ms': wall * 1000,
           'above_ms': (wall - busy) * 1000, 'memory_kib': memory}
    if job.tokens:
        row['readers'] = len(output.splitlines()) // 2
    if not good:
        row['output'] = output[-2000:]
    return row, {'': lines, '-before': before}


def main():
    results, model, rounds, *names = sys.argv[1:]
    results = Path(results)
    logs = [CardLog(path) for path in os.environ['CARD_LOGS'].split()]
    wanted = [jobs.job_named(name) for name in names]
    for setup in jobs.SETUPS:
        setup.prepare()
        for job in wanted:
            if job.prepare:
                job.prepare(setup)
    for job in wanted:
        for turn in range(jobs.rounds_of(model, job, int(rounds))):
            for setup in jobs.SETUPS:
                row, seen = one_run(job, setup, model, logs)
                row = {'model': model, 'round': turn, **row}
                with (results / 'runs.jsonl').open('a', encoding='utf-8') as runs:
                    runs.write(json.dumps(row) + '\n')
                for which, lines in seen.items():
                    (results / 'logs' / f'{model}-{job.name}-{setup.name}{which}.log').write_text(
                        ''.join(line + '\n' for line in lines), encoding='ascii')
                print(f'{model:11} {job.name:8} {setup.name:12} {row["apdus"]:5} APDUs '
                      f'{row["wall_ms"]:10.1f} ms{"" if row["good"] else "  FAILED"}', flush=True)


if __name__ == '__main__':
    main()
