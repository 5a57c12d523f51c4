/*
 * The target and the processes that are adopted with it.  Those are its descendants
 * within its process group, which it could not leave behind.  With --tree they are all
 * of its descendants and all of its group, as far as they are in its session.
 */
#include "adopt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct member *find_member(const struct crew *crew, pid_t pid)
{
    for (size_t i = 0; i < crew->count; i++)
        if (crew->list[i]->subject.pid == pid)
            return crew->list[i];
    return NULL;
}

/* Adds a process, and checks it.  Returns 0, or -1 with the fault. */
static int add_member(struct crew *crew, pid_t pid, struct dz_fault *fault)
{
    struct member **list =
        realloc(crew->list, (crew->count + 1) * sizeof(struct member *));
    struct member *member = calloc(1, sizeof *member);

    if (list != NULL)
        crew->list = list;
    if (list == NULL || member == NULL) {
        free(member);
        return dz_fault_number(fault, "adopt", pid, ENOMEM, NULL);
    }
    if (read_subject(&member->subject, pid, fault) < 0 ||
        check_user(&member->subject, crew->count > 0 ? crew->list[0]->subject.pid : 0,
                   fault) < 0 ||
        check_subject(&member->subject, fault) < 0) {
        free_subject(&member->subject);
        free(member);
        return -1;
    }
    member->tracee.pid = pid;
    member->tracee.living = member->subject.process.thread;
    member->tracee.memory = -1;
    list[crew->count++] = member;
    return 0;
}

static void free_members(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        struct member *member = crew->list[i];
        forget_all(&member->tracee);
        free_subject(&member->subject);
        free_sequence(&member->changes);
        free_sequence(&member->session);
        free(member->found.list);
        free(member);
    }
    free(crew->list);
    crew->list = NULL;
    crew->count = 0;
}

/* Returns whether it is the process that was looked at before, and runs. */
static bool is_still(const struct member *member)
{
    struct dz_process process;

    return dz_read_process(member->subject.pid, &process) == 0 &&
           process.start == member->subject.process.start && !dz_has_ended(&process);
}

int begin_crew(struct crew *crew, pid_t pid, struct dz_fault *fault)
{
    struct crew before = *crew;

    if (before.count > 0 && !is_still(before.list[0]))
        return refuse_trace(&before.list[0]->subject, ESRCH, fault);
    crew->list = NULL;
    crew->count = 0;
    if (add_member(crew, pid, fault) < 0) {
        free(crew->list);
        *crew = before;
        return -1;
    }
    for (size_t i = 1; i < before.count; i++)
        if (is_still(before.list[i]) &&
            add_member(crew, before.list[i]->subject.pid, fault) < 0 &&
            is_still(before.list[i])) {
            free_members(crew);
            *crew = before;
            return -1;
        }
    free_members(&before);
    return 0;
}

/* ---- who belongs to it ---- */

struct walk {
    struct crew *crew;
    struct dz_fault *fault;
    int added;
    bool failed;
};

/* Returns whether the process is below one of the crew.  Its parent may be too new to
 * be in the crew. */
static bool is_below(const struct crew *crew, const struct dz_process *process)
{
    enum { DEEPEST = 1000 }; /* PIDs that change during the walk might form a ring */
    struct dz_process at = *process;

    for (int i = 0; i < DEEPEST && at.ppid > 1; i++) {
        if (find_member(crew, at.ppid) != NULL)
            return true;
        if (dz_read_process(at.ppid, &at) < 0)
            return false;
    }
    return false;
}

static bool belongs(const struct crew *crew, const struct dz_process *process)
{
    const struct dz_process *target = &crew->list[0]->subject.process;

    if (process->session != target->session || process->pid == getpid() ||
        process->pid == process->session)
        return false;
    if (crew->tree)
        return process->pgrp == target->pgrp || is_below(crew, process);
    return target->pgrp == target->pid && process->pgrp == target->pgrp &&
           is_below(crew, process);
}

/* Remembers a process of the session. */
static int remember(struct crew *crew, const struct dz_process *process)
{
    struct dz_process *grown =
        realloc(crew->seen, (crew->seen_count + 1) * sizeof *crew->seen);

    if (grown == NULL)
        return -1;
    crew->seen = grown;
    grown[crew->seen_count++] = *process;
    return 0;
}

static int see_process(int pid, int fd, void *data)
{
    struct walk *walk = data;
    struct dz_process process;

    (void)fd;
    if (dz_read_process(pid, &process) < 0 ||
        process.session != walk->crew->list[0]->subject.process.session)
        return 0;
    if (remember(walk->crew, &process) < 0) {
        dz_fault_number(walk->fault, "adopt", pid, ENOMEM, NULL);
        walk->failed = true;
        return 1;
    }
    if (find_member(walk->crew, pid) != NULL || dz_has_ended(&process) ||
        !belongs(walk->crew, &process))
        return 0;
    if (add_member(walk->crew, pid, walk->fault) == 0) {
        walk->added++;
        return 0;
    }
    if (dz_read_process(pid, &process) < 0 || dz_has_ended(&process) || process.exiting)
        return 0; /* it has ended meanwhile, or is about to */
    walk->failed = true;
    return 1;
}

int gather(struct crew *crew, struct dz_fault *fault)
{
    struct walk walk = {.crew = crew, .fault = fault};
    int before;

    /* A child may have a lower PID than its parent. */
    do {
        before = walk.added;
        crew->seen_count = 0;
        if (dz_each_number("/proc", see_process, &walk) < 0)
            return dz_fault(fault, "adopt", "/proc", errno, NULL);
    } while (!walk.failed && walk.added > before);
    return walk.failed ? -1 : walk.added;
}

int gather_children(struct crew *crew)
{
    struct dz_fault unheard; /* gather() tells it */
    struct walk walk = {.crew = crew, .fault = &unheard};

    for (size_t i = 0; i < crew->count; i++) {
        int pid = (int)crew->list[i]->subject.pid;
        char path[64];
        char text[1024];
        const char *at = text;
        int child;
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
        if (dz_read_file(path, text, sizeof text) <= 0)
            continue;
        while ((child = dz_read_number(&at)) > 0) {
            see_process(child, -1, &walk);
            at += *at == ' ';
        }
    }
    return walk.added;
}

/* ---- sessions ---- */

struct neighbours {
    const struct crew *crew;
    const struct subject *subject;
    pid_t zombie;   /* one of its group that has ended, or 0 */
    pid_t member;   /* a process of its group that is not adopted, or 0 */
    pid_t stranger; /* another process of its session, or 0 */
    pid_t parents;  /* groups of its session: its parent's, the leader's, any */
    pid_t leaders;
    pid_t any;
};

static void see_neighbour(struct neighbours *seen, const struct dz_process *other)
{
    const struct dz_process *own = &seen->subject->process;
    pid_t pid = other->pid;

    if (pid == own->pid || other->session != own->session)
        return;
    if (pid != getpid())
        seen->stranger = pid;
    if (dz_has_ended(other)) {
        if (other->pgrp == own->pgrp)
            seen->zombie = pid;
        return;
    }
    /* Those of the crew leave their group.  One that has just been forked joins it. */
    if (find_member(seen->crew, pid) != NULL || belongs(seen->crew, other))
        return;
    if (other->pgrp == own->pgrp) {
        seen->member = pid;
        return;
    }
    if (pid == getpid())
        return; /* our group may be gone before it is joined */
    if (pid == own->ppid)
        seen->parents = other->pgrp;
    if (pid == own->session)
        seen->leaders = other->pgrp;
    seen->any = other->pgrp;
}

/* Of a session leader. */
static int check_leader(struct subject *subject, const struct neighbours *seen,
                        struct dz_fault *fault)
{
    char terminal[32];
    struct dz_text text = dz_text(terminal, sizeof terminal);

    subject->way = SESSION_KEPT;
    if (subject->process.tty == 0)
        return 0;
    dz_add_tty(&text, subject->process.tty);
    if (((subject->ignored | subject->caught) & dz_signal_bit(SIGTSTP)) != 0)
        return refuse(subject, fault,
                      "leads the session of terminal %s and controls its jobs, as a "
                      "shell does; adopt the program that runs in it",
                      terminal);
    if (seen->stranger != 0)
        return refuse(
            subject, fault,
            "leads the session of terminal %s, which has other processes (%d); "
            "adopt those",
            terminal, (int)seen->stranger);
    subject->way = SESSION_TERMINAL;
    return 0;
}

static int choose_session(const struct crew *crew, struct subject *subject,
                          bool stopped, struct dz_fault *fault)
{
    const struct dz_process *own = &subject->process;
    struct neighbours seen = {.crew = crew, .subject = subject};

    for (size_t i = 0; i < crew->seen_count; i++)
        see_neighbour(&seen, &crew->seen[i]);
    if (own->session == own->pid)
        return check_leader(subject, &seen, fault);
    /* A daemon is in the session of a leader that has ended. */
    subject->way =
        own->tty == 0 && !dz_is_running(own->session) ? SESSION_KEPT : SESSION_SETSID;
    if (own->pgrp != own->pid || subject->way == SESSION_KEPT)
        return 0;
    subject->way = SESSION_JOIN;
    if (seen.member != 0)
        return refuse(subject, fault,
                      "leads a process group with others (%d), so it cannot have a "
                      "session of its own; --tree adopts those, too",
                      (int)seen.member);
    if (stopped && seen.zombie != 0)
        return dz_fault_number(fault, "setsid", subject->pid, EPERM,
                               "a child that has ended stays in its process group");
    subject->group = seen.parents != 0   ? seen.parents
                     : seen.leaders != 0 ? seen.leaders
                                         : seen.any;
    if (subject->group == 0)
        return refuse(subject, fault,
                      "is alone in its session, which it does not lead");
    return 0;
}

int choose_sessions(struct crew *crew, bool stopped, struct dz_fault *fault)
{
    for (size_t i = 0; i < crew->count; i++) {
        struct subject *subject = &crew->list[i]->subject;
        /* What has changed since it was found: its session, if it was tried before. */
        if (dz_read_process(subject->pid, &subject->process) < 0) {
            if (i > 0 && (errno == ENOENT || errno == ESRCH))
                continue; /* it has ended */
            return dz_fault_number(fault, "adopt", subject->pid, errno, NULL);
        }
        if (dz_has_ended(&subject->process))
            continue;
        if (choose_session(crew, subject, stopped, fault) < 0)
            return -1;
    }
    return 0;
}
