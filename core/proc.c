/*
 * Facts from /proc, read without stdio or readdir(3), which allocate.
 */
#include "dz.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the kernel lays it out for getdents64(2). */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

/* Parse the fields behind the command name of /proc/PID/stat, proc_pid_stat(5). */
static int parse_stat(const char *at, struct dz_process *process)
{
    int field[5] = {0}; /* ppid, pgrp, session, tty_nr, tpgid: 4 to 8 */

    if (at[0] != ')' || at[1] != ' ' || at[2] == '\0')
        return -1;
    at += 3; /* behind the state letter */
    for (int i = 0; i < 5; i++) {
        if (*at++ != ' ')
            return -1;
        bool negative = *at == '-';
        at += negative;
        field[i] = dz_read_number(&at);
        if (field[i] < 0)
            return -1;
        if (negative)
            field[i] = -field[i];
    }
    process->ppid = field[0];
    process->pgrp = field[1];
    process->session = field[2];
    process->tty = field[3];
    return 0;
}

int dz_read_process(pid_t pid, struct dz_process *process)
{
    char path[32];
    char line[1024]; /* the fields wanted end well below; what follows is not read */
    struct dz_text text = dz_text(path, sizeof path);
    ssize_t n;
    int fd;

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/stat");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((n = read(fd, line, sizeof line - 1)) < 0 && errno == EINTR)
        ;
    int err = errno;
    close(fd); /* read only: nothing can be lost */
    if (n < 0) {
        errno = err;
        return -1;
    }
    line[n] = '\0';
    char *name_end = strrchr(line, ')'); /* a name may hold any character */
    if (name_end == NULL || parse_stat(name_end, process) < 0) {
        errno = EINVAL;
        return -1;
    }
    process->pid = pid;
    return 0;
}

static int visit_entries(const char *buffer, size_t size, int folder,
                         int (*visit)(int, int, void *), void *data)
{
    int result = 0;

    for (size_t at = 0; at < size && result == 0;) {
        const struct entry *entry = (const struct entry *)(const void *)(buffer + at);
        const char *name = entry->name;
        int number = dz_read_number(&name);

        if (number >= 0 && *name == '\0')
            result = visit(number, folder, data);
        at += entry->length;
    }
    return result;
}

int dz_each_number(const char *folder, int (*visit)(int number, int folder, void *data),
                   void *data)
{
    _Alignas(struct entry) char buffer[4096];
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;
    long n;

    if (fd < 0)
        return -1;
    while (result == 0 &&
           (n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        result = n < 0 ? -1 : visit_entries(buffer, (size_t)n, fd, visit, data);
    }
    int err = errno;
    close(fd); /* read only: nothing can be lost */
    errno = err;
    return result;
}

struct search {
    pid_t self;
    bool seen; /* our own entry was there: it is /proc, and it is ours */
    pid_t id;
    bool session;
};

static int is_other(int number, int folder, void *data)
{
    struct search *search = data;
    struct dz_process process;

    (void)folder;
    search->seen |= number == search->self;
    if (number == search->self || dz_read_process(number, &process) < 0)
        return 0; /* it ended meanwhile, or is hidden from us */
    return (search->session ? process.session : process.pgrp) == search->id;
}

int dz_others(pid_t id, bool session)
{
    struct search search = {.self = getpid(), .id = id, .session = session};

    int result = dz_each_number("/proc", is_other, &search);

    if (result == 0 && !search.seen) {
        errno = ENOENT; /* an empty folder in its place */
        return -1;
    }
    return result;
}
