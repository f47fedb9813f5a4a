# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Packages of another suite than the machine's own. After install.sh, which asks apt.

APT_FOLDER=/etc/apt

# known_packages PACKAGE...: their bare names. A package that another suite has, and that no source of
# this machine has yet, gets that suite as a source, until drop_suites; where that fails it is left
# out, and the tests that want it say so.
known_packages() {
    local package name suite
    for package in "$@"; do
        name=${package%/*} suite=${package#"${package%/*}"}
        if [ -z "$suite" ] || has_candidate "$name" || add_suite "${suite#/}" "$name" >&2; then
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

# add_suite SUITE NAME: SUITE (bookworm-backports), which has the package NAME, becomes a source of
# packages, fetched from where this machine has its release (bookworm) from. By itself apt ranks
# backports so low that it takes from there only what no other source has, and upgrades nothing else.
add_suite() {
    local suite=$1 format entry
    for format in sources list; do
        entry=$("entry_in_$format" "$APT_FOLDER" "${suite%-*}" "$suite") || true # a file may be missing
        if [ -n "$entry" ]; then
            use_entry "$entry" "$APT_FOLDER/sources.list.d/jpki-tests-$suite.$format" "$2"
            return
        fi
    done
    warn "apt has no source for ${suite%-*} after which one for $suite could be made"
    return 1
}

# use_entry ENTRY FILE NAME: an entry that does not bring the package NAME is taken away again. An
# update that cannot reach a source only warns of it, and ends well.
use_entry() {
    as_root tee "$2" >/dev/null <<<"$1" || return 1
    if apt_quietly update && has_candidate "$3"; then
        say "New source of packages, while this installs: $2"
        return 0
    fi
    as_root rm -f "$2"
    apt_quietly update || true
    return 1
}

# drop_suites: takes away what add_suite has made, now or in a run that was cut off. The packages stay.
# A source that stayed would, once its suite has gone to an archive, fail each update of the machine.
drop_suites() {
    local file
    for file in "$APT_FOLDER"/sources.list.d/jpki-tests-*.{sources,list}; do
        if [ -e "$file" ]; then
            (as_root rm -f "$file") || warn "Please remove $file"
        fi
    done
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
