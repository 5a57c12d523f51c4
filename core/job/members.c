/*
 * The processes of a job: those in its session and those below its process.
 *
 * They are found by a walk over /proc.  A process that is older than the root cannot be
 * below it, so the parents of older processes are not read.
 */
#include "job.h"

#include <errno.h>

enum { DEEPEST = 10000 /* PIDs that change during a walk might form a ring */ };

struct walk {
    dz_visit_process visit;
    void *data;
};

/* Returns whether the process is below the root. */
static bool is_below(const struct dz_members *members, const struct dz_process *process)
{
    struct dz_process at = *process;

    if (members->root == 0)
        return false;
    if (process->pid == members->root)
        return members->with_root;
    for (int i = 0; i < DEEPEST && at.start >= members->oldest; i++) {
        if (at.ppid == members->root)
            return true;
        if (at.ppid <= 1 || dz_read_process(at.ppid, &at) < 0)
            return false;
    }
    return false;
}

static bool is_listed(const struct dz_members *members,
                      const struct dz_process *process)
{
    for (size_t i = 0; i < members->spared_count; i++)
        if (dz_is_process(&members->spared[i], process))
            return true;
    return members->probe != NULL && members->probe->pid > 0 &&
           dz_is_process(members->probe, process);
}

bool dz_members_spare(const struct dz_members *members, pid_t pid)
{
    for (size_t i = 0; i < members->spared_count; i++)
        if (members->spared[i].pid == pid)
            return true;
    return members->probe != NULL && members->probe->pid == pid;
}

/* Returns whether the process or one of its parents is spared. */
static bool is_spared(const struct dz_members *members,
                      const struct dz_process *process)
{
    struct dz_process at = *process;

    bool some = members->spared_count > 0 || members->probe != NULL;

    for (int i = 0; some && i < DEEPEST; i++) {
        if (is_listed(members, &at))
            return true;
        if (at.ppid <= 1 || dz_read_process(at.ppid, &at) < 0)
            return false;
    }
    return false;
}

static bool is_member(const struct dz_members *members,
                      const struct dz_process *process)
{
    if (process->pid == members->except)
        return false;
    return ((members->session > 0 && process->session == members->session) ||
            is_below(members, process)) &&
           !is_spared(members, process);
}

/*
 * If a process with the session's number is alive, returns the members without the
 * session.  That process is either the leader, which the caller treats by itself, or
 * another process that got the number.
 */
static struct dz_members without_led_session(const struct dz_members *members)
{
    struct dz_members checked = *members;

    if (checked.session > 0 && dz_is_running(checked.session))
        checked.session = 0;
    return checked;
}

static int visit_process(int number, int fd, void *data)
{
    const struct walk *walk = data;
    struct dz_process process;

    (void)fd;
    if (dz_read_process(number, &process) < 0 || dz_has_ended(&process))
        return 0; /* a hidden process is not ours to signal either */
    return walk->visit(&process, walk->data);
}

int dz_processes_each(dz_visit_process visit, void *data)
{
    struct walk walk = {.visit = visit, .data = data};

    return dz_each_number("/proc", visit_process, &walk);
}

/*
 * A walk misses a process that is forked behind it by a parent that then ends.  The
 * kernel gives out PIDs in order.  So the PIDs that were given out during the walk are
 * looked at one by one, until no new one is given out.  Then each living process was
 * either there before the walk, or was looked at after it was made.
 */
int dz_processes_all(dz_visit_process visit, void *data)
{
    enum { MANY = 10000, WALKS = 100 };
    struct walk walk = {.visit = visit, .data = data};
    int result = 0;

    for (int i = 0; i < WALKS && result == 0; i++) {
        pid_t seen = dz_last_pid();
        result = dz_each_number("/proc", visit_process, &walk);
        if (seen < 0)
            return i > 0 || result != 0 ? result
                                        : dz_each_number("/proc", visit_process, &walk);
        while (result == 0) {
            pid_t last = dz_last_pid();
            if (last == seen)
                return 0;
            if (last < seen || last - seen > MANY)
                break; /* the numbers began anew, or too many are new: walk again */
            for (pid_t pid = seen + 1; pid <= last && result == 0; pid++)
                result = visit_process(pid, -1, &walk);
            seen = last;
        }
    }
    if (result == 0) {
        errno = EAGAIN;
        result = -1;
    }
    return result;
}

/* ---- members alone ---- */

struct filter {
    struct dz_members members;
    dz_visit_process visit;
    void *data;
};

static int visit_member(const struct dz_process *process, void *data)
{
    const struct filter *filter = data;

    return is_member(&filter->members, process) ? filter->visit(process, filter->data)
                                                : 0;
}

int dz_members_each(const struct dz_members *members, dz_visit_process visit,
                    void *data)
{
    struct filter filter = {
        .members = without_led_session(members), .visit = visit, .data = data};

    return dz_processes_each(visit_member, &filter);
}

int dz_members_all(const struct dz_members *members, dz_visit_process visit, void *data)
{
    struct filter filter = {
        .members = without_led_session(members), .visit = visit, .data = data};

    return dz_processes_all(visit_member, &filter);
}

int dz_session_each(pid_t session, dz_visit_process visit, void *data)
{
    struct filter filter = {
        .members = {.session = session}, .visit = visit, .data = data};

    return dz_processes_each(visit_member, &filter);
}

bool dz_members_has(const struct dz_members *members, pid_t pid)
{
    struct dz_process process;
    struct dz_members checked = without_led_session(members);

    return dz_read_process(pid, &process) == 0 && is_member(&checked, &process);
}
