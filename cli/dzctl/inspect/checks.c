/*
 * The rows of the table.
 */
#include "inspect.h"

#include <errno.h>
#include <string.h>

struct check *add_check(struct report *report, enum mark mark, const char *name,
                        const char *value, const char *why)
{
    report->checks =
        grown(report->checks, (report->count + 1) * sizeof *report->checks);
    struct check *check = &report->checks[report->count++];
    *check = (struct check){.mark = mark, .name = name, .value = value, .why = why};
    return check;
}

struct check *add_unseen(struct report *report, const char *name, int err)
{
    bool forbidden = err == EACCES || err == EPERM;

    return add_check(report, MARK_UNSEEN, name,
                     forbidden ? "not permitted to see"
                               : text_of("cannot be read: %s", strerror(err)),
                     forbidden ? "try as its user, or as root" : "unknown");
}
