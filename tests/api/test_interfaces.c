/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Function lists and interfaces (PKCS#11 3.2, sections 3.9 and 5.4): what programs ask for before
 * anything else, and mostly before C_Initialize.
 */
#include "world.h"

#include <string.h>

#define NAME "PKCS 11"

static CK_UTF8CHAR name[] = NAME;
static CK_UTF8CHAR bogus_name[] = "Vendor NSS FIPS Interface";

static CK_INTERFACE *get(CK_UTF8CHAR *wanted, CK_BYTE major, CK_BYTE minor)
{
    CK_VERSION version = {major, minor};
    CK_INTERFACE *interface = NULL;
    assert_rv(C_GetInterface(wanted, &version, &interface, 0), CKR_OK);
    assert_non_null(interface);
    assert_string_equal(interface->pInterfaceName, NAME);
    CK_VERSION *has = interface->pFunctionList;
    assert_non_null(has);
    assert_int_equal(has->major, major);
    assert_int_equal(has->minor, minor);
    return interface;
}

static void test_function_list(void **state)
{
    (void)state;
    CK_FUNCTION_LIST *list = NULL;
    assert_rv(C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
    assert_rv(C_GetFunctionList(&list), CKR_OK);
    assert_non_null(list);
    assert_int_equal(list->version.major, 2);
    assert_int_equal(list->version.minor, 40);
#define MEMBER(function) assert_true(list->function != NULL);
    PKCS11_FUNCTIONS_2_40(MEMBER)
#undef MEMBER
    CK_FUNCTION_LIST *again = NULL;
    assert_rv(C_GetFunctionList(&again), CKR_OK);
    assert_ptr_equal(list, again);
}

/* The lists hold the exported functions themselves, but for what tells their version. */
static bool is(const void *member, const void *function, const char *of)
{
    if (strcmp(of, "C_GetInfo") == 0)
        return memcmp(member, (const char[sizeof(void (*)(void))]){0}, sizeof(void (*)(void))) != 0;
    return memcmp(member, function, sizeof(void (*)(void))) == 0;
}

#define MEMBER(function)                                                                           \
    {                                                                                              \
        __typeof__(function) *own = function;                                                      \
        assert_true(is(&list->function, &own, #function));                                         \
    }

static void test_members_2_40(void **state)
{
    (void)state;
    CK_FUNCTION_LIST *list = get(name, 2, 40)->pFunctionList;
    PKCS11_FUNCTIONS_2_40(MEMBER)
}

static void test_members_3_0(void **state)
{
    (void)state;
    CK_FUNCTION_LIST_3_0 *list = get(name, 3, 0)->pFunctionList;
    PKCS11_FUNCTIONS_2_40(MEMBER)
    PKCS11_FUNCTIONS_3_0(MEMBER)
}

static void test_members_3_2(void **state)
{
    (void)state;
    CK_FUNCTION_LIST_3_2 *list = get(name, 3, 2)->pFunctionList;
    PKCS11_FUNCTIONS_2_40(MEMBER)
    PKCS11_FUNCTIONS_3_0(MEMBER)
    PKCS11_FUNCTIONS_3_2(MEMBER)
}

static void test_without_name_or_version(void **state)
{
    (void)state;
    CK_INTERFACE *interface = NULL;
    CK_VERSION newest = {3, 2};
    assert_rv(C_GetInterface(NULL, NULL, &interface, 0), CKR_OK);
    assert_ptr_equal(interface, get(NULL, newest.major, newest.minor));
    assert_rv(C_GetInterface(name, NULL, &interface, 0), CKR_OK);
    assert_ptr_equal(interface, get(name, newest.major, newest.minor));
    get(NULL, 2, 40);
    get(NULL, 3, 0);
}

/* Never another list than the one that was asked for: programs cast it to what they wanted. */
static void test_bogus(void **state)
{
    (void)state;
    const CK_VERSION bogus[] = {{0, 0}, {2, 0}, {2, 20}, {2, 41}, {3, 1}, {3, 3}, {4, 0}, {3, 255}};
    CK_INTERFACE untouched = {0}, *interface;
    for (size_t i = 0; i < sizeof(bogus) / sizeof(bogus[0]); i++) {
        CK_VERSION version = bogus[i];
        interface = &untouched;
        assert_int_not_equal(C_GetInterface(name, &version, &interface, 0), CKR_OK);
        assert_int_not_equal(C_GetInterface(NULL, &version, &interface, 0), CKR_OK);
    }
    CK_VERSION good = {3, 0};
    CK_UTF8CHAR empty[] = "", longer[] = NAME "x", shorter[] = "PKCS 1", other_case[] = "pkcs 11";
    assert_int_not_equal(C_GetInterface(bogus_name, NULL, &interface, 0), CKR_OK);
    assert_int_not_equal(C_GetInterface(bogus_name, &good, &interface, 0), CKR_OK);
    assert_int_not_equal(C_GetInterface(empty, NULL, &interface, 0), CKR_OK);
    assert_int_not_equal(C_GetInterface(longer, NULL, &interface, 0), CKR_OK);
    assert_int_not_equal(C_GetInterface(shorter, NULL, &interface, 0), CKR_OK);
    assert_int_not_equal(C_GetInterface(other_case, NULL, &interface, 0), CKR_OK);
    assert_rv(C_GetInterface(name, &good, NULL, 0), CKR_ARGUMENTS_BAD);
}

/* It would promise that sessions and logins live on in a forked child. */
static void test_fork_safe(void **state)
{
    (void)state;
    CK_INTERFACE *interface = NULL;
    CK_VERSION version = {3, 0};
    assert_int_not_equal(C_GetInterface(name, &version, &interface, CKF_INTERFACE_FORK_SAFE),
                         CKR_OK);
    assert_int_not_equal(C_GetInterface(NULL, NULL, &interface, CKF_INTERFACE_FORK_SAFE), CKR_OK);
}

static void test_list(void **state)
{
    (void)state;
    CK_INTERFACE list[8];
    CK_ULONG count = 99;
    assert_rv(C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(C_GetInterfaceList(list, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(C_GetInterfaceList(NULL, &count), CKR_OK);
    assert_int_equal(count, 3);
    CK_ULONG room = 2;
    assert_rv(C_GetInterfaceList(list, &room), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(room, 3);
    room = 8;
    assert_rv(C_GetInterfaceList(list, &room), CKR_OK);
    assert_int_equal(room, 3);
    for (CK_ULONG i = 0; i < room; i++) {
        assert_string_equal(list[i].pInterfaceName, NAME);
        assert_int_equal(list[i].flags & CKF_INTERFACE_FORK_SAFE, 0);
        const CK_VERSION *version = list[i].pFunctionList;
        assert_ptr_equal(get(name, version->major, version->minor)->pFunctionList,
                         list[i].pFunctionList);
        for (CK_ULONG j = 0; j < i; j++)
            assert_ptr_not_equal(list[i].pFunctionList, list[j].pFunctionList);
    }
}

/* Each list tells the version that its program has compiled for. */
static void test_versions(void **state)
{
    (void)state;
    static const CK_BYTE versions[][2] = {{2, 40}, {3, 0}, {3, 2}};
    CK_INFO first = {0};
    for (size_t i = 0; i < 3; i++) {
        CK_FUNCTION_LIST *list = get(name, versions[i][0], versions[i][1])->pFunctionList;
        CK_INFO info;
        memset(&info, 0xA5, sizeof(info));
        assert_rv(list->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
        assert_rv(list->C_GetInfo(&info), CKR_OK);
        assert_int_equal(info.cryptokiVersion.major, versions[i][0]);
        assert_int_equal(info.cryptokiVersion.minor, versions[i][1]);
        assert_int_equal(info.flags, 0); /* section 3.1: must be zero */
        for (size_t k = 0; k < sizeof(info.manufacturerID); k++)
            assert_int_not_equal(info.manufacturerID[k], 0); /* blank padded, no terminator */
        for (size_t k = 0; k < sizeof(info.libraryDescription); k++)
            assert_int_not_equal(info.libraryDescription[k], 0);
        if (i > 0) {
            assert_memory_equal(info.manufacturerID, first.manufacturerID,
                                sizeof(info.manufacturerID));
            assert_memory_equal(&info.libraryVersion, &first.libraryVersion,
                                sizeof(info.libraryVersion));
        }
        first = info;
    }
}

/* Asking for lists talks to nobody, initialised or not. */
static void test_silent(void **state)
{
    (void)state;
    twin_calls_clear();
    get(name, 3, 2);
    CK_FUNCTION_LIST *list;
    assert_rv(C_GetFunctionList(&list), CKR_OK);
    assert_int_equal(twin_calls(), 0);
    assert_int_equal(twin_commands(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_function_list),
        world_test(test_members_2_40),
        world_test(test_members_3_0),
        world_test(test_members_3_2),
        world_test(test_without_name_or_version),
        world_test(test_bogus),
        world_test(test_fork_safe),
        world_test(test_list),
        world_test_initialized(test_versions),
        world_test(test_silent),
        world_test_initialized(test_silent),
    };
    return cmocka_run_group_tests_name("interfaces", tests, world_setup, world_teardown);
}
