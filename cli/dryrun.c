/*
 * -n: the plan in words, and what the target is.  Runs and changes nothing.
 */
#include "cli.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
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
    return fault->err != 0 ? strerror(fault->err) : fault->reason;
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
    if (dz_check_kept(plan, &fault) < 0) {
        printf("refused   %s: %s: %s\n", fault.step, fault.object, reason_of(&fault));
        return true;
    }
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
    if (plan->name != NULL)
        printf("name      %s\n", plan->name);
    if (plan->pidfile != NULL)
        printf("pidfile   %s\n", plan->pidfile);
    if (plan->mode == DZ_LEAVE)
        print_wait(plan);
    if (fflush(stdout) != 0 || ferror(stdout))
        return -1;
    return refused ? DZ_EXIT_FAILURE : 0;
}
