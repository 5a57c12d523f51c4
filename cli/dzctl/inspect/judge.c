/*
 * Judges whether a process is a proper daemon, by the list of daemon(7).
 *
 * A proper daemon depends on nothing of its caller: the caller's end cannot end it,
 * stop it or make its writes fail.  Nor does it keep its caller waiting.  So
 * - it has no controlling terminal;
 * - it leads its session (stay mode, a systemd service), or the leader has ended (leave
 *   mode's second fork).  If another leader lives, the process is part of the leader's
 *   work, as a worker is part of a server;
 * - no terminal's hangup would kill it (hangup.c).  Without a terminal, only kill(1)
 *   sends SIGHUP, so its action does not matter;
 * - descriptors 0, 1 and 2 are not terminals.  A pipe on 1 or 2 has a reader that
 *   belongs to the daemon and survives any terminal (judge_streams.c).  Files, devices
 *   and sockets, such as the journal's, are fine.
 *
 * Other rows are notes: daemon(7) asks for them only as tidiness, or a service manager
 * may have set them on purpose.  These are the cwd, umask, signals, closed streams,
 * further descriptors, LD_PRELOAD and the parent.
 *
 * If we are not permitted to see a fact, the verdict is incomplete.  Then the process
 * is not called a proper daemon.
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
        {'R', "running", "it uses a processor"},
        {'S', "sleeping", "it waits for work"},
        {'D', "waiting for a device", "it acts on signals once the device answers"},
        {'T', "stopped", "it does nothing until SIGCONT"},
        {'t', "traced", "a debugger has stopped it"},
        {'I', "idle", "it waits for work"},
        {'Z', "zombie", "it has ended; its parent has not read its status"},
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
                      ? "the first process of the system or container"
                      : "started by the kernel, or from outside this container");
    else if (peer_read(ppid, &parent) < 0)
        add_check(report, MARK_NOTE, "parent", text_of("%d", (int)ppid),
                  "the parent gets the exit status");
    else
        add_check(report, MARK_NOTE, "parent",
                  text_of("%d (%s)", (int)ppid, parent.name),
                  ppid == 1 ? "init gets the exit status; no caller waits for it"
                            : "the parent gets the exit status");
}

static void judge_session(struct report *report)
{
    const struct dz_process *process = &report->facts.process;
    int session = (int)process->session;
    struct peer leader;

    if (session == process->pid) {
        add_check(report, MARK_HOLDS, "session", text_of("%d, its own", session),
                  "signals to other sessions do not reach it");
    } else if (session == 0) {
        add_check(report, MARK_UNSEEN, "session", "0: outside",
                  "its leader is outside this PID namespace");
    } else if (peer_read(session, &leader) < 0 || dz_has_ended(&leader.process)) {
        add_check(report, MARK_HOLDS, "session",
                  text_of("%d, whose leader has ended", session),
                  "signals to other sessions do not reach it");
    } else {
        struct check *check = add_check(report, MARK_FAILS, "session",
                                        text_of("%d, led by %s", session, leader.name),
                                        "it is part of its leader's work");
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
                  "a terminal that it opens may become its controlling terminal");
    else
        add_check(report, MARK_NOTE, "leader", "yes",
                  "the kernel sends it SIGHUP when the terminal hangs up");
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
              "a signal to the group, such as Ctrl-C's, reaches every member");
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
                  "no key, hangup or logout reaches it");
    } else {
        dz_add_tty(&tty, facts->process.tty);
        struct check *check =
            add_check(report, MARK_FAILS, "terminal", report->terminal,
                      "its keys and its hangup send signals to the session");
        check->reason =
            report->killed == ANSWER_NO
                ? text_of(
                      "it is tied to terminal %s, though a hangup would not kill it",
                      report->terminal)
                : text_of("a hangup of terminal %s %s", report->terminal, value);
    }
    add_check(report, report->killed == ANSWER_NO ? MARK_HOLDS : MARK_FAILS, "hangup",
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
    const char *ignored = "children inherit what it ignores";

    if (report->facts.process.tty != 0 && !kept)
        ignored = "if TTIN or TTOU is not ignored, the terminal may stop it";
    else if (has_signal(signals->ignored, SIGHUP))
        ignored = "HUP: a hangup ends neither it nor its children";
    add_check(report, MARK_NOTE, "ignored", signal_names(signals->ignored), ignored);
    add_check(report, MARK_NOTE, "caught", signal_names(signals->caught),
              has_signal(signals->caught, SIGHUP)
                  ? "HUP: most daemons reload their settings then"
                  : "its own code handles them");
    add_check(report, MARK_NOTE, "blocked", signal_names(signals->blocked),
              has_signal(signals->blocked, SIGTERM)
                  ? "TERM: a request to stop waits until it unblocks TERM"
                  : "they wait until it unblocks them");
}

static void judge_place(struct report *report)
{
    const struct facts *facts = &report->facts;

    if (facts->cwd == NULL)
        add_unseen(report, "cwd", facts->cwd_err);
    else if (strcmp(facts->cwd, "/") == 0)
        add_check(report, MARK_HOLDS, "cwd", "/",
                  "it does not keep a file system mounted");
    else
        add_check(report, MARK_NOTE, "cwd", text_of("%s", facts->cwd),
                  "its file system cannot be unmounted while it runs");
    if (facts->umask < 0)
        add_check(report, MARK_NOTE, "umask", "unknown to this kernel",
                  "the permissions that its new files lack");
    else
        add_check(report, MARK_NOTE, "umask", text_of("%03o", (unsigned)facts->umask),
                  facts->umask == 0
                      ? "other users may be able to write to its new files"
                      : "the permissions that its new files lack");
}

static void judge_preload(struct report *report)
{
    const struct facts *facts = &report->facts;

    if (facts->preload_err != 0)
        add_unseen(report, "LD_PRELOAD", facts->preload_err);
    else
        add_check(report, MARK_NOTE, "LD_PRELOAD",
                  facts->preload != NULL ? facts->preload : "none",
                  facts->preload != NULL
                      ? "these libraries were to be loaded at its start"
                      : "no further library was to be loaded at its start");
}

static void judge_usage(struct report *report)
{
    const struct usage *usage = &report->usage;
    char share[SHOWN_MAX];
    char memory[SHOWN_MAX];

    if (usage->processes == 0)
        return;
    add_check(report, MARK_NOTE, "cpu time",
              text_of("%.1f s, %s", usage->seconds, shown_share(usage, share)),
              "of one processor, since its start");
    add_check(
        report, MARK_NOTE, "memory", text_of("%s", shown_memory(usage, memory)),
        usage->processes == 1
            ? "resident"
            : text_of("resident; both are sums over %d processes", usage->processes));
}

/* ---- the verdict ---- */

/* Returns the reasons of the rows that fail, or the names of the rows not seen. */
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
            text_of("incomplete: no fault was found, but not seen: %s", unseen);
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
        report->verdict = "not a daemon: it has ended and is a zombie";
        return;
    }
    if (facts->kernel_thread) {
        report->verdict = "not a daemon: a kernel thread, which runs no program";
        return;
    }
    judge_terminal(report);
    judge_session(report);
    judge_leader(report);
    judge_group(report);
    judge_signals(report);
    judge_place(report);
    judge_usage(report);
    judge_descriptors(report);
    judge_preload(report);
    give_verdict(report);
}
