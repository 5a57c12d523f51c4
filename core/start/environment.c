/*
 * The environment vector, looked at and changed in place.
 *
 * In place, because in a glibc program the constructor runs before libc has
 * set environ: the vector on the stack is what environ, getenv(3) and main's
 * third argument will all show.  It never grows beyond what it was, or what the
 * launcher has left free behind it.  The slots that become
 * free are all set to NULL: some runtimes (Go's) look for the auxiliary vector
 * behind the first NULL and must find an empty one, not old pointers; then
 * they take /proc/self/auxv.
 */
#include "start.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char library[] = "libdz.so";
static const char separators[] = ": "; /* of LD_PRELOAD, ld.so(8) */

/* Whether the LD_PRELOAD entry of that length is this library. */
static bool is_ours(const char *entry, size_t length)
{
    size_t own = sizeof library - 1;

    return length >= own && memcmp(entry + length - own, library, own) == 0 &&
           (length == own || entry[length - own - 1] == '/');
}

/*
 * Walk over the entries of an LD_PRELOAD value.  Where keep is not NULL the
 * entries that are not ours are moved together there, in order, each behind
 * the separator that stood before it; keep may be value itself.  Returns
 * whether an entry is ours.
 */
static bool walk_preload(const char *value, char *keep)
{
    bool found = false;
    char *out = keep;
    char before = '\0';

    while (*value != '\0') {
        size_t length = strcspn(value, separators);
        bool ours = is_ours(value, length);

        found |= ours;
        if (length > 0 && !ours && keep != NULL) {
            if (out != keep)
                *out++ = before;
            memmove(out, value, length);
            out += length;
        }
        value += length;
        if (*value != '\0')
            before = *value++;
    }
    if (keep != NULL)
        *out = '\0';
    return found;
}

bool dz_is_preloaded(char **envp)
{
    for (; *envp != NULL; envp++) {
        const char *value = dz_env_value(*envp, "LD_PRELOAD");
        if (value != NULL && walk_preload(value, NULL))
            return true;
    }
    return false;
}

/* Whether entry is to go; takes our library out of an LD_PRELOAD that stays. */
static bool drop(const struct dz_start *start, char *entry)
{
    char *preload = start->passes_on ? NULL : dz_env_value(entry, "LD_PRELOAD");

    if (preload != NULL && walk_preload(preload, NULL)) {
        walk_preload(preload, preload);
        return *preload == '\0';
    }
    /* systemd's newer check beside LISTEN_PID names the old process too. */
    if (start->mode == DZ_LEAVE && start->listen_fds > 0 &&
        dz_env_value(entry, "LISTEN_PIDFDID") != NULL)
        return true;
    return strncmp(entry, "DZ_", 3) == 0;
}

/* The entry for name: its own, one that will be scrubbed anyway, a spare one. */
static char **slot_for(struct dz_start *start, const char *name)
{
    char **own = NULL;
    char **last = start->envp;

    for (; *last != NULL; last++) {
        if (dz_env_value(*last, name) != NULL)
            return last;
        if (own == NULL && strncmp(*last, "DZ_", 3) == 0)
            own = last;
    }
    if (own != NULL || start->env_spare == 0)
        return own;
    start->env_spare--;
    last[1] = NULL;
    return last;
}

int dz_set_variable(struct dz_start *start, const char *name, char *entry,
                    struct dz_fault *fault)
{
    char **slot = slot_for(start, name);

    if (slot == NULL)
        return dz_fault(fault, "environment", name, ENOMEM, NULL);
    *slot = entry;
    return 0;
}

int dz_set_unbuffered(struct dz_start *start, struct dz_fault *fault)
{
    static char unbuffered[] = "PYTHONUNBUFFERED=1";

    if ((start->plan->buffer != DZ_BUFFER_LINE &&
         start->plan->buffer != DZ_BUFFER_NONE) ||
        dz_env(start->envp, "PYTHONUNBUFFERED") != NULL)
        return 0;
    return dz_set_variable(start, "PYTHONUNBUFFERED", unbuffered, fault);
}

int dz_clean_environment(struct dz_start *start, struct dz_fault *fault)
{
    char **to = start->envp;

    (void)fault;
    for (char **from = start->envp; *from != NULL; from++) {
        char *entry = *from;
        *from = NULL;
        if (!drop(start, entry))
            *to++ = entry;
    }
    if (start->passes_on) {
        /* There is room: by one of the DZ_* that have gone the library is here. */
        bool reopen = start->plan->reopen;
        dz_inside_write(start->plan, reopen ? dz_stream_log(start, 1) : NULL,
                        reopen ? dz_stream_log(start, 2) : NULL, -1, start->inside);
        *to = start->inside;
    }
    return 0;
}
