/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DER from a card: the head of a certificate (card/der.c), elements one after the other and one in
 * the other (crypto/asn1.c), a whole certificate (crypto/x509.c) and a public key
 * (crypto/rsakey.c).
 */
#include "fuzz.h"

#include "card/der.h"
#include "crypto/asn1.h"
#include "crypto/rsakey.h"
#include "crypto/x509.h"

#define DEPTH 16

static struct bytes whole;

/* Every view that is handed out lies inside of the input. */
static void inside(struct bytes view)
{
    if (view.len == 0)
        return;
    fuzz_must(view.data >= whole.data && view.data < whole.data + whole.len);
    fuzz_must(view.len <= (size_t)(whole.data + whole.len - view.data));
}

static void head(struct bytes in)
{
    size_t size = 99;
    enum err e = der_certificate_size(in, &size);
    fuzz_must(e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_ANSWER);
    if (e == ERR_OK)
        fuzz_must(size >= 256 && size <= DER_CERTIFICATE_MAX);
    else
        fuzz_must(size == 0);
}

static void elements(struct bytes in, unsigned depth)
{
    struct asn1 element;
    struct bytes before = in;
    while (asn1_any(&in, &element)) {
        inside(element.whole);
        inside(element.content);
        fuzz_must(element.whole.len >= element.content.len + 2);
        fuzz_must(in.len + element.whole.len == before.len);
        if (depth < DEPTH)
            elements(element.content, depth + 1);
        before = in;
    }
    fuzz_must(in.len == before.len && element.whole.len == 0);
}

static void number(struct bytes in)
{
    struct asn1 element;
    if (!asn1_integer(&in, &element))
        return;
    inside(element.content);
    fuzz_must(element.tag == ASN1_INTEGER_TAG && element.content.len > 0);
}

static void key(struct bytes in)
{
    struct rsakey key;
    bool ok = rsakey_read(in, &key);
    inside(key.modulus);
    inside(key.exponent);
    fuzz_must(ok == (key.modulus.len > 0) && ok == (key.exponent.len > 0));
    if (!ok)
        return;
    fuzz_must(key.modulus.data[0] != 0 && key.exponent.data[0] != 0);
    fuzz_must(key.modulus.data[key.modulus.len - 1] & key.exponent.data[key.exponent.len - 1] & 1);
}

static void certificate(struct bytes in)
{
    struct x509 x = {0};
    enum err e = x509_parse(in, &x);
    fuzz_must(e == ERR_OK || e == ERR_ANSWER || e == ERR_MEMORY);
    if (e == ERR_OK) {
        fuzz_must(bytes_equal(buffer_view(&x.der), in));
        fuzz_must(x.subject.len > 0 && x.issuer.len > 0 && x.serial.len > 2);
        fuzz_must(x.modulus.len > 0 && x.modulus.data[0] != 0 && x.exponent.len > 0);
        for (int i = 0; i < 8; i++) {
            fuzz_must(x.not_before[i] >= '0' && x.not_before[i] <= '9');
            fuzz_must(x.not_after[i] >= '0' && x.not_after[i] <= '9');
        }
        whole = buffer_view(&x.spki);
        key(whole);
    } else {
        fuzz_must(x.der.data == NULL && x.modulus.data == NULL && x.spki.data == NULL);
    }
    x509_clear(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    whole = bytes_of(data, size);
    head(whole);
    elements(whole, 0);
    number(whole);
    key(whole);
    certificate(whole);
    return 0;
}
