#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes signatures that no honest program makes, out of an honest one (CMS, DER).

usage: cms_forge.py strip IN OUT CONTENT
       cms_forge.py resign CHANGE IN OUT KEY
       cms_forge.py swap IN OUT CERTIFICATE
       cms_forge.py unsigned IN OUT
       cms_forge.py endless IN OUT
       cms_forge.py rename OID NAME IN OUT [WHICH]
       cms_forge.py encrypted IN OUT

strip takes the signed attributes out; what the signature is then of goes to the file CONTENT.
resign changes them and signs anew with KEY. swap puts CERTIFICATE (DER) in the place of the signer's;
unsigned adds an attribute that nobody has signed. endless gives the whole no length (BER). rename puts another name of the same length in the place
of an algorithm's, where it stands last, or last but one (WHICH is 2). encrypted writes PEM that says it needs a pass phrase.
"""
import base64
import hashlib
import subprocess
import sys

CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_TIME = bytes.fromhex("06092a864886f70d010905")
COUNTERSIGNATURE = bytes.fromhex("06092a864886f70d010906")
# RFC 5035: the signer's certificate by SHA-1, and by any hash.
NAMED = bytes.fromhex("060b2a864886f70d010910020c")
NAMED_V2 = bytes.fromhex("060b2a864886f70d010910022f")
ID_DATA = bytes.fromhex("06092a864886f70d010701")
ID_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")


def tlv(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def header(data):
    """Where the content of the first element begins and ends."""
    if data[1] < 128:
        return 2, 2 + data[1]
    begin = 2 + (data[1] & 0x7F)
    return begin, begin + int.from_bytes(data[2:begin], "big")


def split(data):
    """The elements one after the other, each with its tag and length."""
    parts = []
    while data:
        end = header(data)[1]
        parts.append(data[:end])
        data = data[end:]
    return parts


def inside(element):
    begin, end = header(element)
    return split(element[begin:end])


def joined(tag, parts):
    return tlv(tag, b"".join(parts))


class Signature:
    """Taken apart down to the fields of its only SignerInfo."""

    def __init__(self, der):
        self.type, outer = inside(der)
        self.data = inside(inside(outer)[0])
        self.signer = inside(inside(self.data[-1])[0])

    def der(self):
        self.data[-1] = joined(0x31, [joined(0x30, self.signer)])
        return joined(0x30, [self.type, joined(0xA0, [joined(0x30, self.data)])])


def attribute(oid, value):
    return joined(0x30, [oid, joined(0x31, [value])])


def of(attributes, oid):
    return next(a for a in attributes if inside(a)[0] == oid)


def names(hashes):
    """SigningCertificate, and its second version by SHA-256: they look the same."""
    return joined(0x30, [joined(0x30, [joined(0x30, [tlv(0x04, h)]) for h in hashes])])


def naming(change, certificate):
    """Attributes that name a certificate, rightly or not."""
    right = hashlib.sha256(certificate).digest()
    good = attribute(NAMED_V2, names([right]))
    return {
        "named": [good],
        "named-other": [attribute(NAMED_V2, names([bytes(32)]))],
        "named-nobody": [attribute(NAMED_V2, names([]))],
        "named-badly": [attribute(NAMED_V2, joined(0x30, [tlv(0x04, right)]))],
        "named-second": [attribute(NAMED_V2, names([bytes(32), right]))],
        "named-more": [attribute(NAMED_V2, names([right, bytes(32)]))],
        "named-twice": [good, good],
        "named-text": [attribute(NAMED_V2, tlv(0x04, right))],
        "named-old": [attribute(NAMED, names([hashlib.sha1(certificate).digest()]))],
        "named-old-other": [attribute(NAMED, names([bytes(20)]))],
        "named-both": [good, attribute(NAMED, names([bytes(20)]))],
    }[change]


def changed(attributes, change, certificate):
    content_type = of(attributes, CONTENT_TYPE)
    digest = of(attributes, MESSAGE_DIGEST)
    rest = [a for a in attributes if a not in (content_type, digest)]
    other_type = attribute(CONTENT_TYPE, ID_SIGNED_DATA)
    other_digest = attribute(MESSAGE_DIGEST, tlv(0x04, bytes(32)))
    both_types = joined(0x30, [CONTENT_TYPE, joined(0x31, [ID_DATA, ID_SIGNED_DATA])])
    old = attribute(SIGNING_TIME, tlv(0x17, b"010203040506Z"))
    if change.startswith("named"):
        return [content_type, digest, *naming(change, certificate)]
    return {
        "nothing": [content_type, digest, *rest],
        "no-type": [digest, *rest],
        "two-types": [content_type, content_type, digest, *rest],
        "two-values": [both_types, digest, *rest],
        "other-type": [other_type, digest, *rest],
        "no-digest": [content_type, *rest],
        "two-digests": [content_type, digest, other_digest, *rest],
        "old": [content_type, digest, old],
        "two-times": [content_type, digest, old, *rest],
    }[change]


def signed(message, key):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=message, check=True,
                          stdout=subprocess.PIPE).stdout


def strip(source, target, content):
    signature = Signature(read(source))
    write(content, b"\x31" + signature.signer[3][1:])
    del signature.signer[3]
    write(target, signature.der())


def resign(change, source, target, key):
    signature = Signature(read(source))
    certificate = inside(signature.data[3])[0]
    attributes = sorted(changed(inside(signature.signer[3]), change, certificate))
    signature.signer[3] = joined(0xA0, attributes)
    signature.signer[5] = tlv(0x04, signed(joined(0x31, attributes), key))
    write(target, signature.der())


def swap(source, target, certificate):
    signature = Signature(read(source))
    other = read(certificate)
    fields = inside(inside(other)[0])
    signature.data[3] = tlv(0xA0, other)
    signature.signer[1] = joined(0x30, [fields[3], fields[1]])
    write(target, signature.der())


def unsigned(source, target):
    signature = Signature(read(source))
    signature.signer.append(tlv(0xA1, attribute(COUNTERSIGNATURE, joined(0x30, []))))
    write(target, signature.der())


def endless(source, target):
    data = read(source)
    write(target, b"\x30\x80" + data[header(data)[0]:] + bytes(2))


def rename(oid, name, source, target, which="1"):
    old, new = bytes.fromhex(oid), bytes.fromhex(name)
    parts = read(source).rsplit(old, int(which))
    assert len(parts) == int(which) + 1 and len(old) == len(new)
    write(target, new.join(parts[:2]) + old.join([b"", *parts[2:]]))


def encrypted(source, target):
    code = base64.b64encode(read(source)).decode()
    text = "".join(code[i:i + 64] + "\n" for i in range(0, len(code), 64))
    head = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC," + "00112233445566778899AABBCCDDEEFF\n\n"
    kind = "CERTIFICATE" if target.endswith(".pem") else "CMS"
    write(target, f"-----BEGIN {kind}-----\n{head}{text}-----END {kind}-----\n".encode())


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


{"strip": strip, "resign": resign, "swap": swap, "unsigned": unsigned, "endless": endless,
 "rename": rename, "encrypted": encrypted}[sys.argv[1]](*sys.argv[2:])
