/*
 * What only a look at every other process tells: who reads a pipe, who watches
 * over a job.
 *
 * A process that ends meanwhile, or that we may not look into, is passed over;
 * the latter is told by readers.hidden, so that "not seen" is never taken for
 * "not there".  Nothing is opened but the pipe in question, for an instant and
 * for writing, as the process has it.
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

static int is_reader(int number, int folder, void *data)
{
    const struct search *search = data;
    char name[16];
    struct stat about;
    struct stat link;

    snprintf(name, sizeof name, "%d", number);
    if (fstatat(folder, name, &about, 0) < 0 || about.st_ino != search->pipe->inode ||
        about.st_dev != search->pipe->device)
        return 0;
    return fstatat(folder, name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
           (link.st_mode & S_IRUSR) != 0;
}

static int look_for_reader(int pid, int folder, void *data)
{
    struct search *search = data;
    struct readers *found = &search->found;
    struct peer peer;
    char path[40];

    (void)folder;
    if (pid == getpid() || pid == search->writer)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    int result = dz_each_number(path, is_reader, search);
    if (result < 0 && (errno == EACCES || errno == EPERM))
        found->hidden = true;
    if (result <= 0 || peer_read(pid, &peer) < 0)
        return 0;
    found->peers = grown(found->peers, (found->count + 1) * sizeof *found->peers);
    found->peers[found->count++] = peer;
    return 0;
}

/*
 * Whether nobody reads: to a writer, poll(2) then says POLLERR.  The kernel
 * counts readers wherever they are, in other PID namespaces too.
 */
static bool is_unread(pid_t pid, const struct descriptor *pipe)
{
    char path[60];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, pipe->number);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENXIO; /* of a FIFO with a name */
    struct pollfd state = {.fd = fd};
    bool unread = poll(&state, 1, 0) == 1 && (state.revents & POLLERR) != 0;
    close(fd); /* nothing was written */
    return unread;
}

struct readers find_readers(pid_t pid, const struct descriptor *pipe)
{
    struct search search = {.writer = pid, .pipe = pipe};

    search.found.none = is_unread(pid, pipe);
    if (!search.found.none && dz_each_number("/proc", look_for_reader, &search) < 0)
        search.found.hidden = true;
    return search.found;
}

struct lookout {
    pid_t group;
    pid_t session;
    pid_t watcher;
};

static int is_watched(int pid, int folder, void *data)
{
    struct lookout *lookout = data;
    struct dz_process member;
    struct dz_process parent;

    (void)folder;
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
    char path[40];
    char target[PATH_MAX]; /* the kernel gives no longer one: ENAMETOOLONG */

    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
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
