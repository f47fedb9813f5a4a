#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mail server that keeps what it gets and passes nothing on.

usage: smtp_sink.py PORT FOLDER

Listens on the loopback address. The n-th message becomes FOLDER/n.eml, byte for byte as it came;
beside it FOLDER/n.to holds the recipients, one a line. What knows as little SMTP as one client needs:
no extensions, no encryption, no login.
"""
import os
import socketserver
import sys
import threading


class Conversation(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode("ascii") + b"\r\n")

    def handle(self):
        recipients = []
        self.say("220 localhost")
        for line in self.rfile:
            verb = line[:4].upper().strip()
            if verb in (b"HELO", b"EHLO", b"RSET", b"NOOP"):
                recipients = []
                self.say("250 localhost")
            elif verb == b"MAIL":
                self.say("250 ok")
            elif verb == b"RCPT":
                recipients.append(line.split(b":", 1)[1].split(b">")[0].strip(b" <").decode())
                self.say("250 ok")
            elif verb == b"DATA":
                self.say("354 end with a dot")
                self.keep(self.message(), recipients)
                self.say("250 kept")
            elif verb == b"QUIT":
                self.say("221 goodbye")
                return
            else:
                self.say("502 not known here")

    def message(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        raise ConnectionError("gone in the middle of a message")

    def keep(self, message, recipients):
        with self.server.keeping:
            self.write(message, recipients)
            self.server.kept += 1

    def write(self, message, recipients):
        name = os.path.join(self.server.folder, str(self.server.kept + 1))
        with open(name + ".to", "w", encoding="ascii") as file:
            file.writelines(recipient + "\n" for recipient in recipients)
        with open(name + ".part", "wb") as file:
            file.write(message)
        os.rename(name + ".part", name + ".eml")  # whole, or not there


# A client may open a connection for its next message while it still keeps the last one's.
class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port, folder):
        self.folder = folder
        self.kept = 0
        self.keeping = threading.Lock()
        super().__init__(("127.0.0.1", port), Conversation)


with Sink(int(sys.argv[1]), sys.argv[2]) as sink:
    sink.serve_forever()
