/*
 * The adopt room: --adopt, which makes a running program what dznohup -d would have
 * made of it.
 *
 * Needs all that the launcher's room needs.  It runs in our own process alone, so it
 * may use the whole libc.  The target is changed by system calls that one of its own
 * threads makes while all of them are stopped, ptrace(2).  Nothing is loaded into it.
 *
 * Invariants: whatever can be refused is refused before the first change.  The calls
 * are a program in the target's memory (remote.c), with what undoes them.  If we are
 * killed at any moment, the target runs that program to its end without us, and goes
 * on where it was.
 *
 * Unless a comment says otherwise a function returns 0, or -1 with *fault filled in.
 */
#ifndef ADOPT_H
#define ADOPT_H

#include "calls.h"
#include "dznohup.h"
#include "machine.h"

/* ---- subject.c: what the target is, from /proc ---- */

/* What becomes of its session. */
enum session_way {
    SESSION_KEPT,    /* it leads one already */
    SESSION_SETSID,  /* it does not lead its process group */
    SESSION_JOIN,    /* it leads its group: it joins another one before */
    SESSION_TERMINAL /* it leads its session: it gives up the terminal */
};

struct subject {
    pid_t pid;
    struct dz_process process; /* as it was found */
    uint64_t ignored;          /* signals: bit N-1 */
    uint64_t caught;
    int umask;
    unsigned uid;
    pid_t group_of_threads; /* the process, if pid is a thread */
    pid_t tracer;
    int seccomp; /* 0: none, 1: strict, 2: filters */
    int filters; /* their number; -1: unknown */
    int namespaces;
    bool of_kernel;
    char name[64];
    char cwd[PATH_MAX];
    char **argv;         /* allocated: its words */
    char *words;         /* allocated: what most of them point into */
    char file[PATH_MAX]; /* of a login shell: what argv[0] points to */
    bool retitled; /* the words may not be those that the process was started with */
    enum session_way way;
    pid_t group; /* SESSION_JOIN: the group to join */
};

/* Reads what /proc tells of the process.  A process that is gone, hidden, a thread, a
 * zombie or of the kernel is a fault. */
int read_subject(struct subject *subject, pid_t pid, struct dz_fault *fault);

/* Frees its words. */
void free_subject(struct subject *subject);

/* Returns the signals that wait for the thread and are not blocked. */
uint64_t pending_signals(pid_t pid, pid_t tid);

/* Returns how often the thread has gone to sleep, or -1 if that is not known. */
int64_t count_sleeps(pid_t pid, pid_t tid);

/* Returns the process that traces the thread, or 0. */
pid_t tracer_of(pid_t tid);

/* Returns the signals that the process catches by now; all if that is not known. */
uint64_t caught_signals(pid_t pid);

/* ---- refusals.c ---- */

/* Returns 0 if the process is of the user that can open what it is to take over.
 * target: the process that it is adopted with, or 0. */
int check_user(const struct subject *subject, pid_t target, struct dz_fault *fault);

/* Returns 0 if the process can be adopted as far as /proc tells. */
int check_subject(const struct subject *subject, struct dz_fault *fault);

/* Fills in the fault about that process, with words made of a format.  Returns -1. */
int refuse(const struct subject *subject, struct dz_fault *fault, const char *format,
           ...) __attribute__((format(printf, 3, 4)));

/* Fills in the fault of a ptrace(2) that was refused with err, with the way out. */
int refuse_trace(const struct subject *subject, int err, struct dz_fault *fault);

/* ---- holdings.c: the descriptors that are to be replaced ---- */

enum holding_use {
    USE_NULL,   /* gets /dev/null */
    USE_INPUT,  /* gets the file of -i */
    USE_OUTPUT, /* gets the log */
    USE_BOTH,   /* is open for reading too: gets the log, at its end */
    USE_ERROR   /* gets the log of -e */
};

struct holding {
    int number;
    enum holding_use use;
    bool closes;  /* close-on-exec */
    int flags;    /* as of open(2) */
    dev_t device; /* what it is open on */
    ino_t inode;
    const char *was; /* "terminal", "pipe", ...: for -n */
};

struct holdings {
    struct holding *list; /* allocated */
    size_t count;
};

/* Lists the descriptors of the target that are to be replaced. */
int find_holdings(const struct subject *subject, const struct dz_plan *plan,
                  struct holdings *found, struct dz_fault *fault);

/* Returns whether any of them is to be of that use. */
bool has_use(const struct holdings *found, enum holding_use use);

/* ---- seize.c ---- */

/* PTRACE_SEIZE, for a moment at most.  Returns 0, or -1 and sets errno: EINTR if a
 * thread of that process executes another program. */
int seize(pid_t tid, long options);

/* ---- tracee.c: the threads of a process ---- */

struct thread {
    pid_t tid;
    bool seized;
    bool interrupted; /* it is to stop, or has stopped */
    bool stopped;
    bool read;      /* registers are those of this stop */
    bool ended;     /* or cannot be attached to, as it is about to */
    int group_stop; /* the signal that had stopped the process before, or 0 */
    struct registers registers; /* as it was stopped */
    bool changed;               /* registers are to be written back */
    int64_t began;  /* monotonic_nanoseconds when its call began to wait; 0: unknown */
    int64_t sleeps; /* how often the thread had gone to sleep by then */
    int64_t runs;   /* how often it had got a processor by then; -1: unknown */
    struct waited_call waited; /* that call */
    uint64_t slot;             /* the address of a copy of its time-out, or 0 */
};

struct tracee {
    pid_t pid;
    pid_t living; /* a thread whose files in /proc tell of the process: pid, unless that
                   * one has ended */
    struct thread *threads; /* allocated */
    size_t count;
    size_t late;    /* the index of the thread that has not stopped in time */
    bool suspend;   /* as root: the target's seccomp filters are suspended meanwhile */
    int memory;     /* of the target, or -1 */
    uint64_t code;  /* the address where the code goes, or 0 */
    uint64_t slots; /* that of the first slot, or 0 */
    size_t slot_count;
    uint64_t stack_begin; /* the first thread's stack; 0: unknown */
    uint64_t stack_end;
    uint64_t caught;      /* signals, before it was stopped */
    int64_t traced_since; /* monotonic_nanoseconds */
    int64_t stopped_since;
};

/* Returns 0 if the process can be attached to.  Does not attach. */
int may_trace(const struct subject *subject, struct dz_fault *fault);

/* Lists the threads, before they are attached to. */
void list_threads(struct tracee *tracee);

/* Attaches to all threads.  Stops none. */
int seize_all(struct tracee *tracee, const struct subject *subject,
              struct dz_fault *fault);

/* Stops all threads, new ones too, and reads their registers.  Returns 1 if one is
 * late: it waits in the kernel for a disk, or for its vfork(2) child, which may be
 * stopped by us. */
int stop_all(struct tracee *tracee, const struct subject *subject,
             struct dz_fault *fault);

/* Lets the stopped threads run again, and stays attached: all of them, or all but the
 * late one. */
void resume_all(struct tracee *tracee, bool all);

/* Waits for the late thread for a moment.  Returns 1 if it has stopped or ended, 0, or
 * -1 after a time of dz_milliseconds. */
int look_at_late(struct tracee *tracee, int64_t until, struct dz_fault *fault);

/* Writes registers back where they were changed, and lets all threads go.  After an
 * error a thread has ended, by SIGKILL. */
void release_all(struct tracee *tracee);

/* Frees what is known of them.  They have been let go. */
void forget_all(struct tracee *tracee);

/* Returns the thread to make calls in: one in a system call if there is one. */
struct thread *calling_thread(struct tracee *tracee);

/* Returns whether a thread was stopped before, as by Ctrl-Z. */
bool was_stopped(const struct tracee *tracee);

/* ---- waited.c: how long a thread has waited in its call ---- */

int64_t monotonic_nanoseconds(void);

/* Reads the call that the thread waits in. */
void read_call(pid_t pid, pid_t tid, struct waited_call *waited);

/* Returns the form in which the interrupted call takes its time-out, and sets
 * *argument. Returns TIME_NONE for a call that the kernel restarts by itself. */
enum time_form time_of_call(const struct registers *registers, int *argument);

/* Returns whether the thread waits in a call that any stop interrupts. */
bool waits_in_timed_call(pid_t pid, pid_t tid);

/* Notes for how long each thread has waited by now.  For those that are not stopped. */
void note_waits(struct tracee *tracee);

/* Returns for how many nanoseconds the call had waited that the stop has interrupted,
 * or 0 if that is not known. */
int64_t time_waited(pid_t pid, const struct thread *thread);

/* ---- interrupted.c ---- */

/* Makes the thread make its call again if the stop has ended that with EINTR. */
void repeat_interrupted(struct tracee *tracee, struct thread *thread);

/* Removes the copies of time-outs, after the threads have been let go. */
void remove_copies(struct tracee *tracee);

/* ---- unused.c ---- */

/* The code goes to the last bytes.  Copies of time-outs stay away from it. */
enum { CODE_MAX = 256, CODE_AND_DISTANCE = 2 * CODE_MAX, SLOT = 16 /* a copy */ };

/* At the far end of the first thread's stack there stays room for a handler's frame, if
 * we are killed. */
enum { HANDLERS = 16384 };

/* Opens the target's memory. */
int open_memory(struct tracee *tracee);

/* Opens it again: the program may have executed another one, whose memory is another
 * one.  After vfork(2), what was open before is the parent's. */
int renew_memory(struct tracee *tracee);

/* Opens the target's memory, and finds the places in it that are used.  Returns 0, or
 * -1 and sets errno: 0 if it has none for the code. */
int find_places(struct tracee *tracee);

/* Returns whether all of that may be read and written by the target. */
bool is_writable(const struct tracee *tracee, uint64_t begin, uint64_t end);

/* Finds them again if they are in use by now. */
int check_places(struct tracee *tracee);

/* Closes the memory, and forgets the places. */
void close_places(struct tracee *tracee);

/* ---- changes.c ---- */

/* Our descriptors that the target takes over; -1: none. */
struct supplies {
    int fd[USE_ERROR + 1]; /* by use; that of USE_BOTH is the log's */
    int directory;
    bool readable; /* the log may be read, too */
    bool two_ways; /* the input is a FIFO, to be held open at both ends */
};

/* Builds the calls that make the process a daemon, but for its session. */
int build_changes(struct sequence *sequence, const struct subject *subject,
                  const struct dz_plan *plan, const struct holdings *found,
                  const struct supplies *supplies, struct dz_fault *fault);

/* Builds the calls that give the process its session, and close what is not needed any
 * more.  done: the changes if they were run already; NULL if they are in this sequence.
 * stopped: the process was stopped, as by Ctrl-Z, and is to go on. */
int build_session(struct sequence *sequence, const struct subject *subject,
                  const struct sequence *done, bool stopped, struct dz_fault *fault);

/* Returns the signals that are to be ignored and are not yet. */
uint64_t signals_to_ignore(const struct subject *subject, const struct dz_plan *plan);

/* ---- supplies.c ---- */

/* Opens nothing yet. */
void init_supplies(struct supplies *supplies);

/* Opens what is to be taken over and is not open yet, in the caller's directory. */
int open_supplies(struct dz_start *start, const struct dz_plan *plan,
                  const struct holdings *found, struct supplies *supplies,
                  struct dz_fault *fault);

/* ---- crew.c: the target, and the processes that are adopted with it ---- */

struct member {
    struct subject subject;
    struct holdings found;
    struct tracee tracee;
    struct sequence changes; /* with the session, if it is the only member */
    struct sequence session;
    bool changed; /* the changes are made, and the session is not */
};

struct crew {
    struct member **list; /* allocated; the target first */
    size_t count;
    bool tree;               /* the target's descendants and its group, all of them */
    struct dz_process *seen; /* allocated: of its session, when gather() looked last */
    size_t seen_count;
};

/* Adds the processes that are to be adopted with the target and are not in the crew
 * yet, and checks them.  Returns their number, or -1. */
int gather(struct crew *crew, struct dz_fault *fault);

/* Adds the children of the crew that belong to it, without a walk over /proc: a child
 * that is to be stopped may soon end.  Returns their number; it may miss some. */
int gather_children(struct crew *crew);

/* Decides about the sessions of all.  stopped: they are stopped, and all of them are
 * known.  If a child that has ended keeps a group from being left, the fault is EPERM.
 */
int choose_sessions(struct crew *crew, bool stopped, struct dz_fault *fault);

/* Makes the crew of the target.  If there is one already, makes it anew from its
 * members that still run.  After an error the crew is as before. */
int begin_crew(struct crew *crew, pid_t pid, struct dz_fault *fault);

/* Returns whether it has sent itself the signal that continues it (changes.c). */
bool was_continued(const struct member *member);

/* ---- adopt.c ---- */

struct adoption {
    struct dz_start *start;
    const struct dz_plan *plan;
    struct dz_plan *recorded; /* as of a start that had made this daemon */
    struct crew crew;
    struct supplies supplies;
    bool was_daemon;
    bool claims; /* the names of record and pidfile, or tries to */
    bool published;
    int tries;                                           /* that have failed */
    char reason[sizeof(((struct dz_fault *)0)->reason)]; /* of the last refusal */
    int repeated;        /* how often it has come in a row */
    size_t others;       /* the processes that were adopted with the target */
    bool stopped_before; /* by Ctrl-Z */
    bool stays_stopped;
    bool final;     /* what fails from here on would fail again */
    int64_t until;  /* dz_milliseconds: when no thread is waited for any more */
    int64_t paused; /* nanoseconds for which the threads were stopped */
    int64_t traced; /* and attached to */
};

/* Returns the process that --adopt names. */
static inline struct member *target_of(const struct adoption *adoption)
{
    return adoption->crew.list[0];
}

/* ---- perform.c ---- */

/* Stops the crew, changes it, lets it go. */
int change(struct adoption *adoption, struct dz_fault *fault);

/* Returns whether a member other than the target has ended, which is no failure. */
bool is_gone(const struct adoption *adoption, const struct member *member);

/* Prints the calls that were made. */
void say_changes(const struct adoption *adoption);

/* ---- forecast.c: -n and -v ---- */

/* Prints what would be changed. */
int print_changes(const struct subject *subject, const struct dz_plan *plan,
                  const struct holdings *found);

/* Prints the calls that were made. */
void say_calls(const struct sequence *sequence, pid_t pid);

#endif
