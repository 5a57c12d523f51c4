/*
 * Finds the libdz.so of the target's class and machine.
 *
 * Libraries of several machines are in the directories that ld.so(8) substitutes for
 * $LIB: lib and lib32, for example.  We search these directories and give the dynamic
 * linker a complete path.  The linker of glibc only warns of a library that it cannot
 * load, and that of musl does not know $LIB.
 */
#include "dznohup.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char token[] = "$LIB";

/* The directories of a machine: of Debian, of Fedora and others, of Arch. */
static const struct machine {
    unsigned machine;
    int bits;
    const char *directories[3];
} machines[] = {
    {EM_X86_64, 64, {"lib/x86_64-linux-gnu", "lib64", "lib"}},
    {EM_386, 32, {"lib/i386-linux-gnu", "lib32", "lib"}},
    {EM_AARCH64, 64, {"lib/aarch64-linux-gnu", "lib64", "lib"}},
    {EM_ARM, 32, {"lib/arm-linux-gnueabihf", "lib32", "lib"}},
};
enum { MACHINES = sizeof machines / sizeof machines[0], DIRECTORIES = 3 };

static const struct machine *find_machine(const struct target *target)
{
    for (size_t i = 0; i < MACHINES; i++)
        if (machines[i].machine == target->machine && machines[i].bits == target->bits)
            return &machines[i];
    return NULL;
}

/* The two parts of a path: before and after the machine's directory. */
struct place {
    int before; /* length of the first part */
    const char *behind;
};

/* Returns the machine's directory that the length bytes of path end with, or NULL. */
static const char *directory_of(const struct machine *machine, const char *path,
                                size_t length)
{
    for (int i = 0; i < DIRECTORIES; i++) {
        size_t own = strlen(machine->directories[i]);
        if (length > own && path[length - own - 1] == '/' &&
            memcmp(path + length - own, machine->directories[i], own) == 0)
            return machine->directories[i];
    }
    return NULL;
}

/* Splits the path at $LIB, or at a machine's directory that the file is in.  Returns
 * whether there is one. */
static bool split(const char *path, struct place *place)
{
    const char *at = strstr(path, token);
    const char *slash = strrchr(path, '/');
    const char *directory = NULL;

    if (at != NULL) {
        *place = (struct place){(int)(at - path), at + strlen(token)};
        return true;
    }
    for (size_t i = 0; slash != NULL && directory == NULL && i < MACHINES; i++)
        directory = directory_of(&machines[i], path, (size_t)(slash - path));
    if (directory == NULL)
        return false;
    *place = (struct place){(int)(slash - path - (long)strlen(directory)), slash};
    return true;
}

static bool is_library(const char *path, struct target *library)
{
    probe_target(path, library);
    return library->elf && library->shared && library->scripts == 0;
}

static bool fits(const char *path, const struct target *target)
{
    struct target library;

    return is_library(path, &library) && library.bits == target->bits &&
           library.machine == target->machine;
}

/* Fills in the fault: no library fits the target. */
static int refuse(const char *path, const struct target *target,
                  const struct place *place, struct dz_fault *fault)
{
    const struct machine *machine = find_machine(target);
    char pattern[PATH_MAX];
    char reason[sizeof fault->reason];

    if (place == NULL || machine == NULL)
        return dz_fault(fault, "preload", path, 0,
                        "the program is for another machine or word size");
    snprintf(pattern, sizeof pattern, "%.*s%s%s", place->before, path, token,
             place->behind);
    snprintf(reason, sizeof reason, "no %d-bit library with %s, %s or %s as $LIB",
             target->bits, machine->directories[0], machine->directories[1],
             machine->directories[2]);
    return dz_fault(fault, "preload", pattern, 0, reason);
}

int find_library(const char *shim, const struct target *target, char path[PATH_MAX],
                 struct dz_fault *fault)
{
    const struct machine *machine = find_machine(target);
    struct target library;
    struct place place;
    bool parted;

    if (dz_make_absolute(shim, path) < 0)
        return dz_fault(fault, "preload", shim, errno, NULL);
    parted = split(shim, &place);
    if (strstr(shim, token) == NULL) {
        if (access(path, R_OK) < 0)
            return dz_fault(fault, "preload", path, errno, NULL);
        if (!is_library(path, &library))
            return dz_fault(fault, "preload", path, 0, "not a shared library");
        if (fits(path, target))
            return 0;
    }
    for (int i = 0; parted && machine != NULL && i < DIRECTORIES; i++) {
        char beside[PATH_MAX];
        int n = snprintf(beside, sizeof beside, "%.*s%s%s", place.before, shim,
                         machine->directories[i], place.behind);
        if (n < PATH_MAX && fits(beside, target))
            return dz_make_absolute(beside, path) < 0
                       ? dz_fault(fault, "preload", beside, errno, NULL)
                       : 0;
    }
    return refuse(shim, target, parted ? &place : NULL, fault);
}
