#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# jpki verify: GOOD for what is good, and for nothing else that openssl and a forger can make.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"
# shellcheck source=tests/lib/jpki.sh
. "$ROOT/tests/lib/jpki.sh"

forge() {
    python3 "$ROOT/tests/lib/cms_forge.py" "$@"
}

# authority NAME [OPTION...]: a CA of our own, in $WORK/NAME.pem and .key.
authority() {
    local name=$1
    shift
    openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Authority $name" -days 2 \
        -keyout "$WORK/$name.key" -out "$WORK/$name.pem" "$@" 2>/dev/null
}

# certified NAME CA USAGE [OPTION...]: a key, and its certificate by a CA of ours. USAGE is a line
# for the extensions, options are for openssl x509.
certified() {
    local name=$1 ca=$2 usage=$3
    shift 3
    [ -e "$WORK/$name.key" ] || openssl genrsa -out "$WORK/$name.key" 2048
    openssl req -new -key "$WORK/$name.key" -subj "/CN=Signer $name" -out "$WORK/$name.csr"
    openssl x509 -req -in "$WORK/$name.csr" -CA "$WORK/$ca.pem" -CAkey "$WORK/$ca.key" \
        -set_serial "$RANDOM" -days 2 -extfile <(printf '%s\n' "$usage") -out "$WORK/$name.pem" \
        "$@" 2>/dev/null
}

# dated NAME CA FROM UNTIL: the same for a time of its own, YYYYMMDDHHMMSSZ, by CA's key.
dated() {
    local name=$1 ca=$2 from=$3 until=$4 usage=$5
    [ -e "$WORK/$name.key" ] || openssl genrsa -out "$WORK/$name.key" 2048
    openssl req -new -key "$WORK/$name.key" -subj "/CN=Authority $name" -out "$WORK/$name.csr"
    : >"$WORK/index"
    printf '%s\n' '[ca]' 'default_ca=own' '[own]' "database=$WORK/index" "new_certs_dir=$WORK" \
        'rand_serial=yes' 'default_md=sha256' 'policy=any' '[any]' 'commonName=supplied' \
        '[usage]' "$usage" >"$WORK/ca.conf"
    openssl ca -batch -notext -config "$WORK/ca.conf" -extensions usage -in "$WORK/$name.csr" \
        -startdate "$from" -enddate "$until" -out "$WORK/$name.pem" "${@:6}" \
        -keyfile "$WORK/$ca.key" -cert "$WORK/$ca.pem" 2>/dev/null
}

# signs NAME OUT [OPTION...]: the short message, by one of ours.
signs() {
    local name=$1 out=$2
    shift 2
    openssl cms -sign -binary -in "$WORK/short" -signer "$WORK/$name.pem" \
        -inkey "$WORK/$name.key" -outform DER -out "$WORK/$out" "$@"
}

# accepted SIGNATURE [OPTION...]: by openssl, of the short message, up to our CA.
accepted() {
    openssl cms -verify -binary -inform DER -in "$WORK/$1" -content "$WORK/short" \
        -CAfile "$WORK/ca.pem" -purpose any -out /dev/null "${@:2}"
}

# verdict CODE PATTERN WHAT SIGNATURE [FILE [CA]]
verdict() {
    ends "$1" "$3" jpki verify --ca "${6:-$WORK/ca.pem}" "${5:-$WORK/short}" "$WORK/$4"
    expect_has '  it says so' "$2" "$(tr '\n' ' ' <<<"$OUTPUT")" # of more than a line, perhaps
    expect '  no answer is wider than a terminal' '' "$(grep -v '^jpki: ' <<<"$OUTPUT" | grep -E '.{81}')"
}

people() {
    authority ca
    certified both ca 'keyUsage=critical,digitalSignature,nonRepudiation'
    signs both both.p7s
}

the_card() {
    ends 0 'a good signature' jpki verify "$WORK/long" "$WORK/long.p7s"
    expect_has '  it says so' '^GOOD: the signature is of this file' "$OUTPUT"
    expect_has '  and who' "^  Certificate +$(openssl x509 -in "$CARD/sign.pem" -noout -serial |
        sed 's/serial=//')\$" "$OUTPUT"
    expect_has '  and by whose word' "^  SHA-256 +$(openssl x509 -in "$CARD/sign-ca.pem" -noout \
        -fingerprint -sha256 | sed 's/.*=//')\$" "$(sed -z 's/:\n *\(..:\)/:\1/' <<<"$OUTPUT")"
    expect_has '  with the name' '^  Vouched for by +[^ ?]' "$OUTPUT"
    expect_has '  and from whom the certificate is' '^  Certified by' "$OUTPUT"
    ends 0 'of the other key' jpki verify "$WORK/short" "$WORK/auth.p7s"
    expect_has '  which is not the holder'"'"'s seal' '^GOOD, but no binding signature' "$OUTPUT"
    ends 0 'with a CA in a file' jpki verify --ca "$CARD/sign-ca.pem" "$WORK/long" "$WORK/long.p7s"
    ends 1 'with another CA' jpki verify --ca "$CARD/auth-ca.pem" "$WORK/long" "$WORK/long.p7s"
    expect_has '  it says so' '^UNKNOWN SIGNER' "$OUTPUT"
    expect_has '  and whom nobody vouches for' '^  Says it is from' "$OUTPUT"
    expect_has_not '  no more than that' 'Certified by|Vouched' "$OUTPUT"
    ends 1 'of another file' jpki verify "$WORK/short" "$WORK/long.p7s"
    expect_has '  it says so' '^WRONG' "$OUTPUT"
    sed '$s/$/x/' "$WORK/long" >"$WORK/changed"
    ends 1 'of a file that was changed' jpki verify "$WORK/changed" "$WORK/long.p7s"
}

# What the certificate says of its holder: the name, and the rest only for those who ask for it.
the_holder() {
    local rest='架空県|1985|male'
    ends 0 'who signed' jpki verify "$WORK/long" "$WORK/long.p7s"
    expect_has '  has a name' '^  Name +架空　太郎$' "$OUTPUT"
    expect_has_not '  and is left alone otherwise' "$rest" "$OUTPUT"
    ends 0 'who it is in full' jpki verify --personal "$WORK/long" "$WORK/long.p7s"
    expect_has '  the name' '^  Name +架空　太郎$' "$OUTPUT"
    expect_has '  the address' '^  Address +架空県試験市見本町一丁目２番３号$' "$OUTPUT"
    expect_has '  the day of birth' '^  Date of birth +1985-04-01$' "$OUTPUT"
    expect_has '  the sex' '^  Sex +male$' "$OUTPUT"
    ends 0 'the other key' jpki verify --personal "$WORK/short" "$WORK/auth.p7s"
    expect_has_not '  tells nothing of that' "^  (Name|Address|Sex)|$rest" "$OUTPUT"
    ends 1 'whom nobody vouches for' jpki verify --ca "$CARD/auth-ca.pem" "$WORK/long" \
        "$WORK/long.p7s"
    expect_has '  says to be somebody' '^  Says to be +架空　太郎$' "$OUTPUT"
    expect_has_not '  no more than that' '^  Name' "$OUTPUT"
}

# named LINE...: shows a signature by somebody whose certificate has these otherNames.
named() {
    certified somebody ca "$(printf '%s\n' 'keyUsage=nonRepudiation' 'subjectAltName=@names' '[names]' "$@")"
    signs somebody somebody.p7s
    OUTPUT=$(jpki verify --personal --ca "$WORK/ca.pem" "$WORK/short" "$WORK/somebody.p7s" 2>&1)
}

hostile_holders() {
    local arc=1.2.392.200149.8.5.5 utf8='FORMAT:UTF8,UTF8'
    named "otherName.1=$arc.1;$utf8:A"$'\e[2J\u202e'"B\\nGOOD: C" "otherName.2=$arc.5;$utf8:D"$'\e[1mE' \
        "otherName.3=$arc.4;$utf8:"$'\e[3mF' "otherName.4=$arc.3;$utf8:"$'\e'
    expect_has 'a name that deceives the terminal' '^  Name +A\?\[2J\?B\?GOOD: C$' "$OUTPUT"
    expect_has '  an address' '^  Address +D\?\[1mE$' "$OUTPUT"
    expect_has '  a day' '^  Date of birth +\?\[3mF$' "$OUTPUT"
    expect_has '  a sex' '^  Sex +not stated$' "$OUTPUT"
    named "otherName.1=$arc.1;$utf8:Alice" "otherName.2=$arc.1;$utf8:Bob"
    expect_has_not 'of two names, none' 'Name|Alice|Bob' "$OUTPUT"
    named "otherName.1=$arc.1;IA5:Alice" 'otherName.2=1.2.392.200149.8.5.1;UTF8:Bob'
    expect_has_not 'of another kind, none' 'Name|Alice|Bob' "$OUTPUT"
    named "otherName.1=$arc.1;$utf8:Alice" "otherName.2=$arc.2;$utf8:00100" "otherName.3=$arc.3;$utf8:2"
    expect_has 'characters that stand for others' 'stand for rarer' "$OUTPUT"
    expect_has '  a woman' '^  Sex +female$' "$OUTPUT"
    named "otherName.1=$arc.1;$utf8:Alice" "otherName.2=$arc.2;$utf8:00000"
    expect_has_not '  none of them' 'stand for rarer' "$OUTPUT"
    named "otherName.1=$arc.1;$utf8:$(printf 'x%.0s' {1..1100})"
    expect_has_not 'a name without end' 'xxx' "$OUTPUT"
    named "otherName.1=$arc.1;$utf8:Alice0Bob"
    forge rename 416c69636530426f62 416c69636500426f62 "$WORK/somebody.p7s" "$WORK/nul.p7s"
    ends 1 'a name with an end in it' jpki verify --ca "$WORK/ca.pem" "$WORK/short" "$WORK/nul.p7s"
    expect_has_not '  is none' 'Alice' "$OUTPUT"
}

# Whom to believe where several cards are in.
several_cards() {
    card_new other
    card_insert other 1
    ends 0 'with two cards, any of them is believed' jpki verify "$WORK/long" "$WORK/long.p7s"
    ends 0 '  and this one' jpki verify --reader '00 00' "$WORK/long" "$WORK/long.p7s"
    ends 1 '  but not the other' jpki verify --reader '00 01' "$WORK/long" "$WORK/long.p7s"
    expect_has '  it says so' '^UNKNOWN SIGNER' "$OUTPUT"
    ends 1 '  nor none' jpki verify --reader nothing "$WORK/long" "$WORK/long.p7s"
    expect_has '  it says so' 'no card is in to compare with' "$OUTPUT"
    ends 2 'a card and a file' jpki verify --reader '00 00' --ca "$CARD/sign-ca.pem" "$WORK/long" \
        "$WORK/long.p7s"
    card_take 1
}

# What another program has signed with another CA's key.
stranger() {
    signs both s.p7s -outform PEM
    ends 1 "a stranger's, in PEM" jpki verify "$WORK/short" "$WORK/s.p7s"
    expect_has '  it says so' '^UNKNOWN SIGNER' "$OUTPUT"
    verdict 0 '^GOOD: the signature' '  whom one may believe' s.p7s
    ends 1 'what is no signature' jpki verify "$WORK/short" "$WORK/long"
    ends 1 'no CA in the file' jpki verify --ca "$WORK/long" "$WORK/long" "$WORK/long.p7s"
    ends 2 'half a command line' jpki verify "$WORK/long"
}

files() {
    verdict 1 'nothing: No such file' 'a file that is not there' both.p7s "$WORK/nothing"
    verdict 1 'work: Is a directory' 'a folder' both.p7s "$WORK"
    expect_has_not '  and no more' 'WRONG' "$OUTPUT"
    verdict 1 'mem: Input/output error' 'a file that cannot be read' both.p7s /proc/self/mem
    verdict 1 'work/.: Is a directory' 'a folder for a signature' .
}

weak_methods() {
    local hash
    for hash in md5 sha1 sha224; do
        signs both weak.p7s -md "$hash"
        verdict 1 "^WEAK.*\\($hash\\)" "a signature by $hash" weak.p7s
    done
    for hash in sha384 sha512; do
        signs both strong.p7s -md "$hash"
        verdict 0 '^GOOD: the signature' "by $hash" strong.p7s
    done
    forge rename 2a864886f70d010101 2a864886f70d010105 "$WORK/both.p7s" "$WORK/weak.p7s"
    verdict 1 '^WEAK.*sha1WithRSA' 'a method of another hash' weak.p7s
    signs both pss.p7s -keyopt rsa_padding_mode:pss
    verdict 0 '^GOOD: the signature' 'by PSS' pss.p7s
    forge rename 608648016503040201 608648016503040204 "$WORK/pss.p7s" "$WORK/weak.p7s"
    verdict 1 '^WEAK.*rsassaPss' 'by PSS with a weak hash for the mask' weak.p7s
    signs both pss1.p7s -keyopt rsa_padding_mode:pss -keyopt rsa_mgf1_md:sha1
    verdict 1 '^WEAK.*rsassaPss' 'by PSS with the oldest' pss1.p7s
    forge rename 608648016503040201 608648016503040204 "$WORK/pss.p7s" "$WORK/weak.p7s" 2
    verdict 1 '^WEAK.*rsassaPss' 'by PSS with a weak hash' weak.p7s
    openssl ecparam -genkey -name prime256v1 -noout -out "$WORK/ec.key"
    certified ec ca 'keyUsage=critical,digitalSignature,nonRepudiation'
    signs ec ec.p7s
    verdict 0 '^GOOD: the signature' 'by ECDSA' ec.p7s
}

weak_certificates() {
    openssl genrsa -out "$WORK/short1024.key" 1024
    certified short1024 ca 'keyUsage=critical,digitalSignature,nonRepudiation'
    signs short1024 weak.p7s
    verdict 1 '^WEAK.*key too weak' 'by a key of 1024 bits' weak.p7s
    certified sha1 ca 'keyUsage=critical,digitalSignature,nonRepudiation' -sha1
    signs sha1 weak.p7s
    verdict 1 '^WEAK.*digest algorithm too weak' 'a certificate by SHA-1' weak.p7s
    expect_has_not '  nobody vouches for that' 'Certified by|Vouched' "$OUTPUT"
    authority ca1024 -newkey rsa:1024
    certified under ca1024 'keyUsage=critical,digitalSignature,nonRepudiation'
    signs under weak.p7s
    verdict 1 '^WEAK.*key too weak' 'a CA with 1024 bits' weak.p7s '' "$WORK/ca1024.pem"
}

# An honest signature, taken apart, of what the card did sign: the attributes.
attributes_gone() {
    forge strip "$WORK/long.p7s" "$WORK/stripped.p7s" "$WORK/attributes"
    works 'openssl takes a stripped signature' openssl cms -verify -binary -inform DER -in \
        "$WORK/stripped.p7s" -content "$WORK/attributes" -CAfile "$CARD/sign-ca.pem" -purpose any \
        -out /dev/null
    verdict 1 'no signed attributes' 'jpki does not' stripped.p7s "$WORK/attributes" \
        "$CARD/sign-ca.pem"
    expect_has_not '  and says no more' 'GOOD|WRONG' "$OUTPUT"
    signs both none.p7s -noattr
    verdict 1 'no signed attributes' 'without attributes from the beginning' none.p7s
}

attributes() {
    local change
    attributes_gone
    for change in no-type two-types two-values other-type no-digest two-digests two-times; do
        forge resign "$change" "$WORK/both.p7s" "$WORK/odd.p7s" "$WORK/both.key"
        verdict 1 'does not say clearly' "attributes: $change" odd.p7s
    done
    forge resign nothing "$WORK/both.p7s" "$WORK/same.p7s" "$WORK/both.key"
    verdict 0 '^GOOD: the signature' 'attributes as they were' same.p7s
    expect_has_not '  nothing about the time' 'was not valid' "$OUTPUT"
    forge resign old "$WORK/both.p7s" "$WORK/old.p7s" "$WORK/both.key"
    verdict 0 'certificate was not valid at the time' 'signed before the certificate was' old.p7s
    forge unsigned "$WORK/both.p7s" "$WORK/odd.p7s"
    verdict 0 '^GOOD: the signature' 'with an attribute that nobody has signed' odd.p7s
}

# RFC 5035: which certificate the signature is by. Without that, it fits any with the same key.
named_certificate() {
    local change nameless='does not name its certificate'
    cp "$WORK/both.key" "$WORK/twin.key"
    certified twin ca 'keyUsage=critical,digitalSignature,nonRepudiation'
    openssl x509 -in "$WORK/twin.pem" -outform DER -out "$WORK/twin.der"
    signs both cades.p7s -cades
    forge swap "$WORK/cades.p7s" "$WORK/swapped.p7s" "$WORK/twin.der"
    verdict 0 '^GOOD: the signature' 'it names its certificate' cades.p7s
    expect_has_not '  so nothing is said of that' "$nameless" "$OUTPUT"
    works 'openssl takes one by another certificate of the same key' accepted swapped.p7s
    verdict 1 '^WRONG CERTIFICATE' 'jpki does not' swapped.p7s
    expect_has_not '  nor says whose it is' 'Signer' "$OUTPUT"
    ends 4 '  nor openssl, for CAdES' accepted swapped.p7s -cades
    forge swap "$WORK/both.p7s" "$WORK/swapped.p7s" "$WORK/twin.der"
    verdict 0 "$nameless" 'one that names none, by the other certificate' swapped.p7s
    for change in other nobody badly second more old-other both; do
        forge resign "named-$change" "$WORK/both.p7s" "$WORK/odd.p7s" "$WORK/both.key"
        verdict 1 '^WRONG CERTIFICATE' "a certificate's name: $change" odd.p7s
    done
    for change in twice text; do
        forge resign "named-$change" "$WORK/both.p7s" "$WORK/odd.p7s" "$WORK/both.key"
        verdict 1 'does not say clearly' "a certificate's name: $change" odd.p7s
    done
    forge resign named "$WORK/both.p7s" "$WORK/odd.p7s" "$WORK/both.key"
    verdict 0 '^GOOD: the signature' 'named rightly' odd.p7s
    expect_has_not '  so nothing is said of that' "$nameless" "$OUTPUT"
    forge resign named-old "$WORK/both.p7s" "$WORK/odd.p7s" "$WORK/both.key"
    verdict 0 '^GOOD: the signature' 'named as it was done before' odd.p7s
    expect_has_not '  so nothing is said of that' "$nameless" "$OUTPUT"
}

# pem LABEL FILE...: of all the bytes in these, one after the other.
pem() {
    printf -- '-----BEGIN %s-----\n%s\n-----END %s-----\n' "$1" "$(cat "${@:2}" | base64)" "$1"
}

# A file is one signature, and all of it.
more_than_a_signature() {
    local more='goes on after the signature' none='no CMS signature'
    cd "$WORK"
    cat both.p7s short >more.p7s
    verdict 1 "$more" 'something after it' more.p7s
    cat both.p7s both.p7s >more.p7s
    verdict 1 "$more" 'the same after it' more.p7s
    (cat both.p7s && printf '\n') >more.p7s
    verdict 1 "$more" 'a line end after it' more.p7s
    pem CMS both.p7s short >more.p7s
    verdict 1 "$more" 'something after it, inside of PEM' more.p7s
    (pem CMS both.p7s && pem CMS both.p7s) >more.p7s
    verdict 1 "$more" 'one after the other, in PEM' more.p7s
    (pem CMS both.p7s && printf ' \r\n\n') >more.p7s
    verdict 0 '^GOOD: the signature' 'blanks after PEM' more.p7s
    (echo 'Of the short message:' && pem CMS both.p7s) >more.p7s
    verdict 0 '^GOOD: the signature' 'words before it' more.p7s
    pem PKCS7 both.p7s >more.p7s
    verdict 0 '^GOOD: the signature' 'by the older label' more.p7s
    pem CERTIFICATE both.p7s >more.p7s
    verdict 1 "$none" 'by another label' more.p7s
    forge endless both.p7s more.p7s
    verdict 0 '^GOOD: the signature' 'of unknown length (BER)' more.p7s
    cat short >>more.p7s
    verdict 1 "$more" '  and something after it' more.p7s
    openssl cms -sign -in short -signer both.pem -inkey both.key -out more.p7s
    verdict 1 "$none" 'a mail (S/MIME)' more.p7s
    : >more.p7s
    verdict 1 "$none" 'nothing' more.p7s
    truncate -s 5G more.p7s
    verdict 1 'is too large for a signature' 'five gigabytes' more.p7s
    cd - >/dev/null
}

forms() {
    signs both odd.p7s -econtent_type pkcs7-signedData
    verdict 1 'not a signature of a file' 'of something else than data' odd.p7s
    signs both odd.p7s -nodetach
    verdict 1 'what was signed inside' 'with the content in it' odd.p7s
    certified second ca 'keyUsage=critical,digitalSignature,nonRepudiation'
    signs both odd.p7s -signer "$WORK/second.pem" -inkey "$WORK/second.key"
    verdict 1 'not one signature' 'by two' odd.p7s
    openssl crl2pkcs7 -nocrl -certfile "$WORK/both.pem" -outform DER -out "$WORK/odd.p7s"
    verdict 1 'not one signature' 'by nobody' odd.p7s
}

# used WHAT CODE PATTERN EXTENSION...
used() {
    certified used ca "$(printf '%s\n' "${@:4}")"
    signs used used.p7s
    verdict "$2" "$3" "$1" used.p7s
}

usages() {
    local good='^GOOD: the signature' login='^GOOD, but no binding' unfit='^NOT FOR SIGNING'
    used 'to sign' 0 "$good" 'keyUsage=nonRepudiation'
    used 'to log in' 0 "$login" 'keyUsage=digitalSignature'
    used 'to encrypt' 1 "$unfit" 'keyUsage=keyEncipherment,dataEncipherment'
    used 'to agree on keys' 1 "$unfit" 'keyUsage=keyAgreement'
    used 'to sign mail' 0 "$good" 'keyUsage=nonRepudiation' 'extendedKeyUsage=emailProtection'
    used 'to sign documents' 0 "$good" 'keyUsage=nonRepudiation' 'extendedKeyUsage=1.3.6.1.5.5.7.3.36'
    used 'to log in to servers' 0 "$login" 'keyUsage=digitalSignature,nonRepudiation' \
        'extendedKeyUsage=clientAuth'
    used 'to be a server' 1 "$unfit" 'keyUsage=digitalSignature,nonRepudiation' \
        'extendedKeyUsage=serverAuth'
    used 'to sign code' 1 "$unfit" 'keyUsage=digitalSignature' 'extendedKeyUsage=codeSigning'
    used 'for nothing that it says' 1 "$unfit" 'basicConstraints=CA:false'
    used 'for a CA' 1 "$unfit" 'keyUsage=digitalSignature,nonRepudiation,keyCertSign' \
        'basicConstraints=critical,CA:true'
    signs ca used.p7s
    verdict 1 "$unfit" 'by the CA itself' used.p7s
}

# through WHAT WANTED EXTENSION...: by somebody whom another one certified, who has these extensions
# from our CA. WANTED is a verdict of ours, or good; openssl finds the same.
through() {
    local what=$1 wanted=$2 known=1
    certified between ca "$(printf '%s\n' "${@:3}")"
    certified end between "$(printf '%s\n' 'keyUsage=critical,digitalSignature,nonRepudiation' \
        'certificatePolicies=1.2.3.4' 'subjectAltName=email:a@example.org')"
    signs end end.p7s -certfile "$WORK/between.pem"
    accepted end.p7s -policy_check -policy 2.5.29.32.0 >/dev/null 2>&1 && known=0
    verdict "$known" "$wanted" "$what" end.p7s
}

# RFC 5280, section 6: what makes an authority, and how far its word goes.
paths() {
    local ca='basicConstraints=critical,CA:true' use='keyUsage=critical,keyCertSign,cRLSign'
    local good='^GOOD: the signature' unknown='^UNKNOWN SIGNER'
    through 'by way of another authority' "$good" "$ca" "$use"
    through '  that does not say that it is one' "$unknown" "$use"
    through '  that says it is none' "$unknown" 'basicConstraints=critical,CA:false' "$use"
    through '  that may not certify' "$unknown.*" "$ca" 'keyUsage=critical,digitalSignature'
    through '  with a limit of length that is kept' "$good" "$ca,pathlen:0" "$use"
    through '  for names like this' "$good" "$ca" "$use" 'nameConstraints=critical,permitted;email:example.org'
    through '  for other names' "$unknown.*subtree" "$ca" "$use" \
        'nameConstraints=critical,permitted;email:example.com'
    through '  with a condition that nobody knows' "$unknown.*critical" "$ca" "$use" '1.2.3.4=critical,DER:0500'
    through '  for this policy' "$good" "$ca" "$use" 'certificatePolicies=1.2.3.4' \
        'policyConstraints=critical,requireExplicitPolicy:0'
    through '  for another' "$unknown.*policy" "$ca" "$use" 'certificatePolicies=1.2.3.5' \
        'policyConstraints=critical,requireExplicitPolicy:0'
    certified root ca "$(printf '%s\n' "$ca,pathlen:0" "$use")"
    certified between root "$(printf '%s\n' "$ca" "$use")"
    certified end between 'keyUsage=critical,digitalSignature,nonRepudiation'
    signs end end.p7s -certfile <(cat "$WORK/root.pem" "$WORK/between.pem")
    verdict 1 "$unknown.*length" '  further than it may' end.p7s
    certified end both 'keyUsage=critical,digitalSignature,nonRepudiation'
    signs end end.p7s -certfile "$WORK/both.pem"
    verdict 1 "$unknown" 'by a holder who plays the authority' end.p7s
    verdict 1 "$unknown" '  even where he is believed' end.p7s '' "$WORK/both.pem"
    used 'with a condition that nobody knows' 1 "$unknown.*critical" 'keyUsage=nonRepudiation' \
        '1.2.3.4=critical,DER:0500'
    used 'with a policy that must be heeded' 0 "$good" 'keyUsage=nonRepudiation' \
        'certificatePolicies=critical,1.2.392.200149.8.5.1.1.20'
}

times() {
    local usage='keyUsage=critical,digitalSignature,nonRepudiation'
    dated past ca 20150101000000Z 20160101000000Z "$usage"
    signs past time.p7s
    verdict 1 "^EXPIRED.*signer's certificate" 'by a certificate that has ended' time.p7s
    expect_has '  the CA vouched for it' '^  Vouched for by +CN = Authority ca$' "$OUTPUT"
    expect_has '  not at that time' 'was not valid at the time' "$OUTPUT"
    verdict 1 '^UNKNOWN SIGNER' '  but not another CA' time.p7s '' "$CARD/sign-ca.pem"
    dated future ca 20900101000000Z 20910101000000Z "$usage"
    signs future time.p7s
    verdict 1 "^NOT VALID YET.*signer's certificate" 'by one that has not begun' time.p7s
    openssl req -new -x509 -key "$WORK/ca.key" -subj '/CN=Authority old' -out "$WORK/old.pem"
    cp "$WORK/ca.key" "$WORK/old.key"
    dated old old 20150101000000Z 20160101000000Z 'basicConstraints=critical,CA:true' -selfsign
    certified young old "$usage"
    signs young time.p7s
    verdict 1 "^EXPIRED.*authority's certificate" 'by a CA that has ended' time.p7s '' \
        "$WORK/old.pem"
    authority fake -subj '/CN=Authority old'
    certified forged fake "$(printf '%s\n' "$usage" 'authorityKeyIdentifier=none')"
    signs forged time.p7s
    verdict 1 '^UNKNOWN SIGNER' "with a forged certificate of that CA's" time.p7s '' "$WORK/old.pem"
    openssl genrsa -out "$WORK/login.key" 2048
    dated login ca 20150101000000Z 20160101000000Z 'keyUsage=keyEncipherment'
    signs login time.p7s
    verdict 1 '^NOT FOR SIGNING' 'ended, and never for signing' time.p7s
}

# Nothing here is a secret, so nothing is asked. OpenSSL's own question would wait on the terminal.
no_questions() {
    local LIMIT=10
    forge encrypted "$WORK/both.p7s" "$WORK/secret.p7s"
    openssl x509 -in "$WORK/ca.pem" -outform DER -out "$WORK/ca.der"
    forge encrypted "$WORK/ca.der" "$WORK/secret.pem"
    ends 1 'an encrypted signature' typed x verify --ca "$WORK/ca.pem" "$WORK/short" \
        "$WORK/secret.p7s"
    expect_has '  it says so' 'no CMS signature' "$OUTPUT"
    expect_has_not '  and asks nothing' 'pass phrase' "$OUTPUT"
    ends 1 'an encrypted CA' typed x verify --ca "$WORK/secret.pem" "$WORK/short" "$WORK/both.p7s"
    expect_has '  it says so' 'no certificate in PEM' "$OUTPUT"
    expect_has_not '  and asks nothing' 'pass phrase' "$OUTPUT"
}

without_a_card() {
    card_take 0
    ends 1 'without a card' jpki verify "$WORK/long" "$WORK/long.p7s"
    expect_has '  the file fits, but nobody vouches for the signer' '^UNKNOWN SIGNER' "$OUTPUT"
    ends 0 '  but for a CA in a file' jpki verify --ca "$CARD/sign-ca.pem" "$WORK/long" \
        "$WORK/long.p7s"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    ends 0 'a file is signed' typed "$PIN_SIGN" sign "$WORK/long"
    ends 0 'with the other key' typed "$PIN_AUTH" sign --auth --output "$WORK/auth.p7s" "$WORK/short"
    people
    the_card
    the_holder
    hostile_holders
    several_cards
    stranger
    files
    weak_methods
    weak_certificates
    attributes
    named_certificate
    more_than_a_signature
    forms
    usages
    paths
    times
    no_questions
    without_a_card
    interop_end
}

main "$@"
