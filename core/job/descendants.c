/*
 * The descendants of a process, by the kernel's lists of children, proc_pid_task(5).
 *
 * The cost of a walk over them grows with the job's own processes and threads alone.
 * Processes that are forked or end during a walk may be missed.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { DEEPEST = 64 /* generations: each takes 6 KB of stack */ };

struct walk {
    const struct dz_members *members;
    dz_visit_pid visit;
    void *data;
    int depth;
};

static int each_below(pid_t pid, struct walk *walk);

static int visit_child(pid_t pid, struct walk *walk)
{
    int result;

    if (dz_members_spare(walk->members, pid))
        return 0;
    result = walk->visit(pid, walk->data);
    if (result != 0 || walk->depth == DEEPEST)
        return result;
    walk->depth++;
    result = each_below(pid, walk);
    walk->depth--;
    return result > 0 ? result : 0; /* -1: that child has ended */
}

/* Visits the children of one thread, which the file open on fd lists as "12 13 ". */
static int each_listed_child(int fd, struct walk *walk)
{
    char text[1024];
    size_t length = 0;
    int result = 0;
    ssize_t n;

    while (result == 0 &&
           ((n = read(fd, text + length, sizeof text - 1 - length)) > 0 ||
            (n < 0 && errno == EINTR))) {
        const char *at = text;
        length += n > 0 ? (size_t)n : 0;
        text[length] = '\0';
        while (result == 0 && strchr(at, ' ') != NULL) {
            pid_t child = dz_read_number(&at);
            at++;
            if (child > 0)
                result = visit_child(child, walk);
        }
        length -= (size_t)(at - text); /* a number that is not whole yet */
        memmove(text, at, length);
    }
    return result;
}

static int visit_thread(int number, int directory, void *data)
{
    char name[32];
    struct dz_text text = dz_text(name, sizeof name);
    struct walk *walk = data;
    int result;
    int fd;

    dz_add_number(&text, number);
    dz_add(&text, "/children");
    fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    /* Our own threads are alive: without a list of theirs, the kernel has none.  A
     * thread of another process may have ended. */
    if (fd < 0)
        return walk->depth == 0 ? -1 : 0;
    result = each_listed_child(fd, walk);
    dz_close(fd);
    return result;
}

static int each_below(pid_t pid, struct walk *walk)
{
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/task");
    return dz_each_number(path, visit_thread, walk);
}

static int visit_process(const struct dz_process *process, void *data)
{
    struct walk *walk = data;

    return walk->visit(process->pid, walk->data);
}

int dz_each_job_process(const struct dz_members *members, dz_visit_pid visit,
                        void *data)
{
    struct walk walk = {.members = members, .visit = visit, .data = data};
    int result = -1;

    if (members->root == getpid())
        result = each_below(members->root, &walk);
    return result >= 0 ? result : dz_members_each(members, visit_process, &walk);
}
