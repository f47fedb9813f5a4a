# SPDX-License-Identifier: LGPL-2.1-or-later
"""What those who play a holder at a terminal share: late_typist.py, wrong_keys.py."""
import os
import pty
import re
import select
import sys


def start(command):
    """The process of the command, and the terminal of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    return pid, terminal


def read(terminal):
    """What the command prints, which is passed on."""
    if not select.select([terminal], [], [], 30)[0]:
        sys.exit("nothing was printed for 30 seconds")
    try:
        text = os.read(terminal, 4096)
    except OSError:  # how a terminal says that nobody is left on it
        return b""
    os.write(1, text.replace(b"\r", b""))
    return text


def read_until(terminal, prompt):
    text = b""
    while not re.search(prompt.encode(), text):
        text += read(terminal)


def finish(pid, terminal):
    """Ends with the exit code of the command."""
    while read(terminal):
        pass
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)
