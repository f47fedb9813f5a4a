#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts Chromium and hands it the orders of a test, through its DevTools protocol.

usage: chromium.py PAGE COMMAND...

COMMAND is the browser with its options. One order a line comes from standard input; each gets one
line of answer. What a page shows goes to the file PAGE.

    visit URL    begins to load a page; answers "ok" at once, since dialogs may stand in the way
    ended        answers "yes" or "no": whether "page" would answer at once
    page         waits for that page; answers "shown", or the browser's name of an error
    close        ends the browser as its holder does; answers its exit code
"""
import json
import os
import select
import subprocess
import sys
import time

SECONDS = 60


def is_loaded(message, loader):
    """An event that says so of the page with this number; what the browser shows in the place of a
    page that does not come is one, too."""
    event = message.get("params", {})
    return (
        message.get("method") == "Page.lifecycleEvent"
        and event["name"] == "load"
        and event["loaderId"] == loader
    )


class Browser:
    """A Chromium that reads orders from its descriptor 3 and writes answers to 4, each ended by NUL."""

    def __init__(self, command):
        orders, self.orders = os.pipe()
        self.answers, answers = os.pipe()
        # A shell puts the pipes at the numbers that Chromium wants.
        shell = f'exec "$@" 3<&{orders} 4>&{answers}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command], pass_fds=(orders, answers)
        )
        os.close(orders)
        os.close(answers)
        self.unread = b""
        self.last = 0
        self.heard = []  # answers and events that nobody has asked for yet
        self.session = None
        self.loading = None
        self.session = self.attach()

    def first_page(self):
        """The number of the first page. The browser answers orders before it has opened one."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for target in self.ask("Target.getTargets")["result"]["targetInfos"]:
                if target["type"] == "page":
                    return target["targetId"]
            time.sleep(0.02)
        raise TimeoutError("the browser opens no page")

    def attach(self):
        answer = self.ask("Target.attachToTarget", targetId=self.first_page(), flatten=True)
        self.session = answer["result"]["sessionId"]
        self.ask("Page.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)
        return self.session

    def send(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.orders, json.dumps(message).encode() + b"\0")
        return self.last

    def read(self, end):
        while b"\0" not in self.unread:
            if not select.select([self.answers], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.answers, 65536)
            if not piece:
                raise EOFError("the browser has ended")
            self.unread += piece
        message, self.unread = self.unread.split(b"\0", 1)
        return json.loads(message)

    def await_message(self, wanted):
        """The first message for which wanted() is true, of those that came and those that come."""
        end = time.monotonic() + SECONDS
        looked_at = 0
        while True:
            while looked_at < len(self.heard):
                if wanted(self.heard[looked_at]):
                    return self.heard.pop(looked_at)
                looked_at += 1
            self.heard.append(self.read(end))

    def ask(self, method, **parameters):
        number = self.send(method, **parameters)
        return self.await_message(lambda message: message.get("id") == number)

    def value(self, expression):
        return self.ask("Runtime.evaluate", expression=expression)["result"]["result"].get("value")

    def visit(self, url):
        self.heard = []
        self.loading = self.send("Page.navigate", url=url)
        return "ok"

    def is_answer(self, message):
        return message.get("id") == self.loading

    def ended(self):
        while select.select([self.answers], [], [], 0)[0]:
            self.heard.append(self.read(time.monotonic() + SECONDS))
        return any(self.is_answer(message) for message in self.heard)

    def page(self, path):
        answer = self.await_message(self.is_answer)
        loader = answer["result"]["loaderId"]
        self.await_message(lambda message: is_loaded(message, loader))
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.value("document.body.innerText"))
        return answer["result"].get("errorText", "shown")

    def close(self):
        self.session = None
        self.send("Browser.close")
        return str(self.process.wait(SECONDS))


def main():
    path = sys.argv[1]
    browser = Browser(sys.argv[2:])
    print("ready", flush=True)
    for line in sys.stdin:
        order, _, argument = line.rstrip("\n").partition(" ")
        if order == "visit":
            answer = browser.visit(argument)
        elif order == "ended":
            answer = "yes" if browser.ended() else "no"
        elif order == "page":
            answer = browser.page(path)
        elif order == "close":
            answer = browser.close()
        else:
            sys.exit(f"chromium.py: no such order: {order}")
        print(answer, flush=True)
        if order == "close":
            break


main()
