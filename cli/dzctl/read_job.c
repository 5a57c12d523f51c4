/*
 * Reads a job from its record.
 *
 * Invariant: a job is JOB_RUNS only if its process or its keeper runs, as the record
 * identifies them.  A job is JOB_ENDED only if the end of both is proven.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns the bytes of the file open on fd, terminated, or NULL and sets errno.  They
 * are in room. */
static char *read_whole(int fd, struct text_room *room)
{
    size_t length = 0;

    for (;;) {
        if (room->size - length < 2) {
            size_t wanted = room->size > 0 ? 2 * room->size : 16384;
            char *more = realloc(room->text, wanted);
            if (more == NULL)
                return NULL;
            room->text = more;
            room->size = wanted;
        }
        ssize_t n = read(fd, room->text + length, room->size - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return NULL;
        length += (size_t)n;
        room->text[length] = '\0';
        if (length + 1 < room->size) /* a regular file ends there */
            return room->text;
    }
}

/* Removes the escapes of the value between at and end, and terminates it. */
static char *unescape(char *at, const char *end)
{
    char *from = at;
    char *to = at;

    if (memchr(at, '\\', (size_t)(end - at)) == NULL) {
        at[end - at] = '\0';
        return at;
    }
    while (from < end) {
        bool escaped = *from == '\\' && from + 1 < end;
        from += escaped;
        *to++ = (char)(escaped && *from == 'n' ? '\n' : *from);
        from++;
    }
    *to = '\0';
    return at;
}

/* Of several lines with that key, TEXT takes the first, the others the last. */
enum kind { TEXT, LAST_TEXT, LIST, NUMBER, LONG };

static const struct field {
    const char *key;
    enum kind kind;
    size_t offset;
} fields[] = {
    {"arg", LIST, offsetof(struct job, argv)},
    {"option", LIST, offsetof(struct job, options)},
    {"name", TEXT, offsetof(struct job, name)},
    {"cwd", TEXT, offsetof(struct job, cwd)},
    {"log", TEXT, offsetof(struct job, log)},
    {"error_log", TEXT, offsetof(struct job, error_log)},
    {"pidfile", TEXT, offsetof(struct job, pidfile)},
    {"with", LIST, offsetof(struct job, with)},
    {"older", LIST, offsetof(struct job, older)},
    {"status", NUMBER, offsetof(struct job, status)},
    {"umask", NUMBER, offsetof(struct job, umask)},
    {"retitled", NUMBER, offsetof(struct job, retitled)},
    {"restarts", NUMBER, offsetof(struct job, restarts)},
    {"last", NUMBER, offsetof(struct job, last)},
    {"watchdog", NUMBER, offsetof(struct job, watchdog)},
    {"began", LONG, offsetof(struct job, began)},
    {"ended", LONG, offsetof(struct job, ended)},
    {"ready", LONG, offsetof(struct job, ready)},
    {"note", LAST_TEXT, offsetof(struct job, note)},
    {"noticed", LONG, offsetof(struct job, noticed)},
    {"log_size", LONG, offsetof(struct job, log_size)},
    {"error_log_size", LONG, offsetof(struct job, error_log_size)},
};

/* Returns the field of a line, or NULL. */
static const struct field *field_of(const char *line, size_t length)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (line[0] == fields[i].key[0] && strncmp(line, fields[i].key, length) == 0 &&
            fields[i].key[length] == '\0')
            return &fields[i];
    return NULL;
}

/* Takes the value of one line of a record.  lists: the next free entry of job->lists.
 */
static void take_value(struct job *job, const struct field *field, char *value,
                       char *end, char ***lists)
{
    const char *number_at;
    int64_t number;

    void *member = (char *)job + field->offset;
    if (field->kind == LIST) {
        if (*(char ***)member == NULL)
            *(char ***)member = *lists;
        **lists = unescape(value, end);
        ++*lists;
        return;
    }
    if (field->kind == TEXT) {
        if (*(char **)member == NULL)
            *(char **)member = unescape(value, end);
        return;
    }
    if (field->kind == LAST_TEXT) {
        *(char **)member = unescape(value, end);
        return;
    }
    number_at = value;
    if (dz_read_long(&number_at, &number) < 0)
        return;
    if (field->kind == LONG)
        *(int64_t *)member = number;
    else if (number <= INT_MAX)
        *(int *)member = (int)number;
}

/* Returns how many pointers the lists of that text need at most: one a line, and a NULL
 * for each list. */
static size_t count_entries(const char *text)
{
    size_t count = sizeof fields / sizeof fields[0];

    for (; (text = strchr(text, '\n')) != NULL; text++)
        count++;
    return count;
}

/* Makes the room of a job: the pointers of its lists, its lines and the record's path.
 * Returns where the lines are, or NULL. */
static char *make_room(struct job *job, const char *text, const char *path,
                       const char *file)
{
    size_t entries = count_entries(text);
    size_t size = strlen(text) + 1;
    size_t length = strlen(path);
    size_t more = strlen(file) + 1;
    char *lines;

    job->lists = malloc(entries * sizeof *job->lists + size + length + 1 + more);
    if (job->lists == NULL)
        return NULL;
    memset(job->lists, 0, entries * sizeof *job->lists);
    lines = memcpy(job->lists + entries, text, size);
    job->file = lines + size;
    memcpy(job->file, path, length);
    job->file[length] = '/';
    memcpy(job->file + length + 1, file, more);
    return lines;
}

/* Takes those lines.  Returns whether "end" is among them.  A status may follow it. */
static bool take_lines(struct job *job, char *line)
{
    const struct field *last = NULL; /* the field of the list that is being read */
    bool complete = false;
    char **lists = job->lists;

    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char *value = memchr(line, ' ', (size_t)(end - line));
        const struct field *field =
            value != NULL ? field_of(line, (size_t)(value - line)) : NULL;
        /* The entries of a list follow each other; those of a second run are lost. */
        if (field != last && last != NULL && last->kind == LIST)
            lists++;
        last = field;
        if (field != NULL)
            take_value(job, field, value + 1, end, &lists);
        complete = complete || (end - line == 3 && memcmp(line, "end", 3) == 0);
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
    if (job_was_seen(&record->who))
        return JOB_RUNS;
    switch (dz_record_state(record, why)) {
    case DZ_RUNS:
        return JOB_RUNS;
    case DZ_ENDED:
        return JOB_ENDED;
    default:
        return JOB_UNKNOWN;
    }
}

static int read_once(struct job *job, int directory, const char *path, const char *file,
                     struct text_room *room)
{
    const char *rest;
    char *text;
    char *lines;
    int fd = dz_record_open(directory, file);

    job_init(job);
    if (fd < 0)
        return -1;
    text = read_whole(fd, room);
    dz_close(fd);
    if (text == NULL)
        return -1;
    rest = dz_record_parse(text, &job->record);
    lines = rest != NULL ? make_room(job, rest, path, file) : NULL;
    if (lines == NULL || !take_lines(job, lines)) {
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

int job_read_by(struct job *job, int directory, const char *path, const char *file,
                struct text_room *room)
{
    int result = read_once(job, directory, path, file, room);

    /* The keeper may have written how the job has ended, and ended itself, since the
     * record was read. */
    if (result < 0 || job->state != JOB_ENDED || job->record.keeper.pid == 0 ||
        job->status >= 0)
        return result;
    job_free(job);
    return read_once(job, directory, path, file, room);
}

int job_read(struct job *job, int directory, const char *path, const char *file)
{
    struct text_room room = {0};
    int result = job_read_by(job, directory, path, file, &room);
    int err = errno;

    free(room.text);
    errno = err;
    return result;
}

void job_free(struct job *job)
{
    free(job->lists);
    free(job->real_pidfile);
    free(job->problem);
    job_init(job);
}
