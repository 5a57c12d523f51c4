/*
 * Jobs by their records: reads, lists and removes them.
 *
 * Invariant: a job is JOB_RUNS only if the process that its record identifies runs, and
 * JOB_ENDED only if the end of that process is proven.
 */
#include "dzctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading a record ---- */

/* Returns the bytes of the file open on fd, terminated, or NULL and sets errno.  They
 * are valid until the next call. */
static char *read_whole(int fd)
{
    static char *text;
    static size_t size;
    size_t length = 0;

    for (;;) {
        if (size - length < 2) {
            size_t wanted = size > 0 ? 2 * size : 16384;
            char *more = realloc(text, wanted);
            if (more == NULL)
                return NULL;
            text = more;
            size = wanted;
        }
        ssize_t n = read(fd, text + length, size - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return NULL;
        length += (size_t)n;
        text[length] = '\0';
        if (length + 1 < size) /* a regular file ends there */
            return text;
    }
}

/* Returns an allocated copy of the value between at and end, without its escapes. */
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

/* Takes one line of a record. */
static void take_line(struct job *job, const char *line, const char *end)
{
    enum kind { TEXT, LIST, NUMBER, TIME };
    static const struct {
        const char *key;
        enum kind kind;
        size_t field;
    } fields[] = {
        {"arg", LIST, offsetof(struct job, argv)},
        {"option", LIST, offsetof(struct job, options)},
        {"name", TEXT, offsetof(struct job, name)},
        {"cwd", TEXT, offsetof(struct job, cwd)},
        {"log", TEXT, offsetof(struct job, log)},
        {"error_log", TEXT, offsetof(struct job, error_log)},
        {"pidfile", TEXT, offsetof(struct job, pidfile)},
        {"older", LIST, offsetof(struct job, older)},
        {"status", NUMBER, offsetof(struct job, status)},
        {"umask", NUMBER, offsetof(struct job, umask)},
        {"restarts", NUMBER, offsetof(struct job, restarts)},
        {"last", NUMBER, offsetof(struct job, last)},
        {"began", TIME, offsetof(struct job, began)},
        {"ended", TIME, offsetof(struct job, ended)},
        {"ready", TIME, offsetof(struct job, ready)},
        {"note", TEXT, offsetof(struct job, note)},
    };
    const char *value = memchr(line, ' ', (size_t)(end - line));
    size_t length = value != NULL ? (size_t)(value - line) : 0;
    int64_t number;

    for (size_t i = 0; length > 0 && i < sizeof fields / sizeof fields[0]; i++) {
        void *field = (char *)job + fields[i].field;
        if (strlen(fields[i].key) != length || memcmp(line, fields[i].key, length) != 0)
            continue;
        value++;
        if (fields[i].kind == LIST)
            add_string(field, unescape(value, end));
        else if (fields[i].kind == TEXT && *(char **)field == NULL)
            *(char **)field = unescape(value, end);
        else if (fields[i].kind == NUMBER && dz_read_long(&value, &number) == 0 &&
                 number <= INT_MAX)
            *(int *)field = (int)number;
        else if (fields[i].kind == TIME && dz_read_long(&value, &number) == 0)
            *(int64_t *)field = number;
        return;
    }
}

/* Takes the lines after the beginning of a record.  Returns whether "end" is among
 * them.  A status may follow it. */
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

void job_init(struct job *job)
{
    memset(job, 0, sizeof *job);
    job->state = JOB_NONE;
    job->status = -1;
    job->umask = -1;
    job->last = -1;
    job->why = "";
}

static enum job_state state_of(const struct dz_record *record, const char **why)
{
    switch (dz_record_state(record, why)) {
    case DZ_RUNS:
        return JOB_RUNS;
    case DZ_ENDED:
        return JOB_ENDED;
    default:
        return JOB_UNKNOWN;
    }
}

int job_read(struct job *job, int directory, const char *path, const char *file)
{
    const char *rest;
    char *text;
    int fd = dz_record_open(directory, file);

    job_init(job);
    if (fd < 0)
        return -1;
    text = read_whole(fd);
    int err = errno;
    close(fd); /* only read: close cannot lose data */
    errno = err;
    if (text == NULL)
        return -1;
    rest = dz_record_parse(text, &job->record);
    if (rest == NULL || !take_lines(job, rest) ||
        asprintf(&job->file, "%s/%s", path, file) < 0) {
        job->file = NULL;
        job_free(job);
        errno = EINVAL;
        return -1;
    }
    job->recorded = true;
    job->state = state_of(&job->record, &job->why);
    job->keeper_runs = dz_keeper_state(&job->record) == DZ_RUNS;
    job->waits = job->keeper_runs && job->ended > 0;
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
    free_list(job->older);
    free(job->file);
    free(job->name);
    free(job->cwd);
    free(job->log);
    free(job->error_log);
    free(job->pidfile);
    free(job->problem);
    free(job->note);
    job_init(job);
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
        result = add_job(jobs, count, &job);
    }
    if (entries != NULL)
        closedir(entries); /* only read: close cannot lose data */
    else
        close(directory);
    return result;
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
    if (*count > 0)
        qsort(*jobs, *count, sizeof **jobs, by_name);
    return 0;
}

/* ---- changing and removing ---- */

void job_forget(const struct job *job)
{
    struct dz_fault unheard;
    char path[PATH_MAX];
    int records;

    if (job->pidfile != NULL) {
        records = dz_state_open(environ, false, path, &unheard);
        dz_pidfile_remove(job->pidfile, records, job->record.who.pid, false);
        dz_close_fd(&records);
    }
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

int job_fault_unknown(const struct job *job, const char *command, const char *word,
                      struct dz_fault *fault)
{
    dz_fault_unknown(fault, command, word, job->record.who.pid, job->why);
    fault->status = CTL_FAILED;
    return -1;
}
