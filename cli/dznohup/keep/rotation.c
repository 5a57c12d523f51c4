/*
 * Rotation: the log becomes log.1, log.1 becomes log.2 and so on, by rename(2).
 *
 * A rotation that was broken off has left a gap in the numbers.  Only the files below
 * the first gap are moved up, so the next rotation completes it, and no file goes
 * before its time.
 */
#include "pump.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes "PATH.NUMBER", for 0 PATH alone.  Returns 0, or -1 and sets errno. */
static int name_of(const char *path, int number, char name[PATH_MAX])
{
    struct dz_text text = dz_text(name, PATH_MAX);

    dz_add(&text, path);
    if (number > 0) {
        dz_add(&text, ".");
        dz_add_number(&text, number);
    }
    errno = ENAMETOOLONG;
    return text.cut ? -1 : 0;
}

/* Returns the first number without a file, at most count; or -1 and sets errno.  A file
 * that cannot be looked at may be there, and must not be replaced. */
static int first_gap(const char *path, int count)
{
    char name[PATH_MAX];
    struct stat about;

    for (int number = 1; number < count; number++) {
        if (name_of(path, number, name) < 0)
            return -1;
        if (lstat(name, &about) < 0)
            return errno == ENOENT ? number : -1;
    }
    return count;
}

int rotate_names(const char *path, int count)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    int gap = first_gap(path, count);

    if (gap < 0)
        return -1;
    for (int number = gap; number > 0; number--) {
        if (name_of(path, number, to) < 0 || name_of(path, number - 1, from) < 0 ||
            rename(from, to) < 0)
            return -1;
    }
    return 0;
}
