/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Passes as bytes. A chunk is a run of passes: the values at its start, then per pass only what changed.
 * Chunks are the unit in which history is dropped. Knows rows by number only.
 *
 * The code of a pass is a sequence of rows, each zigzag(row - previous row - 1) followed by its changes:
 * head = zigzag(cpu - previous cpu - 1) << 2 | first << 1 | last-of-the-row, then zigzag(value -
 * previous value) modulo 2^64; all as LEB128 varints. A typical change takes 2 or 3 bytes.
 *
 * A pass that stands for several (see struct store_pass), or whose differences are not those of its values, has extras:
 * after each change excess << 2 | delta-follows << 1 | reset, then perhaps the delta. excess is by how much the largest
 * of its passes exceeds the average one, for a gauge the value at the end.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpulist.h"
#include "daemon/store/batch.h"

enum {
        CHUNK_PASSES_MAX = 120,
};

/* Bytes that grow. All-zero is empty. */
struct bytes {
        uint8_t *data;
        size_t size, allocated;
};

void bytes_done(struct bytes *bytes);
/* Room for n more. 0 or -ENOMEM. */
int bytes_reserve(struct bytes *bytes, size_t n);

struct encoder {
        struct bytes *out;
        int64_t row, cpu; /* of the change before */
        size_t head;      /* where the head of the change before is; SIZE_MAX: there is none */
};

struct coded_extra {
        bool reset, has_delta;
        uint64_t delta;  /* if has_delta */
        uint64_t excess;
};

void encoder_init(struct encoder *encoder, struct bytes *out);
/* Changes of one row must follow each other. 0 or -ENOMEM. */
int encoder_add(struct encoder *encoder, uint32_t row, int cpu, bool first, uint64_t difference);
/* Of the change that was added last; in a pass with extras every change has one. 0 or -ENOMEM. */
int encoder_add_extra(struct encoder *encoder, const struct coded_extra *extra);

struct coded_change {
        uint32_t row;
        int32_t cpu;
        bool first;
        uint64_t difference; /* modulo 2^64 */
        struct coded_extra extra;
};

struct decoder {
        const uint8_t *p, *end;
        int64_t row, cpu;
        bool in_row, extras;
};

/* Returned by value, and like all that follows inline: its members stay in registers while it is used. */
static inline struct decoder decoder_new(const uint8_t *data, size_t size, bool extras) {
        /* An empty chunk has no data: nothing may be added to NULL, not even 0. */
        return (struct decoder){
                .p = data, .end = data ? data + size : NULL, .row = -1, .extras = extras
        };
}

static inline uint64_t decoder_varint(struct decoder *decoder) {
        const uint8_t *p = decoder->p;
        uint64_t value = *p++;

        if (value >= 0x80) {
                unsigned shift = 7;
                uint8_t byte;

                value &= 0x7f;
                do {
                        byte = *p++;
                        value |= (uint64_t)(byte & 0x7f) << shift;
                        shift += 7;
                } while (byte >= 0x80);
        }

        decoder->p = p;
        return value;
}

static inline uint64_t unzigzag(uint64_t value) {
        return value >> 1 ^ -(value & 1);
}

static inline struct coded_extra coded_extra_of(uint64_t head) {
        return (struct coded_extra){ .reset = head & 1, .has_delta = head >> 1 & 1, .excess = head >> 2 };
}

/* The row whose changes follow, at least one; decoder->in_row while there are more. False at the end. The
 * bytes are our own: they are well-formed. */
static inline bool decoder_next_row(struct decoder *decoder, uint32_t *ret_row) {
        if (decoder->p == decoder->end)
                return false;

        decoder->row += 1 + (int64_t)unzigzag(decoder_varint(decoder));
        decoder->cpu = CPU_NONE - 1;
        decoder->in_row = true;
        *ret_row = (uint32_t)decoder->row;
        return true;
}

static inline struct coded_change decoder_take(struct decoder *decoder, uint64_t head, uint64_t difference) {
        decoder->cpu += 1 + (int64_t)unzigzag(head >> 2);
        decoder->in_row = !(head & 1);
        return (struct coded_change){
                .row = (uint32_t)decoder->row,
                .cpu = (int32_t)decoder->cpu,
                .first = head >> 1 & 1,
                .difference = unzigzag(difference),
        };
}

static inline void decoder_next_of_row(struct decoder *decoder, struct coded_change *ret_change) {
        uint64_t head = decoder_varint(decoder);

        *ret_change = decoder_take(decoder, head, decoder_varint(decoder));
        if (!decoder->extras)
                return;

        ret_change->extra = coded_extra_of(decoder_varint(decoder));
        if (ret_change->extra.has_delta)
                ret_change->extra.delta = decoder_varint(decoder);
}

/* The changes of all rows in one sequence. False at the end. */
static inline bool decoder_next(struct decoder *decoder, struct coded_change *ret_change) {
        uint32_t row;

        if (!decoder->in_row && !decoder_next_row(decoder, &row))
                return false;

        decoder_next_of_row(decoder, ret_change);
        return true;
}

/* What follows is the same for bytes from elsewhere, which may be anything. */
static inline bool decoder_checked_varint(struct decoder *decoder, uint64_t *ret_value) {
        const uint8_t *p = decoder->p;
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && p < decoder->end; shift += 7) {
                uint8_t byte = *p++;

                value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80) {
                        decoder->p = p;
                        *ret_value = value;
                        return true;
                }
        }

        return false;
}

static inline bool decoder_checked_row(struct decoder *decoder, uint32_t n_rows) {
        uint64_t skip;

        if (!decoder_checked_varint(decoder, &skip) || unzigzag(skip) + (uint64_t)decoder->row + 1 >= n_rows)
                return false;

        decoder->row += 1 + (int64_t)unzigzag(skip);
        decoder->cpu = CPU_NONE - 1;
        return true;
}

static inline bool decoder_checked_extra(struct decoder *decoder, struct coded_extra *ret_extra) {
        uint64_t head;

        if (!decoder_checked_varint(decoder, &head))
                return false;

        *ret_extra = coded_extra_of(head);
        return !ret_extra->has_delta || decoder_checked_varint(decoder, &ret_extra->delta);
}

/* Whole changes, rows below n_rows, CPUs that can be. 1; 0 at the end; -EBADMSG. */
static inline int decoder_next_checked(struct decoder *decoder, uint32_t n_rows,
                                       struct coded_change *ret_change) {
        uint64_t head, difference;

        if (!decoder->in_row && decoder->p == decoder->end)
                return 0;
        if (!decoder->in_row && !decoder_checked_row(decoder, n_rows))
                return -EBADMSG;
        if (!decoder_checked_varint(decoder, &head) || !decoder_checked_varint(decoder, &difference) ||
            unzigzag(head >> 2) + (uint64_t)decoder->cpu + 1 - (uint64_t)CPU_NONE >=
                    (uint64_t)(CPU_LIMIT - CPU_NONE))
                return -EBADMSG;

        *ret_change = decoder_take(decoder, head, difference);
        if (decoder->extras && !decoder_checked_extra(decoder, &ret_change->extra))
                return -EBADMSG;
        return 1;
}

/* The CPUs of a pass; passes that follow each other share it while it stays the same. */
struct shared_cpus {
        unsigned n_ref;
        struct cpu_set set;
};

/* A copy with one reference. 0 or -ENOMEM. */
int shared_cpus_new(const struct cpu_set *cpus, struct shared_cpus **ret_cpus);
struct shared_cpus *shared_cpus_ref(struct shared_cpus *cpus);
struct shared_cpus *shared_cpus_unref(struct shared_cpus *cpus);
DEFINE_CLEANUP(struct shared_cpus *, shared_cpus_unref)

struct pass {
        struct stamp stamp;
        struct shared_cpus *cpus; /* owned reference */
        uint32_t end;             /* offset of the end of its code; it starts where the one before ends */
        uint32_t n_passes;        /* that it stands for; 1: it is as it was read */
        bool after_gap;
        bool extras;
};

struct chunk {
        struct chunk *next;  /* the next newer one */
        uint64_t first_pass; /* its number in the source */
        uint64_t follows_ns; /* the monotonic moment of the pass before it; 0: there was none */
        size_t base_size;    /* of the values at the start, coded as differences from 0 */
        struct bytes code;
        size_t cpus_bytes; /* heap of the CPU sets that its passes brought */
        uint64_t min_us, max_us; /* realtime of its passes, which may have been set between them */
        size_t n_passes;
        struct pass passes[CHUNK_PASSES_MAX];
};

/* 0 or -ENOMEM. */
int chunk_new(uint64_t first_pass, uint64_t follows_ns, struct chunk **ret_chunk);
struct chunk *chunk_free(struct chunk *chunk);
DEFINE_CLEANUP(struct chunk *, chunk_free)
/* Whether a pass of that size should go to a new chunk; size_wanted is where a chunk is big enough. */
bool chunk_is_full(const struct chunk *chunk, size_t size, size_t size_wanted);
/* Adds a pass, of which end is filled in; the room for code->size bytes must have been reserved in chunk->code. Takes a
 * reference to pass->cpus. */
void chunk_append(struct chunk *chunk, const struct bytes *code, const struct pass *pass);
/* No passes will be added: gives back spare memory. */
void chunk_close(struct chunk *chunk);
size_t chunk_memory(const struct chunk *chunk);

static inline struct decoder chunk_base_decoder(const struct chunk *chunk) {
        return decoder_new(chunk->code.data, chunk->base_size, false);
}

static inline struct decoder chunk_pass_decoder(const struct chunk *chunk, size_t index) {
        size_t start = index > 0 ? chunk->passes[index - 1].end : chunk->base_size;

        /* A chunk in which nothing ever changed has no code: to NULL not even zero is added. */
        return decoder_new(chunk->code.data ? chunk->code.data + start : NULL,
                           chunk->passes[index].end - start, chunk->passes[index].extras);
}
