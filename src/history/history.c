/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history/history.h"

#include <errno.h>
#include <pthread.h>

#include "history/chain.h"
#include "history/histfile.h"
#include "history/line.h"
#include "history/system_log.h"
#include "support/log.h"

/* What a thread of the host must not notice: errno, and that it could have been cancelled in here,
 * with files open and the lock held. */
struct guest {
    int error, cancel;
};

static void guest_enter(struct guest *guest)
{
    guest->error = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guest->cancel);
}

static void guest_leave(const struct guest *guest)
{
    pthread_setcancelstate(guest->cancel, NULL);
    errno = guest->error;
}

static enum err ready_file(void)
{
    struct histfile file;
    enum err e = histfile_open(&file);
    histfile_close(&file);
    return e;
}

static enum err add_to_file(const struct line_origin *origin, const struct history_event *event)
{
    struct histfile file;
    enum err e = histfile_open(&file);
    if (e == ERR_OK)
        e = histfile_lock(&file);
    if (e == ERR_OK)
        e = chain_add(&file, origin, event);
    if (!histfile_close(&file) && e == ERR_OK) {
        log_write(LOG_WARNING, "the usage history may lack its last line: it could not be stored");
        e = ERR_NOT_RECORDED;
    }
    return e;
}

enum err history_ready(enum config_history target)
{
    struct guest guest;
    enum err e = ERR_NOT_RECORDED;

    guest_enter(&guest);
    switch (target) {
    case CONFIG_HISTORY_NO:
        log_write(LOG_WARNING, "nothing can be recorded: the setting 'history' is 'no'");
        break;
    case CONFIG_HISTORY_FILE:
        e = ready_file();
        break;
    case CONFIG_HISTORY_SYSLOG:
        e = system_log_ready(SYSTEM_LOG_SOCKET);
        break;
    }
    guest_leave(&guest);
    return e;
}

enum err history_add(enum config_history target, const struct history_event *event)
{
    struct guest guest;
    struct line_origin origin;
    enum err e = ERR_NOT_RECORDED;

    if (target == CONFIG_HISTORY_NO)
        return ERR_OK;
    guest_enter(&guest);
    line_origin_find(&origin);
    if (target == CONFIG_HISTORY_FILE)
        e = add_to_file(&origin, event);
    else if (target == CONFIG_HISTORY_SYSLOG)
        e = system_log_add(SYSTEM_LOG_SOCKET, &origin, event);
    guest_leave(&guest);
    return e;
}
