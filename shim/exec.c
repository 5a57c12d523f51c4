/*
 * The functions that execute another program, in this process or in a child.
 *
 * The next program gets its powers by its environment (next_program.c).  The signals
 * that the library will control there are blocked until then: a handler does not
 * outlive execve(2), and SIGHUP at its default would end the process.  If the next
 * program gets no power over SIGHUP, and this one takes the signal for ignored, the
 * kernel ignores it during the exec.
 *
 * Each function ends in execute() or spawn(), which have the path, the arguments and
 * the environment of the next program.  A function without an environment of its own
 * passes environ to the next definition of one that has.
 */
#include "shim.h"

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

typedef int by_path(const char *, char *const *, char *const *);

/*
 * Executes the file in the directory of PATH where it was found, which spares a second
 * search.  Returns only if that fails, and whether execvp(3) would go on with its
 * search.
 */
static bool execute_found(const struct shim_request *request,
                          const struct shim_handover *next, char *const argv[],
                          char *const envp[])
{
    char path[next->directory_length + strlen(request->path) + 2];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add_bytes(&text, next->directory, next->directory_length);
    dz_add(&text, next->directory_length > 0 ? "/" : "");
    dz_add(&text, request->path);
    ((by_path *)shim_next(SHIM_EXECVE))(path, argv, envp);
    return errno == ENOENT || errno == EACCES || errno == ENOEXEC || errno == ENOTDIR ||
           errno == ESTALE || errno == ENODEV || errno == ETIMEDOUT;
}

static int call_next(const struct shim_request *request,
                     const struct shim_handover *next, char *const argv[],
                     char *const envp[])
{
    typedef int by_descriptor(int, char *const *, char *const *);

    switch (request->way) {
    case SHIM_BY_PATH:
        return ((by_path *)shim_next(SHIM_EXECVE))(request->path, argv, envp);
    case SHIM_BY_SEARCH:
        if (next->directory != NULL && !execute_found(request, next, argv, envp))
            return -1;
        return ((by_path *)shim_next(SHIM_EXECVPE))(request->path, argv, envp);
    case SHIM_BY_DESCRIPTOR:
        return ((by_descriptor *)shim_next(SHIM_FEXECVE))(request->fd, argv, envp);
    case SHIM_BY_DIRECTORY: /* musl and old glibc have no such function */
        break;
    }
    return (int)syscall(SYS_execveat, request->fd, request->path, argv, envp,
                        request->flags);
}

/* Executes a program that gets powers.  Returns only if that fails. */
static int execute_with_powers(const struct shim_request *request,
                               struct shim_handover *next, char *const argv[],
                               char *const envp[])
{
    char *entries[next->entries];
    char text[next->size];
    bool holds = next->all && shim_controlled != 0;
    sigset_t before;
    int result;

    if (holds) {
        next->inside.held = shim_hold_signals(&before);
        next->inside.ignored = shim_taken_for_ignored();
        shim_note_logs(&next->inside); /* no signal reopens them from here on */
    }
    envp = shim_hand_over(request, next, envp, entries, text);
    result = call_next(request, next, argv, envp);
    if (holds) {
        int err = errno;
        sigprocmask(SIG_SETMASK, &before, NULL); /* cannot fail */
        errno = err;
    }
    return result;
}

/* Executes a program, with powers if it gets any.  Returns only if that fails. */
static int execute_next(const struct shim_request *request, struct shim_handover *next,
                        char *const argv[], char *const envp[])
{
    bool begun;
    int result;

    if (next->powers != NULL && next->all)
        return execute_with_powers(request, next, argv, envp);
    begun = shim_begin_exec();
    result = next->powers != NULL ? execute_with_powers(request, next, argv, envp)
                                  : call_next(request, next, argv, envp);
    if (begun)
        shim_end_exec();
    return result;
}

/* Executes the next program.  Returns only if that fails, with -1 and errno. */
static int execute(const struct shim_request *request, char *const argv[],
                   char *const envp[])
{
    struct shim_handover next;
    int result;

    shim_look_ahead(request, envp, &next);
    result = execute_next(request, &next, argv, envp);
    if (errno == E2BIG && shim_drop_powers(request, &next, argv, envp))
        result = execute_next(request, &next, argv, envp);
    return result;
}

SHIM_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    return execute(&(struct shim_request){.way = SHIM_BY_PATH, .path = path}, argv,
                   envp);
}

SHIM_EXPORT int execv(const char *path, char *const argv[])
{
    return execute(&(struct shim_request){.way = SHIM_BY_PATH, .path = path}, argv,
                   environ);
}

SHIM_EXPORT int execvp(const char *file, char *const argv[])
{
    return execute(&(struct shim_request){.way = SHIM_BY_SEARCH, .path = file}, argv,
                   environ);
}

SHIM_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    return execute(&(struct shim_request){.way = SHIM_BY_SEARCH, .path = file}, argv,
                   envp);
}

SHIM_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    return execute(&(struct shim_request){.way = SHIM_BY_DESCRIPTOR, .fd = fd}, argv,
                   envp);
}

/* glibc's unistd.h declares it from 2.34 on, and musl's does not. */
SHIM_EXPORT int execveat(int directory, const char *path, char *const argv[],
                         char *const envp[], int flags);
SHIM_EXPORT int execveat(int directory, const char *path, char *const argv[],
                         char *const envp[], int flags)
{
    const struct shim_request request = {
        .way = SHIM_BY_DIRECTORY, .fd = directory, .flags = flags, .path = path};

    return execute(&request, argv, envp);
}

/* ---- arguments one by one ---- */

/* Returns how many arguments there are after the first, without the NULL. */
static size_t count_arguments(const char *first, va_list list)
{
    size_t n = 0;

    if (first != NULL)
        while (va_arg(list, char *) != NULL)
            n++;
    return n;
}

/* Fills argv with them and a NULL, and moves *list behind that. */
static void copy_arguments(char **argv, const char *first, va_list *list)
{
    *argv = (char *)first;
    while (*argv != NULL)
        *++argv = va_arg(*list, char *);
}

SHIM_EXPORT int execl(const char *path, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    char *argv[count_arguments(first, list) + 2];
    va_end(list);
    va_start(list, first);
    copy_arguments(argv, first, &list);
    va_end(list);
    return execute(&(struct shim_request){.way = SHIM_BY_PATH, .path = path}, argv,
                   environ);
}

SHIM_EXPORT int execlp(const char *file, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    char *argv[count_arguments(first, list) + 2];
    va_end(list);
    va_start(list, first);
    copy_arguments(argv, first, &list);
    va_end(list);
    return execute(&(struct shim_request){.way = SHIM_BY_SEARCH, .path = file}, argv,
                   environ);
}

SHIM_EXPORT int execle(const char *path, const char *first, ...)
{
    va_list list;
    char *const *envp;

    va_start(list, first);
    char *argv[count_arguments(first, list) + 2];
    va_end(list);
    va_start(list, first);
    copy_arguments(argv, first, &list);
    envp = va_arg(list, char *const *);
    va_end(list);
    return execute(&(struct shim_request){.way = SHIM_BY_PATH, .path = path}, argv,
                   envp);
}

/* ---- posix_spawn(3) ---- */

typedef int spawner(pid_t *pid, const char *path,
                    const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const argv[],
                    char *const envp[]);

/* A child to be started. */
struct start {
    enum shim_next which;
    pid_t *pid;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
};

/* A pinned signal stays ignored in a child whose attributes set it to its default. */
static void remove_pinned(posix_spawnattr_t *attributes)
{
    sigset_t set;

    posix_spawnattr_getsigdefault(attributes, &set); /* cannot fail */
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if (shim_pins(number))
            sigdelset(&set, number);
    posix_spawnattr_setsigdefault(attributes, &set);
}

/* Has the child begin with the controlled signals blocked.  Returns the bits of those
 * that it would not begin with blocked without us. */
static uint64_t hold_in_child(posix_spawnattr_t *attributes)
{
    uint64_t held = 0;
    sigset_t mask;
    short flags = 0;

    posix_spawnattr_getflags(attributes, &flags); /* this and the next cannot fail */
    if ((flags & POSIX_SPAWN_SETSIGMASK) != 0)
        posix_spawnattr_getsigmask(attributes, &mask);
    else
        sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if (shim_controls(number) && !sigismember(&mask, number)) {
            held |= dz_signal_bit(number);
            sigaddset(&mask, number);
        }
    posix_spawnattr_setsigmask(attributes, &mask);
    posix_spawnattr_setflags(attributes, (short)(flags | POSIX_SPAWN_SETSIGMASK));
    return held;
}

static int start_with_powers(const struct start *start,
                             const struct shim_request *request,
                             struct shim_handover *next, char *const argv[],
                             char *const envp[])
{
    char *entries[next->entries];
    char text[next->size];

    if (next->all)
        next->inside.ignored = shim_taken_for_ignored();
    envp = shim_hand_over(request, next, envp, entries, text);
    return ((spawner *)shim_next(start->which))(
        start->pid, request->path, start->actions, start->attributes, argv, envp);
}

/* Starts a child, with powers if it gets any. */
static int start_next(struct start start, const struct shim_request *request,
                      struct shim_handover *next, char *const argv[],
                      char *const envp[])
{
    bool holds = next->powers != NULL && next->all && shim_controlled != 0;
    posix_spawnattr_t copy;
    bool begun = false;
    int result;

    if (shim_controlled != 0 && (holds || start.attributes != NULL)) {
        if (start.attributes != NULL)
            copy = *start.attributes;
        else
            posix_spawnattr_init(&copy);
        remove_pinned(&copy);
        if (holds)
            next->inside.held = hold_in_child(&copy);
        start.attributes = &copy;
    }
    if (!holds)
        begun = shim_begin_exec();
    result = next->powers != NULL
                 ? start_with_powers(&start, request, next, argv, envp)
                 : ((spawner *)shim_next(start.which))(start.pid, request->path,
                                                       start.actions, start.attributes,
                                                       argv, envp);
    if (begun)
        shim_end_exec();
    return result;
}

static int start_child(const struct start *start, const char *path, char *const argv[],
                       char *const envp[])
{
    const struct shim_request request = {
        .way = start->which == SHIM_SPAWNP ? SHIM_BY_SEARCH : SHIM_BY_PATH,
        .starts = true,
        .path = path};
    struct shim_handover next;
    int result;

    shim_look_ahead(&request, envp, &next);
    result = start_next(*start, &request, &next, argv, envp);
    if (result == E2BIG && shim_drop_powers(&request, &next, argv, envp))
        result = start_next(*start, &request, &next, argv, envp);
    return result;
}

SHIM_EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path,
                            const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *restrict attributes,
                            char *const argv[restrict], char *const envp[restrict])
{
    struct start start = {SHIM_SPAWN, pid, actions, attributes};

    return start_child(&start, path, argv, envp);
}

SHIM_EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                             const posix_spawn_file_actions_t *actions,
                             const posix_spawnattr_t *restrict attributes,
                             char *const argv[restrict], char *const envp[restrict])
{
    struct start start = {SHIM_SPAWNP, pid, actions, attributes};

    return start_child(&start, file, argv, envp);
}
