/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test_api_load [SIGNATURES]: that many of them, by many sessions in turn, with both keys. Each is
 * right, memory and descriptors stay as they are, and the usage history has a line for each.
 */
#include "user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "check.h"
#include "latency.h"
#include "process.h"

#define SESSIONS 64 /* of each token */
#define WARM_UP 200 /* signatures, before which everything has been made once */
#define CONSENTS 10 /* one in so many signatures is the signature key's, with its context login */

static unsigned long wanted = 300;
static CK_SESSION_HANDLE sessions[2][SESSIONS];
static CK_OBJECT_HANDLE keys[2];
static X509 *certificates[2];
static struct latency latencies[2];
static bool used[2]; /* the login was the consent for the first signature */

/* ---- signing ---- */

static void open_all(void)
{
    for (int role = AUTH; role <= SIGN; role++) {
        certificates[role] = check_load(world_card(CARD_1), role == AUTH ? "auth.pem" : "sign.pem");
        assert_non_null(certificates[role]);
        CK_SLOT_ID slot = user_first((enum role)role);
        for (int i = 0; i < SESSIONS; i++)
            sessions[role][i] = user_open_slot(slot);
        user_login(sessions[role][0], (enum role)role);
        keys[role] = user_key(sessions[role][0]);
    }
}

static void sign_one(unsigned long number)
{
    enum role role = number % CONSENTS == 0 ? SIGN : AUTH;
    CK_SESSION_HANDLE session = sessions[role][number / CONSENTS % SESSIONS];
    CK_MECHANISM_TYPE type = role == AUTH ? CKM_SHA256_RSA_PKCS : CKM_RSA_PKCS;
    char text[32];
    uint8_t signature[SIGNATURE];
    int len = snprintf(text, sizeof(text), "message %lu", number);
    uint64_t start = latency_now();
    assert_rv(user_sign_init(session, type, keys[role]), CKR_OK);
    if (role == SIGN && used[role])
        assert_rv(user_try_login(session, CKU_CONTEXT_SPECIFIC, SIGN_PIN), CKR_OK);
    assert_rv(user_sign_data(session, text, (size_t)len, signature), CKR_OK);
    latency_add(&latencies[role], start);
    used[role] = true;
    assert_true(check_mechanism(certificates[role], type, text, (size_t)len, signature, SIGNATURE));
}

/* ---- the history ---- */

/* Each line ends with the hash of the one before; how many lines are of a signature that was made.
 */
static unsigned long signatures_in_history(void)
{
    char path[512], expected[80], hash[2 * SHA256_DIGEST_LENGTH + 1], *line = NULL;
    unsigned long signatures = 0;
    size_t room = 0;
    ssize_t len;
    memset(hash, '0', sizeof(hash) - 1);
    hash[sizeof(hash) - 1] = '\0';
    snprintf(path, sizeof(path), "%s/jpki-pkcs11/history.jsonl", getenv("XDG_STATE_HOME"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((len = getline(&line, &room, file)) > 0) {
        uint8_t bytes[SHA256_DIGEST_LENGTH];
        int end = snprintf(expected, sizeof(expected), "\"prev\":\"%s\"}\n", hash);
        assert_true(len > end);
        assert_string_equal(line + len - end, expected);
        SHA256((const uint8_t *)line, (size_t)len - 1, bytes);
        for (size_t i = 0; i < sizeof(bytes); i++)
            snprintf(hash + 2 * i, 3, "%02x", bytes[i]);
        signatures += strstr(line, "\"operation\":\"sign\"") != NULL &&
                      strstr(line, "\"result\":\"CKR_OK\"") != NULL;
    }
    free(line);
    fclose(file);
    return signatures;
}

/* ---- the test ---- */

static void test_many_signatures(void **state)
{
    (void)state;
    struct process before, after;
    open_all();
    for (unsigned long i = 0; i < WARM_UP; i++)
        sign_one(i);
    assert_true(process_look(&before));
    memset(latencies, 0, sizeof(latencies));
    for (unsigned long i = 0; i < wanted; i++)
        sign_one(i);
    assert_true(process_look(&after));
    process_print("before", &before);
    process_print("after ", &after);
    latency_print(&latencies[AUTH], "authentication key");
    latency_print(&latencies[SIGN], "signature key, with its context login");
    assert_true(process_is_flat(&before, &after, 4096, 2, 1 << 20));
    assert_int_equal(signatures_in_history(), WARM_UP + wanted);
    for (int role = AUTH; role <= SIGN; role++)
        X509_free(certificates[role]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_many_signatures),
    };
    if (argc > 1)
        wanted = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests_name("load", tests, world_setup, world_teardown);
}
