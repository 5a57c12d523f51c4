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
static bool print_library(struct dz_plan *plan, const struct command *command,
                          const struct target *target)
{
    struct dz_fault fault;
    bool none =
        preload_obstacle(target) == NULL && find_library(plan, target, &fault) < 0;

    printf("library   %s, %sneeded", plan->shim, needs_library(plan) ? "" : "not ");
    if (none)
        printf(": %s", reason_of(&fault));
    putchar('\n');
    if (check_library(plan, command, &fault) == 0)
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
static bool print_target(struct dz_plan *plan, const struct command *command)
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

static const char *stream_name(enum dz_stream stream)
{
    static const char *const names[] = {"closed", "terminal", "pipe", "socket",
                                        "file or device"};

    return names[stream];
}

/* What becomes of a stream by the table, in words. */
static const char *fate_name(enum dz_fate fate)
{
    switch (fate) {
    case DZ_NULL:
        return "/dev/null";
    case DZ_LOG:
        return "nohup.out, here or in $HOME";
    default:
        return "kept";
    }
}

/* Whether the stream goes to a log of ours. */
static bool goes_to_log(const struct dz_plan *plan, int number)
{
    const char *to = dz_stream_option(plan, number);

    return to != NULL
               ? dz_names_file(to)
               : dz_stream_fate(plan->mode, dz_stream_kind(number), number) == DZ_LOG;
}

static void print_stream(const struct dz_plan *plan, int number)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    enum dz_stream kind = dz_stream_kind(number);
    const char *to = dz_stream_option(plan, number);

    if (to == NULL)
        to = fate_name(dz_stream_fate(plan->mode, kind, number));
    else if (!dz_names_file(to))
        to = "kept";
    printf("%-9s %s -> %s\n", names[number], stream_name(kind), to);
}

/* Streams and descriptors.  Whether the start would be refused for them. */
static bool print_streams(struct dz_plan *plan)
{
    struct dz_fault fault;
    bool refused = plan->reopen && !goes_to_log(plan, 1) && !goes_to_log(plan, 2);
    int fd = 3;

    for (int i = 0; i < 3; i++)
        print_stream(plan, i);
    if (refused)
        printf("refused   reopen: there is no log that we open: give one by -o\n");
    if (dz_check_kept(plan, &fault) < 0)
        return refuse(&fault);
    printf("keep-fd   ");
    for (; (fd = dz_next_kept(plan, fd)) >= 0; fd++)
        printf("%d ", fd);
    printf("and no other from 3\n");
    return refused;
}

static void print_signals(const struct dz_plan *plan)
{
    printf("signals   HUP TTIN TTOU");
    for (int number = 1; number <= 64; number++) {
        char name[16];
        struct dz_text text = dz_text(name, sizeof name);
        if ((plan->ignore & UINT64_C(1) << (number - 1)) == 0)
            continue;
        dz_add_signal(&text, number);
        printf(" %s", name);
    }
    printf(" ignored, the others at default, none blocked\n");
}

static void print_wait(const struct dz_plan *plan)
{
    char text[PATH_MAX];
    struct dz_text words = dz_text(text, sizeof text);

    dz_add_missing(&plan->wait, &words);
    printf("wait      %s", plan->wait.count > 0 ? text : "alive:0.1");
    if (plan->timeout > 0)
        printf(", at most %g s", (double)plan->timeout / 1000);
    putchar('\n');
}

static void print_powers(const struct dz_plan *plan)
{
    static const char *const buffers[] = {"", " buffer=line", " buffer=none",
                                          " buffer=full"};
    static const char *const pins[] = {"", " pin-signals=default", " pin-signals=all",
                                       " pin-signals=seccomp"};

    printf("powers   %s%s%s%s%s%s\n", buffers[plan->buffer], pins[plan->pin],
           plan->no_daemon ? " no-daemon" : "", plan->reopen ? " reopen" : "",
           plan->inherit ? " inherit" : "",
           !dz_wants_powers(plan) && plan->pin == DZ_PIN_NONE ? " none" : "");
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

/* The files that are named.  Whether the start would be refused for one, as far as a
 * look tells: nothing is opened that an opening could change. */
static bool print_files(const struct dz_plan *plan)
{
    const struct {
        const char *step;
        const char *path;
        int how;
        bool may_be_made;
    } files[] = {
        {"input", plan->input, R_OK, false},
        {"output", plan->output, W_OK, true},
        {"error", plan->error, W_OK, true},
        {"chdir", plan->chdir, X_OK, false},
    };
    struct dz_pidfile old;
    struct dz_fault fault;
    bool refused = false;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (dz_names_file(files[i].path) &&
            !may_use(files[i].path, files[i].how, files[i].may_be_made)) {
            dz_fault(&fault, files[i].step, files[i].path, errno, NULL);
            refused = refuse(&fault);
        }
    if (plan->name != NULL) {
        printf("name      %s\n", plan->name);
        if (dz_name_check(plan, &fault) < 0)
            refused = refuse(&fault);
    }
    if (plan->pidfile != NULL) {
        printf("pidfile   %s\n", plan->pidfile);
        if ((may_use(plan->pidfile, F_OK, true)
                 ? dz_pidfile_check(plan->pidfile, &old, &fault)
                 : dz_fault(&fault, "pidfile", plan->pidfile, errno, NULL)) < 0)
            refused = refuse(&fault);
    }
    return refused;
}

static const char *describe_mode(const struct dz_plan *plan, enum dz_left left)
{
    if (left == DZ_LEFT_FOREGROUND)
        return "leave: it would be the terminal's foreground job";
    if (left == DZ_LEFT_GROUP)
        return "leave: its process group has other members";
    return plan->mode == DZ_LEAVE ? "leave: a new PID, the caller goes on"
                                  : "stay: this PID, in a session of its own";
}

int print_plan(struct dz_plan *plan, const struct command *command)
{
    enum dz_left left = plan->mode == DZ_STAY ? dz_forecast() : DZ_NOT_LEFT;
    bool refused;

    printf("mode      %s\n", describe_mode(plan, left));
    if (left != DZ_NOT_LEFT)
        plan->mode = DZ_LEAVE;
    refused = print_target(plan, command);
    print_powers(plan);
    refused |= print_streams(plan);
    printf("chdir     %s\n", plan->chdir != NULL ? plan->chdir : "/");
    if (plan->umask >= 0)
        printf("umask     %03o\n", (unsigned)plan->umask);
    else
        printf("umask     unchanged\n");
    print_signals(plan);
    refused |= print_files(plan);
    if (plan->mode == DZ_LEAVE)
        print_wait(plan);
    if (fflush(stdout) != 0 || ferror(stdout))
        return -1;
    return refused ? DZ_EXIT_FAILURE : 0;
}
