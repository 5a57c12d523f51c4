/*
 * What the target is, from /proc.  Nothing here changes it or attaches to it.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_MAX = 65536 /* of a user in very many groups */ };

/* Returns the value of a line of proc_pid_status(5), or NULL. */
static const char *status_value(const char *status, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = status; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, length) == 0 && at[length] == ':')
            return at + length + 1 + strspn(at + length + 1, "\t ");
    }
    return NULL;
}

static uint64_t status_number(const char *status, const char *key, int base,
                              uint64_t otherwise)
{
    const char *value = status_value(status, key);

    return value != NULL ? strtoull(value, NULL, base) : otherwise;
}

/* Returns how many namespaces of PIDs the process is in, from ours on. */
static int count_namespaces(const char *status)
{
    const char *at = status_value(status, "NSpid");
    int n = 0;

    for (; at != NULL && *at >= '0' && *at <= '9'; at += strspn(at, "\t "), n++)
        at += strspn(at, "0123456789");
    return n;
}

static void parse_status(struct subject *subject, const char *status)
{
    const char *name = status_value(status, "Name");

    snprintf(subject->name, sizeof subject->name, "%.*s",
             name != NULL ? (int)strcspn(name, "\n") : 0, name != NULL ? name : "");
    dz_one_line(subject->name);
    subject->ignored = status_number(status, "SigIgn", 16, 0);
    subject->caught = status_number(status, "SigCgt", 16, 0);
    subject->umask = (int)status_number(status, "Umask", 8, UINT64_MAX);
    subject->uid = (unsigned)status_number(status, "Uid", 10, 0);
    subject->group_of_threads = (pid_t)status_number(status, "Tgid", 10, 0);
    subject->tracer = (pid_t)status_number(status, "TracerPid", 10, 0);
    subject->seccomp = (int)status_number(status, "Seccomp", 10, 0);
    subject->filters = (int)status_number(status, "Seccomp_filters", 10, UINT64_MAX);
    subject->namespaces = count_namespaces(status);
    /* A thread of the kernel has no memory. */
    subject->of_kernel =
        status_value(status, "VmSize") == NULL && !subject->process.exiting;
}

/* Reads a file of /proc/PID.  Returns its length, or -1 and sets errno. */
static ssize_t read_proc(pid_t pid, const char *file, char *data, size_t size)
{
    char path[64];
    size_t have = 0;
    ssize_t n = 0;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (have < size - 1 && (n = read(fd, data + have, size - 1 - have)) > 0)
        have += (size_t)n;
    dz_close(fd);
    data[have] = '\0';
    return n < 0 ? -1 : (ssize_t)have;
}

/* Splits the words of /proc/PID/cmdline.  Returns 0, or -1 and sets errno. */
static int read_words(struct subject *subject)
{
    size_t size = 4096;
    ssize_t length;
    char *words;
    size_t count = 0;

    do {
        size *= 2;
        free(subject->words);
        words = subject->words = malloc(size);
        if (words == NULL)
            return -1;
        length = read_proc(subject->process.thread, "cmdline", words, size);
        if (length < 0)
            return -1;
    } while ((size_t)length == size - 1);
    for (ssize_t i = 0; i < length; i++)
        count += words[i] == '\0' || i == length - 1;
    subject->argv = calloc(count + 1, sizeof *subject->argv);
    if (subject->argv == NULL)
        return -1;
    for (size_t i = 0, at = 0; i < count; i++, at += strlen(words + at) + 1)
        subject->argv[i] = words + at;
    return 0;
}

/* Reads fields of /proc/PID/stat, counted from 1.  Returns whether they are there. */
static bool read_stat(pid_t pid, const int *fields, uint64_t *values, int count)
{
    char text[2048];
    const char *at;
    int field = 2; /* the name, which may hold spaces */

    if (read_proc(pid, "stat", text, sizeof text) <= 0 ||
        (at = strrchr(text, ')')) == NULL)
        return false;
    for (int i = 0; i < count; i++) {
        for (; field < fields[i] && at != NULL; field++)
            at = strchr(at + 1, ' ');
        if (at == NULL)
            return false;
        values[i] = strtoull(at + 1, NULL, 10);
    }
    return true;
}

/* Returns whether the words are those that the program was executed with: their number
 * is still at the begin of its stack, and their place in its memory is full of them.
 * Many programs write something else there, setproctitle(3). */
static bool has_first_words(const struct subject *subject)
{
    enum { STACK, BEGIN, END, FIELDS };
    static const int fields[FIELDS] = {28, 48, 49}; /* proc_pid_stat(5) */
    uint64_t at[FIELDS];
    char path[64];
    int32_t number; /* its low half is enough */
    int32_t count = 0;
    uint64_t length = 0;
    int memory;
    bool same;

    for (char **word = subject->argv; *word != NULL; word++, count++)
        length += strlen(*word) + 1;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)subject->process.thread);
    if (!read_stat(subject->process.thread, fields, at, FIELDS) ||
        at[END] - at[BEGIN] != length)
        return false;
    memory = open(path, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return false;
    same = pread(memory, &number, sizeof number, (off_t)at[STACK]) == sizeof number &&
           number == count;
    dz_close(memory);
    return same;
}

/* Makes the first word of a login shell, "-bash", the program's file. */
static void name_program(struct subject *subject)
{
    char path[64];
    ssize_t n;

    if (subject->argv[0] == NULL || subject->argv[0][0] != '-')
        return;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)subject->process.thread);
    n = readlink(path, subject->file, sizeof subject->file - 1);
    if (n <= 0)
        return;
    subject->file[n] = '\0';
    subject->argv[0] = subject->file;
}

static void read_directory(struct subject *subject)
{
    char path[64];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/cwd", (int)subject->process.thread);
    n = readlink(path, subject->cwd, sizeof subject->cwd - 1);
    subject->cwd[n > 0 ? n : 0] = '\0'; /* without it the record has none */
}

int read_subject(struct subject *subject, pid_t pid, struct dz_fault *fault)
{
    static char status[STATUS_MAX];

    memset(subject, 0, sizeof *subject);
    subject->pid = pid;
    if (!dz_proc_is_ours())
        return dz_fault_number(fault, "adopt", pid, EOPNOTSUPP,
                               dz_why_unknown(EOPNOTSUPP));
    if (dz_read_process(pid, &subject->process) < 0 ||
        read_proc(subject->process.thread, "status", status, sizeof status) <= 0)
        return dz_fault_number(fault, "adopt", pid, ESRCH,
                               errno == EACCES ? "/proc hides it: it is another user's"
                                               : NULL);
    parse_status(subject, status);
    read_directory(subject);
    if (read_words(subject) < 0) {
        dz_fault_number(fault, "adopt", pid, errno, NULL);
        free_subject(subject);
        return -1;
    }
    subject->retitled = !has_first_words(subject);
    name_program(subject);
    return 0;
}

void free_subject(struct subject *subject)
{
    free(subject->words);
    free(subject->argv);
    subject->words = NULL;
    subject->argv = NULL;
}

/* Returns what /proc/PID/task/TID/status has, or an empty text. */
static const char *thread_status(pid_t pid, pid_t tid)
{
    static char status[STATUS_MAX];
    char file[48];

    snprintf(file, sizeof file, "task/%d/status", (int)tid);
    if (read_proc(pid, file, status, sizeof status) < 0)
        status[0] = '\0';
    return status;
}

uint64_t pending_signals(pid_t pid, pid_t tid)
{
    const char *status = thread_status(pid, tid);

    return (status_number(status, "SigPnd", 16, 0) |
            status_number(status, "ShdPnd", 16, 0)) &
           ~status_number(status, "SigBlk", 16, 0);
}

int64_t count_sleeps(pid_t pid, pid_t tid)
{
    return (int64_t)status_number(thread_status(pid, tid), "voluntary_ctxt_switches",
                                  10, UINT64_MAX);
}

pid_t tracer_of(pid_t tid)
{
    return (pid_t)status_number(thread_status(tid, tid), "TracerPid", 10, 0);
}

uint64_t caught_signals(pid_t pid)
{
    static char status[STATUS_MAX];

    if (read_proc(pid, "status", status, sizeof status) < 0)
        status[0] = '\0';
    return status_number(status, "SigCgt", 16, UINT64_MAX);
}
