/*
 * -n: what --adopt would change.  -v: the calls that it has made.
 */
#include "adopt.h"

#include <stdio.h>
#include <string.h>

static const char *destination(const struct dz_plan *plan,
                               const struct holding *holding)
{
    switch (holding->use) {
    case USE_NULL:
        return "/dev/null";
    case USE_INPUT:
        return plan->input.text;
    case USE_ERROR:
        return plan->error.text;
    case USE_OUTPUT:
    case USE_BOTH:
        break;
    }
    return plan->output.kind == DZ_OUTPUT_FILE ? plan->output.text
                                               : default_log_place(plan);
}

static void print_session(const struct subject *subject)
{
    static const char *const ways[] = {
        [SESSION_KEPT] = "kept",
        [SESSION_SETSID] = "its own, by setsid",
        [SESSION_JOIN] = "its own, by setsid from another process group",
        [SESSION_TERMINAL] = "kept; gives up its terminal",
    };
    char terminal[32];
    struct dz_text text = dz_text(terminal, sizeof terminal);

    dz_add_tty(&text, subject->process.tty);
    printf("terminal  %s\n", terminal);
    printf("session   %s\n", ways[subject->way]);
}

static void print_ignored(uint64_t signals)
{
    printf("signals  ");
    for (int number = 1; number <= DZ_SIGNALS; number++) {
        char name[16];
        struct dz_text text = dz_text(name, sizeof name);
        if ((signals & dz_signal_bit(number)) == 0)
            continue;
        dz_add_signal(&text, number);
        printf(" %s", name);
    }
    printf(signals != 0 ? " will be ignored\n" : " unchanged\n");
}

int print_changes(const struct subject *subject, const struct dz_plan *plan,
                  const struct holdings *found)
{
    printf("adopt     PID %d, %s\n", (int)subject->pid, subject->name);
    print_session(subject);
    print_ignored(signals_to_ignore(subject, plan));
    for (size_t i = 0; i < found->count; i++)
        printf("fd %-6d %s -> %s\n", found->list[i].number, found->list[i].was,
               destination(plan, &found->list[i]));
    if (found->count == 0)
        printf("fd        none is on a terminal\n");
    printf("chdir     %s\n", plan->chdir != NULL ? plan->chdir : "unchanged");
    if (plan->umask >= 0)
        printf("umask     %03o\n", (unsigned)plan->umask);
    else
        printf("umask     unchanged\n");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}

void say_calls(const struct sequence *sequence, pid_t pid)
{
    for (size_t i = 0; i < sequence->count; i++) {
        const struct call *call = &sequence->calls[i];
        char error[64] = "";
        struct dz_text text = dz_text(error, sizeof error);
        bool failed = call->row.result < 0 && call->row.result >= -4095;
        if (failed) {
            dz_add(&text, ": ");
            dz_add_error(&text, (int)-call->row.result);
        }
        fprintf(stderr, "dznohup: %d: %s = %lld%s\n", (int)pid, call->text,
                failed ? -1LL : (long long)call->row.result, error);
        if (failed && !call->may_fail)
            return;
    }
}
