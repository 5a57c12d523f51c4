/*
 * restart and start: a job again, as it was started.
 *
 * The record has the words, the options, the directory and the umask.  A keeper that
 * runs starts its job again itself, and so keeps its descriptors too.  Otherwise
 * dznohup is executed.
 */
#include "dzctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_MS = 10000 };

/* Starts the job by dznohup, and prints its PID.  Returns the exit status. */
static int launch(const struct job *job, char **envp, const char *done)
{
    char digits[24];
    pid_t pid;
    int status = run_launcher(job, envp, 0, &pid);

    if (status == 0)
        printf("%s: %s, PID %ld\n", job_called(job, digits), done, (long)pid);
    return status;
}

/* ---- the commands ---- */

/* Runs dzctl stop.  Returns its exit status. */
static int run_stop(const char *word, int64_t timeout)
{
    char seconds[32];
    struct dz_text text = dz_text(seconds, sizeof seconds);
    int status;
    pid_t child = fork();

    dz_add_seconds(&text, timeout);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY); /* -1: what it prints is seen */
        if (null >= 0)
            dup2(null, 1);
        execl("/proc/self/exe", "dzctl", "stop", "-t", seconds, word, (char *)NULL);
        _exit(CTL_FAILED);
    }
    if (child < 0 || dz_waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
        return CTL_FAILED;
    return WEXITSTATUS(status);
}

static int restart_one(const char *word, int64_t timeout)
{
    struct dz_fault fault;
    struct job job;
    char **envp = environ;
    int status;

    if (job_find(&job, word, &fault) < 0)
        return ctl_tell(&fault);
    /* Only a keeper reads what the program has written, and what it will write. */
    if (lacks_keeper(&job))
        keep_again(&job, true);
    if (check_again(&job, "restart", word, &fault) < 0)
        return ctl_tell(&fault);
    if (job.state == JOB_UNKNOWN) {
        job_fault_unknown(&job, "restart", word, &fault);
        return ctl_tell(&fault);
    }
    if (job.keeper_runs)
        return kept_restart(&job, word, timeout);
    if (job.state == JOB_RUNS &&
        (envp = read_environment(job.record.who.pid)) == NULL) {
        dz_fault(&fault, "restart", word, errno, NULL);
        fault.status = CTL_FAILED;
        return ctl_tell(&fault);
    }
    status = job.state == JOB_RUNS ? run_stop(word, timeout) : 0;
    if (status == 0)
        status = launch(&job, envp, "restarted");
    if (envp != environ)
        free_environment(envp);
    job_free(&job);
    return status;
}

int command_restart(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    for (int i = 0; i < arguments.count; i++)
        status = ctl_worst(
            status, restart_one(arguments.names[i],
                                arguments.timeout >= 0 ? arguments.timeout : STOP_MS));
    return ctl_finish(status);
}

static int start_one(const char *word)
{
    struct dz_fault fault;
    struct job job;
    int status;

    if (job_find(&job, word, &fault) < 0 ||
        check_again(&job, "start", word, &fault) < 0)
        return ctl_tell(&fault);
    if (job.state == JOB_UNKNOWN) {
        job_fault_unknown(&job, "start", word, &fault);
        return ctl_tell(&fault);
    }
    if (job.state == JOB_RUNS) {
        dz_fault_running(&fault, "start", word, job.record.who.pid);
        fault.status = CTL_FAILED;
        return ctl_tell(&fault);
    }
    status = launch(&job, environ, "started");
    job_free(&job);
    return status;
}

int command_start(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    for (int i = 0; i < arguments.count; i++)
        status = ctl_worst(status, start_one(arguments.names[i]));
    return ctl_finish(status);
}
