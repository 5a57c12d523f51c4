/*
 * Reads and writes the text of a record, which job.h describes.
 *
 * The writer may run in another program's process.  The reader must not trust that the
 * text is whole.
 */
#include "job.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Returns the value of "KEY VALUE\n" at *at, and moves *at behind that line; NULL if it
 * is another line. */
static const char *read_value(const char **at, const char *key)
{
    size_t length = strlen(key);
    const char *value = *at + length + 1;
    const char *end;

    if (strncmp(*at, key, length) != 0 || (*at)[length] != ' ' ||
        (end = strchr(value, '\n')) == NULL)
        return NULL;
    *at = end + 1;
    return value;
}

static bool read_number_line(const char **at, const char *key, int64_t *number)
{
    const char *value = read_value(at, key);

    return value != NULL && dz_read_long(&value, number) == 0 && *value == '\n';
}

/* Copies the value of that line.  Returns whether it is there and shorter than size. */
static bool read_text_line(const char **at, const char *key, char *value, size_t size)
{
    const char *after = *at;
    const char *from = read_value(&after, key);
    size_t length = from != NULL ? strcspn(from, "\n") : 0;

    if (from == NULL || length >= size)
        return false;
    memcpy(value, from, length);
    value[length] = '\0';
    *at = after;
    return true;
}

/* Reads "PID START".  Returns whether that is all of the value. */
static bool read_process(const char *value, char end, struct dz_identity *who)
{
    int64_t start;

    who->pid = dz_read_number(&value);
    if (who->pid < 1 || *value != ' ' || (value++, dz_read_long(&value, &start)) < 0)
        return false;
    who->start = (uint64_t)start;
    return *value == end;
}

/* Reads the lines about the keeper, if there are any. */
static void read_keeper(const char **at, struct dz_record *record)
{
    struct dz_identity keeper = record->who; /* of the same boot and PID namespace */
    const char *after = *at;
    const char *value = read_value(&after, "keeper");
    int64_t first;

    record->keeper.pid = 0;
    record->first = 0;
    if (value == NULL || !read_process(value, '\n', &keeper) ||
        !read_number_line(&after, "first", &first) || first < 1 || first > INT_MAX)
        return;
    record->keeper = keeper;
    record->first = (pid_t)first;
    *at = after;
}

const char *dz_record_parse(const char *text, struct dz_record *record)
{
    int64_t version;
    int64_t pid;
    int64_t start;
    int64_t space;
    int64_t session;

    if (!read_number_line(&text, "dz", &version) || version != 1 ||
        !read_number_line(&text, "pid", &pid) || pid < 1 || pid > INT_MAX ||
        !read_number_line(&text, "start", &start) ||
        !read_text_line(&text, "boot", record->who.boot, DZ_BOOT_MAX))
        return NULL;
    if (!read_text_line(&text, "machine", record->who.machine, DZ_MACHINE_MAX))
        memcpy(record->who.machine, "-", 2); /* of an older version, or too long */
    if (!read_number_line(&text, "space", &space) ||
        !read_number_line(&text, "session", &session) || session > INT_MAX ||
        !read_number_line(&text, "since", &record->since))
        return NULL;
    record->who.pid = (pid_t)pid;
    record->who.start = (uint64_t)start;
    record->who.space = (uint64_t)space;
    record->session = (pid_t)session;
    read_keeper(&text, record);
    return text;
}

static void flush(struct dz_record_out *out)
{
    if (out->err == 0 && dz_write(out->fd, out->data, out->length) < 0)
        out->err = errno;
    out->length = 0;
}

static void put(struct dz_record_out *out, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t room = sizeof out->data - out->length;
        size_t part = length < room ? length : room;
        memcpy(out->data + out->length, bytes, part);
        out->length += part;
        bytes += part;
        length -= part;
        if (out->length == sizeof out->data)
            flush(out);
    }
}

/* Puts value, with its newlines and backslashes escaped. */
static void put_value(struct dz_record_out *out, const char *value)
{
    while (*value != '\0') {
        size_t plain = strcspn(value, "\n\\");
        put(out, value, plain);
        value += plain;
        if (*value == '\0')
            break;
        put(out, *value == '\n' ? "\\n" : "\\\\", 2);
        value++;
    }
}

void dz_record_text(struct dz_record_out *out, const char *key, const char *value)
{
    put(out, key, strlen(key));
    put(out, " ", 1);
    put_value(out, value);
    put(out, "\n", 1);
}

void dz_record_number(struct dz_record_out *out, const char *key, int64_t number)
{
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);

    dz_add_number(&text, number);
    dz_record_text(out, key, digits);
}

void dz_record_option(struct dz_record_out *out, const char *name, const char *value)
{
    static const char key[] = "option ";

    put(out, key, sizeof key - 1);
    put(out, name, strlen(name));
    if (*value != '\0') {
        put(out, "=", 1);
        put_value(out, value);
    }
    put(out, "\n", 1);
}

static void put_process(struct dz_record_out *out, const char *key,
                        const struct dz_identity *who)
{
    char value[48];
    struct dz_text text = dz_text(value, sizeof value);

    dz_add_number(&text, who->pid);
    dz_add(&text, " ");
    dz_add_number(&text, (int64_t)who->start);
    dz_record_text(out, key, value);
}

void dz_record_older(struct dz_record_out *out, const struct dz_identity *who)
{
    put_process(out, "older", who);
}

void dz_record_with(struct dz_record_out *out, const struct dz_identity *who)
{
    put_process(out, "with", who);
}

bool dz_record_parse_process(const char *value, struct dz_identity *who)
{
    return read_process(value, '\0', who);
}

int dz_record_keeper(struct dz_record_out *out, pid_t keeper, pid_t first)
{
    struct dz_identity who;

    if (dz_identify(keeper, &who) < 0)
        return -1;
    put_process(out, "keeper", &who);
    dz_record_number(out, "first", first);
    return 0;
}

int dz_record_rekeep(int from, int to, pid_t keeper)
{
    static const char key[] = "\nkeeper ";
    struct dz_record_out out = {.fd = to};
    struct dz_identity who;
    struct dz_record old;
    char text[512]; /* the lines up to the keeper's are shorter */
    ssize_t n = dz_read_at(from, text, sizeof text - 1, 0);
    const char *at;
    const char *behind;
    int64_t done;

    if (n < 0)
        return -1;
    text[n] = '\0';
    if (dz_record_parse(text, &old) == NULL || (at = strstr(text, key)) == NULL ||
        (behind = strchr(at + 1, '\n')) == NULL) {
        errno = EINVAL;
        return -1;
    }
    if (dz_identify(keeper, &who) < 0)
        return -1;
    put(&out, text, (size_t)(at + 1 - text));
    put_process(&out, "keeper", &who);
    for (done = behind + 1 - text; (n = dz_read_at(from, text, sizeof text, done)) > 0;
         done += n)
        put(&out, text, (size_t)n);
    if (n < 0)
        return -1;
    flush(&out);
    errno = out.err;
    return out.err == 0 ? 0 : -1;
}

void dz_record_begin(struct dz_record_out *out, int fd, const struct dz_identity *who,
                     pid_t session)
{
    out->fd = fd;
    out->err = 0;
    out->length = 0;
    dz_record_number(out, "dz", 1);
    dz_record_number(out, "pid", who->pid);
    dz_record_number(out, "start", (int64_t)who->start);
    dz_record_text(out, "boot", who->boot);
    dz_record_text(out, "machine", who->machine);
    dz_record_number(out, "space", (int64_t)who->space);
    dz_record_number(out, "session", session);
    dz_record_number(out, "since", dz_now());
}

int dz_record_end(struct dz_record_out *out)
{
    put(out, "end\n", 4);
    flush(out);
    errno = out->err;
    return out->err == 0 ? 0 : -1;
}
