/*
 * Whether the end of a terminal would kill a process.
 *
 * When a terminal ends, by a closed window, a lost connection or the end of the
 * session's leader, SIGHUP goes
 * - from the kernel to the leader of the session, tty_signal_session_leader();
 * - from the kernel to the foreground process group, when the leader ends,
 *   disassociate_ctty();
 * - from the kernel to a group that holds stopped processes and becomes orphaned
 *   by the end of the shell, kill_orphaned_pgrp();
 * - from an interactive shell to its jobs, before it ends by its own SIGHUP:
 *   bash, zsh, the Korn shells and fish do so, dash and busybox do not.
 * No other process gets one: not a background group that no shell watches over.
 * What a shell has been told by disown(1) cannot be seen from outside; a job is
 * taken to be one of its jobs.
 *
 * SIGHUP kills by default.  What a handler does with it, or a process that
 * blocks it, nobody can tell: it may kill.
 */
#include "inspect.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Whether a shell's program passes SIGHUP on to its jobs. */
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

/* Whether the watcher of a background job would send SIGHUP to it. */
static enum answer asks_watcher(const struct peer *watcher, const char **why)
{
    char *seen = program_name(watcher->process.pid);
    enum answer answer = passes_on(seen != NULL ? seen : watcher->name);
    struct signals signals;

    free(seen);
    /* One that does not catch it dies of it at once: no interactive shell. */
    if (answer == ANSWER_YES && (signals_read(watcher->process.pid, &signals) < 0 ||
                                 !has_signal(signals.caught, SIGHUP)))
        answer = ANSWER_MAY;
    *why = text_of("%d (%s), whose job it is, %s SIGHUP on to its jobs",
                   (int)watcher->process.pid, watcher->name,
                   answer == ANSWER_YES  ? "passes"
                   : answer == ANSWER_NO ? "does not pass"
                                         : "may pass");
    return answer;
}

/* Whether anybody would send SIGHUP to a process that has a terminal. */
static enum answer is_sent(const struct dz_process *process, const char **why)
{
    struct peer watcher;

    if (process->pid == process->session) {
        *why = "it leads the session: the kernel sends it SIGHUP";
        return ANSWER_YES;
    }
    if (process->pgrp == process->foreground) {
        *why = "in the foreground: the kernel sends it SIGHUP";
        return ANSWER_YES;
    }
    if (!find_watcher(process->pgrp, process->session, &watcher)) {
        *why = "in the background, no shell's job: nobody sends it SIGHUP";
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
        *why = "it has no terminal to lose";
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
        *why = "it blocks SIGHUP, and dies of it if it ever lets it through";
        return ANSWER_MAY;
    }
    if (has_signal(signals->caught, SIGHUP)) {
        *why = "it catches SIGHUP, and its handler decides";
        return ANSWER_MAY;
    }
    return sent;
}
