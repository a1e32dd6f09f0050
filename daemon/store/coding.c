/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/coding.h"

#include <string.h>
#include <zstd.h>

enum {
        VARINT_MAX = 10,
        PACK_LEVEL = 3,
        RECORD_MAX = 256 * 1024 * 1024, /* a pass over 4,096 interrupts on 512 CPUs takes a tenth of it */
};

static void write_reserve(struct writer *writer, size_t n) {
        if (writer->error >= 0)
                writer->error = bytes_reserve(&writer->bytes, n);
}

void write_u64(struct writer *writer, uint64_t value) {
        struct bytes *out = &writer->bytes;

        write_reserve(writer, VARINT_MAX);
        if (writer->error < 0)
                return;

        while (value >= 0x80) {
                out->data[out->size++] = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        out->data[out->size++] = (uint8_t)value;
}

void write_i64(struct writer *writer, int64_t value) {
        write_u64(writer, (uint64_t)value << 1 ^ -((uint64_t)value >> 63));
}

static void write_raw(struct writer *writer, const void *data, size_t size) {
        write_reserve(writer, size);
        if (writer->error < 0 || size == 0)
                return;

        memcpy(writer->bytes.data + writer->bytes.size, data, size);
        writer->bytes.size += size;
}

/* With its NUL, so that it can be read in place. */
void write_text(struct writer *writer, const char *text) {
        size_t size = text ? strlen(text) + 1 : 0;

        write_u64(writer, size);
        write_raw(writer, text, size);
}

void write_bytes(struct writer *writer, const void *data, size_t size) {
        write_u64(writer, size);
        write_raw(writer, data, size);
}

/* Runs: how many are left out, how many there are. */
void write_cpus(struct writer *writer, const struct cpu_set *cpus) {
        int at = 0;

        for (int first = cpu_set_next(cpus, 0), last; first >= 0; first = cpu_set_next(cpus, last + 1)) {
                for (last = first; cpu_set_next(cpus, last + 1) == last + 1;)
                        last++;
                write_u64(writer, (uint64_t)(first - at));
                write_u64(writer, (uint64_t)last - (uint64_t)first + 1);
                at = last + 1;
        }
        write_u64(writer, 0);
        write_u64(writer, 0);
}

static void read_fail(struct reader *reader) {
        reader->failed = true;
        reader->p = reader->end;
}

uint64_t read_u64(struct reader *reader) {
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && reader->p < reader->end; shift += 7) {
                uint8_t byte = *reader->p++;

                value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80)
                        return value;
        }

        read_fail(reader);
        return 0;
}

int64_t read_i64(struct reader *reader) {
        return (int64_t)unzigzag(read_u64(reader));
}

uint64_t read_up_to(struct reader *reader, uint64_t max) {
        uint64_t value = read_u64(reader);

        if (value <= max)
                return value;

        read_fail(reader);
        return 0;
}

const uint8_t *read_bytes(struct reader *reader, size_t *ret_size) {
        size_t size = (size_t)read_up_to(reader, (uint64_t)(reader->end - reader->p));
        const uint8_t *data = reader->p;

        *ret_size = 0;
        if (reader->failed || size > (size_t)(reader->end - reader->p)) {
                read_fail(reader);
                return NULL;
        }

        reader->p += size;
        *ret_size = size;
        return data;
}

const char *read_text(struct reader *reader) {
        size_t size;
        const uint8_t *data = read_bytes(reader, &size);

        if (size == 0)
                return NULL;
        if (memchr(data, '\0', size) != data + size - 1) {
                read_fail(reader);
                return NULL;
        }

        return (const char *)data;
}

int read_cpus(struct reader *reader, struct cpu_set *cpus) {
        int cpu = 0;

        cpu_set_clear(cpus);
        for (;;) {
                int skip = (int)read_up_to(reader, CPU_LIMIT), n = (int)read_up_to(reader, CPU_LIMIT);

                if (n == 0)
                        return 0;
                if (cpu + skip + n > CPU_LIMIT) {
                        read_fail(reader);
                        return 0;
                }
                for (cpu += skip; n > 0; n--) {
                        int r = cpu_set_add(cpus, cpu++);

                        if (r < 0)
                                return r;
                }
        }
}

int pack(const struct bytes *record, struct bytes *packed) {
        ZSTD_CCtx *context;
        size_t n;
        int r;

        packed->size = 0;
        r = bytes_reserve(packed, ZSTD_compressBound(record->size));
        if (r < 0)
                return r;
        context = ZSTD_createCCtx();
        if (!context)
                return -ENOMEM;

        (void)ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, PACK_LEVEL); /* valid values */
        (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        n = ZSTD_compress2(context, packed->data, packed->allocated, record->data ?: (const void *)"",
                           record->size);
        (void)ZSTD_freeCCtx(context);
        if (ZSTD_isError(n))
                return -ENOMEM; /* there is room: nothing else can go wrong */

        packed->size = n;
        return 0;
}

void unpacker_done(struct unpacker *unpacker) {
        (void)ZSTD_freeDCtx(unpacker->context);
        unpacker->context = NULL;
}

int unpack(struct unpacker *unpacker, const void *data, size_t size, struct bytes *record) {
        unsigned long long n = ZSTD_getFrameContentSize(data, size);
        size_t done;
        int r;

        if (n > RECORD_MAX) /* also what stands for "not known" and "no frame" */
                return -EBADMSG;

        record->size = 0;
        r = bytes_reserve(record, (size_t)n + 1);
        if (r < 0)
                return r;
        if (!unpacker->context)
                unpacker->context = ZSTD_createDCtx();
        if (!unpacker->context)
                return -ENOMEM;

        done = ZSTD_decompressDCtx(unpacker->context, record->data, (size_t)n, data, size);
        if (ZSTD_isError(done) || done != n)
                return -EBADMSG;

        record->size = done;
        return 0;
}
