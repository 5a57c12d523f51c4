/*
 * Reads the facts of one process from /proc.
 *
 * Between two reads the process can end, and another can get its PID.  So its start
 * time is read first and last, and must be equal.  The files of the process are never
 * opened: opening a terminal or a FIFO has effects.
 */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static _Noreturn void no_memory(void)
{
    struct dz_fault fault;

    dz_fault(&fault, "inspect", NULL, ENOMEM, NULL);
    fault.status = CTL_FAILED;
    exit(ctl_tell(&fault));
}

void *grown(void *at, size_t size)
{
    at = realloc(at, size);
    if (at == NULL)
        no_memory();
    return at;
}

char *text_of(const char *format, ...)
{
    char *text;
    va_list list;

    va_start(list, format);
    int length = vasprintf(&text, format, list);
    va_end(list);
    if (length < 0)
        no_memory();
    dz_one_line(text);
    return text;
}

/* Returns a file's bytes, terminated, or NULL and sets errno. */
static char *read_whole(const char *path, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    char *data = NULL;
    ssize_t n = 1;

    if (fd < 0)
        return NULL;
    for (*length = 0; n != 0; *length += n > 0 ? (size_t)n : 0) {
        if (size - *length < 2)
            data = grown(data, size = size * 2 + 4096);
        n = read(fd, data + *length, size - *length - 1);
        if (n < 0 && errno != EINTR)
            break;
    }
    int err = errno;
    dz_close(fd);
    if (n < 0) {
        free(data);
        errno = err;
        return NULL;
    }
    data[*length] = '\0';
    return data;
}

/* Returns the text of a symbolic link, or NULL and sets errno. */
static char *read_link(int directory, const char *name)
{
    char *target = NULL;
    ssize_t n;

    for (size_t size = 256;; size *= 2) {
        target = grown(target, size);
        n = readlinkat(directory, name, target, size);
        if (n < 0) {
            int err = errno;
            free(target);
            errno = err;
            return NULL;
        }
        if ((size_t)n < size)
            break;
    }
    target[n] = '\0';
    return target;
}

void proc_path(char path[PROC_PATH_MAX], const struct dz_process *process,
               const char *file)
{
    snprintf(path, PROC_PATH_MAX, "/proc/%d/task/%d/%s", (int)process->pid,
             (int)process->thread, file);
}

/* ---- descriptors ---- */

/* Returns whether a line of /proc/tty/drivers has this device as a terminal. */
static bool driver_has(char *line, unsigned device_major, unsigned device_minor)
{
    enum { NAME, NODE, MAJOR, MINORS, TYPE, WORDS };
    char *word[WORDS] = {NULL};
    char *rest = line;
    char *end;

    for (int i = 0; i < WORDS; i++)
        if ((word[i] = strtok_r(i == 0 ? line : NULL, " ", &rest)) == NULL)
            return false;
    unsigned long first = strtoul(word[MINORS], &end, 10);
    unsigned long last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;
    /* /dev/ptmx and pty masters are the other side of a terminal. */
    if (strcmp(word[TYPE], "pty:master") == 0 || strcmp(word[NODE], "/dev/ptmx") == 0)
        return false;
    return strtoul(word[MAJOR], NULL, 10) == device_major && device_minor >= first &&
           device_minor <= last;
}

/* Returns whether the device is a terminal.  isatty(3) would need it open, which raises
 * a modem's lines. */
static bool is_terminal(dev_t device)
{
    enum { PTS_FIRST = 136, PTS_LAST = 143, TTY = 4, ALIAS = 5, PTMX = 2 };
    unsigned device_major = major(device);
    unsigned device_minor = minor(device);
    size_t length;
    char *rest = NULL;
    bool found = false;
    char *drivers = read_whole("/proc/tty/drivers", &length);

    if (drivers == NULL) /* a container hides it */
        return (device_major >= PTS_FIRST && device_major <= PTS_LAST) ||
               device_major == TTY || (device_major == ALIAS && device_minor != PTMX);
    for (char *line = strtok_r(drivers, "\n", &rest); line != NULL && !found;
         line = strtok_r(NULL, "\n", &rest))
        found = driver_has(line, device_major, device_minor);
    free(drivers);
    return found;
}

static enum kind kind_of(const struct stat *about)
{
    switch (about->st_mode & S_IFMT) {
    case S_IFREG:
        return KIND_FILE;
    case S_IFDIR:
        return KIND_DIRECTORY;
    case S_IFIFO:
        return KIND_PIPE;
    case S_IFSOCK:
        return KIND_SOCKET;
    case S_IFBLK:
        return KIND_DEVICE;
    case S_IFCHR:
        return is_terminal(about->st_rdev) ? KIND_TERMINAL : KIND_DEVICE;
    default:
        return KIND_OTHER;
    }
}

const char *kind_name(enum kind kind)
{
    static const char *const names[] = {"terminal", "file",   "directory", "pipe",
                                        "socket",   "device", "other"};

    return names[kind];
}

/* Reads one descriptor.  directory is open on /proc/PID/fd. */
static void descriptor_read(int directory, int number, struct descriptor *descriptor)
{
    char name[16];
    struct stat about;
    struct stat link;

    snprintf(name, sizeof name, "%d", number);
    *descriptor = (struct descriptor){.number = number};
    descriptor->target = read_link(directory, name);
    if (descriptor->target == NULL || fstatat(directory, name, &about, 0) < 0 ||
        fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) < 0) {
        descriptor->err = errno;
        return;
    }
    descriptor->kind = kind_of(&about);
    descriptor->reads = (link.st_mode & S_IRUSR) != 0; /* proc_pid_fd(5) */
    descriptor->writes = (link.st_mode & S_IWUSR) != 0;
    descriptor->device = about.st_dev;
    descriptor->inode = about.st_ino;
}

static int add_descriptor(int number, int directory, void *data)
{
    struct facts *facts = data;
    struct descriptor descriptor;

    descriptor_read(directory, number, &descriptor);
    if (descriptor.err == ENOENT)
        return 0; /* the process has closed it */
    if (descriptor.err == EACCES || descriptor.err == EPERM) {
        errno = descriptor.err; /* all descriptors of a process fail alike */
        return -1;
    }
    facts->fds = grown(facts->fds, (facts->fd_count + 1) * sizeof *facts->fds);
    facts->fds[facts->fd_count++] = descriptor;
    return 0;
}

static void read_descriptors(struct facts *facts)
{
    char path[PROC_PATH_MAX];

    proc_path(path, &facts->process, "fd");
    if (dz_each_number(path, add_descriptor, facts) < 0) {
        facts->fds_err = errno;
        facts->fd_count = 0; /* a part of the list would mislead */
    }
}

const struct descriptor *facts_fd(const struct facts *facts, int number)
{
    for (size_t i = 0; i < facts->fd_count; i++)
        if (facts->fds[i].number == number)
            return &facts->fds[i];
    return NULL;
}

/* ---- the rest ---- */

/* Returns the value of a line "KEY:\tVALUE" of /proc/PID/status, or NULL. */
static const char *status_value(const char *status, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = status; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, length) == 0 && at[length] == ':')
            return at + length + 1;
    }
    return NULL;
}

static uint64_t signal_set(const char *status, const char *key)
{
    const char *value = status_value(status, key);

    return value != NULL ? strtoull(value, NULL, 16) : 0;
}

static void parse_signals(const char *status, struct signals *signals)
{
    signals->ignored = signal_set(status, "SigIgn");
    signals->caught = signal_set(status, "SigCgt");
    signals->blocked = signal_set(status, "SigBlk");
}

bool has_signal(uint64_t set, int number)
{
    return (set >> (number - 1) & 1) != 0;
}

/* Returns /proc/PID/status, or NULL and sets errno. */
static char *read_status(const struct dz_process *process)
{
    char path[PROC_PATH_MAX];
    size_t length;

    proc_path(path, process, "status");
    return read_whole(path, &length);
}

int signals_read(pid_t pid, struct signals *signals)
{
    struct dz_process process;
    char *status = dz_read_process(pid, &process) == 0 ? read_status(&process) : NULL;

    if (status == NULL)
        return -1;
    parse_signals(status, signals);
    free(status);
    return 0;
}

/* Takes the facts of /proc/PID/status.  Returns 0, or -1 and sets errno. */
static int parse_status(struct facts *facts)
{
    enum { KTHREADD = 2, OCTAL = 8 };
    const struct dz_process *process = &facts->process;
    char *status = read_status(process);

    if (status == NULL)
        return -1;
    parse_signals(status, &facts->signals);
    const char *mask = status_value(status, "Umask");
    facts->umask = mask != NULL ? (int)strtol(mask, NULL, OCTAL) : -1;
    /* A kernel thread has no memory of its own, and kthreadd is its parent. */
    facts->kernel_thread = !facts_zombie(facts) &&
                           status_value(status, "VmSize") == NULL &&
                           (process->ppid == KTHREADD || process->pid == KTHREADD);
    const char *leader = status_value(status, "Tgid");
    bool thread = leader != NULL && strtol(leader, NULL, 10) != process->pid;
    free(status);
    if (thread) { /* /proc has threads under their numbers too */
        errno = ESRCH;
        return -1;
    }
    return 0;
}

static void read_preload(struct facts *facts)
{
    static const char key[] = "LD_PRELOAD=";
    char path[PROC_PATH_MAX];
    size_t length;

    proc_path(path, &facts->process, "environ");
    char *environment = read_whole(path, &length);
    if (environment == NULL) {
        facts->preload_err = errno;
        return;
    }
    for (const char *at = environment; at < environment + length; at += strlen(at) + 1)
        if (strncmp(at, key, sizeof key - 1) == 0 && at[sizeof key - 1] != '\0') {
            facts->preload = text_of("%s", at + sizeof key - 1);
            break;
        }
    free(environment);
}

static void read_links_and_arguments(struct facts *facts)
{
    char path[PROC_PATH_MAX];

    proc_path(path, &facts->process, "cwd");
    facts->cwd = read_link(AT_FDCWD, path);
    facts->cwd_err = facts->cwd == NULL ? errno : 0;
    proc_path(path, &facts->process, "cmdline");
    facts->arguments = read_whole(path, &facts->arguments_size);
    if (facts->arguments == NULL)
        facts->arguments_size = 0;
}

int peer_read(pid_t pid, struct peer *peer)
{
    char path[PROC_PATH_MAX];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    if (dz_read_process(pid, &peer->process) < 0 ||
        (n = dz_read_file(path, peer->name, sizeof peer->name)) < 0)
        return -1;
    if (n > 0 && peer->name[n - 1] == '\n')
        peer->name[n - 1] = '\0';
    dz_one_line(peer->name);
    return 0;
}

bool facts_zombie(const struct facts *facts)
{
    return dz_has_ended(&facts->process);
}

static int no_process(pid_t pid, int err, struct dz_fault *fault)
{
    dz_fault_number(fault, "inspect", pid, err == ENOENT ? ESRCH : err, NULL);
    fault->status = CTL_FAILED;
    return -1;
}

int facts_read(pid_t pid, struct facts *facts, struct dz_fault *fault)
{
    struct peer peer;

    *facts = (struct facts){.umask = -1};
    if (peer_read(pid, &peer) < 0)
        return no_process(pid, errno, fault);
    facts->process = peer.process;
    facts->name = text_of("%s", peer.name);
    if (parse_status(facts) < 0)
        return no_process(pid, errno, fault);
    read_links_and_arguments(facts);
    read_descriptors(facts);
    if (!facts->kernel_thread)
        read_preload(facts);
    if (dz_read_process(pid, &peer.process) < 0)
        return no_process(pid, errno, fault);
    if (peer.process.start != facts->process.start)
        return no_process(pid, ESRCH, fault);
    facts->process.state = peer.process.state; /* it may be a zombie by now */
    return 0;
}
