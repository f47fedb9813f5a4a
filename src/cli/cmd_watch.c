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

/* TEXT, of the history or of the translations, as UTF-8 that cannot deceive; to be freed by
 * g_free(). */
static char *safe(const char *text)
{
    GString *out = g_string_new(NULL);
    char *converted = g_utf8_validate(text, -1, NULL)
                          ? g_strdup(text)
                          : g_locale_to_utf8(text, -1, NULL, NULL, NULL);
    char *valid = converted != NULL ? converted : g_utf8_make_valid(text, -1);
    for (char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_string_append_unichar(out, g_unichar_isprint(c) && !print_turns(c) ? c : '?');
    }
    g_free(valid);
    return g_string_free(out, FALSE);
}

/* PROGRAM without what a desktop would take for markup; to be freed by g_free(). */
static char *program_text(const char *program)
{
    char *whole = safe(program[0] != '\0' ? program : _("program not known"));
    const char *end = whole;
    if (strlen(whole) > SHOWN) {
        end = whole + (strlen(whole) - SHOWN);
        while (((unsigned char)*end & 0xC0) == 0x80) /* not in the middle of a character */
            end++;
    }
    char *shown = g_strconcat(end != whole ? "…" : "", end, NULL);
    char *escaped = g_markup_escape_text(shown, -1);
    g_free(shown);
    g_free(whole);
    return escaped;
}

static char *title_of(const struct past_line *line)
{
    char text[256];
    snprintf(text, sizeof(text), _("My Number Card: %s (%s)"), past_operation_text(line->operation),
             past_result_text(line->result));
    return safe(text);
}

static void notify_use(void *context, const struct past_line *line)
{
    bool done = strcmp(line->result, "CKR_OK") == 0;
    char when[PRINT_TIME];
    GError *error = NULL;
    bool *failed = context;
    print_time(line->time, when);
    char *title = title_of(line);
    char *program = program_text(line->program);
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
    g_free(title);
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
    code = past_follow(_("Each use of the card will be shown. ^C ends this."), notify_use, &failed);
    notify_uninit();
    return code;
}
