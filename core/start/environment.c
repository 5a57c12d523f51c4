/*
 * Changes the environment vector in place.
 *
 * In a glibc program the constructor runs before libc has set environ.  Later environ,
 * getenv(3) and main's third argument all show the vector on the stack, so that one is
 * changed.  The vector never grows beyond its old end, or the room that the launcher
 * has left behind it.  Slots that become free are set to NULL.  Some runtimes (Go's)
 * look for the auxiliary vector behind the first NULL: there they must find an empty
 * one, not old pointers.  Then they read /proc/self/auxv.
 */
#include "start.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char library[] = "libdz.so";
static const char separators[] = ": "; /* of LD_PRELOAD, ld.so(8) */

/* Returns whether the LD_PRELOAD entry of that length is this library. */
static bool is_ours(const char *entry, size_t length)
{
    size_t own = sizeof library - 1;

    return length >= own && memcmp(entry + length - own, library, own) == 0 &&
           (length == own || entry[length - own - 1] == '/');
}

/*
 * Returns whether an entry of an LD_PRELOAD value is ours.  If keep is not NULL, copies
 * the other entries there, in order, each behind the separator that was before it.
 * keep may be value itself.
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

/* Adds an LD_PRELOAD entry.  A relative path with a slash becomes absolute; ld.so(8)
 * searches its own directories for a name without one. */
static void add_absolute(struct dz_text *text, const char *cwd, const char *entry,
                         size_t length)
{
    if (entry[0] != '/' && memchr(entry, '/', length) != NULL) {
        dz_add(text, cwd);
        dz_add_char(text, '/');
    }
    dz_add_bytes(text, entry, length);
}

int dz_keep_preload(struct dz_start *start, struct dz_fault *fault)
{
    struct dz_text text = dz_text(start->preload, sizeof start->preload);
    const char *value = start->passes_on ? dz_env(start->envp, "LD_PRELOAD") : NULL;
    char cwd[PATH_MAX];

    if (value == NULL)
        return 0;
    if (getcwd(cwd, sizeof cwd) == NULL)
        return dz_fault(fault, "environment", "LD_PRELOAD", errno, NULL);
    dz_add(&text, "LD_PRELOAD=");
    while (*value != '\0') {
        size_t length = strcspn(value, separators);
        add_absolute(&text, cwd, value, length);
        value += length;
        length = strspn(value, separators);
        dz_add_bytes(&text, value, length);
        value += length;
    }
    if (text.cut)
        return dz_fault(fault, "environment", "LD_PRELOAD", ENAMETOOLONG, NULL);
    return dz_set_variable(start, "LD_PRELOAD", start->preload, fault);
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

/* Returns whether the entry is to be removed.  Takes our library out of an LD_PRELOAD
 * that stays. */
static bool drop(const struct dz_start *start, char *entry)
{
    char *preload = start->passes_on ? NULL : dz_env_value(entry, "LD_PRELOAD");

    if (preload != NULL && walk_preload(preload, NULL)) {
        walk_preload(preload, preload);
        return *preload == '\0';
    }
    /* systemd also sets this beside LISTEN_PID, and it names the old process. */
    if (start->mode == DZ_LEAVE && start->listen_fds > 0 &&
        dz_env_value(entry, "LISTEN_PIDFDID") != NULL)
        return true;
    return strncmp(entry, "DZ_", 3) == 0;
}

/* Returns the entry that name may take: its own, a DZ_* that is going to be removed, or
 * a spare one.  Returns NULL if there is none. */
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
        /* There is room: the library was asked for by a DZ_* that was removed. */
        bool reopen = start->plan->reopen;
        dz_inside_write(start->plan, reopen ? dz_stream_log(start, 1) : NULL,
                        reopen ? dz_stream_log(start, 2) : NULL, -1, start->inside);
        *to = start->inside;
    }
    return 0;
}
