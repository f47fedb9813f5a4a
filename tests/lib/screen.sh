# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A screen that nobody sees, and a holder who types into the windows on it. After interop.sh.

# screen_start: on a socket of this world's own network alone, so that nothing is left in /tmp and
# several tests have a screen each. Keys do not repeat, however slow the machine is.
screen_start() {
    export DISPLAY=:1
    mkdir "$WORK/screen"
    Xvfb "$DISPLAY" -screen 0 1280x1024x24 -fbdir "$WORK/screen" -nolisten unix -nolisten tcp -nolock \
        -r >"$WORK/screen.log" 2>&1 &
    wait_until 20 xdotool getmouselocation >"$WORK/screen.out" 2>&1 ||
        die "Xvfb did not start: $(cat "$WORK/screen.log")"
}

# windows TITLE: the numbers of the windows of exactly this title that are seen, one a line.
windows() {
    xdotool search --onlyvisible --name "^$1\$" 2>"$WORK/screen.err" || true
}

# type_into WINDOW TEXT and press WINDOW KEY: the window gets the keys first.
type_into() {
    xdotool windowfocus --sync "$1" type --delay 20 "$2"
}

press() {
    xdotool windowfocus --sync "$1" key "$2"
}

# pixel X Y: the colour of one point, as rrggbb. Xvfb keeps the picture in a file, in the form of xwd:
# a head of numbers in big-endian order, a table of colours, then the points, of four bytes each.
pixel() {
    local file=$WORK/screen/Xvfb_screen0
    local -a head
    read -r -a head -d '' < <(od -An -v -tu4 --endian=big -N100 "$file") || true
    od -An -v -tx4 --endian=little -N4 -j $((head[0] + head[19] * 12 + $2 * head[12] + $1 * 4)) "$file" |
        sed 's/.*\(......\)$/\1/'
}
