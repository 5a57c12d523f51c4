/*
 * The job room: what is left of a start outside its process.  Identity, pidfile,
 * record, the processes of a job, its end, the end of its log.
 *
 * Needs base.  Knows no plan: dzctl uses this room as a start does.  The rules of
 * base.h hold here too.
 */
#ifndef JOB_H
#define JOB_H

#include "base.h"

/* ---- identity.c: one process, and no other that gets its PID ---- */

enum { DZ_BOOT_MAX = 40 /* a UUID and its zero */ };

/*
 * What tells a process from every other on this machine.  A reused PID has another
 * start time; clock ticks count from the boot; a PID belongs to a namespace.
 */
struct dz_identity {
    pid_t pid;
    uint64_t start;         /* clock ticks after boot */
    uint64_t space;         /* inode of the PID namespace; 0 if /proc hides it */
    char boot[DZ_BOOT_MAX]; /* of /proc/sys/kernel/random/boot_id; "-": unknown */
};

/* Identifies pid.  Returns 0, or -1 and sets errno: ESRCH if there is no such process
 * or it has ended, EOPNOTSUPP if /proc is missing or of another PID namespace. */
int dz_identify(pid_t pid, struct dz_identity *identity);

/*
 * Tells whether that process is there and has not ended.  Returns 1, 0, or -1 and
 * sets errno if it cannot tell.  A caller that wants to start another process must
 * not take -1 for 0.
 */
int dz_identity_runs(const struct dz_identity *identity);

/*
 * Returns whether it began after that moment, in nanoseconds since the epoch: a file
 * of that age which holds its PID meant another process.  The kernel rounds both to a
 * clock tick, so a moment within two ticks counts as before.
 */
bool dz_began_after(const struct dz_identity *identity, int64_t moment);

/*
 * Opens a pidfd for that process, close-on-exec: opened first, then compared.  Returns
 * it, or -1 and sets errno: ESRCH if the process is gone, ENOSYS or EPERM if the system
 * has no pidfd_open(2).
 */
int dz_open_process(const struct dz_identity *identity);

/*
 * Sends signal to that process through a pidfd, so that it reaches no other.  If the
 * system has none, by kill(2) right after a comparison.  Returns 0, or -1 and sets
 * errno; ESRCH if the process is gone.
 */
int dz_signal_process(const struct dz_identity *identity, int signal);

/*
 * Waits until that process has ended (a zombie has) or the clock reaches until.
 * Returns whether it has ended.
 */
bool dz_await_end(const struct dz_identity *identity, int64_t until);

/* ---- claim.c: files that appear whole, made by one start at a time ---- */

/*
 * The right to make one file.  The lock is on a file beside it, ".NAME.new".  The
 * contents are written there too and renamed into place: no reader sees half a file,
 * and the rename leaves no lock behind.
 */
struct dz_claim {
    int fd;              /* of that file, close-on-exec; never 0 if held, 0: not held */
    char path[PATH_MAX]; /* of the file to be made; empty: none */
};

/*
 * Claims path, which is made absolute.  Waits while another start holds it, for
 * patience milliseconds at most (0: without limit).  The fault's step is step.
 */
int dz_claim(struct dz_claim *claim, const char *path, const char *step,
             int64_t patience, struct dz_fault *fault);

enum { DZ_UNDO_MS = 5000 /* the patience of one that only cleans up */ };

/* Puts what was written to claim->fd into place with that mode, and releases.
 * Returns 0, or -1 and sets errno. */
int dz_claim_publish(struct dz_claim *claim, mode_t mode);

/* Gives up: removes the empty file and releases.  No error matters: an empty file
 * that stays names no process. */
void dz_claim_drop(struct dz_claim *claim);

/* Unlocks and closes without removing: another image of ours claims it anew. */
void dz_claim_release(struct dz_claim *claim);

/* ---- pidfile.c ---- */

enum dz_pidfile_state {
    DZ_PIDFILE_NONE,    /* there is no such file */
    DZ_PIDFILE_EMPTY,   /* it is empty */
    DZ_PIDFILE_GARBAGE, /* it is not one PID of at least 2 and a newline */
    DZ_PIDFILE_STALE,   /* no process has that PID, or one younger than the file */
    DZ_PIDFILE_RUNS     /* that process is older than the file */
};

struct dz_pidfile {
    enum dz_pidfile_state state;
    struct dz_identity who; /* RUNS: the process; STALE: its pid alone */
    unsigned uid;           /* the file's owner */
    unsigned mode;          /* as st_mode */
};

/*
 * Reads a pidfile.  Returns 0, or -1 and sets errno if it is no regular file (EINVAL),
 * a symbolic link (ELOOP) or cannot be read.
 */
int dz_pidfile_read(const char *path, struct dz_pidfile *pidfile);

/* Reads the pidfile to *old.  Returns 0 if a start may have it, or -1 with the fault if
 * its process runs or the file cannot be trusted. */
int dz_pidfile_check(const char *path, struct dz_pidfile *old, struct dz_fault *fault);

/* Appends "empty", "not a PID" or "stale, of PID 12"; nothing if there is no file or
 * its process runs. */
void dz_pidfile_words(const struct dz_pidfile *pidfile, struct dz_text *text);

/*
 * Removes path, under the lock of its claim, if it names pid and that is this process
 * or has ended.
 */
void dz_pidfile_remove(const char *path, pid_t pid);

/* ---- record.c, record_text.c: what is known of a job ---- */

/*
 * The beginning of a record: what tells whether the job runs.  The whole is lines
 * "KEY VALUE".  Newlines and backslashes in values are written as \n and \\.  First
 * dz, pid, start, boot, space, session, since.  Then, as far as they are known, name,
 * cwd, umask, log, log_size, error_log, error_log_size, pidfile; an "option NAME" or
 * "option NAME=VALUE" for each option that was set, an "arg" for each argument of the
 * command, "end".  After "end" a "status", as of waitpid(2), if it became known.
 */
struct dz_record {
    struct dz_identity who;
    pid_t session;
    int64_t since; /* seconds since the epoch */
};

/* Parses those lines.  Returns the text after them, or NULL if it is no record. */
const char *dz_record_parse(const char *text, struct dz_record *record);

/* A record on its way to a descriptor: a record has no greatest length. */
struct dz_record_out {
    int fd;
    int err; /* errno of the first write(2) that failed, or 0 */
    size_t length;
    char data[1024];
};

/* Begins the record of that process on fd.  Returns 0, or -1 and sets errno as
 * dz_identify does. */
int dz_record_begin(struct dz_record_out *out, int fd, pid_t pid);

/* Adds a line. */
void dz_record_text(struct dz_record_out *out, const char *key, const char *value);
void dz_record_number(struct dz_record_out *out, const char *key, int64_t number);

/* Adds "option NAME" or, unless value is empty, "option NAME=VALUE". */
void dz_record_option(struct dz_record_out *out, const char *name, const char *value);

/* Adds the last line.  Returns 0, or -1 and sets errno of the write(2) that failed. */
int dz_record_end(struct dz_record_out *out);

/* Opens a record in that directory for reading.  Returns the descriptor, or -1 and
 * sets errno: EPERM if another user owns it or may write to it. */
int dz_record_open(int directory, const char *file);

/* Reads the beginning of a record.  Returns 0, or -1 and sets errno: ENOENT, or EPERM
 * and EINVAL for a file that cannot be trusted or is no record. */
int dz_record_read(int directory, const char *file, struct dz_record *record);

/* Returns whether the name is free, 0 or -1 with the fault.  directory is open on the
 * state directory. */
int dz_record_check_name(const char *name, int directory, struct dz_fault *fault);

/* Adds how the job has ended, as of waitpid(2), to the record at path if it names
 * pid. */
void dz_record_add_status(const char *path, pid_t pid, int status);

/* Returns whether the record at path names pid. */
bool dz_record_names(const char *path, pid_t pid);

/*
 * Removes the record at path if it names pid and that has ended.  ours: the record is
 * of this very start, and goes although its process runs.
 */
void dz_record_remove(const char *path, pid_t pid, bool ours);

/* Removes the records of unnamed jobs that have ended, if there are very many. */
void dz_record_sweep(const char *directory);

/* ---- state.c ---- */

/*
 * Opens the state directory for looking and writes its path: $DZ_STATE_DIR, /run/dz
 * for root, else ${XDG_STATE_HOME:-$HOME/.local/state}/dz.  Makes it if it is missing
 * and make is true.  Returns the descriptor, or -1 with a fault if it cannot be had,
 * another user owns it, or others may write to it.
 */
int dz_state_open(char **envp, bool make, char path[PATH_MAX], struct dz_fault *fault);

/* ---- members.c: the processes of a job ---- */

struct dz_members {
    pid_t session;   /* members are in it; 0: none */
    pid_t root;      /* and those below this process, without itself; 0: none */
    uint64_t oldest; /* root's start: no process below it is older */
    pid_t except;    /* not counted; 0: none */
};

/*
 * Calls visit for each living member until it returns something other than 0.
 * Returns that, 0 at the end, or -1 and sets errno.
 */
int dz_members_each(const struct dz_members *members,
                    int (*visit)(const struct dz_process *process, void *data),
                    void *data);

/* Returns whether pid is a member, or was one and is a zombie. */
bool dz_members_has(const struct dz_members *members, pid_t pid);

/* ---- stopping.c ---- */

/*
 * Ends the members: TERM and CONT to each, KILL to those that live when the clock
 * (dz_milliseconds) reaches until, and to whatever they fork meanwhile.  Returns 0 when
 * none is left, or -1 and sets errno: EPERM if one cannot be signalled, EBUSY if one
 * lives 5 s after KILL.
 */
int dz_stop_members(const struct dz_members *members, int64_t until);

/* Ends one process: signal and CONT, then KILL.  Returns 1 if it took KILL, else as
 * dz_stop_members. */
int dz_stop_process(const struct dz_identity *who, int signal, int64_t until);

/* ---- tail.c: lines of a log ---- */

/* Finds where the last lines of bytes from..end of a file begin.  Sets *lines to their
 * number.  most: how many bytes to look at; INT64_MAX: all. */
int64_t dz_find_lines(int fd, int64_t from, int64_t end, int64_t most, int *lines);

/*
 * Shows the file open on log from byte from on: all of it up to 25 lines, else the first
 * 8, the number left out, and the last 16.  Writes each line to the descriptor to, after
 * two spaces and with control characters as '?'.  Returns the number of lines shown; 0
 * if there is none or it is no regular file.
 */
int dz_show_run(int log, int64_t from, int to);

#endif
