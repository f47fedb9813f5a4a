/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/cli.h"
#include "cli/past.h"

const char *past_result_text(const char *result)
{
    if (strcmp(result, "CKR_OK") == 0)
        return _("done");
    if (strcmp(result, "CKR_PIN_INCORRECT") == 0)
        return _("wrong PIN");
    if (strcmp(result, "CKR_PIN_LOCKED") == 0)
        return _("locked");
    if (strcmp(result, "CKR_PIN_INVALID") == 0 || strcmp(result, "CKR_PIN_LEN_RANGE") == 0)
        return _("no such PIN");
    if (strcmp(result, "CKR_FUNCTION_CANCELED") == 0)
        return _("cancelled");
    return strncmp(result, "CKR_", 4) == 0 ? result + 4 : result;
}

const char *past_operation_text(const char *operation)
{
    static const char *const words[][2] = {
        {"login", N_("login")},
        {"consent", N_("consent")},
        {"sign", N_("signature")},
        {"change-pin", N_("new PIN")},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(operation, words[i][0]) == 0)
            return _(words[i][1]);
    return operation;
}
