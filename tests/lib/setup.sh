# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# jpki setup before a program that then uses the card: what it does to the holder's files, whatever the
# program. After jpki.sh; WATCHED are the folders whose every byte and mode is compared.

WATCHED=()
BEFORE= # they, before setup
AFTER=

# AS is what stands before jpki, such as a change of user.
AS=()

setup() {
    setsid --wait timeout 60 "${AS[@]}" "$JPKI" setup "$@" </dev/null
}

# tree: every file and folder with mode, owner and content, but for what jpki remembers.
tree() {
    find "${WATCHED[@]}" -path "$HOME/.local" -prune -o -printf '%p %y %m %U %G %l\n' | sort
    find "${WATCHED[@]}" -path "$HOME/.local" -prune -o -type f -exec sha256sum {} + | sort -k 2
}

# setup_does WHAT ARGUMENT...: shows it, asks for leave, does it, and does it once only. OUTPUT is what
# it says when it does it.
setup_does() {
    local what=$1 said
    shift
    BEFORE=$(tree)
    ends 0 "jpki setup shows $what" setup "$@" --dry-run
    expect_has '  the lines' '^  \+ ' "$OUTPUT"
    expect '  and changes nothing' "$BEFORE" "$(tree)"
    ends 1 '  it wants to be told' setup "$@"
    expect '  before it changes anything' "$BEFORE" "$(tree)"
    ends 0 "jpki setup $what" setup "$@" --yes
    said=$OUTPUT
    AFTER=$(tree)
    expect '  something is changed' different "$([ "$BEFORE" = "$AFTER" ] || echo different)"
    ends 0 '  again' setup "$@" --yes
    expect_has '  it says so' 'There is nothing to change' "$OUTPUT"
    expect '  changes nothing' "$AFTER" "$(tree)"
    OUTPUT=$said
}

# setup_undoes TARGET: leaves everything as it was before the last setup_does.
setup_undoes() {
    AFTER=$(tree)
    ends 0 "undoing $1 is shown" setup "$1" --undo --dry-run
    expect '  and changes nothing' "$AFTER" "$(tree)"
    ends 0 "$1 is undone" setup "$1" --undo --yes
    expect '  every byte and mode is as before' "$BEFORE" "$(tree)"
    expect '  nothing is remembered' '' "$(ls "$HOME/.local/state/jpki-pkcs11/setup")"
    ends 0 '  once more' setup "$1" --undo --yes
    expect_has '  there is nothing to undo' 'nothing to undo' "$OUTPUT"
}

# setup_gives FOLDER NAME...: what was made in FOLDER says what the samples of these names say, but for the
# remarks before them.
setup_gives() {
    local folder=$1 name
    shift
    expect '  what was made' "$(printf '%s\n' "$@" | sort | xargs)" "$(cd "$folder" && printf '%s\n' * | xargs)"
    for name in "$@"; do
        [ ! -e "$BUILD/conf/$name" ] || expect "  $name says what the sample does" \
            "$(sed '1,/^$/d' "$BUILD/conf/$name")" "$(sed '1,/^$/d' "$folder/$name")"
    done
}

# setup_refuses WHAT PATTERN ARGUMENT...: with exit code 1, and without a change.
setup_refuses() {
    local what=$1 pattern=$2 before
    shift 2
    before=$(tree)
    ends 1 "refused: $what" setup "$@" --yes
    expect_has '  it says so' "$pattern" "$OUTPUT"
    expect '  nothing is changed' "$before" "$(tree)"
}
