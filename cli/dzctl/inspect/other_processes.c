/*
 * Facts that need a walk over all processes: the readers of a pipe, the shell of a job.
 *
 * A process that ends during the walk is skipped.  If we may not look into a process,
 * readers.hidden says so: a reader that we cannot see may exist.  We open no file but
 * the pipe in question, for writing and for an instant.
 */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
    pid_t writer;
    const struct descriptor *pipe;
    struct readers found;
};

static int is_reader(int number, int directory, void *data)
{
    const struct search *search = data;
    char name[16];
    struct stat about;
    struct stat link;

    snprintf(name, sizeof name, "%d", number);
    if (fstatat(directory, name, &about, 0) < 0 ||
        about.st_ino != search->pipe->inode || about.st_dev != search->pipe->device)
        return 0;
    return fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
           (link.st_mode & S_IRUSR) != 0;
}

static int look_for_reader(int pid, int directory, void *data)
{
    struct search *search = data;
    struct readers *found = &search->found;
    struct peer peer;
    char path[PROC_PATH_MAX];

    (void)directory;
    if (pid == getpid() || pid == search->writer || peer_read(pid, &peer) < 0)
        return 0;
    proc_path(path, &peer.process, "fd");
    int result = dz_each_number(path, is_reader, search);
    if (result < 0 && (errno == EACCES || errno == EPERM))
        found->hidden = true;
    if (result <= 0)
        return 0;
    found->peers = grown(found->peers, (found->count + 1) * sizeof *found->peers);
    found->peers[found->count++] = peer;
    return 0;
}

/*
 * Returns whether the pipe has no reader.  Then poll(2) reports POLLERR to a writer.
 * The kernel counts the readers of all PID namespaces.
 */
static bool is_unread(const struct dz_process *process, const struct descriptor *pipe)
{
    char name[16];
    char path[PROC_PATH_MAX];

    snprintf(name, sizeof name, "fd/%d", pipe->number);
    proc_path(path, process, name);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENXIO; /* of a FIFO with a name */
    struct pollfd state = {.fd = fd};
    bool unread = poll(&state, 1, 0) == 1 && (state.revents & POLLERR) != 0;
    dz_close(fd);
    return unread;
}

struct readers find_readers(const struct dz_process *writer,
                            const struct descriptor *pipe)
{
    struct search search = {.writer = writer->pid, .pipe = pipe};

    search.found.none = is_unread(writer, pipe);
    if (!search.found.none && dz_each_number("/proc", look_for_reader, &search) < 0)
        search.found.hidden = true;
    return search.found;
}

struct lookout {
    pid_t group;
    pid_t session;
    pid_t watcher;
};

static int is_watched(int pid, int directory, void *data)
{
    struct lookout *lookout = data;
    struct dz_process member;
    struct dz_process parent;

    (void)directory;
    if (dz_read_process(pid, &member) < 0 || member.pgrp != lookout->group ||
        dz_read_process(member.ppid, &parent) < 0)
        return 0;
    lookout->watcher = parent.pid;
    return parent.session == lookout->session && parent.pgrp != lookout->group;
}

bool find_watcher(pid_t group, pid_t session, struct peer *watcher)
{
    struct lookout job = {.group = group, .session = session};

    return dz_each_number("/proc", is_watched, &job) == 1 &&
           peer_read(job.watcher, watcher) == 0;
}

bool descends(pid_t pid, pid_t ancestor)
{
    struct dz_process process;

    while (pid > 1 && dz_read_process(pid, &process) == 0) {
        pid = process.ppid;
        if (pid == ancestor)
            return true;
    }
    return false;
}

char *program_name(pid_t pid)
{
    struct dz_process process;
    char path[PROC_PATH_MAX];
    char target[PATH_MAX]; /* the kernel gives no longer one: ENAMETOOLONG */

    if (dz_read_process(pid, &process) < 0)
        return NULL;
    proc_path(path, &process, "exe");
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return NULL;
    target[n] = '\0';
    char *deleted = strstr(target, " (deleted)"); /* upgraded while it runs */
    if (deleted != NULL)
        *deleted = '\0';
    const char *slash = strrchr(target, '/');
    return text_of("%s", slash != NULL ? slash + 1 : target);
}
