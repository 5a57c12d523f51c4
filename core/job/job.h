/*
 * The job room: what a start leaves outside its process, and what is known of a job.
 * Identity, pidfile, record, the processes of a job, stopping, the end of a log.
 *
 * Needs base.  Knows no plan, because dzctl uses this room too.  The rules of base.h
 * hold here.
 */
#ifndef JOB_H
#define JOB_H

#include "base.h"

/* ---- identity.c: one process, and no other that gets its PID ---- */

enum {
    DZ_BOOT_MAX = 40,   /* a UUID and its zero */
    DZ_MACHINE_MAX = 66 /* a machine ID or host name and its zero */
};

/*
 * What tells a process from every other.  A reused PID has another start time.  Start
 * times count from the boot of a machine.  A PID belongs to a namespace.
 */
struct dz_identity {
    pid_t pid;
    uint64_t start; /* clock ticks after boot, as the initial time namespace has it */
    uint64_t space; /* inode of the PID namespace; 0 if /proc hides it */
    char boot[DZ_BOOT_MAX];       /* of /proc/sys/kernel/random/boot_id; "-": unknown */
    char machine[DZ_MACHINE_MAX]; /* of /etc/machine-id, else the host name; "-" */
};

/*
 * Identifies pid.  Returns 0, or -1 and sets errno: ESRCH if there is no such process
 * or it has ended, EOPNOTSUPP if /proc is missing or of another PID namespace, EPERM if
 * /proc hides the process.
 */
int dz_identify(pid_t pid, struct dz_identity *identity);

/* Works as dz_identify for a child that may have ended and was not waited for. */
int dz_identify_child(pid_t pid, struct dz_identity *identity);

/* Returns why it is not known whether a process runs, by the errno of dz_identify. */
const char *dz_why_unknown(int err);

/* Whether a process runs.  Only after a proven end may a function replace or remove a
 * file of the job, or say that the job has ended. */
enum dz_state { DZ_ENDED, DZ_RUNS, DZ_UNKNOWN };

/* Tells whether that process runs.  Sets *why, which may be NULL, to the reason if the
 * answer is DZ_UNKNOWN. */
enum dz_state dz_identity_state(const struct dz_identity *identity, const char **why);

/* Returns whether its boot and PID namespace are those of this process. */
bool dz_is_here(const struct dz_identity *identity);

/* Returns whether PID and start time of the identity are those of the process. */
bool dz_is_process(const struct dz_identity *identity,
                   const struct dz_process *process);

/*
 * Returns whether the process began after that moment, in nanoseconds since the epoch.
 * The kernel rounds both to a clock tick, so a moment within two ticks counts as
 * before.
 */
bool dz_began_after(const struct dz_identity *identity, int64_t moment);

/*
 * Opens a pidfd for that process, close-on-exec, and compares the identity afterwards.
 * Returns the pidfd, or -1 and sets errno: ESRCH if the process has ended, ENOSYS or
 * EPERM if pidfd_open(2) is missing or refused, EPERM also if it cannot be compared.
 */
int dz_open_process(const struct dz_identity *identity);

/*
 * Sends signal to that process through a pidfd, so that no other process gets it.  If
 * there are no pidfds, calls kill(2) right after a comparison.  Returns 0, or -1 and
 * sets errno: ESRCH if the process has ended.
 */
int dz_signal_process(const struct dz_identity *identity, int signal);

/*
 * Waits until that process has ended or the clock (dz_milliseconds) reaches until.  A
 * zombie has ended.  Returns whether the end is proven.
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

enum {
    DZ_UNDO_MS = 5000 /* the patience of a claim that no start of a job waits for */
};

/* Puts what was written to claim->fd into place with that mode, and releases.
 * Returns 0, or -1 and sets errno. */
int dz_claim_publish(struct dz_claim *claim, mode_t mode);

/* Gives up: removes the empty file and releases.  No error matters: an empty file
 * that stays names no process. */
void dz_claim_drop(struct dz_claim *claim);

/*
 * Opens a file without a name in that directory, open(2), O_TMPFILE; close-on-exec,
 * mode 0600 less the umask.  Returns the descriptor, or -1 and sets errno: not every
 * file system and kernel has such files.
 */
int dz_unnamed_open(const char *directory);

/* Gives that file a name.  Returns 0, or -1 and sets errno: EEXIST if a file has the
 * name. */
int dz_unnamed_link(int fd, const char *path);

/* Unlocks and closes without removing: another image of ours claims it anew. */
void dz_claim_release(struct dz_claim *claim);

/* ---- pidfile.c ---- */

enum dz_pidfile_state {
    DZ_PIDFILE_NONE,    /* there is no such file */
    DZ_PIDFILE_EMPTY,   /* it is empty */
    DZ_PIDFILE_GARBAGE, /* it is not one PID of at least 2 and a newline */
    DZ_PIDFILE_STALE,   /* its job has ended, or the process with its PID is younger */
    DZ_PIDFILE_RUNS,    /* its process runs */
    DZ_PIDFILE_UNKNOWN  /* its process may run */
};

struct dz_pidfile {
    enum dz_pidfile_state state;
    struct dz_identity who;    /* RUNS: the process; else its PID alone */
    const char *why;           /* UNKNOWN: the reason */
    unsigned uid;              /* the file's owner */
    unsigned mode;             /* as st_mode */
    char record[NAME_MAX + 1]; /* the file name of the record of its job, or empty */
};

/*
 * Reads a pidfile.  records is open on the state directory, or -1.  If a record names
 * this file and its PID, that record tells whether the job runs.  Else /proc does, and
 * a process that is not proven younger than the file is taken for the job.  Returns 0,
 * or -1 and sets errno if it is not a regular file (EINVAL), a symbolic link (ELOOP) or
 * cannot be read.
 */
int dz_pidfile_read(const char *path, int records, struct dz_pidfile *pidfile);

/* Reads the pidfile to *old.  Returns 0 if a start may replace it, or -1 with a fault
 * if its process runs or may run, or the file cannot be trusted. */
int dz_pidfile_check(const char *path, int records, struct dz_pidfile *old,
                     struct dz_fault *fault);

/* Appends "empty", "not a PID" or "stale, of PID 12"; nothing if there is no file or
 * its process may run. */
void dz_pidfile_words(const struct dz_pidfile *pidfile, struct dz_text *text);

/* Removes path, under the lock of its claim, if it names pid and is stale.  ours: it is
 * of this very start, and is removed although its process runs.  Returns 0, or -1 and
 * sets errno if such a file may be left. */
int dz_pidfile_remove(const char *path, int records, pid_t pid, bool ours);

/* ---- record.c, record_text.c: what is known of a job ---- */

/*
 * The beginning of a record tells whether the job runs.  A record is lines "KEY VALUE".
 * Newlines and backslashes in values are written as \n and \\.  First come dz, pid,
 * start, boot, machine, space, session and since; records of older versions have no
 * machine.  If the job has a keeper, "keeper PID START" and "first PID" are next: the
 * keeper, and the PID of the job's first run.
 * Then follow, if they are known, pidfile, name, cwd, umask, log, log_size,
 * error_log and error_log_size; an "option NAME" or "option NAME=VALUE" for each option
 * that was set; a "with PID START" for each process that was adopted with the job;
 * "retitled 1" if an adopted program has changed its command line; an
 * "older PID START" for each process that was in the session before the job; an "arg"
 * for each argument of the command; "end".  After "end" a "status", as of waitpid(2),
 * and "ended", the time, are added if they become known.  If an unnamed job has ended,
 * dzctl adds "noticed", the time at which it saw that.
 *
 * A keeper adds more before "arg": "began", when the first run began; "restarts";
 * "last", the status of the run before; and "watchdog 1" if the watchdog has ended that
 * run.  After "end" it adds lines as they become known.  When a run ends: "last",
 * "ended", the time, and with --watchdog "watchdog", 1 or 0.  When a run that dzctl
 * restart has asked for is ready: "ready".  When something is wrong: "note".
 */
struct dz_record {
    struct dz_identity who;
    pid_t session;             /* 0: the job has none of its own */
    int64_t since;             /* seconds since the epoch */
    struct dz_identity keeper; /* its pid is 0 if there is none */
    pid_t first;               /* the PID of a kept job's first run */
};

/* Parses those lines.  Returns the text after them, or NULL if it is no record. */
const char *dz_record_parse(const char *text, struct dz_record *record);

/*
 * Tells whether the job runs: its process, or its keeper, which may be about to start
 * the process again.  Sets *why, which may be NULL, if the answer is DZ_UNKNOWN.
 */
enum dz_state dz_record_state(const struct dz_record *record, const char **why);

/* Tells whether the keeper runs; DZ_ENDED if there is none. */
enum dz_state dz_keeper_state(const struct dz_record *record);

/* A record that is being written to a descriptor.  A record has no greatest length. */
struct dz_record_out {
    int fd;
    int err; /* errno of the first write(2) that failed, or 0 */
    size_t length;
    char data[1024];
};

/* Begins the record of that process on fd.  session is the job's own, or 0. */
void dz_record_begin(struct dz_record_out *out, int fd, const struct dz_identity *who,
                     pid_t session);

/* Adds a line. */
void dz_record_text(struct dz_record_out *out, const char *key, const char *value);
void dz_record_number(struct dz_record_out *out, const char *key, int64_t number);

/* Adds "option NAME" or, unless value is empty, "option NAME=VALUE". */
void dz_record_option(struct dz_record_out *out, const char *name, const char *value);

/* Adds the lines about the keeper, right after dz_record_begin.  Returns 0, or -1 and
 * sets errno as dz_identify does. */
int dz_record_keeper(struct dz_record_out *out, pid_t keeper, pid_t first);

/* Copies the record from one descriptor to the other, with another keeper.  Returns 0,
 * or -1 and sets errno: EINVAL if it is no record of a job with a keeper. */
int dz_record_rekeep(int from, int to, pid_t keeper);

/* Add an "older" or a "with" line. */
void dz_record_older(struct dz_record_out *out, const struct dz_identity *who);
void dz_record_with(struct dz_record_out *out, const struct dz_identity *who);

/* Reads the value of such a line: PID and start alone.  Returns whether it is one. */
bool dz_record_parse_process(const char *value, struct dz_identity *who);

/* Adds the last line.  Returns 0, or -1 and sets errno of the write(2) that failed. */
int dz_record_end(struct dz_record_out *out);

/* Opens a record in that directory for reading.  Returns the descriptor, or -1 and
 * sets errno: EPERM if another user owns it or may write to it. */
int dz_record_open(int directory, const char *file);

/* Reads the beginning of a record.  Returns 0, or -1 and sets errno: ENOENT, or EPERM
 * and EINVAL for a file that cannot be trusted or is no record. */
int dz_record_read(int directory, const char *file, struct dz_record *record);

/* Returns 0 if the name is free, or -1 with the fault.  directory is open on the state
 * directory. */
int dz_record_check_name(const char *name, int directory, struct dz_fault *fault);

/*
 * Adds the end of the job to the record at path, if that names pid: the status, as of
 * waitpid(2), and the time, in seconds since the epoch.  -1: unknown.  Returns 0, or -1
 * and sets errno.
 */
int dz_record_add_end(const char *path, pid_t pid, int status, int64_t ended);

/* Adds "noticed" and the present time to that record, which was read from file in
 * directory, and whose job has ended. */
void dz_record_add_notice(int directory, const char *file,
                          const struct dz_record *record);

/* Adds text, whole lines, to the record at path if it names pid.  Returns 0, or -1 and
 * sets errno; then nothing was added. */
int dz_record_add_lines(const char *path, pid_t pid, const char *text);

/* Returns whether the record at path names pid. */
bool dz_record_names(const char *path, pid_t pid);

/*
 * The record of an unnamed job is named after its PID.  A job of another machine or PID
 * namespace may have that PID too.  So a PID has several file names, its slots.
 */
enum { DZ_SLOTS = 8 };

/* Writes the file name of a slot. */
void dz_record_slot(char name[24], pid_t pid, int slot);

/* Returns whether a start may replace the record: there is none, or its job has ended,
 * or it cannot be trusted. */
bool dz_record_is_free(int directory, const char *file);

/* The file name of the record of an unnamed job with a keeper is this character, which
 * no name begins with, and the keeper's PID. */
enum { DZ_KEPT_PREFIX = '-' };

/* Calls visit for each record whose job, keeper or first run has that PID, until it
 * returns something other than 0.  Returns that, 0 at the end, or -1 and sets errno. */
int dz_record_each_of(int directory, pid_t pid,
                      int (*visit)(const char *file, const struct dz_record *record,
                                   void *data),
                      void *data);

/* Reads the pidfile's path in a record, empty if it names none.  Returns 0, or -1 and
 * sets errno. */
int dz_record_pidfile(int directory, const char *file, char path[PATH_MAX]);

/*
 * Removes the record at path if it names pid and its job has ended.  ours: the record
 * is of this very start, and is removed although its process runs.
 */
void dz_record_remove(const char *path, pid_t pid, bool ours);

/* Removes the records of unnamed jobs that have ended, if there are very many. */
void dz_record_sweep(const char *directory);

/* ---- state.c ---- */

/*
 * Opens the state directory for reading and writes its path: $DZ_STATE_DIR, /run/dz
 * for root, else ${XDG_STATE_HOME:-$HOME/.local/state}/dz, or /tmp/dz-UID if there is
 * no home.  If make is true, makes a missing directory.  Returns the descriptor, or -1
 * with a fault: it cannot be opened, another user owns it, or others may write to it.
 */
int dz_state_open(char **envp, bool make, char path[PATH_MAX], struct dz_fault *fault);

/* ---- members.c: the processes of a job ---- */

typedef int (*dz_visit_process)(const struct dz_process *process, void *data);

/*
 * Calls visit for each living process until it returns something other than 0.  A
 * process that is forked during the walk may be missed.  Returns that, 0 at the end, or
 * -1 and sets errno.
 */
int dz_processes_each(dz_visit_process visit, void *data);

/*
 * Works as dz_processes_each, but misses no process that lives when it returns 0.  It
 * may visit a process twice.  Sets errno to EAGAIN if processes are forked too quickly.
 */
int dz_processes_all(dz_visit_process visit, void *data);

struct dz_members {
    pid_t session;                    /* its processes are members; 0: none */
    pid_t root;                       /* the processes below it are members; 0: none */
    uint64_t oldest;                  /* root's start: no process below it is older */
    bool with_root;                   /* root is a member, too */
    pid_t except;                     /* this one is not a member; 0: none */
    const struct dz_identity *spared; /* neither these nor those below are members */
    size_t spared_count;
    const struct dz_identity *probe; /* nor are this one and those below; NULL: none */
};

/* Returns whether a living child of ours with that PID is spared. */
bool dz_members_spare(const struct dz_members *members, pid_t pid);

/* Work as dz_processes_each and dz_processes_all, for the living members alone. */
int dz_members_each(const struct dz_members *members, dz_visit_process visit,
                    void *data);
int dz_members_all(const struct dz_members *members, dz_visit_process visit,
                   void *data);

/* Calls visit for each living process of a session, its leader too, as
 * dz_processes_each. */
int dz_session_each(pid_t session, dz_visit_process visit, void *data);

/* Returns whether pid is a member, or was one and is a zombie. */
bool dz_members_has(const struct dz_members *members, pid_t pid);

/* ---- final_status.c ---- */

/* Returns the status of a process that has ended, as of waitpid(2), or -1 if it is
 * unknown.  pidfd may be -1.  Waits up to a second for its parent to reap it. */
int dz_final_status(int pidfd, pid_t pid);

/* ---- descendants.c: the job's processes, by their parents ---- */

typedef int (*dz_visit_pid)(pid_t pid, void *data);

/*
 * Calls visit for the job's processes until it returns something other than 0.  Returns
 * that, 0 at the end, or -1 and sets errno.  If the root is this process, reads the
 * kernel's lists of children.  Otherwise, or if there are no such lists, walks over
 * /proc.
 */
int dz_each_job_process(const struct dz_members *members, dz_visit_pid visit,
                        void *data);

/* ---- listen.c: listening sockets of a job ---- */

struct dz_listener {
    pid_t pid;        /* the process that has it */
    int port;         /* 0: a Unix socket */
    const char *path; /* of a Unix socket, "@NAME" for an abstract one; else "" */
};

typedef int (*dz_visit_listener)(const struct dz_listener *listener, void *data);

/*
 * Visits the listening sockets of all processes of the job until a visit returns 1.
 * Returns 1 then, 0 at the end, or -1 and sets errno if the descriptors of a process
 * are hidden from us.
 */
int dz_job_listens(const struct dz_members *members, dz_visit_listener visit,
                   void *data);

/* What the last look at a process has found; zero before the first. */
struct dz_seen {
    pid_t pid;
    uint64_t count; /* of its descriptors */
    bool sockets;   /* one of them is a socket */
    int64_t until;  /* when to look again whatever the number is; dz_milliseconds */
};

/* Visits the listening sockets of one process, but not of threads that have descriptors
 * of their own, until a visit returns 1.  May be called each millisecond: that is
 * cheap. Returns 1 then, or 0. */
int dz_process_listens(pid_t pid, struct dz_seen *seen, dz_visit_listener visit,
                       void *data);

/* ---- socket_lists.c, sock_diag.c: the kernel's lists of sockets ---- */

/* A listening socket in a list. */
struct dz_socket {
    int port;         /* 0: a Unix socket */
    const char *path; /* of a Unix socket, "" if it has none */
    uint64_t inode;
};

typedef bool (*dz_visit_socket)(const struct dz_socket *socket, void *data);

/* Visits the listening TCP, TCP6 and Unix sockets of pid's network namespace until a
 * visit returns true.  Returns whether one did. */
bool dz_each_listed(pid_t pid, dz_visit_socket visit, void *data);

/*
 * Visits the listening TCP sockets of AF_INET or AF_INET6 in our own network namespace
 * until a visit returns true.  Returns 1 if one did, 0, or -1 if the kernel does not
 * tell: it was built without sock_diag, or a filter refuses it.  Some sockets may have
 * been visited then.
 */
int dz_diag_listening(int family, dz_visit_socket visit, void *data);

/* ---- listened.c: what a job listens on, in words ---- */

/* Visits the listening sockets of a job, as dz_job_listens. */
typedef int (*dz_each_listener)(void *job, dz_visit_listener visit, void *data);

/* Appends " (it listens on 80, 443)", or why that cannot be known, or nothing. */
void dz_add_listeners(dz_each_listener each, void *job, struct dz_text *text);

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

/*
 * dzctl stop sends TERM to a keeper with a number, sigqueue(3): the signal to begin
 * with in the lowest bits, and above them the time before KILL in these units.  With
 * the highest bit the keeper starts its job again, for dzctl restart.
 */
enum { DZ_STOP_SIGNAL_BITS = 7, DZ_STOP_UNIT_MS = 100, DZ_STOP_AGAIN = 1 << 30 };

/* ---- search.c ---- */

/* The longest text that is looked for. */
enum { DZ_SEARCH_MAX = PATH_MAX + 16 };

/* Looks for the text in the file open on fd from *at on, and moves *at to where it may
 * still begin.  Returns whether it is there. */
bool dz_search_file(int fd, int64_t *at, const char *text, size_t length);

/* ---- tail.c: lines of a log ---- */

/* Finds where the last *lines lines of bytes from..end of a file begin.  Sets *lines to
 * the number that it has found.  most: how many bytes to look at; INT64_MAX: all. */
int64_t dz_find_lines(int fd, int64_t from, int64_t end, int64_t most, int *lines);

/*
 * Shows the file open on log from byte from on: all of it up to 25 lines, else the
 * first 8, the number left out, and the last 16.  Writes each line to the descriptor
 * to, after two spaces and with control characters as '?'.  Returns the number of lines
 * shown; 0 if there is none or it is no regular file.
 */
int dz_show_run(int log, int64_t from, int to);

#endif
