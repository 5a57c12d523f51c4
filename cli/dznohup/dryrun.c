/*
 * -n: prints the plan and the target.  Runs and changes nothing.
 */
#include "dznohup.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_386:
        return "i386";
    case EM_AARCH64:
        return "aarch64";
    case EM_ARM:
        return "arm";
    case EM_RISCV:
        return "riscv";
    case EM_PPC64:
        return "ppc64";
    case EM_S390:
        return "s390";
    default:
        return "machine";
    }
}

static const char *reason_of(const struct dz_fault *fault)
{
    return fault->reason[0] != '\0' ? fault->reason : strerror(fault->err);
}

static bool refuse(const struct dz_fault *fault)
{
    printf("refused   %s: %s: %s\n", fault->step, fault->object, reason_of(fault));
    return true;
}

/* Prints the library for the target, or the reason why there is none.  Returns whether
 * the start would be refused. */
static bool print_library(const struct dz_plan *plan, const struct command *command,
                          const struct target *target)
{
    struct dz_fault fault;
    char path[PATH_MAX];
    const char *named = named_library(plan);
    bool none = dz_preload_obstacle(&target->what) == NULL &&
                find_library(named, target, path, &fault) < 0;

    printf("library   %s, %sneeded",
           none || dz_preload_obstacle(&target->what) != NULL ? named : path,
           needs_library(plan) ? "" : "not ");
    if (none)
        printf(": %s", reason_of(&fault));
    putchar('\n');
    if (check_library(plan, command, path, &fault) == 0)
        return false;
    printf("refused   %s: %s\n", fault.object, reason_of(&fault));
    return true;
}

/* Prints a word as a shell takes it. */
static void print_word(const char *word)
{
    size_t size = strlen(word) * DZ_QUOTED_MAX + DZ_QUOTES;
    char *quoted = malloc(size);

    if (quoted != NULL) {
        struct dz_text text = dz_text(quoted, size);
        dz_add_quoted(&text, word);
    }
    printf(" %s", quoted != NULL ? quoted : "...");
    free(quoted);
}

/* Prints the command's arguments, and the warning about a relative one. */
static void print_arguments(const struct dz_plan *plan, char **argv)
{
    const char *relative =
        plan->chdir == NULL && !plan->keep_session ? relative_argument(argv) : NULL;

    if (argv[1] != NULL) {
        printf("arguments");
        for (char **argument = argv + 1; *argument != NULL; argument++)
            print_word(*argument);
        putchar('\n');
    }
    if (relative != NULL)
        printf("warning   %s %s a relative path, but the program will run in /\n",
               relative, strcmp(relative, "LD_LIBRARY_PATH") == 0 ? "holds" : "is");
}

/* Prints command, target and library.  Returns whether the start would be refused. */
static bool print_target(const struct dz_plan *plan, const struct command *command)
{
    struct target target;
    const char *obstacle;

    probe_target(command->path, &target);
    obstacle = dz_preload_obstacle(&target.what);
    dz_one_line(target.program); /* the file's contents */
    dz_one_line(target.interpreter);
    printf("command   %s\n", command->path);
    print_arguments(plan, command->argv);
    if (target.scripts > 0)
        printf("script    interpreter %s\n", target.program);
    if (target.scripts > 0 && target.program[0] != '/' && plan->chdir == NULL &&
        !plan->keep_session)
        printf("warning   %s is a relative path, but the program will run in /\n",
               target.program);
    printf("target    ");
    if (target.what.is_elf)
        printf("%s ELF, %d bits, %s (%u)%s%s%s\n",
               target.what.elf.dynamic ? target_libc(&target) : "static",
               target.what.elf.bits, machine_name(target.what.elf.machine),
               target.what.elf.machine, target.what.elf.dynamic ? ", linker " : "",
               target.interpreter, target.what.privileged ? ", privileged" : "");
    else
        printf("%s\n", target.what.readable ? "not an ELF program; /bin/sh would run it"
                                            : "cannot be read");
    if (target.missing)
        printf("missing   %s\n", target.interpreter);
    printf("preload   %s%s\n", obstacle != NULL ? "impossible: " : "possible",
           obstacle != NULL ? obstacle : "");
    return print_library(plan, command, &target);
}

static const char *stream_name(enum dz_fd_kind stream)
{
    static const char *const names[] = {"closed", "terminal",       "pipe",
                                        "socket", "file or device", "the caller's own"};

    return names[stream];
}

const char *default_log_place(const struct dz_plan *plan)
{
    static char place[DZ_LOG_NAME + sizeof ", here or else in $HOME"];
    char room[DZ_LOG_NAME];
    struct dz_text text = dz_text(place, sizeof place);

    dz_add(&text, dz_default_log(plan->name, room));
    dz_add(&text, ", here or else in $HOME");
    return place;
}

/* Returns a text for what becomes of a stream. */
static const char *redirect_name(const struct dz_plan *plan, enum dz_redirect redirect,
                                 int number, char *scratch)
{
    switch (redirect) {
    case DZ_NULL:
        return "/dev/null";
    case DZ_LOG:
        return default_log_place(plan);
    case DZ_FILE:
        return dz_option_of_stream(plan, number)->text;
    case DZ_PUMP:
        return dz_show_output(dz_option_of_stream(plan, number), scratch);
    case DZ_KEEP:
        break;
    }
    return "kept";
}

static void print_stream(const struct dz_start *start, int number)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    char scratch[DZ_SHOWN_MAX];
    enum dz_fd_kind kind = dz_kind_of_stream(start->mode, number);
    enum dz_redirect redirect = dz_redirect_of(start->plan, start->mode, kind, number);

    printf("%-9s %s -> %s\n", names[number], stream_name(kind),
           redirect_name(start->plan, redirect, number, scratch));
}

static void print_kept(const struct dz_start *start)
{
    int fd = 3;

    if (start->plan->keep_session) {
        printf("keep-fd   all descriptors\n");
        return;
    }
    printf("keep-fd   descriptors 0-2");
    if (dz_next_kept(start, fd) < 0)
        printf(" only");
    for (; (fd = dz_next_kept(start, fd)) >= 0; fd++)
        printf(", %d", fd);
    printf("; all others are closed\n");
}

/* Prints streams and descriptors.  Returns whether the start would be refused. */
static bool print_streams(struct dz_start *start)
{
    struct dz_fault fault;
    bool refused;

    for (int i = 1; i < 3; i++)
        start->stream[i] = dz_kind_of_fd(i);
    refused = start->plan->reopen && !dz_has_log(start, 1) && !dz_has_log(start, 2);

    for (int i = 0; i < 3; i++)
        print_stream(start, i);
    if (refused)
        printf("refused   reopen: needs a log that dznohup opens: use -o FILE\n");
    if (dz_check_kept(start, &fault) < 0)
        return refuse(&fault);
    print_kept(start);
    return refused;
}

static void print_signals(const struct dz_plan *plan)
{
    printf("signals  ");
    for (int number = 1; number <= DZ_SIGNALS; number++) {
        char name[16];
        struct dz_text text = dz_text(name, sizeof name);
        if ((dz_ignored_signals(plan) & dz_signal_bit(number)) == 0)
            continue;
        dz_add_signal(&text, number);
        printf(" %s", name);
    }
    if (!plan->keep_session)
        printf(" ignored; all others at default; none blocked\n");
    else
        printf(dz_ignored_signals(plan) != 0 ? " ignored; all others unchanged\n"
                                             : " unchanged\n");
}

static void print_wait(const struct dz_start *start)
{
    char text[DZ_SHOWN_MAX];
    struct dz_text words = dz_text(text, sizeof text);
    const struct dz_ready nothing = {.done = false};

    dz_add_missing(&nothing, start, &words);
    printf("wait      %s", text);
    if (start->plan->timeout > 0)
        printf(", at most %g s", (double)start->plan->timeout / 1000);
    putchar('\n');
}

static void print_options(const char *row, char powers[DZ_POWERS_MAX])
{
    for (char *at = powers; *at != '\0'; at++)
        if (*at == ',')
            *at = ' ';
    printf("%-9s %s\n", row, powers[0] != '\0' ? powers : "none");
}

/* Prints the powers: in the process, whatever it executes, and in what it starts. */
static void print_powers(const struct dz_plan *plan)
{
    char powers[DZ_POWERS_MAX];

    dz_powers_text(plan, false, powers);
    print_options("powers", powers);
    if (!dz_wants_powers(plan))
        return;
    dz_powers_text(plan, true, powers);
    print_options("children", powers);
}

/*
 * Returns whether the effective user may access path: with W_OK a file, with X_OK a
 * directory.  If path does not exist and may_be_made is set, its directory must be
 * writable.  Sets errno.
 */
static bool may_use(const char *path, int how, bool may_be_made)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct stat about;

    if (stat(path, &about) == 0 && how != R_OK && how != F_OK &&
        S_ISDIR(about.st_mode) != (how == X_OK)) {
        errno = how == X_OK ? ENOTDIR : EISDIR;
        return false;
    }
    if (may_access(path, how))
        return true;
    if (errno != ENOENT || !may_be_made)
        return false;
    snprintf(directory, sizeof directory, "%.*s",
             slash != NULL ? (int)(slash - path) + 1 : 1, slash != NULL ? path : ".");
    return may_access(directory, W_OK | X_OK);
}

/* Returns 0 if a start may replace the pidfile, or -1 with the fault. */
static int check_pidfile(const char *path, char **envp, struct dz_fault *fault)
{
    char state[PATH_MAX];
    struct dz_pidfile old;
    int records = dz_state_open(envp, false, state, fault);
    int result = dz_pidfile_check(path, records, &old, fault);

    dz_close_fd(&records);
    return result;
}

/* Prints name and pidfile, and checks the files of options.  Returns whether the start
 * would be refused.  Opens no file that open(2) could change. */
static bool print_files(const struct dz_plan *plan, char **envp)
{
    const struct {
        const char *step;
        const char *path; /* NULL: none */
        int how;
        bool may_be_made;
    } files[] = {
        {"input", plan->input.kind == DZ_OUTPUT_FILE ? plan->input.text : NULL, R_OK,
         false},
        {"output", plan->output.kind == DZ_OUTPUT_FILE ? plan->output.text : NULL, W_OK,
         true},
        {"error", plan->error.kind == DZ_OUTPUT_FILE ? plan->error.text : NULL, W_OK,
         true},
        {"chdir", plan->chdir, X_OK, false},
    };
    struct dz_fault fault;
    bool refused = false;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i].path != NULL &&
            !may_use(files[i].path, files[i].how, files[i].may_be_made)) {
            char absolute[PATH_MAX] = "";
            int err = errno;
            if (dz_make_absolute(files[i].path, absolute) < 0)
                absolute[0] = '\0';
            errno = err;
            if (files[i].may_be_made)
                dz_log_fault(&fault, files[i].step, files[i].path, absolute, NULL);
            else
                dz_fault(&fault, files[i].step, files[i].path, errno, NULL);
            refused = refuse(&fault);
        }
    if (plan->name != NULL) {
        printf("name      %s\n", plan->name);
        if (dz_name_check(plan->name, envp, &fault) < 0)
            refused = refuse(&fault);
    }
    if (plan->pidfile != NULL) {
        printf("pidfile   %s\n", plan->pidfile);
        if ((may_use(plan->pidfile, F_OK, true)
                 ? check_pidfile(plan->pidfile, envp, &fault)
                 : dz_fault(&fault, "pidfile", plan->pidfile, errno, NULL)) < 0)
            refused = refuse(&fault);
    }
    return refused;
}

static const char *describe_mode(const struct dz_start *start,
                                 enum dz_leave_reason left)
{
    if (start->plan->keep_session)
        return "stay: this PID, in the caller's session";
    if (left == DZ_LEFT_FOREGROUND)
        return "leave: this is the terminal's foreground job";
    if (left == DZ_LEFT_GROUP)
        return "leave: the process group has other members";
    return start->mode == DZ_LEAVE ? "leave: a new PID; the caller continues"
                                   : "stay: this PID, in its own session";
}

int print_plan(struct dz_start *start, const struct command *command)
{
    enum dz_leave_reason left =
        start->plan->mode == DZ_STAY && !start->plan->keep_session ? dz_would_leave()
                                                                   : DZ_NOT_LEFT;
    const char *directory;
    bool refused = false;

    printf("mode      %s\n", describe_mode(start, left));
    if (left != DZ_NOT_LEFT)
        start->mode = DZ_LEAVE;
    directory = dz_directory_of(start);
    if (start->plan->mode == DZ_STAY_ONLY && !start->plan->keep_session &&
        dz_would_leave() == DZ_LEFT_GROUP) {
        printf("refused   setsid: the process group has other members; use -d\n");
        refused = true;
    }
    refused |= print_target(start->plan, command);
    print_powers(start->plan);
    refused |= print_streams(start);
    printf("chdir     %s\n", directory != NULL ? directory : ".");
    if (start->plan->umask >= 0)
        printf("umask     %03o\n", (unsigned)start->plan->umask);
    else
        printf("umask     unchanged\n");
    print_signals(start->plan);
    refused |= print_files(start->plan, start->envp);
    if (start->mode == DZ_LEAVE)
        print_wait(start);
    if (fflush(stdout) != 0 || ferror(stdout))
        return -1;
    return refused ? DZ_EXIT_FAILURE : 0;
}
