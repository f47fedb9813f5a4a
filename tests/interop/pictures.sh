#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The pictures in the documents show what jpki prints today. After a change of what it prints:
# tests/pictures docs/pictures

# shellcheck source=tests/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT

# The text of a picture, without what differs from run to run: dates, numbers, hexadecimal digits, and
# the blanks between them.
words_of() {
    sed -E 's/<(style|script)[^>]*>.*<\/\1>//g; s/<[^>]*>/ /g' "$1" |
        sed -E 's/[0-9A-F]{4,}|([0-9A-F]{2}:)+([0-9A-F]{2})?|[0-9]+/#/g' | tr -s '[:space:]' ' '
}

"$ROOT/tests/pictures" "$FOLDER" still
bad=0 good=0
for picture in "$FOLDER"/*.svg; do
    name=${picture##*/}
    if [ "$(words_of "$picture")" = "$(words_of "$ROOT/docs/pictures/$name")" ]; then
        good=$((good + 1))
        continue
    fi
    bad=$((bad + 1))
    warn "$name is not as in docs/pictures:"
    diff <(words_of "$ROOT/docs/pictures/$name" | fold -sw 100) <(words_of "$picture" | fold -sw 100) >&2 || true
done
say "$good of $((good + bad)) pictures are what jpki prints"
[ "$bad" -eq 0 ] && [ "$good" -eq 6 ]
