/*
 * Descriptors 0, 1 and 2: what they are, and what they become.
 *
 * Invariants: after dz_guard_streams descriptors 0, 1 and 2 are open.  Every descriptor
 * that we open afterwards is 3 or more, so no dup2(2) onto a standard stream can hit
 * one of ours.  All of ours are close-on-exec until they become a stream.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIRST = 3 };

/* Returns whether fd is a terminal, else sets errno.  isatty(3) of musl sets ENOTTY for
 * every error, but a terminal after a hangup shows as EIO. */
static bool is_terminal(int fd)
{
    uint32_t state[32]; /* struct termios as the kernel has it, of 36 bytes to 44 */

    return ioctl(fd, TCGETS, state) == 0;
}

/* Returns the kind of fd by its link in proc_pid_fd(5).  For Linux before 4.11, and for
 * filters that refuse statx(2). */
static enum dz_fd_kind kind_without_statx(int fd)
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

enum dz_fd_kind dz_kind_of_fd(int fd)
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
        /* EIO: a terminal after a hangup.  If a filter refuses the question, the device
         * may be a terminal, and a daemon must have none. */
        return is_terminal(fd) || (errno != ENOTTY && errno != EINVAL) ? DZ_TERMINAL
                                                                       : DZ_OTHER;
    default:
        return DZ_OTHER;
    }
}

/*
 * Returns whether stdin, which about describes, is also our parent's: the list of a
 * loop, or a script that a shell reads from a pipe.  A program that reads it would take
 * that input from the parent.  Returns false if the parent's stdin cannot be seen.
 */
static bool is_callers(const struct dz_stat *about)
{
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);
    struct dz_stat parents;

    dz_add(&text, "/proc/");
    dz_add_number(&text, getppid());
    dz_add(&text, "/fd/0");
    return dz_stat(AT_FDCWD, path, true, &parents) == 0 &&
           dz_same_file(about, &parents);
}

enum dz_fd_kind dz_kind_of_stream(enum dz_mode mode, int number)
{
    enum dz_fd_kind kind = dz_kind_of_fd(number);
    struct dz_stat about;

    if (mode != DZ_LEAVE || number != 0 || (kind != DZ_PIPE && kind != DZ_OTHER) ||
        dz_stat(number, "", true, &about) < 0 ||
        (!S_ISREG(about.mode) && !S_ISFIFO(about.mode)))
        return kind;
    return is_callers(&about) ? DZ_CALLERS : kind;
}

int dz_guard_streams(struct dz_start *start, struct dz_fault *fault)
{
    for (int i = 0; i < 3; i++) {
        start->stream[i] = dz_kind_of_fd(i);
        start->new_fd[i] = -1;
        /* The lowest free number is i: those below are open by now. */
        if (start->stream[i] == DZ_CLOSED && open("/dev/null", O_RDWR) != i)
            return dz_fault(fault, "streams", "/dev/null", errno, NULL);
    }
    return 0;
}

/* Returns what the table of dznohup(1) says. */
static enum dz_redirect table_redirect(enum dz_mode mode, enum dz_fd_kind kind,
                                       int number)
{
    /* The terminal of PID 1 is the container's console. */
    if (mode == DZ_STAY && kind != DZ_CLOSED && getpid() == 1)
        return DZ_KEEP;
    switch (kind) {
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
    case DZ_CALLERS:
        return mode == DZ_LEAVE ? DZ_NULL : DZ_KEEP;
    case DZ_OTHER:
        break;
    }
    return DZ_KEEP;
}

const struct dz_output *dz_option_of_stream(const struct dz_plan *plan, int number)
{
    if (number == 0)
        return &plan->input;
    if (number == 1 ||
        (plan->error.kind == DZ_OUTPUT_UNSET && plan->output.kind != DZ_OUTPUT_UNSET &&
         plan->output.kind != DZ_OUTPUT_KEEP))
        return &plan->output;
    return &plan->error;
}

enum dz_redirect dz_redirect_of(const struct dz_plan *plan, enum dz_mode mode,
                                enum dz_fd_kind kind, int number)
{
    switch (dz_option_of_stream(plan, number)->kind) {
    case DZ_OUTPUT_KEEP:
        return DZ_KEEP;
    case DZ_OUTPUT_FILE:
        return DZ_FILE;
    case DZ_OUTPUT_SYSLOG:
    case DZ_OUTPUT_JOURNAL:
    case DZ_OUTPUT_COMMAND:
        return DZ_PUMP;
    case DZ_OUTPUT_UNSET:
        break;
    }
    return plan->keep_session ? DZ_KEEP : table_redirect(mode, kind, number);
}

/* Returns what becomes of stream number. */
static enum dz_redirect redirect_of(const struct dz_start *start, int number)
{
    return dz_redirect_of(start->plan, start->mode, start->stream[number], number);
}

bool dz_has_log(const struct dz_start *start, int number)
{
    enum dz_redirect redirect =
        dz_redirect_of(start->plan, start->mode, start->stream[number], number);

    return redirect != DZ_KEEP && redirect != DZ_NULL;
}

const char *dz_stream_log(const struct dz_start *start, int number)
{
    /* In a program that the library is preloaded into, the paths alone are known. */
    bool own =
        start->plan->error.kind == DZ_OUTPUT_FILE || start->error_log.path[0] != '\0';
    const struct dz_log *log = number == 2 && own ? &start->error_log : &start->log;

    return start->new_fd[number] >= 0 && log->path[0] != '\0' ? log->path : NULL;
}

int dz_check_reopen(struct dz_start *start, struct dz_fault *fault)
{
    if (!start->plan->reopen || dz_stream_log(start, 1) != NULL ||
        dz_stream_log(start, 2) != NULL)
        return 0;
    return dz_fault(fault, "reopen", NULL, 0,
                    "needs a log that dznohup opens: use -o FILE");
}

/*
 * Returns a copy of the descriptor that path names, or -1 and sets errno.  To open the
 * path instead fails for a socket, and for a file it loses the position that the caller
 * shares.
 */
static int copy_named(const struct dz_start *start, int number)
{
    if (number < FIRST && start->stream[number] == DZ_CLOSED) {
        errno = EBADF;
        return -1;
    }
    return fcntl(number, F_DUPFD_CLOEXEC, FIRST);
}

/* Opens the file of an option for a stream of output. */
static int open_output_file(const struct dz_start *start,
                            const struct dz_output *output, const char *step,
                            struct dz_log *log, struct dz_fault *fault)
{
    int number = dz_named_fd(output->text);
    int fd;

    if (number < 0)
        return dz_open_log(output->text, step, log, fault);
    fd = copy_named(start, number);
    return fd < 0 ? dz_fault(fault, step, output->text, errno, NULL) : fd;
}

static int open_input(struct dz_start *start, struct dz_fault *fault)
{
    enum dz_redirect redirect = redirect_of(start, 0);
    const char *path = redirect == DZ_FILE ? start->plan->input.text : "/dev/null";
    const int flags = O_NOCTTY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC;
    int number = redirect == DZ_FILE ? dz_named_fd(path) : -1;
    int fd;

    if (redirect == DZ_KEEP || (redirect == DZ_NULL && start->stream[0] == DZ_CLOSED))
        return 0; /* a closed stdin is /dev/null already */
    if (number >= 0) {
        start->new_fd[0] = copy_named(start, number);
        return start->new_fd[0] < 0 ? dz_fault(fault, "input", path, errno, NULL) : 0;
    }
    /* O_NONBLOCK for the open(2) alone: a FIFO would make us wait for its writer. */
    fd = open(path, O_RDONLY | flags);
    if (fd >= 0 && dz_kind_of_fd(fd) == DZ_PIPE) {
        /* The target holds the write end too, fifo(7).  So it sees no end-of-file
         * before the first writer, nor between two writers. */
        dz_close(fd);
        fd = open(path, O_RDWR | flags);
    }
    if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0)
        return dz_fault(fault, "input", path, errno, NULL);
    start->new_fd[0] = fd;
    return 0;
}

/* Returns whether we open a file for the stream. */
static bool is_opened(enum dz_redirect redirect)
{
    return redirect == DZ_LOG || redirect == DZ_FILE;
}

/* Opens the file for stdout.  If -e names none, stderr goes there too. */
static int open_output(struct dz_start *start, struct dz_fault *fault)
{
    const struct dz_plan *plan = start->plan;
    enum dz_redirect out = redirect_of(start, 1);
    enum dz_redirect err = redirect_of(start, 2);
    bool joins = plan->error.kind == DZ_OUTPUT_UNSET && is_opened(err);
    int fd;

    if (!is_opened(out) && !joins)
        return 0;
    if (plan->output.kind == DZ_OUTPUT_FILE)
        fd = open_output_file(start, &plan->output, "output", &start->log, fault);
    else
        fd = dz_open_default_log(start->plan->name, start->envp, &start->log, fault);
    if (fd < 0)
        return -1;
    if (is_opened(out))
        start->new_fd[1] = fd;
    if (joins)
        start->new_fd[2] = fd;
    return 0;
}

static int open_error(struct dz_start *start, struct dz_fault *fault)
{
    const struct dz_output *error = &start->plan->error;

    if (error->kind != DZ_OUTPUT_FILE)
        return 0;
    start->new_fd[2] =
        open_output_file(start, error, "error", &start->error_log, fault);
    return start->new_fd[2] < 0 ? -1 : 0;
}

int dz_open_streams(struct dz_start *start, struct dz_fault *fault)
{
    /* Only now is it certain whether we leave. */
    start->stream[0] =
        start->stream[0] == DZ_CLOSED ? DZ_CLOSED : dz_kind_of_stream(start->mode, 0);
    if (open_input(start, fault) < 0 || open_output(start, fault) < 0 ||
        open_error(start, fault) < 0)
        return -1;
    for (int i = 0; i < 3; i++)
        if (start->new_fd[i] >= 0 && start->stream[i] == DZ_TERMINAL &&
            !is_terminal(start->new_fd[i]))
            start->had_terminal = true;
    return 0;
}

int dz_keep_stderr(struct dz_start *start, struct dz_fault *fault)
{
    int copy;

    if (start->new_fd[2] < 0)
        return 0;
    if (start->mode == DZ_LEAVE && start->trace == NULL)
        return 0; /* the caller writes the messages, and its stderr stays as it is */
    copy = fcntl(2, F_DUPFD_CLOEXEC, FIRST);
    if (copy < 0)
        return dz_fault(fault, "streams", "stderr", errno, NULL);
    start->stderr_fd = copy;
    return 0;
}

int dz_replace_streams(struct dz_start *start, struct dz_fault *fault)
{
    for (int i = 0; i < 3; i++)
        if (start->new_fd[i] >= 0 && dz_dup2(start->new_fd[i], i) < 0)
            return dz_fault_number(fault, "streams", i, errno, NULL);
    /* stdout and stderr may share one. */
    for (int i = 0; i < 3; i++)
        if (start->new_fd[i] >= 0 &&
            (i == 0 || start->new_fd[i] != start->new_fd[i - 1]))
            dz_close(start->new_fd[i]);
    /* Closes what dz_guard_streams has opened for the time of the start. */
    for (int i = 0; start->plan->keep_session && i < 3; i++)
        if (start->stream[i] == DZ_CLOSED && start->new_fd[i] < 0)
            dz_close(i);
    return 0;
}
