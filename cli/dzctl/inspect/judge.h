/*
 * What a process' facts mean: the rows of the table, and the verdict.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "facts.h"

enum mark {
    MARK_NOTE,  /* worth knowing, no condition */
    MARK_HOLDS, /* as it should be */
    MARK_FAILS, /* no daemon with this */
    MARK_UNSEEN /* not told to us: neither good nor bad */
};

struct check {
    enum mark mark;
    const char *name;
    const char *value;
    const char *why;    /* why it matters */
    const char *reason; /* of one that fails: its part of the verdict, or NULL */
};

/* Whether the end of a terminal would kill it. */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_MAY };

struct report {
    struct facts facts;
    char terminal[32];  /* its controlling terminal; empty: none */
    enum answer killed; /* by that terminal's end */
    struct check *checks;
    size_t count;
    bool complete; /* all that counts could be seen */
    bool daemon;
    const char *verdict;
};

/* Fill in all of report from its facts. */
void judge(struct report *report);

/* Add a row, and return it. */
struct check *add_check(struct report *report, enum mark mark, const char *name,
                        const char *value, const char *why);

/* A row that could not be read for err. */
struct check *add_unseen(struct report *report, const char *name, int err);

/* ---- hangup.c ------------------------------------------------------------------ */

/* Whether the end of its terminal would kill a process; *why says why. */
enum answer judge_hangup(const struct dz_process *process,
                         const struct signals *signals, const char **why);

/* ---- streams.c ----------------------------------------------------------------- */

/* Add the rows of 0, 1, 2 and of each further descriptor. */
void judge_descriptors(struct report *report);

#endif
