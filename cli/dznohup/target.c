/*
 * What the target is: script or program, static or dynamic, for which machine.
 *
 * Nothing in the file is trusted.  A header that does not fit is treated as missing.
 */
#include "dznohup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SCRIPTS_MAX = 5 }; /* "#!" lines that the kernel follows, execve(2) */

bool read_script(int fd, struct script *script)
{
    char line[SCRIPT_LINE + 1];
    ssize_t n = pread(fd, line, SCRIPT_LINE, 0);
    const char *at = line + 2;
    size_t length;

    if (n < 2 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    at += strspn(at, " \t");
    length = strcspn(at, " \t\n"); /* for the kernel a "\r" is a part of the name */
    memcpy(script->interpreter, at, length);
    script->interpreter[length] = '\0';
    at += length + strspn(at + length, " \t");
    length = strcspn(at, "\n");
    script->whole = at[length] == '\n' || n < SCRIPT_LINE;
    while (length > 0 && strchr(" \t", at[length - 1]) != NULL)
        length--;
    memcpy(script->argument, at, length);
    script->argument[length] = '\0';
    return script->interpreter[0] != '\0';
}

/*
 * Returns whether executing fd would raise privileges.  Then the dynamic linker runs in
 * secure mode and ignores most of LD_PRELOAD, ld.so(8).
 */
static bool is_privileged(int fd)
{
    struct stat about;

    if (fstat(fd, &about) < 0)
        return false;
    if ((about.st_mode & S_ISUID) != 0 && about.st_uid != getuid())
        return true;
    if ((about.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
        about.st_gid != getgid())
        return true;
    return fgetxattr(fd, "security.capability", NULL, 0) > 0 && getuid() != 0;
}

/* Looks at one file of the chain.  Returns whether it is a script, whose interpreter is
 * in next. */
static bool probe_one(const char *path, struct target *target, char next[PATH_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct script script;
    bool is_script = false;

    if (fd < 0) {
        target->missing = target->scripts > 0 && errno == ENOENT;
        target->readable = false;
        return false;
    }
    target->readable = true;
    is_script = read_script(fd, &script);
    if (is_script) {
        memcpy(next, script.interpreter, sizeof script.interpreter);
    } else {
        target->interpreter[0] = '\0';
        target->privileged = is_privileged(fd); /* a script's bits have no effect */
        struct dz_elf elf;
        target->elf = dz_read_elf(fd, &elf);
        if (target->elf) {
            target->bits = elf.bits;
            target->machine = elf.machine;
            target->shared = elf.shared;
            target->dynamic = elf.dynamic;
            memcpy(target->interpreter, elf.interpreter, sizeof elf.interpreter);
        }
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
    while (target->scripts < SCRIPTS_MAX && probe_one(target->program, target, next)) {
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

const char *preload_obstacle(const struct target *target)
{
    if (!target->readable)
        return "it cannot be read";
    if (!target->elf)
        return "not an ELF program";
    if (!target->dynamic)
        return "it is statically linked";
    if (target->privileged)
        return "it is setuid, setgid or has file capabilities";
    return NULL;
}
