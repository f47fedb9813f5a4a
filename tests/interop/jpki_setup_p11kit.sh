#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup p11-kit, and then what p11-kit shows: to a user who has set it up for himself, to everybody
# when root has, and the signature key to the programs that were named.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/setup.sh
. "$ROOT/tests/lib/setup.sh"
# shellcheck source=tests/lib/p11kit.sh
. "$ROOT/tests/lib/p11kit.sh"

# p11-kit does not read root's own folder, so most of this is done as somebody else.
readonly USER_IS=(unshare --user --map-user=1000)
AUTH_KEY='pkcs11:manufacturer=JPKI;token=JPKI%20User%20Authentication;id=%01;type=private'
SIGN_KEY='pkcs11:manufacturer=JPKI;token=JPKI%20Digital%20Signature;id=%02;type=private'
CONFIGS= # where packages register their modules; empty here but for what a check puts there
PROXY=

variable() {
    pkg-config --variable="$1" p11-kit-1
}

p11kit_begin() {
    CONFIGS=$(variable p11_module_configs)
    PROXY=$(variable proxy_module)
    mount -t tmpfs tmpfs "$CONFIGS"
    modules_installed
    own_etc
    rm -rf /etc/pkcs11
    WATCHED=("$HOME" /etc "$CONFIGS")
}

# labels COMMAND...: of the tokens in a listing, in its order.
labels() {
    "$@" 2>&1 | sed -n 's/^[[:space:]]*\(Label\|token\|token label *\): *\(JPKI.*\)/\2/p' | paste -sd'|'
}

# gnutls_sees and proxy_shows: the tokens, to the user or to root (AS).
gnutls_sees() {
    labels with_module "${AS[@]}" "${1:-p11tool}" --list-tokens
}

proxy_shows() {
    labels with_module "${AS[@]}" pkcs11-tool --module "$PROXY" --list-slots
}

# test_sign WHAT PIN URL: a signature, with one question.
test_sign() {
    works "p11tool signs with $1" typed "$2" card "${AS[@]}" p11tool --login --test-sign "$3"
    expect '  GnuTLS accepts it, by both public keys' 2 \
        "$(grep -c '^Verifying against .*\.\.\. ok' <<<"$OUTPUT")"
    expect '  PIN prompts' 1 "$(prompts)"
}

sign_by_proxy() {
    rm -f "$WORK/sig"
    with_module "${AS[@]}" pkcs11-tool --module "$PROXY" --token-label "$LABEL_AUTH" --login \
        --pin "$PIN_AUTH" --sign --id 01 --mechanism SHA256-RSA-PKCS --input-file "$WORK/short" \
        --output-file "$WORK/sig"
}

# ---- a user ----

for_oneself() {
    local nothing
    nothing=$(tree)
    expect 'before, GnuTLS sees no token' '' "$(gnutls_sees)"
    setup_does 'the authentication key' p11-kit
    expect 'then GnuTLS sees its token' "$LABEL_AUTH" "$(gnutls_sees)"
    expect '  and so do those who come through the proxy' "$LABEL_AUTH" "$(proxy_shows)"
    test_sign 'the authentication key' "$PIN_AUTH" "$AUTH_KEY"
    works 'a signature through the proxy' sign_by_proxy
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    setup_does 'the signature key for two programs' p11-kit p11tool certtool
    expect_has '  it says what a signature means' 'registered seal' "$OUTPUT"
    expect 'then p11tool sees both tokens' "$LABEL_AUTH|$LABEL_SIGN" "$(gnutls_sees)"
    cp "$(command -v p11tool)" "$WORK/nameless"
    expect '  a program that was not named sees one' "$LABEL_AUTH" "$(gnutls_sees "$WORK/nameless")"
    expect '  nor does the proxy show it to others' "$LABEL_AUTH" "$(proxy_shows)"
    test_sign 'the signature key' "$PIN_SIGN" "$SIGN_KEY"
    setup_refuses 'other programs for the same key' 'is there already, .*--undo' p11-kit pkcs11-tool
    BEFORE=$nothing # both are undone at once
    setup_undoes p11-kit
    expect '  GnuTLS sees no token' '' "$(gnutls_sees)"
}

elsewhere() {
    export XDG_CONFIG_HOME="$HOME/it's my #1 %h"
    setup_does 'where the folder has an odd name' p11-kit
    expect '  GnuTLS sees the token' "$LABEL_AUTH" "$(gnutls_sees)"
    setup_undoes p11-kit
    unset XDG_CONFIG_HOME
}

# What the installation registers need not be registered again.
installed_already() {
    sed 's/@place@//' "$ROOT/conf/jpki-pkcs11.module.in" >"$CONFIGS/jpki-pkcs11.module"
    BEFORE=$(tree)
    ends 0 'where the installation has registered the module' setup p11-kit --yes
    expect_has '  it says so' "^$CONFIGS/jpki-pkcs11.module: it is there already" "$OUTPUT"
    expect_has '  nothing is to be changed' 'There is nothing to change' "$OUTPUT"
    expect '  nothing is' "$BEFORE" "$(tree)"
    expect '  GnuTLS sees the token' "$LABEL_AUTH" "$(gnutls_sees)"
    rm "$CONFIGS/jpki-pkcs11.module"
}

changed_since() {
    local file=$HOME/.config/pkcs11/modules/jpki-pkcs11-sign.module
    setup_does 'the signature key, and the holder changes the file' p11-kit p11tool
    sed -i 's/^enable-in: .*/&, certtool/' "$file"
    ends 1 '  undone, as far as it is ours' setup p11-kit --undo --yes
    expect_has '  it says so' 'jpki-pkcs11-sign.module: take the lines out yourself' "$OUTPUT"
    expect_has '  the file is as he has made it' '^enable-in: p11tool, certtool$' "$(cat "$file")"
    rm "$file"
    ends 0 '  when it is gone' setup p11-kit --undo --yes
    expect '  every byte and mode is as before' "$BEFORE" "$(tree)"
}

wrong_names() {
    local name
    for name in /usr/bin/p11tool 'p11tool,certtool' 'a b' '' $'a\nmodule:x.so' $'a\x7f'; do
        setup_refuses "the name ${name@Q}" 'is no name of a program' p11-kit "$name"
    done
    setup_refuses 'a name for all programs' 'name the programs themselves' p11-kit p11-kit-proxy
}

# ---- root ----

# A strict umask must not make a file that users cannot read: p11-kit gives them no module at all then.
for_everybody() {
    AS=()
    umask 077
    setup_does 'the authentication key, by root' p11-kit
    expect '  everybody may read it' '755 755 644' \
        "$(stat -c %a /etc/pkcs11 /etc/pkcs11/modules /etc/pkcs11/modules/jpki-pkcs11.module | xargs)"
    ! is_root || works '  and can' setpriv --reuid 65534 --regid 65534 --clear-groups \
        cat /etc/pkcs11/modules/jpki-pkcs11.module
    expect '  but not what jpki remembers' '700 600' \
        "$(cd "$HOME/.local/state/jpki-pkcs11" && stat -c %a setup setup/p11-kit.json | xargs)"
    expect 'root sees the token' "$LABEL_AUTH" "$(gnutls_sees)"
    AS=("${USER_IS[@]}")
    expect 'so does a user' "$LABEL_AUTH" "$(gnutls_sees)"
    AS=()
    setup_undoes p11-kit
    setup_does 'the signature key, by root' p11-kit p11tool
    AS=("${USER_IS[@]}")
    expect 'a user sees it in the program that was named' "$LABEL_SIGN" "$(gnutls_sees)"
    expect '  in no other' '' "$(proxy_shows)"
    AS=()
    setup_undoes p11-kit
    umask 022
    AS=(env SUDO_USER=somebody)
    ends 0 'by sudo' setup p11-kit --dry-run
    expect_has_not '  nothing is said against it' "root's own programs" "$OUTPUT"
    ends 0 '  but where it is about one user' setup openssl --dry-run
    expect_has '  that is said' "this is about root's own programs" "$OUTPUT"
    AS=()
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    p11kit_begin
    AS=("${USER_IS[@]}")
    for_oneself
    elsewhere
    installed_already
    changed_since
    wrong_names
    for_everybody
    expect 'all tries are left' '3 5' "$(tries)"
    interop_end
}

main "$@"
