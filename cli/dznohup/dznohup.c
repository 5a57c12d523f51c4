/*
 * dznohup: runs a command as a daemon.
 *
 * Reads argv and DZ_* into a plan, runs the steps of the core, and then executes the
 * command, or waits for it and reports.
 */
#include "dznohup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char version[] = "dznohup " DZ_VERSION "\n";

/* Writes the PID to stdout, for pid=$(dznohup -d command). */
static int print_pid(pid_t pid, struct dz_fault *fault)
{
    char line[32];

    snprintf(line, sizeof line, "%ld\n", (long)pid);
    if (dz_write(1, line, strlen(line)) < 0)
        return dz_fault_number(fault, "stdout", pid, errno, NULL);
    return 0;
}

/* Tells the user about the start, and writes the PID.  Returns the exit status. */
static int report_started(struct dz_start *start, struct dz_fault *fault)
{
    say_started(start);
    /* If stay mode had to leave, a file on stdout is for the program's output alone. */
    if (start->leave_reason != DZ_NOT_LEFT && start->new_fd[1] < 0)
        return 0;
    /* The program runs, and stopping it would be worse than an error message. */
    if (print_pid(start->pid, fault) < 0)
        tell(2, fault);
    return 0;
}

/* Reports a start that has failed during the caller's wait.  Returns the exit status.
 */
static int report_failed(const struct dz_start *start, const struct dz_fault *fault)
{
    tell(2, fault);
    if (start->pid > 0)
        say_failed(start);
    if (start->interrupt > 0)
        dz_die_by_signal(start->interrupt);
    return fault->status;
}

/* Reports a start that has failed.  With --if-not-running a job that is already running
 * is no failure.  Returns the exit status. */
static int report_refused(const struct dz_start *start, struct dz_fault *fault)
{
    if (fault->running == 0 || !start->plan->if_not_running)
        return tell(start->stderr_fd, fault);
    return print_pid(fault->running, fault) < 0 ? tell(start->stderr_fd, fault) : 0;
}

/* Returns the exit status of the caller of leave mode. */
static int await_start(struct dz_start *start, struct dz_fault *fault)
{
    return dz_await(start, fault) < 0 ? report_failed(start, fault)
                                      : report_started(start, fault);
}

/* Starts the command below a keeper: this process, or in leave mode a child.  Returns
 * the exit status. */
static int launch_kept(struct dz_start *start, const struct command *command,
                       const char *library, struct dz_fault *fault)
{
    int result = dz_run(start, DZ_PREPARE, fault);
    int status;

    if (result == DZ_GO && start->mode == DZ_LEAVE &&
        (result = dz_make_waiter(start, fault)) < 0)
        dz_fail(start, fault);
    if (result == DZ_CALLER)
        return await_start(start, fault);
    if (result < 0)
        return report_refused(start, fault);
    if (start->mode == DZ_STAY && has_words(start) && !lacks_interpreter(command->path))
        say_started(start);
    status = keep_command(start, command, library, fault);
    if (status >= 0)
        return status;
    tell(start->stderr_fd, fault);
    say_failed(start);
    return fault->status;
}

/* Finds out whether stay mode takes the program from the terminal's reach: now, or once
 * the shell has brought its job to the foreground. */
static void find_keyboard(struct dz_start *start)
{
    pid_t foreground = tcgetpgrp(2);

    start->left_keyboard = foreground == getpgrp();
    start->left_shell = foreground > 0 && !start->left_keyboard &&
                        getpgrp() == getpid() && getsid(0) != getpid();
}

static int launch(struct dz_start *start, const struct command *command,
                  const char *library, struct dz_fault *fault)
{
    const struct dz_plan *plan = start->plan;
    const char *relative = relative_argument(command->argv);
    int answerer;
    int result;

    if (relative != NULL && plan->chdir == NULL && dz_directory_of(start) != NULL &&
        !plan->quiet)
        say_relative(start, relative);
    if (plan->verbose) {
        start->trace = say_step;
        say_step(start, "start");
    }
    if (!plan->quiet) {
        bool terminal = isatty(2);
        start->waiting = terminal ? say_waiting : say_waiting_once;
        start->waiting_once = !terminal;
        /* A keeper that is PID 1 hands the container's console to the program. */
        if (terminal && plan->mode != DZ_LEAVE && !plan->keep_session &&
            !(getpid() == 1 && dz_wants_keeper(plan)))
            find_keyboard(start);
    }
    if (dz_wants_keeper(plan))
        return launch_kept(start, command, library, fault);
    start->quick = start->trace == NULL; /* the trace shows each fork by itself */
    result = dz_run(start, DZ_PREPARE, fault);
    if (result == DZ_GO && start->mode == DZ_STAY && plan->managed &&
        (result = make_answerer(start, fault)) < 0)
        dz_fail(start, fault);
    answerer = start->mode == DZ_STAY ? start->report_fd : -1;
    if (result == DZ_GO)
        result = dz_run(start, DZ_ALL & ~DZ_PREPARE, fault);
    if (result == DZ_CALLER)
        return await_start(start, fault);
    if (result == DZ_GO) {
        /* The last moment for messages.  If exec is going to fail, there are none. */
        if (start->mode == DZ_STAY && has_words(start) &&
            !lacks_interpreter(command->path))
            say_started(start);
        if (start->mode == DZ_STAY)
            start->report_fd = -1; /* the program does not report on it */
        execute_target(start, command, library, fault);
    }
    if (answerer >= 0)
        dz_report_fault(answerer, fault);
    return report_refused(start, fault);
}

/* Prints help or version.  Returns the exit status. */
static int print_only(const struct dz_plan *plan, struct dz_fault *fault)
{
    if (plan->help != DZ_HELP_NONE ? print_help(plan->help)
                                   : dz_write(1, version, sizeof version - 1)) {
        dz_fault(fault, "stdout", NULL, errno, NULL);
        return tell(2, fault);
    }
    return 0;
}

/* Entries that a start may add to the environment: NOTIFY_SOCKET, WATCHDOG_USEC,
 * WATCHDOG_PID, PYTHONUNBUFFERED, LD_PRELOAD, DZ_INSIDE. */
enum { SPARE = 6 };

static size_t count_environment(void)
{
    size_t n = 0;

    while (environ[n] != NULL)
        n++;
    return n;
}

/* Returns whether a manager waits to be told that the job is ready, which a process of
 * ours must do in stay mode. */
static bool is_managed(const struct dz_plan *plan)
{
    return plan->mode != DZ_LEAVE && !dz_wants_keeper(plan) &&
           (plan->ready_fd > 0 || (plan->wait.count > 0 && !plan->wait.defaults &&
                                   dz_env(environ, "NOTIFY_SOCKET") != NULL));
}

static bool is_named_nohup(const char *name)
{
    const char *slash = strrchr(name, '/');

    return strcmp(slash != NULL ? slash + 1 : name, "nohup") == 0;
}

/* Becomes nohup.  --nohup takes no other option, since nohup(1) would not act on it. */
static int be_nohup(char **argv, int operand, struct dz_fault *fault)
{
    int options = operand - (strcmp(argv[operand - 1], "--") == 0);

    if (options == 2)
        return nohup_run(argv[0], argv + operand);
    dz_fault(fault, "--nohup", NULL, 0, "cannot be combined with other options");
    return tell(2, fault);
}

/*
 * All of a start that is not on the stack.  The first write to a page takes as long as
 * ten system calls.  So what each start writes comes first, beside the data of libc.
 * The paths follow.  A start without an error writes to neither fault.
 */
static struct {
    struct dz_start start;
    struct command command;
    char library[PATH_MAX];
    struct dz_fault fault;
    struct dz_fault unset;
} memory;

/* If the user of another tool meant something else by the command that was not found,
 * says in the fault what to write. */
static void answer_not_found(const struct dz_plan *plan, struct dz_fault *fault)
{
    if (answer_habit(plan->argv[0], "not found; ", fault) || !plan->dry_run)
        return;
    if (plan->argv[1] != NULL &&
        find_command(&memory.command, plan->argv + 1, &memory.unset) == 0)
        snprintf(fault->reason, sizeof fault->reason,
                 "not found; -n is --dry-run: for a name write --name=NAME");
}

/* Starts the command, or with -n prints the plan.  Returns the exit status. */
static int run(const struct dz_plan *plan, struct dz_start *start,
               struct dz_fault *fault)
{
    struct command *command = &memory.command;
    int status;

    if (find_command(command, plan->argv, fault) < 0) {
        if (fault->status == DZ_EXIT_NOT_FOUND)
            answer_not_found(plan, fault);
        return tell(2, fault);
    }
    start->needs_answer = needs_library(plan);
    if (start->needs_answer && step_over_env(command, fault) < 0)
        return tell(2, fault);
    if (!plan->dry_run && check_library(plan, command, memory.library, fault) < 0)
        return tell(2, fault);
    if (!plan->dry_run)
        return launch(start, command, memory.library, fault);
    status = print_plan(start, command);
    if (status >= 0)
        return status;
    dz_fault(fault, "stdout", NULL, errno, NULL);
    return tell(2, fault);
}

/* Runs the plan on a copy of the environment with spare entries.  execve(2) has passed
 * this environment to us, so the copy fits the stack. */
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
    start->envp = environ; /* the copy ends with this function */
    return status;
}

/* Adopts a program that runs; --adopt takes no command. */
static int be_adopter(const struct dz_plan *plan, struct dz_start *start,
                      const char *operand, struct dz_fault *fault)
{
    if (operand != NULL) {
        dz_fault(fault, "adopt", operand, 0, "is a command; --adopt takes only a PID");
        return tell(2, fault);
    }
    dz_start_init(start, plan, environ);
    return adopt(plan, start, fault);
}

int main(int argc, char **argv)
{
    struct dz_plan plan = {0};
    struct dz_start *start = &memory.start;
    struct dz_fault *fault = &memory.fault;
    int operand;

    if (argc > 0 && is_named_nohup(argv[0]))
        return nohup_main(argc, argv);
    dz_plan_init(&plan, NULL);
    /* A fault in the environment is reported later: --help and --nohup work with it. */
    int defaults = dz_plan_environment(&plan, environ, DZ_CLI, &memory.unset);
    if (parse_options(&plan, argc, argv, &operand, fault) < 0)
        return tell(2, fault);
    if (plan.help != DZ_HELP_NONE || plan.version)
        return print_only(&plan, fault);
    if (plan.nohup)
        return be_nohup(argv, operand, fault);
    dz_guard_writes(start);
    if (defaults < 0)
        return tell(2, &memory.unset);
    plan.managed = is_managed(&plan);
    if (dz_plan_check(&plan, fault) < 0)
        return tell(2, fault);
    if (plan.adopt != 0)
        return be_adopter(&plan, start, argv[operand], fault);
    if (plan.tree || plan.pipes || plan.keep_handlers) {
        dz_fault(fault, "options", NULL, 0,
                 "--tree, --pipes and --keep-handlers need --adopt");
        return tell(2, fault);
    }
    if (operand >= argc) {
        dz_fault(fault, "command", NULL, 0, "missing; see dznohup --help");
        return tell(2, fault);
    }
    if (dz_wants_keeper(&plan) && keep_paths(&plan, fault) < 0)
        return tell(2, fault);
    plan.argv = argv + operand;
    return run_with_room(&plan, start, fault);
}
