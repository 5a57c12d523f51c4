/*
 * log: prints the end of what this run of a job has written, and with -f new lines
 * until the job has ended.
 *
 * A record holds how long the log was when the job was started.  A log that is younger
 * than the start, or shorter than it was then, was rotated: all of it is of this run.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *log_reason(int err)
{
    return err == EPERM ? "another user's symbolic link leads there" : NULL;
}

int64_t begin_of_run(const struct job *job, const char *log,
                     const struct dz_stat *about)
{
    int64_t size = log == job->log ? job->log_size : job->error_log_size;

    return (int64_t)about->size < size || about->born > job->record.since ? 0 : size;
}

/* Opens a log at the last lines of it.  Returns 0, or -1 with the fault. */
static int open_source(struct source *source, const struct arguments *arguments,
                       struct dz_fault *fault)
{
    struct dz_stat about;
    int lines = arguments->lines;

    source->fd = open_trusted(source->path);
    if (source->fd < 0 || dz_stat(source->fd, "", true, &about) < 0)
        return dz_fault(fault, "log", source->path, errno, log_reason(errno));
    if (!S_ISREG(about.mode))
        return dz_fault(fault, "log", source->path, 0, "not a regular file");
    int64_t from = arguments->all_runs
                       ? 0
                       : begin_of_run(&source->choice->job, source->path, &about);
    from = dz_find_lines(source->fd, from, (int64_t)about.size, INT64_MAX, &lines);
    if (dz_seek(source->fd, from, SEEK_SET) < 0)
        return dz_fault(fault, "log", source->path, errno, NULL);
    return 0;
}

/* Fills in the logs of a job.  Returns their number, or 0 with the fault. */
static size_t list_logs(const struct choice *choice, struct source sources[2],
                        struct dz_fault *fault)
{
    const struct job *job = &choice->job;
    size_t count = 0;

    if (job->log != NULL)
        sources[count++] =
            (struct source){.choice = choice, .path = job->log, .fd = -1};
    if (job->error_log != NULL)
        sources[count++] =
            (struct source){.choice = choice, .path = job->error_log, .fd = -1};
    if (count > 0)
        return count;
    if (job->recorded)
        dz_fault(fault, "log", choice->word, 0, "its output does not go to a file");
    else if (job->state == JOB_NONE)
        fault_no_job("log", choice->word, fault);
    else
        dz_fault(fault, "log", choice->word, 0, "not one of your jobs");
    if (fault->status != CTL_NOT_RUNNING)
        fault->status = CTL_FAILED;
    return 0;
}

/* Opens all logs, and drops those that cannot be opened.  Returns the exit status. */
static int open_all(const struct choice *choices, size_t jobs,
                    const struct arguments *arguments, struct source *sources,
                    size_t *count)
{
    struct dz_fault fault;
    int status = 0;

    *count = 0;
    for (size_t i = 0; i < jobs; i++) {
        size_t logs = list_logs(&choices[i], &sources[*count], &fault);
        if (logs == 0 && (!arguments->all || fault.status == CTL_NOT_RUNNING))
            status = ctl_worst(status, ctl_tell(&fault));
        for (; logs > 0; logs--) {
            struct source *source = &sources[*count];
            source->labelled = jobs > 1;
            if (open_source(source, arguments, &fault) == 0) {
                ++*count;
                continue;
            }
            fault.status = CTL_FAILED;
            status = ctl_worst(status, ctl_tell(&fault));
            dz_close_fd(&source->fd);
            source[0] = source[1];
        }
    }
    return status;
}

/* Prints the logs.  Returns the exit status. */
static int show(struct source *sources, size_t count, bool follows)
{
    struct source *failed = NULL;
    struct dz_fault fault;
    bool written = true;
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++) {
        result = copy_rest(&sources[i], &written);
        if (result == 0 && !follows)
            result = end_begun_line(&sources[i], &written);
        failed = &sources[i];
    }
    if (result == 0 && follows)
        result = follow(sources, count, &written, &failed);
    if (result == 0)
        return 0;
    if (!written || failed == NULL)
        dz_fault(&fault, "stdout", NULL, errno, NULL);
    else
        dz_fault(&fault, "log", failed->path, errno, log_reason(errno));
    fault.status = CTL_FAILED;
    return ctl_tell(&fault);
}

int command_log(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct source *sources;
    struct choice *choices;
    size_t jobs;
    size_t count = 0;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    status = select_jobs(&arguments, 0, 0, &choices, &jobs);
    if (arguments.all)
        keep_running(choices, &jobs);
    /* Two logs a job, and one that open_all moves. */
    sources = calloc(2 * jobs + 1, sizeof *sources);
    if (sources != NULL) {
        status =
            ctl_worst(status, open_all(choices, jobs, &arguments, sources, &count));
        status = ctl_worst(status, show(sources, count, arguments.follow));
    }
    for (size_t i = 0; i < count; i++) {
        dz_close_fd(&sources[i].fd);
        free(sources[i].begun);
    }
    free(sources);
    free_choices(choices, jobs);
    return status;
}
