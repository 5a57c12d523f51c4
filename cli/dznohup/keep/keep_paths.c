/*
 * Paths that each run needs: the keeper does not stay in the caller's directory.
 */
#include "keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Returns an absolute copy of the path, which is never freed, or NULL and sets errno.
 */
static const char *absolute(const char *path, int length)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    struct dz_text text = dz_text(from, sizeof from);

    dz_add_bytes(&text, path, (size_t)length);
    if (text.cut) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return dz_make_absolute(from, to) < 0 ? NULL : strdup(to);
}

int keep_paths(struct dz_plan *plan, struct dz_fault *fault)
{
    const char *directory = plan->chdir;

    if (directory != NULL && strcmp(directory, ".") != 0 &&
        (plan->chdir = absolute(directory, (int)strlen(directory))) == NULL)
        return dz_fault(fault, "chdir", directory, errno, NULL);
    for (int i = 0; i < plan->wait.count; i++) {
        struct dz_condition *condition = &plan->wait.list[i];
        if (condition->kind != DZ_WAIT_PATH)
            continue;
        condition->path = absolute(condition->path, condition->path_length);
        if (condition->path == NULL)
            return dz_fault(fault, "wait", "path", errno, NULL);
        condition->path_length = (int)strlen(condition->path);
    }
    return 0;
}
