# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Debian's packages for i386, in a folder of their own, and what Meson has to know to build with them on
# amd64. Neither the machine's own packages nor the list of architectures that it knows are touched.
# After install.sh, which reads the list of packages.

I386=$ROOT/build-i386
I386_ROOT=$I386/root
I386_SETTINGS=$I386/meson.cross

# i386_ready FETCH: makes the folder if it is not there yet; with FETCH=no only looks.
i386_ready() {
    local -a packages
    mapfile -t packages < <(packages_for i386)
    if [ "$(cat "$I386/.made-of" 2>/dev/null)" = "${packages[*]}" ]; then
        return 0
    fi
    if [ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ]; then
        warn "A build of 32 bits is made on Debian's amd64 only."
        return 1
    fi
    if [ "$1" = no ]; then
        warn "Debian's packages for i386 are not in $I386 yet: run this once without --no-install."
        return 1
    fi
    say "Fetching ${packages[*]}, for i386, into ${I386#"$ROOT/"}"
    rm -rf "$I386"
    if ! i386_fetch "${packages[@]}"; then
        warn "Debian's packages for i386 could not be fetched. They come from where this machine has its
own packages from, and are needed for --bits32 only: run it again when that place can be reached."
        return 1
    fi
    i386_unpack && i386_settings >"$I386_SETTINGS" &&
        printf '%s\n' "${packages[*]}" >"$I386/.made-of"
}

# i386_apt ARGUMENT...: apt as on an empty machine of this architecture, with this machine's sources.
i386_apt() {
    apt-get --quiet -o APT::Architecture=i386 -o APT::Architectures=i386 \
        -o APT::Install-Recommends=false -o APT::Sandbox::User= -o Acquire::Retries=3 \
        -o Dir::State="$I386/apt" -o Dir::State::status="$I386/apt/status" \
        -o Dir::Cache="$I386/apt" -o Dir::Log="$I386/apt" "$@" >>"$I386/apt/log" 2>&1 </dev/null
}

# i386_fetch PACKAGE...: they, and what they need. A source that cannot be read, as may be one with
# nothing for this architecture, is no fault as long as the packages are found.
i386_fetch() {
    mkdir -p "$I386/apt/lists/partial" "$I386/apt/archives/partial"
    : >"$I386/apt/status"
    i386_apt update || true
    if ! i386_apt install --yes --download-only "$@"; then
        tail -n 20 "$I386/apt/log" >&2
        return 1
    fi
}

# What the packages would do when they are installed is not done: only their files are wanted.
i386_unpack() {
    local package
    mkdir "$I386_ROOT"
    for package in "$I386"/apt/archives/*.deb; do
        dpkg-deb --extract "$package" "$I386_ROOT" || return 1
    done
    rm -rf "$I386/apt"
}

# The programs find their libraries, and the loader of these, where they were built with them.
i386_settings() {
    local gcc
    gcc=$(printf '%s\n' "$I386_ROOT"/usr/lib/gcc/*/* | head -n 1)
    cat <<TEXT
[constants]
root = '$I386_ROOT'
gcc = '$gcc'
libraries = root / 'usr/lib/i386-linux-gnu'

[binaries]
c = ['gcc', '-m32', '--sysroot=' + root, '-B' + gcc + '/']
ar = 'ar'
strip = 'strip'
pkgconfig = 'pkg-config'

[built-in options]
c_link_args = ['-L' + gcc, '-Wl,--dynamic-linker=' + root / 'lib/ld-linux.so.2',
  '-Wl,-rpath,' + root / 'lib/i386-linux-gnu:' + libraries]

[properties]
sys_root = root
pkg_config_libdir = [libraries / 'pkgconfig', root / 'usr/share/pkgconfig']
needs_exe_wrapper = false

[host_machine]
system = 'linux'
cpu_family = 'x86'
cpu = 'i686'
endian = 'little'
TEXT
}
