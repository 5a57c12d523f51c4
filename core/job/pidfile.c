/*
 * Pidfiles: the PID and a newline, written before the caller gets its prompt.
 *
 * Invariants: a symbolic link or a file that is not regular is never trusted, nor a PID
 * below 2.  A file's time alone never proves that its job has ended: the record comes
 * first.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns the one number of at least 2 that text holds before a newline or its end, or
 * -1. */
static pid_t parse_pid(const char *text)
{
    pid_t pid = dz_read_number(&text);

    if (*text == '\n')
        text++;
    return *text == '\0' && pid >= 2 ? pid : -1;
}

/* Returns nanoseconds since the epoch.  File systems have times that 64 bits cannot
 * hold.  Such a time becomes the year 2255, or one before every process. */
static int64_t modified(const struct dz_stat *about)
{
    const int64_t last = 9000000000;
    int64_t seconds = about->modified < last ? about->modified : last;

    return (seconds > 0 ? seconds : 0) * 1000000000 + about->modified_ns;
}

struct search {
    int records;
    const struct dz_stat *about; /* the pidfile */
    struct dz_pidfile *pidfile;
};

/* Takes the answer of a record that names the pidfile.  Returns 1 if the job runs. */
static int visit_record(const char *file, const struct dz_record *record, void *data)
{
    struct search *search = data;
    struct dz_pidfile *pidfile = search->pidfile;
    char path[PATH_MAX];
    struct dz_stat named;
    const char *why;

    if (record->who.pid != pidfile->who.pid || /* a keeper's, or of an earlier run */
        dz_record_pidfile(search->records, file, path) < 0 || path[0] == '\0' ||
        dz_stat(AT_FDCWD, path, false, &named) < 0 ||
        !dz_same_file(&named, search->about))
        return 0;
    enum dz_state state = dz_record_state(record, &why);
    /* A record of a job that has ended may stand beside that of a later one. */
    if (state == DZ_ENDED && pidfile->record[0] != '\0')
        return 0;
    struct dz_text text = dz_text(pidfile->record, sizeof pidfile->record);
    dz_add(&text, file); /* a file's name fits */
    if (state == DZ_RUNS)
        pidfile->who = record->who;
    pidfile->why = why;
    pidfile->state = state == DZ_RUNS      ? DZ_PIDFILE_RUNS
                     : state == DZ_UNKNOWN ? DZ_PIDFILE_UNKNOWN
                                           : DZ_PIDFILE_STALE;
    return state == DZ_RUNS;
}

/* Answers without a record. */
static void ask_proc(const struct dz_stat *about, struct dz_pidfile *pidfile)
{
    if (dz_identify(pidfile->who.pid, &pidfile->who) < 0) {
        pidfile->state = errno == ESRCH ? DZ_PIDFILE_STALE : DZ_PIDFILE_UNKNOWN;
        pidfile->why = dz_why_unknown(errno);
    } else if (dz_began_after(&pidfile->who, modified(about))) {
        pidfile->state = DZ_PIDFILE_STALE;
    } else {
        pidfile->state = DZ_PIDFILE_RUNS;
    }
}

/* Reads the file open on fd.  Returns 0, or -1 and sets errno. */
static int read_open(int fd, int records, struct dz_pidfile *pidfile)
{
    char text[32]; /* a PID has at most 10 digits */
    struct dz_stat about;
    struct search search = {.records = records, .about = &about, .pidfile = pidfile};
    ssize_t n;

    if (dz_stat(fd, "", true, &about) < 0)
        return -1;
    if (!S_ISREG(about.mode)) {
        errno = EINVAL;
        return -1;
    }
    pidfile->uid = about.uid;
    pidfile->mode = about.mode;
    while ((n = read(fd, text, sizeof text - 1)) < 0 && errno == EINTR)
        ;
    if (n < 0)
        return -1;
    text[n] = '\0';
    /* If text is full, there may be more digits. */
    pidfile->who.pid = n < (ssize_t)sizeof text - 1 && strlen(text) == (size_t)n
                           ? parse_pid(text)
                           : -1;
    if (n == 0) {
        pidfile->state = DZ_PIDFILE_EMPTY;
        return 0;
    }
    pidfile->state = DZ_PIDFILE_GARBAGE;
    if (pidfile->who.pid < 0)
        return 0;
    if (records >= 0 &&
        dz_record_each_of(records, pidfile->who.pid, visit_record, &search) < 0)
        return -1;
    if (pidfile->record[0] == '\0')
        ask_proc(&about, pidfile);
    return 0;
}

int dz_pidfile_read(const char *path, int records, struct dz_pidfile *pidfile)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int result;

    pidfile->who.pid = -1;
    pidfile->record[0] = '\0';
    pidfile->why = "";
    if (fd < 0 && errno == ENOENT) {
        pidfile->state = DZ_PIDFILE_NONE;
        return 0;
    }
    if (fd < 0)
        return -1;
    result = read_open(fd, records, pidfile);
    dz_close(fd);
    return result;
}

void dz_pidfile_words(const struct dz_pidfile *pidfile, struct dz_text *text)
{
    switch (pidfile->state) {
    case DZ_PIDFILE_EMPTY:
        dz_add(text, "empty");
        break;
    case DZ_PIDFILE_GARBAGE:
        dz_add(text, "not a PID");
        break;
    case DZ_PIDFILE_STALE:
        dz_add(text, "stale, of PID ");
        dz_add_number(text, pidfile->who.pid);
        break;
    default:
        break;
    }
}

static const char *refusal(int err)
{
    if (err == EINVAL)
        return "not a regular file";
    return err == ELOOP ? "a symbolic link" : NULL;
}

int dz_pidfile_check(const char *path, int records, struct dz_pidfile *old,
                     struct dz_fault *fault)
{
    static const char step[] = "pidfile";

    if (dz_pidfile_read(path, records, old) < 0)
        return dz_fault(fault, step, path, errno, refusal(errno));
    if (old->state == DZ_PIDFILE_UNKNOWN)
        return dz_fault_unknown(fault, step, path, old->who.pid, old->why);
    if (old->state == DZ_PIDFILE_RUNS)
        return dz_fault_running(fault, step, path, old->who.pid);
    return 0;
}

int dz_pidfile_remove(const char *path, int records, pid_t pid, bool ours)
{
    struct dz_claim claim = {.fd = 0};
    struct dz_pidfile pidfile;
    struct dz_fault fault;
    int result;

    /* A file that stays is found stale by a later reader. */
    if (dz_claim(&claim, path, "pidfile", DZ_UNDO_MS, &fault) < 0) {
        errno = fault.err;
        return -1;
    }
    result = dz_pidfile_read(claim.path, records, &pidfile);
    if (result == 0 && pidfile.state == DZ_PIDFILE_UNKNOWN && !ours) {
        errno = EOPNOTSUPP;
        result = -1;
    }
    if (result == 0 && pidfile.who.pid == pid &&
        /* This start has written it, even if /proc cannot be read to confirm it. */
        (pidfile.state == DZ_PIDFILE_STALE || ours))
        result = unlink(claim.path);
    dz_claim_drop(&claim);
    return result;
}
