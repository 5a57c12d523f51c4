/*
 * The conditions of --wait, asked of a job that runs.
 */
#include "dzctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- listen ---- */

struct session_walk {
    dz_visit_listener visit;
    void *data;
};

static int visit_process(const struct dz_process *process, void *data)
{
    const struct session_walk *walk = data;
    struct dz_seen seen = {0};

    return dz_process_listens(process->pid, &seen, walk->visit, walk->data);
}

/* Visits the listening sockets of the job: of its process, its session, and what is
 * below it or its keeper. */
static int each_listener(void *data, dz_visit_listener visit, void *visit_data)
{
    const struct job *job = data;
    const struct dz_identity *root =
        job->keeper_runs ? &job->record.keeper : &job->record.who;
    struct dz_members members = {.root = root->pid};
    struct session_walk walk = {.visit = visit, .data = visit_data};
    struct dz_process process;
    pid_t session = job_own_session(job);
    int result;

    if (dz_read_process(root->pid, &process) == 0)
        members.oldest = process.start;
    if (dz_read_process(job->record.who.pid, &process) == 0 &&
        (result = visit_process(&process, &walk)) != 0)
        return result;
    if (session > 1 && (result = dz_session_each(session, visit_process, &walk)) > 0)
        return result;
    return dz_job_listens(&members, visit, visit_data);
}

static int is_wanted(const struct dz_listener *listener, void *data)
{
    return dz_condition_names(data, listener->port, listener->path);
}

/* ---- log ---- */

static bool is_in_log(const struct job *job, const char *log,
                      const struct dz_condition *condition)
{
    int fd = log != NULL ? open_trusted(log) : -1;
    struct dz_stat about;
    bool found = false;

    if (fd < 0)
        return false;
    if (dz_stat(fd, "", true, &about) == 0 && S_ISREG(about.mode)) {
        int64_t at = begin_of_run(job, log, &about);
        found =
            dz_search_file(fd, &at, condition->path, (size_t)condition->path_length);
    }
    dz_close(fd);
    return found;
}

/* ---- cmd ---- */

/* In the child: becomes the command. */
__attribute__((noreturn)) static void execute(const struct job *job,
                                              const struct dz_condition *condition,
                                              const char *directory)
{
    char command[DZ_CONDITION_MAX];
    char digits[24];
    int null = open("/dev/null", O_RDWR);

    memcpy(command, condition->path, (size_t)condition->path_length);
    command[condition->path_length] = '\0';
    snprintf(digits, sizeof digits, "%ld", (long)job->record.who.pid);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 3 && null >= 0; i++)
        dz_dup2(null, i);
    if ((directory == NULL || chdir(directory) == 0) &&
        setenv("DZ_PID", digits, 1) == 0 && unsetenv("DZ_STATE_DIR") == 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(DZ_EXIT_CANNOT_RUN);
}

static bool succeeds(const struct job *job, const struct dz_condition *condition,
                     const char *directory, int64_t until)
{
    struct dz_identity who;
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        execute(job, condition, directory);
    if (pid < 0)
        return false;
    setpgid(pid, pid); /* here and in the child, because either may come first */
    if (dz_identify(pid, &who) == 0 && !dz_await_end(&who, until))
        kill(-pid, SIGKILL);
    dz_waitpid(pid, &status, 0);
    kill(-pid, SIGKILL); /* what is left of its group; ESRCH: nothing */
    return status == 0;
}

/* ---- all ---- */

static bool has_path(const struct dz_condition *condition, const char *directory)
{
    char path[PATH_MAX];
    char joined[PATH_MAX];

    snprintf(path, sizeof path, "%.*s", condition->path_length, condition->path);
    if (path[0] == '/' || directory == NULL)
        return access(path, F_OK) == 0;
    return dz_join(joined, directory, path) == 0 && access(joined, F_OK) == 0;
}

bool condition_holds(struct job *job, const struct dz_condition *condition,
                     const char *directory, int64_t until)
{
    struct job *jobs[] = {job};

    switch (condition->kind) {
    case DZ_WAIT_LISTEN:
        return each_listener(job, is_wanted, (void *)condition) > 0;
    case DZ_WAIT_PATH:
        return has_path(condition, directory);
    case DZ_WAIT_LOG:
        return is_in_log(job, job->log, condition) ||
               is_in_log(job, job->error_log, condition);
    case DZ_WAIT_CMD:
        return succeeds(job, condition, directory, until);
    case DZ_WAIT_ALIVE:
        job_measure(jobs, 1);
        return job->usage.age * 1000 >= condition->number;
    case DZ_WAIT_EXEC:
    case DZ_WAIT_SETTLE:
    case DZ_WAIT_MAIN:
    case DZ_WAIT_NOTIFY:
    case DZ_WAIT_FD:
        break;
    }
    return true; /* such conditions hold while the job runs, dzctl(1) */
}

void add_not_ready(struct job *job, const struct dz_condition *condition,
                   struct dz_text *text)
{
    dz_add_unmet_condition(condition, text);
    if (condition->kind == DZ_WAIT_LISTEN)
        dz_add_listeners(each_listener, job, text);
}
