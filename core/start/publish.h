/*
 * Pidfile and record of a start: what the files publish*.c share.  The rules of base.h
 * hold here too.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "start.h"

/* ---- publish_record.c ---- */

/* Returns the umask of the target, or of the caller before the target has its own. */
mode_t dz_umask_of(const struct dz_start *start);

/* Returns whether start->state names a directory for the record, after
 * dz_record_claim. */
bool dz_has_record_directory(const struct dz_start *start);

/* Returns the file name of the job's record, or NULL if it is a slot of its PID. */
const char *dz_name_of_record(const struct dz_start *start);

/* Writes the path of the record of pid, which this start or the target's process has
 * made.  Returns 0, or -1 if there is none. */
int dz_record_find(const struct dz_start *start, pid_t pid, char path[PATH_MAX]);

/* Makes the record of pid, if the job gets one.  Without a name a failure is told as
 * start->why_no_record, and is no error. */
int dz_publish_record(struct dz_start *start, pid_t pid, struct dz_fault *fault);

/* Returns whether the first child makes the record of that process.  A start that
 * sweeps would hold up the caller. */
bool dz_is_recorded_early(const struct dz_start *start, pid_t pid);

/* Removes the record of pid, in whichever slot of its PID it is.  With ours, this start
 * has made the record, which is removed although its process runs.  If a process was
 * killed while it wrote the record, the lock that it has left is removed too. */
void dz_remove_records(const struct dz_start *start, pid_t pid, bool ours);

/* ---- publish_pidfile.c ---- */

/* Writes pid to the claimed pidfile, if the plan has one, and puts the file in place.
 */
int dz_publish_pidfile(struct dz_start *start, pid_t pid, struct dz_fault *fault);

#endif
