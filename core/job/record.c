/*
 * Records: one file for each job.
 *
 * The record of a named job has the job's name.  A start claims that file before
 * anything else, so only one start has the name.  The record of an unnamed job is named
 * after its PID, or after that of its keeper.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int dz_record_open(int directory, const char *file)
{
    int fd = openat(directory, file,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct dz_stat about;

    if (fd < 0)
        return -1;
    if (dz_stat(fd, "", true, &about) == 0 && about.uid == geteuid() &&
        (about.mode & (S_IWGRP | S_IWOTH)) == 0 && S_ISREG(about.mode))
        return fd;
    dz_close(fd);
    errno = EPERM;
    return -1;
}

int dz_record_read(int directory, const char *file, struct dz_record *record)
{
    char text[512]; /* the lines up to since are shorter */
    int fd = dz_record_open(directory, file);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = dz_read_at(fd, text, sizeof text - 1, 0);
    dz_close(fd);
    if (n < 0)
        return -1;
    text[n] = '\0';
    if (dz_record_parse(text, record) != NULL)
        return 0;
    errno = EINVAL;
    return -1;
}

/* Returns whether a record that cannot be read for that errno is none of ours: missing,
 * a symbolic link, another user's, or not a record. */
static bool is_untrusted(int err)
{
    return err == ENOENT || err == EPERM || err == EINVAL || err == ELOOP;
}

enum dz_state dz_keeper_state(const struct dz_record *record)
{
    return record->keeper.pid > 0 ? dz_identity_state(&record->keeper, NULL) : DZ_ENDED;
}

enum dz_state dz_record_state(const struct dz_record *record, const char **why)
{
    enum dz_state state = dz_identity_state(&record->who, why);

    if (state != DZ_ENDED || record->keeper.pid == 0)
        return state;
    return dz_identity_state(&record->keeper, why);
}

int dz_record_check_name(const char *name, int directory, struct dz_fault *fault)
{
    struct dz_record old;
    const char *why;

    if (dz_record_read(directory, name, &old) < 0)
        return is_untrusted(errno) ? 0 : dz_fault(fault, "name", name, errno, NULL);
    switch (dz_record_state(&old, &why)) {
    case DZ_RUNS:
        return dz_fault_running(fault, "name", name, old.who.pid);
    case DZ_UNKNOWN:
        return dz_fault_unknown(fault, "name", name, old.who.pid, why);
    default:
        return 0;
    }
}

bool dz_record_is_free(int directory, const char *file)
{
    struct dz_record old;

    return dz_record_read(directory, file, &old) < 0
               ? is_untrusted(errno)
               : dz_record_state(&old, NULL) == DZ_ENDED;
}

bool dz_record_names(const char *path, pid_t pid)
{
    struct dz_record record;

    return dz_record_read(AT_FDCWD, path, &record) == 0 && record.who.pid == pid;
}

/* ---- the records of a PID ---- */

void dz_record_slot(char name[24], pid_t pid, int slot)
{
    enum { STEP = 10000000 }; /* greater than any PID of the kernel, 2^22 */
    struct dz_text text = dz_text(name, 24);

    dz_add_number(&text, (int64_t)slot * STEP + pid);
}

struct search {
    pid_t pid;
    int (*visit)(const char *file, const struct dz_record *record, void *data);
    void *data;
};

static int visit_file(const char *file, int directory, void *data)
{
    const struct search *search = data;
    struct dz_record record;

    if (dz_record_read(directory, file, &record) < 0 ||
        (record.who.pid != search->pid && record.keeper.pid != search->pid &&
         record.first != search->pid))
        return 0; /* not a record that can be trusted, or of another process */
    return search->visit(file, &record, search->data);
}

/* Visits the record of a named or a kept job. */
static int visit_name(const char *name, int directory, void *data)
{
    /* Locks begin with a dot.  A slot is all digits, a name is not. */
    if (name[0] == '.' || name[strspn(name, "0123456789")] == '\0')
        return 0;
    return visit_file(name, directory, data);
}

int dz_record_each_of(int directory, pid_t pid,
                      int (*visit)(const char *file, const struct dz_record *record,
                                   void *data),
                      void *data)
{
    struct search search = {.pid = pid, .visit = visit, .data = data};
    char name[24];

    for (int slot = 0; slot < DZ_SLOTS; slot++) {
        dz_record_slot(name, pid, slot);
        int result = visit_file(name, directory, &search);
        if (result != 0)
            return result;
    }
    return dz_each_entry(directory, ".", visit_name, &search);
}

/* Undoes the escapes of a value that ends at a newline. */
static void unescape(const char *value, struct dz_text *text)
{
    for (; *value != '\0' && *value != '\n'; value++) {
        if (value[0] == '\\' && value[1] != '\0' && value[1] != '\n')
            value++;
        else if (value[0] != '\\') {
            dz_add_char(text, *value);
            continue;
        }
        dz_add_bytes(text, *value == 'n' ? "\n" : value, 1);
    }
}

int dz_record_pidfile(int directory, const char *file, char path[PATH_MAX])
{
    char data[512 + 2 * PATH_MAX]; /* the first lines, and a path that is escaped */
    static const char key[] = "\npidfile ";
    struct dz_text text = dz_text(path, PATH_MAX);
    int fd = dz_record_open(directory, file);
    ssize_t n;
    const char *at;

    if (fd < 0)
        return -1;
    n = dz_read_at(fd, data, sizeof data - 1, 0);
    dz_close(fd);
    if (n < 0)
        return -1;
    data[n] = '\0';
    /* That line stands before all lines that hold the caller's own words. */
    at = strstr(data, key);
    if (at != NULL)
        unescape(at + sizeof key - 1, &text);
    if (text.cut)
        path[0] = '\0';
    return 0;
}

/* ---- changing and removing ---- */

static void add_number_line(struct dz_text *text, const char *key, int64_t number)
{
    if (number < 0)
        return;
    dz_add(text, key);
    dz_add_number(text, number);
    dz_add(text, "\n");
}

int dz_record_add_end(const char *path, pid_t pid, int status, int64_t ended)
{
    char lines[64];
    struct dz_text text = dz_text(lines, sizeof lines);

    add_number_line(&text, "ended ", ended);
    add_number_line(&text, "status ", status);
    return dz_record_add_lines(path, pid, lines);
}

/* Appends whole lines to a file, or nothing.  Returns 0, or -1 and sets errno. */
static int append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    struct dz_stat before;
    int result;

    if (fd < 0)
        return -1;
    result = dz_stat(fd, "", true, &before);
    if (result == 0 && (result = dz_write(fd, text, strlen(text))) < 0) {
        int err = errno;
        syscall(SYS_ftruncate, fd, (long)before.size); /* works on a full disk, too */
        errno = err;
    }
    dz_close(fd);
    return result;
}

int dz_record_add_lines(const char *path, pid_t pid, const char *text)
{
    struct dz_claim claim = {.fd = 0};
    struct dz_fault fault;
    struct dz_record record;
    int result;

    if (dz_claim(&claim, path, "record", DZ_UNDO_MS, &fault) < 0) {
        errno = fault.err;
        return -1;
    }
    result = dz_record_read(AT_FDCWD, claim.path, &record);
    if (result == 0 && record.who.pid == pid)
        result = append(claim.path, text);
    dz_claim_drop(&claim);
    return result;
}

void dz_record_add_notice(int directory, const char *file,
                          const struct dz_record *record)
{
    int fd = openat(directory, file,
                    O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char data[512]; /* the lines up to since are shorter */
    char line[40];
    struct dz_text text = dz_text(line, sizeof line);
    struct dz_record now;
    ssize_t n;

    if (fd < 0)
        return;
    /* A start may have replaced the file meanwhile.  It never writes to the old one. */
    n = dz_read_at(fd, data, sizeof data - 1, 0);
    data[n > 0 ? n : 0] = '\0';
    add_number_line(&text, "noticed ", dz_now());
    if (dz_record_parse(data, &now) != NULL && now.who.pid == record->who.pid &&
        now.who.start == record->who.start)
        dz_write(fd, line, text.length); /* if this fails, the next list does it */
    dz_close(fd);
}

void dz_record_remove(const char *path, pid_t pid, bool ours)
{
    struct dz_claim claim = {.fd = 0};
    struct dz_fault unheard;
    struct dz_record record;

    /* A record that cannot be claimed stays. */
    if (dz_claim(&claim, path, "record", DZ_UNDO_MS, &unheard) < 0)
        return;
    if (dz_record_read(AT_FDCWD, claim.path, &record) == 0 && record.who.pid == pid &&
        (ours || dz_record_state(&record, NULL) == DZ_ENDED))
        unlink(claim.path);
    dz_claim_drop(&claim);
}

/* ---- sweeping ---- */

/* Returns whether that is a record of an unnamed job, with or without a keeper. */
static bool is_unnamed(const char *file)
{
    return file[0] == DZ_KEPT_PREFIX || file[strspn(file, "0123456789")] == '\0';
}

static int count_unnamed(const char *file, int directory, void *data)
{
    int *count = data;

    (void)directory;
    *count += is_unnamed(file);
    return 0;
}

static int sweep_unnamed(const char *file, int directory, void *data)
{
    struct dz_record record;

    (void)data;
    if (is_unnamed(file) && dz_record_read(directory, file, &record) == 0 &&
        dz_record_state(&record, NULL) == DZ_ENDED)
        unlinkat(directory, file, 0); /* a record that stays does no harm */
    return 0;
}

/* Otherwise thousands of short unnamed jobs would fill the directory. */
void dz_record_sweep(const char *directory)
{
    enum { MANY = 1000 };
    int count = 0;

    if (dz_each_entry(AT_FDCWD, directory, count_unnamed, &count) == 0 && count > MANY)
        dz_each_entry(AT_FDCWD, directory, sweep_unnamed, NULL);
}
