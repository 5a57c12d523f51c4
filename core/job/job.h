/*
 * A job's traces outside of its process: who it is, its pidfile, its record,
 * its family, its end.  dzctl uses these as the start does.  The rules of dz.h
 * hold here too.
 */
#ifndef JOB_H
#define JOB_H

#include "base.h"

struct dz_plan;

/* ---- identity.c: this very process, and no other that gets its PID ------------- */

enum { DZ_BOOT_MAX = 40 /* a UUID and its zero */ };

/*
 * What tells a process from every other, on this machine and before and after:
 * a reused PID has another start time; clock ticks count from the boot; a PID
 * means something in its namespace only.
 */
struct dz_identity {
    pid_t pid;
    uint64_t start;         /* clock ticks after boot */
    uint64_t space;         /* inode of the PID namespace; 0 where /proc hides it */
    char boot[DZ_BOOT_MAX]; /* of /proc/sys/kernel/random/boot_id; "-": unknown */
};

/* Identify pid.  -1 with errno: ESRCH where there is none or it has ended,
 * EOPNOTSUPP where /proc is missing or of another PID namespace. */
int dz_identify(pid_t pid, struct dz_identity *identity);

/*
 * Whether that very process is there and has not ended.  1, 0, or -1 with errno
 * where that cannot be told: who asks in order to start another one must not
 * take that for a no.
 */
int dz_runs(const struct dz_identity *identity);

/*
 * Whether it began after that moment, nanoseconds since the epoch: then a file
 * of that age which holds its PID meant another.  Both are rounded by the
 * kernel, to a clock tick each, so a moment within two ticks counts as before.
 */
bool dz_began_after(const struct dz_identity *identity, int64_t moment);

/*
 * A descriptor for that very process, pidfd_open(2), close-on-exec: opened
 * first, then compared.  -1 with errno: ESRCH where it is gone, ENOSYS or EPERM
 * where the system has no such descriptors.
 */
int dz_open_process(const struct dz_identity *identity);

/*
 * Send signal to that very process, through such a descriptor, so that it
 * cannot reach another one.  Where the system has none, by kill(2) right after
 * a comparison.  -1 with errno; ESRCH where it is gone.
 */
int dz_signal_process(const struct dz_identity *identity, int signal);

/* Milliseconds of a clock that only goes forward. */
int64_t dz_milliseconds(void);

/*
 * Wait until that process has ended (as a zombie it has) or the clock reaches
 * until.  Whether it has.
 */
bool dz_await_end(const struct dz_identity *identity, int64_t until);

/* ---- claim.c: files that appear whole, by one start at a time ------------------- */

/*
 * The right to make one file.  The lock is on a file beside it, ".NAME.new",
 * which is also where its contents are written before they are renamed into
 * place; so nobody sees half a file, and who has renamed has left no lock.
 */
struct dz_claim {
    int fd;              /* of that file, close-on-exec; -1: not claimed */
    char path[PATH_MAX]; /* of the file to be made; empty: none */
};

/* No claim. */
void dz_claim_init(struct dz_claim *claim);

/*
 * Claim path, which is made absolute; waits while another start has it, but no
 * longer than patience, in milliseconds, 0 being for ever.  The fault's step is
 * called step.
 */
int dz_claim(struct dz_claim *claim, const char *path, const char *step,
             int64_t patience, struct dz_fault *fault);

enum { DZ_UNDO_MS = 5000 /* the patience of who only wants to clean up */ };

/* Put what was written to claim->fd into place with that mode, and release.
 * -1 with errno. */
int dz_claim_publish(struct dz_claim *claim, mode_t mode);

/* Give up: remove the empty file, release.  No error matters: a file that
 * stays is empty and names nobody. */
void dz_claim_drop(struct dz_claim *claim);

/* Unlock and close without removing: another image of ours claims it anew. */
void dz_claim_release(struct dz_claim *claim);

/* ---- pidfile.c ------------------------------------------------------------------ */

enum dz_pidfile_state {
    DZ_PIDFILE_NONE,    /* there is no such file */
    DZ_PIDFILE_EMPTY,   /* nothing in it */
    DZ_PIDFILE_GARBAGE, /* not one PID of at least 2 and a newline */
    DZ_PIDFILE_STALE,   /* nobody has that PID, or somebody younger than the file */
    DZ_PIDFILE_RUNS     /* that process is older than the file */
};

struct dz_pidfile {
    enum dz_pidfile_state state;
    struct dz_identity who; /* RUNS: the process; STALE: its pid alone */
    unsigned uid;           /* the file's owner */
    unsigned mode;          /* as st_mode */
};

/*
 * Read a pidfile.  -1 with errno and nothing believed where it is no regular
 * file (EINVAL), a symbolic link (ELOOP) or cannot be read.
 */
int dz_pidfile_read(const char *path, struct dz_pidfile *pidfile);

/* Whether a start may have that pidfile: read to *old, as it is; -1 with the fault
 * where its process runs or it is nothing to be believed. */
int dz_pidfile_check(const char *path, struct dz_pidfile *old, struct dz_fault *fault);

/* "empty", "not a PID", "stale: no process 12"; NULL where there is none or it
 * runs.  Written to text. */
void dz_pidfile_words(const struct dz_pidfile *pidfile, struct dz_text *text);

/*
 * Prepare: claim the pidfile that the plan asks for, and see that nobody runs
 * under it.  What is replaced is noted in plan->pidfile_old.
 */
int dz_pidfile_claim(struct dz_plan *plan, struct dz_fault *fault);

/* Put pid into the claimed file. */
int dz_pidfile_publish(struct dz_plan *plan, pid_t pid, struct dz_fault *fault);

/*
 * Remove path if it names pid, and that is this very process or gone; under the
 * lock of its claim.
 */
void dz_pidfile_remove(const char *path, pid_t pid);

/* ---- state.c, record.c, format.c: what is known of a job --------------------- */

/*
 * The beginning of a record: what tells whether the job runs.  The whole is
 * lines "KEY VALUE", newlines and backslashes in values written as \n and \\:
 * dz, pid, start, boot, space, session, since, then name, cwd, log, pidfile as
 * they are there, an "arg" for each word of the command, "end"; and behind that,
 * where somebody was told of it, "status" as of waitpid(2).
 */
struct dz_record {
    struct dz_identity who;
    pid_t session;
    int64_t since; /* seconds since the epoch */
};

/* Parse those lines.  NULL if it is no record, else the text behind them. */
const char *dz_record_parse(const char *text, struct dz_record *record);

/* Write the record of pid, as the plan has it, to fd.  -1 with errno, as
 * dz_identify and write(2). */
int dz_record_write(int fd, const struct dz_plan *plan, pid_t pid);

/*
 * The state directory, $DZ_STATE_DIR, /run/dz for root, else
 * ${XDG_STATE_HOME:-$HOME/.local/state}/dz, opened for looking, its path in
 * path; made if it is not there and make is true.  -1 with a fault where it
 * cannot be, is somebody else's, or others may write to it.
 */
int dz_state_open(char **envp, bool make, char path[PATH_MAX], struct dz_fault *fault);

/*
 * Open a record in that directory for reading.  -1 with errno: EPERM for one
 * that somebody else owns or may write.
 */
int dz_record_open(int folder, const char *file);

/*
 * Prepare: find the state directory; with a name claim its record and see that
 * nobody runs under it.  Without a name a directory that cannot be used is no
 * error.
 */
int dz_record_claim(struct dz_plan *plan, struct dz_fault *fault);

/* Whether a start may have the plan's name, as far as a look tells; nothing is made. */
int dz_name_check(const struct dz_plan *plan, struct dz_fault *fault);

/* Write the record of pid. */
int dz_record_publish(struct dz_plan *plan, pid_t pid, struct dz_fault *fault);

/* Note how the job of the record at path has ended, as of waitpid(2), if it is
 * about pid; behind its last line.  The same for the plan's own. */
void dz_record_note(const char *path, pid_t pid, int status);
void dz_record_note_plan(const struct dz_plan *plan, int status);

/* Whether the record at path is about pid. */
bool dz_record_names(const char *path, pid_t pid);

/* As dz_pidfile_remove, for a record. */
void dz_record_remove(const char *path, pid_t pid);

/* The same for the record of a job without a name; ours: of this start, so that
 * it goes although its process runs. */
void dz_record_drop_number(const struct dz_plan *plan, pid_t pid, bool ours);

/* ---- undo of a start's files ------------------------------------------- */

/* Commit: pidfile and record of this process. */
int dz_publish(struct dz_plan *plan, struct dz_fault *fault);

/* The caller: the job is another process now; both name pid from here on. */
int dz_publish_again(struct dz_plan *plan, pid_t pid, struct dz_fault *fault);

/* The job has ended well by the time its caller is told that it was started: the
 * pidfile goes, the record says so. */
void dz_publish_end(struct dz_plan *plan);

/* A start that has failed: whatever of the two names plan->pid goes. */
void dz_unpublish(struct dz_plan *plan);

/* ---- family.c: the processes of a job ---------------------------------- */

struct dz_family {
    pid_t session;   /* members are in it; 0: none */
    pid_t root;      /* and those below this process, without itself; 0: none */
    uint64_t oldest; /* root's start: nobody below it is older */
    pid_t except;    /* not counted; 0: none */
};

/*
 * Call visit for each living member until it returns something other than 0.
 * Returns that, 0 at the end, -1 with errno.
 */
int dz_family_each(const struct dz_family *family,
                   int (*visit)(const struct dz_process *process, void *data),
                   void *data);

/* Whether pid is a member, or was one and is a zombie. */
bool dz_family_has(const struct dz_family *family, pid_t pid);

/* ---- stop.c ------------------------------------------------------------ */

/*
 * End the members of family: TERM and CONT to each, KILL to those that live
 * when the clock (dz_milliseconds) reaches until, and to whatever they fork
 * meanwhile.  0 when none is left; -1 with errno: EPERM where one cannot be
 * signalled, EBUSY where one lives 5 s after KILL.
 */
int dz_stop_family(const struct dz_family *family, int64_t until);

/* The same for one process: signal and CONT, then KILL.  1 where it was that. */
int dz_stop_process(const struct dz_identity *who, int signal, int64_t until);

/* ---- tail.c: the end of a log ------------------------------------------ */

/*
 * Copy the last lines of the file open on log, from byte from on, to the
 * descriptor to, each behind two blanks and with control characters shown as
 * '?'.  Returns their number; 0 where there is none or it is no regular file.
 */
int dz_tail(int log, int64_t from, int lines, int to);

#endif
