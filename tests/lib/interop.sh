# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the end-to-end tests share: a world of their own, the checks, and the jobs of pkcs11-tool
# and openssl. A script sources this, calls interop_begin, checks, and ends with interop_end.

# shellcheck source=tests/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=tests/lib/sandbox.sh
. "$ROOT/tests/lib/sandbox.sh"

CHECKS_PASSED=0
CHECKS_FAILED=0
LABEL_AUTH=${JPKI_LABEL_AUTH:-JPKI User Authentication}
LABEL_SIGN=${JPKI_LABEL_SIGN:-JPKI Digital Signature}

# interop_begin SCRIPT [ARGUMENT...]: comes back inside the sandbox.
interop_begin() {
    sandbox_enter "$@"
    need_file 'the module' "$MODULE"
    need_file 'the virtual card' "$VCARD"
    PRELOAD=$(sanitizer_of "$MODULE")
    WORK=$SANDBOX/work
    mkdir -p "$WORK"
    make_messages
}

# Something to sign: shorter and longer than what pkcs11-tool hands over in one call.
make_messages() {
    printf 'A short message, to be signed.\n' >"$WORK/short"
    seq 1 4000 >"$WORK/long"
}

interop_end() {
    say "$CHECKS_PASSED of $((CHECKS_PASSED + CHECKS_FAILED)) checks passed"
    if [ "$CHECKS_FAILED" -gt 0 ] || [ "$CHECKS_PASSED" -eq 0 ]; then
        exit 1
    fi
}

# own_etc: a copy of /etc in place of the machine's, which is not to be written to. What not everybody may
# read, nothing here needs.
own_etc() {
    cp -a /etc "$WORK/etc" 2>/dev/null || true
    mount --bind "$WORK/etc" /etc
    rm -f /etc/jpki-pkcs11.conf
}

# A module built with a sanitizer needs the sanitizer's library loaded before the program that loads
# the module, which was not built with it. Prints what to preload, or nothing.
sanitizer_of() {
    local library
    library=$(readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(libasan[^]]*\)\].*/\1/p')
    if [ -n "$library" ]; then
        printf '%s %s\n' "$(gcc -print-file-name="$library")" "$FIRST"
    fi
}

passed() {
    CHECKS_PASSED=$((CHECKS_PASSED + 1))
    say "ok      $1"
}

# failed WHAT EXPECTED SEEN
failed() {
    CHECKS_FAILED=$((CHECKS_FAILED + 1))
    say "FAILED  $1"
    say "        expected: $2"
    say "        seen:     ${3//$'\n'/$'\n'                  }"
}

# expect WHAT EXPECTED SEEN
expect() {
    if [ "$2" = "$3" ]; then
        passed "$1"
    else
        failed "$1" "$2" "$3"
    fi
}

# expect_at_most WHAT LIMIT SEEN
expect_at_most() {
    if [ "$3" -le "$2" ]; then
        passed "$1: $3 (at most $2)"
    else
        failed "$1" "at most $2" "$3"
    fi
}

# expect_has WHAT PATTERN TEXT: an extended regular expression, in one line of the text.
expect_has() {
    if grep -qE -- "$2" <<<"$3"; then
        passed "$1"
    else
        failed "$1" "a line like /$2/" "${3:-(nothing)}"
    fi
}

# expect_has_not WHAT PATTERN TEXT: no line like it, in a text that is not empty.
expect_has_not() {
    if [ -z "$3" ]; then
        failed "$1" "some text, but no line like /$2/" '(nothing)'
    elif grep -qE -- "$2" <<<"$3"; then
        failed "$1" "no line like /$2/" "$3"
    else
        passed "$1"
    fi
}

# A crash, a time-out or a sanitizer's report is no honest refusal.
went_wild() {
    [ "$1" -ge 124 ] || grep -qE 'Sanitizer|runtime error:' <<<"$2"
}

# works WHAT COMMAND...: the command ends with exit code 0. Its output is left in OUTPUT.
works() {
    local what=$1 code=0
    shift
    OUTPUT=$("$@" 2>&1) || code=$?
    if [ "$code" -eq 0 ] && ! went_wild "$code" "$OUTPUT"; then
        passed "$what"
    else
        failed "$what" "success of: $*" "exit code $code"$'\n'"$OUTPUT"
    fi
}

# refused WHAT PATTERN COMMAND...: the command fails, says something like PATTERN, and does not
# crash. Its output is left in OUTPUT.
refused() {
    local what=$1 pattern=$2 code=0
    shift 2
    OUTPUT=$("$@" 2>&1) || code=$?
    if [ "$code" -ne 0 ] && ! went_wild "$code" "$OUTPUT" && grep -qE -- "$pattern" <<<"$OUTPUT"; then
        passed "$what"
    else
        failed "$what" "a refusal with /$pattern/ from: $*" "exit code $code"$'\n'"$OUTPUT"
    fi
}

# tool ARGUMENT...: pkcs11-tool with the module under test. Never asks, never hangs. Leaks are
# looked for in our own programs, not in this one.
tool() {
    tool_with "$MODULE" "$@"
}

# tool_with MODULE ARGUMENT...
tool_with() {
    local module=$1
    shift
    timeout 60 env LD_PRELOAD="$PRELOAD" \
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
        pkcs11-tool --module "$module" "$@" </dev/null
}

# with_module COMMAND...: a program that loads the module. It is asked nothing and never hangs. Leaks
# are looked for in our own programs, not in this one.
with_module() {
    timeout "${LIMIT:-90}" env LD_PRELOAD="$PRELOAD" \
        ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$@" </dev/null
}

# install_into FOLDER: what `meson install` makes, one test at a time: it writes its log into the build
# folder.
install_into() {
    flock "$BUILD" env DESTDIR="$1" meson install -C "$BUILD" --no-rebuild --quiet
}

# public_key CERTIFICATE: prints the path of its public key, for openssl.
public_key() {
    local key
    key=$WORK/$(basename "$(dirname "$1")")-$(basename "$1" .pem).pub
    openssl x509 -in "$1" -noout -pubkey >"$key"
    printf '%s\n' "$key"
}

# sign_with MODULE LABEL PIN ID MECHANISM INPUT OUTPUT [OPTION...]
sign_with() {
    local module=$1 label=$2 pin=$3 id=$4 mechanism=$5 input=$6 output=$7
    shift 7
    rm -f "$output"
    tool_with "$module" --token-label "$label" --login --pin "$pin" --sign --id "$id" \
        --mechanism "$mechanism" --input-file "$input" --output-file "$output" "$@"
}

sign_auth() {
    sign_with "$MODULE" "$LABEL_AUTH" "$PIN_AUTH" 01 "$@"
}

sign_sign() {
    sign_with "$MODULE" "$LABEL_SIGN" "$PIN_SIGN" 02 "$@"
}

# verify_pkcs1 HASH CERTIFICATE INPUT SIGNATURE
verify_pkcs1() {
    openssl dgst "-$1" -verify "$(public_key "$2")" -signature "$4" "$3"
}

# verify_pss CERTIFICATE INPUT SIGNATURE: exactly what the card makes, SHA-256 with a salt of 32.
verify_pss() {
    openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha256 \
        -sigopt rsa_pss_saltlen:32 -verify "$(public_key "$1")" -signature "$3" "$2"
}

# verify_raw CERTIFICATE INPUT SIGNATURE: PKCS #1 v1.5 padding straight around the input.
verify_raw() {
    openssl pkeyutl -verifyrecover -pubin -inkey "$(public_key "$1")" -in "$3" | cmp - "$2"
}

# signs_and_verifies WHICH CERTIFICATE: signs the short message with key WHICH (auth or sign), in
# the way that every program uses, and checks the signature. The smallest proof of life.
signs_and_verifies() {
    "sign_$1" SHA256-RSA-PKCS "$WORK/short" "$WORK/$1.sig" &&
        verify_pkcs1 sha256 "$2" "$WORK/short" "$WORK/$1.sig"
}

# objects LABEL [OPTION...]: what pkcs11-tool shows of a token.
objects() {
    local label=$1
    shift
    tool --token-label "$label" --list-objects "$@"
}

# objects_block KIND ID: reads a listing; prints one line for each object of this kind and id.
objects_block() {
    awk -v kind="$1" -v id="$2" '
        /^[A-Z]/ { seen = index($0, kind) == 1 }
        seen && $1 == "ID:" && $2 == id { print kind, id }'
}
