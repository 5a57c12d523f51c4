/*
 * Reads environment vectors.
 */
#include "base.h"

char *dz_env_value(char *entry, const char *name)
{
    /* Calls no function of libc, for the reason that base.h gives at dz_until. */
    while (*name != '\0' && *entry == *name) {
        entry++;
        name++;
    }
    return *name == '\0' && *entry == '=' ? entry + 1 : NULL;
}

char *dz_env(char **envp, const char *name)
{
    for (; *envp != NULL; envp++) {
        char *value = dz_env_value(*envp, name);
        if (value != NULL)
            return value;
    }
    return NULL;
}
