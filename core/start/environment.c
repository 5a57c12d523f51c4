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
    size_t same = 0;

    while (same < own && same < length &&
           entry[length - 1 - same] == library[own - 1 - same])
        same++;
    return same == own && (length == own || entry[length - own - 1] == '/');
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
        size_t length = dz_until(value, separators);
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

bool dz_names_library(const char *preload)
{
    return walk_preload(preload, NULL);
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

int dz_preloaded_name(char **envp, char name[PATH_MAX])
{
    const char *value = dz_env(envp, "LD_PRELOAD");

    name[0] = '\0';
    while (value != NULL && *value != '\0') {
        size_t length = dz_until(value, separators);
        if (is_ours(value, length)) {
            struct dz_text text = dz_text(name, PATH_MAX);
            dz_add_bytes(&text, value, length);
            if (text.cut)
                return -1;
        }
        value += length + (value[length] != '\0');
    }
    return name[0] != '\0' ? 0 : -1;
}

/* Returns whether the entry is to be removed.  Takes our library out of an LD_PRELOAD
 * that stays.  /proc/PID/environ shows no rest of it. */
static bool drop(const struct dz_start *start, char *entry)
{
    char *preload = dz_env_value(entry, "LD_PRELOAD");

    if (preload != NULL && walk_preload(preload, NULL)) {
        size_t length = strlen(preload);
        walk_preload(preload, preload);
        memset(preload + strlen(preload), 0, length - strlen(preload));
        if (*preload == '\0')
            memset(entry, 0, strlen(entry));
        return *entry == '\0';
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
        if (drop(start, entry))
            start->env_spare++;
        else
            *to++ = entry;
    }
    return 0;
}

/* Takes the last name out of an LD_PRELOAD, which was added with the separator before
 * it.  Returns whether nothing is left: then there was no LD_PRELOAD before. */
static bool cut_preload(char *value)
{
    size_t length = strlen(value);
    size_t rest = length;

    while (rest > 0 && strchr(separators, value[rest - 1]) == NULL)
        rest--;
    memset(value + (rest > 0 ? rest - 1 : 0), 0, length - (rest > 0 ? rest - 1 : 0));
    return rest == 0;
}

void dz_take_inside(char **envp)
{
    char **to = envp;

    for (char **from = envp; *from != NULL; from++) {
        char *entry = *from;
        char *preload = dz_env_value(entry, "LD_PRELOAD");
        *from = NULL;
        if (dz_env_value(entry, DZ_INSIDE) != NULL ||
            (preload != NULL && cut_preload(preload)))
            memset(entry, 0, strlen(entry));
        else
            *to++ = entry;
    }
}
