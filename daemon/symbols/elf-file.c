/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/elf-file.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

enum {
        PAGE_SIZE = 4096,
        N_PAGES = 32, /* of the read cache: unwinding jumps between a table, its entries and their CIEs */
        N_SEGMENTS_MAX = 32,
};

#if defined(__x86_64__)
enum { ELF_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { ELF_MACHINE = EM_AARCH64 };
#else
enum { ELF_MACHINE = EM_NONE };
#endif

struct elf_file {
        unsigned n_ref;
        int fd; /* or negative: memory */
        char *memory;
        size_t memory_size;
        Elf *elf; /* NULL once libdwfl has taken it */
        Dwfl *dwfl;
        Dwfl_Module *module;
        bool symbols_tried;
        bool parked;      /* fd is of /dev/null: the number stays the same, since libelf knows it */
        int debug_dir_fd; /* borrowed, while symbols are loaded */
        const char *note;
        struct elf_key key;
        uid_t owner;
        struct elf_segment segments[N_SEGMENTS_MAX];
        size_t n_segments;
        uint64_t eh_frame_hdr, eh_frame_hdr_size;
        uint8_t build_id[ELF_BUILD_ID_MAX];
        size_t build_id_size;
        size_t table_bytes; /* symbols and strings */
        char (*pages)[PAGE_SIZE];
        uint64_t page_numbers[N_PAGES]; /* + 1; 0: empty */
};

void elf_key_from_stat(const struct stat *st, struct elf_key *ret_key) {
        *ret_key = (struct elf_key){
                .device = st->st_dev,
                .inode = st->st_ino,
                .size = st->st_size,
                .mtime = st->st_mtim,
        };
}

bool elf_key_equal(const struct elf_key *a, const struct elf_key *b) {
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static void read_build_id(struct elf_file *file) {
        const void *id = NULL;
        ssize_t size = dwelf_elf_gnu_build_id(file->elf, &id);

        if (size > 0 && size <= ELF_BUILD_ID_MAX) {
                memcpy(file->build_id, id, (size_t)size);
                file->build_id_size = (size_t)size;
        }
}

static int read_segments(struct elf_file *file) {
        size_t n;

        if (elf_getphdrnum(file->elf, &n) < 0 || n > 256)
                return -ENOEXEC;
        for (size_t i = 0; i < n; i++) {
                GElf_Phdr header;

                if (!gelf_getphdr(file->elf, (int)i, &header))
                        return -ENOEXEC;
                if (header.p_type == PT_GNU_EH_FRAME) {
                        file->eh_frame_hdr = header.p_vaddr;
                        file->eh_frame_hdr_size = header.p_filesz;
                }
                if (header.p_type != PT_LOAD || file->n_segments == N_SEGMENTS_MAX)
                        continue;
                file->segments[file->n_segments++] = (struct elf_segment){
                        .offset = header.p_offset,
                        .address = header.p_vaddr,
                        .file_size = header.p_filesz,
                        .executable = header.p_flags & PF_X,
                };
        }
        return file->n_segments > 0 ? 0 : -ENOEXEC;
}

/* Section headers say what reading the symbols would cost; nothing of it is read before. */
static int check_sections(struct elf_file *file) {
        bool has_symtab = false, has_packed = false;
        size_t names;

        if (elf_getshdrstrndx(file->elf, &names) < 0)
                return 0; /* no sections: no symbols */
        for (Elf_Scn *section = NULL; (section = elf_nextscn(file->elf, section));) {
                GElf_Shdr header;
                const char *name;

                if (!gelf_getshdr(section, &header))
                        return -ENOEXEC;
                name = elf_strptr(file->elf, names, header.sh_name);
                if (header.sh_type == SHT_SYMTAB)
                        has_symtab = true;
                if (name && strcmp(name, ".gnu_debugdata") == 0) {
                        has_packed = true;
                        if (header.sh_size > ELF_PACKED_BYTES_MAX)
                                return -ENOEXEC;
                }
                if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM ||
                    header.sh_type == SHT_STRTAB) {
                        if (header.sh_size > ELF_SECTION_BYTES_MAX)
                                return -ENOEXEC;
                        file->table_bytes += header.sh_size;
                }
        }

        /* A packed symbol table can unpack to anything: only root's are taken. */
        if (has_packed && !has_symtab && file->owner != 0) {
                file->symbols_tried = true;
                file->note = "packed symbols are read only from files that root owns";
        }
        return 0;
}

static int elf_file_parse(struct elf_file *file) {
        GElf_Ehdr header;
        int r;

        if (!file->elf || elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &header))
                return -ENOEXEC;
        if (header.e_machine != ELF_MACHINE || gelf_getclass(file->elf) != ELFCLASS64)
                return -ENOEXEC;
        if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
                return -ENOEXEC;

        r = read_segments(file);
        if (r < 0)
                return r;
        r = check_sections(file);
        if (r < 0)
                return r;
        read_build_id(file);
        return 0;
}

static struct elf_file *elf_file_allocate(void) {
        struct elf_file *file;

        if (elf_version(EV_CURRENT) == EV_NONE)
                return NULL;
        file = calloc(1, sizeof(*file));
        if (file) {
                file->n_ref = 1;
                file->fd = file->debug_dir_fd = -EBADF;
        }
        return file;
}

int elf_file_new(int *fd, struct elf_file **ret_file) {
        _cleanup_(elf_file_unrefp) struct elf_file *file = NULL;
        struct stat st;
        int r;

        if (fstat(*fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOEXEC;
        file = elf_file_allocate();
        if (!file)
                return -ENOMEM;

        elf_key_from_stat(&st, &file->key);
        file->owner = st.st_uid;
        file->elf = elf_begin(*fd, ELF_C_READ, NULL); /* by pread(): no mapping */
        r = elf_file_parse(file);
        if (r < 0)
                return r;

        file->fd = TAKE_FD(*fd);
        *ret_file = TAKE_PTR(file);
        return 0;
}

int elf_file_new_memory(const void *data, size_t size, struct elf_file **ret_file) {
        _cleanup_(elf_file_unrefp) struct elf_file *file = elf_file_allocate();
        int r;

        if (!file)
                return -ENOMEM;
        file->memory = malloc(size);
        if (!file->memory)
                return -ENOMEM;
        memcpy(file->memory, data, size);
        file->memory_size = size;
        file->elf = elf_memory(file->memory, size);
        r = elf_file_parse(file);
        if (r < 0)
                return r;
        *ret_file = TAKE_PTR(file);
        return 0;
}

struct elf_file *elf_file_ref(struct elf_file *file) {
        file->n_ref++;
        return file;
}

struct elf_file *elf_file_unref(struct elf_file *file) {
        if (!file || --file->n_ref > 0)
                return NULL;
        if (file->dwfl)
                dwfl_end(file->dwfl); /* ends the Elf that it has taken */
        if (file->elf)
                (void)elf_end(file->elf); /* the count of references left */
        (void)close_safe(file->fd);
        free(file->memory);
        free(file->pages);
        free(file);
        return NULL;
}

void elf_file_park(struct elf_file *file, int null_fd) {
        if (file->fd >= 0 && !file->parked && dup3(null_fd, file->fd, O_CLOEXEC) >= 0)
                file->parked = true;
}

void elf_file_resume(struct elf_file *file, int *fd) {
        if (file->parked && dup3(*fd, file->fd, O_CLOEXEC) >= 0)
                file->parked = false;
        *fd = close_safe(*fd);
}

bool elf_file_has_symbols(const struct elf_file *file) {
        return file->module;
}

const struct elf_key *elf_file_key(const struct elf_file *file) {
        return &file->key;
}

const uint8_t *elf_file_build_id(const struct elf_file *file, size_t *ret_size) {
        *ret_size = file->build_id_size;
        return file->build_id;
}

const char *elf_file_note(const struct elf_file *file) {
        return file->note;
}

size_t elf_file_memory(const struct elf_file *file) {
        return sizeof(*file) + file->memory_size + (file->pages ? N_PAGES * PAGE_SIZE : 0) +
               (file->module ? file->table_bytes : 0);
}

int elf_file_address(const struct elf_file *file, uint64_t offset, bool executable, uint64_t *ret_address) {
        const struct elf_segment *found = NULL;

        /* Segments share the pages at their borders: the one with the right access goes first. */
        for (size_t i = 0; i < file->n_segments; i++) {
                const struct elf_segment *segment = &file->segments[i];
                uint64_t first = segment->offset & ~(uint64_t)(PAGE_SIZE - 1);

                if (offset < first || offset >= segment->offset + segment->file_size)
                        continue;
                if (!found || (segment->executable == executable && found->executable != executable))
                        found = segment;
        }
        if (!found)
                return -ENOENT;
        *ret_address = found->address + (offset - found->offset);
        return 0;
}

int elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret_offset) {
        for (size_t i = 0; i < file->n_segments; i++) {
                const struct elf_segment *segment = &file->segments[i];

                if (address >= segment->address && address - segment->address < segment->file_size) {
                        *ret_offset = address - segment->address + segment->offset;
                        return 0;
                }
        }
        return -ENOENT;
}

int elf_file_eh_frame_hdr(const struct elf_file *file, uint64_t *ret_address, uint64_t *ret_size) {
        if (file->eh_frame_hdr_size == 0)
                return -ENOENT;
        *ret_address = file->eh_frame_hdr;
        *ret_size = file->eh_frame_hdr_size;
        return 0;
}

/* The page of the read cache that holds this one, read if need be; what lies behind the end is zero. */
static const char *elf_file_page(struct elf_file *file, uint64_t number) {
        char *page;
        ssize_t n;

        if (!file->pages) {
                file->pages = calloc(N_PAGES, sizeof(*file->pages));
                if (!file->pages)
                        return NULL;
        }
        page = file->pages[number % N_PAGES];
        if (file->page_numbers[number % N_PAGES] == number + 1)
                return page;

        file->page_numbers[number % N_PAGES] = 0;
        do
                n = pread(file->fd, page, PAGE_SIZE, (off_t)(number * PAGE_SIZE));
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return NULL;
        memset(page + n, 0, PAGE_SIZE - (size_t)n);
        file->page_numbers[number % N_PAGES] = number + 1;
        return page;
}

int elf_file_read(struct elf_file *file, uint64_t offset, void *ret_data, size_t size) {
        char *out = ret_data;

        if (offset > INT64_MAX - size)
                return -EFAULT;
        if (file->memory) {
                if (offset > file->memory_size || size > file->memory_size - offset)
                        return -EFAULT;
                memcpy(ret_data, file->memory + offset, size);
                return 0;
        }

        while (size > 0) {
                size_t start = offset % PAGE_SIZE, n = MIN(size, PAGE_SIZE - start);
                const char *page = elf_file_page(file, offset / PAGE_SIZE);

                if (!page)
                        return -EFAULT;
                memcpy(out, page + start, n);
                out += n;
                offset += n;
                size -= n;
        }
        return 0;
}

/* Hands the Elf that is already open to libdwfl. */
static int find_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **ret_path,
                    Elf **ret_elf) {
        struct elf_file *file = *userdata;

        *ret_elf = file->elf;
        file->elf = NULL;
        *ret_path = NULL;
        return -1;
}

/* DIR/ab/cdef....debug. libdwfl maps it: it must be root's. What the standard callback does beside
 * (debug links relative to paths of other mount namespaces, servers) is not wanted in a daemon. */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                          const char *path, const char *link, GElf_Word crc, char **ret_path) {
        const struct elf_file *file = *userdata;
        char relative[2 * ELF_BUILD_ID_MAX + 16];
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;
        size_t n = 0;

        *ret_path = NULL;
        if (file->debug_dir_fd < 0 || file->build_id_size < 2)
                return -1;
        for (size_t i = 0; i < file->build_id_size; i++)
                n += (size_t)snprintf(relative + n, sizeof(relative) - n, i == 1 ? "/%02x" : "%02x",
                                      file->build_id[i]);
        (void)snprintf(relative + n, sizeof(relative) - n, ".debug");

        fd = openat(file->debug_dir_fd, relative, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
            (st.st_mode & (S_IWGRP | S_IWOTH)))
                return -1;
        return TAKE_FD(fd);
}

static const Dwfl_Callbacks callbacks = {
        .find_elf = find_elf,
        .find_debuginfo = find_debuginfo,
        .section_address = dwfl_offline_section_address,
};

/* libdwfl's module lies where the file was linked to: no bias. */
static void load_symbols(struct elf_file *file) {
        uint64_t start = UINT64_MAX, end = 0;
        GElf_Addr bias;

        file->symbols_tried = true;
        for (size_t i = 0; i < file->n_segments; i++) {
                const struct elf_segment *segment = &file->segments[i];

                start = MIN(start, segment->address & ~(uint64_t)(PAGE_SIZE - 1));
                end = MAX(end, segment->address + segment->file_size);
        }
        if (start >= end)
                return;

        file->dwfl = dwfl_begin(&callbacks);
        if (!file->dwfl)
                return;
        dwfl_report_begin(file->dwfl);
        file->module = dwfl_report_module(file->dwfl, "", start, end);
        if (file->module) {
                void **userdata = NULL;

                (void)dwfl_module_info(file->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
                *userdata = file;
        }
        (void)dwfl_report_end(file->dwfl, NULL, NULL);

        if (file->module && (!dwfl_module_getelf(file->module, &bias) || bias != 0))
                file->module = NULL;
        if (!file->module)
                file->note = "symbols could not be read";
}

int elf_file_symbol(struct elf_file *file, int debug_dir_fd, uint64_t address, const char **ret_name,
                    uint64_t *ret_offset) {
        const char *name;
        GElf_Off offset;
        GElf_Sym symbol;

        file->debug_dir_fd = debug_dir_fd;
        if (!file->symbols_tried && !file->parked)
                load_symbols(file);
        if (!file->module)
                return -ENOENT;

        name = dwfl_module_addrinfo(file->module, address, &offset, &symbol, NULL, NULL, NULL);
        if (!name || !name[0])
                return -ENOENT;
        if (symbol.st_size == 0 ? offset >= ELF_SYMBOL_SPAN_MAX : offset >= symbol.st_size)
                return -ENOENT;
        *ret_name = name;
        *ret_offset = offset;
        return 0;
}
