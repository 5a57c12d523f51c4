/*
 * From the command's arguments to those of execve(2).
 *
 * Paths are made absolute here, in the caller's cwd, because the program will run in
 * another directory.
 */
#include "dznohup.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Writes the absolute path of name in the directory of that length.  Returns 0, or -1
 * and sets errno. */
static int join(char path[PATH_MAX], const char *directory, size_t length,
                const char *name)
{
    struct dz_text text = dz_text(path, PATH_MAX);

    if (length == 0 || directory[0] != '/') {
        if (getcwd(path, PATH_MAX) == NULL)
            return -1;
        text.length = strlen(path);
        if (path[text.length - 1] != '/')
            dz_add_char(&text, '/');
    }
    dz_add_bytes(&text, directory, length);
    if (length > 0)
        dz_add_char(&text, '/');
    dz_add(&text, name);
    if (text.cut) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

bool may_access(const char *path, int how)
{
    if (faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0)
        return true;
    if (errno != EPERM && errno != ENOSYS)
        return false;
    /* Not by faccessat(3): that of glibc calls faccessat2(2) here too. */
    return syscall(SYS_faccessat, AT_FDCWD, path, how) == 0;
}

/* Returns 0 if we can execute path, or the errno that says why not. */
static int executable(const char *path)
{
    struct stat about;

    if (!may_access(path, X_OK))
        return errno;
    if (stat(path, &about) < 0)
        return errno;
    return S_ISDIR(about.st_mode) ? EISDIR : 0;
}

/* Searches PATH for name.  Returns 0, or -1 and sets errno to the most telling one. */
static int search_path(char path[PATH_MAX], const char *name)
{
    const char *at = dz_env(environ, "PATH");
    int worst = ENOENT;

    for (at = at != NULL ? at : _PATH_DEFPATH;; at++) {
        size_t length = strcspn(at, ":");
        /* If the path is too long to be joined, the command cannot be there. */
        int err = join(path, at, length, name) < 0 ? errno : executable(path);
        if (err == 0)
            return 0;
        if (err == EACCES || err == EISDIR)
            worst = EACCES; /* go on, as execvp(3) does */
        at += length;
        if (*at == '\0')
            break;
    }
    errno = worst;
    return -1;
}

/* Makes a command with a slash absolute, without a leading "./".  Returns 0, or -1 and
 * sets errno. */
static int resolve(char path[PATH_MAX], const char *name)
{
    int err;

    if (name[0] == '/') {
        struct dz_text text = dz_text(path, PATH_MAX);
        dz_add(&text, name);
        err = text.cut ? ENAMETOOLONG : executable(path);
    } else {
        while (name[0] == '.' && name[1] == '/')
            for (name += 2; *name == '/'; name++)
                ;
        err = join(path, "", 0, name) < 0 ? errno : executable(path);
    }
    errno = err;
    return err == 0 ? 0 : -1;
}

int find_command(struct command *command, char **argv, struct dz_fault *fault)
{
    bool slash = strchr(argv[0], '/') != NULL;
    bool found =
        argv[0][0] != '\0' && (slash ? resolve(command->path, argv[0])
                                     : search_path(command->path, argv[0])) == 0;

    if (!found) {
        bool empty = argv[0][0] == '\0';
        bool missing = empty || errno == ENOENT;
        dz_fault(fault, "command", empty ? "''" : argv[0], errno,
                 missing && !slash ? "not found" : NULL);
        fault->status = missing ? DZ_EXIT_NOT_FOUND : DZ_EXIT_CANNOT_RUN;
        return -1;
    }
    command->argv = argv;
    if (slash)
        argv[0] = command->path;
    return 0;
}

/* Returns whether the file begins with "#!/.../env NAME"; NAME is script->argument. */
static bool asks_env(const char *path, struct dz_script *script)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct dz_head head;
    bool found =
        fd >= 0 && dz_read_head(fd, &head) == 0 && dz_read_script(&head, script);
    const char *name = script->argument;
    size_t length;

    if (fd >= 0)
        close(fd);
    if (!found)
        return false;
    length = strlen(script->interpreter);
    /* With an option, a variable or a second argument env(1) does more than a search.
     * A relative path depends on the cwd that env will have. */
    return length >= 4 && strcmp(script->interpreter + length - 4, "/env") == 0 &&
           script->whole && name[0] != '\0' && name[0] != '-' &&
           strpbrk(name, "= \t") == NULL &&
           (name[0] == '/' || strchr(name, '/') == NULL);
}

/* Returns the arguments NAME SCRIPT ARG..., in one allocation that is never freed, or
 * NULL. */
static char **arguments_of_env(const struct command *command, const char *name)
{
    size_t n = 0;
    char **argv;

    while (command->argv[n] != NULL)
        n++;
    argv = calloc(1, (n + 2) * sizeof *argv + DZ_SCRIPT_LINE + 1 + PATH_MAX);
    if (argv == NULL)
        return NULL;
    argv[0] = (char *)(argv + n + 2);
    argv[1] = argv[0] + DZ_SCRIPT_LINE + 1;
    struct dz_text first = dz_text(argv[0], DZ_SCRIPT_LINE + 1);
    struct dz_text script = dz_text(argv[1], PATH_MAX);
    dz_add(&first, name); /* both have room */
    dz_add(&script, command->path);
    memcpy(argv + 2, command->argv + 1, n * sizeof *argv);
    return argv;
}

int step_over_env(struct command *command, struct dz_fault *fault)
{
    struct dz_script script = {.whole = false};
    const char *name = script.argument;

    for (int i = 0; i < DZ_SCRIPTS_MAX && asks_env(command->path, &script); i++) {
        command->argv = arguments_of_env(command, name);
        if (command->argv == NULL)
            return dz_fault(fault, "command", name, ENOMEM, NULL);
        if ((name[0] == '/' ? resolve(command->path, name)
                            : search_path(command->path, name)) < 0) {
            dz_fault(fault, "command", name, errno, NULL);
            fault->status =
                fault->err == ENOENT ? DZ_EXIT_NOT_FOUND : DZ_EXIT_CANNOT_RUN;
            return -1;
        }
    }
    return 0;
}

/* Fills in the fault of exec.  If the interpreter X may be the cause, the object is
 * "PATH (interpreter X)".  A relative X is looked up where the program runs. */
static void exec_fault(const char *path, int err, struct dz_fault *fault)
{
    char object[2 * PATH_MAX + 32];
    char reason[sizeof fault->reason] = "";
    struct dz_text text = dz_text(object, sizeof object);
    struct dz_text why = dz_text(reason, sizeof reason);
    struct target target = {.interpreter = ""};

    dz_add(&text, path);
    if (err == ENOENT || err == EACCES || err == ELIBBAD)
        probe_target(path, &target);
    if (target.interpreter[0] != '\0' && access(target.interpreter, X_OK) < 0) {
        dz_add(&text, " (interpreter ");
        dz_add(&text, target.interpreter);
        dz_add(&text, ")");
        if (target.interpreter[0] != '/') {
            dz_add_error(&why, err);
            dz_add(&why, " where the program runs; use -C DIR");
        }
    }
    dz_fault(fault, "exec", object, err, reason[0] != '\0' ? reason : NULL);
    fault->status = DZ_EXIT_CANNOT_RUN;
}

void exec_by_shell(const char *path, char **argv, char **envp)
{
    size_t n = 0;

    while (argv[n] != NULL)
        n++;
    char *shell[n + 2]; /* NOLINT: execve(2) has passed these arguments to us */
    shell[0] = (char *)"/bin/sh";
    shell[1] = (char *)path;
    memcpy(shell + 2, argv + 1, n * sizeof *shell);
    execve(shell[0], shell, envp);
}

int exec_command(const struct command *command, char **envp, struct dz_fault *fault)
{
    execve(command->path, command->argv, envp);
    if (errno == ENOEXEC)
        exec_by_shell(command->path, command->argv, envp);
    exec_fault(command->path, errno, fault);
    return -1;
}

static bool exists_here(const char *path)
{
    struct stat about;

    return path[0] != '\0' && path[0] != '/' && path[0] != '-' &&
           lstat(path, &about) == 0;
}

/* Returns whether a list like "lib:/usr/lib" holds a relative path.  An empty entry is
 * the current directory, ld.so(8). */
static bool has_relative_entry(const char *list)
{
    if (list == NULL || *list == '\0')
        return false;
    for (;;) {
        if (*list != '/' && *list != '$')
            return true;
        list += strcspn(list, ":;");
        if (*list == '\0')
            return false;
        list++;
    }
}

const char *relative_argument(char **argv)
{
    static const char library_path[] = "LD_LIBRARY_PATH";

    for (size_t i = 1; argv[i] != NULL; i++) {
        const char *equals = strchr(argv[i], '=');
        if (exists_here(argv[i]))
            return argv[i];
        if (equals != NULL && exists_here(equals + 1))
            return equals + 1;
    }
    return has_relative_entry(getenv(library_path)) ? library_path : NULL;
}
