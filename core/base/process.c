/*
 * Facts from /proc.  stdio and readdir(3) allocate, so they are not used.
 */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel's layout for getdents64(2). */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

/* The fields of /proc/PID/stat that we need, by their numbers in proc_pid_stat(5). */
enum {
    PPID = 4,
    PGRP,
    SESSION,
    TTY,
    TPGID,
    FLAGS,
    UTIME = 14,
    STIME,
    CUTIME,
    CSTIME,
    THREADS = 20,
    START = 22,
    RSS = 24,
    EXIT_CODE = 52
};

/* linux/sched.h: "getting shut down", and "forked but didn't exec". */
enum { PF_EXITING = 0x4, PF_FORKNOEXEC = 0x40 };

/* Parses what follows the program's name.  Old kernels have fewer fields.  Returns 0,
 * or -1. */
static int parse_stat(const char *at, struct dz_process *process)
{
    int64_t field[EXIT_CODE + 1] = {0};
    int n;

    if (at[0] != ')' || at[1] != ' ' || at[2] == '\0')
        return -1;
    process->state = at[2];
    at += 3;
    for (n = PPID; n <= EXIT_CODE && *at == ' '; n++) {
        bool negative = *++at == '-';
        at += negative;
        /* Some fields are unsigned and of 64 bits.  We need none of those. */
        if (dz_read_long(&at, &field[n]) < 0) {
            field[n] = INT64_MAX;
            while (*at >= '0' && *at <= '9')
                at++;
        }
        if (negative)
            field[n] = -field[n];
    }
    if (n <= START)
        return -1;
    process->ppid = (pid_t)field[PPID];
    process->pgrp = (pid_t)field[PGRP];
    process->session = (pid_t)field[SESSION];
    process->tty = (int)field[TTY];
    process->exiting = (field[FLAGS] & PF_EXITING) != 0;
    process->executed = (field[FLAGS] & PF_FORKNOEXEC) == 0;
    process->threads = (int)field[THREADS];
    process->foreground = (pid_t)field[TPGID];
    process->start = (uint64_t)field[START];
    process->used = field[UTIME] + field[STIME] + field[CUTIME] + field[CSTIME];
    process->resident = field[RSS];
    process->wait_status = (int)field[EXIT_CODE];
    return 0;
}

/* Reads a file that is laid out as proc_pid_stat(5).  Returns 0, or -1 and sets errno.
 */
static int read_stat(const char *path, struct dz_process *process)
{
    enum { LONGEST = 2048 }; /* 52 numbers of at most 20 digits, a name of 64 bytes */
    char line[LONGEST];

    if (dz_read_file(path, line, sizeof line) < 0)
        return -1;
    char *name_end = strrchr(line, ')'); /* the name may hold ')' itself */
    if (name_end != NULL && parse_stat(name_end, process) == 0)
        return 0;
    errno = EINVAL;
    return -1;
}

struct living_thread {
    pid_t pid;
    struct dz_process process;
};

/* Reads a thread.  Returns 1 if it has not ended, else 0. */
static int read_thread(int tid, int fd, void *data)
{
    struct living_thread *found = data;
    char path[64];
    struct dz_text text = dz_text(path, sizeof path);

    (void)fd;
    dz_add(&text, "/proc/");
    dz_add_number(&text, found->pid);
    dz_add(&text, "/task/");
    dz_add_number(&text, tid);
    dz_add(&text, "/stat");
    if (read_stat(path, &found->process) < 0)
        return 0; /* the thread has ended */
    found->process.thread = tid;
    return found->process.state != 'Z' && found->process.state != 'X';
}

/* If a thread has not ended, sets thread, state and exiting from that thread. */
static void take_living_thread(struct dz_process *process)
{
    struct living_thread found = {.pid = process->pid};
    char path[40];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/");
    dz_add_number(&text, process->pid);
    dz_add(&text, "/task");
    if (dz_each_number(path, read_thread, &found) != 1)
        return;
    process->thread = found.process.thread;
    process->state = found.process.state;
    process->exiting = found.process.exiting;
}

/* Returns whether the thread that was read has been released meanwhile.  If another
 * thread executes a program, it takes the place of this one: the process lives on. */
static bool is_released(const struct dz_process *process)
{
    return process->threads == 0 || process->state == 'X';
}

int dz_read_process(pid_t pid, struct dz_process *process)
{
    enum { LOOKS = 4 }; /* the other thread takes it at once, or the process is gone */
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/stat");
    for (int i = 0; i < LOOKS; i++) {
        if (read_stat(path, process) < 0)
            return -1;
        if (!is_released(process))
            break;
    }
    process->pid = pid;
    process->thread = pid;
    if (process->state == 'Z' && process->threads > 1)
        take_living_thread(process);
    return 0;
}

bool dz_has_ended(const struct dz_process *process)
{
    /* If the first thread ended by pthread_exit(3), /proc shows a zombie although
     * other threads run. */
    return process->state == 'X' || (process->state == 'Z' && process->threads <= 1);
}

bool dz_is_running(pid_t pid)
{
    struct dz_process process;

    return dz_read_process(pid, &process) == 0 && !dz_has_ended(&process);
}

bool dz_proc_is_ours(void)
{
    char link[16];
    const char *at = link;
    ssize_t n = readlink("/proc/self", link, sizeof link - 1);

    link[n > 0 ? n : 0] = '\0';
    return dz_read_number(&at) == getpid();
}

static int visit_entries(const char *buffer, size_t size, int fd,
                         int (*visit)(const char *, int, void *), void *data)
{
    int result = 0;

    for (size_t at = 0; at < size && result == 0;) {
        const struct entry *entry = (const struct entry *)(const void *)(buffer + at);
        result = visit(entry->name, fd, data);
        at += entry->length;
    }
    return result;
}

int dz_each_entry(int at, const char *path,
                  int (*visit)(const char *name, int fd, void *data), void *data)
{
    /* /proc fills the buffer until no entry fits.  If one more would fit, the end was
     * read.  Other file systems may give less at a time. */
    enum { ENTRY = sizeof(struct entry) + 256 };
    bool in_proc = strncmp(path, "/proc", 5) == 0;
    _Alignas(struct entry) char buffer[4096];
    bool last = false;
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;
    long n;

    if (fd < 0)
        return -1;
    while (result == 0 && !last &&
           (n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        last = in_proc && n > 0 && (size_t)n + ENTRY < sizeof buffer;
        result = n < 0 ? -1 : visit_entries(buffer, (size_t)n, fd, visit, data);
    }
    dz_close(fd);
    return result;
}

struct numbers {
    int (*visit)(int number, int fd, void *data);
    void *data;
};

static int visit_number(const char *name, int fd, void *data)
{
    const struct numbers *numbers = data;
    int number = dz_read_number(&name);

    return number >= 0 && *name == '\0' ? numbers->visit(number, fd, numbers->data) : 0;
}

int dz_each_number(const char *directory, int (*visit)(int number, int fd, void *data),
                   void *data)
{
    struct numbers numbers = {.visit = visit, .data = data};

    return dz_each_entry(AT_FDCWD, directory, visit_number, &numbers);
}

pid_t dz_last_pid(void)
{
    char text[128];
    const char *at;
    int pid;

    if (dz_read_file("/proc/loadavg", text, sizeof text) < 0)
        return -1;
    at = strrchr(text, ' '); /* "0.00 0.01 0.05 1/234 5678": the last field */
    at = at != NULL ? at + 1 : text;
    pid = dz_read_number(&at);
    if (pid < 0)
        errno = EINVAL;
    return pid;
}

struct search {
    pid_t self;
    bool seen; /* the walk met this process: /proc is of our PID namespace */
    pid_t id;
    bool session;
};

static int is_other(int number, int directory, void *data)
{
    struct search *search = data;
    struct dz_process process;

    (void)directory;
    search->seen |= number == search->self;
    if (number == search->self || dz_read_process(number, &process) < 0)
        return 0; /* the process has ended, or is hidden from us */
    return (search->session ? process.session : process.pgrp) == search->id;
}

int dz_has_other_members(pid_t id, bool session)
{
    struct search search = {.self = getpid(), .id = id, .session = session};
    int result = dz_each_number("/proc", is_other, &search);

    if (result == 0 && !search.seen) {
        errno = ENOENT; /* another directory stands in the place of /proc */
        return -1;
    }
    return result;
}

enum { PTS_MAJOR = 136 }; /* Unix98 terminals, devices.txt of the kernel */

/* tty_nr of proc_pid_stat(5) has the minor in bits 31-20 and 7-0, the major in 15-8. */
void dz_add_tty(struct dz_text *text, int tty)
{
    unsigned device = (unsigned)tty;
    unsigned major = device >> 8 & 0xff;
    unsigned minor = (device & 0xff) | (device >> 12 & 0xfff00);

    if (tty == 0) {
        dz_add(text, "none");
        return;
    }
    if (major == PTS_MAJOR) {
        dz_add(text, "pts/");
    } else {
        dz_add_number(text, (long)major);
        dz_add(text, ":");
    }
    dz_add_number(text, (long)minor);
}

pid_t dz_waitpid(pid_t pid, int *status, int flags)
{
    pid_t result;

    while ((result = waitpid(pid, status, flags)) < 0 && errno == EINTR)
        ;
    return result;
}
