/*
 * The identity of a process, and the one answer to whether it runs.
 *
 * Invariants: a process counts as ended only if that is proven.  No signal is sent by
 * PID alone: a pidfd is opened first and the identity compared afterwards, so the
 * descriptor cannot come to mean another process.
 */
#include "job.h"

#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 5, /* between two looks if the system has no pidfd */
    SECOND = 1000000000
};

/* The inode of the initial time namespace, TIME_NS_INIT_INO of linux/nsfs.h. */
static const uint64_t INITIAL_TIME = 0xEFFFFFFA;

/* ---- where this process is ---- */

/* What gives a PID and a start time their meaning in this process. */
struct place {
    pid_t of; /* the process that has read this; 0: none */
    uint64_t space;
    char boot[DZ_BOOT_MAX];
    char machine[DZ_MACHINE_MAX];
    bool proc_is_ours;
    int64_t shift; /* clock ticks that the time namespace adds to start times */
    bool exact;    /* the time namespace adds whole clock ticks */
};

static int64_t tick(void)
{
    int64_t ticks = (int64_t)getauxval(AT_CLKTCK);

    return SECOND / (ticks > 0 ? ticks : 100); /* 100: USER_HZ */
}

/* Copies the first line of a file, or "-" if it is empty, missing or not readable.
 * Returns 0, or -1 and sets errno if this cannot be known now. */
static int read_line(const char *path, char *line, size_t size)
{
    ssize_t n = dz_read_file(path, line, size);

    if (n < 0 && errno != ENOENT && errno != EACCES && errno != ENOTDIR)
        return -1;
    if (n > 0)
        line[strcspn(line, "\n")] = '\0';
    if (n <= 0 || line[0] == '\0')
        memcpy(line, "-", 2);
    return 0;
}

/* Reads the inode of a namespace of this process; 0 if /proc hides it.  Returns 0, or
 * -1 and sets errno. */
static int read_namespace(const char *path, uint64_t *inode)
{
    char link[64]; /* "pid:[4026531836]" */
    ssize_t n = readlink(path, link, sizeof link - 1);
    const char *at;
    int64_t number = 0;

    if (n < 0 && errno != ENOENT && errno != EACCES && errno != ENOTDIR)
        return -1;
    link[n > 0 ? n : 0] = '\0';
    at = strchr(link, '[');
    if (at == NULL || (++at, dz_read_long(&at, &number)) < 0)
        number = 0;
    *inode = (uint64_t)number;
    return 0;
}

static int read_machine(char machine[DZ_MACHINE_MAX])
{
    enum { ID = 32 };
    struct utsname host;

    if (read_line("/etc/machine-id", machine, DZ_MACHINE_MAX) < 0)
        return -1;
    if (strlen(machine) == ID) /* it may be "uninitialized" */
        return 0;
    struct dz_text text = dz_text(machine, DZ_MACHINE_MAX);
    dz_add(&text, uname(&host) == 0 && host.nodename[0] != '\0' ? host.nodename : "-");
    dz_one_line(machine);
    return 0;
}

/*
 * Reads what the time namespace adds to the boot clock, time_namespaces(7).  Start
 * times in /proc are shifted by that.  The file shows the namespace of the children,
 * which differs after unshare(2).  Returns 0, or -1 and sets errno.
 */
static int read_shift(struct place *place)
{
    char text[256]; /* "monotonic 0 0\nboottime -5 250000000\n" */
    const char *at;
    uint64_t own;
    uint64_t children;
    int64_t seconds;
    int64_t nanoseconds;

    place->exact = true;
    if (read_namespace("/proc/self/ns/time", &own) < 0)
        return -1;
    if (own == INITIAL_TIME)
        return 0;
    if (dz_read_file("/proc/self/timens_offsets", text, sizeof text) < 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -1;
    if (read_namespace("/proc/self/ns/time_for_children", &children) < 0)
        return -1;
    if (own != children) {
        place->exact = false; /* nothing tells the shift */
        return 0;
    }
    at = strstr(text, "boottime");
    at = at != NULL ? at + strcspn(at, "-0123456789") : text;
    bool negative = *at == '-';
    at += negative;
    if (dz_read_long(&at, &seconds) < 0)
        return 0;
    at += strspn(at, " ");
    if (dz_read_long(&at, &nanoseconds) < 0)
        nanoseconds = 0;
    int64_t whole = SECOND / tick();
    place->shift = (negative ? -seconds : seconds) * whole + nanoseconds / tick();
    place->exact = nanoseconds % tick() == 0;
    return 0;
}

static int read_place(struct place *place)
{
    memset(place, 0, sizeof *place);
    if (read_namespace("/proc/self/ns/pid", &place->space) < 0 ||
        read_line("/proc/sys/kernel/random/boot_id", place->boot, DZ_BOOT_MAX) < 0 ||
        read_machine(place->machine) < 0 || read_shift(place) < 0)
        return -1;
    place->proc_is_ours = dz_proc_is_ours();
    place->of = place->proc_is_ours ? getpid() : 0;
    return 0;
}

/* Returns where this process is, or NULL and sets errno.  Each process reads that for
 * itself, because a child may be in other namespaces.  While /proc does not tell of
 * this process, which may be a passing failure, each call reads it anew. */
static const struct place *own_place(void)
{
    static struct place place;

    if (place.of != getpid() && read_place(&place) < 0) {
        place.of = 0;
        return NULL;
    }
    return &place;
}

/* ---- a process ---- */

/* Returns the start time of a process as the initial time namespace has it. */
static uint64_t start_of(const struct place *place, const struct dz_process *process)
{
    return process->start - (uint64_t)place->shift;
}

/* Reads a process; with zombies, one that has ended, too.  Returns 0, or -1 and sets
 * errno: ESRCH if there is none, EOPNOTSUPP if /proc cannot tell, EPERM if /proc hides
 * the process. */
static int read_one(const struct place *place, pid_t pid, bool zombies,
                    struct dz_process *process)
{
    if (pid < 1) {
        errno = ESRCH;
        return -1;
    }
    if (!place->proc_is_ours) {
        errno = EOPNOTSUPP;
        return -1;
    }
    /* With hidepid, proc(5), /proc has no entry of another user's process.  getpgid(2)
     * needs no permission, and costs less than /proc. */
    if (getpgid(pid) < 0 && errno == ESRCH)
        return -1;
    if (dz_read_process(pid, process) == 0) {
        if (zombies || !dz_has_ended(process))
            return 0;
        errno = ESRCH;
    } else if (errno == ENOENT || errno == ESRCH) {
        errno = getpgid(pid) < 0 && errno == ESRCH ? ESRCH : EPERM;
    }
    return -1;
}

static int read_living(const struct place *place, pid_t pid, struct dz_process *process)
{
    return read_one(place, pid, false, process);
}

static int identify(pid_t pid, bool zombies, struct dz_identity *identity)
{
    const struct place *place = own_place();
    struct dz_process process;

    identity->pid = pid;
    if (place == NULL || read_one(place, pid, zombies, &process) < 0)
        return -1;
    identity->start = start_of(place, &process);
    identity->space = place->space;
    memcpy(identity->boot, place->boot, sizeof identity->boot);
    memcpy(identity->machine, place->machine, sizeof identity->machine);
    return 0;
}

int dz_identify(pid_t pid, struct dz_identity *identity)
{
    return identify(pid, false, identity);
}

int dz_identify_child(pid_t pid, struct dz_identity *identity)
{
    return identify(pid, true, identity);
}

const char *dz_why_unknown(int err)
{
    if (err == EPERM)
        return "/proc hides the process";
    if (err == EOPNOTSUPP)
        return "/proc is missing or of another PID namespace";
    return "/proc cannot be read";
}

/* Answers for a process of this boot and PID namespace. */
static enum dz_state look_up(const struct place *place,
                             const struct dz_identity *identity, const char **why)
{
    struct dz_process process;

    if (read_living(place, identity->pid, &process) < 0) {
        *why = dz_why_unknown(errno);
        return errno == ESRCH ? DZ_ENDED : DZ_UNKNOWN;
    }
    uint64_t start = start_of(place, &process);
    if (start == identity->start)
        return DZ_RUNS;
    if (place->exact)
        return DZ_ENDED; /* another process has the PID */
    *why = "a time namespace shifts start times";
    return DZ_UNKNOWN;
}

static bool is_unknown(const char *text)
{
    return strcmp(text, "-") == 0;
}

/* Answers from boot and machine alone.  Returns DZ_RUNS if both are those of this
 * process. */
static enum dz_state compare_boot(const struct place *place,
                                  const struct dz_identity *identity, const char **why)
{
    if (is_unknown(place->boot) || is_unknown(identity->boot)) {
        *why = place->proc_is_ours ? "the boot is not known"
                                   : "/proc is missing or of another PID namespace";
        return DZ_UNKNOWN;
    }
    if (strcmp(place->boot, identity->boot) == 0)
        return DZ_RUNS;
    if (is_unknown(place->machine) || is_unknown(identity->machine)) {
        *why = "it was started on an unknown machine";
        return DZ_UNKNOWN;
    }
    if (strcmp(place->machine, identity->machine) == 0)
        return DZ_ENDED; /* the machine has rebooted */
    *why = "it was started on another machine";
    return DZ_UNKNOWN;
}

enum dz_state dz_identity_state(const struct dz_identity *identity, const char **why)
{
    const struct place *place = own_place();
    const char *unheard;
    enum dz_state state;

    if (why == NULL)
        why = &unheard;
    *why = "";
    if (place == NULL) {
        *why = dz_why_unknown(errno);
        return DZ_UNKNOWN;
    }
    state = compare_boot(place, identity, why);
    if (state != DZ_RUNS)
        return state;
    if (identity->space == place->space && place->space != 0)
        return look_up(place, identity, why);
    *why = "it was started in another PID namespace";
    return DZ_UNKNOWN;
}

bool dz_is_here(const struct dz_identity *identity)
{
    const struct place *place = own_place();

    return place != NULL && identity->space == place->space &&
           strcmp(identity->boot, place->boot) == 0;
}

bool dz_is_process(const struct dz_identity *identity, const struct dz_process *process)
{
    const struct place *place = own_place();

    return place != NULL && process->pid == identity->pid &&
           start_of(place, process) == identity->start;
}

bool dz_began_after(const struct dz_identity *identity, int64_t moment)
{
    const struct place *place = own_place();
    int64_t shift = place != NULL ? place->shift : 0;
    struct timespec now;
    struct timespec up;

    clock_gettime(CLOCK_REALTIME, &now); /* neither can fail: the clocks are valid */
    clock_gettime(CLOCK_BOOTTIME, &up);
    int64_t booted =
        ((int64_t)now.tv_sec - up.tv_sec) * SECOND + now.tv_nsec - up.tv_nsec;
    int64_t began = booted + ((int64_t)identity->start + shift) * tick();
    return began > moment + 2 * tick();
}

/* ---- waiting for it and signalling it ---- */

/* Answers for a process that was identified in this boot and PID namespace. */
static enum dz_state state_here(const struct dz_identity *identity)
{
    const struct place *place = own_place();
    const char *unheard;

    return place != NULL ? look_up(place, identity, &unheard) : DZ_UNKNOWN;
}

int dz_open_process(const struct dz_identity *identity)
{
    int fd = (int)syscall(DZ_SYS_PIDFD_OPEN, identity->pid, 0);
    int err = errno;
    enum dz_state state = state_here(identity);

    if (fd >= 0 && state == DZ_RUNS)
        return fd;
    dz_close_fd(&fd);
    errno = state == DZ_ENDED ? ESRCH : state == DZ_UNKNOWN ? EPERM : err;
    return -1;
}

int dz_signal_process(const struct dz_identity *identity, int signal)
{
    int fd = dz_open_process(identity);
    int result = -1;

    if (fd < 0 && errno == ESRCH)
        return -1;
    if (fd >= 0) {
        result = (int)syscall(DZ_SYS_PIDFD_SEND_SIGNAL, fd, signal, NULL, 0);
        dz_close(fd);
    }
    if (result == 0 || (errno != ENOSYS && errno != EPERM))
        return result;
    /* The kernel is older than 5.3, or a filter refuses the calls: the comparison
     * right before kill(2) is the best that there is. */
    enum dz_state state = state_here(identity);
    if (state == DZ_RUNS)
        return kill(identity->pid, signal);
    errno = state == DZ_ENDED ? ESRCH : EPERM;
    return -1;
}

bool dz_await_end(const struct dz_identity *identity, int64_t until)
{
    int fd = dz_open_process(identity);
    bool ended = fd < 0 && errno == ESRCH;

    while (!ended) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        int64_t left = until - dz_milliseconds();
        if (left <= 0)
            break;
        if (fd < 0 && left > LOOK_MS)
            left = LOOK_MS;
        if (left > INT_MAX)
            left = INT_MAX;
        int ready = poll(&wanted, fd < 0 ? 0 : 1, (int)left); /* EINTR: look again */
        ended = fd < 0 ? state_here(identity) == DZ_ENDED
                       : ready > 0 && (wanted.revents & POLLIN) != 0;
    }
    dz_close_fd(&fd);
    return ended || state_here(identity) == DZ_ENDED;
}
