/*
 * --reopen: the log opened again by its name, at SIGHUP.
 *
 * Each file is opened before its descriptor changes hands, which dup2(2) does at
 * once: what other threads write meanwhile is in the old file or in the new one,
 * whole, as both are appended to.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct log {
    char path[PATH_MAX]; /* empty: the stream is no log of ours */
    uint64_t device;     /* what the descriptor was when we last saw to it */
    uint64_t inode;
};
static struct log logs[3]; /* [1] and [2] */

static void remember(int fd)
{
    struct dz_stat about;

    if (dz_stat(fd, "", true, &about) < 0) {
        logs[fd].path[0] = '\0';
        return;
    }
    logs[fd].device = about.device;
    logs[fd].inode = about.inode;
}

int shim_begin_reopen(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault)
{
    (void)inherited;
    (void)fault;
    if (!start->plan->reopen)
        return 0;
    for (int fd = 1; fd <= 2; fd++) {
        const char *path = dz_stream_log(start, fd);
        struct dz_text text = dz_text(logs[fd].path, sizeof logs[fd].path);
        dz_add(&text, path != NULL ? path : "");
        if (path != NULL)
            remember(fd);
    }
    return 0;
}

/* One call, so that it stays one line in a log that others write to. */
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
        return; /* the old log: there is nowhere else to say so */
}

/* -1: it could not be opened again. */
static int reopen_one(int fd, bool complains)
{
    struct dz_stat about;

    /* The program, or a child on its way to exec, may have put something else there. */
    if (logs[fd].path[0] == '\0' || dz_stat(fd, "", true, &about) < 0 ||
        about.device != logs[fd].device || about.inode != logs[fd].inode)
        return 0;
    if (dz_reopen_log(logs[fd].path, fd) < 0) {
        if (complains)
            complain(fd, errno);
        return -1;
    }
    remember(fd);
    return 0;
}

/* One thread at a time; it goes on while others ask. */
void shim_reopen(void)
{
    struct shim_process *process = shim_process();
    int asked;

    if (process == NULL ||
        __atomic_fetch_add(&process->reopens, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    do {
        asked = __atomic_load_n(&process->reopens, __ATOMIC_ACQUIRE);
        bool told = reopen_one(1, true) < 0 && strcmp(logs[1].path, logs[2].path) == 0;
        reopen_one(2, !told);
    } while (!__atomic_compare_exchange_n(&process->reopens, &asked, 0, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}
