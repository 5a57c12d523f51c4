/*
 * The descriptors of the target that are to be replaced: those on its terminal, under
 * any number, and with --pipes the pipes and sockets that its caller reads.
 *
 * A descriptor on another terminal, a serial line for one, is the program's own.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { TERMINALS = 4 /* the controlling one, and those of 0, 1 and 2 */ };

struct search {
    const struct subject *subject;
    const struct dz_plan *plan;
    struct holdings *found;
    struct holdings before; /* what was found when it was looked for before */
    dev_t terminals[TERMINALS];
    int terminal_count;
    ino_t pipes[3]; /* of 1 and 2, if they are replaced */
    dev_t pipe_devices[3];
    bool logs; /* 1 or 2 goes to the log */
    int err;   /* why it has failed, or 0 */
};

/* Returns whether that is a device of a terminal: devices.txt of the kernel. */
static bool is_terminal(const struct stat *about)
{
    unsigned number = major(about->st_rdev);

    return S_ISCHR(about->st_mode) &&
           ((number >= 136 && number <= 143) || number == 4 || number == 204 ||
            (number == 5 && minor(about->st_rdev) < 2) ||
            (number >= 188 && number <= 189) || number == 229);
}

static bool is_our_terminal(const struct search *search, const struct stat *about)
{
    if (!S_ISCHR(about->st_mode))
        return false;
    for (int i = 0; i < search->terminal_count; i++)
        if (search->terminals[i] == about->st_rdev)
            return true;
    return false;
}

static void add_terminal(struct search *search, dev_t device)
{
    search->terminals[search->terminal_count++] = device;
}

static enum dz_fd_kind kind_of(const struct search *search, int number,
                               const struct stat *about)
{
    bool caller_reads = search->plan->pipes;

    if (is_our_terminal(search, about) || (number < 3 && is_terminal(about)))
        return DZ_TERMINAL;
    if (S_ISFIFO(about->st_mode))
        return caller_reads ? DZ_PIPE : DZ_OTHER;
    if (S_ISSOCK(about->st_mode))
        return caller_reads ? DZ_SOCKET : DZ_OTHER;
    return DZ_OTHER;
}

/* Returns the flags of a descriptor, as of open(2), or -1 if it is gone.  They are read
 * once: the program is stopped when it is looked at again, and a file takes time. */
static int read_flags(const struct search *search, int number, const struct stat *about)
{
    char path[64];
    char text[512];
    const char *at;

    for (size_t i = 0; i < search->before.count; i++) {
        const struct holding *known = &search->before.list[i];
        if (known->number == number && known->device == about->st_dev &&
            known->inode == about->st_ino)
            return known->flags;
    }
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d",
             (int)search->subject->process.thread, number);
    if (dz_read_file(path, text, sizeof text) <= 0 ||
        (at = strstr(text, "flags:")) == NULL)
        return -1;
    return (int)strtol(at + sizeof "flags:" - 1, NULL, 8);
}

static void add_holding(struct search *search, int number, enum holding_use use,
                        int flags, enum dz_fd_kind kind, const struct stat *about)
{
    static const char *const names[] = {"closed", "terminal",       "pipe",
                                        "socket", "file or device", ""};
    struct holdings *found = search->found;
    struct holding *list =
        realloc(found->list, (found->count + 1) * sizeof *found->list);

    if (list == NULL) {
        search->err = ENOMEM;
        return;
    }
    list[found->count++] = (struct holding){.number = number,
                                            .use = use,
                                            .closes = (flags & O_CLOEXEC) != 0,
                                            .flags = flags,
                                            .device = about->st_dev,
                                            .inode = about->st_ino,
                                            .was = names[kind]};
    found->list = list;
}

/* Notes a failure by errno, unless that says that the descriptor is closed. */
static void note_failure(struct search *search)
{
    if (errno != ENOENT && errno != ESRCH)
        search->err = errno;
}

/* Returns whether the descriptor is open.  If that is not known, the search fails. */
static bool stat_fd(struct search *search, int number, struct stat *about)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)search->subject->process.thread,
             number);
    if (stat(path, about) == 0)
        return true;
    note_failure(search);
    return false;
}

/* Decides about stream 0, 1 or 2. */
static void find_stream(struct search *search, int number)
{
    const struct dz_plan *plan = search->plan;
    struct stat about = {0};
    bool open = stat_fd(search, number, &about);
    enum dz_fd_kind kind = open ? kind_of(search, number, &about) : DZ_CLOSED;
    enum dz_redirect redirect = dz_redirect_of(plan, DZ_LEAVE, kind, number);
    enum holding_use use = number == 0 ? USE_INPUT : USE_OUTPUT;
    int flags;

    /* A file or a pipe of a pipeline is the program's own, whatever the options are. */
    if (redirect == DZ_KEEP || kind == DZ_OTHER || kind == DZ_CLOSED)
        return;
    if (redirect == DZ_NULL)
        use = USE_NULL;
    else if (number == 2 && plan->error.kind == DZ_OUTPUT_FILE)
        use = USE_ERROR;
    flags = read_flags(search, number, &about);
    if (flags < 0) {
        search->err = errno; /* it was open just now */
        return;
    }
    add_holding(search, number, use, flags, kind, &about);
    search->logs |= use == USE_OUTPUT;
    if ((number == 1 || number == 2) && kind == DZ_PIPE) {
        search->pipes[number] = about.st_ino;
        search->pipe_devices[number] = about.st_dev;
    }
}

static bool is_callers_pipe(const struct search *search, const struct stat *about)
{
    for (int i = 1; i < 3; i++)
        if (search->pipes[i] != 0 && search->pipes[i] == about->st_ino &&
            search->pipe_devices[i] == about->st_dev)
            return true;
    return false;
}

/* Decides about a descriptor from 3. */
static int find_other(int number, int fd, void *data)
{
    struct search *search = data;
    struct stat about;
    char name[16];
    bool terminal;
    int flags;

    snprintf(name, sizeof name, "%d", number);
    if (number < 3)
        return 0;
    if (fstatat(fd, name, &about, 0) < 0) {
        note_failure(search);
        return 0;
    }
    terminal = is_our_terminal(search, &about);
    if (!terminal && !(S_ISFIFO(about.st_mode) && is_callers_pipe(search, &about)))
        return 0;
    flags = read_flags(search, number, &about);
    if (flags < 0) {
        note_failure(search);
        return 0;
    }
    add_holding(search, number,
                !search->logs || (flags & O_ACCMODE) == O_RDONLY ? USE_NULL
                : (flags & O_ACCMODE) == O_WRONLY                ? USE_OUTPUT
                                                                 : USE_BOTH,
                flags, terminal ? DZ_TERMINAL : DZ_PIPE, &about);
    return 0;
}

/* Lists the target's terminals: the controlling one, /dev/tty, those of 0 to 2. */
static void find_terminals(struct search *search)
{
    unsigned tty = (unsigned)search->subject->process.tty;
    struct stat about;

    if (tty != 0)
        add_terminal(search,
                     makedev(tty >> 8 & 0xfff, (tty & 0xff) | (tty >> 12 & 0xfff00)));
    else
        for (int i = 0; i < 3; i++)
            if (stat_fd(search, i, &about) && is_terminal(&about))
                add_terminal(search, about.st_rdev);
    if (tty != 0)
        add_terminal(search, makedev(5, 0));
}

int find_holdings(const struct subject *subject, const struct dz_plan *plan,
                  struct holdings *found, struct dz_fault *fault)
{
    struct search search = {
        .subject = subject, .plan = plan, .found = found, .before = *found};
    char path[64];
    int result;

    *found = (struct holdings){0};
    find_terminals(&search);
    for (int i = 0; i < 3; i++)
        find_stream(&search, i);
    snprintf(path, sizeof path, "/proc/%d/fd", (int)subject->process.thread);
    result = dz_each_number(path, find_other, &search) < 0 ? errno : search.err;
    free(search.before.list);
    if (result == 0)
        return 0;
    if (result == EACCES || result == EPERM)
        return refuse_trace(subject, EPERM, fault);
    return dz_fault(fault, "adopt", path, result, NULL);
}

bool has_use(const struct holdings *found, enum holding_use use)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->list[i].use == use)
            return true;
    return false;
}
