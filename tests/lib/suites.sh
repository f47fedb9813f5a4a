# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Packages of another suite than the machine's own. After install.sh, which asks apt.

# known_packages PACKAGE...: their bare names. A package that another suite has, and that no source of
# this machine has yet, gets that suite as a source; where that fails it is left out, and the tests
# that want it say so.
known_packages() {
    local package name suite
    for package in "$@"; do
        name=${package%/*} suite=${package#"${package%/*}"}
        if [ -z "$suite" ] || has_candidate "$name" || add_suite "${suite#/}" >&2; then
            printf '%s\n' "$name"
        else
            warn "$name is not installed: no source of packages has it"
        fi
    done
}

# has_candidate NAME: apt could install it.
has_candidate() {
    grep -q '^ *Candidate: [^(]' <<<"$(LC_ALL=C apt-cache policy "$1")"
}

# add_suite SUITE: SUITE (bookworm-backports) becomes a source of packages, fetched from where this
# machine has its release (bookworm) from. By itself apt ranks backports so low that it takes from
# there only what no other source has, and upgrades nothing else.
add_suite() {
    local suite=$1 format entry file
    for format in sources list; do
        entry=$("entry_in_$format" /etc/apt "${suite%-*}" "$suite") || true # a file may be missing
        if [ -n "$entry" ]; then
            file=/etc/apt/sources.list.d/jpki-tests-$suite.$format
            use_entry "$entry" "$file"
            return
        fi
    done
    warn "apt has no source for ${suite%-*} after which one for $suite could be made"
    return 1
}

# use_entry ENTRY FILE: an entry that apt cannot use is taken away again.
use_entry() {
    as_root tee "$2" >/dev/null <<<"$1" || return 1
    if apt_quietly update; then
        say "New source of packages: $2"
        return 0
    fi
    as_root rm -f "$2"
    apt_quietly update || true
    return 1
}

# entry_in_sources FOLDER RELEASE SUITE: the first paragraph that has packages of RELEASE, in apt's
# newer format, with SUITE in the place of its suites. A medium or a folder has no other suites.
entry_in_sources() {
    awk 'FNR == 1 { print "" } !/^#/' "$1"/sources.list.d/*.sources 2>/dev/null |
        awk -v RS= -v release="$2" -v suite="$3" '
            /(^|\n)Enabled: *no/ || !/(^|\n)Types:([^\n]* )?deb( |\n|$)/ { next }
            /(^|\n)URIs:([^\n]*[ \t])?(cdrom|copy|file):/ { next }
            match($0, /(^|\n)Suites:[^\n]*/) {
                suites = substr($0, RSTART, RLENGTH) " "
                if (!index(suites, " " release " ")) next
                sub(/(^|\n)Suites:[^\n]*/, substr(suites, 1, index(suites, ":")) " " suite)
                print
                exit
            }'
}

# entry_in_list FOLDER RELEASE SUITE: the like in the older format, of one line each.
entry_in_list() {
    cat "$1"/sources.list "$1"/sources.list.d/*.list 2>/dev/null |
        grep -vE '[[:space:]](cdrom|copy|file):' |
        sed -nE "/^deb[[:space:]]/s/[[:space:]]$2[[:space:]]/ $3 /p" | sed 1q
}
