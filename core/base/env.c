/*
 * Reads environment vectors.
 */
#include "base.h"

#include <string.h>

char *dz_env_value(char *entry, const char *name)
{
    if (*entry != *name) /* as most entries do */
        return NULL;
    size_t length = strlen(name);
    if (strncmp(entry, name, length) != 0 || entry[length] != '=')
        return NULL;
    return entry + length + 1;
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
