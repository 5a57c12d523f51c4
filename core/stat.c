/*
 * What a file is, by statx(2).
 *
 * fstat(2) will not do: the layout of struct stat differs between the libcs on
 * 32 bits, older glibcs export it under other names, and musl's headers lack
 * statx before 1.2.5.  The kernel's own structure, linux/stat.h, is the same
 * everywhere.
 */
#include "dz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct kernel_statx {
    uint32_t mask;
    uint32_t block_size;
    uint64_t attributes;
    uint32_t links;
    uint32_t uid;
    uint32_t gid;
    uint16_t mode;
    uint16_t spare;
    uint64_t inode;
    uint64_t size;
    uint64_t rest[28]; /* the kernel writes 256 bytes in all */
};
_Static_assert(sizeof(struct kernel_statx) >= 256, "statx(2) writes 256 bytes");

enum {
    BASIC_STATS = 0x7ff, /* STATX_BASIC_STATS */
    DEV_AT = 136         /* offset of stx_dev_major, then stx_dev_minor */
};

int dz_stat(int folder, const char *path, bool follow, struct dz_stat *about)
{
    struct kernel_statx raw;
    uint32_t device[2];
    int flags = AT_EMPTY_PATH | (follow ? 0 : AT_SYMLINK_NOFOLLOW);

    if (syscall(SYS_statx, folder, path, flags, BASIC_STATS, &raw) < 0)
        return -1;
    memcpy(device, (const char *)&raw + DEV_AT, sizeof device);
    about->mode = raw.mode;
    about->uid = raw.uid;
    about->links = raw.links;
    about->size = raw.size;
    about->inode = raw.inode;
    about->device = (uint64_t)device[0] << 32 | device[1];
    return 0;
}
