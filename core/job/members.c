/*
 * The processes of a job: those in its session, and for the waiting caller,
 * which is their subreaper, all that are below itself.
 *
 * Found by one walk over /proc.  Whose start is older than the root's cannot be
 * below it, so only the young ones' ancestors are looked up.
 */
#include "job.h"

#include <errno.h>

struct walk {
    struct dz_members members;
    int (*visit)(const struct dz_process *process, void *data);
    void *data;
};

/* Whether process is below the family's root. */
static bool is_below(const struct dz_members *members, const struct dz_process *process)
{
    enum { DEEPEST = 10000 }; /* PIDs that change while we look might make a ring */
    struct dz_process at = *process;

    if (members->root == 0 || process->pid == members->root)
        return false;
    for (int i = 0; i < DEEPEST && at.start >= members->oldest; i++) {
        if (at.ppid == members->root)
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
    return (members->session > 0 && process->session == members->session) ||
           is_below(members, process);
}

/*
 * A session counts once its leader has ended.  While a process of that number
 * lives it is either that leader, which is looked for as itself, or a stranger
 * that has got the number.
 */
static struct dz_members settle(const struct dz_members *members)
{
    struct dz_members settled = *members;

    if (settled.session > 0 && dz_is_running(settled.session))
        settled.session = 0;
    return settled;
}

static int visit_process(int number, int folder, void *data)
{
    struct walk *walk = data;
    struct dz_process process;

    (void)folder;
    if (dz_read_process(number, &process) < 0 || dz_has_ended(&process))
        return 0; /* or hidden from us */
    return is_member(&walk->members, &process) ? walk->visit(&process, walk->data) : 0;
}

int dz_members_each(const struct dz_members *members,
                    int (*visit)(const struct dz_process *process, void *data),
                    void *data)
{
    struct walk walk = {.members = settle(members), .visit = visit, .data = data};

    return dz_each_number("/proc", visit_process, &walk);
}

bool dz_members_has(const struct dz_members *members, pid_t pid)
{
    struct dz_process process;

    struct dz_members settled = settle(members);

    return dz_read_process(pid, &process) == 0 && is_member(&settled, &process);
}
