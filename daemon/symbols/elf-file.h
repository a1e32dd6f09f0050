/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One executable or shared library: where its segments lie, its unwind tables, its symbols. The file belongs
 * to somebody unprivileged: it is read with pread() and never mapped (truncating a mapped file kills the
 * reader), sizes are bounded, and nothing is unpacked that root does not own. Knows nothing of processes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/cleanup.h"

enum {
        ELF_BUILD_ID_MAX = 32,                    /* 20 bytes is what linkers write; up to 32 are seen */
        ELF_SECTION_BYTES_MAX = 64 * 1024 * 1024, /* a symbol or string table above it is not read */
        ELF_PACKED_BYTES_MAX = 8 * 1024 * 1024,   /* .gnu_debugdata, packed */
        ELF_SYMBOL_SPAN_MAX = 256 * 1024,         /* beyond the start of a symbol without a size */
};

/* What makes two opened files the same. */
struct elf_key {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec mtime;
};

struct elf_segment {
        uint64_t offset, address, file_size; /* PT_LOAD */
        bool executable;
};

struct elf_file;

/* Takes over *fd (-EBADF is left in it) on success. 0; -ENOEXEC not an executable or library for this
 * machine, or one that breaks the bounds above; -ENOMEM; -errno of reading. */
int elf_file_new(int *fd, struct elf_file **ret_file);
/* The same from memory, which is copied: the vdso. */
int elf_file_new_memory(const void *data, size_t size, struct elf_file **ret_file);
struct elf_file *elf_file_ref(struct elf_file *file);
struct elf_file *elf_file_unref(struct elf_file *file); /* returns NULL; NULL-safe */
DEFINE_CLEANUP(struct elf_file *, elf_file_unref)

/* Reads from st what elf_key compares. */
void elf_key_from_stat(const struct stat *st, struct elf_key *ret_key);
bool elf_key_equal(const struct elf_key *a, const struct elf_key *b) _pure_;
const struct elf_key *elf_file_key(const struct elf_file *file);

/* An open file keeps its file system from being unmounted. Parking puts null_fd (of /dev/null) in its place:
 * symbols and pages that have been read stay, nothing new is read. Resuming takes over *fd of the same file.
 */
void elf_file_park(struct elf_file *file, int null_fd);
void elf_file_resume(struct elf_file *file, int *fd);
/* True when elf_file_symbol() needs no reading of the file. */
bool elf_file_has_symbols(const struct elf_file *file);

/* The build-id's bytes; *ret_size 0 when there is none. */
const uint8_t *elf_file_build_id(const struct elf_file *file, size_t *ret_size);
/* Link-time address of a file offset that is mapped (executable or not). 0 or -ENOENT. */
int elf_file_address(const struct elf_file *file, uint64_t offset, bool executable, uint64_t *ret_address);
/* The reverse: where the byte at a link-time address lies in the file. 0 or -ENOENT. */
int elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret_offset);
/* Link-time address of .eh_frame_hdr. 0 or -ENOENT. */
int elf_file_eh_frame_hdr(const struct elf_file *file, uint64_t *ret_address, uint64_t *ret_size);
/* size bytes of the file as it is mapped at this offset. 0 or -EFAULT. */
int elf_file_read(struct elf_file *file, uint64_t offset, void *ret_data, size_t size);

/* The symbol at a link-time address, from .symtab, a separate debug file by build-id below debug_dir_fd
 * (negative: none), .gnu_debugdata or .dynsym. *ret_name is borrowed. 0; -ENOENT no symbol fits; -ENOMEM. */
int elf_file_symbol(struct elf_file *file, int debug_dir_fd, uint64_t address, const char **ret_name,
                    uint64_t *ret_offset);
/* Why symbols of this file may be missing, a literal, or NULL. */
const char *elf_file_note(const struct elf_file *file);
/* An estimate of the memory that it takes by now. */
size_t elf_file_memory(const struct elf_file *file);
