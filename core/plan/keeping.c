/*
 * The values of the options that need the keeper, and whether it is needed.
 */
#include "plan.h"

#include <string.h>

static const char *const policies[] = {[DZ_RESTART_NEVER] = "no",
                                       [DZ_RESTART_ON_FAILURE] = "on-failure",
                                       [DZ_RESTART_ALWAYS] = "always"};

enum { POLICIES = sizeof policies / sizeof policies[0] };

/* Reads on-failure, always or no, and :MAX.  NULL: on-failure. */
int dz_parse_restart(void *field, const char *value, struct dz_fault *fault)
{
    struct dz_restart *restart = field;
    size_t length;
    const char *at;

    restart->policy = DZ_RESTART_ON_FAILURE;
    restart->most = 0;
    if (value == NULL || strcmp(value, "1") == 0) /* as the variable of a flag */
        return 0;
    if (strcmp(value, "0") == 0)
        value = policies[DZ_RESTART_NEVER];
    length = strcspn(value, ":");
    at = value + length;
    for (int i = 0; i < POLICIES; i++) {
        if (strlen(policies[i]) != length || memcmp(policies[i], value, length) != 0)
            continue;
        restart->policy = (enum dz_restart_policy)i;
        if (*at == '\0')
            return 0;
        at++;
        restart->most = dz_read_number(&at);
        if (i != DZ_RESTART_NEVER && restart->most > 0 && *at == '\0')
            return 0;
    }
    return dz_fault(fault, NULL, value, 0,
                    "must be on-failure[:MAX], always[:MAX] or no");
}

const char *dz_show_restart(const void *field, char *scratch)
{
    const struct dz_restart *restart = field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    dz_add(&text, policies[restart->policy]);
    if (restart->most > 0) {
        dz_add_char(&text, ':');
        dz_add_number(&text, restart->most);
    }
    return restart->policy == DZ_RESTART_NEVER ? NULL : scratch;
}

/* Reads SEC or SEC,MAX.  Without MAX the delay grows up to the default, or to SEC if
 * that is more. */
int dz_parse_delay(void *field, const char *value, struct dz_fault *fault)
{
    struct dz_delay *delay = field;
    const char *at = value;

    delay->most = DZ_DEFAULT_DELAY_MOST;
    if (dz_read_seconds(&at, &delay->first) < 0)
        return dz_fault(fault, NULL, value, 0, "must be SEC or SEC,MAX");
    if (delay->first > delay->most)
        delay->most = delay->first;
    if (*at == ',' && (at++, dz_read_seconds(&at, &delay->most)) < 0)
        return dz_fault(fault, NULL, value, 0, "must be SEC or SEC,MAX");
    if (*at != '\0')
        return dz_fault(fault, NULL, value, 0, "must be SEC or SEC,MAX");
    if (delay->most < delay->first)
        return dz_fault(fault, NULL, value, 0, "MAX is less than SEC");
    return 0;
}

const char *dz_show_delay(const void *field, char *scratch)
{
    const struct dz_delay *delay = field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    dz_add_seconds(&text, delay->first);
    dz_add_char(&text, ',');
    dz_add_seconds(&text, delay->most);
    return delay->first == DZ_DEFAULT_DELAY && delay->most == DZ_DEFAULT_DELAY_MOST
               ? NULL
               : scratch;
}

const char *dz_show_watchdog(const void *field, char *scratch)
{
    int64_t milliseconds = *(const int64_t *)field;
    struct dz_text text = dz_text(scratch, DZ_SHOWN_MAX);

    dz_add_seconds(&text, milliseconds);
    return milliseconds == 0 ? NULL : scratch;
}

bool dz_wants_keeper(const struct dz_plan *plan)
{
    return plan->keep || plan->restart.policy != DZ_RESTART_NEVER ||
           plan->watchdog > 0 || dz_wants_pump(plan);
}
