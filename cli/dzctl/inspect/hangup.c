/*
 * Judges whether a terminal's hangup would kill a process.
 *
 * A terminal hangs up if its window is closed, its connection is lost or the leader of
 * the session ends.  Then SIGHUP goes
 * - from the kernel to the leader of the session, tty_signal_session_leader();
 * - from the kernel to the foreground process group, when the leader ends,
 *   disassociate_ctty();
 * - from the kernel to a group that holds stopped processes and becomes orphaned
 *   by the end of the shell, kill_orphaned_pgrp();
 * - from an interactive shell to its jobs, before it ends by its own SIGHUP:
 *   bash, zsh, the Korn shells and fish do so, dash and busybox do not.
 * No other process gets SIGHUP.  So a background group without a shell gets none.  We
 * cannot see what a shell has disowned, so each child group counts as a job.
 *
 * SIGHUP kills by default.  We cannot see what a handler does, or when a process
 * unblocks SIGHUP: in these cases the hangup may kill.
 */
#include "inspect.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Tells whether a shell sends SIGHUP to its jobs, by the name of its program. */
static enum answer passes_on(const char *program)
{
    static const char *const passing[] = {"bash", "rbash", "zsh",  "ksh", "ksh93",
                                          "mksh", "lksh",  "oksh", "fish"};
    static const char *const silent[] = {"dash", "ash", "busybox"};

    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (strcmp(program, passing[i]) == 0)
            return ANSWER_YES;
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        if (strcmp(program, silent[i]) == 0)
            return ANSWER_NO;
    return ANSWER_MAY;
}

/* Tells whether the shell of a background job would send it SIGHUP. */
static enum answer asks_watcher(const struct peer *watcher, const char **why)
{
    char *seen = program_name(watcher->process.pid);
    enum answer answer = passes_on(seen != NULL ? seen : watcher->name);
    struct signals signals;

    free(seen);
    /* An interactive shell catches SIGHUP.  Any other dies before it can send it. */
    if (answer == ANSWER_YES && (signals_read(watcher->process.pid, &signals) < 0 ||
                                 !has_signal(signals.caught, SIGHUP)))
        answer = ANSWER_MAY;
    *why = text_of("its shell, %d (%s), %s SIGHUP on to its jobs",
                   (int)watcher->process.pid, watcher->name,
                   answer == ANSWER_YES  ? "passes"
                   : answer == ANSWER_NO ? "does not pass"
                                         : "may pass");
    return answer;
}

/* Tells whether a process that has a terminal would be sent SIGHUP. */
static enum answer is_sent(const struct dz_process *process, const char **why)
{
    struct peer watcher;

    if (process->pid == process->session) {
        *why = "a session leader: the kernel sends it SIGHUP";
        return ANSWER_YES;
    }
    if (process->pgrp == process->foreground) {
        *why = "in the foreground: the kernel sends it SIGHUP";
        return ANSWER_YES;
    }
    if (!find_watcher(process->pgrp, process->session, &watcher)) {
        *why = "in the background without a shell: it gets no SIGHUP";
        return ANSWER_NO;
    }
    if (process->state == 'T') {
        *why = "stopped: the kernel sends it SIGHUP when its shell ends";
        return ANSWER_YES;
    }
    return asks_watcher(&watcher, why);
}

enum answer judge_hangup(const struct dz_process *process,
                         const struct signals *signals, const char **why)
{
    if (process->tty == 0) {
        *why = "it has no controlling terminal";
        return ANSWER_NO;
    }
    if (has_signal(signals->ignored, SIGHUP)) {
        *why = "it ignores SIGHUP";
        return ANSWER_NO;
    }
    enum answer sent = is_sent(process, why);
    if (sent == ANSWER_NO)
        return ANSWER_NO;
    if (has_signal(signals->blocked, SIGHUP)) {
        *why = "it blocks SIGHUP; SIGHUP kills it once unblocked";
        return ANSWER_MAY;
    }
    if (has_signal(signals->caught, SIGHUP)) {
        *why = "its own handler decides what SIGHUP does";
        return ANSWER_MAY;
    }
    return sent;
}
