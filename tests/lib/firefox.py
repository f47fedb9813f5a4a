#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the holder at Firefox: what is clicked, typed and read there. Firefox runs with Marionette.

usage: firefox.py PROFILE modules
       firefox.py PROFILE add NAME LIBRARY
       firefox.py PROFILE remove NAME
       firefox.py PROFILE visit URL COUNTED ASKED [PIN...]
       firefox.py PROFILE logout
       firefox.py PROFILE profile
       firefox.py PROFILE milliseconds
       firefox.py PROFILE quit

modules lists what the window "Device Manager" shows; add, remove and logout do what its buttons "Load",
"Unload" and "Log Out" do. visit opens a page and prints it, or `error: CODE` for Firefox's own page
about an error; before it, the lines `offered: CERTIFICATE` and `remembered: HOW LONG` for each choice of a certificate,
which is confirmed, and `asked: TEXT` for each prompt. A prompt is answered with the next PIN; when
there is none left, or it is empty, it is cancelled. For each prompt a line goes to the file ASKED: how
many lines the file COUNTED, the log of the card's commands, has by then. milliseconds says how long the
start took: until the first window was painted, and until it was ready. profile makes another profile,
as the profile manager in Firefox's menu does, and prints its folder; it does not start it. quit ends Firefox as its menu
does. Nothing is waited for longer than FIREFOX_SECONDS.
"""
import os
import sys
import time

from marionette import Marionette

SECONDS = int(os.environ.get("FIREFOX_SECONDS", "60"))

MODULES = """
    const modules = Cc["@mozilla.org/security/pkcs11moduledb;1"].getService(Ci.nsIPKCS11ModuleDB);
"""

# An empty reader's token has no name of its own.
LIST = MODULES + """
    const list = await modules.listModules();
    return list.map(module => [module.name, module.libName,
                               ...module.slots.map(slot => slot.tokenName)].join("\\t"));
"""

ADD = MODULES + "await modules.addModule(arguments[0], arguments[1], 0, 0);"

REMOVE = MODULES + "await modules.deleteModule(arguments[0]);"

# The button "Log Out", pressed for each token of the module.
LOGOUT = MODULES + """
    const list = await modules.listModules();
    const ours = list.filter(module => module.libName?.includes("jpki"));
    for (const slot of ours.flatMap(module => module.slots)) {
        slot.getToken().logout();
    }
    Cc["@mozilla.org/psm;1"].getService(Ci.nsINSSComponent).clearTLSCacheAndCancelAllConnections();
"""

OPEN = """
    gBrowser.selectedBrowser.fixupAndLoadURIString(arguments[0], {
        triggeringPrincipal: Services.scriptSecurityManager.getSystemPrincipal(),
    });
"""

PROFILE = """
    const { SelectableProfileService } = ChromeUtils.importESModule(
        "resource:///modules/profiles/SelectableProfileService.sys.mjs");
    await SelectableProfileService.init();
    await SelectableProfileService.maybeSetupDataStore();
    return (await SelectableProfileService.createNewProfile(false)).path;
"""

# Answers from inside. From outside it cannot be done: Firefox opens the prompt for the PIN while it
# deals with the answer of the dialog before, and until it is closed, Marionette answers nothing.
HOLDER = """
    const [pins, counted] = arguments;
    const press = (dialog, button) =>
        Services.tm.dispatchToMainThread(() => dialog.getButton(button).click());
    window.holder = {
        notes: [],
        observe(subject, topic) {
            if (topic == "cert-dialog-loaded") {
                const choice = name => subject.ownerDocument.getElementById(name).label;
                this.notes.push(["offered", choice("nicknames"), 0]);
                this.notes.push(["remembered", choice("rememberSetting"), 0]);
                press(subject, "accept");
                return;
            }
            const part = name => subject.document.getElementById(name);
            this.notes.push(["asked", part("infoBody").textContent, this.commands()]);
            part("password1Textbox").value = pins[0] ?? "";
            press(part("commonDialog"), pins[0] ? "accept" : "cancel");
            pins.shift();
        },
        commands() {
            const log = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
            log.initWithPath(counted);
            return Cu.readUTF8File(log).split("\\n").length - 1;
        },
    };
    Services.obs.addObserver(window.holder, "cert-dialog-loaded");
    Services.obs.addObserver(window.holder, "common-dialog-loaded");
"""

HOLDER_LEAVES = """
    Services.obs.removeObserver(window.holder, "cert-dialog-loaded");
    Services.obs.removeObserver(window.holder, "common-dialog-loaded");
    return window.holder.notes;
"""

# What the button "Stop" does. Firefox asks again for a page whose server went away meanwhile, perhaps
# the next server, and nobody would be there to answer its questions.
STOP = """
    gBrowser.selectedBrowser.stop(Ci.nsIWebNavigation.STOP_ALL);
"""

ARRIVED = """
    const browser = gBrowser.selectedBrowser;
    return browser.currentURI.spec == arguments[0] && !browser.webProgress.isLoadingDocument;
"""

PAGE = """
    return document.documentURI.startsWith("about:neterror")
        ? "error: " + (document.getNetErrorInfo().errorCodeString || document.documentURI)
        : document.documentElement.textContent;
"""

# Nothing until both moments have come.
STARTED = """
    const {process, firstPaint2, sessionRestored} = Services.startup.getStartupInfo();
    return firstPaint2 && sessionRestored ? [firstPaint2 - process, sessionRestored - process] : null;
"""


def wait_for(firefox, *script):
    """What the script returns once that is something, or None when it takes too long."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = firefox.script(*script)
        if found:
            return found
        time.sleep(0.02)
    return None


def held(firefox, counted, asked, pins, begin, done):
    """Runs the script begin, and answers what is asked until the script done says true."""
    firefox.script(HOLDER, pins, counted)
    firefox.script(*begin)
    if not wait_for(firefox, *done):
        firefox.script(STOP)
        sys.exit(f"nothing came of it within {SECONDS} seconds, but {firefox.script(HOLDER_LEAVES)}")
    with open(asked, "a", encoding="ascii") as file:
        for what, text, commands in firefox.script(HOLDER_LEAVES):
            print(f"{what}: {' '.join(text.split())}")
            if what == "asked":
                print(commands, file=file)


def visit(firefox, url, counted, asked, *pins):
    # Another address each time: what is shown is not from the last visit.
    url = f"{url}?{time.monotonic_ns()}"
    held(firefox, counted, asked, pins, (OPEN, url), (ARRIVED, url))
    firefox.command("Marionette:SetContext", {"value": "content"})
    found = firefox.command("WebDriver:ExecuteScript", {"script": PAGE, "sandbox": "system"})
    print(found["value"])


def milliseconds(firefox):
    times = wait_for(firefox, STARTED)
    if not times:
        sys.exit(f"the start has not ended within {SECONDS} seconds")
    print(*times)


def main():
    profile, what, *arguments = sys.argv[1:]
    firefox = Marionette(profile, SECONDS)
    if what == "modules":
        print("\n".join(firefox.script(LIST)))
    elif what == "add":
        firefox.script(ADD, *arguments)
    elif what == "remove":
        firefox.script(REMOVE, *arguments)
    elif what == "visit":
        visit(firefox, *arguments)
    elif what == "logout":
        firefox.script(LOGOUT)
    elif what == "profile":
        print(firefox.script(PROFILE))
    elif what == "milliseconds":
        milliseconds(firefox)
    elif what == "quit":
        firefox.command("Marionette:Quit", {"flags": ["eAttemptQuit"]})
    else:
        sys.exit(__doc__)


main()
