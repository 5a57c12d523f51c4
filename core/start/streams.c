/*
 * Descriptors: what 0, 1 and 2 are, what they become, and the closing of the
 * rest.
 *
 * Invariants: after dz_guard_streams 0, 1 and 2 are open, so every descriptor
 * that we open afterwards is 3 or more and no dup2 onto a standard stream can
 * hit one of them.  All of ours are close-on-exec until they become a stream.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIRST = 3, LISTEN_FIRST = 3 /* SD_LISTEN_FDS_START, sd_listen_fds(3) */ };

/* isatty(3), by the kernel's word: musl's has ENOTTY for every error, and a terminal
 * that has been hung up is told by EIO. */
static bool is_terminal(int fd)
{
    uint32_t state[32]; /* struct termios as the kernel has it, of 36 bytes to 44 */

    return ioctl(fd, TCGETS, state) == 0;
}

/* Linux before 4.11, or a filter: what the kernel calls it, proc_pid_fd(5). */
static enum dz_stream kind_without_statx(int fd)
{
    char path[32];
    char name[8] = "";
    struct dz_text text = dz_text(path, sizeof path);

    if (fcntl(fd, F_GETFD) < 0)
        return DZ_CLOSED;
    if (is_terminal(fd) || errno == EIO)
        return DZ_TERMINAL;
    dz_add(&text, "/proc/self/fd/");
    dz_add_number(&text, fd);
    if (readlink(path, name, sizeof name - 1) > 0 && strncmp(name, "pipe:[", 6) == 0)
        return DZ_PIPE;
    return strncmp(name, "socket:", 7) == 0 ? DZ_SOCKET : DZ_OTHER;
}

enum dz_stream dz_stream_kind(int fd)
{
    struct dz_stat about;

    if (dz_stat(fd, "", true, &about) < 0)
        return errno == EBADF ? DZ_CLOSED : kind_without_statx(fd);
    switch (about.mode & S_IFMT) {
    case S_IFIFO:
        return DZ_PIPE;
    case S_IFSOCK:
        return DZ_SOCKET;
    case S_IFCHR:
        /* EIO: a terminal that has been hung up.  What cannot be asked, a filter's
         * EPERM for one, may be a terminal, and a daemon is to have none. */
        return is_terminal(fd) || (errno != ENOTTY && errno != EINVAL) ? DZ_TERMINAL
                                                                       : DZ_OTHER;
    default:
        return DZ_OTHER;
    }
}

int dz_guard_streams(struct dz_plan *plan, struct dz_fault *fault)
{
    for (int i = 0; i < 3; i++) {
        plan->stream[i] = dz_stream_kind(i);
        plan->to[i] = -1;
        /* The lowest free number is i: those below are open by now. */
        if (plan->stream[i] == DZ_CLOSED && open("/dev/null", O_RDWR) != i)
            return dz_fault(fault, "streams", "/dev/null", errno, NULL);
    }
    return 0;
}

enum dz_fate dz_stream_fate(enum dz_mode mode, enum dz_stream stream, int number)
{
    switch (stream) {
    case DZ_TERMINAL:
        return number == 0 ? DZ_NULL : DZ_LOG;
    case DZ_PIPE:
        return mode == DZ_LEAVE && number > 0 ? DZ_LOG : DZ_KEEP;
    case DZ_SOCKET:
        if (mode == DZ_STAY)
            return DZ_KEEP;
        return number == 0 ? DZ_NULL : DZ_LOG;
    case DZ_CLOSED:
        return DZ_NULL;
    default:
        return DZ_KEEP;
    }
}

bool dz_names_file(const char *option)
{
    return option != NULL && strcmp(option, "-") != 0;
}

const char *dz_stream_option(const struct dz_plan *plan, int number)
{
    if (number == 0)
        return plan->input;
    if (number == 1)
        return plan->output;
    if (plan->error == NULL && dz_names_file(plan->output))
        return plan->output;
    return plan->error;
}

/* Whether the stream is to go to a log, by its option or else by the table. */
static bool wants_log(const struct dz_plan *plan, int number)
{
    const char *option = dz_stream_option(plan, number);

    if (option != NULL)
        return dz_names_file(option);
    return dz_stream_fate(plan->mode, plan->stream[number], number) == DZ_LOG;
}

const char *dz_stream_log(const struct dz_plan *plan, int number)
{
    if (plan->to[number] < 0)
        return NULL;
    return number == 2 && plan->error_log.path[0] != '\0' ? plan->error_log.path
                                                          : plan->log.path;
}

int dz_check_reopen(struct dz_plan *plan, struct dz_fault *fault)
{
    if (!plan->reopen || dz_stream_log(plan, 1) != NULL ||
        dz_stream_log(plan, 2) != NULL)
        return 0;
    return dz_fault(fault, "reopen", NULL, 0,
                    "there is no log that we open: give one by -o");
}

static int open_input(struct dz_plan *plan, struct dz_fault *fault)
{
    const char *path = plan->input != NULL ? plan->input : "/dev/null";
    const int flags = O_NOCTTY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC;
    int fd;

    if (plan->input != NULL && !dz_names_file(plan->input))
        return 0;
    if (plan->input == NULL &&
        (plan->stream[0] == DZ_CLOSED || /* guarded */
         dz_stream_fate(plan->mode, plan->stream[0], 0) == DZ_KEEP))
        return 0;
    /* Non-blocking for the opening alone: a FIFO would make us wait for its
     * writer. */
    fd = open(path, O_RDONLY | flags);
    if (fd >= 0 && dz_stream_kind(fd) == DZ_PIPE) {
        /* Nor does the target see end-of-file before the first writer, or
         * between two: it holds the other end itself, fifo(7). */
        close(fd); /* read only: nothing can be lost */
        fd = open(path, O_RDWR | flags);
    }
    if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0)
        return dz_fault(fault, "input", path, errno, NULL);
    plan->to[0] = fd;
    return 0;
}

/* Open what takes stdout; stderr goes there too unless it has its own. */
static int open_output(struct dz_plan *plan, struct dz_fault *fault)
{
    bool out = wants_log(plan, 1);
    bool err = plan->error == NULL && wants_log(plan, 2);
    int fd;

    if (!out && !err)
        return 0;
    if (dz_names_file(plan->output))
        fd = dz_open_log(plan->output, "output", &plan->log, fault);
    else
        fd = dz_open_default_log(plan->envp, &plan->log, fault);
    if (fd < 0)
        return -1;
    if (out)
        plan->to[1] = fd;
    if (err)
        plan->to[2] = fd;
    return 0;
}

static int open_error(struct dz_plan *plan, struct dz_fault *fault)
{
    if (!dz_names_file(plan->error))
        return 0;
    plan->to[2] = dz_open_log(plan->error, "error", &plan->error_log, fault);
    return plan->to[2] < 0 ? -1 : 0;
}

int dz_open_streams(struct dz_plan *plan, struct dz_fault *fault)
{
    if (open_input(plan, fault) < 0 || open_output(plan, fault) < 0 ||
        open_error(plan, fault) < 0)
        return -1;
    for (int i = 0; i < 3; i++)
        if (plan->to[i] >= 0 && plan->stream[i] == DZ_TERMINAL)
            plan->attached = true;
    return 0;
}

/* The smallest number >= from in a list like "5,7,9", or -1. */
static int next_listed(const char *list, int from)
{
    int best = -1;

    while (list != NULL && *list != '\0') {
        int fd = dz_read_number(&list);
        if (fd >= from && (best < 0 || fd < best))
            best = fd;
        if (*list != '\0')
            list++; /* the comma; plan.c has checked the list */
    }
    return best;
}

/* The number that word names as /dev/fd/N or /proc/self/fd/N, or -1. */
static int named_fd(const char *word)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        size_t length = strlen(folders[i]);
        if (strncmp(word, folders[i], length) == 0) {
            const char *at = word + length;
            return dz_read_number(&at);
        }
    }
    return -1;
}

/* As next_listed, over the words of argv; --file=/dev/fd/N counts as well. */
static int next_named(char **argv, int from)
{
    int best = -1;

    for (; argv != NULL && *argv != NULL; argv++) {
        const char *equals = strchr(*argv, '=');
        int fd = named_fd(*argv);
        if (fd < 0 && equals != NULL)
            fd = named_fd(equals + 1);
        if (fd >= from && (best < 0 || fd < best))
            best = fd;
    }
    return best;
}

static int smaller(int a, int b)
{
    if (a < 0)
        return b;
    return b < 0 || a < b ? a : b;
}

/* The descriptor of --wait=fd:N, or -1. */
static int ready_number(const struct dz_plan *plan)
{
    const struct dz_condition *condition = dz_condition(&plan->wait, DZ_WAIT_FD);

    return condition != NULL ? condition->number : -1;
}

int dz_next_kept(const struct dz_plan *plan, int from)
{
    int best = smaller(next_listed(plan->keep_fd, from), next_named(plan->argv, from));
    int ready = ready_number(plan);

    if (ready >= from)
        best = smaller(best, ready);
    if (plan->listen_fds > 0 && from < LISTEN_FIRST + plan->listen_fds)
        best = smaller(best, from < LISTEN_FIRST ? LISTEN_FIRST : from);
    return best;
}

/* LISTEN_FDS and LISTEN_PID as sd_listen_fds(3) reads them. */
static void find_listen_fds(struct dz_plan *plan)
{
    const char *pid = dz_env(plan->envp, "LISTEN_PID");
    const char *count = dz_env(plan->envp, "LISTEN_FDS");
    int fds;

    if (pid == NULL || count == NULL || dz_read_number(&pid) != getpid() ||
        *pid != '\0')
        return;
    fds = dz_read_number(&count);
    if (fds <= 0 || *count != '\0' || fds > INT_MAX - LISTEN_FIRST)
        return;
    if (fcntl(LISTEN_FIRST + fds - 1, F_GETFD) < 0)
        return; /* a number that nobody has passed */
    plan->listen_fds = fds;
    for (char **at = plan->envp; *at != NULL; at++)
        if (strncmp(*at, "LISTEN_PID=", 11) == 0) {
            plan->listen_pid = at;
            return;
        }
}

/* Hold the place of --wait=fd:N, if it is free, by /dev/null. */
static int hold_ready(const struct dz_plan *plan, struct dz_fault *fault)
{
    int number = ready_number(plan);
    int fd;

    if (number < 0 || fcntl(number, F_GETFD) >= 0)
        return 0;
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fd != number && dup2(fd, number) < 0) {
        int err = errno;
        close(fd); /* /dev/null: nothing can be lost */
        return dz_fault_number(fault, "wait", number, err, NULL);
    }
    if (fd >= 0 && fd != number)
        close(fd);
    return fd < 0 ? dz_fault(fault, "wait", "/dev/null", errno, NULL) : 0;
}

int dz_check_kept(struct dz_plan *plan, struct dz_fault *fault)
{
    if (hold_ready(plan, fault) < 0)
        return -1;
    find_listen_fds(plan);
    for (int fd = FIRST; (fd = next_listed(plan->keep_fd, fd)) >= 0; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            return dz_fault_number(fault, "keep-fd", fd, errno, NULL);
    return 0;
}

int dz_keep_stderr(struct dz_plan *plan, struct dz_fault *fault)
{
    int copy;

    if (plan->to[2] < 0)
        return 0;
    if (plan->mode == DZ_LEAVE && plan->trace == NULL)
        return 0; /* the caller speaks, and its stderr is not touched */
    copy = fcntl(2, F_DUPFD_CLOEXEC, FIRST);
    if (copy < 0) /* stderr itself is still there to say so */
        return dz_fault(fault, "streams", "stderr", errno, NULL);
    plan->tell_fd = copy;
    return 0;
}

int dz_replace_streams(struct dz_plan *plan, struct dz_fault *fault)
{
    for (int i = 0; i < 3; i++) {
        int result;
        if (plan->to[i] < 0)
            continue;
        /* EINTR and EBUSY (a race with open in another thread): dup2(2). */
        while ((result = dup2(plan->to[i], i)) < 0 &&
               (errno == EINTR || errno == EBUSY))
            ;
        if (result < 0)
            return dz_fault_number(fault, "streams", i, errno, NULL);
    }
    /* Copied; stdout and stderr may share one.  No data was written: close(2)
     * has nothing to lose. */
    for (int i = 0; i < 3; i++)
        if (plan->to[i] >= 0 && (i == 0 || plan->to[i] != plan->to[i - 1]))
            close(plan->to[i]);
    return 0;
}

struct range {
    int from;
    int to;
};

static int close_one(int fd, int folder, void *data)
{
    const struct range *range = data;

    /* An error of close(2) is about data written earlier by somebody else, and
     * the descriptor is gone all the same. */
    if (fd >= range->from && fd <= range->to && fd != folder)
        close(fd);
    return 0;
}

/* Close from..to, both included. */
static int close_between(int from, int to)
{
    struct range range = {.from = from, .to = to};

    if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
        return 0;
    /* No such call (Linux before 5.9, or a filter): look what is open. */
    return dz_each_number("/proc/self/fd", close_one, &range);
}

int dz_close_rest(struct dz_plan *plan, struct dz_fault *fault)
{
    int from = FIRST;

    while (from >= 0) {
        int kept = dz_next_kept(plan, from);
        if (plan->tell_fd >= from)
            kept = smaller(kept, plan->tell_fd);
        if (plan->report_fd >= from)
            kept = smaller(kept, plan->report_fd);
        if (close_between(from, kept < 0 ? INT_MAX : kept - 1) < 0)
            return dz_fault(fault, "close", "/proc/self/fd", errno, NULL);
        from = kept < 0 || kept == INT_MAX ? -1 : kept + 1;
    }
    return 0;
}
