/*
 * The launcher's room: the command line, the command, the library to preload, -n, and
 * nohup(1).
 *
 * Needs all of core.  This code runs in our own process: before the start it may
 * allocate and use stdio.  Unless a comment says otherwise, a function returns 0, or -1
 * with *fault filled in.
 */
#ifndef DZNOHUP_H
#define DZNOHUP_H

#include "wait.h"

extern char **environ;

/* ---- command_line.c ---- */

/*
 * Sets plan from the command line, up to the first argument that is not an option.
 * Sets *operand to its index.
 */
int parse_options(struct dz_plan *plan, int argc, char **argv, int *operand,
                  struct dz_fault *fault);

/* Writes the help text to stdout.  Returns 0, or -1 and sets errno. */
int print_help(enum dz_help which);

/* ---- habits.c: words of other tools ---- */

/* Looks a refused word up in the table: "--option", "-o", "--option=value", or a
 * command that was not found.  If the table has an answer, makes the text before and
 * that answer the fault's reason, and returns true. */
bool answer_habit(const char *word, const char *before, struct dz_fault *fault);

/* ---- command.c ---- */

/*
 * Returns whether the effective user may access path, or sets errno.  libc calls
 * faccessat2(2) for that.  If a filter of an old container engine refuses that call
 * with EPERM, the real user decides.
 */
bool may_access(const char *path, int how);

struct command {
    char **argv;         /* if argv[0] held a slash, it is absolute too */
    char path[PATH_MAX]; /* absolute */
};

/*
 * Finds argv[0] as execvp(3) would, and makes it absolute.  The fault's status is 127
 * if there is no such command, 126 if it may not be executed.
 */
int find_command(struct command *command, char **argv, struct dz_fault *fault);

/*
 * Executes the command.  As execvp(3) does, runs a file that is neither a program nor
 * "#!" by /bin/sh.  Returns only with a fault.
 */
int exec_command(const struct command *command, char **envp, struct dz_fault *fault);

/* Executes /bin/sh with path and the arguments of argv from the second on.  Returns
 * only if that fails, and sets errno. */
void exec_by_shell(const char *path, char **argv, char **envp);

/*
 * If the first line of a script is "#!/usr/bin/env NAME", makes command what env(1)
 * would execute.  Changes nothing if that line gives env more than a name.
 */
int step_over_env(struct command *command, struct dz_fault *fault);

/* Returns the first argument that names an existing file by a relative path, or NULL.
 * Of "--file=app.conf" returns "app.conf".  If LD_LIBRARY_PATH holds a relative path,
 * returns that variable's name. */
const char *relative_argument(char **argv);

/* ---- target.c ---- */

/* What execve(2) would run, from the first bytes of the file. */
struct target {
    int scripts;            /* "#!" lines that were followed */
    struct dz_program what; /* the program that runs: the last interpreter */
    bool missing;           /* the interpreter that it names does not exist */
    char program[PATH_MAX];
    char interpreter[PATH_MAX]; /* of a script, else the dynamic linker; or "" */
};

/* Returns whether the interpreter that the file names, by "#!" or in ELF, does not
 * exist. */
bool lacks_interpreter(const char *path);

/* Fills in *target.  If path cannot be read, its fields stay false. */
void probe_target(const char *path, struct target *target);

/* Returns "glibc", "musl" or "another libc". */
const char *target_libc(const struct target *target);

/* ---- library.c ---- */

/* Finds a library of the target's class and machine: shim itself, or the one in that
 * machine's directory beside shim.  Writes its absolute path. */
int find_library(const char *shim, const struct target *target, char path[PATH_MAX],
                 struct dz_fault *fault);

/* Returns the path of --shim; or of the library beside this program or in ../lib; or of
 * the installed library. */
const char *named_library(const struct dz_plan *plan);

/* ---- preload.c ---- */

/* Returns whether the plan needs libdz.so in the target. */
bool needs_library(const struct dz_plan *plan);

/* If the plan needs the library, finds one for the command, and writes its path. */
int check_library(const struct dz_plan *plan, const struct command *command,
                  char path[PATH_MAX], struct dz_fault *fault);

/*
 * If the plan needs the library, adds path to LD_PRELOAD in start->envp, and DZ_INSIDE
 * with the descriptor for its answer.  For the moment before exec.
 */
int preload_library(struct dz_start *start, const char *path, struct dz_fault *fault);

/* ---- become.c ---- */

/* Executes the command: with the library, if library is not empty.  Returns only if
 * that fails, after dz_fail. */
void execute_target(struct dz_start *start, const struct command *command,
                    const char *library, struct dz_fault *fault);

/* ---- answerer.c: stay mode below a manager ---- */

/* After the phase prepare: makes the process that tells the manager when the program is
 * ready.  start->report_fd is its pipe: closed by the exec, or with a fault before. */
int make_answerer(struct dz_start *start, struct dz_fault *fault);

/* ---- keep/: the keeper ---- */

/* Makes the paths in the plan absolute that each run needs. */
int keep_paths(struct dz_plan *plan, struct dz_fault *fault);

/*
 * Makes this process the keeper, after the phase prepare: starts the command, again if
 * the plan says so, and returns when the job is over.  Returns the exit status. Returns
 * -1 with the fault if the first start has failed: in stay mode the caller is to be
 * told.  In leave mode the caller knows already.
 */
int keep_command(struct dz_start *start, const struct command *command,
                 const char *library, struct dz_fault *fault);

/* ---- dryrun.c ---- */

/* Prints the plan and the target to stdout; runs nothing.  Returns 0, DZ_EXIT_FAILURE
 * if the start would be refused, or -1 and sets errno. */
int print_plan(struct dz_start *start, const struct command *command);

/* Returns "NAME.log, here or else in $HOME"; valid until the next call. */
const char *default_log_place(const struct dz_plan *plan);

/* ---- messages.c ---- */

/* Writes "dznohup: STEP: OBJECT: REASON" to fd.  Returns fault->status. */
int tell(int fd, const struct dz_fault *fault);

/* Returns whether say_started has a message. */
bool has_words(const struct dz_start *start);

/* Tells the user about a start that worked: notes, the PID, the log. */
void say_started(const struct dz_start *start);

/* start->waiting on a terminal: one line, written over each second. */
void say_waiting(const struct dz_start *start, const struct dz_ready *ready,
                 int seconds);

/* start->waiting elsewhere: after 3 seconds one line, and no more. */
void say_waiting_once(const struct dz_start *start, const struct dz_ready *ready,
                      int seconds);

/* Writes that line. */
void say_slow(const struct dz_start *start, const struct dz_ready *ready);

/* Shows the last lines of the log of a target that has failed. */
void say_failed(const struct dz_start *start);

/* start->trace for -v: writes a row about this process. */
void say_step(const struct dz_start *start, const char *step);

/* Warns that the argument is a relative path, and that the target runs elsewhere. */
void say_relative(const struct dz_start *start, const char *argument);

/* ---- adopt/ ---- */

/* Makes the running process plan->adopt a daemon.  Prints messages.  Returns the exit
 * status. */
int adopt(const struct dz_plan *plan, struct dz_start *start, struct dz_fault *fault);

/* ---- nohup.c ---- */

/* Acts as nohup(1).  Messages begin with argv[0].  Returns the exit status. */
int nohup_main(int argc, char **argv);

/* Runs command as nohup(1) does, with no options to parse.  Messages begin with
 * program. Returns the exit status. */
int nohup_run(const char *program, char **command);

#endif
