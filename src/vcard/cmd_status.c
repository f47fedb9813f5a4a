/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/cmd.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "vcard/args.h"
#include "vcard/vcard.h"

static void print_dates(const struct vcard *card, const char *what, enum content content)
{
    const unsigned char *der = card->content[content].data;
    X509 *cert = d2i_X509(NULL, &der, (long)card->content[content].len);
    BIO *out = cert ? BIO_new(BIO_s_mem()) : NULL;
    char *text = NULL;

    if (!out) {
        printf("%s certificate: not readable\n", what);
        X509_free(cert);
        return;
    }
    ASN1_TIME_print(out, X509_get0_notBefore(cert));
    BIO_puts(out, " to ");
    ASN1_TIME_print(out, X509_get0_notAfter(cert));
    long len = BIO_get_mem_data(out, &text);
    printf("%s certificate: %.*s\n", what, (int)len, text);
    BIO_free(out);
    X509_free(cert);
}

/* Everything but the PINs. */
static void print(const struct vcard *card)
{
    const struct settings *settings = &card->settings;

    printf("label: %s\nmodel: %s\nserial: %s\n", settings->label, settings->model,
           settings->serial);
    printf("authentication PIN: %u of %u tries left\n", card->state.pin[PIN_AUTH].tries,
           state_tries_max(PIN_AUTH));
    printf("signature PIN: %u of %u tries left\n", card->state.pin[PIN_SIGN].tries,
           state_tries_max(PIN_SIGN));
    print_dates(card, "authentication", CONTENT_AUTH_CERT);
    if (settings->sign_cert)
        print_dates(card, "signature", CONTENT_SIGN_CERT);
    else
        puts("signature certificate: none");
}

int cmd_status(int argc, char **argv)
{
    static const struct args_command command = {
        "status", "Shows label, tries left and dates of the card in DIR, never the PINs.", NULL, 0,
        NULL};
    struct problem why;
    const char *dir;
    enum args_result result = args_parse(&command, argc, argv, NULL, &dir);

    if (result != ARGS_RUN)
        return result == ARGS_HELP ? ARGS_EXIT_OK : ARGS_EXIT_USAGE;
    struct vcard *card = vcard_open(dir, NULL, NULL, &why);
    if (!card) {
        args_complain(why.text);
        return ARGS_EXIT_FAILED;
    }
    print(card);
    vcard_free(card);
    return ARGS_EXIT_OK;
}
