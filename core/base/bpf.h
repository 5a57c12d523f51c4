/*
 * Classic BPF as seccomp(2) takes it: the kernel's linux/filter.h, linux/seccomp.h
 * and linux/audit.h, as far as needed, which musl's compiler has no way to.
 */
#ifndef BPF_H
#define BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dz_bpf {
    uint16_t code;
    uint8_t yes; /* rows to skip where a comparison holds */
    uint8_t no;
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

/* The filter's answers, SECCOMP_RET_*; an errno goes with the second. */
static const uint32_t DZ_ANSWER_ALLOW = 0x7fff0000;
static const uint32_t DZ_ANSWER_ERRNO = 0x00050000;
static const uint32_t DZ_ANSWER_TRAP = 0x00030000;

enum { DZ_SECCOMP_FILTER = 2 }; /* of prctl(2), SECCOMP_MODE_FILTER */

/* Load 32 bits of a struct dz_call. */
static inline struct dz_bpf dz_bpf_load(size_t offset)
{
    return (struct dz_bpf){DZ_BPF_LOAD, 0, 0, (uint32_t)offset};
}

/* Skip so many rows where they are value, or are not. */
static inline struct dz_bpf dz_bpf_is(uint32_t value, int yes, int no)
{
    return (struct dz_bpf){DZ_BPF_IS, (uint8_t)yes, (uint8_t)no, value};
}

/* The same, where any bit of value is set. */
static inline struct dz_bpf dz_bpf_has(uint32_t value, int yes, int no)
{
    return (struct dz_bpf){DZ_BPF_HAS, (uint8_t)yes, (uint8_t)no, value};
}

/* Load the low 32 bits of an argument, or the high ones. */
static inline struct dz_bpf dz_bpf_load_argument(int number, bool high)
{
    bool second = high == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

    return dz_bpf_load(offsetof(struct dz_call, arguments) + 8 * (size_t)number +
                       (second ? 4 : 0));
}

static inline struct dz_bpf dz_bpf_answer(uint32_t with)
{
    return (struct dz_bpf){DZ_BPF_ANSWER, 0, 0, with};
}

#endif
