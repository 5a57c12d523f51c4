/*
 * Shows the environment as main's third argument, environ and getenv see it,
 * then as a child by system(3) does.  With a FILE argument: writes there, and
 * waits to be ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv, char **envp)
{
    FILE *to = argc > 1 ? fopen(argv[1], "w") : stdout;
    char *list = NULL;

    if (to == NULL)
        return 1;
    fprintf(to, "same vector: %s\n", envp == environ ? "yes" : "no");
    for (char **at = envp; *at != NULL; at++) {
        char *name = strdup(*at);
        name[strcspn(name, "=")] = '\0';
        char *value = getenv(name);
        fprintf(to, "main %s\n", *at);
        if (value == NULL || strcmp(value, *at + strlen(name) + 1) != 0)
            fprintf(to, "getenv differs: %s\n", name);
        free(name);
    }
    fprintf(to, "getenv LD_PRELOAD: %s\n",
            (list = getenv("LD_PRELOAD")) != NULL ? list : "(none)");
    fprintf(to, "session %ld pid %ld\n", (long)getsid(0), (long)getpid());
    fflush(to);
    if (argc > 1) {
        char command[4096];
        snprintf(command, sizeof command,
                 "{ env | sed 's/^/child /'; echo child-sid $(ps -o sid= -p $$); "
                 "echo done; } >>%s",
                 argv[1]);
        fclose(to);
        if (system(command) != 0)
            return 1;
        pause();
    }
    return 0;
}
