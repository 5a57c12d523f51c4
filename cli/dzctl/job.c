/*
 * Jobs by their records: read, listed, forgotten.
 *
 * Invariant: a job is JOB_RUNS only where the very process that its record is
 * about is there.
 */
#include "dzctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char job_elsewhere[] = "of another PID namespace, where it may run";

/* ---- reading a record ---- */

/* All of the file open on fd, terminated; NULL with errno. */
static char *read_whole(int fd)
{
    size_t size = 1024;
    size_t length = 0;
    char *text = malloc(size);

    while (text != NULL) {
        ssize_t n = read(fd, text + length, size - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            text[length] = '\0';
            if (n == 0)
                return text;
            break;
        }
        length += (size_t)n;
        if (length + 1 < size)
            continue;
        size *= 2;
        char *more = realloc(text, size);
        if (more == NULL)
            break;
        text = more;
    }
    free(text);
    return NULL;
}

/* The value between at and end, with \n and \\ made what they stand for. */
static char *unescape(const char *at, const char *end)
{
    char *text = malloc((size_t)(end - at) + 1);
    char *to = text;

    if (text == NULL)
        return NULL;
    for (; at < end; at++) {
        bool escaped = *at == '\\' && at + 1 < end;
        at += escaped;
        *to++ = *at;
        if (escaped && *at == 'n')
            to[-1] = '\n';
    }
    *to = '\0';
    return text;
}

static void add_word(struct job *job, size_t *count, char *word)
{
    char **more = realloc(job->argv, (*count + 2) * sizeof *more);

    if (more == NULL) {
        free(word);
        return;
    }
    job->argv = more;
    more[(*count)++] = word;
    more[*count] = NULL;
}

static void take_line(struct job *job, size_t *words, const char *line, const char *end)
{
    static const struct {
        const char *key;
        size_t field;
    } keys[] = {
        {"name ", offsetof(struct job, name)},
        {"cwd ", offsetof(struct job, cwd)},
        {"log ", offsetof(struct job, log)},
        {"pidfile ", offsetof(struct job, pidfile)},
    };
    int64_t status;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char **field = (char **)(void *)((char *)job + keys[i].field);
        if (strncmp(line, keys[i].key, strlen(keys[i].key)) == 0 && *field == NULL)
            *field = unescape(line + strlen(keys[i].key), end);
    }
    if (strncmp(line, "arg ", 4) == 0)
        add_word(job, words, unescape(line + 4, end));
    if (strncmp(line, "status ", 7) == 0) {
        line += 7;
        if (dz_read_long(&line, &status) == 0)
            job->status = (int)status;
    }
}

/* The lines behind the record's beginning.  Whether its end was there; behind that
 * its status may have been noted. */
static bool take_lines(struct job *job, const char *line)
{
    size_t words = 0;
    const char *end;

    bool complete = false;

    while ((end = strchr(line, '\n')) != NULL) {
        complete = complete || (end - line == 3 && memcmp(line, "end", 3) == 0);
        take_line(job, &words, line, end);
        line = end + 1;
    }
    return complete;
}

static enum job_state state_of(const struct dz_record *record)
{
    struct dz_identity here;

    int runs = dz_identity_runs(&record->who);

    if (runs > 0)
        return JOB_RUNS;
    /* Without /proc nothing can be told of it, as of one that is elsewhere. */
    if (runs < 0 || dz_identify(getpid(), &here) < 0)
        return JOB_ELSEWHERE;
    return here.space != record->who.space && strcmp(here.boot, record->who.boot) == 0
               ? JOB_ELSEWHERE
               : JOB_ENDED;
}

int job_read(struct job *job, int folder, const char *path, const char *file)
{
    const char *rest;
    char *text;
    int fd = dz_record_open(folder, file);

    memset(job, 0, sizeof *job);
    job->status = -1;
    if (fd < 0)
        return -1;
    text = read_whole(fd);
    close(fd); /* read only: nothing can be lost */
    if (text == NULL)
        return -1;
    rest = dz_record_parse(text, &job->record);
    if (rest == NULL || !take_lines(job, rest) ||
        asprintf(&job->file, "%s/%s", path, file) < 0) {
        free(text);
        job->file = NULL;
        job_free(job);
        errno = EINVAL;
        return -1;
    }
    free(text);
    job->recorded = true;
    job->state = state_of(&job->record);
    return 0;
}

void job_free(struct job *job)
{
    for (char **word = job->argv; word != NULL && *word != NULL; word++)
        free(*word);
    free(job->argv);
    free(job->file);
    free(job->name);
    free(job->cwd);
    free(job->log);
    free(job->pidfile);
    free(job->problem);
    memset(job, 0, sizeof *job);
    job->state = JOB_NONE;
    job->status = -1;
}

/* ---- all of them ---- */

static int by_name(const void *a, const void *b)
{
    const struct job *one = a;
    const struct job *other = b;

    if (one->name != NULL && other->name != NULL)
        return strcmp(one->name, other->name);
    if (one->name != NULL || other->name != NULL)
        return one->name != NULL ? -1 : 1;
    return (one->record.who.pid > other->record.who.pid) -
           (one->record.who.pid < other->record.who.pid);
}

static int add_job(struct job **jobs, size_t *count, const struct job *job)
{
    /* Room in powers of two: when the count reaches one. */
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

/* Read all records of the folder; takes it over. */
static int read_folder(int folder, const char *path, struct job **jobs, size_t *count)
{
    DIR *entries = fdopendir(folder);
    struct dirent *entry;
    struct job job;
    int result = entries == NULL ? -1 : 0;

    while (result == 0 && (entry = readdir(entries)) != NULL) {
        /* Locks, and files that are being written, begin with a dot. */
        if (entry->d_name[0] == '.' ||
            job_read(&job, dirfd(entries), path, entry->d_name) < 0)
            continue;
        result = add_job(jobs, count, &job);
    }
    if (entries != NULL)
        closedir(entries); /* read only: nothing can be lost */
    else
        close(folder);
    return result;
}

int job_list(struct job **jobs, size_t *count, struct dz_fault *fault)
{
    char path[PATH_MAX];
    int folder = dz_state_open(environ, false, path, fault);

    *jobs = NULL;
    *count = 0;
    if (folder < 0)
        return fault->err == ENOENT ? 0 : -1;
    if (read_folder(folder, path, jobs, count) < 0)
        return dz_fault(fault, "state", path, errno, NULL);
    if (*count > 0)
        qsort(*jobs, *count, sizeof **jobs, by_name);
    return 0;
}

/* ---- its traces ---- */

void job_forget(const struct job *job)
{
    if (job->pidfile != NULL)
        dz_pidfile_remove(job->pidfile, job->record.who.pid);
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

void job_note_status(const struct job *job, int status)
{
    if (job->file != NULL)
        dz_record_add_status(job->file, job->record.who.pid, status);
}
