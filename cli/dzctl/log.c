/*
 * log: prints the end of a job's log, and with -f new lines until the job has ended.
 *
 * inotify(7) reports new lines.  The directory is watched too, so that a log that is
 * rotated is followed under its name.
 */
#include "dzctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 65536, TICK_MS = 1000 };

/* Copies the file to stdout from its position on.  Returns 0, or -1 and sets errno;
 * *written is false if stdout failed. */
static int copy_rest(int fd, bool *written)
{
    static char data[BLOCK]; /* too much for a small stack */
    ssize_t n;

    while ((n = read(fd, data, sizeof data)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (dz_write(1, data, (size_t)n) < 0) {
            *written = false;
            return -1;
        }
    }
    return 0;
}

/* Goes to the beginning of a log that was truncated, as logrotate's copytruncate does.
 */
static void rewind_truncated(int fd)
{
    struct stat about;
    off_t at = lseek(fd, 0, SEEK_CUR);

    if (fstat(fd, &about) == 0 && at > about.st_size)
        lseek(fd, 0, SEEK_SET);
}

/* Returns whether path still names the file open on fd. */
static bool is_same(int fd, const char *path)
{
    struct stat one;
    struct stat other;

    return fstat(fd, &one) == 0 && stat(path, &other) == 0 &&
           one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/* Watches the file and its directory.  Returns the descriptor, or -1: then the log is
 * read each second. */
static int watch(const char *path)
{
    char *directory = strdup(path);
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd >= 0 && directory != NULL) {
        char *slash = strrchr(directory, '/');
        if (slash != NULL) /* it has one: our records hold absolute paths */
            *slash = '\0';
        inotify_add_watch(fd, path, IN_MODIFY);
        inotify_add_watch(fd, directory[0] != '\0' ? directory : "/",
                          IN_CREATE | IN_MOVED_TO);
    }
    free(directory);
    return fd;
}

/* Waits for a change of the log, the end of the job, or a second.  Returns whether
 * stdout has lost its reader. */
static bool await_event(int events, int pidfd)
{
    struct pollfd wanted[] = {{.fd = events, .events = POLLIN},
                              {.fd = pidfd, .events = POLLIN},
                              {.fd = 1, .events = 0}};
    char data[4096];

    int ready = poll(wanted, 3, TICK_MS); /* EINTR: look again */
    while (events >= 0 && read(events, data, sizeof data) > 0)
        ; /* the kind of event does not matter */
    return ready > 0 && (wanted[2].revents & POLLERR) != 0;
}

/* Prints new lines until the job has ended.  Returns 0, or -1 and sets errno. */
static int follow(const struct job *job, int *fd, bool *written)
{
    int events = watch(job->log);
    int pidfd = dz_open_process(&job->record.who);
    int result = 0;

    for (;;) {
        /* First the end, then the read: what the job wrote before its end is read. */
        bool ended = dz_record_state(&job->record, NULL) == DZ_ENDED;
        rewind_truncated(*fd);
        result = copy_rest(*fd, written);
        if (result < 0)
            break;
        if (!is_same(*fd, job->log)) {
            int next = open_trusted(job->log);
            if (next >= 0) {
                /* The job may have written to the old file until now. */
                result = copy_rest(*fd, written);
                if (result < 0) {
                    close(next);
                    break;
                }
                close(*fd); /* only read: close cannot lose data */
                *fd = next;
                close(events);
                events = watch(job->log);
                continue;
            }
        }
        if (ended)
            break;
        if (await_event(events, pidfd))
            break;
    }
    if (events >= 0)
        close(events);
    if (pidfd >= 0)
        close(pidfd);
    return result;
}

/* Returns why a log could not be opened, or NULL for the text of err. */
static const char *log_reason(int err)
{
    return err == EPERM ? "another user's symbolic link leads there" : NULL;
}

static int show(const struct job *job, const struct arguments *arguments,
                struct dz_fault *fault)
{
    struct stat about;
    int fd = open_trusted(job->log);
    int result = -1;
    bool written = true;

    if (fd >= 0 && fstat(fd, &about) == 0 && !S_ISREG(about.st_mode)) {
        close(fd); /* only read: close cannot lose data */
        return dz_fault(fault, "log", job->log, 0, "not a regular file");
    }
    if (fd >= 0) {
        int lines = arguments->lines;
        int64_t from = dz_find_lines(fd, 0, about.st_size, INT64_MAX, &lines);
        if (lseek(fd, (off_t)from, SEEK_SET) >= 0)
            result = copy_rest(fd, &written);
    }
    if (result == 0 && arguments->follow)
        result = follow(job, &fd, &written);
    int err = errno;
    if (fd >= 0)
        close(fd);
    if (result < 0 && !written)
        return dz_fault(fault, "stdout", NULL, err, NULL);
    return result < 0 ? dz_fault(fault, "log", job->log, err, log_reason(err)) : 0;
}

int command_log(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct dz_fault fault;
    struct job job;
    int result;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    if (job_find(&job, arguments.names[0], &fault) < 0)
        return ctl_tell(&fault);
    if (job.log != NULL)
        result = show(&job, &arguments, &fault);
    else
        result =
            dz_fault(&fault, "log", arguments.names[0], 0,
                     job.recorded ? "its output does not go to a file" : "no such job");
    job_free(&job);
    fault.status = CTL_FAILED;
    return result < 0 ? ctl_tell(&fault) : 0;
}
