#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki doctor: each thing that can be wrong is made wrong, found, and explained. docs/doctor.md has a
# row for each.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

JSON_SHIM_SO=$BUILD/tests/lib/jsonshim.so
USB=/sys/bus/usb/devices
FOUND=() # the names of all that was found wrong

# What `meson install` makes, at its places in this little world; OpenSC's registration waits.
install_here() {
    MODULES=$(pkg-config --variable=p11_module_path p11-kit-1)
    CONFIGS=$(pkg-config --variable=p11_module_configs p11-kit-1)
    cp "$CONFIGS/opensc-pkcs11.module" "$WORK"
    mount -t tmpfs tmpfs "$MODULES"
    mount -t tmpfs tmpfs "$CONFIGS"
    cp "$BUILD"/src/jpki-pkcs11*.so "$MODULES"
    cp "$BUILD/conf/jpki-pkcs11.module" "$CONFIGS"
    rm -rf /etc/pkcs11
    mkdir -p "$HOME/.config/pkcs11/modules"
}

# good_names: what is good by OUTPUT, in its order.
good_names() {
    json "' '.join(f['name'] for f in x if f['good'])"
}

# help_of NAME: what helps against the first finding of this name, in OUTPUT.
help_of() {
    json "next(f['help'] for f in x if f['name'] == '$1' and not f['good'])"
}

# judged: what is said of OUTPUT, JSON, and of the two texts $WORK/en and $WORK/ja, in three lines: the names of
# what is wrong; whether each has what helps; and the texts' lines that take more columns than a terminal
# has. A line that is one word or a command, which must stay whole, may.
judged() {
    python3 -c '
import json, sys, unicodedata
findings = json.loads(sys.argv[1])
print(" ".join(f["name"] for f in findings if not f["good"]))
print(all(f["good"] or len(f["help"]) > 10 for f in findings))
def too_wide(line):
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    whole = " " not in line.strip() or line.startswith(" " * 9)
    return wide > 80 and not whole
for name in sys.argv[2:]:
    with open(name, encoding="utf-8", errors="replace") as text:
        print(*(line for line in text.read().split("\n") if too_wide(line)), sep="|")' \
        "$OUTPUT" "$WORK/en" "$WORK/ja" 2>&1
}

# wrong WHAT NAMES COMMAND...: doctor finds these problems and no other, each with what helps, and says
# so in lines that fit, in both languages.
wrong() {
    local what=$1 found=$2 language
    local -a said
    shift 2
    ends 1 "$what" "$@" doctor --json
    for language in en ja; do
        LANGUAGE=$language "$@" doctor >"$WORK/$language" 2>&1 || true
    done
    mapfile -t said < <(judged)
    expect '  is found, and nothing else' "$found" "${said[0]-}"
    expect '  with what helps' True "${said[1]-}"
    expect '  in lines that fit (en)' '' "${said[2]-nothing}"
    expect '  in lines that fit (ja)' '' "${said[3]-nothing}"
    # shellcheck disable=SC2206 # names without blanks
    FOUND+=($found)
}

# ---- the service ----

no_service() {
    wrong 'pcscd does not run' service-stopped jpki
    wrong 'pcscd is not installed' service-missing hide_pcscd
    pcscd_start
    pcscd_stop KILL
    wrong 'pcscd was killed, and has left its socket' service-dead jpki
    rm -f /run/pcscd/*
    listen mode=666
    wrong 'pcscd turns us away' service-forbidden jpki
    stop_listening
    listen mode=660,group=games
    wrong 'the socket is for a group' service-group as_nobody
    expect_has '  which is named' 'adduser .* games' "$OUTPUT"
    stop_listening
    listen mode=600
    wrong 'the socket is for root' service-hidden as_nobody
    stop_listening
    listen mode=666
    chmod 000 /run/pcscd
    wrong 'the socket is out of reach' service-hidden as_nobody
    chmod 755 /run/pcscd
    stop_listening
}

# listen OPTIONS: somebody at pcscd's socket who hangs up at once, as pcscd does when polkit denies
# org.debian.pcsc-lite.access_pcsc.
listen() {
    mkdir -p /run/pcscd
    socat "UNIX-LISTEN:/run/pcscd/pcscd.comm,fork,$1" SYSTEM:true &
    LISTENER=$!
    wait_until 5 test -S /run/pcscd/pcscd.comm
}

stop_listening() {
    kill "$LISTENER"
    wait "$LISTENER" || true
    rm -f /run/pcscd/pcscd.comm
}

# in_own_mounts SCRIPT ARGUMENT...: a line of sh, then jpki with the arguments, where mounts do not last.
in_own_mounts() {
    local script=$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount bash -c 'eval "$1" && shift && exec "$@"' own "$script" \
        setsid --wait "$JPKI" "$@" </dev/null
}

hide_pcscd() {
    mkdir -p "$WORK/empty"
    in_own_mounts "mount --bind '$WORK/empty' /usr/sbin" "$@"
}

# Somebody else, with a home of his own.
as_nobody() {
    mkdir -p "$WORK/nobody"
    cp "$JPKI" "$WORK/jpki"
    chmod 755 "$WORK" "$SANDBOX" "$WORK/jpki"
    chown 65534 "$WORK/nobody"
    HOME=$WORK/nobody XDG_RUNTIME_DIR='' setpriv --reuid 65534 --regid 65534 --clear-groups \
        setsid --wait "$WORK/jpki" "$@" </dev/null
}

# ---- the reader ----

# usb DEVICE ID PRODUCT CLASS [DRIVER]: plugs in a device with one more interface of this class.
usb() {
    local device=$USB/$1 interface
    mkdir -p "$device"
    printf '%s\n' "${2%:*}" >"$device/idVendor"
    printf '%s\n' "${2#*:}" >"$device/idProduct"
    printf '%s\n' "$3" >"$device/product"
    interface=$device:1.$(find "$USB" -name "$1:*" | wc -l)
    mkdir "$interface"
    printf '%s\n' "$4" >"$interface/bInterfaceClass"
    if [ $# -eq 5 ]; then
        ln -s "../../drivers/$5" "$interface/driver"
    fi
}

unplug() {
    rm -rf "${USB:?}"/*
}

no_reader() {
    mkdir "$WORK/no-readers"
    pcscd --foreground --config "$WORK/no-readers" >>"$SANDBOX/log/pcscd" 2>&1 &
    PCSCD_PID=$!
    disown "$PCSCD_PID"
    wait_until 10 test -S /run/pcscd/pcscd.comm
    wrong 'no reader, and no USB' reader-missing jpki
    mkdir -p "$USB"
    usb 1-1 0123:4567 'A camera' 0e
    wrong 'no reader' reader-missing jpki
    without_driver
    taken_by_kernel
    not_ccid
    pcscd_stop TERM
}

without_driver() {
    usb 1-2 0123:0001 'Card Reader of Nowhere' 0b
    usb 1-2 0123:0001 'Card Reader of Nowhere' 0b
    wrong 'a reader without driver' reader-driver jpki
    expect_has '  it is named' 'Card Reader of Nowhere' "$OUTPUT"
    mkdir -p /usr/lib/pcsc/drivers/ifd-ccid.bundle
    wrong 'a reader that the driver does not know' reader-unknown jpki
    usb 1-3 0123:0002 'The second' 0b usbfs
    wrong 'and a second one' 'reader-unknown reader-unknown' jpki
    unplug
    usb 1-2 0123:0001 $'\xffbad' 0b
    wrong 'a reader whose name is no text' reader-unknown jpki
    expect '  it is in the JSON all the same' True "$(json 'any("\ufffdbad" in f["text"] for f in x)')"
    unplug
}

taken_by_kernel() {
    usb 1-2 072f:2200 'ACR122U PICC Interface' 0b pn533_usb
    wrong 'a reader that the kernel holds' reader-taken jpki
    expect_has '  by which module' 'modprobe -r pn533_usb' "$(help_of reader-taken)"
    unplug
    usb 1-2 04cc:2533 'NXP PN533' ff pn533_usb
    wrong 'one that is no reader by its class' reader-taken jpki
    unplug
    usb 1-2 0123:0001 'Held' 0b cdc_acm
    wrong 'one held by any other driver' reader-taken jpki
    unplug
}

not_ccid() {
    local id
    for id in 054c:01bb 054c:02e1 054c:06c1 054c:06c3; do
        usb 1-2 "$id" PaSoRi ff port100
        wrong "a reader that speaks no CCID ($id)" reader-unsupported jpki
        unplug
    done
}

# One that is missing beside the two virtual ones; their names are those that pcscd shows.
another_reader() {
    usb 1-2 0123:0001 'Virtual PCD' 0b
    usb 1-3 0123:0002 'The second' 0b
    wrong 'as many readers as pcscd shows' card-missing jpki
    usb 1-4 0123:0003 'The third' 0b
    wrong 'one more, it is not known which' 'reader-unknown card-missing' jpki
    expect_has '  both are named' 'The second, The third' "$OUTPUT"
    unplug
}

ignored() {
    printf 'reader.ignore = Virtual*\n' >"$HOME/.config/jpki-pkcs11.conf"
    wrong 'a reader that the settings ignore' reader-ignored jpki
    rm "$HOME/.config/jpki-pkcs11.conf"
}

# ---- the card ----

cards() {
    pcscd_start
    another_reader
    ignored
    wrong 'no card' card-missing jpki
    card_new foreign --set label=SOMETHING
    card_insert foreign 0
    wrong 'another kind of card' card-foreign jpki
    card_take 0
    card_new card
    card_insert card 0
    good_card
    wrong 'a card upside down' card-mute shim mute
    wrong 'a card that we may not use' card-forbidden shim forbidden
    wrong 'and pcscd hangs up' card-forbidden shim hung-up
    wrong 'a card that another program holds' card-busy shim busy
    wrong 'a card that cannot be spoken with' card-unreadable shim broken
}

# The bound is that of docs/doctor.md: 5 commands for the first question (docs/architecture.md), and the
# blocks of one certificate.
good_card() {
    local mark
    mark=$(apdu_mark card)
    ends 0 'a card in good standing' jpki doctor
    expect_has '  is said to be' 'the card is in good standing' "$OUTPUT"
    expect '  no line is wider than a terminal' '' "$(awk 'length > 80' <<<"$OUTPUT")"
    expect_at_most '  commands to the card' 20 "$(apdus_since card "$mark")"
    expect '  none of them shows it a PIN' 0 "$(verifies_since card "$mark")"
    expect '  all tries are left' '3 5' "$(tries)"
}

# bad_card WHAT FINDING OPTION...: a card that is made so, in the other reader.
bad_card() {
    local what=$1 found=$2
    shift 2
    card_new bad --force "$@"
    card_insert bad 1
    wrong "$what" "$found" jpki
    card_take 1
}

bad_cards() {
    bad_card 'an expired certificate' certificate-expired --expired
    bad_card 'one that ends soon' certificate-ending --expiring
    bad_card 'one that has not begun' certificate-early --not-before "$(date -d '3 days' +%Y%m%d)"
    card_new bad --force
    card_insert bad 1 --fault ins=B0:6+:sw:6F00
    wrong 'one that cannot be read' certificate-failed jpki
    card_take 1
    card_new tried
    card_insert tried 1
    raw_apdus 1 00A4040C0AD392F000260100000001 00A4020C020018 002000800430303030 >/dev/null
    wrong 'a PIN with tries spent' pin-tries jpki
    raw_apdus 1 00A4040C0AD392F000260100000001 00A4020C020018 002000800430303030 \
        002000800430303030 >/dev/null
    wrong 'a locked PIN' pin-locked jpki
    card_take 1
}

# ---- the module ----

modules() {
    mkdir "$WORK/kept"
    mv "$MODULES"/jpki-* "$WORK/kept"
    wrong 'the module is gone' module-missing jpki
    cp "$WORK/kept"/* "$MODULES"
    in_p11kit
    in_databases
}

# registered VALUE: our registration with this module, in the holder's own folder.
registered() {
    printf 'module: %s\n' "$1" >"$HOME/.config/pkcs11/modules/jpki-pkcs11.module"
}

in_p11kit() {
    mv "$CONFIGS/jpki-pkcs11.module" "$WORK"
    wrong 'the module is not registered' module-unregistered jpki
    echo 'module: jpki-pkcs11-sign.so' >"$HOME/.config/pkcs11/modules/jpki-pkcs11-sign.module"
    wrong 'the signature key alone is' module-unregistered jpki
    rm "$HOME/.config/pkcs11/modules/jpki-pkcs11-sign.module"
    mv "$WORK/jpki-pkcs11.module" "$CONFIGS"
    registered ''
    wrong 'its registration is hidden' module-hidden jpki
    works '  what helps, helps' bash -c "$(help_of module-hidden | tail -n 1)"
    ends 0 '  all is well then' jpki doctor
    registered "$WORK/kept/jpki-pkcs11-auth.so"
    wrong 'another copy is registered' module-copy jpki
    works '  what helps, helps' bash -c "$(help_of module-copy | tail -n 1)"
    registered "$WORK/nowhere/jpki-pkcs11-auth.so"
    wrong 'one that is not there is registered' module-gone jpki
    works '  what helps, helps' bash -c "$(help_of module-gone | tail -n 1)"
    local long
    long=$WORK/$(printf 'a%.0s' {1..200})/$(printf 'b%.0s' {1..200})
    mkdir -p "$long/pkcs11/modules"
    printf 'module: %s\n' "$WORK/nowhere/jpki-pkcs11-auth.so" >"$long/pkcs11/modules/jpki-pkcs11.module"
    XDG_CONFIG_HOME=$long wrong '  in a folder with a long path' module-gone jpki
    works '  what helps, helps' bash -c "$(help_of module-gone | tail -n 1)"
    works '  that very file is gone' test ! -e "$long/pkcs11/modules/jpki-pkcs11.module"
    ln -s "$MODULES/jpki-pkcs11-auth.so" "$WORK/link.so"
    ln -s "$MODULES/jpki-pkcs11-auth.so" "$WORK/jpki-pkcs11-auth.so"
    registered "$WORK/jpki-pkcs11-auth.so"
    ends 0 'a link to the installed one is registered' jpki doctor
    rm "$HOME/.config/pkcs11/modules/jpki-pkcs11.module"
    cp "$WORK/opensc-pkcs11.module" "$CONFIGS"
    wrong "OpenSC's module is registered too" opensc jpki
    echo module: >"$HOME/.config/pkcs11/modules/opensc-pkcs11.module"
    ends 0 '  what helps, helps' jpki doctor
    rm "$CONFIGS/opensc-pkcs11.module"
}

# database FOLDER NAME LIBRARY: registers a module as a browser does.
database() {
    mkdir -p "$1"
    [ -e "$1/cert9.db" ] || certutil -N -d "sql:$1" --empty-password
    with_module modutil -dbdir "sql:$1" -force -add "$2" -libfile "$3" >/dev/null
}

# mend NAME: does what helps against the finding in the way that it is said, without being asked.
mend() {
    OUTPUT=$(with_module bash -c "$(help_of "$1" | tail -n 1) -force" 2>&1) || say "$OUTPUT"
    ends 0 '  what helps, helps' jpki doctor
}

in_databases() {
    local chromium=$HOME/.pki/nssdb firefox="$HOME/.mozilla/firefox/a profile"
    database "$chromium" jpki-auth "$MODULES/jpki-pkcs11-auth.so"
    ends 0 'the module in a database' jpki doctor
    database "$chromium" OpenSC "$(opensc_module)"
    wrong "OpenSC's module in it, too" opensc-nss jpki
    mend opensc-nss
    database "$firefox" 'My Number Card' "$WORK/kept/jpki-pkcs11-auth.so"
    wrong 'another copy in the database of a profile' module-copy jpki
    mv "$WORK/kept" "$WORK/away"
    wrong 'one that is not there any more' module-gone jpki
    mend module-gone
    cp "$chromium/pkcs11.txt" "$WORK/good"
    for folder in .pki/nssdb .local/share/pki/nssdb .mozilla/firefox/x .config/mozilla/firefox/x \
        .thunderbird/x; do
        mkdir -p "$HOME/$folder"
        printf 'library=/nowhere/jpki-pkcs11.so\nname=it\n\n' >"$HOME/$folder/pkcs11.txt"
        wrong "one that is not there, in ~/$folder" module-gone jpki
        rm "$HOME/$folder/pkcs11.txt"
    done
    local name="it's; touch $WORK/touched; echo '"
    printf 'library=/nowhere/jpki-pkcs11.so\nname=%s\n\n' "$name" >"$chromium/pkcs11.txt"
    wrong 'one with a name for a shell' module-gone jpki
    expect '  stays one word in what is copied' "$name" \
        "$(bash -c "printf '%s|' $(help_of module-gone | tail -n 1)" | cut -d'|' -f5)"
    works '  and does nothing' test ! -e "$WORK/touched"
    cp "$WORK/good" "$chromium/pkcs11.txt"
    ends 0 'all is well again' jpki doctor
}

# ---- browsers in a sandbox ----

# from_flatpak FOLDER ARGUMENT...: with Flatpak's Firefox there.
from_flatpak() {
    local folder=$1 code=0
    shift
    in_own_mounts "mount -t tmpfs tmpfs /var/lib && mkdir -p '$folder/org.mozilla.firefox'" "$@" ||
        code=$?
    rm -rf "$HOME/.local/share/flatpak" "$WORK/data"
    return "$code"
}

# With what Ubuntu's package has in the place of Firefox.
from_wrapper() {
    printf '%s\n' '#!/bin/sh' 'exec /snap/bin/firefox "$@"' >"$WORK/wrapper"
    in_own_mounts "mount --bind '$WORK/wrapper' /usr/bin/firefox" "$@"
}

# With a program of snap, in a copy of the root folder that has all of its folders.
from_snap() {
    local root=$WORK/root entry
    mkdir -p "$root"
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount bash -c '
        mount -t tmpfs tmpfs "$1" || exit
        for entry in /*; do
            if [ -L "$entry" ]; then
                cp -a "$entry" "$1"
            elif [ -d "$entry" ]; then
                mkdir "$1$entry" && mount --rbind "$entry" "$1$entry" || exit
            fi
        done
        mkdir -p "$1/snap/bin" && touch "$1/snap/bin/chromium" || exit
        root=$1
        shift
        exec chroot "$root" "$@"' root "$root" setsid --wait "$JPKI" "$@" </dev/null
}

browsers() {
    wrong 'a browser from Flatpak' browser-sandboxed from_flatpak /var/lib/flatpak/app
    expect_has '  it is named' 'Firefox from Flatpak' "$OUTPUT"
    wrong "in the holder's folder" browser-sandboxed from_flatpak "$HOME/.local/share/flatpak/app"
    XDG_DATA_HOME=$WORK/data wrong 'in another folder of his' browser-sandboxed \
        from_flatpak "$WORK/data/flatpak/app"
    ends 0 "what a removed one has left" from_flatpak "$HOME/.var/app" doctor
    wrong 'a package that only starts a snap' browser-sandboxed from_wrapper
    expect_has '  it is named' 'Firefox from snap' "$OUTPUT"
    wrong 'a snap' browser-sandboxed from_snap
    expect_has '  it is named' 'Chromium from snap' "$OUTPUT"
}

# ---- settings, and what is kept ----

settings() {
    printf '%s\n' 'pss = no' 'isolation = no' 'sign.consent = perhaps' \
        >"$HOME/.config/jpki-pkcs11.conf"
    wrong 'three settings' 'setting isolation pss-off' jpki
    expect_has '  file and line are named' 'jpki-pkcs11.conf:3:' "$OUTPUT"
    mkdir "$WORK"/$'\xff'
    mv "$HOME/.config/jpki-pkcs11.conf" "$WORK"/$'\xff'
    XDG_CONFIG_HOME=$WORK/$'\xff' wrong 'in a folder whose name is no text' \
        'setting isolation pss-off' jpki
    expect '  it is in the JSON all the same' True \
        "$(json 'any("/\ufffd/jpki-pkcs11.conf:3:" in f["text"] for f in x)')"
}

# What the module remembers, and where.
state() {
    local folder=$HOME/.local/state/jpki-pkcs11 model
    model=$("$VCARD" status "$(card_dir card)" | sed -n 's/^model: //p')
    mkdir -p "$folder"
    chmod 700 "$folder"
    printf '%s %s\n' "$(date -u +%F)" "$model" >"$folder/pss-refused"
    wrong 'a refusal of PSS' pss-refused jpki
    expect_has '  which model' "$model" "$OUTPUT"
    rm "$folder/pss-refused"
    chmod 777 "$folder"
    wrong 'a history that everybody may write to' history jpki
    chmod 700 "$folder"
    ends 0 'all is well again' jpki doctor
}

# ---- how it is said ----

# lost TEXT ARGUMENT...: jpki, where no JSON can be made of a text that has TEXT in it.
lost() {
    local text=$1
    shift
    JSON_SHIM=$text LD_PRELOAD=$JSON_SHIM_SO \
        ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} jpki "$@"
}

json_is_whole() {
    local text
    for text in 'pcscd' 'good standing' 'settings' 'history'; do
        ends 1 "no JSON can be made of \"$text\"" lost "$text" doctor --json
        expect '  then none is printed, but a complaint' 'jpki: no memory is left' "$OUTPUT"
    done
    ends 0 'of something else' lost 'nothing like it' doctor --json
    expect '  all is there' 'service reader card module settings history' "$(good_names)"
}

# Each finding has its row in the table, in both languages, and each row was found here.
documented() {
    # shellcheck disable=SC2016 # the quotes are Markdown's
    local page row='^| `\([a-z-]*\)` |.*'
    for page in docs/doctor.md docs/ja/doctor.md; do
        expect "the findings of $page are those that were found here" \
            "$(printf '%s\n' "${FOUND[@]}" | sort -u)" \
            "$(sed -n "s/$row/\\1/p" "$ROOT/$page" | sort)"
    done
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    own_etc
    install_here
    translations_here
    mount -t tmpfs tmpfs /sys
    no_service
    no_reader
    cards
    bad_cards
    modules
    browsers
    settings
    state
    json_is_whole
    documented
    interop_end
}

main "$@"
