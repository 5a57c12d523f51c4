/*
 * The base room: faults, bounded text, numbers, reading and writing whole, clocks,
 * signals by name, environment vectors, facts about processes, files and programs.
 *
 * Needs libc alone.  All of core/ runs in other programs' processes, before their
 * main(): it calls async-signal-safe functions only, never allocates, never prints
 * and never exits, except where a comment names the exception.  One libdz.so serves
 * glibc and musl programs.  So only functions are used that both export under one
 * name with one layout; where they differ, the system call is made by syscall(2).
 */
#ifndef BASE_H
#define BASE_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit statuses, those of env(1), nohup(1) and timeout(1). */
enum {
    DZ_EXIT_RUNNING = 122,    /* the job to be started is already running */
    DZ_EXIT_TIMEOUT = 124,    /* the wait timed out; the target was stopped */
    DZ_EXIT_FAILURE = 125,    /* dznohup failed; the target does not run */
    DZ_EXIT_CANNOT_RUN = 126, /* the command was found, but cannot be executed */
    DZ_EXIT_NOT_FOUND = 127,  /* the command was not found */
    DZ_EXIT_SIGNAL = 128      /* plus the number of the signal that ended the target */
};

/* ---- text.c: bounded text without stdio ---- */

struct dz_text {
    char *at;    /* caller-owned; always terminated */
    size_t size; /* bytes of at, at least 1 */
    size_t length;
    bool cut; /* something did not fit: its end is missing */
};

/* Begins an empty text in the size bytes at. */
struct dz_text dz_text(char *at, size_t size);

/* Append.  If the end does not fit, they set text->cut; a UTF-8 character is appended
 * whole or not at all. */
void dz_add(struct dz_text *text, const char *string);
void dz_add_bytes(struct dz_text *text, const char *bytes, size_t length);
void dz_add_char(struct dz_text *text, char c);
void dz_add_number(struct dz_text *text, int64_t number);

/* Appends milliseconds as seconds, with as many decimals as are not zero: "1.5". */
void dz_add_seconds(struct dz_text *text, int64_t milliseconds);

/* Works as strcspn(3).  The library calls it before main(), where a function of libc is
 * likely to be on a page that the process has not touched yet. */
size_t dz_until(const char *text, const char *ends);

/* Replaces the bytes of control characters by '?', so that the text stays one line.
 * U+0080 to U+009F are control characters, in UTF-8 and as single bytes. */
void dz_one_line(char *text);

/* Replaces the bytes of control characters in size bytes by '?', except tabs. */
void dz_mask_controls(char *bytes, size_t size);

/* Returns the length of the UTF-8 character at text, which has size bytes, and sets
 * *character.  Returns 0 if the bytes are not UTF-8. */
size_t dz_read_utf8(const char *text, size_t size, uint32_t *character);

/* Returns the greatest length, at most length, at which the text does not end within a
 * UTF-8 character.  text[length] must be readable. */
size_t dz_whole_characters(const char *text, size_t length);

/* Reads a decimal number without sign at *at and moves *at behind it.  Returns the
 * number, or -1 if there is no digit or it does not fit an int. */
int dz_read_number(const char **at);

/* Reads a decimal number of 64 bits into *number.  Returns 0, or -1. */
int dz_read_long(const char **at, int64_t *number);

/* ---- quote.c: words as a shell takes them ---- */

/* A quoted word has at most DZ_QUOTED_MAX bytes for each byte of the word, and
 * DZ_QUOTES more. */
enum { DZ_QUOTED_MAX = 4, DZ_QUOTES = 4 };

/* Returns whether a shell would not take the word as it is. */
bool dz_needs_quotes(const char *word);

/* Appends the word, in one line, as a shell takes it: web, 'a b', $'a\nb'. */
void dz_add_quoted(struct dz_text *text, const char *word);

/* ---- fault.c: what went wrong, as data ---- */

/*
 * One failure: self-contained and of fixed size, so that a child can send it
 * through a pipe, even from a new program image.
 */
struct dz_fault {
    int err;               /* errno; 0 if reason says it all */
    int status;            /* the exit status to end with */
    pid_t running;         /* the job that is already running; 0: another failure */
    char step[32];         /* the step or option that failed */
    char reason[256];      /* our own words; empty: the text of err */
    char object[PATH_MAX]; /* what it failed on; a longer one ends in "..." */
};

/* A message of fault.c never needs more than this. */
enum { DZ_MESSAGE_MAX = PATH_MAX + 512 };

/*
 * Fills in *fault with status 125 and returns -1.  step, object and reason may be
 * NULL for empty.
 */
int dz_fault(struct dz_fault *fault, const char *step, const char *object, int err,
             const char *reason);

/* Fills in *fault for an object that is a number: a descriptor, a PID, a signal. */
int dz_fault_number(struct dz_fault *fault, const char *step, long object, int err,
                    const char *reason);

/* Fills in *fault: the job that object names is already running as pid.  The status is
 * 122. */
int dz_fault_running(struct dz_fault *fault, const char *step, const char *object,
                     pid_t pid);

/* Fills in *fault: pid may be running, and why that is not known. */
int dz_fault_unknown(struct dz_fault *fault, const char *step, const char *object,
                     pid_t pid, const char *why);

/*
 * Writes "PROGRAM: STEP: OBJECT: REASON\n" with a terminating zero to text and
 * returns its length.  The text is one line, whatever the object is called.
 */
size_t dz_fault_text(const struct dz_fault *fault, const char *program,
                     char text[DZ_MESSAGE_MAX]);

/* Writes that line to fd.  A failure of that write cannot be reported anywhere. */
void dz_fault_write(const struct dz_fault *fault, const char *program, int fd);

/* Appends "Permission denied" and so on; "error 140" for an unknown number. */
void dz_add_error(struct dz_text *text, int err);

/* ---- io.c ---- */

/* Writes all of data to fd.  Returns 0, or -1 and sets errno as write(2) does. */
int dz_write(int fd, const void *data, size_t size);

/* lseek(2) with 64 bits.  Returns the file's position, or -1 and sets errno. */
int64_t dz_seek(int fd, int64_t offset, int from);

/*
 * Reads up to size bytes from byte at on; moves the file's position.  Returns their
 * number, less than size only at the file's end, or -1 and sets errno.
 */
ssize_t dz_read_at(int fd, void *data, size_t size, int64_t at);

/*
 * Reads what one read(2) of size - 1 bytes gives, and terminates it.  A small file
 * of /proc comes whole.  Returns the number of bytes, or -1 and sets errno.
 */
ssize_t dz_read_file(const char *path, char *data, size_t size);

/*
 * Closes fd and keeps errno.  For descriptors that nothing was written to, or whose
 * writes were checked: close(2) has nothing to report then.
 */
void dz_close(int fd);

/* Closes *fd if it is not -1, and sets it to -1. */
void dz_close_fd(int *fd);

/* dup2(2), repeated at EINTR and EBUSY (a race with open(2) in another thread). */
int dz_dup2(int from, int to);

/* ---- clock.c ---- */

/* Returns milliseconds of a clock that only goes forward. */
int64_t dz_milliseconds(void);

/* Returns the time in seconds since the epoch. */
int64_t dz_now(void);

/* Returns the microseconds of processor time that this thread has used. */
int64_t dz_processor_time(void);

/* Reads seconds, with an optional fraction, at *at as milliseconds.  Returns 0, or
 * -1.  A time above 0 and below a millisecond counts as one: 0 means "no limit". */
int dz_read_seconds(const char **at, int64_t *milliseconds);

/* ---- signal.c ---- */

enum { DZ_SIGNALS = 64 };

/* Returns the bit of a signal in a set as the kernel has it. */
static inline uint64_t dz_signal_bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* Returns the set of the signals that a daemon ignores: HUP, TTIN and TTOU. */
uint64_t dz_terminal_signals(void);

/*
 * Returns the number of a signal name (HUP, SIGHUP, 1, RTMIN+2), or -1.  RTMIN is
 * 34 and RTMAX 64, as in glibc, in every build.
 */
int dz_signal_number(const char *name, size_t length);

/* Appends "HUP" for 1, and so on; "RTMIN+2". */
void dz_add_signal(struct dz_text *text, int number);

/* What dz_hold_write_signals() keeps. */
struct dz_held {
    bool holds;
    sigset_t mask; /* of the thread before */
    sigset_t ours; /* of PIPE and XFSZ those that were not pending before */
};

/*
 * Blocks PIPE and XFSZ in this thread.  A write of ours that fails then gives EPIPE or
 * EFBIG, and does not end a program whose dispositions are its own.
 */
void dz_hold_write_signals(struct dz_held *held);

/* Takes the signals that such writes have raised, and restores the mask.  Keeps errno.
 */
void dz_release_write_signals(const struct dz_held *held);

/* Ends this process by the signal that interrupted its wait, so that a shell that
 * waits for it sees the interrupt too. */
void dz_die_by_signal(int number);

/* ---- env.c ---- */

/* Returns what follows name and '=' in entry, or NULL. */
char *dz_env_value(char *entry, const char *name);

/* Returns the value of name in envp, or NULL. */
char *dz_env(char **envp, const char *name);

/* ---- process.c: facts from /proc ---- */

struct dz_process {
    pid_t pid;
    pid_t thread; /* pid, or a living thread if the first one has ended: then only
                   * /proc/PID/task/THREAD has the files of the process */
    char state;   /* R, S, D, T, t, Z, X, I, as in proc_pid_stat(5); of that thread */
    pid_t ppid;
    pid_t pgrp;
    pid_t session;
    int tty; /* device number of the controlling terminal; 0: none */
    int threads;
    bool exiting;     /* its descriptors may be closed already */
    bool executed;    /* since it was forked */
    pid_t foreground; /* that terminal's foreground process group, or -1 */
    uint64_t start;   /* clock ticks after boot, AT_CLKTCK of getauxval(3) a second */
    int64_t used;     /* processor time, with that of its reaped children; ticks */
    int64_t resident; /* pages of memory */
    int wait_status;  /* of a zombie, as of waitpid(2); 0 where we may not see it */
};

/*
 * Reads /proc/PID/stat.  If the first thread has ended and others run, state, exiting
 * and thread are of one of those.  Returns 0, or -1 and sets errno.
 */
int dz_read_process(pid_t pid, struct dz_process *process);

/* Returns whether the process has ended; a zombie has. */
bool dz_has_ended(const struct dz_process *process);

/* Returns whether pid is a process that has not ended. */
bool dz_is_running(pid_t pid);

/*
 * Returns whether /proc is there and of our own PID namespace.  Otherwise its
 * numbers mean other processes, or none.
 */
bool dz_proc_is_ours(void);

/*
 * Tells whether another process has the given process group (session false) or
 * session.  Returns 1, 0, or -1 and sets errno if /proc cannot tell.
 */
int dz_has_other_members(pid_t id, bool session);

/*
 * Calls visit for each entry of the directory path, relative to at, until it returns
 * something other than 0.  fd is the descriptor that the directory is read by.  Returns
 * that, 0 at the end, or -1 and sets errno.
 */
int dz_each_entry(int at, const char *path,
                  int (*visit)(const char *name, int fd, void *data), void *data);

/* Works as dz_each_entry for the entries that are numbers. */
int dz_each_number(const char *directory, int (*visit)(int number, int fd, void *data),
                   void *data);

/* Appends a terminal by its device number, dz_process.tty: "pts/3", "4:1", "none". */
void dz_add_tty(struct dz_text *text, int tty);

/* Returns the last PID that this PID namespace has given out, or -1 and sets errno. */
pid_t dz_last_pid(void);

/* waitpid(2), repeated as long as it fails with EINTR. */
pid_t dz_waitpid(pid_t pid, int *status, int flags);

/* ---- path.c: what a file is, and its path ---- */

struct dz_stat {
    unsigned mode; /* as st_mode, stat(3type) */
    unsigned uid;
    unsigned links;
    uint64_t size;
    uint64_t inode;
    uint64_t device;
    int64_t modified; /* seconds since the epoch, and nanoseconds */
    int64_t modified_ns;
    int64_t born; /* when the file was made; 0: the file system does not tell */
};

/* fstatat(2) relative to directory.  With an empty path: what that descriptor is open
 * on.  Returns 0, or -1 and sets errno. */
int dz_stat(int directory, const char *path, bool follow, struct dz_stat *about);

/* Returns whether fd is in /proc, where links are not paths but the files themselves.
 */
bool dz_is_proc(int fd);

/* Returns whether fd is on a tmpfs: no call there waits for a disk or a server. */
bool dz_is_in_memory(int fd);

/* Returns whether both are one file. */
bool dz_same_file(const struct dz_stat *one, const struct dz_stat *other);

/*
 * Makes path absolute without looking at it.  Returns 0, or -1 and sets errno:
 * ENAMETOOLONG, or as getcwd(3).
 */
int dz_make_absolute(const char *path, char absolute[PATH_MAX]);

/* Writes DIRECTORY/FILE to path.  Returns 0, or -1 with ENAMETOOLONG. */
int dz_join(char path[PATH_MAX], const char *directory, const char *file);

/* ---- elf.c: program headers of either class, elf(5) ---- */

/* The first bytes of a file.  They hold the headers of nearly every program. */
struct dz_head {
    size_t size;
    char bytes[1024];
};

struct dz_elf {
    int bits; /* 32 or 64 */
    unsigned machine;
    bool shared;             /* a shared object, or a program for any address */
    bool dynamic;            /* has an interpreter: a dynamic linker */
    uint64_t interpreter_at; /* the offset of the interpreter's path in the file */
    uint64_t interpreter_size;
};

/* Reads the ELF file open on fd, which begins with head.  Returns whether it is one.
 * Trusts nothing in the file: an offset is only used to read there. */
bool dz_read_elf(int fd, const struct dz_head *head, struct dz_elf *elf);

/* Reads the path of the interpreter.  It is empty if there is none or it is too long.
 */
void dz_read_interpreter(int fd, const struct dz_elf *elf, char path[PATH_MAX]);

/* ---- executable.c: what execve(2) would make of a file ---- */

enum {
    DZ_SCRIPT_LINE = 256, /* the kernel reads no more of a "#!" line, execve(2) */
    DZ_SCRIPTS_MAX = 5    /* "#!" lines that the kernel follows */
};

/* What a "#!" line says. */
struct dz_script {
    char interpreter[DZ_SCRIPT_LINE + 1];
    char argument[DZ_SCRIPT_LINE + 1]; /* all after it, or empty */
    bool whole;                        /* the line's end was read */
};

struct dz_program {
    bool readable; /* the file could be read */
    bool is_elf;
    bool privileged; /* setuid, setgid or file capabilities */
    struct dz_elf elf;
};

/* Reads the first bytes of a file that has just been opened as fd.  Returns 0, or -1
 * and sets errno. */
int dz_read_head(int fd, struct dz_head *head);

/* Reads the "#!" line of a file that begins with head.  Returns whether it has one. */
bool dz_read_script(const struct dz_head *head, struct dz_script *script);

/* Fills in *program from a file that is no script. */
void dz_read_program(int fd, const struct dz_head *head, struct dz_program *program);

/* Returns why no library can be preloaded into the program, or NULL if one can. */
const char *dz_preload_obstacle(const struct dz_program *program);

/* ---- machine.c: a libdz.so for each class and machine ---- */

/* The two parts of a library's path, around the machine's directory. */
struct dz_place {
    size_t before; /* length of the first part */
    const char *behind;
};

/* Returns the three directories in which libraries of the program's machine are, or
 * NULL if the machine is unknown. */
const char *const *dz_library_directories(const struct dz_elf *program);

/* Splits path at $LIB, or at the machine's directory that the file is in.  Returns
 * whether there is one. */
bool dz_library_place(const char *path, struct dz_place *place);

/* Returns whether path is a shared library of the program's class and machine. */
bool dz_library_fits(const char *path, const struct dz_elf *program);

/* Finds a library that fits program, in that machine's directory beside path or at
 * $LIB. Returns whether there is one, and writes its path to found. */
bool dz_library_beside(const char *path, const struct dz_elf *program, char *found,
                       size_t size);

#endif
