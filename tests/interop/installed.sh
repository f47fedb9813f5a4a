#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What `meson install` makes, in a build as the README has it: each file at its place, programs that
# find the modules there and sign with them, nothing of the machine it was built on inside, and
# nothing left when the files in Meson's list are taken away. And the same below another prefix.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/install.sh
. "$ROOT/tests/lib/install.sh"

readonly NAMES=(jpki-pkcs11 jpki-pkcs11-auth jpki-pkcs11-sign)
AUTH='pkcs11:manufacturer=JPKI;token=JPKI%20User%20Authentication'
RELEASE=     # a build folder of our own, with a list of what was installed that nobody else writes
STAGE=       # what stands before each path
MODULES=     # where p11-kit looks for modules, and for registrations
CONFIGS=
DOC=/usr/share/doc/jpki-pkcs11

variable() {
    pkg-config --variable="$1" p11-kit-1
}

# install_here: as an administrator with a strict umask does.
install_here() {
    (umask 077 && DESTDIR=$STAGE meson install -C "$RELEASE" --no-rebuild --quiet)
}

build_and_install() {
    RELEASE=$WORK/release
    STAGE=$WORK/stage
    MODULES=$(variable p11_module_path)
    CONFIGS=$(variable p11_module_configs)
    works 'a build for everybody' build_quietly "$RELEASE" "${CC:-gcc}" \
        --prefix=/usr --buildtype=release -Dtests=false
    works 'meson install' install_here
    # These modules were built without a sanitizer.
    PRELOAD=
}

# ---- the files ----

modules_are_there() {
    local name
    for name in "${NAMES[@]}"; do
        works "$name.so is where p11-kit looks" test -f "$STAGE$MODULES/$name.so"
        expect '  it looks for libraries nowhere else' 0 \
            "$(readelf -d "$STAGE$MODULES/$name.so" | grep -cE 'RPATH|RUNPATH')"
    done
    expect 'no module is a link to another' 3 "$(find "$STAGE$MODULES" -links 1 -type f | wc -l)"
    works 'jpki-vcard is installed' test -x "$STAGE/usr/bin/jpki-vcard"
    works '  and runs' "$STAGE/usr/bin/jpki-vcard" new --help
    works 'jpki is installed' test -x "$STAGE/usr/bin/jpki"
    works '  and runs' "$STAGE/usr/bin/jpki" --help
    works '  with its Japanese' test -f "$STAGE/usr/share/locale/ja/LC_MESSAGES/jpki-pkcs11.mo"
    works '  what the shells complete' test -f "$STAGE/usr/share/bash-completion/completions/jpki" \
        -a -f "$STAGE/usr/share/zsh/site-functions/_jpki"
    expect '  and its service for the desktop' 'ExecStart=/usr/bin/jpki watch' \
        "$(grep '^ExecStart=' "$STAGE/usr/lib/systemd/user/jpki-watch.service")"
}

# in_japan COMMAND...: where the holder speaks Japanese.
in_japan() {
    env -u LC_ALL LOCPATH="$WORK/locale" LANG=ja_JP.UTF-8 "$@"
}

# manual_is_there: man finds each page by its name, and the Japanese one where that is the language.
manual_is_there() {
    local page name section folder=$STAGE/usr/share/man
    mkdir "$WORK/locale"
    works 'a Japanese locale' localedef -i ja_JP -f UTF-8 "$WORK/locale/ja_JP.UTF-8"
    for page in "$ROOT"/docs/man/*.scd; do
        page=$(basename "$page" .scd)
        name=${page%.*} section=${page##*.}
        expect "man finds $name($section)" "$folder/man$section/$page" \
            "$(man -M "$folder" -w "$section" "$name" 2>&1)"
        expect '  in Japan it finds the Japanese one' "$folder/ja/man$section/$page" \
            "$(in_japan env MANPATH="$folder" man -w "$section" "$name" 2>&1)"
        page_is_sound NAME "$folder/man$section/$page"
        page_is_sound 名前 "$folder/ja/man$section/$page"
    done
    page_names "$folder/man7/jpki-pkcs11.7" "$MODULES" "$CONFIGS"
    page_names "$folder/ja/man7/jpki-pkcs11.7" "$MODULES" "$CONFIGS"
}

# page_is_sound HEADING PAGE: in its language, and without a warning.
page_is_sound() {
    expect "  man has nothing against ${2#"$STAGE"}" '' \
        "$(in_japan man --warnings -l "$2" 2>&1 >"$WORK/page")"
    expect_has '    which is in its language' "^$1$" "$(cat "$WORK/page")"
}

# page_names PAGE MODULES CONFIGS: the folders of this installation.
page_names() {
    local text name
    text=$(man -l "$1")
    for name in "${NAMES[@]}"; do
        expect_has "the page says where $name is" "^ +${2//./\\.}/$name\.so,?$" "$text"
    done
    expect_has '  and where it is registered' "^ +${3//./\\.}/jpki-pkcs11\.module$" "$text"
}

registration_is_there() {
    expect 'one registration is where p11-kit looks' jpki-pkcs11.module "$(ls "$STAGE$CONFIGS")"
    expect '  it names the authentication module, for everybody' \
        "module: jpki-pkcs11-auth.so|critical: no" \
        "$(grep -v '^#' "$STAGE$CONFIGS/jpki-pkcs11.module" | paste -sd'|')"
}

# Each file of conf/ is installed, and the installed pages say where.
samples_are_there() {
    local file name
    for file in "$ROOT"/conf/*; do
        name=$(basename "$file" .in)
        case $name in
            meson.build | jpki-pkcs11.module | jpki.bash | _jpki | jpki-watch.service) continue ;;
        esac
        works "the sample $name is installed" test -f "$STAGE$DOC/$name"
        expect_has '  a page says where' "$name" "$(grep -rhF "$DOC" "$STAGE$DOC/docs")"
        expect '  nothing is left to be filled in' 0 "$(grep -cE '@[a-z]+@' "$STAGE$DOC/$name")"
    done
    expect 'the sample for ssh names the installed module' \
        "PKCS11Provider $MODULES/jpki-pkcs11-auth.so" \
        "$(grep -o 'PKCS11Provider /.*' "$STAGE$DOC/ssh_config")"
}

pages_are_there() {
    local page
    works 'the pages are those of the source, in both languages' \
        diff -r --exclude man "$ROOT/docs" "$STAGE$DOC/docs"
    works '  with the Japanese ones' test -f "$STAGE$DOC/docs/ja/README.md"
    works 'so are the first page' cmp "$ROOT/README.md" "$STAGE$DOC/README.md"
    works '  and the licence' cmp "$ROOT/LICENSE" "$STAGE$DOC/LICENSE"
    works 'every link in them leads somewhere' "$ROOT/tests/checks/links" "$STAGE$DOC"
    expect_has '  and there are some' '^links: [1-9][0-9]+ pages, [1-9][0-9]+ links, 0 wrong$' "$OUTPUT"
    for page in guide reporting ja/guide ja/reporting NEWS contributing; do
        works "  $page is there" test -s "$STAGE$DOC/docs/$page.md"
    done
}

# modes TEST...: the files for which the tests of `find` hold, without the stage.
modes() {
    find "$STAGE" "$@" -printf '/%P\n' | sort | paste -sd' '
}

permissions() {
    expect 'every folder may be entered by everybody' '' "$(modes -type d ! -perm 755)"
    expect 'what may be run is the commands, two samples and the modules' \
        "/usr/bin/jpki /usr/bin/jpki-vcard $(printf "$MODULES/%s.so " "${NAMES[@]}" | xargs -n1 | sort | xargs) $DOC/jpki-nss $DOC/jpki-sign.py" \
        "$(modes -type f -perm 755)"
    expect 'everybody may read the rest, and nobody write' '' \
        "$(modes -type f ! -perm 755 ! -perm 644)"
    expect 'there is nothing but files and folders' '' "$(modes ! -type f ! -type d)"
    expect 'no file holds a path of the build' '' \
        "$(grep -rlaF -e "$WORK" -e "$ROOT" -e "$BUILD" "$STAGE" | paste -sd' ')"
}

# ---- programs at work ----

# at_their_places: what is in the stage, where programs look, in this world alone.
at_their_places() {
    mount --bind "$STAGE$MODULES" "$MODULES"
    mount --bind "$STAGE$CONFIGS" "$CONFIGS"
}

# programs_work MODULE: given to those who want a path.
programs_work() {
    MODULE=$1
    works "pkcs11-tool signs with $MODULE" sign_auth SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/auth.pem" "$WORK/short" "$WORK/sig"
    works 'p11tool finds the key by p11-kit and tests it' with_module env GNUTLS_PIN="$PIN_AUTH" \
        p11tool --batch --login --test-sign "$AUTH;id=%01;type=private"
    expect '  GnuTLS accepts the signature' 2 "$(grep -c '^Verifying against .*\.\.\. ok' <<<"$OUTPUT")"
    works 'it lists the tokens' with_module p11tool --list-tokens
    expect '  the signature key is not offered to everybody' "$LABEL_AUTH" \
        "$(sed -n 's/^[[:space:]]*Label: *\(JPKI.*\)/\1/p' <<<"$OUTPUT")"
    works 'ssh-keygen lists the key' with_module ssh-keygen -D "$MODULE"
    expect '  the first one is that of the certificate' \
        "$(ssh-keygen -i -m PKCS8 -f "$(public_key "$CARD/auth.pem")")" \
        "$(head -n 1 <<<"$OUTPUT" | cut -d' ' -f1,2)"
}

# The signature key is for those who name its module.
signature_module() {
    works 'the signature module signs, too' sign_with "$MODULES/jpki-pkcs11-sign.so" "$LABEL_SIGN" \
        "$PIN_SIGN" 02 SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    works '  openssl accepts it' verify_pkcs1 sha256 "$CARD/sign.pem" "$WORK/short" "$WORK/sig"
}

# ---- taking it away ----

# uninstall: all that Meson says it has made, files first.
uninstall() {
    local path
    grep -v '^#' "$RELEASE/meson-logs/install-log.txt" >"$WORK/installed.list"
    while read -r path; do
        if [ -d "$path" ]; then
            rmdir "$path"
        else
            rm "$path"
        fi
    done <"$WORK/installed.list"
}

uninstalls() {
    works 'all that Meson lists can be taken away' uninstall
    works '  and nothing is left' test ! -e "$STAGE"
}

# ---- elsewhere ----

# destinations FOLDER: where a build folder's files would be installed.
destinations() {
    meson introspect --installed "$1" | python3 -c '
import json, sys
print(*sorted(json.load(sys.stdin).values()), sep="\n")'
}

# The folders are p11-kit's, whatever they are on this system and whatever the prefix is.
p11kit_decides() {
    local pc=$WORK/pc
    mkdir "$pc"
    sed -e 's,^p11_module_path=.*,p11_module_path=/odd/modules,' \
        -e 's,^p11_module_configs=.*,p11_module_configs=/odd/configs,' \
        "$(pkg-config --variable=pcfiledir p11-kit-1)/p11-kit-1.pc" >"$pc/p11-kit-1.pc"
    works "with p11-kit's folders elsewhere" env CC="${CC:-gcc}" PKG_CONFIG_PATH="$pc" \
        meson setup --prefix=/opt -Dtests=false "$WORK/odd" "$ROOT"
    OUTPUT=$(destinations "$WORK/odd")
    expect '  the modules go there' "$(printf '/odd/modules/%s.so\n' "${NAMES[@]}" | sort)" \
        "$(grep '\.so$' <<<"$OUTPUT")"
    expect '  and one registration' /odd/configs/jpki-pkcs11.module \
        "$(grep '^/odd/configs/' <<<"$OUTPUT")"
    expect '  and the rest below the prefix' '' "$(grep -vE '^/(odd|opt)/' <<<"$OUTPUT" || true)"
}

# below_prefix: everything, without DESTDIR, and in folders that p11-kit has to be told of.
below_prefix() {
    local prefix=$WORK/elsewhere
    STAGE=
    works 'configured for another prefix' meson configure "$RELEASE" --prefix="$prefix" \
        -Dmoduledir=lib/modules -Dp11kitconfdir=share/registrations
    works '  built' meson compile -C "$RELEASE"
    works '  installed' install_here
    expect '  all of it is below that' '' "$(grep -vE "^(#|$prefix)" "$RELEASE/meson-logs/install-log.txt")"
    mount -t tmpfs tmpfs "$CONFIGS"
    cp "$prefix"/share/registrations/* "$CONFIGS"
    mount -t tmpfs tmpfs "$MODULES"
    programs_work "$prefix/lib/modules/jpki-pkcs11-auth.so"
    page_names "$prefix/share/man/man7/jpki-pkcs11.7" "$prefix/lib/modules" "$prefix/share/registrations"
    expect 'the sample for ssh names it' "PKCS11Provider $MODULE" \
        "$(grep -o 'PKCS11Provider /.*' "$prefix/share/doc/jpki-pkcs11/ssh_config")"
    works 'the sample for NSS takes its folder' \
        sh "$prefix/share/doc/jpki-pkcs11/jpki-nss" auth "$WORK/nss" "$prefix/lib/modules"
    STAGE=$prefix
    uninstalls
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    build_and_install
    modules_are_there
    manual_is_there
    registration_is_there
    samples_are_there
    pages_are_there
    permissions
    at_their_places
    programs_work "$MODULES/jpki-pkcs11-auth.so"
    signature_module
    umount "$MODULES" "$CONFIGS"
    uninstalls
    p11kit_decides
    below_prefix
    interop_end
}

main "$@"
