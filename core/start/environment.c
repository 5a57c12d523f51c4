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

/* What follows name and '=' in entry, or NULL. */
static char *value_of(char *entry, const char *name)
{
    size_t length = strlen(name);

    if (strncmp(entry, name, length) != 0 || entry[length] != '=')
        return NULL;
    return entry + length + 1;
}

char *dz_env(char **envp, const char *name)
{
    for (; *envp != NULL; envp++) {
        char *value = value_of(*envp, name);
        if (value != NULL)
            return value;
    }
    return NULL;
}

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

bool dz_env_preloaded(char **envp)
{
    for (; *envp != NULL; envp++) {
        const char *value = value_of(*envp, "LD_PRELOAD");
        if (value != NULL && walk_preload(value, NULL))
            return true;
    }
    return false;
}

/* Whether entry is to go; takes our library out of an LD_PRELOAD that stays. */
static bool drop(const struct dz_plan *plan, char *entry)
{
    char *preload = plan->passes_on ? NULL : value_of(entry, "LD_PRELOAD");

    if (preload != NULL && walk_preload(preload, NULL)) {
        walk_preload(preload, preload);
        return *preload == '\0';
    }
    /* systemd's newer check beside LISTEN_PID names the old process too. */
    if (plan->mode == DZ_LEAVE && plan->listen_fds > 0 &&
        value_of(entry, "LISTEN_PIDFDID") != NULL)
        return true;
    return strncmp(entry, "DZ_", 3) == 0;
}

int dz_pass_listen_fds(struct dz_plan *plan, struct dz_fault *fault)
{
    struct dz_text text = dz_text(plan->listen_text, sizeof plan->listen_text);

    (void)fault;
    if (plan->listen_fds == 0)
        return 0;
    dz_add(&text, "LISTEN_PID=");
    dz_add_number(&text, getpid());
    *plan->listen_pid = plan->listen_text;
    return 0;
}

/* The entry for name: its own, one that will be scrubbed anyway, a spare one. */
static char **slot_for(struct dz_plan *plan, const char *name)
{
    char **own = NULL;
    char **last = plan->envp;

    for (; *last != NULL; last++) {
        if (value_of(*last, name) != NULL)
            return last;
        if (own == NULL && strncmp(*last, "DZ_", 3) == 0)
            own = last;
    }
    if (own != NULL || plan->env_spare == 0)
        return own;
    plan->env_spare--;
    last[1] = NULL;
    return last;
}

int dz_env_set(struct dz_plan *plan, const char *name, char *entry,
               struct dz_fault *fault)
{
    char **slot = slot_for(plan, name);

    if (slot == NULL)
        return dz_fault(fault, "environment", name, ENOMEM, NULL);
    *slot = entry;
    return 0;
}

int dz_env_powers(struct dz_plan *plan, struct dz_fault *fault)
{
    static char unbuffered[] = "PYTHONUNBUFFERED=1";

    if ((plan->buffer != DZ_BUFFER_LINE && plan->buffer != DZ_BUFFER_NONE) ||
        dz_env(plan->envp, "PYTHONUNBUFFERED") != NULL)
        return 0;
    return dz_env_set(plan, "PYTHONUNBUFFERED", unbuffered, fault);
}

int dz_scrub(struct dz_plan *plan, struct dz_fault *fault)
{
    char **to = plan->envp;

    (void)fault;
    for (char **from = plan->envp; *from != NULL; from++) {
        char *entry = *from;
        *from = NULL;
        if (!drop(plan, entry))
            *to++ = entry;
    }
    if (plan->passes_on) {
        /* There is room: by one of the DZ_* that have gone the library is here. */
        dz_inside_write(plan, -1, plan->inside);
        *to = plan->inside;
    }
    return 0;
}
