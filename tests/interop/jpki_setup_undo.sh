#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup: what it changes in other programs' files, and how it takes that back. What the programs
# then do is tried elsewhere. No card is needed.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

CONFIG=
STATE=

# A home of its own for each case: HOME, with a file of ssh in it when its content is given.
new_home() {
    HOME=$(mktemp -d "$WORK/home.XXXX")
    export HOME
    login_home "$HOME"
    unset XDG_CONFIG_HOME XDG_STATE_HOME
    CONFIG=$HOME/.ssh/config
    STATE=$HOME/.local/state/jpki-pkcs11/setup
    if [ $# -gt 0 ]; then
        mkdir -m 700 "$HOME/.ssh"
        printf '%b' "$1" >"$CONFIG"
    fi
}

# Every file and folder of the home with mode, owner and content, but for what jpki remembers.
tree() {
    (cd "$HOME" && find . -path ./.local -prune -o -printf '%p %y %m %U %G %l\n' | sort &&
        find . -path ./.local -prune -o -type f -exec sha256sum {} + | sort)
}

# and_back WHAT: after setup, undo leaves what there was before, in BEFORE.
and_back() {
    ends 0 "$1" jpki setup ssh --undo --yes
    expect '  every byte and mode is as before' "$BEFORE" "$(tree)"
    expect '  nothing is remembered' '' "$(ls "$STATE")"
}

exact() {
    new_home 'Host *\n    User me'
    chmod 640 "$CONFIG"
    BEFORE=$(tree)
    ends 0 'a file without an end of line' jpki setup ssh server.example.jp --yes
    expect '  what was there stands behind it' 'Host *|    User me|' "$(tail -n 2 "$CONFIG" | tr '\n' '|')|"
    expect '  it keeps its mode' 640 "$(stat -c %a "$CONFIG")"
    expect '  a copy is kept' 'Host *|    User me' "$(tr '\n' '|' <"$STATE/ssh.1")"
    expect '  for its owner only' 600 "$(stat -c %a "$STATE/ssh.1")"
    and_back '  undone'
    new_home
    BEFORE=$(tree)
    ends 0 'where there is neither file nor folder' jpki setup ssh server.example.jp --yes
    expect '  the folder is for its owner only' 700 "$(stat -c %a "$HOME/.ssh")"
    and_back '  undone'
    new_home
    mkdir -m 700 "$HOME/.config"
    BEFORE=$(tree)
    HOME=$HOME/ ends 0 'a home that is written with a slash' jpki setup java --yes
    expect '  its folder is for its owner only' 700 "$(stat -c %a "$HOME/.config/jpki-pkcs11")"
    ends 0 '  undone' jpki setup java --undo --yes
    expect '  every byte and mode is as before' "$BEFORE" "$(tree)"
    new_home ''
    BEFORE=$(tree)
    ends 0 'an empty file' jpki setup ssh server.example.jp --yes
    and_back '  undone'
    new_home 'User me\n'
    mv "$CONFIG" "$HOME/elsewhere"
    ln -s ../elsewhere "$CONFIG"
    BEFORE=$(tree)
    ends 0 'a file that is linked to' jpki setup ssh server.example.jp --yes
    expect '  is changed where it is' '../elsewhere' "$(readlink "$CONFIG")"
    expect_has '  it is' 'Host server' "$(cat "$HOME/elsewhere")"
    and_back '  undone'
}

several() {
    new_home 'User me\n'
    BEFORE=$(tree)
    ends 0 'one server' jpki setup ssh one.example.jp --yes
    ends 0 '  and two others later' jpki setup ssh two.example.jp three.example.jp --yes
    expect '  the first is still there' 1 "$(grep -c '^Host one.example.jp$' "$CONFIG")"
    expect '  and the others' 1 "$(grep -c '^Host two.example.jp three.example.jp$' "$CONFIG")"
    local after
    after=$(tree)
    ends 0 'the same again' jpki setup ssh one.example.jp --yes
    expect_has '  it says so' 'is there already' "$OUTPUT"
    expect '  changes nothing' "$after" "$(tree)"
    and_back 'both are undone at once'
}

# Files that end in the middle of a line get an end of line, and lose it again.
ragged() {
    new_home
    mkdir -p "$HOME/.thunderbird/a b"
    printf '[Profile0]\nPath=a b\n' >"$HOME/.thunderbird/profiles.ini"
    printf 'library=\nname=NSS' >"$HOME/.thunderbird/a b/pkcs11.txt"
    printf 'user_pref("x", 1);' >"$HOME/.thunderbird/a b/prefs.js"
    BEFORE=$(tree)
    ends 0 'two files without an end of line' jpki setup thunderbird --yes
    expect '  a paragraph of its own' 'library=|name=NSS||library=' \
        "$(head -n 4 "$HOME/.thunderbird/a b/pkcs11.txt" | tr '\n' '|' | head -c 27)"
    expect '  a line of its own' 'user_pref("x", 1);' "$(head -n 1 "$HOME/.thunderbird/a b/prefs.js")"
    ends 0 '  undone' jpki setup thunderbird --undo --yes
    expect '  every byte and mode is as before' "$BEFORE" "$(tree)"
}

# What the holder has written since is his.
changed_since() {
    new_home 'User me\n'
    ends 0 'lines of mine' jpki setup ssh one.example.jp --yes
    printf 'Host other\n    Port 2222\n' >>"$CONFIG"
    ends 0 '  and then others of the holder' jpki setup ssh --undo --yes
    expect_has '  it says so' 'has changed since; only these lines' "$OUTPUT"
    expect '  his stay' 'User me|Host other|    Port 2222|' "$(tr '\n' '|' <"$CONFIG")"
    expect '  nothing is remembered' '' "$(ls "$STATE")"

    ends 0 'lines of mine' jpki setup ssh one.example.jp --yes
    sed -i 's/Host one.example.jp/Host one.example.jp mine.example.jp/' "$CONFIG"
    local changed
    changed=$(cat "$CONFIG")
    ends 1 '  that the holder has changed, put in again' jpki setup ssh one.example.jp --yes
    expect_has '  is something else' 'is there already, and is different' "$OUTPUT"
    ends 1 '  that the holder has changed' jpki setup ssh --undo --yes
    expect_has '  he is told' 'take the lines out yourself' "$OUTPUT"
    expect '  they are left' "$changed" "$(cat "$CONFIG")"
    printf 'User me\n' >"$CONFIG"
    ends 0 '  when he has done so' jpki setup ssh --undo --yes
    expect_has '  it says so' 'not there any more' "$OUTPUT"
    expect '  his file is left' 'User me' "$(cat "$CONFIG")"
    expect '  and nothing is remembered' '' "$(ls "$STATE")"

    new_home 'User me\n'
    ends 0 'lines of mine' jpki setup ssh one.example.jp --yes
    mv "$CONFIG" "$HOME/elsewhere"
    ln -s ../elsewhere "$CONFIG"
    ends 0 '  in a file that the holder then moves, with a link in its place' jpki setup ssh --undo --yes
    expect '  the link stays' ../elsewhere "$(readlink "$CONFIG")"
    expect '  the lines are gone from where it is' 'User me' "$(cat "$HOME/elsewhere")"

    new_home
    BEFORE=$(tree)
    ends 0 'a file that was made' jpki setup ssh one.example.jp --yes
    mv "$CONFIG" "$HOME/elsewhere"
    ln -s ../elsewhere "$CONFIG"
    and_back '  and moved likewise'

    new_home
    BEFORE=$(tree)
    ends 0 'a file that was made' jpki setup ssh one.example.jp --yes
    ends 0 '  for two servers' jpki setup ssh two.example.jp --yes
    sed -i '/one.example.jp$/,/^# The end/d' "$CONFIG"
    and_back '  of which the holder took one out'

    new_home ''
    BEFORE=$(tree)
    ends 0 'lines in an empty file' jpki setup ssh one.example.jp --yes
    rm "$STATE/ssh.1"
    and_back '  of which somebody took the copy away'

    ends 0 "what only jpki wrote" jpki setup java --yes
    rm -r "$HOME/.config" "$STATE"
    ends 0 '  whose record is lost' jpki setup java --undo --yes
    expect_has '  it says so' 'nothing to undo' "$OUTPUT"
}

# Nothing is changed without a word from the holder.
unasked() {
    new_home 'User me\n'
    BEFORE=$(tree)
    ends 0 'shown only' jpki setup ssh server.example.jp --dry-run
    expect_has '  the file' "^$CONFIG: " "$OUTPUT"
    expect_has '  the lines' '^  \+ Host server.example.jp$' "$OUTPUT"
    expect '  nothing is changed' "$BEFORE" "$(tree)"
    expect '  nothing is remembered' 'not there' "$([ -e "$STATE" ] || echo 'not there')"
    ends 1 'without a terminal' jpki setup ssh server.example.jp
    expect_has '  it says what to do' '--yes does it' "$OUTPUT"
    expect '  nothing is changed' "$BEFORE" "$(tree)"
    ends 1 'a holder who does not agree' typed no setup ssh server.example.jp
    expect '  nothing is changed' "$BEFORE" "$(tree)"
    ends 0 'a holder who agrees' typed yes setup ssh server.example.jp
    asked 1
    expect_has '  it is done' 'Host server' "$(cat "$CONFIG")"
    ends 0 'undoing is shown only' jpki setup ssh --undo --dry-run
    expect_has '  the lines' '^  - Host server.example.jp$' "$OUTPUT"
    expect_has '  they are still there' 'Host server' "$(cat "$CONFIG")"
    ends 1 '  nor is it done without a terminal' jpki setup ssh --undo
    and_back 'undone'
}

# meanwhile LINE ARGUMENT...: jpki, with a holder who agrees only after LINE was added to his file.
meanwhile() {
    local line=$1 gate=$WORK/gate
    shift
    rm -f "$gate"
    mkfifo "$gate"
    python3 "$ROOT/tests/lib/late_typist.py" ': $' yes "$gate" "$JPKI" "$@" &
    read -r _ <"$gate"
    printf '%s\n' "$line" >>"$CONFIG"
    echo go >"$gate"
    wait $!
}

# The file changes while the holder reads what is to be done.
raced() {
    new_home 'User me\n'
    ends 1 'a file that changes meanwhile' meanwhile 'Port 22' setup ssh a.example.jp
    expect_has '  it says so' 'has changed meanwhile' "$OUTPUT"
    expect '  it is not written over' 'User me|Port 22|' "$(tr '\n' '|' <"$CONFIG")"
    expect '  nothing is remembered' '' "$(ls "$STATE")"
    new_home
    CONFIG=$HOME/.config/jpki-pkcs11/java-auth.cfg
    mkdir -p "${CONFIG%/*}"
    ends 1 'a file that somebody makes meanwhile' meanwhile mine setup java
    expect_has '  it says so' 'java-auth.cfg has changed meanwhile' "$OUTPUT"
    expect_has '  and that nothing was done' 'nothing was changed' "$OUTPUT"
    expect '  it is his' 'java-auth.cfg: mine' "$(cd "${CONFIG%/*}" && grep . -r --with-filename | sed 's/:/: /')"
    expect '  nothing is remembered' '' "$(ls "$STATE")"
    new_home 'User me\nPort 22\n'
    ends 0 'lines of mine' jpki setup ssh a.example.jp --yes
    ends 1 '  in a file that changes while they are taken out' meanwhile 'Port 23' setup ssh --undo
    expect_has '  they are left' 'Host a.example.jp' "$(cat "$CONFIG")"
    expect '  with what was written' 'Port 23' "$(tail -n 1 "$CONFIG")"
    ends 0 '  and go the next time' jpki setup ssh --undo --yes
    expect '  alone' 'User me|Port 22|Port 23|' "$(tr '\n' '|' <"$CONFIG")"
}

# as_somebody COMMAND...: not as root, whom no mode stops.
as_somebody() {
    setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$HOME" "$@"
}

# All of it or nothing.
halfway() {
    new_home
    mkdir -p "$HOME/.config/jpki-pkcs11" "$HOME/.local/state"
    chown -R 65534:65534 "$HOME"
    printf 'mine\n' >"$HOME/.config/jpki-pkcs11/java-sign.cfg"
    BEFORE=$(tree)
    ends 1 'a file of the holder in the way' as_somebody "$JPKI" setup java --yes
    expect_has '  it says so' 'java-sign.cfg is there already, and is different' "$OUTPUT"
    expect '  nothing is changed' "$BEFORE" "$(tree)"
    rm "$HOME/.config/jpki-pkcs11/java-sign.cfg"
    mount -t tmpfs -o size=4k,mode=777 tmpfs "$HOME/.config/jpki-pkcs11"
    BEFORE=$(tree)
    ends 1 'a disk that is full after the first file' as_somebody "$JPKI" setup java --yes
    expect_has '  it says so' 'No space left' "$OUTPUT"
    expect_has '  and that nothing was done' 'nothing was changed' "$OUTPUT"
    expect '  it is so' "$BEFORE" "$(tree)"
    expect '  nothing is remembered' '' "$(ls "$STATE")"
    umount "$HOME/.config/jpki-pkcs11"
}

refusals() {
    new_home 'User me\n'
    chown -R 65534:65534 "$HOME"
    chmod 555 "$HOME/.ssh"
    BEFORE=$(tree)
    ends 1 'a folder that cannot be written to' as_somebody "$JPKI" setup ssh a.example.jp --yes
    expect_has '  it says so' 'config: Permission denied' "$OUTPUT"
    expect '  nothing is changed' "$BEFORE" "$(tree)"
    expect '  nothing is remembered' '' "$(ls "$STATE")"
    new_home 'User\0me\n'
    ends 1 'a file that is no text' jpki setup ssh a.example.jp --yes
    expect_has '  it says so' 'is not a text' "$OUTPUT"
    new_home ''
    rm "$CONFIG"
    mkdir "$CONFIG"
    ends 1 'a folder in its place' jpki setup ssh a.example.jp --yes
    expect_has '  it says so' 'not a regular file' "$OUTPUT"
    rmdir "$CONFIG"
    ln -s nowhere "$CONFIG"
    ends 1 'a link that leads nowhere' jpki setup ssh a.example.jp --yes
    expect_has '  it says so' 'config: No such file' "$OUTPUT"
    new_home
    mkdir -p "$STATE"
    printf '{"no": "list"}\n' >"$STATE/ssh.json"
    ends 1 'a record that somebody has written' jpki setup ssh --undo --yes
    expect_has '  it says so' 'ssh.json is not as jpki has written it' "$OUTPUT"
    printf '[{"path": "%s", "kind": "top", "block": "x\\n", "mark": "x", "copy": "../../x"}]\n' \
        "$HOME/x" >"$STATE/ssh.json"
    ends 1 'a copy elsewhere' jpki setup ssh --undo --yes
    expect_has '  is not taken' 'ssh.json is not as jpki has written it' "$OUTPUT"
    printf 'mine\n' >"$HOME/x"
    printf '[]\n' >"$STATE/java.json"
    BEFORE=$(tree)
    local change
    for change in '"path": "x", "kind": "file", "block": "mine\n"' \
        '"path": "'"$HOME/x"'", "kind": "top", "block": "", "mark": "mine"' \
        '"path": "'"$HOME/x"'", "kind": "paragraph", "block": "x\n", "mark": ""' \
        '"path": "'"$HOME/x"'", "kind": "top", "block": "mine\n", "mark": "mine", "copy": "java.json"'; do
        printf '[{%s}]\n' "$change" >"$STATE/ssh.json"
        ends 1 "a record of {$change}" env -C "$HOME" "$JPKI" setup ssh --undo --yes
        expect_has '  is not followed' 'ssh.json is not as jpki has written it' "$OUTPUT"
    done
    expect '  nothing is changed' "$BEFORE" "$(tree)"
    expect '  nor the other record' '[]' "$(cat "$STATE/java.json")"
    rm "$STATE"/*.json
    # As without /proc, which a sanitizer needs for itself.
    ends 1 'no /proc/self/fd' unshare --mount sh -c 'mount -t tmpfs tmpfs /proc/$$/fd && exec "$@"' sh \
        "$JPKI" setup ssh a.example.jp --yes
    works '  nothing is remembered elsewhere' test ! -e /ssh.json
    ends 1 'no home' env -u HOME "$JPKI" setup java --dry-run
    expect_has '  it says so' 'HOME is not set' "$OUTPUT"
    exec 9<"$STATE"
    flock 9
    ends 1 'two at once' jpki setup ssh a.example.jp --yes
    expect_has '  it says so' 'another "jpki setup" is at work' "$OUTPUT"
    exec 9<&-
}

mistakes() {
    new_home
    ends 2 'nothing to set up' jpki setup
    ends 2 'a program that is not known' jpki setup firefx
    expect_has '  the nearest is named' 'did you mean "firefox"' "$OUTPUT"
    ends 2 'ssh without a server' jpki setup ssh
    expect_has '  it says what to do' 'jpki setup ssh SERVER' "$OUTPUT"
    ends 2 'a server for what has none' jpki setup java server.example.jp
    ends 2 'a server where all is undone' jpki setup ssh server.example.jp --undo
    ends 2 'a profile for what has none' jpki setup ssh server.example.jp --profile /tmp
    local name
    for name in '*' '?.*' '=*' 'me@server' 'a b' '!a' '' $'a\nProxyCommand x' '"a"'; do
        ends 1 "the server \"$name\"" jpki setup ssh "$name" --yes
    done
    expect 'none of them left anything' . "$(cd "$HOME" && find . -path ./.local -prune -o -print)"
    ends 0 'a group of servers' jpki setup ssh '*.example.jp' --yes
    umount "$MODULES"
    new_home
    ends 1 'where there is no module' jpki setup ssh a.example.jp --yes
    expect_has '  it says so' 'the module is not where it should be' "$OUTPUT"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_root 'Some of this is done as another user'
    card_new card # for its log, which the terminal of `typed` looks at
    modules_installed
    exact
    several
    ragged
    changed_since
    unasked
    raced
    halfway
    refusals
    mistakes
    interop_end
}

main "$@"
