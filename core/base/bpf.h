/*
 * Classic BPF as seccomp(2) takes it.
 *
 * These are the parts of linux/filter.h, linux/seccomp.h and linux/audit.h that we
 * need.  musl-gcc does not find the kernel's headers.
 */
#ifndef BPF_H
#define BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dz_bpf {
    uint16_t code;
    uint8_t yes; /* rows to skip if a comparison is true */
    uint8_t no;  /* rows to skip if it is false */
    uint32_t value;
};

/* As struct sock_fprog. */
struct dz_filter {
    unsigned short rows;
    const struct dz_bpf *filter;
};

/* As struct seccomp_data. */
struct dz_call {
    int number;
    uint32_t architecture;
    uint64_t instruction;
    uint64_t arguments[6];
};

enum {
    DZ_BPF_LOAD = 0x20,  /* BPF_LD | BPF_W | BPF_ABS */
    DZ_BPF_IS = 0x15,    /* BPF_JMP | BPF_JEQ | BPF_K */
    DZ_BPF_HAS = 0x45,   /* BPF_JMP | BPF_JSET | BPF_K */
    DZ_BPF_ANSWER = 0x06 /* BPF_RET | BPF_K */
};

/* The filter's answers, SECCOMP_RET_*.  An errno is added to the second. */
static const uint32_t DZ_ANSWER_ALLOW = 0x7fff0000;
static const uint32_t DZ_ANSWER_ERRNO = 0x00050000;
static const uint32_t DZ_ANSWER_TRAP = 0x00030000;

enum { DZ_SECCOMP_FILTER = 2 }; /* of prctl(2), SECCOMP_MODE_FILTER */

/* Returns the row that loads 32 bits of a struct dz_call. */
static inline struct dz_bpf dz_bpf_load(size_t offset)
{
    return (struct dz_bpf){DZ_BPF_LOAD, 0, 0, (uint32_t)offset};
}

/* Returns the row that skips yes rows if the loaded bits are value, else no rows. */
static inline struct dz_bpf dz_bpf_is(uint32_t value, int yes, int no)
{
    return (struct dz_bpf){DZ_BPF_IS, (uint8_t)yes, (uint8_t)no, value};
}

/* Returns the row that skips yes rows if any bit of value is set, else no rows. */
static inline struct dz_bpf dz_bpf_has(uint32_t value, int yes, int no)
{
    return (struct dz_bpf){DZ_BPF_HAS, (uint8_t)yes, (uint8_t)no, value};
}

/* Returns the row that loads the low 32 bits of an argument, or the high 32 bits. */
static inline struct dz_bpf dz_bpf_load_argument(int number, bool high)
{
    bool second = high == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

    return dz_bpf_load(offsetof(struct dz_call, arguments) + 8 * (size_t)number +
                       (second ? 4 : 0));
}

/* Returns the row that ends the filter with that answer. */
static inline struct dz_bpf dz_bpf_answer(uint32_t answer)
{
    return (struct dz_bpf){DZ_BPF_ANSWER, 0, 0, answer};
}

#endif
