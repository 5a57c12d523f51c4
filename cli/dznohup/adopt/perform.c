/*
 * Stops the target and those that are adopted with it, changes them, and lets them go.
 */
#include "adopt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool is_gone(const struct adoption *adoption, const struct member *member)
{
    struct dz_process process;

    return member != target_of(adoption) &&
           (dz_read_process(member->subject.pid, &process) < 0 ||
            dz_has_ended(&process) || process.exiting);
}

/* Attaches to a member and stops it.  Returns 0, 1 if one of its threads is late, or
 * -1. */
static int stop_member(const struct adoption *adoption, struct member *member,
                       struct dz_fault *fault)
{
    int result;

    if (member->tracee.count == 0) {
        find_places(&member->tracee); /* again when it matters, if this fails */
        list_threads(&member->tracee);
        note_waits(&member->tracee);
        member->tracee.caught = caught_signals(member->tracee.living);
    }
    result = seize_all(&member->tracee, &member->subject, fault);
    if (result == 0)
        result = stop_all(&member->tracee, &member->subject, fault);
    return result < 0 && is_gone(adoption, member) ? 0 : result;
}

/* Lets all run while a thread is waited for: its vfork(2) child may be one of them. */
static int wait_for_late(const struct adoption *adoption, struct member *member,
                         struct dz_fault *fault)
{
    const struct crew *crew = &adoption->crew;
    int stopped = 0;

    /* Signals come meanwhile, which are passed on. */
    while (stopped == 0) {
        for (size_t i = 0; i < crew->count; i++)
            if (crew->list[i]->tracee.count > 0)
                resume_all(&crew->list[i]->tracee, crew->list[i] != member);
        stopped = look_at_late(&member->tracee, adoption->until, fault);
    }
    if (stopped < 0 && !is_gone(adoption, member))
        return -1;
    for (size_t i = 0; i < crew->count; i++)
        note_waits(&crew->list[i]->tracee);
    return 0;
}

/* Stops those from index on, the youngest first: a child that ends while its parent is
 * stopped would stay in the group. */
static int stop_from(const struct adoption *adoption, size_t index,
                     struct dz_fault *fault)
{
    const struct crew *crew = &adoption->crew;

    for (size_t i = crew->count; i-- > index;) {
        int result = stop_member(adoption, crew->list[i], fault);
        if (result < 0)
            return -1;
        if (result == 0)
            continue;
        if (wait_for_late(adoption, crew->list[i], fault) < 0)
            return -1;
        i = crew->count; /* all again */
        index = 0;
    }
    return 0;
}

/* Stops all, and what they have forked meanwhile. */
static int stop_crew(struct adoption *adoption, struct dz_fault *fault)
{
    struct crew *crew = &adoption->crew;
    bool alone = crew->count == 1 && !crew->tree;
    size_t known = 0;
    int more;

    if (!alone)
        gather_children(crew);
    reserve_block();
    for (size_t i = 0; i < crew->count; i++)
        reserve_sequence(&crew->list[i]->changes);
    do {
        if (stop_from(adoption, known, fault) < 0)
            return -1;
        known = crew->count;
        /* A target that was alone is looked at again only if its setsid(2) fails. */
        more = alone ? 0 : gather_children(crew);
        if (!alone && more == 0)
            more = gather(crew, fault);
    } while (more > 0);
    return more < 0 || alone ? more : choose_sessions(crew, true, fault);
}

/* Builds a member's calls, now that it cannot change any more. */
static int build_member(struct adoption *adoption, struct member *member,
                        struct dz_fault *fault)
{
    struct thread *thread = calling_thread(&member->tracee);

    if (thread == NULL)
        return 0; /* it has ended */
    member->subject.process.thread = member->tracee.living;
    if (adoption->plan->keep_handlers) /* some may be new */
        member->subject.caught = caught_signals(member->tracee.living);
    member->changes.wide = member->session.wide = is_wide(&thread->registers);
    if (find_holdings(&member->subject, adoption->plan, &member->found, fault) < 0 ||
        open_supplies(adoption->start, adoption->plan, &member->found,
                      &adoption->supplies, fault) < 0 ||
        build_changes(&member->changes, &member->subject, adoption->plan,
                      &member->found, &adoption->supplies, fault) < 0)
        return -1;
    return adoption->crew.count > 1
               ? 0
               : build_session(&member->changes, &member->subject, NULL,
                               was_stopped(&member->tracee), fault);
}

/* Runs calls in a member. */
static int run_member(struct adoption *adoption, struct member *member,
                      struct sequence *sequence, struct dz_fault *fault)
{
    struct thread *thread = calling_thread(&member->tracee);

    if (thread == NULL || run_sequence(sequence, &member->tracee, thread, fault) == 0)
        return 0;
    return is_gone(adoption, member) ? 0 : -1;
}

/* Undoes the changes of those that have been changed and have not got their sessions.
 */
static void revert_crew(struct adoption *adoption)
{
    struct dz_fault unheard; /* the fault that led here is reported */

    for (size_t i = adoption->crew.count; i-- > 0;) {
        struct member *member = adoption->crew.list[i];
        struct sequence undo = {0};
        if (!member->changed)
            continue;
        revert_sequence(&member->changes, &undo);
        run_member(adoption, member, &undo, &unheard);
        free_sequence(&undo);
        member->changed = false;
    }
}

/* Gives a member its session, which cannot be undone. */
static int run_session(struct adoption *adoption, struct member *member,
                       struct dz_fault *fault)
{
    if (build_session(&member->session, &member->subject, &member->changes,
                      was_stopped(&member->tracee), fault) < 0 ||
        run_member(adoption, member, &member->session, fault) < 0)
        return -1;
    member->changed = false;
    return 0;
}

/* Gives the members their sessions.  The leaders of groups come last, when no other
 * process is in their groups. */
static int run_sessions(struct adoption *adoption, struct dz_fault *fault)
{
    struct crew *crew = &adoption->crew;

    for (int leaders = 0; leaders < 2; leaders++)
        for (size_t i = 0; i < crew->count; i++) {
            struct member *member = crew->list[i];
            if ((member->subject.way == SESSION_JOIN) != (leaders == 1) ||
                calling_thread(&member->tracee) == NULL)
                continue;
            if (run_session(adoption, member, fault) < 0)
                return -1;
        }
    return 0;
}

/* Changes all but the sessions. */
static int run_changes(struct adoption *adoption, struct dz_fault *fault)
{
    struct crew *crew = &adoption->crew;

    for (size_t i = 0; i < crew->count; i++) {
        struct member *member = crew->list[i];
        if (run_member(adoption, member, &member->changes, fault) < 0)
            return -1;
        member->changed = calling_thread(&member->tracee) != NULL;
    }
    return 0;
}

/* Makes the changes in all that are stopped. */
static int change_crew(struct adoption *adoption, struct dz_fault *fault)
{
    struct crew *crew = &adoption->crew;

    for (size_t i = 0; i < crew->count; i++)
        if (build_member(adoption, crew->list[i], fault) < 0)
            return -1;
    if (crew->count == 1)
        return run_member(adoption, crew->list[0], &crew->list[0]->changes, fault);
    if (run_changes(adoption, fault) == 0 && run_sessions(adoption, fault) == 0)
        return 0;
    revert_crew(adoption);
    return -1;
}

/* Sets *longest to the time from *since, if that is longer. */
static void note_longest(int64_t *longest, int64_t since, int64_t until)
{
    if (since != 0 && until - since > *longest)
        *longest = until - since;
}

static void let_go(struct adoption *adoption)
{
    int64_t now;

    adoption->paused = adoption->traced = 0;
    for (size_t i = 0; i < adoption->crew.count; i++) {
        struct member *member = adoption->crew.list[i];
        if (was_stopped(&member->tracee)) {
            adoption->stopped_before = true;
            adoption->stays_stopped |= !was_continued(member);
        }
        if (i > 0 && calling_thread(&member->tracee) != NULL)
            adoption->others++;
        release_all(&member->tracee);
    }
    now = monotonic_nanoseconds();
    for (size_t i = 0; i < adoption->crew.count; i++) {
        struct tracee *tracee = &adoption->crew.list[i]->tracee;
        note_longest(&adoption->paused, tracee->stopped_since, now);
        note_longest(&adoption->traced, tracee->traced_since, now);
        forget_all(tracee);
    }
}

int change(struct adoption *adoption, struct dz_fault *fault)
{
    int result;

    adoption->others = 0;
    result = stop_crew(adoption, fault);
    adoption->final = result == 0;
    if (result == 0)
        result = change_crew(adoption, fault);
    let_go(adoption);
    return result;
}

void say_changes(const struct adoption *adoption)
{
    for (size_t i = 0; i < adoption->crew.count; i++) {
        const struct member *member = adoption->crew.list[i];
        say_calls(&member->changes, member->subject.pid);
        say_calls(&member->session, member->subject.pid);
    }
    fprintf(stderr, "dznohup: stopped for %.2f ms, traced for %.2f ms\n",
            (double)adoption->paused / 1e6, (double)adoption->traced / 1e6);
}
