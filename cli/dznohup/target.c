/*
 * What the target is: script or program, static or dynamic, for which machine.
 */
#include "dznohup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Looks at one file of the chain.  Returns whether it is a script, whose interpreter is
 * in next. */
static bool probe_one(const char *path, struct target *target, char next[PATH_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct dz_script script;
    struct dz_head head;
    bool is_script;

    target->what = (struct dz_program){.readable = false};
    if (fd < 0) {
        target->missing = target->scripts > 0 && errno == ENOENT;
        return false;
    }
    dz_read_head(fd, &head); /* a directory: no bytes */
    is_script = dz_read_script(&head, &script);
    if (is_script) {
        memcpy(next, script.interpreter, sizeof script.interpreter);
    } else {
        target->interpreter[0] = '\0';
        dz_read_program(fd, &head, &target->what);
        if (target->what.elf.dynamic)
            dz_read_interpreter(fd, &target->what.elf, target->interpreter);
        target->missing = target->interpreter[0] != '\0' &&
                          access(target->interpreter, F_OK) < 0 && errno == ENOENT;
    }
    close(fd);
    return is_script;
}

void probe_target(const char *path, struct target *target)
{
    char next[PATH_MAX];

    memset(target, 0, sizeof *target);
    struct dz_text program = dz_text(target->program, sizeof target->program);
    dz_add(&program, path);
    while (target->scripts < DZ_SCRIPTS_MAX &&
           probe_one(target->program, target, next)) {
        target->scripts++;
        memcpy(target->program, next, sizeof next);
        memcpy(target->interpreter, next, sizeof next);
    }
}

bool lacks_interpreter(const char *path)
{
    struct target target;

    probe_target(path, &target);
    return target.missing;
}

const char *target_libc(const struct target *target)
{
    if (strstr(target->interpreter, "/ld-musl") != NULL)
        return "musl";
    if (strstr(target->interpreter, "/ld-linux") != NULL ||
        strstr(target->interpreter, "/ld64") != NULL ||
        strstr(target->interpreter, "/ld.so") != NULL)
        return "glibc";
    return "another libc";
}
