/*
 * The rows of descriptors.
 *
 * Descriptors 0, 1 and 2 count.  After a hangup, reads and writes of a terminal fail.
 * A pipe needs a reader that lasts.  A reader belongs to the process if it is of the
 * session, an ancestor or a descendant.  If the parent lives (a supervisor), any reader
 * belongs to the process: the parent has arranged the pipe.  An orphan whose reader is
 * of another session has kept its caller's pipe.  Then the caller waits for the end of
 * file, and the caller's end brings SIGPIPE.
 *
 * Further descriptors are notes.  Servers need descriptors, and dzctl cannot see which
 * are leaks.
 */
#include "inspect.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char *const streams[] = {"stdin", "stdout", "stderr"};

static bool dies_of_pipe(const struct facts *facts)
{
    return !has_signal(facts->signals.ignored | facts->signals.caught, SIGPIPE);
}

/*
 * Returns whether the process that started this one has ended.  Then init or another
 * process has adopted it.  The parent of a process that leads no session is of the same
 * session, unless the parent has adopted the process.
 */
static bool is_orphan(const struct dz_process *process)
{
    struct dz_process parent;

    return process->ppid == 1 || (process->pid != process->session &&
                                  dz_read_process(process->ppid, &parent) == 0 &&
                                  parent.session != process->session);
}

/* Returns whether the reader of a pipe belongs to the process that writes. */
static bool is_own(const struct dz_process *writer, const struct dz_process *reader)
{
    return reader->session == writer->session || !is_orphan(writer) ||
           descends(writer->pid, reader->pid) || descends(reader->pid, writer->pid);
}

/* Returns whether a hangup may end the reader. */
static bool ends_with_terminal(const struct dz_process *reader)
{
    struct signals signals;
    const char *why;

    return reader->tty != 0 && signals_read(reader->pid, &signals) == 0 &&
           judge_hangup(reader, &signals, &why) != ANSWER_NO;
}

/* Returns whether the process itself holds the reading end of the pipe. */
static bool reads_itself(const struct facts *facts, const struct descriptor *pipe)
{
    for (size_t i = 0; i < facts->fd_count; i++) {
        const struct descriptor *fd = &facts->fds[i];
        if (fd->kind == KIND_PIPE && fd->reads && fd->inode == pipe->inode &&
            fd->device == pipe->device)
            return true;
    }
    return false;
}

static void mark_failed(struct check *check, const char *why, const char *reason)
{
    check->mark = MARK_FAILS;
    check->why = why;
    check->reason = reason;
}

static void judge_reader(const struct facts *facts, const struct peer *reader,
                         struct check *check)
{
    int pid = (int)reader->process.pid;
    char tty[32];
    struct dz_text text = dz_text(tty, sizeof tty);

    check->value = text_of("%s to %d (%s)", check->value, pid, reader->name);
    if (ends_with_terminal(&reader->process)) {
        dz_add_tty(&text, reader->process.tty);
        mark_failed(
            check, text_of("its reader may end with terminal %s", tty),
            text_of("its %s is a pipe to %d (%s), which may end with terminal %s",
                    check->name, pid, reader->name, tty));
    } else if (!is_own(&facts->process, &reader->process)) {
        mark_failed(check,
                    "the caller waits for its end of file, and may end before it",
                    text_of("its %s is a caller's pipe, read by %d (%s)", check->name,
                            pid, reader->name));
    } else {
        check->mark = MARK_HOLDS;
        check->why = "its reader belongs to it";
    }
}

/* Judges a pipe on stdout or stderr.  One reader that belongs to the process is
 * enough. */
static void judge_pipe(struct report *report, const struct descriptor *pipe,
                       struct check *check)
{
    const struct facts *facts = &report->facts;
    struct readers readers = find_readers(&facts->process, pipe);
    struct check row = *check;

    if (readers.none) {
        check->why = "it has no reader: all output is lost";
        if (dies_of_pipe(facts))
            mark_failed(
                check, "it has no reader: the next write brings SIGPIPE",
                text_of("its %s has no reader, and SIGPIPE ends it", check->name));
    } else if (reads_itself(facts, pipe)) {
        check->mark = MARK_HOLDS;
        check->why = "it reads the pipe itself";
    } else if (readers.count == 0 && readers.hidden) {
        check->mark = MARK_UNSEEN;
        check->why = "not permitted to see its reader";
    } else if (readers.count == 0) {
        check->why = "its reader is outside this PID namespace";
    }
    for (size_t i = 0; i < readers.count && row.mark != MARK_HOLDS; i++) {
        row = *check;
        judge_reader(facts, &readers.peers[i], &row);
    }
    if (readers.count > 0 && check->mark != MARK_HOLDS)
        *check = row;
    free(readers.peers);
}

/* Returns the target, and its kind unless the target shows it. */
static const char *describe(const struct descriptor *fd)
{
    bool says =
        strncmp(fd->target, kind_name(fd->kind), strlen(kind_name(fd->kind))) == 0;

    if (says || fd->kind == KIND_FILE || fd->kind == KIND_DEVICE ||
        fd->kind == KIND_OTHER)
        return text_of("%s", fd->target);
    return text_of("%s, a %s", fd->target, kind_name(fd->kind));
}

/* Returns the reason of all streams that are terminals if first is the first of them,
 * else NULL. */
static const char *terminal_reason(const struct facts *facts, int first)
{
    const char *names = NULL;

    for (int number = 0; number < 3; number++) {
        const struct descriptor *fd = facts_fd(facts, number);
        if (fd == NULL || fd->err != 0 || fd->kind != KIND_TERMINAL)
            continue;
        if (number < first)
            return NULL;
        names = names == NULL ? streams[number]
                              : text_of("%s and %s", names, streams[number]);
    }
    return text_of("it has a terminal as its %s", names);
}

static void judge_stream(struct report *report, int number)
{
    const struct descriptor *fd = facts_fd(&report->facts, number);
    const char *name = streams[number];

    if (fd == NULL) {
        add_check(report, MARK_NOTE, name, "closed",
                  "the next file that it opens gets this number");
        return;
    }
    if (fd->err != 0) {
        add_unseen(report, name, fd->err);
        return;
    }
    struct check *check = add_check(report, MARK_HOLDS, name, describe(fd),
                                    "not a terminal, so it survives logout");
    if (fd->kind == KIND_TERMINAL) {
        mark_failed(check, "after a hangup it fails with EIO",
                    terminal_reason(&report->facts, number));
    } else if (fd->kind == KIND_PIPE && number == 0) {
        check->mark = MARK_NOTE;
        check->why = "its input ends with the writer";
    } else if (fd->kind == KIND_PIPE) {
        check->mark = MARK_NOTE;
        judge_pipe(report, fd, check);
    }
}

static void note_further(struct report *report, const struct descriptor *fd)
{
    static const char *const why[] = {
        [KIND_TERMINAL] = "after a hangup it fails with EIO",
        [KIND_FILE] = "while it is open, its disk space is not freed",
        [KIND_DIRECTORY] = "while it is open, its file system stays mounted",
        [KIND_PIPE] = "if it is the caller's, the caller may wait for its end",
        [KIND_SOCKET] = "while it is open, its port or peer is in use",
        [KIND_DEVICE] = "while it is open, the device is in use",
        [KIND_OTHER] = "it concerns no other process",
    };
    const char *name = text_of("fd %d", fd->number);

    if (fd->err != 0)
        add_unseen(report, name, fd->err);
    else
        add_check(report, MARK_NOTE, name, describe(fd), why[fd->kind]);
}

void judge_descriptors(struct report *report)
{
    const struct facts *facts = &report->facts;

    if (facts->fds_err != 0) {
        add_unseen(report, "descriptors", facts->fds_err);
        return;
    }
    for (int number = 0; number < 3; number++)
        judge_stream(report, number);
    for (size_t i = 0; i < facts->fd_count; i++)
        if (facts->fds[i].number >= 3)
            note_further(report, &facts->fds[i]);
}
