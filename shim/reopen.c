/*
 * --reopen: at SIGHUP the log is opened again by its name.
 *
 * The new file is open before dup2(2) puts it in the place of the old one at once.
 * What other threads write meanwhile is whole in one of the two, since both are
 * appended to.
 *
 * Invariant: only a descriptor that is still open on the log's file is replaced.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct log {
    char path[PATH_MAX];  /* empty: the stream is no log */
    struct dz_stat about; /* the file that it was when it was last opened */
};
static struct log logs[3]; /* [1] and [2] */

static void remember(int fd)
{
    if (dz_stat(fd, "", true, &logs[fd].about) < 0)
        logs[fd].path[0] = '\0';
}

/* Returns whether the log's name leads to the file that was opened by it. */
static bool is_in_place(int fd)
{
    struct dz_stat about;

    return dz_stat(AT_FDCWD, logs[fd].path, true, &about) == 0 &&
           dz_same_file(&about, &logs[fd].about);
}

/*
 * Returns whether a stream is open on the log.  That is the file that was the log in
 * the program before.  If another thread has reopened the log meanwhile, it is the file
 * that has the log's name.  Another program may have put something else there.
 */
static bool is_log(const struct dz_inside_log *log, int fd)
{
    return (log->device == logs[fd].about.device &&
            log->inode == logs[fd].about.inode) ||
           is_in_place(fd);
}

int shim_begin_reopen(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault)
{
    (void)fault;
    if (!start->plan->reopen)
        return 0;
    for (int fd = 1; fd <= 2; fd++) {
        const char *path = dz_stream_log(start, fd);
        struct dz_text text = dz_text(logs[fd].path, sizeof logs[fd].path);
        dz_add(&text, path != NULL ? path : "");
        if (path == NULL)
            continue;
        remember(fd);
        if (inherited && !is_log(&start->inside->logs[fd - 1], fd))
            logs[fd].path[0] = '\0';
    }
    return 0;
}

void shim_note_logs(struct dz_inside *inside)
{
    for (int fd = 1; fd <= 2; fd++) {
        dz_inside_path(inside, (enum dz_inside_path)(fd - 1), logs[fd].path);
        inside->logs[fd - 1].device = logs[fd].about.device;
        inside->logs[fd - 1].inode = logs[fd].about.inode;
    }
}

/* Writes by one call, so that it stays one line in a log that others write to. */
static void complain(int fd, int err)
{
    static const char before[] = "libdz.so: reopen: ";
    char reason[64];
    struct dz_text text = dz_text(reason, sizeof reason);

    dz_add_error(&text, err);
    struct iovec parts[] = {
        {(void *)before, sizeof before - 1},
        {logs[fd].path, strlen(logs[fd].path)},
        {(void *)": ", 2},
        {reason, text.length},
        {(void *)"\n", 1},
    };

    if (writev(fd, parts, (int)(sizeof parts / sizeof parts[0])) < 0)
        return; /* there is no other place to say so */
}

/* Returns -1 if the log could not be opened again. */
static int reopen_one(int fd, bool complains)
{
    struct dz_stat about;

    /* The program, or a child before its exec, may have put something else there. */
    if (logs[fd].path[0] == '\0' || dz_stat(fd, "", true, &about) < 0 ||
        !dz_same_file(&about, &logs[fd].about))
        return 0;
    if (dz_reopen_log(logs[fd].path, fd) < 0) {
        if (complains)
            complain(fd, errno);
        return -1;
    }
    remember(fd);
    return 0;
}

/* Reopens both logs, in one thread at a time.  If others ask meanwhile, that thread
 * reopens them again. */
static void reopen_logs(bool complains)
{
    struct shim_process *process = shim_process();
    int asked;

    if (process == NULL ||
        __atomic_fetch_add(&process->reopens, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    do {
        asked = __atomic_load_n(&process->reopens, __ATOMIC_ACQUIRE);
        bool told =
            reopen_one(1, complains) < 0 && strcmp(logs[1].path, logs[2].path) == 0;
        reopen_one(2, complains && !told);
    } while (!__atomic_compare_exchange_n(&process->reopens, &asked, 0, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

void shim_reopen(void)
{
    reopen_logs(true);
}

void shim_reopen_moved(void)
{
    for (int fd = 1; fd <= 2; fd++)
        if (logs[fd].path[0] != '\0' && !is_in_place(fd)) {
            /* No signal has asked for this, so a log that cannot be opened is not
             * reported. */
            reopen_logs(false);
            return;
        }
}
