# SPDX-License-Identifier: LGPL-2.1-or-later
"""Marionette, Firefox's and Thunderbird's own remote control, as far as the tests need it.

A message is its length in decimal, a colon, and JSON: [0, NUMBER, COMMAND, PARAMETERS] to the
program, [1, NUMBER, ERROR, RESULT] back. The program says hello first.
"""
import json
import os
import socket
import time


class Refused(Exception):
    """What the program answered instead of a result."""


class Marionette:
    """One session with the program that uses a profile."""

    def __init__(self, profile, seconds=60):
        self._socket = socket.create_connection(("127.0.0.1", port_of(profile, seconds)), seconds)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._receive()
        # A prompt is answered by the holder whom the test plays, and by nothing else.
        self.command("WebDriver:NewSession", {"unhandledPromptBehavior": "ignore"})
        self.command("Marionette:SetContext", {"value": "chrome"})

    def command(self, name, parameters=None):
        """The result of a command; or Refused."""
        self._number += 1
        text = json.dumps([0, self._number, name, parameters or {}]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = self._receive()
        if number != self._number:
            raise ValueError(f"the answer to command {number} instead of {self._number}")
        if error:
            raise Refused(f"{error['error']}: {error['message']}")
        return result

    def script(self, text, *arguments):
        """What a script in the program's own window returns; it may await something."""
        text = f"return (async () => {{ {text} }})();"
        found = self.command("WebDriver:ExecuteScript", {"script": text, "args": arguments})
        return found["value"]

    def _receive(self):
        digits = b""
        while not digits.endswith(b":"):
            byte = self._stream.read(1)
            if not byte:
                raise ConnectionError("the program has ended")
            digits += byte
        return json.loads(self._stream.read(int(digits[:-1])))


def port_of(profile, seconds):
    """The port, which the program writes into its profile when it listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(os.path.join(profile, "MarionetteActivePort"), encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            time.sleep(0.02)
    raise TimeoutError(f"no program listens for {profile} after {seconds} seconds")
