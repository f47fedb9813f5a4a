#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The guide for those who begin, command after command, as a holder does it who follows it from its
# first line to its last. Both languages have the same commands, and a command that nothing here
# tries is a failure.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/pages.sh
. "$ROOT/tests/lib/pages.sh"
# shellcheck source=tests/lib/pdf.sh
. "$ROOT/tests/lib/pdf.sh"

readonly PAGE=docs/guide.md HOST=server.example.jp PORT=2222
readonly NEW_PIN=8306
PROFILE= # Firefox's
BEFORE=  # the holder's configuration of ssh, before jpki changed it
PASSWORD_IS_READ= # what the guide has typed since the shell was told to read the password

# ---- the holder's computer, and his server ----

# The account under which everything runs: its home is the world's own, and so is its shell, which
# at a login does nothing but greet.
account() {
    printf '%s\n' '#!/bin/sh' '[ $# -eq 0 ] || exec /bin/sh "$@"' 'echo welcome' >"$WORK/shell"
    chmod 755 "$WORK/shell"
    sed "s#^root:.*#root:x:0:0:root:$HOME:$WORK/shell#" /etc/passwd >"$WORK/passwd"
    # Where root's account is locked, sshd takes no key for it.
    sed 's/^root:[^:]*:/root:*:/' /etc/shadow >"$WORK/shadow"
    chmod 600 "$WORK/shadow"
    mount --bind "$WORK/passwd" /etc/passwd
    mount --bind "$WORK/shadow" /etc/shadow
    unset SSH_AUTH_SOCK
}

# server_start: it lets in the key of a file, by which the holder has come so far.
server_start() {
    mkdir -p "$HOME/.ssh" /run/sshd
    chmod 755 /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/host"
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/old"
    cp "$WORK/old.pub" "$HOME/.ssh/authorized_keys"
    printf '%s\n' 'ListenAddress 127.0.0.1' "Port $PORT" "HostKey $WORK/host" 'PidFile none' \
        'StrictModes no' 'UsePAM no' 'PermitRootLogin yes' 'AuthenticationMethods publickey' \
        'PrintMotd no' 'PrintLastLog no' >"$WORK/sshd"
    printf '[127.0.0.1]:%s %s\n' "$PORT" "$(cut -d' ' -f1,2 "$WORK/host.pub")" >"$WORK/known"
    : >"$WORK/sshd.log"
    "$(command -v sshd)" -D -e -f "$WORK/sshd" 2>"$WORK/sshd.log" &
    wait_until 10 grep -q 'Server listening' "$WORK/sshd.log" || die "sshd: $(cat "$WORK/sshd.log")"
}

# ssh_config [LINE...]: the holder's, where the server is found at the address of this world.
ssh_config() {
    printf '%s\n' "$@" "Host $HOST" 'HostName 127.0.0.1' "Port $PORT" 'User root' \
        "UserKnownHostsFile $WORK/known" >"$HOME/.ssh/config"
}

# What `meson install` makes, at its places in this little world.
install_here() {
    local modules configs
    modules=$(pkg-config --variable=p11_module_path p11-kit-1)
    configs=$(pkg-config --variable=p11_module_configs p11-kit-1)
    STAGE=$WORK/stage
    install_into "$STAGE"
    mount -t tmpfs tmpfs "$modules"
    mount -t tmpfs tmpfs "$configs"
    mount -t tmpfs tmpfs /usr/share/doc
    cp "$STAGE$modules"/* "$modules"
    cp "$STAGE$configs"/* "$configs"
    cp -r "$(find "$STAGE" -path '*/doc/jpki-pkcs11' -type d)" /usr/share/doc/
    mkdir "$WORK/bin"
    ln -s "$JPKI" "$WORK/bin/"
    PATH=$WORK/bin:$PATH
}

# ---- what the guide says, tried ----

# at_home ANSWERS COMMAND: in the holder's own shell, on a terminal where he types a line of ANSWERS
# at each question.
at_home() {
    : >"$WORK/asked"
    python3 "$ROOT/tests/lib/typist.py" ': $' "$1" "$(card_log card)" "$WORK/asked" \
        timeout --foreground 90 env -C "$HOME" NO_COLOR=1 LD_PRELOAD="$PRELOAD" \
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
        bash -c "exec </dev/tty; $2" </dev/null
}

# does COMMAND [ANSWERS QUESTIONS]: the command does what it should. OUTPUT is what it says.
does() {
    ends 0 "$1" at_home "${2:-}" "$1"
    asked "${3:-0}"
}

# says PATTERN COMMAND [ANSWERS QUESTIONS]
says() {
    does "${@:2}"
    expect_has '  it says so' "$1" "$OUTPUT"
}

# elsewhere COMMAND FILE: installing is done by another test, and the page it belongs to has it so.
elsewhere() {
    expect "$1, as $2 has it" "$1" \
        "$(python3 "$ROOT/tests/lib/pages.py" blocks "$ROOT/$2" | grep -xF -e "$1")"
}

# profile: Firefox was started once. What it then keeps of modules, another program reads.
profile() {
    PROFILE=$HOME/.mozilla/firefox/abcd.default-esr
    mkdir -p "$PROFILE"
    printf '%s\n' '[Profile0]' 'Name=default-esr' 'IsRelative=1' 'Path=abcd.default-esr' \
        >"$HOME/.mozilla/firefox/profiles.ini"
    certutil -N -d "sql:$PROFILE" --empty-password
}

modules_of_profile() {
    with_module modutil -dbdir "sql:$PROFILE" -list
}

# registering COMMAND: the holder agrees once to what is shown.
registering() {
    local before
    before=$(sha256sum "$HOME/.ssh/config")
    case $1 in
        'jpki setup firefox')
            does "$1" yes 1
            expect_has '  NSS has the module' "token: $LABEL_AUTH" "$(modules_of_profile)"
            ;;
        'jpki setup firefox --undo')
            does "$1" yes 1
            expect_has_not '  NSS has no module of ours' JPKI "$(modules_of_profile)"
            ;;
        "jpki setup ssh $HOST")
            BEFORE=$before
            does "$1" yes 1
            ;;
        'jpki setup ssh --undo')
            does "$1" yes 1
            expect '  the file is as it was' "$BEFORE" "$(sha256sum "$HOME/.ssh/config")"
            expect_has '  which had changed' . "$(diff <(echo "$before") <(echo "$BEFORE"))"
            ;;
        *) failed "$1" 'a test that tries it' 'none' ;;
    esac
}

# The service of the desktop is there to be switched on and off; nothing here could run it.
service() {
    works "$1: there is such a service" test -f "$(find "$STAGE" -name jpki-watch.service)"
}

public_key() {
    does "$1"
    expect "  it is that of the card's certificate" \
        "$(openssl x509 -in "$CARD/auth.pem" -noout -pubkey | ssh-keygen -i -m PKCS8 -f /dev/stdin)" \
        "$(cut -d' ' -f1,2 "$HOME/card.pub")"
}

# The key that the holder has used so far brings the new one, and is then out of the way.
key_to_server() {
    ssh_config "IdentityFile $WORK/old"
    does "$1"
    expect '  the server has it, beside the old one' 1 \
        "$(grep -cxF "$(cat "$HOME/card.pub")" "$HOME/.ssh/authorized_keys")"
    ssh_config "Host $HOST" 'IdentityFile none'
}

signed() {
    local mark
    mark=$(apdu_mark card)
    says 'registered seal' "$1" "$PIN_SIGN" 1
    works '  no other PIN was presented' only_pin_of sign card "$mark"
}

# The lines from the password to its end are typed into one shell.
pdf_signed() {
    ends 0 'a PDF is signed' at_home "$PIN_SIGN" "$PASSWORD_IS_READ$1"
    PASSWORD_IS_READ=
    asked 1
    expect_has_not '  the password is not shown' "$PIN_SIGN" "$OUTPUT ."
}

pdf_checked() {
    says 'Signature Validation: Signature is Valid' "$1"
    expect_has '  of all of it' 'Total document signed' "$OUTPUT"
    works '  pdfsig takes the signature out' with_module pdfsig -nssdir "sql:$HOME/.jpki-sign" \
        -no-ocsp -dump "$HOME/signed.pdf"
    pdf_parts "$HOME/signed.pdf" "$WORK/covered"
    works '  openssl accepts it' openssl cms -verify -binary -inform DER -in "$PWD/signed.pdf.sig0" \
        -content "$WORK/covered" -CAfile "$CARD/sign-ca.pem" -out /dev/null
}

new_pin() {
    does "$1" "$PIN_AUTH"$'\n'"$NEW_PIN"$'\n'"$NEW_PIN" 3
    expect '  the card holds it' "$NEW_PIN" "$(sed -n 's/^auth\.pin = //p' "$CARD/state")"
}

removed() {
    : >"$HOME/.config/jpki-pkcs11.conf"
    does "$1"
    expect '  nothing of ours is left' '' "$(find "$HOME" -mindepth 1 -name '*jpki*')"
    expect '  and no program names the module' '' "$(grep -rlF jpki-pkcs11 "$HOME")"
}

# play COMMAND: what is to come of each of them.
play() {
    if [ -n "$PASSWORD_IS_READ" ] && [ "$1" != 'unset PASSWORD' ]; then
        PASSWORD_IS_READ+=$1$'\n'
        return
    fi
    case $1 in
        'apt-get install gcc '* | 'meson '*) elsewhere "$1" README.md ;;
        'apt-get install libnss3-tools poppler-utils') elsewhere "$1" docs/nss.md ;;
        'jpki setup '*) registering "$1" ;;
        'systemctl --user '*' --now jpki-watch.service') service "$1" ;;
        'jpki status') says '3 of 3 tries left' "$1" ;;
        'jpki doctor') says 'Nothing is wrong' "$1" ;;
        'jpki cert auth --ssh > card.pub') public_key "$1" ;;
        ssh-copy-id\ *) key_to_server "$1" ;;
        "ssh $HOST") says '^welcome$' "$1" "$PIN_AUTH" 1 ;;
        'jpki sign contract.pdf') signed "$1" ;;
        'jpki verify contract.pdf contract.pdf.p7s') says '^GOOD: ' "$1" ;;
        'jpki cert sign-ca > sign-ca.pem') does "$1" ;;
        'openssl cms -verify '*) says 'Verification successful' "$1" ;;
        'jpki verify --ca sign-ca.pem contract.pdf contract.pdf.p7s') says '^GOOD: ' "$1" ;;
        'sh /usr/share/doc/jpki-pkcs11/jpki-nss sign ~/.jpki-sign') does "$1" ;;
        'read -rsp '*) PASSWORD_IS_READ=$1$'\n' ;;
        'unset PASSWORD') pdf_signed "$1" ;;
        'pdfsig -nssdir '*' -no-ocsp signed.pdf') pdf_checked "$1" ;;
        'jpki history') says '/ssh$' "$1" ;;
        'jpki history --check') does "$1" ;;
        'jpki pin status') says '5 of 5' "$1" ;;
        'jpki pin verify auth') says '^It is right' "$1" "$PIN_AUTH" 1 ;;
        'jpki pin change auth') new_pin "$1" ;;
        'jpki history --all') says 'new PIN' "$1" ;;
        'rm -rf ~/.local/state/jpki-pkcs11 '*) removed "$1" ;;
        *) failed "$1" 'a test that tries it' 'none' ;;
    esac
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    unset XDG_CACHE_HOME # where most have it: in the home folder
    if [ "$(awk 'NR == 1 { print $3 }' /proc/self/uid_map)" -eq 1 ]; then
        warn 'sshd changes to users of its own, so this test has to be run as root.'
        exit 77
    fi
    CARD=$(card_dir card)
    cd "$WORK"
    account
    install_here
    pcscd_start
    card_new card
    card_insert card 0
    server_start
    ssh_config
    profile
    mkdir -p "$HOME/.config"
    make_pdf "$HOME/contract.pdf"
    same_commands "$PAGE"
    spans_exist "$PAGE"
    play_page "$PAGE"
    interop_end
}

main "$@"
