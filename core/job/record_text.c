/*
 * The text of a record, both ways; job.h says what it looks like.
 *
 * Whoever writes it may be in somebody else's process, and whoever reads it must
 * not believe that it is whole.
 */
#include "start.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The value of "KEY VALUE\n" at *at, and move *at behind it; NULL if it is
 * another line. */
static const char *take(const char **at, const char *key)
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

static bool take_number(const char **at, const char *key, int64_t *number)
{
    const char *value = take(at, key);

    return value != NULL && dz_read_long(&value, number) == 0 && *value == '\n';
}

const char *dz_record_parse(const char *text, struct dz_record *record)
{
    int64_t version;
    int64_t pid;
    int64_t start;
    int64_t space;
    int64_t session;
    const char *boot;
    size_t length;

    if (!take_number(&text, "dz", &version) || version != 1 ||
        !take_number(&text, "pid", &pid) || pid < 1 || pid > INT_MAX ||
        !take_number(&text, "start", &start) || (boot = take(&text, "boot")) == NULL ||
        (length = strcspn(boot, "\n")) >= DZ_BOOT_MAX ||
        !take_number(&text, "space", &space) ||
        !take_number(&text, "session", &session) || session > INT_MAX ||
        !take_number(&text, "since", &record->since))
        return NULL;
    record->who.pid = (pid_t)pid;
    record->who.start = (uint64_t)start;
    record->who.space = (uint64_t)space;
    memcpy(record->who.boot, boot, length);
    record->who.boot[length] = '\0';
    record->session = (pid_t)session;
    return text;
}

/* Text on its way to a descriptor: a record has no greatest length. */
struct out {
    int fd;
    int err; /* the first one */
    size_t length;
    char data[1024];
};

static void flush(struct out *out)
{
    if (out->err == 0 && dz_write(out->fd, out->data, out->length) < 0)
        out->err = errno;
    out->length = 0;
}

static void put_char(struct out *out, char c)
{
    if (out->length == sizeof out->data)
        flush(out);
    out->data[out->length++] = c;
}

static void put(struct out *out, const char *string)
{
    while (*string != '\0')
        put_char(out, *string++);
}

static void put_text(struct out *out, const char *key, const char *value)
{
    put(out, key);
    put_char(out, ' ');
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            put(out, "\\n");
        else if (*value == '\\')
            put(out, "\\\\");
        else
            put_char(out, *value);
    }
    put_char(out, '\n');
}

static void put_number(struct out *out, const char *key, int64_t number)
{
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);

    dz_add_number(&text, number);
    put_text(out, key, digits);
}

/* The file that gets stdout: what we opened, or what was there and is kept. */
static const char *log_path(const struct dz_plan *plan, char path[PATH_MAX])
{
    ssize_t n;

    if (plan->log.path[0] != '\0')
        return plan->log.path;
    if (plan->error_log.path[0] != '\0')
        return plan->error_log.path;
    if (plan->stream[1] != DZ_OTHER)
        return NULL;
    n = readlink("/proc/self/fd/1", path, PATH_MAX - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    return path[0] == '/' && strncmp(path, "/dev/", 5) != 0 ? path : NULL;
}

static void put_plan(struct out *out, const struct dz_plan *plan)
{
    char path[PATH_MAX];
    const char *log = log_path(plan, path);

    if (plan->name != NULL)
        put_text(out, "name", plan->name);
    if (plan->cwd[0] != '\0')
        put_text(out, "cwd", plan->cwd);
    if (log != NULL)
        put_text(out, "log", log);
    if (plan->pidfile_claim.path[0] != '\0')
        put_text(out, "pidfile", plan->pidfile_claim.path);
    for (char **word = plan->argv; word != NULL && *word != NULL; word++)
        put_text(out, "arg", *word);
    put(out, "end\n");
}

int dz_record_write(int fd, const struct dz_plan *plan, pid_t pid)
{
    struct out out = {.fd = fd};
    struct dz_identity who;
    struct timespec now;

    if (dz_identify(pid, &who) < 0)
        return -1;
    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a valid clock */
    put_number(&out, "dz", 1);
    put_number(&out, "pid", who.pid);
    put_number(&out, "start", (int64_t)who.start);
    put_text(&out, "boot", who.boot);
    put_number(&out, "space", (int64_t)who.space);
    put_number(&out, "session", getsid(pid));
    put_number(&out, "since", now.tv_sec);
    put_plan(&out, plan);
    flush(&out);
    errno = out.err;
    return out.err == 0 ? 0 : -1;
}
