/*
 * -n: the plan in words, and what the target is.  Runs and changes nothing.
 */
#include "dznohup.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* The library for it, and where there is none the reason.  Whether the start would be
 * refused for that. */
static bool print_library(const struct dz_plan *plan, const struct command *command,
                          const struct target *target)
{
    struct dz_fault fault;
    char path[PATH_MAX];
    const char *named = named_library(plan);
    bool none = preload_obstacle(target) == NULL &&
                find_library(named, target, path, &fault) < 0;

    printf("library   %s, %sneeded",
           none || preload_obstacle(target) != NULL ? named : path,
           needs_library(plan) ? "" : "not ");
    if (none)
        printf(": %s", reason_of(&fault));
    putchar('\n');
    if (check_library(plan, command, path, &fault) == 0)
        return false;
    printf("refused   %s: %s\n", fault.object, reason_of(&fault));
    return true;
}

/* The words behind the command, and what is said of them. */
static void print_words(const struct dz_plan *plan, char **argv)
{
    const char *relative = plan->chdir == NULL ? relative_argument(argv) : NULL;

    if (argv[1] == NULL)
        return;
    printf("words    ");
    for (char **word = argv + 1; *word != NULL; word++) {
        dz_one_line(*word); /* nothing is run, so they may change */
        printf(" %s", *word);
    }
    putchar('\n');
    if (relative != NULL)
        printf("warning   %s is a relative path, but the program will run in /\n",
               relative);
}

/* Returns as print_library. */
static bool print_target(const struct dz_plan *plan, const struct command *command)
{
    struct target target;
    const char *obstacle;

    probe_target(command->path, &target);
    obstacle = preload_obstacle(&target);
    dz_one_line(target.program); /* the file's own words */
    dz_one_line(target.interpreter);
    printf("command   %s\n", command->path);
    print_words(plan, command->argv);
    if (target.scripts > 0)
        printf("script    interpreter %s\n", target.program);
    printf("target    ");
    if (target.elf)
        printf("%s ELF, %d bits, %s (%u)%s%s%s\n",
               target.dynamic ? target_libc(&target) : "static", target.bits,
               machine_name(target.machine), target.machine,
               target.dynamic ? ", linker " : "", target.interpreter,
               target.privileged ? ", privileged" : "");
    else
        printf("%s\n", target.readable ? "no ELF program: /bin/sh will be tried"
                                       : "cannot be read");
    if (target.missing)
        printf("missing   %s\n", target.interpreter);
    printf("preload   %s%s\n", obstacle != NULL ? "impossible: " : "possible",
           obstacle != NULL ? obstacle : "");
    return print_library(plan, command, &target);
}

static const char *stream_name(enum dz_fd_kind stream)
{
    static const char *const names[] = {"closed", "terminal", "pipe", "socket",
                                        "file or device"};

    return names[stream];
}

/* Returns what becomes of a stream, in words. */
static const char *redirect_name(const struct dz_plan *plan, enum dz_redirect redirect,
                                 int number)
{
    switch (redirect) {
    case DZ_NULL:
        return "/dev/null";
    case DZ_LOG:
        return "nohup.out, here or in $HOME";
    case DZ_FILE:
        return dz_option_of_stream(plan, number)->text;
    case DZ_KEEP:
        break;
    }
    return "kept";
}

/* Returns whether the stream goes to a log of ours. */
static bool goes_to_log(const struct dz_start *start, int number)
{
    enum dz_redirect redirect =
        dz_redirect_of(start->plan, start->mode, dz_kind_of_fd(number), number);

    return redirect == DZ_LOG || redirect == DZ_FILE;
}

static void print_stream(const struct dz_start *start, int number)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    enum dz_fd_kind kind = dz_kind_of_fd(number);
    enum dz_redirect redirect = dz_redirect_of(start->plan, start->mode, kind, number);

    printf("%-9s %s -> %s\n", names[number], stream_name(kind),
           redirect_name(start->plan, redirect, number));
}

/* Streams and descriptors.  Whether the start would be refused for them. */
static bool print_streams(struct dz_start *start)
{
    struct dz_fault fault;
    bool refused =
        start->plan->reopen && !goes_to_log(start, 1) && !goes_to_log(start, 2);
    int fd = 3;

    for (int i = 0; i < 3; i++)
        print_stream(start, i);
    if (refused)
        printf("refused   reopen: there is no log that we open: give one by -o\n");
    if (dz_check_kept(start, &fault) < 0)
        return refuse(&fault);
    printf("keep-fd   ");
    for (; (fd = dz_next_kept(start, fd)) >= 0; fd++)
        printf("%d ", fd);
    printf("and no other from 3\n");
    return refused;
}

static void print_signals(const struct dz_plan *plan)
{
    printf("signals  ");
    for (int number = 1; number <= DZ_SIGNALS; number++) {
        char name[16];
        struct dz_text text = dz_text(name, sizeof name);
        if (((plan->ignore | dz_terminal_signals()) & dz_signal_bit(number)) == 0)
            continue;
        dz_add_signal(&text, number);
        printf(" %s", name);
    }
    printf(" ignored, the others at default, none blocked\n");
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

/* What DZ_INSIDE hands over. */
static void print_powers(const struct dz_plan *plan)
{
    char scratch[DZ_SHOWN_MAX];
    bool any = false;

    printf("powers   ");
    for (const struct dz_option *option = dz_options; option->help != NULL; option++) {
        const char *value = (option->uses & DZ_HANDED) != 0
                                ? dz_plan_show(plan, option, scratch)
                                : NULL;
        if (value == NULL)
            continue;
        printf(" %s%s%s", option->name, *value != '\0' ? "=" : "", value);
        any = true;
    }
    printf("%s\n", any ? "" : " none");
}

/* Whether path may be used so, by access(2) as who we are: to write, what is no folder;
 * to execute, a folder.  may_be_made: where it is missing its folder is asked for.
 * False with errno. */
static bool may_use(const char *path, int how, bool may_be_made)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct stat about;

    if (stat(path, &about) == 0 && how != R_OK && how != F_OK &&
        S_ISDIR(about.st_mode) != (how == X_OK)) {
        errno = how == X_OK ? ENOTDIR : EISDIR;
        return false;
    }
    if (faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0)
        return true;
    if (errno != ENOENT || !may_be_made)
        return false;
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
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

/* The files that are named.  Whether the start would be refused for one, as far as a
 * look tells: nothing is opened that an opening could change. */
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
    if (left == DZ_LEFT_FOREGROUND)
        return "leave: it would be the terminal's foreground job";
    if (left == DZ_LEFT_GROUP)
        return "leave: its process group has other members";
    return start->mode == DZ_LEAVE ? "leave: a new PID, the caller goes on"
                                   : "stay: this PID, in a session of its own";
}

int print_plan(struct dz_start *start, const struct command *command)
{
    enum dz_leave_reason left = start->mode == DZ_STAY ? dz_would_leave() : DZ_NOT_LEFT;
    bool refused;

    printf("mode      %s\n", describe_mode(start, left));
    if (left != DZ_NOT_LEFT)
        start->mode = DZ_LEAVE;
    refused = print_target(start->plan, command);
    print_powers(start->plan);
    refused |= print_streams(start);
    printf("chdir     %s\n", start->plan->chdir != NULL ? start->plan->chdir : "/");
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
