/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki cert: a certificate of the card on standard output.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/login.h"
#include "cli/print.h"
#include "support/nearest.h"
#include "token/pin.h"

struct form {
    bool pem, der, text, ssh;
};

struct which {
    const char *name;
    enum card_role role;
    bool ca;
};

static const struct which certificates[] = {
    {"auth", CARD_AUTH, false},
    {"sign", CARD_SIGN, false},
    {"auth-ca", CARD_AUTH, true},
    {"sign-ca", CARD_SIGN, true},
};
#define CERTIFICATES (sizeof(certificates) / sizeof(*certificates))

/* An integer as SSH has it: length, and a zero byte before a set highest bit (RFC 4251, 5). */
static void write_mpint(struct writer *w, const struct buffer *number)
{
    bool high = number->len > 0 && (number->data[0] & 0x80) != 0;
    size_t len = number->len + (high ? 1 : 0);
    writer_be16(w, 0);
    writer_be16(w, (uint16_t)len);
    if (high)
        writer_u8(w, 0);
    writer_bytes(w, buffer_view(number));
}

/* A line for authorized_keys (RFC 4253, 6.6). */
static bool print_ssh(const struct x509 *x, const char *comment)
{
    uint8_t blob[1024];
    unsigned char text[4 * sizeof(blob) / 3 + 4];
    struct writer w;
    writer_init(&w, blob, sizeof(blob));
    writer_be16(&w, 0);
    writer_be16(&w, 7);
    writer_bytes(&w, bytes_of_text("ssh-rsa"));
    write_mpint(&w, &x->exponent);
    write_mpint(&w, &x->modulus);
    struct bytes all = writer_result(&w);
    if (all.len == 0)
        return false;
    EVP_EncodeBlock(text, all.data, (int)all.len);
    printf("ssh-rsa %s JPKI %s\n", (const char *)text, comment);
    return true;
}

static bool print_pem(const struct x509 *x)
{
    return PEM_write(stdout, PEM_STRING_X509, "", x->der.data, (long)x->der.len) > 0;
}

/* A certificate's names and extensions are somebody's words, too. */
static bool print_text(const struct x509 *x)
{
    const unsigned char *der = x->der.data;
    X509 *certificate = d2i_X509(NULL, &der, (long)x->der.len);
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = certificate != NULL && out != NULL &&
              X509_print_ex(out, certificate,
                            XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB, 0) > 0 &&
              BIO_write(out, "", 1) == 1 && BIO_get_mem_data(out, &text) > 0;
    if (ok)
        print_safe_lines(stdout, text);
    BIO_free(out);
    X509_free(certificate);
    return ok;
}

static int print(const struct x509 *x, const struct which *which, const struct form *form)
{
    bool ok;
    if (form->der)
        ok = fwrite(x->der.data, 1, x->der.len, stdout) == x->der.len;
    else if (form->text)
        ok = print_text(x);
    else if (form->ssh)
        ok = print_ssh(x, which->name);
    else
        ok = print_pem(x);
    if (!ok)
        cli_complain(_("the certificate could not be printed"));
    return ok ? CLI_OK : CLI_FAILED;
}

/* The signature certificate is not free: what it tells is said before the password is asked for. */
static int open_certificate(struct token *token)
{
    if (token->role == CARD_SIGN)
        fputs(_("The signature certificate holds your name, address, date of birth and sex.\n"
                "Whoever gets it gets these.\n"),
              stderr);
    login_tell_tries(token);
    int code = login_may_try(token);
    return code == CLI_OK ? login(token) : code;
}

/* Copies the certificate into DER: the token's own goes with the card. */
static int copy(struct token *token, const struct which *which, struct buffer *der)
{
    enum err e = which->ca ? token_load_ca(token) : token_load_holder(token);
    const struct x509 *x = which->ca ? &token->ca.x509 : &token->holder.x509;
    if (e == ERR_OK && !buffer_set(der, buffer_view(&x->der)))
        e = ERR_MEMORY;
    if (e == ERR_NOT_FOUND)
        cli_complain(_("there is no such certificate on the card"));
    else if (e != ERR_OK)
        cli_complain(_("the certificate cannot be read: %s"), err_text(e));
    return e == ERR_OK ? CLI_OK : CLI_FAILED;
}

/* A login that the card has lost meanwhile has its end here, too. */
static int load(struct token *token, const struct which *which, struct buffer *der)
{
    bool closed = !which->ca && token->key->certificate_private;
    int code = closed ? open_certificate(token) : CLI_OK;
    if (code != CLI_OK)
        return code;
    code = copy(token, which, der);
    if (closed)
        login_end(token);
    return code;
}

static int read_certificate(const struct which *which, const char *reader, struct buffer *der)
{
    struct cards cards;
    struct terminal *terminal;
    struct token *token;
    if (!cards_open(&cards, "slots=both"))
        return CLI_FAILED;
    int code = cards_enter(&cards, reader, which->role, &terminal, &token);
    if (code == CLI_OK) {
        code = load(token, which, der);
        terminal_leave(terminal);
    }
    cards_close(&cards);
    return code;
}

/* Nothing is printed before the card is left: whoever reads slowly, like a pager, would keep the
 * holder logged in. */
static int run(const struct which *which, const struct form *form, const char *reader)
{
    struct buffer der = {0};
    struct x509 x = {0};
    int code = read_certificate(which, reader, &der);
    if (code == CLI_OK && x509_parse(buffer_view(&der), &x) != ERR_OK) {
        cli_complain(_("the certificate could not be printed"));
        code = CLI_FAILED;
    }
    if (code == CLI_OK)
        code = print(&x, which, form);
    x509_clear(&x);
    buffer_clear(&der);
    return code;
}

static const struct which *find(const char *name)
{
    const char *names[CERTIFICATES];
    for (size_t i = 0; i < CERTIFICATES; i++) {
        names[i] = certificates[i].name;
        if (strcmp(name, names[i]) == 0)
            return &certificates[i];
    }
    const char *near = nearest(name, names, CERTIFICATES);
    cli_complain(_("there is no certificate \"%.60s\"; did you mean \"%s\"?"), name,
                 near != NULL ? near : "auth");
    return NULL;
}

int cmd_cert(const struct cli_command *self, int argc, char **argv)
{
    struct form form = {0};
    const char *reader = NULL;
    const struct cli_option options[] = {
        {"pem", NULL, N_("as PEM, which is the default"), &form.pem, NULL},
        {"der", NULL, N_("as DER, in binary"), &form.der, NULL},
        {"text", NULL, N_("for people to read"), &form.text, NULL},
        {"ssh", NULL, N_("the public key only, as a line for authorized_keys"), &form.ssh, NULL},
        {"reader", N_("NAME"), N_("the reader whose name contains NAME"), NULL, &reader},
    };
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 1, 1, &first, &code))
        return code;
    if (form.pem + form.der + form.text + form.ssh > 1) {
        cli_complain(_("choose one of --pem, --der, --text and --ssh"));
        return CLI_USAGE;
    }
    if (form.der && isatty(STDOUT_FILENO)) {
        cli_complain(_("a terminal cannot show DER; send it to a file: > FILE"));
        return CLI_USAGE;
    }
    const struct which *which = find(argv[first]);
    return which != NULL ? run(which, &form, reader) : CLI_USAGE;
}
