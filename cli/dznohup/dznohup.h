/*
 * The launcher's room: options, the command and what it is, the library to preload, -n,
 * nohup(1).
 *
 * Needs all of core.  This code runs in our own process: before the start it may
 * allocate and use stdio.  Unless a comment says otherwise a function returns 0, or -1
 * with *fault filled in.
 */
#ifndef DZNOHUP_H
#define DZNOHUP_H

#include "wait.h"

extern char **environ;

/* ---- command_line.c ---- */

/*
 * Set plan from the command line; *operand becomes the index of the first word
 * that is no option.  Parsing stops there, getopt_long(3) with "+".
 */
int parse_options(struct dz_plan *plan, int argc, char **argv, int *operand,
                  struct dz_fault *fault);

/* Write the help text to stdout.  -1 with errno where that fails. */
int print_help(void);

/* ---- command.c ---- */

enum { SCRIPT_LINE = 256 }; /* the kernel reads no more of a "#!" line, execve(2) */

struct command {
    char **argv;         /* argv[0] absolute too, if it held a slash */
    char path[PATH_MAX]; /* absolute */
};

/*
 * Find argv[0] as execvp(3) would, but make it absolute.  The fault's status is
 * 127 where there is none, 126 where it may not be executed.
 */
int find_command(struct command *command, char **argv, struct dz_fault *fault);

/*
 * Execute it; a file that is neither a program nor "#!" is given to /bin/sh, as
 * execvp(3) does.  Returns only with a fault.
 */
int exec_command(const struct command *command, char **envp, struct dz_fault *fault);

/* Run the file path by /bin/sh, "sh path arg...", with the words from the second on.
 * Returns only where that fails. */
void exec_by_shell(const char *path, char **words, char **envp);
/*
 * A script whose first line is "#!/usr/bin/env NAME": make command what env(1) would
 * execute.  Nothing where env is given more than a name.
 */
int step_over_env(struct command *command, struct dz_fault *fault);

/* The first argument that names something in the cwd by a relative path, or
 * NULL; "--file=app.conf" is such a one by its second half. */
const char *relative_argument(char **argv);

/* ---- target.c ---- */

/* What a file is, read from its first bytes.  execve(2), elf(5). */
struct target {
    bool readable; /* its contents could be looked at */
    int scripts;   /* "#!" lines that were followed */
    bool elf;
    bool dynamic; /* has a dynamic linker, so libraries can be preloaded */
    bool shared;  /* a shared object, or a program that can be placed anywhere */
    int bits;     /* 32 or 64 */
    unsigned machine;
    bool privileged;            /* setuid, setgid or file capabilities */
    bool missing;               /* an interpreter that it names is not there */
    char program[PATH_MAX];     /* what runs in the end: the last interpreter */
    char interpreter[PATH_MAX]; /* of a script, else the dynamic linker; or "" */
};

/* Whether the interpreter that the file names, "#!" or ELF, is not there. */
bool lacks_interpreter(const char *path);

/* Look at path.  Fields stay false where it cannot be read. */
void probe_target(const char *path, struct target *target);

/* "glibc", "musl" or "another libc". */
const char *target_libc(const struct target *target);

/* Why no library can be preloaded into it, or NULL if one can. */
const char *preload_obstacle(const struct target *target);

/* ---- library.c ---- */

/* Finds a library of the target's class and machine: the one that shim names, or one in
 * the directory of that machine beside it.  Writes its absolute path. */
int find_library(const char *shim, const struct target *target, char path[PATH_MAX],
                 struct dz_fault *fault);

/* ---- preload.c ---- */

/* Returns whether something that the plan asks for needs libdz.so in the target. */
bool needs_library(const struct dz_plan *plan);

/* Returns --shim, or where the library is installed. */
const char *named_library(const struct dz_plan *plan);

/* If it is needed: finds it, before anything is done, and writes its path. */
int check_library(const struct dz_plan *plan, const struct command *command,
                  char path[PATH_MAX], struct dz_fault *fault);

/*
 * If it is needed, right before the exec: names the library at path in start->envp, and
 * opens the descriptor on which it must answer.
 */
int preload_library(struct dz_start *start, const char *path, struct dz_fault *fault);

/* ---- preload_check.c ---- */

/*
 * Stay mode, where no caller waits: leaves a process that hears the library's answer
 * and ends.  If none comes before this process, which is the target by then, has ended,
 * or within the timeout, that process says so on start->stderr_fd and kills the target.
 * Returns the descriptor to answer on, which outlives an exec, or -1 with the fault.
 */
int start_preload_check(struct dz_start *start, const char *library,
                        struct dz_fault *fault);

/* The program could not be executed, and that is told already: the process that waits
 * for the answer, if there is one, has nothing to add. */
void end_preload_check(void);

/* ---- dryrun.c ---- */

/* Print the plan and the target to stdout; run nothing.  0, DZ_EXIT_FAILURE where it
 * says that the start would be refused, -1 with errno. */
int print_plan(struct dz_start *start, const struct command *command);

/* ---- messages.c ---- */

/* "dznohup: STEP: OBJECT: REASON" on fd; returns fault->status. */
int tell(int fd, const struct dz_fault *fault);

/* Whether say_started has anything to say. */
bool has_words(const struct dz_start *start);

/* What the user should know of a start that worked: the log, the PID. */
void say_started(const struct dz_start *start);

/* start->waiting on a terminal: one line, written over each second. */
void say_waiting(const struct dz_start *start, const struct dz_ready *ready,
                 int seconds);

/* The last lines of the log of a target that has failed. */
void say_failed(const struct dz_start *start);

/* start->trace for -v: a row about this process. */
void say_step(const struct dz_start *start, const char *step);

/* A warning: this argument is relative, and the target runs elsewhere. */
void say_relative(const struct dz_start *start, const char *argument);

/* ---- nohup.c ---- */

/* nohup(1): argv[0] is what messages are to call us, the command follows. */
int nohup_main(int argc, char **argv);

/* The same behind dznohup --nohup, where the options are parsed already. */
int nohup_run(const char *program, char **command);

#endif
