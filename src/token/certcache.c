/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/certcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "card/der.h"
#include "crypto/digest.h"
#include "support/descriptor.h"
#include "support/folder.h"
#include "support/log.h"
#include "support/smallfile.h"

#define PREFIX "certificate-"
#define NAME_SIZE (sizeof(PREFIX) + (size_t)(2 * DIGEST_SHA256_SIZE))
#define FILES_MAX 96 /* three for each card */
#define FILE_SIZE (DER_CERTIFICATE_MAX + (size_t)DIGEST_SHA256_SIZE)

static enum err hash_key(const uint8_t *identity, uint16_t file, uint8_t *hash)
{
    const uint8_t number[] = {(uint8_t)(file >> 8), (uint8_t)file};
    struct digest *d = digest_new(DIGEST_SHA256);
    enum err e = d == NULL ? ERR_CRYPTO : digest_update(d, bytes_of(identity, DIGEST_SHA256_SIZE));
    if (e == ERR_OK)
        e = digest_update(d, bytes_of(number, sizeof(number)));
    if (e == ERR_OK)
        e = digest_final(d, hash);
    digest_free(d);
    return e;
}

static bool make_name(const uint8_t *identity, uint16_t file, char name[NAME_SIZE])
{
    uint8_t hash[DIGEST_MAX];
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    if (hash_key(identity, file, hash) != ERR_OK)
        return false;
    bytes_hex(bytes_of(hash, DIGEST_SHA256_SIZE), hex);
    snprintf(name, NAME_SIZE, PREFIX "%s", hex);
    return true;
}

/* Whether KEPT is a whole certificate, and behind it its own SHA-256. */
static bool is_sound(struct bytes kept, struct bytes *der)
{
    uint8_t hash[DIGEST_MAX];
    size_t size;
    return bytes_take(&kept, kept.len < DIGEST_SHA256_SIZE ? 0 : kept.len - DIGEST_SHA256_SIZE,
                      der) &&
           der_certificate_size(*der, &size) == ERR_OK && size == der->len &&
           digest_once(DIGEST_SHA256, *der, hash) == ERR_OK &&
           bytes_equal(kept, bytes_of(hash, DIGEST_SHA256_SIZE));
}

bool certcache_find(const uint8_t identity[DIGEST_SHA256_SIZE], uint16_t file, struct buffer *der)
{
    uint8_t room[FILE_SIZE];
    char name[NAME_SIZE];
    struct bytes found;
    size_t len;
    int saved = errno;
    int folder = folder_cache(false);
    bool ok = folder >= 0 && make_name(identity, file, name) &&
              smallfile_read(folder, name, room, sizeof(room), &len) &&
              is_sound(bytes_of(room, len), &found) && buffer_set(der, found);
    if (folder >= 0)
        close(folder);
    errno = saved;
    return ok;
}

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* A desk that meets many cards is not to fill its disk: beyond FILES_MAX, the oldest goes. What a
 * program that was killed has left half written goes so, too. */
static void make_room(int folder)
{
    char oldest[256] = "";
    struct timespec when = {0};
    unsigned count = 0;
    struct dirent *entry;
    struct stat st;
    int copy = descriptor_above_standard(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
            fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        count++;
        if (oldest[0] == '\0' || is_before(st.st_mtim, when)) {
            snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
            when = st.st_mtim;
        }
    }
    if (count > FILES_MAX)
        unlinkat(folder, oldest, 0);
    if (dir != NULL)
        closedir(dir);
    else if (copy >= 0)
        close(copy);
}

void certcache_keep(const uint8_t identity[DIGEST_SHA256_SIZE], uint16_t file, struct bytes der)
{
    uint8_t room[FILE_SIZE], hash[DIGEST_MAX];
    char name[NAME_SIZE];
    struct writer w;
    int saved = errno;
    if (digest_once(DIGEST_SHA256, der, hash) != ERR_OK || !make_name(identity, file, name))
        return;
    writer_init(&w, room, sizeof(room));
    writer_bytes(&w, der);
    writer_bytes(&w, bytes_of(hash, DIGEST_SHA256_SIZE));
    struct bytes made = writer_result(&w);
    int folder = folder_cache(true);
    if (folder < 0 || !smallfile_write(folder, name, made.data, made.len))
        log_write(LOG_INFO, "the certificate cannot be kept for the next program: %s",
                  strerror(errno));
    if (folder >= 0) {
        make_room(folder);
        close(folder);
    }
    errno = saved;
}

void certcache_forget(const uint8_t identity[DIGEST_SHA256_SIZE], uint16_t file)
{
    char name[NAME_SIZE];
    int saved = errno;
    int folder = folder_cache(false);
    if (folder >= 0 && make_name(identity, file, name))
        unlinkat(folder, name, 0);
    if (folder >= 0)
        close(folder);
    errno = saved;
}
