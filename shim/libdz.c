/*
 * libdz.so: the constructor that makes the process it is preloaded into a
 * daemon before main() runs.
 *
 * It exports the functions that its powers interpose, powers.h, and nothing else.
 * It is linked without a libc, so that one binary takes
 * its functions from whichever libc the program has, and marked initfirst, so
 * that it runs before any other constructor has started threads, which a fork
 * would lose.  That early in a glibc program environ is still NULL and only the
 * constructor's arguments can be used; musl passes none, but has set environ.
 *
 * Preloaded by the launcher, which has done all of that before, it only begins with
 * its powers and answers; in what such a target starts it does not even answer.
 *
 * It does nothing at all with AT_SECURE, where LD_PRELOAD does not name it
 * (/etc/ld.so.preload, dlopen), or in a program that DZ_ONLY does not name.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "powers.h"
#include "shim.h"

extern char **environ;

static const char program[] = "libdz.so";

/* plan->trace for DZ_VERBOSE. */
static void say_step(const struct dz_plan *plan, const char *step)
{
    char row[200];
    struct dz_text text = dz_text(row, sizeof row);

    dz_add(&text, program);
    dz_add(&text, ": ");
    dz_row(step, row + text.length, sizeof row - text.length - 1);
    text.length = strlen(row);
    dz_add_char(&text, '\n');
    dz_write(plan->tell_fd, row, text.length);
}

/* A terminal was replaced: the one case in which a good start is spoken of. */
static void say_started(const struct dz_plan *plan)
{
    char line[DZ_MESSAGE_MAX];
    struct dz_text text = dz_text(line, sizeof line);

    dz_say_notes(plan, program);
    if (!plan->attached || plan->quiet)
        return;
    dz_add(&text, program);
    dz_add(&text, ": PID ");
    dz_add_number(&text, plan->mode == DZ_STAY ? getpid() : plan->pid);
    dz_add(&text, plan->ended ? " has ended with status 0" : " runs");
    if (plan->log.path[0] != '\0') {
        dz_add(&text,
               plan->to[1] >= 0 ? ", appending output to " : ", appending stderr to ");
        dz_add(&text, plan->log.path);
    }
    dz_one_line(line);
    dz_add(&text, "\n");
    dz_write(plan->tell_fd, line, text.length);
}

/* plan->waiting: the line is written over each second. */
static void say_waiting(const struct dz_plan *plan, int seconds)
{
    char line[DZ_WAITING_MAX];

    dz_write(plan->tell_fd, line, dz_waiting_text(plan, program, seconds, line));
}

__attribute__((noreturn)) static void give_up(const struct dz_plan *plan,
                                              const struct dz_fault *fault)
{
    dz_fault_write(fault, program, plan->tell_fd);
    if (plan->pid > 0)
        dz_show_log(plan, program, plan->tell_fd);
    if (plan->interrupt > 0)
        dz_end_by(plan->interrupt);
    _exit(fault->status);
}

/* Leave mode: this process has done its part once the daemon runs. */
__attribute__((noreturn)) static void end_caller(struct dz_plan *plan,
                                                 struct dz_fault *fault)
{
    if (dz_await(plan, fault) < 0)
        give_up(plan, fault);
    say_started(plan);
    _exit(0);
}

/*
 * The threads of another constructor would be lost in a forked copy: the
 * detached child executes the program anew, and commits in the new image.
 */
static void start_afresh(struct dz_plan *plan, struct dz_fault *fault)
{
    /* Closed here and not in the new image: there the constructors that run
     * before ours have opened descriptors of their own by then. */
    int result;

    /* The new image claims its files anew; the locks would keep it out. */
    dz_claim_release(&plan->pidfile_claim);
    dz_claim_release(&plan->record_claim);
    result = dz_run(plan, DZ_DETACH | DZ_CLOSE, fault);
    if (result == DZ_CALLER)
        end_caller(plan, fault);
    if (result == DZ_GO) {
        shim_execute_again(plan, fault);
        dz_fail(plan, fault);
    }
    give_up(plan, fault);
}

static void become_daemon(struct dz_plan *plan)
{
    struct dz_fault fault;
    bool again = plan->report_fd >= 0;
    int result = dz_run(plan, DZ_PREPARE, &fault);

    if (result == DZ_GO && !again && plan->mode == DZ_LEAVE && shim_has_threads())
        start_afresh(plan, &fault);
    if (result == DZ_GO)
        result = dz_run(plan, again ? DZ_COMMIT : DZ_ALL & ~DZ_PREPARE, &fault);
    if (result == DZ_GO && shim_powers(plan, false, &fault) < 0)
        result = dz_fail(plan, &fault);
    if (result == DZ_CALLER)
        end_caller(plan, &fault);
    if (result < 0)
        give_up(plan, &fault);
    if (plan->mode == DZ_STAY)
        say_started(plan);
    dz_finish(plan);
}

/* The settings: leave mode without any, but PID 1 is not told to leave by that. */
static void read_settings(struct dz_plan *plan, char **argv, char **envp)
{
    struct dz_fault fault;

    dz_plan_init(plan, argv, envp);
    plan->mode = getpid() == 1 ? DZ_STAY : DZ_LEAVE;
    if (dz_plan_environment(plan, DZ_SHIM, &fault) < 0 ||
        dz_plan_check(plan, &fault) < 0)
        give_up(plan, &fault);
    if (plan->verbose)
        plan->trace = say_step;
    if (!plan->quiet && isatty(2))
        plan->waiting = say_waiting;
    plan->passes_on = plan->inherit;
}

/* The second image of start_afresh: detached, reporting to the same caller. */
static void resume(struct dz_plan *plan, int report_fd)
{
    plan->mode = DZ_LEAVE;
    plan->report_fd = report_fd;
    plan->pid = getpid();
}

static int begin_inside(struct dz_plan *plan, bool inherited, struct dz_fault *fault)
{
    if (!inherited && fcntl(plan->report_fd, F_SETFD, FD_CLOEXEC) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    if (!inherited)
        dz_scrub(plan, fault); /* cannot fail */
    return shim_powers(plan, inherited, fault);
}

/*
 * DZ_INSIDE: the launcher has done all else, and wants to know that we are here; or
 * this is a program that the target has started, and nobody does.  False where the
 * value is nobody's that is to be heeded: it will be refused as unknown.
 */
static bool only_powers(struct dz_plan *plan, char **envp)
{
    struct dz_fault fault;
    const char *value = dz_env(envp, DZ_INSIDE);
    int report_fd;

    if (value == NULL)
        return false;
    dz_plan_init(plan, NULL, envp);
    if (dz_inside_read(plan, value, &report_fd) < 0 ||
        (report_fd >= 0 && !shim_is_report(report_fd)))
        return false;
    plan->report_fd = report_fd;
    plan->passes_on = plan->inherit;
    if (begin_inside(plan, report_fd < 0, &fault) < 0) {
        dz_fail(plan, &fault);
        give_up(plan, &fault);
    }
    dz_finish(plan);
    return true;
}

__attribute__((constructor)) static void construct(int argc, char **argv, char **envp)
{
    static struct dz_plan plan;
    /* What the kernel laid out lies side by side, execve(2); registers that
     * nobody has set for us do not look like that. */
    bool passed =
        (uintptr_t)envp == (uintptr_t)argv + (size_t)(argc + 1) * sizeof *argv;
    int err = errno;
    int report_fd;

    shim_find_all();
    if (environ != NULL)
        envp = environ;
    if (getauxval(AT_SECURE) != 0 || envp == NULL || !dz_env_preloaded(envp))
        return;
    report_fd = shim_take_fd(envp, DZ_RESUME);
    if (only_powers(&plan, envp) ||
        (report_fd < 0 && !shim_is_meant(dz_env(envp, "DZ_ONLY")))) {
        errno = err;
        return;
    }
    if (!passed)
        argv = shim_find_argv(envp);
    read_settings(&plan, argv, envp);
    if (report_fd >= 0)
        resume(&plan, report_fd);
    shim_keep_script(&plan);
    become_daemon(&plan);
    errno = err;
}
