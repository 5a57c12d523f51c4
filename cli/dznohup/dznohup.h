/*
 * The launcher's own parts, built on the core.  This code runs in our own
 * process: it may allocate and use stdio, before the start.
 *
 * Functions return 0, or -1 with *fault filled in, unless a comment says
 * otherwise.
 */
#ifndef CLI_H
#define CLI_H

#include "start.h"

extern char **environ;

/* ---- options.c ---------------------------------------------------------------- */

/*
 * Set plan from the command line; *operand becomes the index of the first word
 * that is no option.  Parsing stops there, getopt_long(3) with "+".
 */
int parse_options(struct dz_plan *plan, int argc, char **argv, int *operand,
                  struct dz_fault *fault);

/* Write the help text to stdout.  -1 with errno where that fails. */
int print_help(void);

/* ---- command.c ------------------------------------------------------------------ */

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

/* ---- target.c -------------------------------------------------------------------- */

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
    bool sanitized;             /* linked with the shared AddressSanitizer or LSan */
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

/* ---- library.c ------------------------------------------------------------------- */

/* Have plan->shim name a library of the target's class and machine: it does, or
 * there is one in the folder of that machine beside it. */
int find_library(struct dz_plan *plan, const struct target *target,
                 struct dz_fault *fault);

/* ---- preload.c ------------------------------------------------------------------- */

/* Whether something that the plan asks for needs libdz.so in the target. */
bool needs_library(const struct dz_plan *plan);

/* Where it does: whether it can be had, before anything is done. */
int check_library(struct dz_plan *plan, const struct command *command,
                  struct dz_fault *fault);

/*
 * Where it does: with nothing else to wait for it must still answer, and a script
 * that asks env(1) for its interpreter is given to that at once, as the library
 * would act in env and be gone behind it.  Once the command is found.
 */
int prepare_library(struct dz_plan *plan, struct command *command,
                    struct dz_fault *fault);

/* Where it does, right before the exec: name it in plan->envp, and see to it that
 * its silence is heard. */
int preload_library(struct dz_plan *plan, struct dz_fault *fault);

/* ---- witness.c ------------------------------------------------------------------- */

/*
 * Stay mode, where no caller waits: leave a process that hears the library's answer
 * and ends.  Where none comes before this process, which is the target by then, has
 * ended, or within plan->timeout, it says so on plan->tell_fd and kills it.  Returns
 * the descriptor to answer on, which outlives an exec, or -1 with the fault.
 */
int leave_witness(struct dz_plan *plan, struct dz_fault *fault);

/* The program could not be executed, which is told already: the witness, if there is
 * one, has nothing to add. */
void dismiss_witness(struct dz_plan *plan);

/* ---- dryrun.c -------------------------------------------------------------------- */

/* Print the plan and the target to stdout; run nothing.  0, DZ_EXIT_FAILURE where it
 * says that the start would be refused, -1 with errno. */
int print_plan(struct dz_plan *plan, const struct command *command);

/* ---- say.c ----------------------------------------------------------------------- */

/* "dznohup: STEP: OBJECT: REASON" on fd; returns fault->status. */
int tell(int fd, const struct dz_fault *fault);

/* Whether say_started has anything to say. */
bool has_words(const struct dz_plan *plan);

/* What the user should know of a start that worked: the log, the PID. */
void say_started(const struct dz_plan *plan);

/* plan->waiting on a terminal: one line, written over each second. */
void say_waiting(const struct dz_plan *plan, int seconds);

/* The last lines of the log of a target that has failed. */
void say_failed(const struct dz_plan *plan);

/* plan->trace for -v: a row about this process. */
void say_step(const struct dz_plan *plan, const char *step);

/* A warning: this argument is relative, and the target runs elsewhere. */
void say_relative(const struct dz_plan *plan, const char *argument);

/* ---- nohup.c --------------------------------------------------------------------- */

/* nohup(1): argv[0] is what messages are to call us, the command follows. */
int nohup_main(int argc, char **argv);

/* The same behind dznohup --nohup, where the options are parsed already. */
int nohup_run(const char *program, char **command);

#endif
