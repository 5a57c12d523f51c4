/*
 * The next definition of a function for a program that has no dlsym(3): before glibc
 * 2.34 that is in libdl, which not every program loads.
 *
 * libc's own __libc_dlopen_mode is no way to it.  From our constructor it would run the
 * constructors of libc with no arguments and no environment, and environ would stay
 * NULL. So the lists of the dynamic linker are read: link_map of <link.h>, and in each
 * object the table DT_GNU_HASH, which glibc has on every machine but MIPS.
 */
#include "shim.h"

#include <elf.h>
#include <link.h>
#include <string.h>

extern __attribute__((weak)) struct r_debug _r_debug;
typedef ElfW(Addr) address;
typedef ElfW(Dyn) dynamic;
typedef ElfW(Half) half;
typedef ElfW(Sym) symbol;

extern __attribute__((visibility("hidden"))) dynamic _DYNAMIC[]; /* ours */

enum {
    OLD_VERSION = 0x8000, /* of DT_VERSYM: not the one that a new program gets */
    BLOOM_AT = 4,         /* words of DT_GNU_HASH before its filter */
    TYPE_MASK = 0xf       /* ELF64_ST_TYPE */
};

struct tables {
    const symbol *symbols;
    const char *strings;
    const half *versions; /* NULL: none has a version */
    const uint32_t *hash; /* NULL: the object has no such table */
};

/* glibc has added the address of the object, except in the vdso. */
static const void *in_memory(const struct link_map *map, address at)
{
    return (const void *)(at < map->l_addr ? at + map->l_addr : at);
}

static struct tables tables_of(const struct link_map *map)
{
    struct tables tables = {0};

    for (const dynamic *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        const void *at = in_memory(map, entry->d_un.d_ptr);
        if (entry->d_tag == DT_SYMTAB)
            tables.symbols = at;
        else if (entry->d_tag == DT_STRTAB)
            tables.strings = at;
        else if (entry->d_tag == DT_VERSYM)
            tables.versions = at;
        else if (entry->d_tag == DT_GNU_HASH)
            tables.hash = at;
    }
    return tables;
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381;

    for (; *name != '\0'; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool is_function(const struct tables *tables, uint32_t index, const char *name)
{
    const symbol *entry = &tables->symbols[index];

    return entry->st_shndx != SHN_UNDEF && (entry->st_info & TYPE_MASK) == STT_FUNC &&
           (tables->versions == NULL || (tables->versions[index] & OLD_VERSION) == 0) &&
           strcmp(tables->strings + entry->st_name, name) == 0;
}

/* A chain of hashes belongs to a bucket; the last one has the lowest bit set. */
static void *defined_in(const struct link_map *map, const char *name)
{
    struct tables tables = tables_of(map);
    uint32_t hash = hash_of(name);
    const uint32_t *bucket, *chain;
    uint32_t buckets, first, index;

    if (tables.symbols == NULL || tables.strings == NULL || tables.hash == NULL ||
        tables.hash[0] == 0)
        return NULL;
    buckets = tables.hash[0];
    first = tables.hash[1];
    bucket =
        (const uint32_t *)((const address *)(tables.hash + BLOOM_AT) + tables.hash[2]);
    chain = bucket + buckets;
    for (index = bucket[hash % buckets]; index >= first; index++) {
        uint32_t other = chain[index - first];
        if ((other | 1) == (hash | 1) && is_function(&tables, index, name))
            return (void *)(map->l_addr + tables.symbols[index].st_value);
        if ((other & 1) != 0)
            break;
    }
    return NULL;
}

void *shim_next_symbol(const char *name)
{
    const struct link_map *map = &_r_debug != NULL ? _r_debug.r_map : NULL;
    void *found = NULL;

    while (map != NULL && map->l_ld != _DYNAMIC)
        map = map->l_next;
    while (found == NULL && map != NULL && (map = map->l_next) != NULL)
        found = defined_in(map, name);
    return found;
}
