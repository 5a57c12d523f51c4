/*
 * What a parent may do before it exits and still be one that only exits: speak on
 * stdout and stderr, and write files, its child's pidfile most of all.  Kept in
 * memory while the branch is tried, done when it has proved to be that.
 */
#ifndef NODAEMON_H
#define NODAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

enum {
    SHIM_KEPT = 1024 * 1024 - 64, /* of which pages are made as they are used */
    SHIM_FILES = 8
};

struct shim_trial {
    bool exits;            /* the branch has ended */
    int files;             /* opened so far */
    int given[SHIM_FILES]; /* the descriptors that it gets for them */
    size_t size;
    char kept[SHIM_KEPT];
};

/* In the copy, first of all: make those descriptors. */
bool shim_give_files(struct shim_trial *trial);

/*
 * In a SIGSYS handler: keep the call for later, and set *result to what it is to
 * return.  False where it is none that is kept, or there is no room.
 */
bool shim_keep_call(struct shim_trial *trial, int call, const ucontext_t *context,
                    long *result);

/* Make the calls.  One that fails is as little noticed as the parent, which has
 * ended, would have told anybody. */
void shim_do_calls(const struct shim_trial *trial);

#endif
