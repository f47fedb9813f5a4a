/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki sign: a detached signature of a file, by the card.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cms.h"
#include "cli/login.h"
#include "cli/print.h"
#include "cli/report.h"
#include "token/object.h"
#include "token/sign.h"

struct wish {
    const char *file;
    const char *output; /* on the heap */
    const char *reader;
    enum card_role role;
    bool force;
};

/* The card's signature by PKCS#1 v1.5 and SHA-256, after a login. */
static int sign_bytes(struct token *token, struct bytes what, uint8_t *signature, size_t *len)
{
    struct sign_operation op = {0};
    const CK_MECHANISM mechanism = {.mechanism = CKM_SHA256_RSA_PKCS};
    CK_RV rv = sign_init(&op, token, &mechanism, object_handle(token, OBJECT_PRIVATE_KEY));
    if (rv == CKR_OK)
        rv = sign_update(&op, token, what);
    if (rv == CKR_OK) {
        login_key_begin(token);
        rv = sign_final(&op, token, signature, len);
        login_key_end();
    }
    return rv == CKR_OK ? CLI_OK : login_explain(token, rv);
}

static int load_certificates(struct token *token, const struct x509 **ca)
{
    enum err e = token_load_holder(token);
    *ca = token_load_ca(token) == ERR_OK ? &token->ca.x509 : NULL;
    if (e == ERR_NOT_FOUND)
        cli_complain(_("there is no such certificate on the card"));
    else if (e != ERR_OK)
        cli_complain(_("the certificate cannot be read: %s"), err_text(e));
    return e == ERR_OK ? CLI_OK : CLI_FAILED;
}

/* A signature by an ended certificate is worth nothing, and would only look like one. */
static int judge(const struct token *token)
{
    enum report_certificate state = report_certificate(&token->holder.x509);
    if (state == REPORT_EXPIRED)
        cli_complain(_("the certificate has ended: nothing can be signed with it any more"));
    else if (state == REPORT_EARLY)
        cli_complain(_("the certificate is not valid yet: is this computer's clock right?"));
    return state == REPORT_EXPIRED || state == REPORT_EARLY ? CLI_FAILED : CLI_OK;
}

/* Logged in, with a consent for one signature. */
static int make(struct token *token, const struct infile *in, const uint8_t *hash,
                struct buffer *der)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    size_t len = sizeof(signature);
    const struct x509 *ca;
    int code = load_certificates(token, &ca);
    if (code == CLI_OK)
        code = judge(token);
    if (code == CLI_OK && !infile_unchanged(in)) /* while the password was typed */
        code = CLI_FAILED;
    if (code != CLI_OK)
        return code;
    struct cms *cms = cms_new(hash, &token->holder.x509, ca, time(NULL));
    if (cms == NULL)
        return CLI_FAILED;
    code = sign_bytes(token, cms_to_sign(cms), signature, &len);
    if (code == CLI_OK && !infile_unchanged(in)) /* while the PIN was typed at the reader */
        code = CLI_FAILED;
    if (code == CLI_OK && !cms_finish(cms, bytes_of(signature, len), der))
        code = CLI_FAILED;
    cms_free(cms);
    return code;
}

/* LABEL and the name of a file, which may be anything. */
static void say_file(const char *label, const char *path)
{
    fprintf(stderr, "%s ", label);
    print_safe_to(stderr, path);
    fputc('\n', stderr);
}

static void warn(const struct wish *wish, const struct infile *in, const uint8_t *hash)
{
    char text[2 * INFILE_HASH + 1];
    for (size_t i = 0; i < INFILE_HASH; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    print_safe_wrapped(
        stderr,
        wish->role == CARD_SIGN
            ? _("A signature binds you like your registered seal, and whoever gets it gets your "
                "name, address, date of birth and sex, which the certificate in it holds.")
            : _("This is the key for logging in: a signature by it does not stand for your "
                "registered seal."),
        0);
    fputc('\n', stderr);
    say_file(_("To be signed:"), wish->file);
    fprintf(stderr, _("  Size: %jd bytes\n  SHA-256: %s\n"), (intmax_t)in->before.st_size, text);
}

static int ask_card(const struct wish *wish, const struct infile *in, const uint8_t *hash,
                    struct buffer *der)
{
    struct cards cards;
    struct terminal *terminal;
    struct token *token;
    if (!cards_open(&cards, "slots=both"))
        return CLI_FAILED;
    int code = cards_enter(&cards, wish->reader, wish->role, &terminal, &token);
    if (code == CLI_OK) {
        warn(wish, in, hash);
        login_tell_tries(token);
        code = login_may_try(token);
        if (code == CLI_OK)
            code = login(token);
        if (code == CLI_OK) {
            code = make(token, in, hash, der);
            login_end(token);
        }
        terminal_leave(terminal);
    }
    cards_close(&cards);
    return code;
}

static int run(const struct wish *wish)
{
    uint8_t hash[INFILE_HASH];
    struct infile in;
    struct buffer der = {0};
    int code = CLI_FAILED;
    if (!infile_open(&in, wish->file))
        return CLI_FAILED;
    if (outfile_check(wish->output, wish->force, &in) && infile_hash(&in, hash))
        code = ask_card(wish, &in, hash, &der);
    infile_close(&in);
    if (code == CLI_OK && !outfile_write(wish->output, buffer_view(&der), wish->force))
        code = CLI_FAILED;
    if (code == CLI_OK)
        say_file(_("The signature is in"), wish->output);
    buffer_clear(&der);
    return code;
}

int cmd_sign(const struct cli_command *self, int argc, char **argv)
{
    struct wish wish = {.role = CARD_SIGN};
    const char *output = NULL;
    bool auth = false;
    char *made = NULL;
    const struct cli_option options[] = {
        {"auth", NULL, N_("sign with the authentication key"), &auth, NULL},
        {"output", N_("FILE"), N_("where to put the signature; FILE.p7s otherwise"), NULL, &output},
        {"force", NULL, N_("replace that file if it is there"), &wish.force, NULL},
        {"reader", N_("NAME"), N_("the reader whose name contains NAME"), NULL, &wish.reader},
    };
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 1, 1, &first, &code))
        return code;
    wish.file = argv[first];
    wish.role = auth ? CARD_AUTH : CARD_SIGN;
    if (output == NULL && asprintf(&made, "%s.p7s", wish.file) < 0) {
        cli_complain(_("no memory is left"));
        return CLI_FAILED;
    }
    wish.output = output != NULL ? output : made;
    code = run(&wish);
    free(made);
    return code;
}
