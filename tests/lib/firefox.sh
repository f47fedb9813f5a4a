# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Firefox without a screen, remotely controlled, with the module as it is installed, and a holder who
# uses it. After interop.sh and tls.sh; HELD is the name of the card, CARD its folder.

# shellcheck source=tests/lib/p11kit.sh
. "$ROOT/tests/lib/p11kit.sh" # for prompts, prompt_apdus and typed_verifies

readonly POLICIES=/etc/firefox/policies # Debian's Firefox ESR looks here, too
FIREFOX_PID=
PROFILE=
HELD=card
# Also for root, in namespaces, Firefox's own sandbox works: MOZ_DISABLE_CONTENT_SANDBOX is not needed.

# firefox_install: the modules where `meson install` puts them, in this little world, the samples in
# SAMPLES, and a place for policies. The machine's own files stay as they are.
firefox_install() {
    local stage=$WORK/stage
    MODULES=$(pkg-config --variable=p11_module_path p11-kit-1)
    works 'meson install' install_into "$stage"
    mount -t tmpfs tmpfs "$MODULES"
    cp "$stage$MODULES"/* "$MODULES"
    SAMPLES=$(dirname "$(find "$stage" -name firefox-policies.json)")
    need_file "Firefox's sample" "$SAMPLES/firefox-policies.json"
    own_policies
}

# own_policies: an empty place for them.
own_policies() {
    # What not everybody may read, nothing here needs.
    cp -a /etc "$WORK/etc" 2>/dev/null || true
    rm -rf "$WORK"/etc/{jpki-pkcs11.conf,firefox,firefox-esr/policies}
    mount --bind "$WORK/etc" /etc
    mkdir -p "$POLICIES"
}

# firefox_profile NAME: a new profile, in PROFILE, which trusts the CA of the test's server. With
# Marionette, Firefox itself sets most of what keeps it off the network; the rest is here.
firefox_profile() {
    PROFILE=$WORK/$1
    mkdir "$PROFILE"
    profile_preferences >"$PROFILE/user.js"
    certutil -N -d "sql:$PROFILE" --empty-password
    certutil -A -d "sql:$PROFILE" -n server-ca -t C,, -i "$WORK/ca.pem"
}

profile_preferences() {
    printf 'user_pref("%s", %s);\n' \
        marionette.port 0 \
        network.http.speculative-parallel-limit 0 \
        network.dns.disablePrefetch true \
        network.trr.mode 5 \
        browser.chrome.site_icons false \
        security.dialog_enable_delay 0 \
        app.normandy.enabled false
}

# firefox_start: uses PROFILE. It listens when this returns.
firefox_start() {
    firefox_start_with --profile "$PROFILE"
}

# firefox_start_with OPTION...: which mean PROFILE.
firefox_start_with() {
    rm -f "$PROFILE/MarionetteActivePort"
    MOZ_HEADLESS=1 MOZ_CRASHREPORTER_DISABLE=1 firefox-esr --no-remote "$@" \
        --marionette --remote-allow-system-access >>"$WORK/firefox.log" 2>&1 </dev/null &
    FIREFOX_PID=$!
    wait_until 60 test -s "$PROFILE/MarionetteActivePort" ||
        die "Firefox did not start: $(cat "$WORK/firefox.log")"
}

# firefox COMMAND...: see firefox.py.
firefox() {
    timeout 90 python3 "$ROOT/tests/lib/firefox.py" "$PROFILE" "$@"
}

# visit [PIN...]: the holder opens the server's page, and types these PINs when he is asked.
visit() {
    : >"$WORK/asked"
    apdu_mark "$HELD" >"$WORK/began"
    firefox visit "https://localhost:$TLS_PORT/" "$(card_log "$HELD")" "$WORK/asked" "$@"
}

# firefox_page SIGNATURE: what was shown just now is the server's page, after one prompt.
firefox_page() {
    expect '  PIN prompts' 1 "$(prompts)"
    expect_has '  for this token' "^asked: .*\\($LABEL_AUTH\\)" "$OUTPUT"
    tls_page "$1" "$OUTPUT"
    expect_at_most '  APDUs from the prompt to the page' 20 "$(prompt_apdus "$HELD")"
    expect_at_most '  PINs shown to the card' 2 "$(typed_verifies "$HELD")"
}

# firefox_error WHAT ERROR [PIN...]: no page by TLS 1.3; Firefox says why.
firefox_error() {
    local what=$1 error=$2
    shift 2
    works "$what" with_tls_server -tls1_3 -- visit "$@"
    expect_has '  no page comes' "^error: $error\$" "$OUTPUT"
}

# firefox_quits WHAT: by its own menu, in time, with all its processes.
firefox_quits() {
    local code=0
    works "Firefox is told to quit, $1" firefox quit
    if ! wait_until 20 process_gone "$FIREFOX_PID"; then
        kill -KILL "$FIREFOX_PID"
    fi
    wait "$FIREFOX_PID" || code=$?
    expect '  it ends by itself, and well' 0 "$code"
    works '  and leaves no process behind' wait_until 10 firefox_gone
}

# Neither a process of Firefox, nor a dead one that nobody has collected.
firefox_gone() {
    ! grep -qE '^State:[[:space:]]*Z' /proc/[0-9]*/status 2>/dev/null &&
        [ -z "$(find /proc -maxdepth 2 -name exe -lname '/usr/lib/firefox-esr/*' 2>/dev/null)" ]
}
