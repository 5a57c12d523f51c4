/*
 * The last moment of a start: this process becomes the program.
 */
#include "dznohup.h"

void execute_target(struct dz_start *start, const struct command *command,
                    const char *library, struct dz_fault *fault)
{
    if (preload_library(start, library, fault) == 0 &&
        dz_unguard_writes(start, fault) == 0) {
        exec_command(command, start->envp, fault);
        dz_guard_writes(start);
    }
    dz_fail(start, fault);
}
