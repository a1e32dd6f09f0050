/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/samples.h"

#include <assert.h>
#include <malloc.h>
#include <string.h>

enum {
        VARINT_MAX = 10,             /* bytes of 64 bits */
        CHANGE_MAX = 3 * VARINT_MAX, /* row, head, difference */
        EXTRA_MAX = 2 * VARINT_MAX,
        HEAD_LAST = 1,
        HEAD_FIRST = 2,
        HEAD_SHIFT = 2,
        EXTRA_RESET = 1,
        EXTRA_DELTA = 2,
        EXTRA_SHIFT = 2,
};

void bytes_done(struct bytes *bytes) {
        free(bytes->data);
        *bytes = (struct bytes){};
}

int bytes_reserve(struct bytes *bytes, size_t n) {
        size_t allocated = MAX(bytes->allocated + bytes->allocated / 2, (size_t)256);
        uint8_t *data = NULL;

        if (bytes->size + n <= bytes->allocated)
                return 0;

        allocated = MAX(allocated, bytes->size + n);
        data = realloc(bytes->data, allocated);
        if (!data)
                return -ENOMEM;

        bytes->data = data;
        bytes->allocated = allocated;
        return 0;
}

static uint64_t zigzag(uint64_t value) {
        return value << 1 ^ -(value >> 63);
}

/* The caller has reserved the room. */
static void put_varint(struct bytes *out, uint64_t value) {
        while (value >= 0x80) {
                out->data[out->size++] = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        out->data[out->size++] = (uint8_t)value;
}

void encoder_init(struct encoder *encoder, struct bytes *out) {
        *encoder = (struct encoder){ .out = out, .row = -1, .head = SIZE_MAX };
}

int encoder_add(struct encoder *encoder, uint32_t row, int cpu, bool first, uint64_t difference) {
        struct bytes *out = encoder->out;
        bool same_row = encoder->head != SIZE_MAX && encoder->row == row;
        uint64_t skip;
        int r;

        r = bytes_reserve(out, CHANGE_MAX);
        if (r < 0)
                return r;

        if (same_row)
                out->data[encoder->head] &= (uint8_t)~HEAD_LAST;
        else {
                put_varint(out, zigzag((uint64_t)((int64_t)row - encoder->row - 1)));
                encoder->row = row;
                encoder->cpu = CPU_NONE - 1;
        }

        skip = zigzag((uint64_t)(cpu - encoder->cpu - 1));
        encoder->head = out->size;
        encoder->cpu = cpu;
        put_varint(out, skip << HEAD_SHIFT | (first ? HEAD_FIRST : 0) | HEAD_LAST);
        put_varint(out, zigzag(difference));
        return 0;
}

int encoder_add_extra(struct encoder *encoder, const struct coded_extra *extra) {
        uint64_t excess = MIN(extra->excess, UINT64_MAX >> EXTRA_SHIFT);
        int r;

        r = bytes_reserve(encoder->out, EXTRA_MAX);
        if (r < 0)
                return r;

        put_varint(encoder->out, excess << EXTRA_SHIFT | (extra->has_delta ? EXTRA_DELTA : 0) |
                                         (extra->reset ? EXTRA_RESET : 0));
        if (extra->has_delta)
                put_varint(encoder->out, extra->delta);
        return 0;
}

int shared_cpus_new(const struct cpu_set *cpus, struct shared_cpus **ret_cpus) {
        _cleanup_(shared_cpus_unrefp) struct shared_cpus *copy = NULL;
        int r;

        copy = calloc(1, sizeof(*copy));
        if (!copy)
                return -ENOMEM;

        copy->n_ref = 1;
        r = cpu_set_copy(&copy->set, cpus);
        if (r < 0)
                return r;

        *ret_cpus = TAKE_PTR(copy);
        return 0;
}

struct shared_cpus *shared_cpus_ref(struct shared_cpus *cpus) {
        cpus->n_ref++;
        return cpus;
}

struct shared_cpus *shared_cpus_unref(struct shared_cpus *cpus) {
        if (!cpus || --cpus->n_ref > 0)
                return NULL;

        cpu_set_done(&cpus->set);
        free(cpus);
        return NULL;
}

int chunk_new(uint64_t first_pass, uint64_t follows_ns, struct chunk **ret_chunk) {
        struct chunk *chunk = NULL;

        chunk = calloc(1, sizeof(*chunk));
        if (!chunk)
                return -ENOMEM;

        chunk->first_pass = first_pass;
        chunk->follows_ns = follows_ns;
        *ret_chunk = chunk;
        return 0;
}

struct chunk *chunk_free(struct chunk *chunk) {
        if (!chunk)
                return NULL;

        for (size_t i = 0; i < chunk->n_passes; i++)
                (void)shared_cpus_unref(chunk->passes[i].cpus);
        bytes_done(&chunk->code);
        free(chunk);
        return NULL;
}

/* The values at the start must not outweigh the passes, or else short chunks would cost more than they hold;
 * and offsets have 32 bits. */
bool chunk_is_full(const struct chunk *chunk, size_t size, size_t size_wanted) {
        if (chunk->n_passes == CHUNK_PASSES_MAX || chunk->code.size + size > UINT32_MAX)
                return true;

        return chunk->code.size - chunk->base_size >= MAX(size_wanted, 4 * chunk->base_size);
}

void chunk_append(struct chunk *chunk, const struct bytes *code, const struct pass *pass) {
        struct pass *copy = &chunk->passes[chunk->n_passes];

        assert(chunk->n_passes < CHUNK_PASSES_MAX);
        assert(chunk->code.size + code->size <= chunk->code.allocated || code->size == 0);

        if (code->size > 0)
                memcpy(chunk->code.data + chunk->code.size, code->data, code->size);
        chunk->code.size += code->size;
        if (chunk->n_passes == 0 || copy[-1].cpus != pass->cpus)
                chunk->cpus_bytes += malloc_usable_size(pass->cpus) + malloc_usable_size(pass->cpus->set.words);

        *copy = *pass;
        copy->cpus = shared_cpus_ref(pass->cpus);
        copy->end = (uint32_t)chunk->code.size;
        chunk->min_us =
                chunk->n_passes > 0 ? MIN(chunk->min_us, pass->stamp.realtime_us) : pass->stamp.realtime_us;
        chunk->max_us = MAX(chunk->max_us, pass->stamp.realtime_us);
        chunk->n_passes++;
}

void chunk_close(struct chunk *chunk) {
        uint8_t *data = NULL;

        if (chunk->code.size == 0)
                return;

        data = realloc(chunk->code.data, chunk->code.size);
        if (!data)
                return; /* it only stays as big as it was */

        chunk->code.data = data;
        chunk->code.allocated = chunk->code.size;
}

size_t chunk_memory(const struct chunk *chunk) {
        return malloc_usable_size((void *)chunk) + malloc_usable_size(chunk->code.data) + chunk->cpus_bytes;
}
