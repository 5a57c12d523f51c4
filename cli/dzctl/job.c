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

/* Adds a string to a list that ends in NULL.  If memory runs out, it is missing. */
static void add_string(char ***list, char *string)
{
    size_t count = 0;
    char **more;

    while (*list != NULL && (*list)[count] != NULL)
        count++;
    more = realloc(*list, (count + 2) * sizeof *more);
    if (more == NULL) {
        free(string);
        return;
    }
    *list = more;
    more[count] = string;
    more[count + 1] = NULL;
}

static void take_line(struct job *job, const char *line, const char *end)
{
    static const struct {
        const char *key;
        size_t field;
    } texts[] =
        {
            {"name ", offsetof(struct job, name)},
            {"cwd ", offsetof(struct job, cwd)},
            {"log ", offsetof(struct job, log)},
            {"error_log ", offsetof(struct job, error_log)},
            {"pidfile ", offsetof(struct job, pidfile)},
        },
      lists[] =
          {
              {"arg ", offsetof(struct job, argv)},
              {"option ", offsetof(struct job, options)},
          },
      numbers[] = {
          {"status ", offsetof(struct job, status)},
          {"umask ", offsetof(struct job, umask)},
      };
    int64_t number;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t length = strlen(texts[i].key);
        char **field = (char **)(void *)((char *)job + texts[i].field);
        if (strncmp(line, texts[i].key, length) == 0 && *field == NULL)
            *field = unescape(line + length, end);
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        size_t length = strlen(lists[i].key);
        if (strncmp(line, lists[i].key, length) == 0)
            add_string((char ***)(void *)((char *)job + lists[i].field),
                       unescape(line + length, end));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        size_t length = strlen(numbers[i].key);
        const char *at = line + length;
        if (strncmp(line, numbers[i].key, length) == 0 &&
            dz_read_long(&at, &number) == 0 && number <= INT_MAX)
            *(int *)(void *)((char *)job + numbers[i].field) = (int)number;
    }
}

/* Takes the lines after the record's beginning.  Returns whether its end was there.
 * After that its status may have been added. */
static bool take_lines(struct job *job, const char *line)
{
    const char *end;
    bool complete = false;

    while ((end = strchr(line, '\n')) != NULL) {
        complete = complete || (end - line == 3 && memcmp(line, "end", 3) == 0);
        take_line(job, line, end);
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
    job->umask = -1;
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

static void free_list(char **list)
{
    for (char **string = list; string != NULL && *string != NULL; string++)
        free(*string);
    free(list);
}

void job_free(struct job *job)
{
    free_list(job->argv);
    free_list(job->options);
    free(job->file);
    free(job->name);
    free(job->cwd);
    free(job->log);
    free(job->error_log);
    free(job->pidfile);
    free(job->problem);
    memset(job, 0, sizeof *job);
    job->state = JOB_NONE;
    job->status = -1;
    job->umask = -1;
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
