/*
 * What a start writes into the record of its job.
 */
#include "start.h"

#include <sys/stat.h>
#include <unistd.h>

/* Returns the path of the log: of the file that we have opened for stdout, else for
 * stderr, else of the file that stdout is.  Returns NULL if there is none. */
static const char *log_path(const struct dz_start *start, char path[PATH_MAX])
{
    struct dz_stat about;
    ssize_t n;

    if (start->log.path[0] != '\0')
        return start->log.path;
    if (start->error_log.path[0] != '\0')
        return start->error_log.path;
    if (dz_stat(1, "", true, &about) < 0 || !S_ISREG(about.mode))
        return NULL;
    n = readlink("/proc/self/fd/1", path, PATH_MAX - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    return path[0] == '/' ? path : NULL;
}

static void put_options(struct dz_record_out *out, const struct dz_plan *plan)
{
    char scratch[DZ_SHOWN_MAX]; /* mostly a few bytes of it are used */

    for (const struct dz_option *option = dz_options; option->help != NULL; option++) {
        const char *value = dz_plan_show(plan, option, DZ_RECORDED, scratch);
        if (value != NULL)
            dz_record_option(out, option->name, value);
    }
}

/* Adds a process that is in the session of the job already. */
static int put_older(const struct dz_process *process, void *data)
{
    struct dz_record_out *out = data;
    struct dz_identity who;

    if (process->pid != process->session && dz_identify(process->pid, &who) == 0)
        dz_record_older(out, &who);
    return 0;
}

/* Adds a process that belongs to the job and has a session of its own. */
static void put_with(pid_t pid, struct dz_record_out *out)
{
    struct dz_identity who;

    if (dz_identify(pid, &who) == 0)
        dz_record_with(out, &who);
}

int dz_record_write(const struct dz_start *start, int fd, pid_t pid)
{
    struct dz_record_out out;
    struct dz_identity who;
    char path[PATH_MAX];
    const char *log = log_path(start, path);
    const struct dz_kept *kept = &start->kept;
    pid_t session = getsid(pid);
    bool leads = start->plan->keep_session && session == pid;

    if (start->plan->keep_session && !leads)
        session = 0; /* it is the caller's */
    /* Made by the target's parent, the record may come after the target's end. */
    if (session < 0 || (start->records_early ? dz_identify_child(pid, &who)
                                             : dz_identify(pid, &who)) < 0)
        return -1;
    dz_record_begin(&out, fd, &who, session);
    if (kept->keeper > 0 &&
        dz_record_keeper(&out, kept->keeper, kept->first > 0 ? kept->first : pid) < 0)
        return -1;
    if (start->pidfile_claim.path[0] != '\0')
        dz_record_text(&out, "pidfile", start->pidfile_claim.path);
    if (start->plan->name != NULL)
        dz_record_text(&out, "name", start->plan->name);
    if (start->cwd[0] != '\0')
        dz_record_text(&out, "cwd", start->cwd);
    dz_record_number(&out, "umask", start->umask);
    if (log != NULL)
        dz_record_text(&out, "log", log);
    if (start->log.path[0] != '\0')
        dz_record_number(&out, "log_size", start->log.size);
    if (start->error_log.path[0] != '\0') {
        dz_record_text(&out, "error_log", start->error_log.path);
        dz_record_number(&out, "error_log_size", start->error_log.size);
    }
    if (kept->keeper > 0) {
        dz_record_number(&out, "began", kept->began);
        dz_record_number(&out, "restarts", kept->restarts);
        if (kept->restarts > 0)
            dz_record_number(&out, "last", kept->last);
        if (kept->silent)
            dz_record_number(&out, "watchdog", 1);
    }
    put_options(&out, start->plan);
    for (size_t i = 0; i < start->with_count; i++)
        put_with(start->with[i], &out);
    if (start->retitled)
        dz_record_number(&out, "retitled", 1);
    /* dzctl stop spares them.  A failed walk leaves some out. */
    if (start->led_session || leads)
        dz_session_each(pid, put_older, &out);
    for (char **word = start->plan->argv; word != NULL && *word != NULL; word++)
        dz_record_text(&out, "arg", *word);
    return dz_record_end(&out);
}
