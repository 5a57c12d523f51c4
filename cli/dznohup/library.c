/*
 * Finds the libdz.so of the target's class and machine, or says why there is none.
 */
#include "dznohup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_library(const char *path, struct target *library)
{
    probe_target(path, library);
    return library->what.is_elf && library->what.elf.shared && library->scripts == 0;
}

/* Fills in the fault: no library fits the target. */
static int refuse(const char *path, const struct target *target, struct dz_fault *fault)
{
    const char *const *directories = dz_library_directories(&target->what.elf);
    struct dz_place place;
    char pattern[PATH_MAX];
    char reason[sizeof fault->reason];

    if (directories == NULL || !dz_library_place(path, &place))
        return dz_fault(fault, "preload", path, 0,
                        "the program is for another machine or word size");
    snprintf(pattern, sizeof pattern, "%.*s$LIB%s", (int)place.before, path,
             place.behind);
    snprintf(reason, sizeof reason, "no %d-bit library with %s, %s or %s as $LIB",
             target->what.elf.bits, directories[0], directories[1], directories[2]);
    return dz_fault(fault, "preload", pattern, 0, reason);
}

int find_library(const char *shim, const struct target *target, char path[PATH_MAX],
                 struct dz_fault *fault)
{
    struct target library;
    char beside[PATH_MAX];

    if (dz_make_absolute(shim, path) < 0)
        return dz_fault(fault, "preload", shim, errno, NULL);
    if (strstr(shim, "$LIB") == NULL) {
        if (access(path, R_OK) < 0)
            return dz_fault(fault, "preload", path, errno, NULL);
        if (!is_library(path, &library))
            return dz_fault(fault, "preload", path, 0, "not a shared library");
        if (dz_library_fits(path, &target->what.elf))
            return 0;
    }
    if (!dz_library_beside(shim, &target->what.elf, beside, sizeof beside))
        return refuse(shim, target, fault);
    return dz_make_absolute(beside, path) < 0
               ? dz_fault(fault, "preload", beside, errno, NULL)
               : 0;
}
