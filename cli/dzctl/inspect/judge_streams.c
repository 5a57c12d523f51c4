/*
 * The rows of descriptors.
 *
 * 0, 1 and 2 decide: a terminal there fails when it has ended, and a pipe is
 * only as good as its reader.  A reader is good if it belongs to the process:
 * one of its session, an ancestor, a descendant, or whatever its living parent
 * (a supervisor) has arranged.  A process that its starter has left behind and
 * that still writes to a pipe of another session has kept its caller's pipe:
 * the caller waits for an end of file, and its end means SIGPIPE.
 *
 * Any further descriptor is told, but does not decide: servers need theirs,
 * and from outside nobody can tell a leak from a need.
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
 * Whether the one that started it has gone: init has adopted it, or it leads no
 * session and its parent is of another one, which only adoption can bring about.
 */
static bool is_orphan(const struct dz_process *process)
{
    struct dz_process parent;

    return process->ppid == 1 || (process->pid != process->session &&
                                  dz_read_process(process->ppid, &parent) == 0 &&
                                  parent.session != process->session);
}

/* Whether this reader of a pipe belongs to the process that writes. */
static bool is_own(const struct dz_process *writer, const struct dz_process *reader)
{
    return reader->session == writer->session || !is_orphan(writer) ||
           descends(writer->pid, reader->pid) || descends(reader->pid, writer->pid);
}

/* Whether the end of a terminal takes this reader away. */
static bool ends_with_terminal(const struct dz_process *reader)
{
    struct signals signals;
    const char *why;

    return reader->tty != 0 && signals_read(reader->pid, &signals) == 0 &&
           judge_hangup(reader, &signals, &why) != ANSWER_NO;
}

/* Whether the process itself has the other end of its pipe. */
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

static void fails(struct check *check, const char *why, const char *reason)
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
        fails(check, text_of("its reader goes with terminal %s", tty),
              text_of("its %s is a pipe to %d (%s), which goes with terminal %s",
                      check->name, pid, reader->name, tty));
    } else if (!is_own(&facts->process, &reader->process)) {
        fails(check, "a caller's: it waits for the end, and its own end is SIGPIPE",
              text_of("its %s is a caller's pipe, read by %d (%s)", check->name, pid,
                      reader->name));
    } else {
        check->mark = MARK_HOLDS;
        check->why = "a pipe is as good as its reader: this one is its own";
    }
}

/* A pipe that it writes to; any good reader makes it good. */
static void judge_pipe(struct report *report, const struct descriptor *pipe,
                       struct check *check)
{
    const struct facts *facts = &report->facts;
    struct readers readers = find_readers(facts->process.pid, pipe);
    struct check row = *check;

    if (readers.none) {
        check->why = "nobody reads it: what is written there is lost";
        if (dies_of_pipe(facts))
            fails(check, "nobody reads it: writing there ends it by SIGPIPE",
                  text_of("nobody reads its %s, and SIGPIPE ends it", check->name));
    } else if (reads_itself(facts, pipe)) {
        check->mark = MARK_HOLDS;
        check->why = "it reads that pipe itself";
    } else if (readers.count == 0 && readers.hidden) {
        check->mark = MARK_UNSEEN;
        check->why = "a pipe is as good as its reader: not permitted to see that";
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

/* The target, and what it is where that does not say it. */
static const char *describe(const struct descriptor *fd)
{
    bool says =
        strncmp(fd->target, kind_name(fd->kind), strlen(kind_name(fd->kind))) == 0;

    if (says || fd->kind == KIND_FILE || fd->kind == KIND_DEVICE ||
        fd->kind == KIND_OTHER)
        return text_of("%s", fd->target);
    return text_of("%s, a %s", fd->target, kind_name(fd->kind));
}

/* The streams that are terminals have one reason, that of the first of them. */
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
                  "the next file that it opens takes this place");
        return;
    }
    if (fd->err != 0) {
        add_unseen(report, name, fd->err);
        return;
    }
    struct check *check = add_check(report, MARK_HOLDS, name, describe(fd),
                                    "no terminal: it works on when that has ended");
    if (fd->kind == KIND_TERMINAL) {
        fails(check, "it fails with EIO when the terminal has ended",
              terminal_reason(&report->facts, number));
    } else if (fd->kind == KIND_PIPE && number == 0) {
        check->mark = MARK_NOTE;
        check->why = "its input ends when the writer does";
    } else if (fd->kind == KIND_PIPE) {
        check->mark = MARK_NOTE;
        judge_pipe(report, fd, check);
    }
}

static void note_further(struct report *report, const struct descriptor *fd)
{
    static const char *const why[] = {
        [KIND_TERMINAL] = "it fails with EIO when the terminal has ended",
        [KIND_FILE] = "its space is not freed while it is open",
        [KIND_FOLDER] = "its file system cannot be unmounted while it is open",
        [KIND_PIPE] = "if it is a caller's, that waits while it is open",
        [KIND_SOCKET] = "its port or peer is bound while it is open",
        [KIND_DEVICE] = "the device is in use while it is open",
        [KIND_OTHER] = "no harm: it is the process' own",
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
