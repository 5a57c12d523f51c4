/*
 * Jobs by their records: lists and removes them.
 */
#include "dzctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Skips zeros at *at, and returns the number of digits that follow. */
static size_t skip_zeros(const char **at)
{
    size_t length = 0;

    while (**at == '0')
        ++*at;
    while (is_digit((*at)[length]))
        length++;
    return length;
}

/* Compares names, in which numbers count as such: "w2" is before "w10". */
static int compare_names(const char *one, const char *other)
{
    const char *a = one;
    const char *b = other;

    while (*a != '\0' && *b != '\0') {
        if (is_digit(*a) && is_digit(*b)) {
            size_t length = skip_zeros(&a);
            size_t other_length = skip_zeros(&b);
            if (length != other_length)
                return length < other_length ? -1 : 1;
            int order = memcmp(a, b, length);
            if (order != 0)
                return order;
            a += length;
            b += length;
        } else if (*a++ != *b++) {
            return (unsigned char)a[-1] < (unsigned char)b[-1] ? -1 : 1;
        }
    }
    if (*a != *b)
        return *a == '\0' ? -1 : 1;
    return strcmp(one, other); /* "w1" and "w01" */
}

static int by_name(const void *a, const void *b)
{
    const struct job *one = *(struct job *const *)a;
    const struct job *other = *(struct job *const *)b;

    if (one->name != NULL && other->name != NULL)
        return compare_names(one->name, other->name);
    if (one->name != NULL || other->name != NULL)
        return one->name != NULL ? -1 : 1;
    return (one->record.who.pid > other->record.who.pid) -
           (one->record.who.pid < other->record.who.pid);
}

static int add_job(struct job **jobs, size_t *count, const struct job *job)
{
    /* The room is a power of two. */
    if ((*count & (*count - 1)) == 0) {
        struct job *more =
            realloc(*jobs, (*count == 0 ? 1 : 2 * *count) * sizeof **jobs);
        if (more == NULL)
            return -1;
        *jobs = more;
    }
    (*jobs)[(*count)++] = *job;
    return 0;
}

/*
 * A job without a name that has ended is forgotten after a day.  The time of an end is
 * known only if somebody waited for it; so the first list after it notes the time.
 * Returns whether the job is forgotten.
 */
static bool is_outdated(const struct job *job, int directory, const char *file)
{
    enum { DAY = 24 * 60 * 60 };
    int64_t over = job->ended > 0 ? job->ended : job->noticed;

    if (job->name != NULL || job->state != JOB_ENDED)
        return false;
    if (over == 0)
        dz_record_add_notice(directory, file, &job->record);
    if (over == 0 || dz_now() - over < DAY)
        return false;
    job_forget(job);
    return true;
}

/* Reads all records of the state directory, and closes it. */
static int read_directory(int directory, const char *path, struct job **jobs,
                          size_t *count)
{
    DIR *entries = fdopendir(directory);
    struct dirent *entry;
    struct job job;
    int result = entries == NULL ? -1 : 0;

    while (result == 0 && (entry = readdir(entries)) != NULL) {
        /* Locks and files that are being written begin with a dot. */
        if (entry->d_name[0] == '.' ||
            job_read(&job, dirfd(entries), path, entry->d_name) < 0)
            continue;
        if (is_outdated(&job, dirfd(entries), entry->d_name))
            job_free(&job);
        else
            result = add_job(jobs, count, &job);
    }
    if (entries != NULL)
        closedir(entries); /* only read: close cannot lose data */
    else
        close(directory);
    return result;
}

/* Sorts by pointers: a job is large.  Returns 0, or -1 and sets errno. */
static int sort_jobs(struct job **jobs, size_t count)
{
    struct job **order = malloc((count + 1) * sizeof *order);
    struct job *sorted = malloc((count + 1) * sizeof *sorted);

    for (size_t i = 0; order != NULL && i < count; i++)
        order[i] = &(*jobs)[i];
    if (order != NULL)
        qsort(order, count, sizeof *order, by_name);
    for (size_t i = 0; order != NULL && sorted != NULL && i < count; i++)
        sorted[i] = *order[i];
    free(order);
    if (order == NULL || sorted == NULL) {
        free(sorted);
        errno = ENOMEM;
        return -1;
    }
    free(*jobs);
    *jobs = sorted;
    return 0;
}

int job_list(struct job **jobs, size_t *count, struct dz_fault *fault)
{
    char path[PATH_MAX];
    int directory = dz_state_open(environ, false, path, fault);

    *jobs = NULL;
    *count = 0;
    if (directory < 0)
        return fault->err == ENOENT ? 0 : -1;
    if (read_directory(directory, path, jobs, count) < 0)
        return dz_fault(fault, "state", path, errno, NULL);
    return sort_jobs(jobs, *count) == 0 ? 0
                                        : dz_fault(fault, "state", path, errno, NULL);
}

/* ---- changing and removing ---- */

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
