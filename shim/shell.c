/*
 * system(3) and popen(3).  libc executes the shell there by calls of its own, which are
 * not interposed.  So the shell is told to execute a second one, with our variables:
 *
 *     LD_PRELOAD='...' DZ_INSIDE='...' exec /bin/sh -c 'COMMAND' sh
 */
#include "shim.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

extern char **environ;

static const char shell[] = "/bin/sh";

/* Appends text in single quotes. */
static void add_quoted(struct dz_text *out, const char *text)
{
    dz_add_char(out, '\'');
    for (; *text != '\0'; text++)
        if (*text == '\'')
            dz_add(out, "'\\''");
        else
            dz_add_char(out, *text);
    dz_add_char(out, '\'');
}

/* Appends NAME='value' and a space. */
static void add_variable(struct dz_text *out, const char *name, const char *value)
{
    dz_add(out, name);
    dz_add_char(out, '=');
    add_quoted(out, value);
    dz_add_char(out, ' ');
}

/* Begins the text with our variables. */
static void add_variables(struct dz_text *out, const struct shim_request *request,
                          struct shim_handover *next)
{
    char *entries[next->entries];
    char text[next->size];
    char *const *envp;

    if (next->all)
        next->inside.ignored = shim_taken_for_ignored();
    /* No signal can be held for a child of libc's. */
    if ((next->inside.ignored & dz_signal_bit(SIGHUP)) != 0)
        dz_add(out, "trap '' HUP; ");
    envp = shim_hand_over(request, next, environ, entries, text);
    add_variable(out, "LD_PRELOAD", dz_env((char **)envp, "LD_PRELOAD"));
    add_variable(out, DZ_INSIDE, dz_env((char **)envp, DZ_INSIDE));
}

/* Returns the command that has the powers, in memory of *size bytes, or NULL if it gets
 * none. */
static char *wrap(const char *command, size_t *size)
{
    enum {
        QUOTED = 4, /* bytes of a quoted quote */
        WORDS = 256,
        LONGEST = 128 << 10 /* of an argument, execve(2) */
    };
    const struct shim_request request = {
        .way = SHIM_BY_PATH, .starts = true, .path = shell};
    struct shim_handover next;
    char *at;

    if (command == NULL)
        return NULL;
    shim_look_ahead(&request, environ, &next);
    if (next.powers == NULL)
        return NULL;
    *size = (next.size + strlen(command)) * QUOTED + WORDS;
    at = shim_map(*size);
    if (at == NULL)
        return NULL; /* the command will hardly run either */
    struct dz_text text = dz_text(at, *size);
    add_variables(&text, &request, &next);
    dz_add(&text, "exec ");
    dz_add(&text, shell);
    dz_add(&text, " -c ");
    add_quoted(&text, command);
    dz_add(&text, " sh");
    if (text.length < LONGEST)
        return at;
    munmap(at, *size); /* cannot fail */
    return NULL;
}

static void unmap(char *at, size_t size)
{
    int err = errno;

    if (at != NULL)
        munmap(at, size); /* cannot fail */
    errno = err;
}

SHIM_EXPORT int system(const char *command);
SHIM_EXPORT int system(const char *command)
{
    size_t size = 0;
    char *wrapped = wrap(command, &size);
    int result = ((int (*)(const char *))shim_next(SHIM_SYSTEM))(
        wrapped != NULL ? wrapped : command);

    unmap(wrapped, size);
    return result;
}

/* The stream is a FILE of that libc. */
SHIM_EXPORT void *popen(const char *command, const char *type);
SHIM_EXPORT void *popen(const char *command, const char *type)
{
    size_t size = 0;
    char *wrapped = wrap(command, &size);
    void *stream = ((void *(*)(const char *, const char *))shim_next(SHIM_POPEN))(
        wrapped != NULL ? wrapped : command, type);

    unmap(wrapped, size); /* the shell has been executed, or has a copy */
    return stream;
}
