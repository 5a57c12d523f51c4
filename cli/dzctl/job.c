/*
 * Changes and removes records.
 */
#include "dzctl.h"

#include <unistd.h>

void job_remove_pidfile(const struct job *job)
{
    struct dz_fault unheard;
    char path[PATH_MAX];
    int records;

    if (job->pidfile == NULL)
        return;
    records = dz_state_open(environ, false, path, &unheard);
    dz_pidfile_remove(job->pidfile, records, job->record.who.pid, false);
    dz_close_fd(&records);
}

void job_forget(const struct job *job)
{
    job_remove_pidfile(job);
    if (job->file != NULL)
        dz_record_remove(job->file, job->record.who.pid, false);
}

const char *job_called(const struct job *job, char digits[24])
{
    struct dz_text text = dz_text(digits, 24);

    if (job->name != NULL)
        return job->name;
    dz_add_number(&text, job->record.who.pid);
    return digits;
}

void job_note_end(struct job *job, int status)
{
    job->state = JOB_ENDED;
    job->status = status;
    job->ended = dz_now();
    if (job->file != NULL)
        dz_record_add_end(job->file, job->record.who.pid, status, job->ended);
}

int job_fault_unknown(const struct job *job, const char *command, const char *word,
                      struct dz_fault *fault)
{
    dz_fault_unknown(fault, command, word, job->record.who.pid, job->why);
    fault->status = CTL_FAILED;
    return -1;
}
