/*
 * Looks for a text in a file that grows.
 */
#include "job.h"

#include <string.h>

enum { BLOCK = 2 * DZ_SEARCH_MAX };

/* Returns whether the bytes contain the text. */
static bool contains(const char *bytes, size_t size, const char *text, size_t length)
{
    const char *end = bytes + size;
    const char *at = bytes;

    while (at + length <= end &&
           (at = memchr(at, text[0], (size_t)(end - at) - length + 1)) != NULL) {
        if (memcmp(at, text, length) == 0)
            return true;
        at++;
    }
    return false;
}

bool dz_search_file(int fd, int64_t *at, const char *text, size_t length)
{
    char data[BLOCK];
    struct dz_stat about;
    bool found = false;
    ssize_t n = BLOCK;

    if (dz_stat(fd, "", true, &about) == 0 && (int64_t)about.size < *at)
        *at = 0; /* truncated, or rotated */
    while (!found && n == BLOCK) {
        n = dz_read_at(fd, data, BLOCK, *at);
        if (n < (ssize_t)length)
            break;
        found = contains(data, (size_t)n, text, length);
        *at += n - (ssize_t)length + 1;
    }
    return found;
}
