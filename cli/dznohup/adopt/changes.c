/*
 * The calls that make the target a daemon, in order, and what undoes each.
 *
 * setsid(2) cannot be undone, so it comes last of those that may fail.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct changes {
    struct sequence *sequence;
    const struct subject *subject;
    const struct dz_plan *plan;
    int opened[USE_ERROR + 1]; /* the calls that open what is supplied; -1 */
};

uint64_t signals_to_ignore(const struct subject *subject, const struct dz_plan *plan)
{
    uint64_t wanted = dz_terminal_signals() | plan->ignore;

    wanted &= ~(dz_signal_bit(SIGKILL) | dz_signal_bit(SIGSTOP));
    if (plan->keep_handlers)
        wanted &= ~subject->caught;
    return wanted & ~subject->ignored;
}

/* Has the result of the call that was added last closed.  Returns the call's index. */
static int close_last(struct sequence *sequence)
{
    int index = (int)sequence->count - 1;

    close_later(sequence, index);
    return index;
}

/* Adds the opening of a descriptor of ours.  Returns the call's index. */
static int add_open(struct changes *changes, int fd, int flags, const char *step)
{
    struct sequence *sequence = changes->sequence;
    char path[48];
    struct call *call;
    int64_t offset;

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
    offset = add_data(sequence, path, strlen(path) + 1);
    call = add_call(sequence, step, CALL_OPENAT, "openat(AT_FDCWD, \"%s\", %#o)", path,
                    (unsigned)flags);
    call->row.argument[0] = (uint64_t)AT_FDCWD;
    call->data[1] = offset;
    call->row.argument[2] = (uint64_t)flags;
    return close_last(changes->sequence);
}

/* Opens what is supplied and what the process needs of it. */
static void add_opens(struct changes *changes, const struct holdings *found,
                      const struct supplies *supplies)
{
    const int append = O_APPEND | O_NOCTTY | O_CLOEXEC;
    const int *fd = supplies->fd;
    bool reads = supplies->readable && has_use(found, USE_BOTH);
    int *opened = changes->opened;

    for (int i = 0; i <= USE_ERROR; i++)
        opened[i] = -1;
    if (has_use(found, USE_NULL))
        opened[USE_NULL] =
            add_open(changes, fd[USE_NULL], O_RDWR | O_CLOEXEC, "streams");
    if (has_use(found, USE_INPUT))
        opened[USE_INPUT] = add_open(
            changes, fd[USE_INPUT],
            (supplies->two_ways ? O_RDWR : O_RDONLY) | O_NOCTTY | O_CLOEXEC, "input");
    if (has_use(found, USE_ERROR))
        opened[USE_ERROR] =
            add_open(changes, fd[USE_ERROR], O_WRONLY | append, "error");
    if (!has_use(found, USE_OUTPUT) && !has_use(found, USE_BOTH))
        return;
    opened[USE_OUTPUT] = opened[USE_BOTH] = add_open(
        changes, fd[USE_OUTPUT], (reads ? O_RDWR : O_WRONLY) | append, "output");
    if (reads) {
        /* A read then finds the end of the file, as each write moves it there. */
        struct call *call =
            add_call(changes->sequence, "output", CALL_LSEEK, "lseek(, 0, SEEK_END)");
        call->from = opened[USE_OUTPUT];
        call->row.argument[2] = SEEK_END;
        call->may_fail = true;
    }
}

/* The kernel's struct sigaction: four words of the program's size, or 20 bytes. */
enum { ACTION_MAX = 32, MASK_SIZE = 8 };

static void add_ignore(struct changes *changes, int number)
{
    struct sequence *sequence = changes->sequence;
    unsigned char ignore[ACTION_MAX] = {1}; /* SIG_IGN, in little endian */
    char name[16];
    struct dz_text text = dz_text(name, sizeof name);
    struct call *call;
    int64_t new = add_data(sequence, ignore, sizeof ignore);
    int64_t old = add_data(sequence, NULL, ACTION_MAX);

    dz_add_signal(&text, number);
    call = add_call(sequence, "signals", CALL_SIGACTION, "rt_sigaction(SIG%s, SIG_IGN)",
                    name);
    call->row.argument[0] = (uint64_t)number;
    call->data[1] = new;
    call->data[2] = old;
    call->row.argument[3] = MASK_SIZE;
    call = add_undo(sequence, CALL_SIGACTION);
    call->row.argument[0] = (uint64_t)number;
    call->data[1] = old;
    call->row.argument[3] = MASK_SIZE;
}

/* Adds a copy of descriptor number.  Returns the call's index. */
static int add_copy(struct changes *changes, int number)
{
    struct sequence *sequence = changes->sequence;
    struct call *call = add_call(sequence, "streams", CALL_FCNTL,
                                 "fcntl(%d, F_DUPFD_CLOEXEC, 3)", number);

    call->row.argument[0] = (uint64_t)number;
    call->row.argument[1] = F_DUPFD_CLOEXEC;
    call->row.argument[2] = 3;
    return close_last(changes->sequence);
}

static void set_dup(struct call *call, int from, const struct holding *holding)
{
    call->from = from;
    call->row.argument[1] = (uint64_t)holding->number;
    call->row.argument[2] = holding->closes ? O_CLOEXEC : 0;
}

static void add_replacement(struct changes *changes, const struct holding *holding,
                            int copy)
{
    struct sequence *sequence = changes->sequence;

    set_dup(add_call(sequence, "streams", CALL_DUP3, "dup3(, %d, %s)", holding->number,
                     holding->closes ? "O_CLOEXEC" : "0"),
            changes->opened[holding->use], holding);
    if (copy >= 0)
        set_dup(add_undo(sequence, CALL_DUP3), copy, holding);
    else
        add_undo(sequence, CALL_CLOSE)->row.argument[0] = (uint64_t)holding->number;
}

static void add_settings(struct changes *changes, const struct supplies *supplies)
{
    struct sequence *sequence = changes->sequence;
    struct call *call;

    if (changes->plan->umask >= 0) {
        call = add_call(sequence, "umask", CALL_UMASK, "umask(%03o)",
                        (unsigned)changes->plan->umask);
        call->row.argument[0] = (uint64_t)changes->plan->umask;
        add_undo(sequence, CALL_UMASK)->from = (int)sequence->count - 1;
    }
    if (supplies->directory < 0)
        return;
    int64_t dot = add_data(sequence, ".", 2);
    call = add_call(sequence, "chdir", CALL_OPENAT, "openat(AT_FDCWD, \".\", O_PATH)");
    call->row.argument[0] = (uint64_t)AT_FDCWD;
    call->data[1] = dot;
    call->row.argument[2] = O_PATH | O_CLOEXEC;
    int before = close_last(changes->sequence);
    int opened = add_open(changes, supplies->directory,
                          O_PATH | O_DIRECTORY | O_CLOEXEC, "chdir");
    add_call(sequence, "chdir", CALL_FCHDIR, "fchdir()")->from = opened;
    add_undo(sequence, CALL_FCHDIR)->from = before;
}

static int add_terminal_open(struct sequence *sequence)
{
    static const char tty[] = "/dev/tty";
    int64_t offset = add_data(sequence, tty, sizeof tty);
    struct call *call =
        add_call(sequence, "setsid", CALL_OPENAT, "openat(AT_FDCWD, \"%s\")", tty);

    call->row.argument[0] = (uint64_t)AT_FDCWD;
    call->data[1] = offset;
    call->row.argument[2] = O_RDONLY | O_NOCTTY | O_CLOEXEC;
    return close_last(sequence);
}

int build_changes(struct sequence *sequence, const struct subject *subject,
                  const struct dz_plan *plan, const struct holdings *found,
                  const struct supplies *supplies, struct dz_fault *fault)
{
    struct changes changes = {sequence, subject, plan, {0}};
    uint64_t signals = signals_to_ignore(subject, plan);
    int copies[found->count + 1];

    add_opens(&changes, found, supplies);
    for (size_t i = 0; i < found->count; i++) {
        bool open = strcmp(found->list[i].was, "closed") != 0;
        copies[i] = open ? add_copy(&changes, found->list[i].number) : -1;
    }
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if ((signals & dz_signal_bit(number)) != 0)
            add_ignore(&changes, number);
    add_settings(&changes, supplies);
    for (size_t i = 0; i < found->count; i++)
        add_replacement(&changes, &found->list[i], copies[i]);
    if (!sequence->failed)
        return 0;
    return dz_fault_number(fault, "adopt", subject->pid, ENOMEM, NULL);
}

static void add_session(struct sequence *sequence, const struct subject *subject)
{
    struct call *call;
    int terminal;

    switch (subject->way) {
    case SESSION_KEPT:
        return;
    case SESSION_TERMINAL:
        terminal = add_terminal_open(sequence);
        call = add_call(sequence, "setsid", CALL_IOCTL, "ioctl(, TIOCNOTTY)");
        call->from = terminal;
        call->row.argument[1] = TIOCNOTTY;
        return;
    case SESSION_JOIN:
        call = add_call(sequence, "setsid", CALL_SETPGID, "setpgid(0, %d)",
                        (int)subject->group);
        call->row.argument[1] = (uint64_t)subject->group;
        add_undo(sequence, CALL_SETPGID); /* to a group of its own again */
        break;
    case SESSION_SETSID:
        break;
    }
    add_call(sequence, "setsid", CALL_SETSID, "setsid()");
}

/* Lets the process go on that Ctrl-Z had stopped: no shell can continue it any more.
 * It sends the signal itself, so that no other process can get it, and gets it even if
 * we are killed. */
static void add_continue(struct sequence *sequence, const struct subject *subject)
{
    struct call *call =
        add_call(sequence, "adopt", CALL_KILL, "kill(%d, SIGCONT)", (int)subject->pid);

    call->row.argument[0] = (uint64_t)subject->pid;
    call->row.argument[1] = SIGCONT;
    call->may_fail =
        true; /* its session cannot be undone: it is adopted, and stopped */
}

/* Returns whether that call has worked. */
static bool has_continued(const struct sequence *sequence)
{
    for (size_t i = 0; i < sequence->count; i++)
        if (sequence->calls[i].row.number == call_number(CALL_KILL, sequence->wide))
            return sequence->calls[i].row.result == 0;
    return false;
}

bool was_continued(const struct member *member)
{
    return has_continued(&member->changes) || has_continued(&member->session);
}

/* Adds the closing of what the calls of done, or of the sequence itself, have opened.
 */
static void add_closes(struct sequence *sequence, const struct sequence *done)
{
    const struct sequence *opened = done != NULL ? done : sequence;

    for (size_t i = 0; i < opened->closing_count; i++) {
        struct call *call = add_call(sequence, "close", CALL_CLOSE, "close()");
        if (done != NULL)
            call->row.argument[0] = (uint64_t)done->calls[done->closing[i]].row.result;
        else
            call->from = sequence->closing[i];
        call->may_fail = true;
    }
}

int build_session(struct sequence *sequence, const struct subject *subject,
                  const struct sequence *done, bool stopped, struct dz_fault *fault)
{
    add_session(sequence, subject);
    if (stopped)
        add_continue(sequence, subject);
    add_closes(sequence, NULL);
    if (done != NULL)
        add_closes(sequence, done);
    if (!sequence->failed)
        return 0;
    return dz_fault_number(fault, "adopt", subject->pid, ENOMEM, NULL);
}
