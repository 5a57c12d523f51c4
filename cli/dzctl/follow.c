/*
 * Follows logs: prints new lines until the jobs have ended.
 *
 * inotify(7) reports new lines.  The directories are watched too, so that a log that is
 * rotated is followed under its name.
 */
#include "dzctl.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TICK_MS = 1000 };

struct following {
    struct source *sources;
    size_t count;
    int inotify;           /* or -1: the logs are read each second */
    struct pollfd *events; /* inotify, stdout, a pidfd for each source */
};

enum { CHANGE, OUTPUT, FIRST_PIDFD };

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

/* Watches the log and its directory. */
static void watch(const struct following *following, const char *path)
{
    char *directory = strdup(path);

    if (following->inotify >= 0 && directory != NULL) {
        char *slash = strrchr(directory, '/');
        if (slash != NULL) /* it has one: our records hold absolute paths */
            *slash = '\0';
        inotify_add_watch(following->inotify, path, IN_MODIFY);
        inotify_add_watch(following->inotify, directory[0] != '\0' ? directory : "/",
                          IN_CREATE | IN_MOVED_TO);
    }
    free(directory);
}

/* Reads what is new.  Returns as copy_rest. */
static int read_new(const struct following *following, struct source *source,
                    bool *written)
{
    rewind_truncated(source->fd);
    for (;;) {
        if (copy_rest(source, written) < 0)
            return -1;
        if (is_same(source->fd, source->path))
            return 0;
        int next = open_trusted(source->path);
        if (next < 0)
            return 0;
        /* The job may have written to the old file until now. */
        if (copy_rest(source, written) < 0) {
            dz_close(next);
            return -1;
        }
        dz_close(source->fd);
        source->fd = next;
        watch(following, source->path);
    }
}

/* Waits for a change of a log, the end of a job, or a second.  Returns whether stdout
 * has lost its reader. */
static bool await_event(const struct following *following)
{
    struct pollfd *events = following->events;
    char data[4096];

    events[CHANGE] = (struct pollfd){.fd = following->inotify, .events = POLLIN};
    events[OUTPUT] = (struct pollfd){.fd = 1};
    int ready = poll(events, following->count + FIRST_PIDFD, TICK_MS);
    while (following->inotify >= 0 && read(following->inotify, data, sizeof data) > 0)
        ; /* the kind of event does not matter */
    return ready > 0 && (events[OUTPUT].revents & POLLERR) != 0; /* EINTR: look again */
}

/* Reads all logs.  Returns as follow; *over is whether all jobs have ended. */
static int read_all(const struct following *following, bool *written, bool *over,
                    struct source **failed)
{
    *over = true;
    for (size_t i = 0; i < following->count; i++) {
        struct source *source = &following->sources[i];
        *failed = source;
        if (source->done)
            continue;
        /* First the end, then the read: what the job wrote before its end is read. */
        bool ended = dz_record_state(&source->choice->job.record, NULL) == DZ_ENDED;
        if (read_new(following, source, written) < 0 ||
            (ended && end_begun_line(source, written) < 0))
            return -1;
        source->done = ended;
        *over = *over && ended;
        if (ended)
            dz_close_fd(&following->events[FIRST_PIDFD + i].fd);
    }
    return 0;
}

int follow(struct source *sources, size_t count, bool *written, struct source **failed)
{
    struct following following = {
        .sources = sources,
        .count = count,
        .inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
        .events = calloc(count + FIRST_PIDFD, sizeof *following.events)};
    bool over = count == 0;
    int result = following.events != NULL ? 0 : -1;

    for (size_t i = 0; result == 0 && i < count; i++) {
        watch(&following, sources[i].path);
        const struct job *job = &sources[i].choice->job;
        following.events[FIRST_PIDFD + i].fd = /* -1: each second */
            dz_open_process(job->keeper_runs ? &job->record.keeper : &job->record.who);
        following.events[FIRST_PIDFD + i].events = POLLIN;
    }
    while (result == 0 && !over) {
        result = read_all(&following, written, &over, failed);
        if (result == 0 && !over && await_event(&following))
            break;
    }
    for (size_t i = 0; following.events != NULL && i < count; i++)
        dz_close_fd(&following.events[FIRST_PIDFD + i].fd);
    free(following.events);
    dz_close_fd(&following.inotify);
    return result;
}
