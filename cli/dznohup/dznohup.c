/*
 * dznohup: run a command as a daemon.
 *
 * argv and DZ_* become a start, the plan's steps are run by the core, and what
 * is left of this process executes the command or reports on it.
 */
#include "dznohup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char version[] = "dznohup " DZ_VERSION "\n";

/* The PID on stdout, for pid=$(dznohup -d command), and words for people. */
static int report_started(struct dz_start *start, struct dz_fault *fault)
{
    char line[32];

    snprintf(line, sizeof line, "%ld\n", (long)start->pid);
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is said, not died of */
    say_started(start);
    /* Left against the plan: a file on stdout is the program's, not the PID's. */
    if (start->leave_reason != DZ_NOT_LEFT && start->new_fd[1] < 0)
        return 0;
    if (dz_write(1, line, strlen(line)) < 0) {
        /* It runs: to end it now would be a worse surprise than this line. */
        dz_fault_number(fault, "stdout", start->pid, errno, NULL);
        tell(2, fault);
    }
    return 0;
}

/* The start has failed in the caller's wait. */
static int report_failed(const struct dz_start *start, const struct dz_fault *fault)
{
    tell(2, fault);
    if (start->pid > 0)
        say_failed(start);
    if (start->interrupt > 0)
        dz_die_by_signal(start->interrupt);
    return fault->status;
}

static int launch(struct dz_start *start, const struct command *command,
                  const char *library, struct dz_fault *fault)
{
    const struct dz_plan *plan = start->plan;
    const char *relative = relative_argument(command->argv);
    int result;

    if (relative != NULL && plan->chdir == NULL && !plan->quiet)
        say_relative(start, relative);
    if (plan->verbose) {
        start->trace = say_step;
        say_step(start, "start");
    }
    if (!plan->quiet && isatty(2))
        start->waiting = say_waiting;
    result = dz_run(start, DZ_ALL, fault);
    if (result == DZ_CALLER)
        return dz_await(start, fault) < 0 ? report_failed(start, fault)
                                          : report_started(start, fault);
    if (result == DZ_GO) {
        /* The last moment for words, unless exec is going to fail. */
        if (start->mode == DZ_STAY && has_words(start) &&
            !lacks_interpreter(command->path))
            say_started(start);
        if (preload_library(start, library, fault) == 0)
            exec_command(command, start->envp, fault);
        end_preload_check();
        dz_fail(start, fault);
    }
    return tell(start->stderr_fd, fault);
}

/* A plan that says what to print instead of what to run.  -1: it does not. */
static int print_only(const struct dz_plan *plan, struct dz_fault *fault)
{
    if (plan->help ? print_help() : dz_write(1, version, sizeof version - 1)) {
        dz_fault(fault, "stdout", NULL, errno, NULL);
        return tell(2, fault);
    }
    return 0;
}

/* The environment with room for what may be added: NOTIFY_SOCKET,
 * PYTHONUNBUFFERED, LD_PRELOAD, DZ_INSIDE. */
enum { SPARE = 4 };

static size_t count_environment(void)
{
    size_t n = 0;

    while (environ[n] != NULL)
        n++;
    return n;
}

static bool is_named_nohup(const char *name)
{
    const char *slash = strrchr(name, '/');

    return strcmp(slash != NULL ? slash + 1 : name, "nohup") == 0;
}

/* --nohup means that alone: what other options ask for, nohup does not do. */
static int be_nohup(char **argv, int operand, struct dz_fault *fault)
{
    int options = operand - (strcmp(argv[operand - 1], "--") == 0);

    if (options == 2)
        return nohup_run(argv[0], argv + operand);
    dz_fault(fault, "--nohup", NULL, 0, "goes with no other option");
    return tell(2, fault);
}

/* The command with its plan: started, or with -n described. */
static int run(const struct dz_plan *plan, struct dz_start *start,
               struct dz_fault *fault)
{
    static struct command command;
    static char library[PATH_MAX];
    int status;

    if (find_command(&command, plan->argv, fault) < 0)
        return tell(2, fault);
    start->needs_answer = needs_library(plan);
    if (start->needs_answer && step_over_env(&command, fault) < 0)
        return tell(2, fault);
    if (!plan->dry_run && check_library(plan, &command, library, fault) < 0)
        return tell(2, fault);
    if (!plan->dry_run)
        return launch(start, &command, library, fault);
    status = print_plan(start, &command);
    if (status >= 0)
        return status;
    dz_fault(fault, "stdout", NULL, errno, NULL);
    return tell(2, fault);
}

/* Runs it with room in the environment: no more than execve(2) has taken once. */
static int run_with_room(const struct dz_plan *plan, struct dz_start *start,
                         struct dz_fault *fault)
{
    size_t n = count_environment();
    char *room[n + 1 + SPARE];
    int status;

    memcpy(room, environ, n * sizeof *environ);
    memset(room + n, 0, (1 + SPARE) * sizeof *room);
    dz_start_init(start, plan, room);
    start->env_spare = SPARE;
    status = run(plan, start, fault);
    start->envp = environ; /* the room ends here */
    return status;
}

int main(int argc, char **argv)
{
    /* Not on the stack: a page of it that is touched takes as long as ten system calls,
     * and a good start writes to neither fault.  What is no path in the start is on one
     * page. */
    static struct dz_plan plan;
    static _Alignas(4096) struct dz_start start;
    static struct dz_fault fault;
    static struct dz_fault unset;
    int operand;

    if (argc > 0 && is_named_nohup(argv[0]))
        return nohup_main(argc, argv);
    dz_plan_init(&plan, NULL);
    /* The environment's fault waits: it is none of nohup's business, and does not stand
     * in the way of --help. */
    int defaults = dz_plan_environment(&plan, environ, DZ_CLI, &unset);
    if (parse_options(&plan, argc, argv, &operand, &fault) < 0)
        return tell(2, &fault);
    if (plan.help || plan.version)
        return print_only(&plan, &fault);
    if (plan.nohup)
        return be_nohup(argv, operand, &fault);
    if (defaults < 0)
        return tell(2, &unset);
    if (dz_plan_check(&plan, &fault) < 0)
        return tell(2, &fault);
    if (operand >= argc) {
        dz_fault(&fault, "command", NULL, 0, "none given; see dznohup --help");
        return tell(2, &fault);
    }
    plan.argv = argv + operand;
    return run_with_room(&plan, &start, &fault);
}
