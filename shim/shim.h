/*
 * What the constructor needs to know of the program that it runs in.
 * Async-signal-safe, as all of the core.
 */
#ifndef SHIM_H
#define SHIM_H

#include "start.h"

/*
 * Whether DZ_ONLY, a list NAME[,NAME...] or NULL for any, names this program:
 * the last part of AT_EXECFN (a script's own name) or of /proc/self/exe; a NAME
 * with a slash is compared with the whole.
 */
bool shim_is_meant(const char *only);

/*
 * argv, as the kernel laid it out before envp, execve(2); NULL where envp is no
 * longer that vector.  For musl, which passes constructors no arguments.
 */
char **shim_find_argv(char **envp);

/*
 * A script given by a relative path would not be found by its interpreter from
 * another cwd: make that word of plan->argv absolute.
 */
void shim_keep_script(struct dz_plan *plan);

/* Whether path names the very file that runs here, /proc/self/exe: not so for a
 * script, whose interpreter that is. */
bool shim_is_program(const char *path);

/* Whether this process has more than one thread. */
bool shim_has_threads(void);

/*
 * Execute this program again, with the same words and environment, and the
 * variable DZ_RESUME.  Returns only with a fault.
 */
int shim_execute_again(struct dz_plan *plan, struct dz_fault *fault);

/*
 * Take a variable of our own, "NAME=descriptor", out of envp and return the
 * descriptor, the pipe to report on, close-on-exec again.  Otherwise -1.
 */
int shim_take_fd(char **envp, const char *name);

/* Whether fd can be such a pipe. */
bool shim_is_report(int fd);

#endif
