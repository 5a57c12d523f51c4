/*
 * libdz.so: the constructor that makes the process it is preloaded into a daemon before
 * main() runs.
 *
 * It exports the functions that its powers interpose, and nothing else.  It is linked
 * without a libc, so that one binary takes its functions from whichever libc the
 * program has.  It is marked initfirst, so that it runs before any other constructor
 * has started threads or opened descriptors.  At that moment environ of a glibc program
 * is still NULL, and only the constructor's arguments can be used.  musl passes none,
 * but has set environ.
 *
 * If the launcher preloads the library, all that is done already: the library begins
 * its powers and answers the process that waits, if there is one.  In the programs that
 * the target executes and starts, the library begins their powers.
 *
 * The library does nothing at all in a program with AT_SECURE, or one that DZ_ONLY does
 * not name.  Nor does it if LD_PRELOAD does not name it (/etc/ld.so.preload, dlopen).
 */
#include "shim.h"

#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

static const char program[] = "libdz.so";

/* start->trace, with DZ_VERBOSE. */
static void say_step(const struct dz_start *start, const char *step)
{
    char row[200];
    struct dz_text text = dz_text(row, sizeof row);

    dz_add(&text, program);
    dz_add(&text, ": ");
    dz_format_ids(step, row + text.length, sizeof row - text.length - 1);
    text.length = strlen(row);
    dz_add_char(&text, '\n');
    dz_write(start->stderr_fd, row, text.length);
}

/* Tells of a good start, if a terminal was replaced. */
static void say_started(const struct dz_start *start)
{
    char line[DZ_MESSAGE_MAX];
    struct dz_text text = dz_text(line, sizeof line);

    dz_say_notes(start, program);
    if (!start->had_terminal || start->plan->quiet)
        return;
    dz_add(&text, program);
    dz_add(&text, ": PID ");
    dz_add_number(&text, start->mode == DZ_STAY ? getpid() : start->pid);
    dz_add_started(start, "", &text);
    dz_one_line(line);
    dz_add(&text, "\n");
    dz_write(start->stderr_fd, line, text.length);
}

/* start->waiting: each second the line replaces the one before. */
static void say_waiting(const struct dz_start *start, const struct dz_ready *ready,
                        int seconds)
{
    char line[DZ_WAITING_MAX];

    dz_write(start->stderr_fd, line,
             dz_waiting_text(start, ready, program, seconds, line));
}

__attribute__((noreturn)) static void give_up(const struct dz_start *start,
                                              const struct dz_fault *fault)
{
    if (fault->running != 0 && start->plan->if_not_running)
        _exit(0);
    dz_fault_write(fault, program, start->stderr_fd);
    if (start->pid > 0)
        dz_show_log(start, program, start->stderr_fd);
    if (start->interrupt > 0)
        dz_die_by_signal(start->interrupt);
    _exit(fault->status);
}

/* Leave mode: waits until the daemon runs, and ends this process. */
__attribute__((noreturn)) static void end_caller(struct dz_start *start,
                                                 struct dz_fault *fault)
{
    if (dz_await(start, fault) < 0)
        give_up(start, fault);
    say_started(start);
    _exit(0);
}

/*
 * Ends the first of two images, reexec.c: detaches, closes descriptors and executes the
 * program again, which commits.
 */
__attribute__((noreturn)) static void start_afresh(struct dz_start *start,
                                                   struct dz_fault *fault)
{
    int result;

    /* The new image claims its files anew: the locks would keep it out.  It may fail
     * before it does so, hence no file stays. */
    dz_claim_drop(&start->pidfile_claim);
    dz_claim_drop(&start->record_claim);
    /* In the new image other constructors have opened descriptors of their own. */
    result = dz_run(start, DZ_DETACH | DZ_CLOSE, fault);
    if (result == DZ_CALLER)
        end_caller(start, fault);
    if (result == DZ_GO) {
        shim_execute_again(start, fault);
        dz_fail(start, fault);
    }
    give_up(start, fault);
}

/* Ends a good start, right before main(): what can fail comes before the report of
 * success. */
static void end_start(struct dz_start *start)
{
    struct dz_fault fault;
    struct dz_held held;

    if (dz_unguard_writes(start, &fault) < 0) {
        dz_fail(start, &fault);
        give_up(start, &fault);
    }
    if (start->mode == DZ_STAY) {
        dz_hold_write_signals(&held);
        say_started(start);
        dz_release_write_signals(&held);
    }
    dz_report_ready(start);
}

/*
 * Makes this process the daemon.  again: this is the second of two images.  late: other
 * constructors ran before ours, and descriptors from 3 are open.
 */
static void become_daemon(struct dz_start *start, bool again, bool late)
{
    struct dz_fault fault;
    int result = dz_run(start, DZ_PREPARE, &fault);

    if (result == DZ_GO && !again &&
        ((late && !start->plan->keep_session) ||
         (start->mode == DZ_LEAVE && shim_has_threads())))
        start_afresh(start, &fault);
    if (result == DZ_GO)
        result = dz_run(start, again ? DZ_COMMIT : DZ_ALL & ~DZ_PREPARE, &fault);
    if (result == DZ_GO && shim_begin_powers(start, false, &fault) < 0)
        result = dz_fail(start, &fault);
    if (result == DZ_CALLER)
        end_caller(start, &fault);
    if (result < 0)
        give_up(start, &fault);
    end_start(start);
}

/* Reads the settings.  The default mode is leave; stay for PID 1 and with
 * DZ_KEEP_SESSION. */
static void read_settings(struct dz_plan *plan, struct dz_start *start, char **argv,
                          char **envp)
{
    struct dz_fault fault;
    int result;

    dz_guard_writes(start);
    dz_plan_init(plan, argv);
    result = dz_plan_environment(plan, envp, DZ_SHIM, &fault);
    if (plan->mode == DZ_STAY && getpid() != 1 && !plan->keep_session)
        plan->mode = DZ_LEAVE;
    if (result == 0)
        result = dz_plan_check(plan, &fault);
    if (result == 0 && dz_wants_pump(plan))
        result = dz_fault(&fault, "output", NULL, 0,
                          "only dznohup writes to syslog, the journal or a command");
    dz_start_init(start, plan, envp);
    if (result < 0)
        give_up(start, &fault);
    if (shim_find_library(start, &fault) < 0)
        give_up(start, &fault);
    if (plan->verbose)
        start->trace = say_step;
    if (!plan->quiet && isatty(2))
        start->waiting = say_waiting;
}

/* In the second image of leave mode: it is detached, and reports to the caller of the
 * first. */
static void resume(struct dz_start *start, int report_fd)
{
    start->mode = DZ_LEAVE;
    start->role = DZ_TARGET_ROLE;
    start->report_fd = report_fd;
    start->pid = getpid();
}

/* Ends a target that dznohup has become: no process but this one knows of its files. */
__attribute__((noreturn)) static void give_up_inside(struct dz_start *start,
                                                     const struct dz_fault *fault)
{
    if (start->pidfile_claim.path[0] != '\0')
        dz_pidfile_remove(start->pidfile_claim.path, -1, getpid(), true);
    if (start->record_claim.path[0] != '\0')
        dz_record_remove(start->record_claim.path, getpid(), true);
    give_up(start, fault);
}

static void copy_path(const struct dz_inside *inside, enum dz_inside_path which,
                      char path[PATH_MAX])
{
    size_t length = inside->paths[which].length; /* checked when it was read */

    if (length > 0)
        memcpy(path, inside->paths[which].path, length);
}

/* Fills in the start from DZ_INSIDE.  Returns whether its descriptor is what it must
 * be. */
static bool take_over(struct dz_start *start, const struct dz_inside *inside)
{
    start->inside = inside;
    copy_path(inside, DZ_INSIDE_LOG, start->log.path);
    copy_path(inside, DZ_INSIDE_ERROR_LOG, start->error_log.path);
    copy_path(inside, DZ_INSIDE_PIDFILE, start->pidfile_claim.path);
    copy_path(inside, DZ_INSIDE_RECORD, start->record_claim.path);
    start->new_fd[1] = start->log.path[0] != '\0' ? 1 : -1;
    start->new_fd[2] = start->error_log.path[0] != '\0' ? 2 : -1;
    start->role = DZ_CALLER_ROLE;
    if (inside->kind == DZ_INSIDE_AWAITED) {
        start->role = DZ_TARGET_ROLE;
        start->report_fd = inside->fd;
        return shim_is_report(inside->fd);
    }
    if (inside->kind == DZ_INSIDE_ALONE)
        start->stderr_fd = inside->fd;
    return inside->kind == DZ_INSIDE_ALONE || inside->fd < 0;
}

/*
 * Handles DZ_INSIDE.  The launcher has done all else, and may wait for the library's
 * answer; or a program with powers has executed this one.  Returns false if the value
 * is not ours: it will be refused as unknown.
 */
static bool only_powers(struct dz_plan *plan, struct dz_start *start, char **envp)
{
    static struct dz_inside inside;
    struct dz_fault fault;
    const char *value = dz_env(envp, DZ_INSIDE);
    bool follows;
    int result;

    if (value == NULL)
        return false;
    dz_plan_init(plan, NULL);
    dz_start_init(start, plan, envp);
    if (dz_inside_read(plan, value, &inside) < 0 || !take_over(start, &inside))
        return false;
    follows = inside.kind == DZ_INSIDE_NEXT || inside.kind == DZ_INSIDE_CHILD;
    if (inside.fd > 2)
        fcntl(inside.fd, F_SETFD, FD_CLOEXEC); /* cannot fail: it is open */
    result = shim_find_library(start, &fault);
    dz_take_inside(envp); /* the paths of inside are copied */
    if (result == 0)
        result = shim_begin_powers(start, follows, &fault);
    shim_release_signals(inside.held);
    if (result < 0 && follows) /* the program does not depend on it */
        dz_fault_write(&fault, program, 2);
    else if (result < 0 && inside.kind == DZ_INSIDE_ALONE)
        give_up_inside(start, &fault);
    else if (result < 0)
        dz_fail(start, &fault);
    end_start(start);
    return true;
}

/* Does what the constructor is for.  argv is NULL if it is unknown.  first: no other
 * constructor has run. */
static void begin(char **argv, char **envp, bool first)
{
    static struct dz_plan plan;
    static struct dz_start start;
    int resumed;

    if (getauxval(AT_SECURE) != 0 || envp == NULL || !dz_is_preloaded(envp))
        return;
    resumed = shim_take_resume(envp);
    if (only_powers(&plan, &start, envp) ||
        (resumed == SHIM_NOT_RESUMED && !shim_only_matches(dz_env(envp, "DZ_ONLY"))))
        return;
    if (argv == NULL)
        argv = shim_find_argv(envp);
    shim_keep_script(argv);
    read_settings(&plan, &start, argv, envp);
    if (resumed > SHIM_RESUMED_STAY)
        resume(&start, resumed);
    become_daemon(&start, resumed != SHIM_NOT_RESUMED,
                  !first && shim_has_descriptors());
}

__attribute__((constructor)) static void construct(int argc, char **argv, char **envp)
{
    /* The kernel lays the two vectors out side by side, execve(2).  Registers that no
     * libc has set do not look like that. */
    bool passed =
        (uintptr_t)envp == (uintptr_t)argv + (size_t)(argc + 1) * sizeof *argv;
    /* glibc sets environ in a constructor of its own.  musl has set it before any. */
    bool first = gnu_get_libc_version == NULL || environ == NULL;
    int err = errno;

    shim_find_all();
    begin(passed ? argv : NULL, environ != NULL ? environ : envp, first);
    errno = err;
}
