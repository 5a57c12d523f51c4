/*
 * Pidfiles: the PID and a newline, there before the caller gets its prompt.
 *
 * Invariants: no file is believed that is a symbolic link or no regular file;
 * no PID below 2 and none that belongs to a process younger than the file.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The one number of at least 2 that text holds before a newline or its end, or
 * -1. */
static pid_t parse_pid(const char *text)
{
    pid_t pid = dz_read_number(&text);

    if (*text == '\n')
        text++;
    return *text == '\0' && pid >= 2 ? pid : -1;
}

/* Nanoseconds since the epoch.  File systems hold moments that these cannot tell in
 * 64 bits; such a one becomes the year 2255, or one before every process. */
static int64_t modified(const struct dz_stat *about)
{
    const int64_t last = 9000000000;
    int64_t seconds = about->modified < last ? about->modified : last;

    return (seconds > 0 ? seconds : 0) * 1000000000 + about->modified_ns;
}

/* Read the file open on fd.  -1 with errno. */
static int read_open(int fd, struct dz_pidfile *pidfile)
{
    char text[32]; /* a PID has at most 10 digits: more is garbage in any case */
    struct dz_stat about;
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
    /* Full: there may be more of the number. */
    pidfile->who.pid = n < (ssize_t)sizeof text - 1 && strlen(text) == (size_t)n
                           ? parse_pid(text)
                           : -1;
    if (n == 0)
        pidfile->state = DZ_PIDFILE_EMPTY;
    else if (pidfile->who.pid < 0)
        pidfile->state = DZ_PIDFILE_GARBAGE;
    else if (dz_identify(pidfile->who.pid, &pidfile->who) < 0) {
        pidfile->state = DZ_PIDFILE_STALE;
        return errno == ESRCH ? 0 : -1; /* not known to be gone: no answer */
    } else if (dz_began_after(&pidfile->who, modified(&about)))
        pidfile->state = DZ_PIDFILE_STALE;
    else
        pidfile->state = DZ_PIDFILE_RUNS;
    return 0;
}

int dz_pidfile_read(const char *path, struct dz_pidfile *pidfile)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int result;

    if (fd < 0 && errno == ENOENT) {
        pidfile->state = DZ_PIDFILE_NONE;
        return 0;
    }
    if (fd < 0)
        return -1;
    result = read_open(fd, pidfile);
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
    if (err == EOPNOTSUPP)
        return "/proc is missing or of other processes: who runs cannot be told";
    if (err == EINVAL)
        return "not a regular file";
    return err == ELOOP ? "a symbolic link" : NULL;
}

int dz_pidfile_check(const char *path, struct dz_pidfile *old, struct dz_fault *fault)
{
    if (dz_pidfile_read(path, old) < 0)
        return dz_fault(fault, "pidfile", path, errno, refusal(errno));
    if (old->state != DZ_PIDFILE_RUNS)
        return 0;
    return dz_fault_running(fault, "pidfile", path, old->who.pid);
}

void dz_pidfile_remove(const char *path, pid_t pid)
{
    struct dz_claim claim = {.fd = 0};
    struct dz_pidfile pidfile;
    struct dz_fault fault;

    /* A file that cannot be claimed cannot be removed either; it names a process
     * that is gone, which whoever reads it will find. */
    if (dz_claim(&claim, path, "pidfile", DZ_UNDO_MS, &fault) < 0)
        return;
    if (dz_pidfile_read(claim.path, &pidfile) == 0 &&
        (pidfile.state == DZ_PIDFILE_STALE ||
         (pidfile.state == DZ_PIDFILE_RUNS && pid == getpid())) &&
        pidfile.who.pid == pid)
        unlink(claim.path);
    dz_claim_drop(&claim);
}
