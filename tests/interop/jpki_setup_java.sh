#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki setup java, and then Debian's Java by what it has made: keytool, jarsigner, a login by TLS. Other
# JDKs are only their file of security properties here.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"
# shellcheck source=tests/lib/setup.sh
. "$ROOT/tests/lib/setup.sh"
# shellcheck source=tests/lib/java.sh
. "$ROOT/tests/lib/java.sh"
# shellcheck source=tests/lib/tls.sh
. "$ROOT/tests/lib/tls.sh"

ALIAS_AUTH='User Authentication Certificate'
ALIAS_SIGN='Digital Signature Certificate'
MADE=
SYSTEM_PATH=$PATH

# ---- Java at work ----


# lists WHAT OPTION...: keytool, with one question.
lists() {
    local what=$1
    shift
    works "keytool lists $what" at_terminal "$PIN_AUTH" keytool -list -keystore NONE -storetype PKCS11 \
        "$@"
    expect_has '  the key' "^$ALIAS_AUTH, PrivateKeyEntry" "$OUTPUT"
    cost 1 1 0
}

log_in() {
    with_tls_server -tls1_3 -- tell get TLSv1.3 "$TLS_PORT" "$WORK/ca.pem" default
}

# The program looks for the provider by its name, which it finds only if the number is right.
logs_in() {
    SECURITY=$MADE/java.security jvm_start auth
    tell pin "$PIN_AUTH"
    works 'a program finds the key' tell load
    works '  and logs in by TLS' log_in
    tls_page RSA-PSS "$OUTPUT"
    cost 1 2 1
    expect '  the other PIN was not tried' 0 "$(verifies_of sign card "$(mark)")"
    jvm_end
}

jar_by_openssl() {
    rm -rf "$WORK/jar"
    mkdir "$WORK/jar"
    (cd "$WORK/jar" && java_tool jar xf ../signed.jar)
    openssl cms -verify -binary -inform DER -in "$WORK"/jar/META-INF/*.RSA \
        -content "$WORK"/jar/META-INF/*.SF -CAfile "$CARD/sign-ca.pem" -purpose any -out /dev/null
}

signs_jar() {
    java_tool jar cf "$WORK/plain.jar" -C "$WORK" short
    rm -f "$WORK/signed.jar"
    works 'jarsigner signs' at_terminal "$PIN_SIGN" jarsigner -keystore NONE -storetype PKCS11 \
        -addprovider SunPKCS11 -providerArg "$MADE/java-sign.cfg" -signedjar "$WORK/signed.jar" \
        "$WORK/plain.jar" "$ALIAS_SIGN"
    cost 1 3 1
    expect '  the other PIN was not tried' 0 "$(verifies_of auth card "$(mark)")"
    works '  openssl accepts it' jar_by_openssl
}

at_work() {
    setup_does java java
    expect_has '  it says which Java it has looked at' \
        "^$(dirname "$JAVA")/conf/security/java.security: Java has 12 providers" "$OUTPUT"
    setup_gives "$MADE" java-auth.cfg java-sign.cfg java.security
    lists 'the token, by the configuration' -addprovider SunPKCS11 -providerArg "$MADE/java-auth.cfg"
    lists 'it by the properties, too' -J-Djava.security.properties="$MADE/java.security"
    logs_in
    signs_jar
    setup_undoes java
}

# ---- where the files are ----

odd_folders() {
    local name
    export XDG_CONFIG_HOME="$HOME/it's  my=:, folder;&"
    MADE=$XDG_CONFIG_HOME/jpki-pkcs11
    setup_does 'where the folder has an odd name' java
    expect_has '  the advice can be copied' "^    java -Djava.security.properties='$HOME/it'.*'s  my" "$OUTPUT"
    lists 'the token by the properties' -J-Djava.security.properties="$MADE/java.security"
    signs_jar
    setup_undoes java
    for name in '#' '%41' '?' "\${user.home}" "\\u0041" 私; do
        export XDG_CONFIG_HOME=$HOME/$name
        setup_refuses "a folder called $name" 'Java cannot be told of a file' java
    done
    export XDG_CONFIG_HOME=$HOME/$'two\nlines'
    setup_refuses 'a folder with a line break in its name' 'line break' java
    unset XDG_CONFIG_HOME
    MADE=$HOME/.config/jpki-pkcs11
}

# ---- several JDKs ----

# jdk NAME LINE...: one with these security properties, in $WORK/NAME.
jdk() {
    local folder=$WORK/$1
    shift
    mkdir -p "$folder/bin" "$folder/conf/security"
    cp "$(type -P true)" "$folder/bin/java"
    printf '%s\n' "$@" >"$folder/conf/security/java.security"
}

# number_is NUMBER WHAT VARIABLE...: of our provider, with these variables.
number_is() {
    local number=$1 what=$2
    shift 2
    AS=(env "$@")
    works "$what" setup java --yes
    expect '  the number' "security.provider.$number" \
        "$(sed -n 's/=SunPKCS11 .*//p' "$MADE/java.security")"
    works '  undone' setup java --undo --yes
    AS=()
}

several() {
    jdk three '# security.provider.9=No' '#security.provider.4=No' 'security.provider.1=A' \
        '  security.provider.2 = B' $'\tsecurity.provider.3: C' 'security.provider.tbd=D' \
        'security.provider.4x=E' 'security.providers.4=F' 'fips.provider.4=G'
    jdk gap security.provider.{1,2,4,99999999999999999999999}=X
    jdk none '# nothing'
    mkdir "$WORK/links"
    ln -s ../three/bin/java "$WORK/links/java"
    number_is 4 'JAVA_HOME' JAVA_HOME="$WORK/three"
    number_is 3 '  with a gap, beyond which Java does not look' JAVA_HOME="$WORK/gap"
    number_is 4 'a link in PATH, after folders without Java' -u JAVA_HOME \
        PATH="::/nowhere:$WORK:$WORK/links:$WORK/gap/bin"
    number_is 3 'JAVA_HOME before PATH' JAVA_HOME="$WORK/gap" PATH="$WORK/links"
    number_is 4 '  but not an empty one' JAVA_HOME= PATH="$WORK/links"
    AS=(env JAVA_HOME="$WORK/none")
    setup_refuses 'a JDK without providers' 'none/conf/security/java.security names no providers' java
    AS=(env JAVA_HOME="$WORK/wrong")
    setup_refuses 'a JAVA_HOME that leads nowhere' \
        'wrong/conf/security/java.security is not there; set JAVA_HOME' java
    AS=(env -u JAVA_HOME PATH=/nowhere)
    setup_refuses 'no Java' 'neither JAVA_HOME nor PATH' java
    jdk binary ''
    printf 'security.provider.1=A\0\n' >"$WORK/binary/conf/security/java.security"
    AS=(env JAVA_HOME="$WORK/binary")
    setup_refuses 'a file that is no text' 'is not a text' java
    AS=()
}

# A JDK with other providers wants another number; what the holder has changed is his.
changed_since() {
    setup_does java java
    AS=(env JAVA_HOME="$WORK/three")
    setup_refuses 'another JDK' 'java.security is there already, .*--undo' java
    AS=()
    sed -i 's/^#slotListIndex/slotListIndex/' "$MADE/java-auth.cfg"
    ends 1 'undone, when the holder has changed a file' setup java --undo --yes
    expect_has '  it says so' 'java-auth.cfg: take the lines out yourself' "$OUTPUT"
    expect '  which alone is left' java-auth.cfg "$(ls "$MADE")"
    expect_has '  as he has made it' '^slotListIndex = 1$' "$(cat "$MADE/java-auth.cfg")"
    rm "$MADE/java-auth.cfg"
    ends 0 '  when it is gone' setup java --undo --yes
    expect '  every byte and mode is as before' "$BEFORE" "$(tree)"
    umount "$MODULES"
    setup_refuses 'where there is no module' 'the module is not where it should be' java
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    unset JAVA_HOME
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    modules_installed
    java_begin
    tls_certificates
    export PATH=$JAVA:$SYSTEM_PATH
    WATCHED=("$HOME" "$(readlink -f "$JAVA/../conf/security/java.security")")
    MADE=$HOME/.config/jpki-pkcs11
    at_work
    odd_folders
    several
    changed_since
    expect 'all tries are left' '3 5' "$(tries)"
    interop_end
}

main "$@"
