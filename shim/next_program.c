/*
 * The powers follow the process: what is added to the environment of the next program.
 *
 * That is LD_PRELOAD, with this library behind the program's own, and DZ_INSIDE.  The
 * library in the next program takes both out before main(), by dz_take_inside.  A
 * program that cannot take a library gets neither; its file tells which it is.
 *
 * Invariant: after the beginning, all data is on the stack of the caller, which may be
 * a signal handler or a vfork(2) child.  No other memory is changed.
 */
#include "shim.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Before glibc 2.34 it is in a library of its own, which not every program has. */
extern __attribute__((weak)) int dladdr(const void *address, Dl_info *info);

/* Our own header, which the linker has put at the beginning. */
extern const __attribute__((visibility("hidden"))) ElfW(Ehdr) __ehdr_start;

enum {
    ENTRIES_MAX = 8192, /* of an environment that is copied to the stack */
    DIRECTORY_MAX = 32  /* bytes of a directory of machine.c */
};

/* The options that go on, in this process and to what it starts.  Empty: none. */
static char powers[2][DZ_POWERS_MAX];
static bool all_spread; /* --inherit */
static pid_t own;       /* this process; 0: no power has begun */
static bool is_target;  /* it is the target's own */
static bool unbuffered; /* python is to have its variable */
static char library[PATH_MAX];
static size_t library_length;

/* ---- the beginning ---- */

/* Copies the last name in LD_PRELOAD that is ours.  One without a slash, or with a
 * token of ld.so(8), stands for the path at which the dynamic linker has found it. */
static int find_own_path(char **envp, struct dz_fault *fault)
{
    char name[PATH_MAX];
    Dl_info info = {.dli_fname = NULL};
    const char *found = name;

    if (dz_preloaded_name(envp, name) < 0)
        return dz_fault(fault, "powers", "LD_PRELOAD", ENAMETOOLONG, NULL);
    if ((strchr(name, '/') == NULL || strchr(name, '$') != NULL) && dladdr != NULL &&
        dladdr(&powers, &info) != 0 && info.dli_fname != NULL &&
        strchr(info.dli_fname, '/') != NULL)
        found = info.dli_fname;
    struct dz_text text = dz_text(library, sizeof library);
    if (strchr(found, '/') == NULL) /* found by ld.so(8) each time */
        dz_add(&text, found);
    else if (dz_make_absolute(found, library) < 0)
        return dz_fault(fault, "powers", found, errno, NULL);
    library_length = strlen(library);
    return 0;
}

int shim_find_library(const struct dz_start *start, struct dz_fault *fault)
{
    return dz_wants_powers(start->plan) ? find_own_path(start->envp, fault) : 0;
}

int shim_begin_following(const struct dz_start *start, bool inherited,
                         struct dz_fault *fault)
{
    (void)inherited;
    (void)fault;
    if (!dz_wants_powers(start->plan))
        return 0;
    dz_powers_text(start->plan, false, powers[0]);
    dz_powers_text(start->plan, true, powers[1]);
    all_spread = start->plan->inherit;
    is_target = start->inside == NULL || start->inside->kind != DZ_INSIDE_CHILD;
    unbuffered =
        start->plan->buffer == DZ_BUFFER_LINE || start->plan->buffer == DZ_BUFFER_NONE;
    own = getpid();
    return 0;
}

/* ---- the next program ---- */

static bool is_python(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    return strncmp(name, "python", 6) == 0 || strncmp(name, "pypy", 4) == 0;
}

/* Returns whether there is a library for a program of another class or machine. */
static bool has_library(const struct dz_elf *program)
{
    char beside[library_length + DIRECTORY_MAX];

    return dz_library_beside(library, program, beside, sizeof beside);
}

/* Returns whether path is a tool of valgrind(1).  It is static, and loads the program
 * that it runs with the libraries of LD_PRELOAD. */
static bool is_valgrind(const char *path)
{
    return path != NULL && strstr(path, "/valgrind/") != NULL;
}

/* Returns why the program cannot take a library, or NULL. */
static const char *find_obstacle(const struct shim_request *request,
                                 struct shim_handover *next,
                                 const struct dz_program *program)
{
    const char *obstacle =
        is_valgrind(request->path) ? NULL : dz_preload_obstacle(program);

    next->elf = program->elf;
    next->foreign = program->elf.machine != __ehdr_start.e_machine ||
                    program->elf.bits != (int)sizeof(void *) * CHAR_BIT;
    if (obstacle != NULL)
        return obstacle;
    if (next->foreign)
        return has_library(&program->elf)
                   ? NULL
                   : "no library for its machine or word size is installed";
    if (library[0] == '/' && syscall(SYS_faccessat, AT_FDCWD, library, R_OK) < 0)
        return "the library cannot be read there";
    return NULL;
}

/*
 * Looks at the program that a request executes, behind "#!".  Returns whether it is
 * known.  It is not if execve(2) is going to fail, or if only the kernel knows what
 * runs the file, by binfmt_misc.  Then nothing is added.
 */
static bool look_at(const struct shim_request *request, struct shim_handover *next)
{
    struct dz_program program = {.readable = false};
    struct dz_script script;
    struct dz_head head;
    int fd = shim_open_next(request, next);
    /* glibc's execvp(3) runs a file of an unknown kind by the shell. */
    bool shell = request->way == SHIM_BY_SEARCH && !request->starts &&
                 gnu_get_libc_version != NULL;

    next->interpreter[0] = '\0';
    for (int i = 0; fd >= 0 && i <= DZ_SCRIPTS_MAX; i++) {
        dz_read_head(fd, &head);
        if (dz_read_script(&head, &script)) {
            memcpy(next->interpreter, script.interpreter, sizeof next->interpreter);
        } else {
            dz_read_program(fd, &head, &program);
            if (program.is_elf || !shell)
                break;
            memcpy(next->interpreter, "/bin/sh", sizeof "/bin/sh");
            shell = false;
        }
        dz_close(fd);
        fd = shim_open_program(next->interpreter);
    }
    if (fd < 0 && errno != EACCES)
        return false;
    dz_close_fd(&fd);
    next->obstacle = find_obstacle(request, next, &program);
    return program.is_elf || !program.readable;
}

/* Tells on stderr where the powers of the target's own process end. */
static void say_end(const struct shim_request *request,
                    const struct shim_handover *next, const char *ending)
{
    const char *path = request->path != NULL ? request->path : "";
    char line[sizeof next->interpreter + DZ_POWERS_MAX + strnlen(path, PATH_MAX) + 256];
    struct dz_text text = dz_text(line, sizeof line);
    struct dz_held held;

    dz_add(&text, "libdz.so: ");
    dz_add(&text, ending);
    dz_add(&text, ": ");
    dz_add_bytes(&text, path, strnlen(path, PATH_MAX));
    if (*path == '\0') {
        dz_add(&text, "descriptor ");
        dz_add_number(&text, request->fd);
    }
    if (next->interpreter[0] != '\0') {
        dz_add(&text, " (interpreter ");
        dz_add(&text, next->interpreter);
        dz_add(&text, ")");
    }
    dz_add(&text, ": ends here: ");
    dz_add(&text, next->obstacle);
    dz_one_line(line);
    dz_add(&text, "\n");
    dz_hold_write_signals(&held);
    dz_write(2, line, text.length); /* if that fails, there is no other place */
    dz_release_write_signals(&held);
}

/* Counts the given environment, and the bytes that LD_PRELOAD will need.  Returns false
 * if the program names this library in it: it asks for a daemon. */
static bool survey(char *const envp[], struct shim_handover *next)
{
    const size_t ours = sizeof "LD_PRELOAD=:" + library_length + DIRECTORY_MAX;

    next->count = 0;
    next->preload = 0;
    for (; envp != NULL && envp[next->count] != NULL; next->count++) {
        const char *value = dz_env_value(envp[next->count], "LD_PRELOAD");
        if (value == NULL)
            continue;
        if (dz_names_library(value))
            return false;
        next->preload += ours + strlen(value);
    }
    if (next->preload == 0)
        next->preload = ours;
    return true;
}

void shim_look_ahead(const struct shim_request *request, char *const envp[],
                     struct shim_handover *next)
{
    bool here = own != 0 && !request->starts && getpid() == own;
    const char *on = powers[here ? 0 : 1];
    int err = errno;

    next->powers = NULL;
    next->entries = 1;
    next->size = 1;
    next->all = here || all_spread;
    next->directory = NULL;
    if (own == 0 || *on == '\0' || !survey(envp, next) || !look_at(request, next)) {
        errno = err;
        return;
    }
    if (next->obstacle == NULL && next->count > ENTRIES_MAX)
        next->obstacle = "its environment has too many variables";
    if (next->obstacle != NULL) {
        if (here && is_target && shim_can_execute(request))
            say_end(request, next, on);
        errno = err;
        return;
    }
    next->powers = on;
    next->inside = (struct dz_inside){
        .kind = here && is_target ? DZ_INSIDE_NEXT : DZ_INSIDE_CHILD, .fd = -1};
    if (next->all)
        shim_note_logs(&next->inside);
    next->entries = next->count + 4; /* LD_PRELOAD, DZ_INSIDE, python's, NULL */
    next->size = next->preload + dz_inside_size(on, &next->inside);
    errno = err;
}

/* Returns the bytes that a vector of strings takes of the room that execve(2) has. */
static size_t room_of(char *const strings[])
{
    size_t size = 0;

    for (; strings != NULL && *strings != NULL; strings++)
        size += sizeof *strings + strlen(*strings) + 1;
    return size;
}

/* Returns whether the kernel has room for these, execve(2). */
static bool fits(char *const argv[], char *const envp[])
{
    enum { LEAST = 128 << 10, MOST = 6 << 20, SHARE = 4 /* of the stack */ };
    uint64_t stack[2]; /* the limit, and the hard one; the libcs differ in rlim_t */
    size_t room = MOST;

    if (syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, stack) == 0 &&
        stack[0] / SHARE < room)
        room = (size_t)(stack[0] / SHARE);
    return room_of(argv) + room_of(envp) <= (room > LEAST ? room : LEAST);
}

bool shim_drop_powers(const struct shim_request *request, struct shim_handover *next,
                      char *const argv[], char *const envp[])
{
    bool fit = next->powers != NULL && fits(argv, envp);

    if (fit && next->inside.kind == DZ_INSIDE_NEXT) {
        next->obstacle = "its arguments and environment leave no room";
        say_end(request, next, next->powers);
    }
    if (fit)
        next->powers = NULL;
    return fit;
}

/* Appends LD_PRELOAD with the library behind what it holds, and ends it.  Returns the
 * variable. */
static char *write_preload(const struct shim_handover *next, const char *before,
                           struct dz_text *rest)
{
    struct dz_text text = dz_text(rest->at + rest->length, rest->size - rest->length);
    char beside[next->foreign ? library_length + DIRECTORY_MAX : 1];

    dz_add(&text, "LD_PRELOAD=");
    dz_add(&text, before != NULL ? before : "");
    dz_add(&text, before != NULL ? ":" : "");
    if (next->foreign)
        dz_library_beside(library, &next->elf, beside, sizeof beside);
    dz_add(&text, next->foreign ? beside : library);
    rest->length += text.length + 1;
    return text.at;
}

static bool runs_python(const struct shim_request *request,
                        const struct shim_handover *next)
{
    const char *path = next->interpreter[0] != '\0' ? next->interpreter : request->path;

    return path != NULL && is_python(path);
}

char *const *shim_hand_over(const struct shim_request *request,
                            const struct shim_handover *next, char *const envp[],
                            char **entries, char *text)
{
    static char python[] = "PYTHONUNBUFFERED=1"; /* never written to */
    char **to = entries;
    struct dz_text preloads = dz_text(text, next->preload);
    struct dz_text inside = dz_text(text + next->preload, next->size - next->preload);

    /* Of several LD_PRELOADs the two libcs take different ones, so each gets the
     * library. */
    for (size_t i = 0; i < next->count; i++) {
        const char *value = dz_env_value(envp[i], "LD_PRELOAD");
        if (value != NULL)
            *to++ = write_preload(next, value, &preloads);
        else if (dz_env_value(envp[i], DZ_INSIDE) == NULL) /* the new one is ours */
            *to++ = envp[i];
    }
    if (preloads.length == 0)
        *to++ = write_preload(next, NULL, &preloads);
    dz_inside_write(next->powers, &next->inside, &inside);
    *to++ = inside.at;
    *to = NULL;
    if (unbuffered && runs_python(request, next) &&
        dz_env(entries, "PYTHONUNBUFFERED") == NULL) {
        *to++ = python;
        *to = NULL;
    }
    return entries;
}
