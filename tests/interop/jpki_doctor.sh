#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki doctor: each thing that can be wrong is made wrong, found, and explained.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

SHIM=$BUILD/tests/lib/pcscshim.so

# What `meson install` makes, at its places in this little world; OpenSC's registration waits.
install_here() {
    MODULES=$(pkg-config --variable=p11_module_path p11-kit-1)
    CONFIGS=$(pkg-config --variable=p11_module_configs p11-kit-1)
    cp "$CONFIGS/opensc-pkcs11.module" "$WORK"
    mount -t tmpfs tmpfs "$MODULES"
    mount -t tmpfs tmpfs "$CONFIGS"
    cp "$BUILD"/src/jpki-pkcs11*.so "$MODULES"
}

# names good|wrong: the findings of OUTPUT, in their order.
names() {
    json "\" \".join(f['name'] for f in x if f['good'] == (\"$1\" == \"good\"))"
}

# wrong WHAT NAMES COMMAND...: doctor finds these problems and no other, each with what helps.
wrong() {
    local what=$1 found=$2
    shift 2
    ends 1 "$what" "$@" doctor --json
    expect '  is found, and nothing else' "$found" "$(names wrong)"
    expect '  with what helps' True "$(json 'all(f["good"] or len(f["help"]) > 10 for f in x)')"
}

no_service() {
    wrong 'pcscd does not run' service-stopped jpki
    wrong 'pcscd is not installed' service-missing hide_pcscd
    mkdir -p /run/pcscd
    socat UNIX-LISTEN:/run/pcscd/pcscd.comm,fork,mode=666 SYSTEM:true &
    local pid=$!
    wait_until 5 test -S /run/pcscd/pcscd.comm
    wrong 'pcscd turns us away' service-forbidden jpki
    kill "$pid"
    wait "$pid" || true
    chmod 000 /run/pcscd
    wrong 'the socket is out of reach' service-hidden as_nobody
    chmod 755 /run/pcscd
    rm -f /run/pcscd/pcscd.comm
}

hide_pcscd() {
    mkdir -p "$WORK/empty"
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount bash -c 'mount --bind "$1" /usr/sbin && shift && exec "$@"' hide "$WORK/empty" \
        setsid --wait "$JPKI" "$@"
}

# Somebody else, with a home of his own.
as_nobody() {
    mkdir -p "$WORK/nobody"
    cp "$JPKI" "$WORK/jpki"
    chmod 755 "$WORK" "$SANDBOX" "$WORK/jpki"
    chown 65534 "$WORK/nobody"
    HOME=$WORK/nobody XDG_RUNTIME_DIR='' setpriv --reuid 65534 --regid 65534 --clear-groups \
        setsid --wait "$WORK/jpki" "$@"
}

no_reader() {
    mkdir "$WORK/no-readers"
    pcscd --foreground --config "$WORK/no-readers" >>"$SANDBOX/log/pcscd" 2>&1 &
    PCSCD_PID=$!
    disown "$PCSCD_PID"
    wait_until 10 test -S /run/pcscd/pcscd.comm
    mount -t tmpfs tmpfs /sys
    wrong 'no reader' reader-missing jpki
    local device=/sys/bus/usb/devices
    mkdir -p "$device/1-2" "$device/1-2:1.0"
    echo 'Card Reader of Nowhere' >"$device/1-2/product"
    echo 0b >"$device/1-2:1.0/bInterfaceClass"
    wrong 'a reader without driver' reader-driver jpki
    expect_has '  it is named' 'Card Reader of Nowhere' "$OUTPUT"
    umount /sys
    pcscd_stop TERM
}

# shim KIND ARGUMENT...: jpki, in front of a service that answers so.
shim() {
    local kind=$1
    shift
    PCSC_SHIM=$kind LD_PRELOAD=$SHIM ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} jpki "$@"
}

cards() {
    pcscd_start
    wrong 'no card' card-missing jpki
    card_new foreign --set label=SOMETHING
    card_insert foreign 0
    wrong 'another kind of card' card-missing jpki
    card_take 0
    card_new card
    card_insert card 0
    ends 0 'a card in good standing' jpki doctor
    expect_has '  is said to be' 'the card is in good standing' "$OUTPUT"
    expect '  no line is wider than a terminal' '' "$(grep -E '^.{81}' <<<"$OUTPUT")"
    wrong 'a card upside down' card-mute shim mute
    wrong 'a card that we may not use' card-forbidden shim forbidden
}

# Cards in bad standing, in the other reader.
bad_cards() {
    card_new expired --expired
    card_insert expired 1
    wrong 'an expired certificate' certificate-expired jpki
    card_take 1
    card_new ending --expiring
    card_insert ending 1
    wrong 'one that ends soon' certificate-ending jpki
    card_take 1
    card_new early --not-before "$(date -d '3 days' +%Y%m%d)"
    card_insert early 1
    wrong 'one that has not begun' certificate-early jpki
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

programs() {
    mkdir "$WORK/kept"
    mv "$MODULES"/jpki-* "$WORK/kept"
    wrong 'the module is gone' module-missing jpki
    mv "$WORK/kept"/* "$MODULES"
    cp "$WORK/opensc-pkcs11.module" "$CONFIGS"
    wrong "OpenSC's module is registered too" opensc jpki
    mkdir -p "$HOME/.config/pkcs11/modules"
    echo module: >"$HOME/.config/pkcs11/modules/opensc-pkcs11.module"
    ends 0 '  what helps, helps' jpki doctor
    rm "$CONFIGS/opensc-pkcs11.module"
}

settings() {
    mkdir -p "$HOME/.config"
    printf '%s\n' 'pss = no' 'isolation = no' 'sign.consent = perhaps' \
        >"$HOME/.config/jpki-pkcs11.conf"
    wrong 'three settings' 'setting isolation pss-off' jpki
    expect_has '  file and line are named' 'jpki-pkcs11.conf:3:' "$OUTPUT"
    rm "$HOME/.config/jpki-pkcs11.conf"
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

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    own_etc
    install_here
    no_service
    no_reader
    cards
    bad_cards
    programs
    settings
    state
    interop_end
}

main "$@"
