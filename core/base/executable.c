/*
 * What execve(2) would make of a file: a script, or a program into which the dynamic
 * linker loads a library.
 *
 * Nothing in the file is trusted.  A header that does not fit is treated as missing.
 */
#include "base.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int dz_read_head(int fd, struct dz_head *head)
{
    ssize_t n;

    do
        n = read(fd, head->bytes, sizeof head->bytes);
    while (n < 0 && errno == EINTR);
    head->size = n > 0 ? (size_t)n : 0;
    return n < 0 ? -1 : 0;
}

bool dz_read_script(const struct dz_head *head, struct dz_script *script)
{
    char line[DZ_SCRIPT_LINE + 1];
    size_t n = head->size < DZ_SCRIPT_LINE ? head->size : DZ_SCRIPT_LINE;
    const char *at = line + 2;
    size_t length;

    if (n < 2 || head->bytes[0] != '#' || head->bytes[1] != '!')
        return false;
    memcpy(line, head->bytes, n);
    line[n] = '\0';
    at += strspn(at, " \t");
    length = strcspn(at, " \t\n"); /* for the kernel a "\r" is a part of the name */
    memcpy(script->interpreter, at, length);
    script->interpreter[length] = '\0';
    at += length + strspn(at + length, " \t");
    length = strcspn(at, "\n");
    script->whole = at[length] == '\n' || n < DZ_SCRIPT_LINE;
    while (length > 0 && strchr(" \t", at[length - 1]) != NULL)
        length--;
    memcpy(script->argument, at, length);
    script->argument[length] = '\0';
    return script->interpreter[0] != '\0';
}

/*
 * Returns whether the program is set up to run with more privileges than its caller.
 * Then the dynamic linker runs in secure mode and ignores most of LD_PRELOAD, ld.so(8).
 * The set-user-ID bit counts for the file's owner too: such programs (sudo, su) clean
 * the environment for another user.
 */
static bool is_privileged(int fd)
{
    struct dz_stat about;

    if (dz_stat(fd, "", true, &about) < 0)
        return false;
    if ((about.mode & S_ISUID) != 0 ||
        (about.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        return true;
    return getuid() != 0 &&
           syscall(SYS_fgetxattr, fd, "security.capability", NULL, (size_t)0) > 0;
}

void dz_read_program(int fd, const struct dz_head *head, struct dz_program *program)
{
    memset(program, 0, sizeof *program);
    program->readable = true;
    program->is_elf = dz_read_elf(fd, head, &program->elf);
    program->privileged = is_privileged(fd);
}

const char *dz_preload_obstacle(const struct dz_program *program)
{
    if (!program->readable)
        return "it cannot be read";
    if (!program->is_elf)
        return "not an ELF program";
    if (!program->elf.dynamic)
        return "it is statically linked";
    if (program->privileged)
        return "it is setuid, setgid or has file capabilities";
    return NULL;
}
