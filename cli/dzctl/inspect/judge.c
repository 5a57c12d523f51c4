/*
 * Whether a process is a proper daemon: daemon(7)'s list, row by row.
 *
 * What decides is whether anything of its caller's can still end it, stop it or
 * make it fail, or whether it holds its caller up:
 * - it has no controlling terminal;
 * - its session is its own: it leads it (stay mode, a systemd service), or the
 *   leader has ended (leave mode's second fork).  With a living leader it is a
 *   part of that one's work, as a server's worker is of the server;
 * - no terminal's end would kill it (hangup.c).  Without a terminal it does not
 *   matter what SIGHUP does: nothing but a deliberate kill(1) sends it;
 * - 0, 1 and 2 are no terminals, and a pipe on 1 and 2 has a reader of its own
 *   that no terminal's end takes away (judge_streams.c).  Files, devices and sockets,
 *   the journal's among them, are fine.
 *
 * Only worth knowing is what daemon(7) asks for as tidiness, or what a service
 * manager may have set with purpose: a cwd other than /, the umask, signals,
 * closed streams, further descriptors, LD_PRELOAD, the parent.
 *
 * What we are not permitted to see is neither good nor bad: without it the
 * verdict is incomplete, and such a process is not called a proper daemon.
 */
#include "inspect.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

static void judge_state(struct report *report)
{
    static const struct {
        char state;
        const char *name;
        const char *why;
    } states[] = {
        {'R', "running", "it is at work"},
        {'S', "sleeping", "it waits for work"},
        {'D', "waiting for a device", "no signal reaches it before that is over"},
        {'T', "stopped", "it does nothing until SIGCONT"},
        {'t', "traced", "a debugger has stopped it"},
        {'I', "idle", "it waits for work"},
        {'Z', "zombie", "it has ended, its parent has not asked how"},
        {'X', "zombie", "it has ended"},
    };
    char state = report->facts.process.state;

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].state == state) {
            add_check(report, MARK_NOTE, "state", states[i].name, states[i].why);
            return;
        }
    add_check(report, MARK_NOTE, "state", text_of("%c", state), "see proc_pid_stat(5)");
}

static void judge_parent(struct report *report)
{
    pid_t ppid = report->facts.process.ppid;
    struct peer parent;

    if (ppid == 0)
        add_check(report, MARK_NOTE, "parent", "none",
                  report->facts.process.pid == 1
                      ? "the first process of its machine or container"
                      : "it is of the kernel, or of outside of this container");
    else if (peer_read(ppid, &parent) < 0)
        add_check(report, MARK_NOTE, "parent", text_of("%d", (int)ppid),
                  "it gets the exit status");
    else
        add_check(report, MARK_NOTE, "parent",
                  text_of("%d (%s)", (int)ppid, parent.name),
                  ppid == 1 ? "init takes its exit status: no caller waits for it"
                            : "it gets the exit status when this ends");
}

static void judge_session(struct report *report)
{
    const struct dz_process *process = &report->facts.process;
    int session = (int)process->session;
    struct peer leader;

    if (session == process->pid) {
        add_check(report, MARK_HOLDS, "session", text_of("%d, its own", session),
                  "no other job's end or signal is meant for it");
    } else if (session == 0) {
        add_check(report, MARK_UNSEEN, "session", "0, made outside",
                  "of this PID namespace: its leader cannot be seen");
    } else if (peer_read(session, &leader) < 0 || leader.process.state == 'Z' ||
               leader.process.state == 'X') {
        add_check(report, MARK_HOLDS, "session",
                  text_of("%d, whose leader has ended", session),
                  "no other job's end or signal is meant for it");
    } else {
        struct check *check = add_check(report, MARK_FAILS, "session",
                                        text_of("%d, led by %s", session, leader.name),
                                        "it is a part of that leader's work");
        check->reason =
            text_of("it is in the session of %d (%s)", session, leader.name);
    }
}

static void judge_leader(struct report *report)
{
    const struct dz_process *process = &report->facts.process;

    if (process->pid != process->session)
        add_check(report, MARK_HOLDS, "leader", "no",
                  "it can never acquire a controlling terminal");
    else if (process->tty == 0)
        add_check(report, MARK_NOTE, "leader", "yes",
                  "a terminal that it opens may become its own");
    else
        add_check(report, MARK_NOTE, "leader", "yes",
                  "the kernel tells it first that the terminal has ended");
}

static void judge_group(struct report *report)
{
    const struct dz_process *process = &report->facts.process;
    const char *place = "";

    if (process->tty != 0)
        place = process->pgrp == process->foreground ? ", in the foreground"
                                                     : ", in the background";
    add_check(report, MARK_NOTE, "group",
              text_of("%d%s%s", (int)process->pgrp,
                      process->pgrp == process->pid ? ", its own" : "", place),
              "a signal to the group, as Ctrl-C's, is to all in it");
}

static void judge_terminal(struct report *report)
{
    static const char *const values[] = {
        [ANSWER_NO] = "would not kill it",
        [ANSWER_YES] = "would kill it",
        [ANSWER_MAY] = "may kill it",
    };
    const struct facts *facts = &report->facts;
    struct dz_text tty = dz_text(report->terminal, sizeof report->terminal);
    const char *why;

    report->killed = judge_hangup(&facts->process, &facts->signals, &why);
    const char *value = values[report->killed];
    if (facts->process.tty == 0) {
        add_check(report, MARK_HOLDS, "terminal", "none",
                  "no keys, hangup or logout there reach it");
    } else {
        dz_add_tty(&tty, facts->process.tty);
        struct check *check =
            add_check(report, MARK_FAILS, "terminal", report->terminal,
                      "its keys and its end reach its session");
        check->reason =
            text_of("the end of terminal %s %s%s", report->terminal, value,
                    report->killed == ANSWER_NO ? ", but it is still tied to it" : "");
    }
    add_check(report, report->killed == ANSWER_NO ? MARK_HOLDS : MARK_FAILS, "its end",
              value, why);
}

static const char *signal_names(uint64_t set)
{
    const char *names = "";

    for (int number = 1; number <= 64; number++) {
        char name[16];
        struct dz_text text = dz_text(name, sizeof name);
        if (!has_signal(set, number))
            continue;
        dz_add_signal(&text, number);
        names = text_of("%s%s%s", names, *names != '\0' ? " " : "", name);
    }
    return *names != '\0' ? names : "none";
}

static void judge_signals(struct report *report)
{
    const struct signals *signals = &report->facts.signals;
    bool kept =
        has_signal(signals->ignored, SIGTTIN) && has_signal(signals->ignored, SIGTTOU);
    const char *ignored = "what it starts begins with these ignored too";

    if (report->facts.process.tty != 0 && !kept)
        ignored = "without TTIN and TTOU, using the terminal may stop it";
    else if (has_signal(signals->ignored, SIGHUP))
        ignored = "HUP: no hangup ends it, nor what it starts";
    add_check(report, MARK_NOTE, "ignored", signal_names(signals->ignored), ignored);
    add_check(report, MARK_NOTE, "caught", signal_names(signals->caught),
              has_signal(signals->caught, SIGHUP)
                  ? "HUP: to a daemon, mostly: read your settings anew"
                  : "its own code decides what these do");
    add_check(report, MARK_NOTE, "blocked", signal_names(signals->blocked),
              has_signal(signals->blocked, SIGTERM)
                  ? "TERM: asked to stop, it may not hear it"
                  : "these wait until it lets them through");
}

static void judge_place(struct report *report)
{
    const struct facts *facts = &report->facts;

    if (facts->cwd == NULL)
        add_unseen(report, "cwd", facts->cwd_err);
    else if (strcmp(facts->cwd, "/") == 0)
        add_check(report, MARK_HOLDS, "cwd", "/",
                  "it keeps no file system from unmounting");
    else
        add_check(report, MARK_NOTE, "cwd", text_of("%s", facts->cwd),
                  "that file system cannot be unmounted while it runs");
    if (facts->umask < 0)
        add_check(report, MARK_NOTE, "umask", "not told by this kernel",
                  "what the files that it makes do not allow");
    else
        add_check(report, MARK_NOTE, "umask", text_of("%03o", (unsigned)facts->umask),
                  facts->umask == 0 ? "what it makes may be open to everybody"
                                    : "what the files that it makes do not allow");
}

static void judge_preload(struct report *report)
{
    const struct facts *facts = &report->facts;

    if (facts->preload_err != 0)
        add_unseen(report, "LD_PRELOAD", facts->preload_err);
    else
        add_check(report, MARK_NOTE, "LD_PRELOAD",
                  facts->preload != NULL ? facts->preload : "none",
                  facts->preload != NULL ? "at its start: these run inside of it"
                                         : "at its start: no foreign code in it");
}

/* ---- the verdict ---- */

/* The reasons, or the names of what was not seen, in one line. */
static const char *join(const struct report *report, enum mark mark)
{
    const char *all = "";

    for (size_t i = 0; i < report->count; i++) {
        const struct check *check = &report->checks[i];
        const char *one = mark == MARK_FAILS ? check->reason : check->name;
        if (check->mark == mark && one != NULL)
            all = text_of("%s%s%s", all,
                          *all == '\0'         ? ""
                          : mark == MARK_FAILS ? "; "
                                               : ", ",
                          one);
    }
    return all;
}

static void give_verdict(struct report *report)
{
    const char *reasons = join(report, MARK_FAILS);
    const char *unseen = join(report, MARK_UNSEEN);

    report->complete = *unseen == '\0';
    report->daemon = *reasons == '\0' && report->complete;
    if (report->daemon)
        report->verdict = "a proper daemon";
    else if (*reasons == '\0')
        report->verdict =
            text_of("incomplete: nothing against it, but not seen: %s", unseen);
    else if (report->complete)
        report->verdict = text_of("not a daemon: %s", reasons);
    else
        report->verdict =
            text_of("not a daemon: %s; incomplete, not seen: %s", reasons, unseen);
}

void judge(struct report *report)
{
    const struct facts *facts = &report->facts;

    judge_state(report);
    judge_parent(report);
    report->complete = true;
    if (facts_zombie(facts)) {
        report->verdict = "not a daemon: a zombie: it has ended";
        return;
    }
    if (facts->kernel_thread) {
        report->verdict = "not a daemon: a kernel thread, no program runs in it";
        return;
    }
    judge_terminal(report);
    judge_session(report);
    judge_leader(report);
    judge_group(report);
    judge_signals(report);
    judge_place(report);
    judge_descriptors(report);
    judge_preload(report);
    give_verdict(report);
}
