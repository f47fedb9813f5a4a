/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki watch: a notification on the desktop at each use of the card.
 */
#include <stdio.h>
#include <string.h>

#include <libnotify/notify.h>

#include "cli/cli.h"
#include "cli/past.h"
#include "cli/print.h"

/* Beyond this many bytes the end of a path is what tells. */
#define SHOWN 120

static const char *program_text(const char *program)
{
    size_t len = strlen(program);
    if (len == 0)
        return _("program not known");
    return len <= SHOWN ? program : program + (len - SHOWN);
}

/* TEXT without what a desktop would take for markup, or could not show; to be freed by g_free(). */
static char *plain(const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);
    char *escaped = g_markup_escape_text(valid, -1);
    g_free(valid);
    return escaped;
}

static void notify_use(void *context, const struct past_line *line)
{
    bool done = strcmp(line->result, "CKR_OK") == 0;
    char when[PRINT_TIME], title[160];
    GError *error = NULL;
    bool *failed = context;
    print_time(line->time, when);
    snprintf(title, sizeof(title), _("My Number Card: %s (%s)"),
             past_operation_text(line->operation), past_result_text(line->result));
    char *program = plain(program_text(line->program));
    char *body = g_strdup_printf("%s\n%s", program, when);
    NotifyNotification *note =
        notify_notification_new(title, body, done ? "dialog-information" : "dialog-warning");
    notify_notification_set_urgency(note, done ? NOTIFY_URGENCY_NORMAL : NOTIFY_URGENCY_CRITICAL);
    if (!notify_notification_show(note, &error) && !*failed) {
        *failed = true; /* said once: the desktop may come back */
        cli_complain(_("the desktop cannot be told: %s"), error->message);
    }
    g_clear_error(&error);
    g_object_unref(note);
    g_free(body);
    g_free(program);
}

int cmd_watch(const struct cli_command *self, int argc, char **argv)
{
    bool failed = false;
    int first, code;
    if (!cli_options(self, NULL, 0, argc, argv, 0, 0, &first, &code))
        return code;
    if (!notify_init("jpki")) {
        cli_complain(_("there is no desktop here to be told"));
        return CLI_FAILED;
    }
    past_follow(_("Each use of the card will be shown. ^C ends this."), notify_use, &failed);
    notify_uninit();
    return CLI_OK;
}
