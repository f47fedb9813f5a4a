#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: the models of a card, the set-ups, and the jobs. Read by measure.py and report.py.

Run by itself it prints a line for each model, with its options, for each model that is not for all jobs, with
its jobs, and for each job, with its cards."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

CONTACTLESS = ['--delay-apdu', '15', '--delay-byte', '0.1', '--delay-sign', '350']

# By the options of `jpki-vcard new`: milliseconds for each command, byte and signature.
MODELS = {
    'ideal': ('no delay', []),
    'contactless': ('15 ms a command, 0.1 ms a byte, 350 ms a signature', CONTACTLESS),
    'contact': ('a slow contact chip: 10 ms a command, 1 ms a byte, 600 ms a signature',
                ['--delay-apdu', '10', '--delay-byte', '1', '--delay-sign', '600']),
    'extended': ('as contactless, with extended APDUs, announced by the card and by its reader',
                 [*CONTACTLESS, '--extended', '--atr', '3BDA13FF8131FB468012392F31C173C601C03B']),
}
# Jobs of a model that is not for all of them.
ONLY = {'extended': ['objects']}


def rounds_of(model, job, rounds):
    """How often a job is run, where ROUNDS are wanted. A card that takes its time drowns what else the
    machine does; one that takes none does not."""
    if model == 'ideal' and rounds > 1:
        return 3 * rounds
    return 1 if job.long else rounds


@dataclass
class Setup:
    name: str
    title: str
    ours: bool
    again: bool = False  # other programs have used the card before, and it has stayed in
    files: dict = field(default_factory=dict)  # written into the set-up's folder
    env: dict = field(default_factory=dict)    # {folder} is that folder

    def folder(self):
        return Path(os.environ['WORK']) / self.name

    def module(self, login_only=False):
        if self.ours:
            return os.environ['MODULE_AUTH' if login_only else 'MODULE']
        return os.environ['OPENSC']

    def environment(self, model):
        env = {**os.environ, **{k: v.format(folder=self.folder()) for k, v in self.env.items()}}
        if model == 'extended':  # what the reader behind the layer takes, but does not say
            env['LD_PRELOAD'] = os.environ['JPKI_BUILD'] + '/tests/lib/longshim.so'
        return env

    def prepare(self):
        self.folder().mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (self.folder() / name).write_text(text, encoding='ascii')


def opensc_conf(text):
    return {'opensc.conf': f'app default {{\n{text}\n}}\n'}


OPENSC_ENV = {'OPENSC_CONF': '{folder}/opensc.conf', 'XDG_CACHE_HOME': '{folder}/cache'}
# The first of OpenSC's is what all are compared with.
SETUPS = [
    Setup('ours', 'ours', True),
    Setup('ours-again', 'ours, after another program', True, True),
    Setup('ours-open', 'ours, isolation = no', True, False, {'jpki-pkcs11.conf': 'isolation = no\n'},
          {'XDG_CONFIG_HOME': '{folder}'}),
    Setup('opensc', 'OpenSC as shipped', False),
    Setup('opensc-cache', 'OpenSC, use_file_caching', False, False,
          opensc_conf('framework pkcs15 {\n use_file_caching = yes;\n}'), OPENSC_ENV),
    Setup('opensc-jpki', 'OpenSC, card_drivers = jpki', False, False,
          opensc_conf('card_drivers = jpki;'), OPENSC_ENV),
]
REFERENCE = 'opensc'


@dataclass
class Job:
    name: str
    title: str
    cards: int        # how many there are; each in a reader of its own
    command: object   # a function of the set-up; see below
    long: bool = False           # once is enough where the card takes its time
    own_figures: bool = False    # the program itself prints its time and memory
    tokens: bool = False         # it prints a line for each token
    prepare: object = None       # a function of the set-up, before any run of it
    expects: str = ''            # what it has to print


def api(program, *arguments):
    return lambda setup: [f'{os.environ["API_TESTS"]}/{program}', setup.module(), *arguments]


# ---- TLS, by NSS's own client ----

def run(setup, *command):
    done = subprocess.run(command, env=setup.environment(None), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise SystemExit(f'{" ".join(command)}: {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


def database(setup):
    return f'sql:{setup.folder()}/nss'


def prepare_tls(setup):
    (setup.folder() / 'nss').mkdir()
    run(setup, 'certutil', '-N', '-d', database(setup), '--empty-password')
    run(setup, 'certutil', '-A', '-d', database(setup), '-n', 'server-ca', '-t', 'C,,', '-i',
        os.environ['WORK'] + '/ca.pem')
    run(setup, 'modutil', '-dbdir', database(setup), '-force', '-add', 'card', '-libfile',
        setup.module(login_only=True))
    listing = run(setup, 'certutil', '-L', '-h', 'all', '-d', database(setup))
    # Each module has its own names: the first certificate of the token for logging in.
    found = re.search(r'^([^:\n]*User Authentication[^:\n]*:.*?) +\S*,\S*,\S*$', listing, re.M)
    if not found:
        raise SystemExit(f'{setup.title}: no certificate to log in with\n{listing}')
    (setup.folder() / 'nickname').write_text(found.group(1), encoding='utf-8')


def tls_login(setup):
    nickname = (setup.folder() / 'nickname').read_text(encoding='utf-8')
    return ['tstclnt', '-h', 'localhost', '-p', os.environ['TLS_PORT'], '-d', database(setup),
            '-V', 'tls1.2:tls1.2', '-A', os.environ['WORK'] + '/request', '-w',
            os.environ['PIN_AUTH'], '-n', nickname]


def ssh_login(setup):
    return ['ssh', '-F', os.environ['WORK'] + '/ssh_config', '-I', setup.module(login_only=True),
            'server', 'true']


JOBS = [
    Job('start', 'load, C_Initialize, C_Finalize; no card', 0, api('start'), own_figures=True),
    Job('list', 'list the tokens', 1, api('job', 'tokens'), tokens=True),
    Job('objects', 'read all public objects', 1, api('job', 'objects')),
    Job('auth1', 'first signature, authentication key', 1, api('job', 'sign', 'auth', '1')),
    Job('sign1', 'first signature, signature key', 1, api('job', 'sign', 'sign', '1')),
    Job('auth10', '10 signatures, authentication key', 1, api('job', 'sign', 'auth', '10')),
    Job('auth100', '100 signatures, authentication key', 1, api('job', 'sign', 'auth', '100'),
        long=True),
    Job('sign10', '10 signatures, signature key', 1, api('job', 'sign', 'sign', '10')),
    Job('tls', 'TLS login by NSS', 1, tls_login, prepare=prepare_tls,
        expects='200 OK'),
    Job('ssh', 'ssh login', 1, ssh_login),
    Job('threads', '8 threads, 2 readers, 40 signatures', 2, api('parallel', '8', '5'),
        expects='2 cards, 40 signatures'),
    Job('list4', 'list the tokens of 4 readers', 4, api('job', 'tokens'), tokens=True),
    Job('list16', 'list the tokens of 16 readers', 16, api('job', 'tokens'), tokens=True),
]


def job_named(name):
    return next(job for job in JOBS if job.name == name)


def main():
    for name, (_, options) in MODELS.items():
        print('model', name, *options)
    for name, names in ONLY.items():
        print('only', name, *names)
    for job in JOBS:
        print('job', job.name, job.cards)


if __name__ == '__main__':
    main()
