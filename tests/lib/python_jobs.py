#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a program in Python does with the module, by PyKCS11. Errors are printed by their names.

usage: python_jobs.py MODULE JOB ARGUMENT...

    tokens                          a line for each token: slot, label, serial number, flags
    certificate OUTPUT              of the holder, without login
    sign LABEL PIN WAY IN OUT       WAY: see WAYS
    refused PIN...                  logs in with each, and prints what comes of it
    consent PIN IN OUT              the signature key: one login, two signatures, a second consent
    events                          for each line read: waits for an event; for "ask": asks for one
    fork STATE PIN IN OUT           STATE: loaded, open, logged-in or signing
    turns NAME COUNT PIN FOLDER     signs once for each line read, and prints one
    many NAME COUNT PIN FOLDER      signs as fast as it can
"""
import hashlib
import os
import sys

import PyKCS11
from PyKCS11 import PyKCS11Error, PyKCS11Lib

AUTH = "JPKI User Authentication"
SIGN = "JPKI Digital Signature"
SHA256 = PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS, None)
PLAIN = PyKCS11.Mechanism(PyKCS11.CKM_RSA_PKCS, None)
PREFIX_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def say(*words):
    print(*words, flush=True)


def outcome(function, *arguments):
    """The name of the error that comes of it, or CKR_OK."""
    try:
        function(*arguments)
    except PyKCS11Error as error:
        return str(error).split(" ", maxsplit=1)[0]
    return "CKR_OK"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(bytes(content))


def open_library(module):
    lib = PyKCS11Lib()
    lib.load(module)
    return lib


def slot_of(lib, label):
    return next(s for s in lib.getSlotList(True) if lib.getTokenInfo(s).label.strip() == label)


def open_session(lib, label=AUTH):
    return lib.openSession(slot_of(lib, label))


def keys(session):
    return session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY)])


def pss(mechanism, salt=32):
    return PyKCS11.RSA_PSS_Mechanism(mechanism, PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, salt)


# ---- ways to sign ----


def in_parts(session, key, data):
    """C_SignUpdate is not in the upper half of PyKCS11; the lower half has it."""
    check(session.lib.C_SignInit(session.session, SHA256.to_native(), key))
    for start in range(0, len(data), 1000):
        part = PyKCS11.ckbytelist(data[start : start + 1000])
        check(session.lib.C_SignUpdate(session.session, part))
    signature = PyKCS11.ckbytelist()
    check(session.lib.C_SignFinal(session.session, signature))
    check(session.lib.C_SignFinal(session.session, signature))
    return signature


def check(result):
    if result != PyKCS11.CKR_OK:
        raise PyKCS11Error(result)


WAYS = {
    "whole": lambda session, key, data: session.sign(key, data, SHA256),
    "parts": in_parts,
    "plain": lambda session, key, data: session.sign(
        key, PREFIX_SHA256 + hashlib.sha256(data).digest(), PLAIN
    ),
    "pss": lambda session, key, data: session.sign(key, data, pss(PyKCS11.CKM_SHA256_RSA_PKCS_PSS)),
    "pss-of-hash": lambda session, key, data: session.sign(
        key, hashlib.sha256(data).digest(), pss(PyKCS11.CKM_RSA_PKCS_PSS)
    ),
    "pss-other-salt": lambda session, key, data: session.sign(
        key, data, pss(PyKCS11.CKM_SHA256_RSA_PKCS_PSS, 20)
    ),
}


# ---- jobs ----


def tokens(module):
    lib = open_library(module)
    for slot in lib.getSlotList(True):
        info = lib.getTokenInfo(slot)
        flags = ",".join(sorted(info.flags2text()))
        say("|".join([str(slot), info.label.strip(), info.serialNumber.strip(), flags]))


def certificate(module, output):
    session = open_session(open_library(module))
    found = session.findObjects(
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_CERTIFICATE), (PyKCS11.CKA_ID, (1,))]
    )
    say("certificates", len(found))
    write(output, session.getAttributeValue(found[0], [PyKCS11.CKA_VALUE])[0])


def sign(module, label, pin, way, source, output):
    session = open_session(open_library(module), label)
    session.login(pin)
    write(output, WAYS[way](session, keys(session)[0], read(source)))
    session.logout()
    say("keys after logout", len(keys(session)))


def refused(module, *pins):
    lib = open_library(module)
    session = open_session(lib)
    for pin in pins:
        flags = lib.getTokenInfo(slot_of(lib, AUTH)).flags2text()
        say(outcome(session.login, pin), "after", *[flag for flag in flags if "PIN_COUNT" in flag])


def consent(module, pin, source, output):
    session = open_session(open_library(module), SIGN)
    session.login(pin)
    key = keys(session)[0]
    data = PREFIX_SHA256 + hashlib.sha256(read(source)).digest()
    write(output + ".1", session.sign(key, data, PLAIN))
    say("without consent", outcome(session.sign, key, data, PLAIN))
    data = PyKCS11.ckbytelist(data)
    signature = PyKCS11.ckbytelist()
    check(session.lib.C_SignInit(session.session, PLAIN.to_native(), key))
    session.login(pin, PyKCS11.CKU_CONTEXT_SPECIFIC)
    check(session.lib.C_Sign(session.session, data, signature))
    check(session.lib.C_Sign(session.session, data, signature))
    write(output + ".2", signature)


def events(module):
    lib = open_library(module)
    say("slots", *lib.getSlotList())
    for line in sys.stdin:
        flags = PyKCS11.CKF_DONT_BLOCK if line.strip() == "ask" else 0
        try:
            slot = lib.waitForSlotEvent(flags)
            here = lib.getSlotInfo(slot).flags & PyKCS11.CKF_TOKEN_PRESENT
            say("event", slot, "present" if here else "empty")
        except PyKCS11Error as error:
            say("event", str(error).split(" ", maxsplit=1)[0])


def many(module, name, count, pin, folder):
    go_through(module, name, count, pin, folder, False)


def turns(module, name, count, pin, folder):
    go_through(module, name, count, pin, folder, True)


def go_through(module, name, count, pin, folder, by_turns):
    session = open_session(open_library(module))
    lines = []
    for number in range(int(count)):
        if by_turns and not sys.stdin.readline():
            sys.exit("the other one has ended")
        if number == 0:
            lines.append(f"{name} keys before login: {len(keys(session))}")
            session.login(pin)
        message = f"message {number} of {name}\n".encode()
        signature = session.sign(keys(session)[0], message, SHA256)
        write(f"{folder}/{name}-{number}.message", message)
        write(f"{folder}/{name}-{number}.sig", signature)
        if by_turns:
            say(name)
    write(f"{folder}/{name}.log", "\n".join(lines + [""]).encode())


# ---- fork ----


class Parent:
    """Gets into a state, and later signs from there."""

    def __init__(self, module, state, pin):
        self.pin = pin
        self.lib = open_library(module)
        self.session = None if state == "loaded" else open_session(self.lib)
        self.key = None
        self.waiting = False
        if state in ("logged-in", "signing"):
            self.log_in()
        if state == "signing":
            check(self.lib.lib.C_SignInit(self.session.session, SHA256.to_native(), self.key))
            self.waiting = True

    def log_in(self):
        self.session.login(self.pin)
        self.key = keys(self.session)[0]

    def sign(self, data):
        self.session = self.session or open_session(self.lib)
        if self.key is None:
            self.log_in()
        if not self.waiting:
            return self.session.sign(self.key, data, SHA256)
        signature = PyKCS11.ckbytelist()
        data = PyKCS11.ckbytelist(data)
        check(self.lib.lib.C_Sign(self.session.session, data, signature))
        check(self.lib.lib.C_Sign(self.session.session, data, signature))
        return signature


def fork(module, state, pin, source, output):
    data = read(source)
    parent = Parent(module, state, pin)
    child = os.fork()
    if child == 0:
        try:
            as_child(module, parent, data, output)
        except BaseException as error:  # what is above belongs to the parent
            say("child:", repr(error))
        os._exit(0)
    os.waitpid(child, 0)
    write(output + ".parent", parent.sign(data))


def as_child(module, parent, data, output):
    """With what it has from its parent, then by itself."""
    say("child lists:", outcome(parent.lib.getSlotList))
    if parent.key is not None:
        say("child signs:", outcome(parent.sign, data))
    own = open_library(module)
    session = open_session(own)
    say("child has keys before login:", len(keys(session)))
    session.login(parent.pin)
    write(output + ".child", session.sign(keys(session)[0], data, SHA256))
    say("child signs by itself")


JOBS = [tokens, certificate, sign, refused, consent, events, fork, turns, many]


def main():
    job = next(job for job in JOBS if job.__name__ == sys.argv[2])
    try:
        job(sys.argv[1], *sys.argv[3:])
    except PyKCS11Error as error:
        sys.exit(str(error))


main()
