/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Why inih reads the settings and not a parser of our own: what a line "key = value ; comment"
 * means is then what it means in other programs, and that code has been fuzzed by others.
 *
 * Why it does not read the file by itself: it cuts a line that is too long for its buffer and
 * takes the rest for the next line, appends an indented line to the setting above it, ends a line
 * at a zero byte, and reports only the number of the first line that it could not read. Each of
 * these could silently turn a setting into another one. So it is given its lines one by one by
 * next_line(), which refuses such lines with a complaint, and which notices at the following call
 * when a line has become no setting. That also makes us independent of inih's variables
 * (ini_allow_multiline and others), which belong to the whole process and may have been changed.
 */
#include "support/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTION_NONE ""
#define SECTION_ENFORCED "enforced"
#define SECTION_UNKNOWN "?" /* stands for all of them */

struct source {
    struct config_state *state;
    const char *file;
    enum config_owner owner;
    const char *rest; /* what has not been read */
    size_t rest_len;
    unsigned line_number;
    const char *line; /* the current one, without its end */
    size_t line_len;
    bool waiting;        /* for on_setting() to be called for this line */
    const char *section; /* in which this line stands */
};

/* Settings in a section that may not be there are not lost, since a slip in "[enforced]" must not
 * make anything less safe: they count where they are the stricter ones. */
static struct config_place place_of(const struct source *src, const char *section)
{
    struct config_place place = {.source = src->file, .line = src->line_number};

    if (strcmp(section, SECTION_NONE) != 0) {
        place.enforce = src->owner == CONFIG_OF_SYSTEM;
        place.stricter_only = strcmp(section, SECTION_ENFORCED) != 0;
    }
    return place;
}

static void refuse(struct source *src, const char *why)
{
    struct config_place place = place_of(src, src->section);

    config_state_complain(src->state, &place, "%s", why);
    config_state_spoil(src->state, &place, src->line, src->line_len);
}

/* Makes the next line the current one. False at the end. */
static bool advance(struct source *src)
{
    const char *end;

    if (src->rest_len == 0)
        return false;
    end = memchr(src->rest, '\n', src->rest_len);
    src->line = src->rest;
    src->line_len = end == NULL ? src->rest_len : (size_t)(end - src->rest);
    src->rest += src->line_len;
    src->rest_len -= src->line_len;
    if (end != NULL) {
        src->rest++;
        src->rest_len--;
    }
    if (src->line_len > 0 && src->line[src->line_len - 1] == '\r')
        src->line_len--;
    src->line_number++;
    return true;
}

static bool is_blank(const char *text, size_t len)
{
    return strspn(text, " \t") >= len;
}

static bool is_comment(const char *text, size_t len)
{
    size_t blanks = strspn(text, " \t");

    return blanks < len && (text[blanks] == '#' || text[blanks] == ';');
}

static bool has_control(const struct source *src)
{
    for (size_t i = 0; i < src->line_len; i++) {
        unsigned char c = (unsigned char)src->line[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

/* What is wrong with the current line, so that inih may not see it, or NULL. ROOM is the size of
 * inih's buffer, which also takes the newline and a zero. */
static const char *fault(const struct source *src, size_t room)
{
    if (has_control(src))
        return "the line holds a control character: ignored";
    if (src->line[0] == ' ' || src->line[0] == '\t')
        return "the line is indented, which settings may not be: ignored";
    if (src->line_len + 2 > room)
        return "the line is too long: ignored";
    return NULL;
}

/* The current line begins a section. */
static const char *section_of(struct source *src)
{
    static const char header[] = "[" SECTION_ENFORCED "]";
    const size_t len = sizeof(header) - 1;
    struct config_place place = {.source = src->file, .line = src->line_number};
    bool known = src->line_len >= len && memcmp(src->line, header, len) == 0 &&
                 is_blank(src->line + len, src->line_len - len);

    if (known && src->owner == CONFIG_OF_SYSTEM)
        return SECTION_ENFORCED;
    config_state_complain(src->state, &place,
                          known ? "only the system's settings can have the section [enforced]; "
                                  "what follows counts only where it is stricter"
                                : "there is no such section; what follows counts only where it "
                                  "is stricter");
    return SECTION_UNKNOWN;
}

/* Looks back at the line that inih got last. */
static void settle(struct source *src)
{
    if (src->waiting)
        refuse(src, "the line is not of the form 'key = value': ignored");
    src->waiting = false;
}

/* Whether inih is to see the current line. */
static bool usable(struct source *src, size_t room)
{
    const char *why;

    if (is_blank(src->line, src->line_len) || is_comment(src->line, src->line_len))
        return false;
    why = fault(src, room);
    if (why != NULL)
        refuse(src, why);
    return why == NULL;
}

/* What inih calls instead of fgets(). */
static char *next_line(char *buffer, int size, void *user)
{
    struct source *src = user;
    size_t room = size > 0 ? (size_t)size : 0;
    char *at = buffer;

    settle(src);
    do {
        if (room < sizeof("[" SECTION_ENFORCED "]\n") || !advance(src))
            return NULL;
    } while (!usable(src, room));
    if (src->line[0] == '[') {
        src->section = section_of(src);
        *at++ = '[';
        at = stpcpy(at, src->section);
        *at++ = ']';
    } else {
        at = mempcpy(at, src->line, src->line_len);
        src->waiting = true;
    }
    *at++ = '\n';
    *at = '\0';
    return buffer;
}

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
    struct source *src = user;
    struct config_place place = place_of(src, section);

    if (name == NULL || value == NULL) /* only with other values of inih's variables */
        return 1;
    src->waiting = false;
    config_state_set(src->state, &place, name, value);
    return 1;
}

static void parse(struct source *src)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some editors put it before UTF-8 */
    struct config_place place;

    if (src->rest_len >= 3 && memcmp(src->rest, mark, 3) == 0) {
        src->rest += 3;
        src->rest_len -= 3;
    }
    if (ini_parse_stream(next_line, src, on_setting, src) == -2)
        src->state->no_memory = true;
    settle(src);
    place = place_of(src, SECTION_NONE);
    if (src->rest_len > 0)
        config_state_complain(src->state, &place, "nothing was read after this line");
}

/* Why the settings in the file ST, opened for OWNER, may not be used, or NULL. */
static const char *objection(const struct stat *st, enum config_owner owner)
{
    if (!S_ISREG(st->st_mode))
        return "this is not a file: ignored";
    if ((st->st_mode & S_IWOTH) != 0)
        return "everybody may write to this file: ignored";
    if (owner == CONFIG_OF_USER && st->st_uid != geteuid() && st->st_uid != 0)
        return "this file belongs to somebody else: ignored";
    return NULL;
}

/* Reads up to SIZE bytes; fewer only at the end of the file. -1 with errno on failure. */
static ssize_t read_all(int fd, char *out, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, out + len, size - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static void read_open(struct config_state *state, int fd, const struct config_place *place,
                      enum config_owner owner)
{
    /* One byte more shows that the file is too long; the last one ends the text for strspn(). */
    char *text = calloc(1, CONFIG_FILE_MAX + 2);
    struct source src = {.state = state, .file = place->source, .owner = owner};
    ssize_t len;

    if (text == NULL) {
        state->no_memory = true;
        return;
    }
    len = read_all(fd, text, CONFIG_FILE_MAX + 1);
    if (len < 0) {
        config_state_complain(state, place, "cannot be read: %s", strerror(errno));
    } else if (len > CONFIG_FILE_MAX) {
        config_state_complain(state, place, "longer than %d bytes: ignored", CONFIG_FILE_MAX);
    } else {
        src.rest = text;
        src.rest_len = (size_t)len;
        src.section = SECTION_NONE;
        parse(&src);
    }
    free(text);
}

/* O_NONBLOCK: a FIFO in its place must not stop the host. Root follows no link that a user can
 * set; for the user himself a link is how many keep their settings. */
static int open_file(const char *file, enum config_owner owner)
{
    int no_links = owner == CONFIG_OF_USER && geteuid() == 0 ? O_NOFOLLOW : 0;

    return open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | no_links);
}

void config_file_read(struct config_state *state, const char *file, enum config_owner owner)
{
    struct config_place place = {.source = file};
    const char *why;
    struct stat st;
    int fd = open_file(file, owner);

    if (fd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            config_state_complain(state, &place, "cannot be opened: %s", strerror(errno));
        return;
    }
    if (fstat(fd, &st) != 0) {
        config_state_complain(state, &place, "cannot be looked at: %s", strerror(errno));
    } else {
        why = objection(&st, owner);
        if (why != NULL)
            config_state_complain(state, &place, "%s", why);
        else
            read_open(state, fd, &place, owner);
    }
    close(fd);
}
