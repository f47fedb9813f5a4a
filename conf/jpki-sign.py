#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signs a file with the authentication key of a My Number Card: an example for programmers.

usage: jpki-sign.py MODULE FILE SIGNATURE CERTIFICATE

SIGNATURE and CERTIFICATE (DER) are written. It needs Debian's python3-pykcs11; docs/python.md says
more. A server that lets somebody in this way has to choose what is signed, anew each time, and to
check the certificate.
"""
import getpass
import sys

import PyKCS11
from PyKCS11 import PyKCS11Error, PyKCS11Lib

LABEL = "JPKI User Authentication"

# The one kind of PSS that the card makes: SHA-256, and a salt of 32 bytes.
PSS = PyKCS11.RSA_PSS_Mechanism(
    PyKCS11.CKM_SHA256_RSA_PKCS_PSS, PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, 32
)

# What to tell the holder, whose tries are few. Never send a PIN again that was refused.
REFUSALS = {
    PyKCS11.CKR_PIN_INCORRECT: "This PIN is wrong, and one try was lost.",
    PyKCS11.CKR_PIN_INVALID: "This PIN was refused before. No try was lost.",
    PyKCS11.CKR_PIN_LEN_RANGE: "The PIN has four digits. No try was lost.",
    PyKCS11.CKR_PIN_LOCKED: "The PIN is locked, or its last try is kept. No try was lost.",
}


def find_slot(lib):
    for slot in lib.getSlotList(tokenPresent=True):
        if lib.getTokenInfo(slot).label.strip() == LABEL:
            return slot
    sys.exit("There is no My Number Card in a reader (or its labels are set to Japanese).")


def log_in(lib, slot, session):
    flags = lib.getTokenInfo(slot).flags
    if flags & PyKCS11.CKF_USER_PIN_LOCKED:
        sys.exit("The PIN is locked: the municipal office, or a kiosk after booking, resets it.")
    if flags & PyKCS11.CKF_USER_PIN_FINAL_TRY:
        sys.exit("One try is left, which the module keeps (pin.reserve): see its settings.")
    if flags & PyKCS11.CKF_USER_PIN_COUNT_LOW:
        print("Careful: a wrong PIN was entered before.", file=sys.stderr)
    try:
        session.login(getpass.getpass(f"PIN for {LABEL}: "))
    except PyKCS11Error as error:
        sys.exit(REFUSALS.get(error.value, f"The login failed: {error}"))


def find_one(session, kind):
    """The holder's key and certificate have the same id; that of the authority has another."""
    return session.findObjects([(PyKCS11.CKA_CLASS, kind), (PyKCS11.CKA_ID, (1,))])[0]


def write(path, content):
    with open(path, "wb") as file:
        file.write(bytes(content))


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    module, message, signature, certificate = sys.argv[1:]
    lib = PyKCS11Lib()
    lib.load(module)
    slot = find_slot(lib)
    session = lib.openSession(slot)
    log_in(lib, slot, session)
    with open(message, "rb") as file:
        write(signature, session.sign(find_one(session, PyKCS11.CKO_PRIVATE_KEY), file.read(), PSS))
    found = find_one(session, PyKCS11.CKO_CERTIFICATE)
    write(certificate, session.getAttributeValue(found, [PyKCS11.CKA_VALUE])[0])
    session.logout()
    session.closeSession()


main()
