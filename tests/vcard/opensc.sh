#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# OpenSC's own driver as a second opinion on the virtual card: it lists, logs in and signs with both
# keys, and openssl checks the signatures. Runs in a namespace of its own with a private pcscd, so
# that neither the machine's readers nor other tests see anything of it.
#
# usage: opensc.sh PATH-TO-jpki-vcard [option of "jpki-vcard new"]...
# Exit code 77 (skipped) when something that it needs is not installed.
set -eu

if [ "${VCARD_NAMESPACE:-}" != yes ]; then
    for tool in pcscd pkcs11-tool openssl unshare ip; do
        command -v $tool >/dev/null || { echo "skipped: $tool is missing"; exit 77; }
    done
    [ -e /etc/reader.conf.d/vpcd ] || { echo "skipped: vsmartcard-vpcd is missing"; exit 77; }
    if [ "$(id -u)" = 0 ]; then
        flags="-m -n"
    else
        flags="-U -r -m -n"
    fi
    # shellcheck disable=SC2086
    unshare $flags true 2>/dev/null || { echo "skipped: no namespaces here"; exit 77; }
    # shellcheck disable=SC2086
    VCARD_NAMESPACE=yes exec unshare $flags "$0" "$@"
fi

vcard=$1
shift
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir /run/pcscd
work=$(mktemp -d)
pids=
cleanup() {
    for pid in $pids; do
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap cleanup EXIT

pcscd -f >"$work/pcscd.log" 2>&1 &
pids=$!
"$vcard" new "$work/card" "$@"
"$vcard" run "$work/card" --log "$work/log" >"$work/run.log" &
pids="$pids $!"

module=$(find /usr/lib -name opensc-pkcs11.so | head -n 1)
[ -n "$module" ] || { echo "skipped: opensc-pkcs11 is missing"; exit 77; }
tool() {
    pkcs11-tool --module "$module" "$@"
}
# vpcd notices the card within a second or two.
for i in 1 2 3 4 5 6 7 8 9 10; do
    tool --list-token-slots 2>/dev/null | grep -q "token label" && break
    sleep 0.5
done
tool --list-token-slots
tool --list-objects

printf 'what is signed' >"$work/data"
# sign NAME TOKEN PIN ID
sign() {
    openssl x509 -in "$work/card/$1.pem" -noout -pubkey >"$work/$1.pub"
    tool --token-label "$2" --login --pin "$3" --id "$4" --sign --mechanism SHA256-RSA-PKCS \
        --input-file "$work/data" --output-file "$work/$1.sig"
    openssl dgst -sha256 -verify "$work/$1.pub" -signature "$work/$1.sig" "$work/data"
}
label() {
    tool --list-token-slots | sed -n 's/ *token label *: *//p' | grep -- "$1"
}
sign auth "$(label 'User Auth')" 1234 01
if [ -e "$work/card/sign.pem" ]; then
    sign sign "$(label 'Digital Sig')" ABC123 02
fi
echo "commands: $(grep -c '^> ' "$work/log")"
if [ -n "${VCARD_SHOW:-}" ]; then
    cat "$work/log"
fi
