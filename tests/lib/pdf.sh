# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Documents for those who sign PDF. After interop.sh.

# make_pdf FILE: one empty page, with the table of its parts' places.
make_pdf() {
    local text=$'%PDF-1.4\n' table=$'0000000000 65535 f \n' part number=0 line
    for part in '<</Type/Catalog/Pages 2 0 R>>' '<</Type/Pages/Kids[3 0 R]/Count 1>>' \
        '<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>'; do
        number=$((number + 1))
        printf -v line '%010d 00000 n \n' "${#text}"
        table+=$line
        text+="$number 0 obj"$'\n'"$part"$'\nendobj\n'
    done
    printf '%sxref\n0 4\n%strailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n' \
        "$text" "$table" "${#text}" >"$1"
}

# pdf_parts FILE SIGNED: writes the bytes of a signed PDF that its signature covers.
pdf_parts() {
    python3 - "$1" "$2" <<'END'
import re, sys
data = open(sys.argv[1], "rb").read()
a, b, c, d = map(int, re.search(rb"/ByteRange \[(\d+) +(\d+) +(\d+) +(\d+)", data).groups())
open(sys.argv[2], "wb").write(data[a : a + b] + data[c : c + d])
END
}
