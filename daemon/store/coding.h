/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The words that records on disk are made of: LEB128 varints, texts, bytes, whole records compressed. The
 * same on every architecture. What is read may be damaged, or come from elsewhere: a reader never leaves its
 * bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/samples.h"

/* Grows; the first failure sticks. All-zero is empty; end with bytes_done(&writer.bytes). */
struct writer {
        struct bytes bytes;
        int error;
};

void write_u64(struct writer *writer, uint64_t value);
/* Small magnitudes take few bytes. */
void write_i64(struct writer *writer, int64_t value);
/* NULL differs from "". */
void write_text(struct writer *writer, const char *text);
void write_bytes(struct writer *writer, const void *data, size_t size);
void write_cpus(struct writer *writer, const struct cpu_set *cpus);

/* The first failure sticks: from then on everything is 0 or NULL. */
struct reader {
        const uint8_t *p, *end;
        bool failed;
};

uint64_t read_u64(struct reader *reader);
int64_t read_i64(struct reader *reader);
/* The same within a limit; above it the reader fails. */
uint64_t read_up_to(struct reader *reader, uint64_t max);
/* Borrowed from the bytes that are read. */
const char *read_text(struct reader *reader);
const uint8_t *read_bytes(struct reader *reader, size_t *ret_size);
/* Replaces *cpus. 0 or -ENOMEM. */
int read_cpus(struct reader *reader, struct cpu_set *cpus);

/* A record compressed (zstd), with its size and a checksum. *packed is replaced. 0 or -ENOMEM. */
int pack(const struct bytes *record, struct bytes *packed);
/* The work space that decompression needs, kept from record to record. All-zero is none yet. */
struct unpacker {
        struct ZSTD_DCtx_s *context;
};

void unpacker_done(struct unpacker *unpacker);
/* *record is replaced. 0; -EBADMSG damaged; -ENOMEM. */
int unpack(struct unpacker *unpacker, const void *data, size_t size, struct bytes *record);
