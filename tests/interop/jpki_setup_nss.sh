#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup firefox, thunderbird and chromium: which databases of NSS it finds, and what it makes of
# what is in them. The programs themselves are tried elsewhere. No card is needed.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

ROOT_FOLDER= # of a program, with profiles.ini
AUTH=
SIGN=

# new_home FOLDER: and in it, a program's folder with no profiles yet.
new_home() {
    HOME=$(mktemp -d "$WORK/home.XXXX")
    export HOME
    unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME
    ROOT_FOLDER=$HOME/$1
    mkdir -p "$ROOT_FOLDER"
}

# profile FOLDER: one that was used.
profile() {
    mkdir -p "$1"
    printf 'library=\nname=NSS Internal PKCS #11 Module\nNSS=Flags=internal,critical\n\n' \
        >"$1/pkcs11.txt"
}

# names PATH...: in profiles.ini.
names() {
    local number=0 path
    for path in "$@"; do
        printf '[Profile%d]\nName=%d\nPath=%s\n\n' "$number" "$number" "$path"
        number=$((number + 1))
    done >"$ROOT_FOLDER/profiles.ini"
    printf '[General]\nVersion=2\n' >>"$ROOT_FOLDER/profiles.ini"
}

# times MODULE FOLDER: how often a database has it.
times() {
    grep -cxF "library=$1" "$2/pkcs11.txt" || true
}

# done_to WHAT NUMBER FOLDER: the authentication module stands there so many times.
done_to() {
    expect "  $1" "$2" "$(times "$AUTH" "$3")"
}

finding() {
    new_home .mozilla/firefox
    ends 1 'Firefox without a profile' jpki setup firefox --yes
    expect_has '  it says what to do' 'no profile yet; start Firefox once, close it' "$OUTPUT"
    names new.default
    mkdir "$ROOT_FOLDER/new.default"
    ends 1 'with one that was never used' jpki setup firefox --yes
    expect_has '  it says what to do' 'no profile yet; start Firefox once, close it' "$OUTPUT"

    local long="$ROOT_FOLDER/one" newer=$HOME/.config/mozilla/firefox
    long+=$(printf '/a folder; its name is long%.0s' {1..20})
    profile "$long"
    profile "$ROOT_FOLDER/../beside"
    profile "$newer/three"
    profile "$HOME/elsewhere/fo[u]r"
    names "${long#"$ROOT_FOLDER/"}" ../beside gone "$HOME/elsewhere/fo[u]r" \
        "$HOME/elsewhere/../elsewhere/fo[u]r"
    sed -i 's/$/\r/' "$ROOT_FOLDER/profiles.ini"
    ROOT_FOLDER=$newer names three
    ends 0 'several, in both places where Firefox keeps them' jpki setup firefox --yes
    done_to 'with a long path, blanks and semicolons' 1 "$long"
    done_to 'above' 1 "$ROOT_FOLDER/../beside"
    done_to 'in the newer place' 1 "$newer/three"
    done_to 'by a full path, which stands there twice' 1 "$HOME/elsewhere/fo[u]r"

    new_home .config/mozilla/firefox
    mkdir "$HOME/.mozilla"
    ln -s ../.config/mozilla/firefox "$HOME/.mozilla/firefox"
    profile "$ROOT_FOLDER/one"
    names one
    ends 0 'both places are the same' jpki setup firefox --yes
    done_to 'it is done once' 1 "$ROOT_FOLDER/one"

    new_home config/mozilla/firefox
    profile "$ROOT_FOLDER/one"
    names one
    ends 0 'with XDG_CONFIG_HOME' env XDG_CONFIG_HOME="$HOME/config" "$JPKI" setup firefox --yes
    done_to 'it is done there' 1 "$ROOT_FOLDER/one"

    new_home .mozilla/firefox
    profile "$ROOT_FOLDER/one"
    profile "$ROOT_FOLDER/two"
    names one
    printf '[Other]\nPath=two\n' >>"$ROOT_FOLDER/profiles.ini"
    ends 0 'a profile that profiles.ini does not name as one' jpki setup firefox --yes
    done_to 'is left' 0 "$ROOT_FOLDER/two"
    sed -i 's/^Name=0/&\nStoreID=1b2c3d4e/' "$ROOT_FOLDER/profiles.ini"
    ends 0 "unless Firefox's newer profile manager is in use" jpki setup firefox --yes
    done_to 'that has profiles of its own' 1 "$ROOT_FOLDER/two"
    done_to 'the other is as it was' 1 "$ROOT_FOLDER/one"

    new_home .mozilla/firefox
    local -a many=()
    local number
    for number in {1..17}; do
        profile "$ROOT_FOLDER/p$number"
        many+=("p$number")
    done
    names "${many[@]}"
    ends 1 'more profiles than anybody has' jpki setup firefox --yes
    expect_has '  it says what to do' '^jpki: there are too many profiles; name one with --profile' "$OUTPUT"
    expect '  and no more than that' 1 "$(wc -l <<<"$OUTPUT")"
    done_to 'none is changed' 0 "$ROOT_FOLDER/p1"
    ends 0 '  one of them is named' jpki setup firefox --yes --profile "$ROOT_FOLDER/p17"
    done_to 'it is done' 1 "$ROOT_FOLDER/p17"
    done_to 'to no other' 0 "$ROOT_FOLDER/p1"
    ends 1 'a folder that is no profile' jpki setup firefox --yes --profile "$HOME"
    expect_has '  it says what to do' 'no profile that was used.*about:profiles' "$OUTPUT"
    ends 1 'a folder that is not there' jpki setup firefox --yes --profile "$HOME/none"
    expect_has '  it says so' 'none: No such file' "$OUTPUT"
    ends 1 'no home' env -u HOME "$JPKI" setup firefox --dry-run
    expect_has '  it says so' 'HOME is not set' "$OUTPUT"
}

# What lives in a box reaches neither the module nor pcscd.
boxes() {
    local folder program
    while read -r program folder; do
        new_home "$folder"
        profile "$ROOT_FOLDER/one"
        names one
        ends 1 "$program in ~/$folder" jpki setup "${program,,}" --yes
        expect_has '  it says what to do' \
            "this $program is from snap or flatpak, .*use the package of your distribution" "$OUTPUT"
        expect_has_not '  and does not ask for a profile' 'no profile yet' "$OUTPUT"
        ends 1 '  its profile' jpki setup "${program,,}" --yes --profile "$ROOT_FOLDER/one"
        expect_has '  is not taken' "this $program is from snap or flatpak" "$OUTPUT"
    done <<'END'
Firefox snap/firefox/common/.mozilla/firefox
Firefox .var/app/org.mozilla.firefox/.mozilla/firefox
Thunderbird snap/thunderbird/common/.thunderbird
Thunderbird .var/app/org.mozilla.Thunderbird/.thunderbird
END
    new_home .mozilla/firefox
    profile "$ROOT_FOLDER/one"
    names one
    mkdir -p "$HOME/snap/firefox"
    ends 0 'beside one that does not' jpki setup firefox --yes
    expect_has '  it is said' 'this Firefox is from snap or flatpak' "$OUTPUT"
    done_to 'and the other is set up' 1 "$ROOT_FOLDER/one"
    new_home snap/chromium
    ends 1 'Chromium in ~/snap/chromium' jpki setup chromium --yes
    expect_has '  it says what to do' 'this Chromium is from snap or flatpak' "$OUTPUT"
    mkdir -p "$HOME/.config/chromium"
    ends 0 '  beside one that is not' jpki setup chromium --yes
    expect_has '  it is said' 'this Chromium is from snap or flatpak' "$OUTPUT"
    done_to 'and the other is set up' 1 "$HOME/.pki/nssdb"
}

# with_library WHAT LINE: jpki setup firefox in a profile that has this line already.
with_library() {
    new_home .mozilla/firefox
    profile "$ROOT_FOLDER/one"
    printf '%s\nname=Mine\n\n' "$2" >>"$ROOT_FOLDER/one/pkcs11.txt"
    names one
    ends 0 "Firefox with $1" jpki setup firefox --yes
}

registered() {
    cp "$MODULES"/jpki-pkcs11-auth.so "$WORK/"
    with_library 'the module by another path' "library=$WORK/jpki-pkcs11-auth.so"
    expect_has '  it is there already' 'pkcs11.txt: it is there already' "$OUTPUT"
    with_library 'a line that is written in another way' "Library=\"$WORK/jpki-pkcs11-auth.so\""
    expect_has '  it is there already' 'pkcs11.txt: it is there already' "$OUTPUT"
    with_library 'a module that is not there any more' "library=$WORK/gone/jpki-pkcs11-auth.so"
    done_to 'it does not count' 1 "$ROOT_FOLDER/one"
    local name
    for name in jpki-pkcs11.so jpki-pkcs11-sign.so; do
        with_library "a module that shows the signature key" "library=$MODULES/$name"
        expect_has '  it warns' \
            "$name is registered, too, so that Firefox asks for the signature password at every site" \
            "$OUTPUT"
        done_to 'the authentication key is set up all the same' 1 "$ROOT_FOLDER/one"
    done
}

# held_by COMMAND...: while somebody holds the lock of a profile as Firefox does.
held_by() {
    python3 - "$ROOT_FOLDER/one/.parentlock" "$@" <<'END'
import fcntl, subprocess, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    sys.exit(subprocess.run(sys.argv[2:]).returncode)
END
}

# The holder starts the program while he is asked.
started_meanwhile() {
    printf '#!/bin/sh\nexec "%s" setup "$@"\n' "$JPKI" >"$WORK/setup"
    new_home .thunderbird
    profile "$ROOT_FOLDER/one"
    names one
    local before
    before=$(cat "$ROOT_FOLDER/one/pkcs11.txt")
    ends 1 'a program that is started while the holder is asked' starts_when_asked thunderbird
    expect_has '  it says what to do' 'Thunderbird is running .*; close it first' "$OUTPUT"
    expect '  nothing is changed' "$before" "$(cat "$ROOT_FOLDER/one/pkcs11.txt")"
    works '  not even prefs.js is made' test ! -e "$ROOT_FOLDER/one/prefs.js"
    ends 0 'it has ended' jpki setup thunderbird --yes
    before=$(cat "$ROOT_FOLDER/one/pkcs11.txt")
    ends 1 'started again while undoing asks' starts_when_asked thunderbird --undo
    expect_has '  it says what to do' 'Thunderbird is running .*; close it first' "$OUTPUT"
    expect '  nothing is changed' "$before" "$(cat "$ROOT_FOLDER/one/pkcs11.txt")"
    ends 1 'running when it begins' held_by "$JPKI" setup thunderbird --undo --yes
    expect_has '  it says what to do' 'Thunderbird is running .*; close it first' "$OUTPUT"
    expect_has_not '  before it shows anything' 'library=' "$OUTPUT"
    ends 0 'undone' jpki setup thunderbird --undo --yes
    works '  prefs.js is gone again' test ! -e "$ROOT_FOLDER/one/prefs.js"
}

# starts_when_asked ARGUMENT...: jpki setup on a terminal.
starts_when_asked() {
    python3 - "$ROOT_FOLDER/one/.parentlock" "$JPKI" setup "$@" <<'END'
import fcntl, os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b""
while not seen.endswith(b": "):
    seen += os.read(terminal, 4096)
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    os.write(terminal, b"yes\n")
    try:
        while piece := os.read(terminal, 4096):
            seen += piece
    except OSError:  # the other end is closed
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(seen.decode())
sys.exit(code)
END
}

readonly DRAFTS='user_pref("mail.identity.default.autoEncryptDrafts", false);'

# drafts FILE LINE: jpki setup thunderbird in a profile with this line.
drafts() {
    new_home .thunderbird
    profile "$ROOT_FOLDER/one"
    names one
    printf '%s\n' "$2" >"$ROOT_FOLDER/one/$1"
    ends 0 "Thunderbird with $2 in $1" jpki setup thunderbird --yes
    expect '  the module is registered' 1 "$(times "$SIGN" "$ROOT_FOLDER/one")"
}

mail() {
    local warning='store drafts encrypted, so that it signs them, too; switch that off'
    drafts prefs.js 'user_pref("a.b", 1);'
    expect '  the preference is added' "user_pref(\"a.b\", 1);"$'\n'"$DRAFTS" "$(cat "$ROOT_FOLDER/one/prefs.js")"
    expect_has_not '  without a warning' "$warning" "$OUTPUT"
    ends 0 'once more' jpki setup thunderbird --yes
    expect_has '  nothing is to be done' 'nothing to change' "$OUTPUT"
    # As Thunderbird writes it when it ends.
    printf '// Mozilla User Preferences\n\nuser_pref("a.b", 2);\n%s\nuser_pref("z", true);\n' "$DRAFTS" \
        >"$ROOT_FOLDER/one/prefs.js"
    ends 0 '  undone when it has written prefs.js' jpki setup thunderbird --undo --yes
    expect '  only this line is gone' '// Mozilla User Preferences||user_pref("a.b", 2);|user_pref("z", true);|' \
        "$(tr '\n' '|' <"$ROOT_FOLDER/one/prefs.js")"
    drafts prefs.js "$DRAFTS"
    ends 0 '  undone' jpki setup thunderbird --undo --yes
    expect "  the holder's own line stays" "$DRAFTS" "$(cat "$ROOT_FOLDER/one/prefs.js")"
    drafts prefs.js 'user_pref("mail.identity.default.autoEncryptDrafts", true);'
    expect_has '  it warns' "one/prefs.js makes Thunderbird $warning" "$OUTPUT"
    expect '  and leaves it' 1 "$(wc -l <"$ROOT_FOLDER/one/prefs.js")"
    drafts prefs.js 'user_pref("mail.identity.id1.autoEncryptDrafts", true);'
    expect_has '  it warns' "one/prefs.js makes Thunderbird $warning" "$OUTPUT"
    expect '  and adds its own' "$DRAFTS" "$(tail -n 1 "$ROOT_FOLDER/one/prefs.js")"
    drafts user.js 'user_pref("mail.identity.default.autoEncryptDrafts", true);'
    expect_has '  it warns' "one/user.js makes Thunderbird $warning" "$OUTPUT"
    both_keys
    expect '  the signature key is not registered twice' 0 "$(times "$SIGN" "$ROOT_FOLDER/one")"
}

both_keys() {
    new_home .thunderbird
    profile "$ROOT_FOLDER/one"
    printf 'library=%s\nname=Both\n\n' "$MODULES/jpki-pkcs11.so" >>"$ROOT_FOLDER/one/pkcs11.txt"
    names one
    ends 0 'Thunderbird with both keys in one module' jpki setup thunderbird --yes
}

# chromium_in WHAT PLACE [VARIABLE=VALUE]: where it is done, and taken back.
chromium_in() {
    local before
    before=$(cat "$HOME/$2/pkcs11.txt" 2>/dev/null || echo none)
    ends 0 "$1" env "${@:3}" "$JPKI" setup chromium --yes
    done_to "it is done in ~/$2" 1 "$HOME/$2"
    ends 0 '  undone' env "${@:3}" "$JPKI" setup chromium --undo --yes
    expect '  it is as before' "$before" "$(cat "$HOME/$2/pkcs11.txt" 2>/dev/null || echo none)"
}

databases() {
    new_home .
    chromium_in 'Chromium without a database' .pki/nssdb
    works '  no folder is left' test ! -e "$HOME/.pki"
    mkdir -p "$HOME/.pki/nssdb"
    chromium_in 'with an empty folder' .pki/nssdb
    new_home .
    profile "$HOME/.local/share/pki/nssdb"
    chromium_in 'with the newer folder' .local/share/pki/nssdb
    profile "$HOME/data/pki/nssdb"
    chromium_in 'with XDG_DATA_HOME' data/pki/nssdb XDG_DATA_HOME="$HOME/data"
    profile "$HOME/.pki/nssdb"
    chromium_in 'with both' .pki/nssdb
    expect '  the newer is left' 0 "$(times "$AUTH" "$HOME/.local/share/pki/nssdb")"

    new_home .
    ends 0 'a database that jpki has made' jpki setup chromium --yes
    works "  NSS's tools take it" with_module certutil -A -d "sql:$HOME/.pki/nssdb" -n ca -t C,, -i "$WORK/ca.pem"
    works '  and add a module of the holder' with_module \
        modutil -force -dbdir "sql:$HOME/.pki/nssdb" -add mine -libfile "$MODULES/jpki-pkcs11.so"
    OUTPUT=$(with_module modutil -dbdir "sql:$HOME/.pki/nssdb" -list)
    expect_has '  they list the one' '^ *2\. My Number Card \(authentication\)$' "$OUTPUT"
    expect_has '  and the other' '^ *3\. mine$' "$OUTPUT"
    ends 0 '  undone' jpki setup chromium --undo --yes
    OUTPUT=$(with_module modutil -dbdir "sql:$HOME/.pki/nssdb" -list)
    expect_has_not '  only the one is gone' 'My Number Card' "$OUTPUT"
    expect_has "  the holder's stays" '^ *2\. mine$' "$OUTPUT"
    works '  and his certificate' with_module certutil -L -d "sql:$HOME/.pki/nssdb" -n ca
}

# listening COMMAND...: while somebody listens where Chromium does.
listening() {
    python3 - "$HOME/.config/chromium/SingletonSocket" "$WORK/socket" "$@" <<'END'
import os, socket, subprocess, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[2])
    listener.listen()
    os.symlink(sys.argv[2], sys.argv[1])
    sys.exit(subprocess.run(sys.argv[3:]).returncode)
END
}

locks() {
    new_home .config/chromium
    ends 1 'Chromium is running' listening "$JPKI" setup chromium --yes
    expect_has '  it says what to do' 'Chromium is running .*; close it first' "$OUTPUT"
    works '  nothing is changed' test ! -e "$HOME/.pki"
    # What a crash has left, beside the number of a process that lives, and of another machine.
    ln -s "$(hostname)-$$" "$ROOT_FOLDER/SingletonLock"
    ends 0 'it has crashed' jpki setup chromium --yes
    ends 0 '  undone' jpki setup chromium --undo --yes
    ln -sf "$HOME/none" "$ROOT_FOLDER/SingletonSocket"
    ln -sf "another.example.jp-1" "$ROOT_FOLDER/SingletonLock"
    ends 0 'it runs on another machine' jpki setup chromium --yes
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    modules_installed
    AUTH=$MODULES/jpki-pkcs11-auth.so
    SIGN=$MODULES/jpki-pkcs11-sign.so
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.pem" \
        -subj '/CN=A CA' -days 2 2>/dev/null
    finding
    boxes
    registered
    started_meanwhile
    mail
    databases
    locks
    interop_end
}

main "$@"
