/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/user-unwind.h"

#include <libunwind.h>
#include <string.h>

#if defined(__x86_64__)
static const enum user_arch unwinder_arch = USER_ARCH_X86_64;
enum {
        REGISTER_IP = USER_REGISTER_X86_64_RIP,
        REGISTER_SP = USER_REGISTER_X86_64_RSP,
        REGISTER_FP = USER_REGISTER_X86_64_RBP,
        N_REGISTERS = USER_REGISTER_X86_64_RIP + 1,
        RETURN_ON_STACK = true, /* a call pushes the return address */
        ADDRESS_BITS = 64,      /* return addresses are what they are */
        REGISTER_SHADOWED = -1,
};
#define dwarf_search_unwind_table _Ux86_64_dwarf_search_unwind_table
#elif defined(__aarch64__)
static const enum user_arch unwinder_arch = USER_ARCH_ARM64;
enum {
        REGISTER_IP = USER_REGISTER_ARM64_PC,
        REGISTER_SP = USER_REGISTER_ARM64_SP,
        REGISTER_FP = USER_REGISTER_ARM64_FP,
        N_REGISTERS = USER_REGISTER_ARM64_PC + 1,
        RETURN_ON_STACK = false,
        ADDRESS_BITS = 48, /* above them a function may have put the signature of its return address */
        REGISTER_SHADOWED = UNW_REG_IP, /* libunwind's "ip" has the number of the link register */
};
#define dwarf_search_unwind_table _Uaarch64_dwarf_search_unwind_table
#else
#error "libunwind's name for this architecture is not known here"
#endif

/* Exported by libunwind for this purpose, but not in its headers: perf declares it in the same way. */
extern int dwarf_search_unwind_table(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *info,
                                     unw_proc_info_t *ret_proc, int need_unwind_info, void *arg);

/* Why the callbacks could not answer, for the note of the frame at which unwinding ended. */
enum failure {
        FAILURE_NONE,
        FAILURE_NO_TABLE, /* no unwind information for the address */
        FAILURE_NO_FILE,  /* the file that should have it could not be opened */
        FAILURE_BEYOND,   /* above the bytes of the snapshot */
        FAILURE_MEMORY,   /* memory that is not in the snapshot and in no file */
};

struct user_unwinder {
        unw_addr_space_t space;
        /* of the stack under way */
        struct user_process *process;
        struct elf_cache *cache;
        const struct user_snapshot *snapshot;
        uint64_t stack_start, stack_end;
        uint64_t registers[USER_REGISTERS_MAX];
        enum failure failure;
        const char *file_note;
};

static bool address_is_code(struct user_unwinder *unwinder, uint64_t address) {
        const struct user_map *map = user_process_find(unwinder->process, address);

        return map && map->executable;
}

/* Without the signature that arm64's pointer authentication puts into a return address. Nothing but the
 * function's unwind information says that it signs, and libunwind before 1.8 does not know it; but what is no
 * address with these bits, and one of code without, is a signed one. */
static uint64_t strip_signature(struct user_unwinder *unwinder, uint64_t value) {
        uint64_t address = value & (UINT64_MAX >> (64 - ADDRESS_BITS));

        return address != value && address_is_code(unwinder, address) ? address : value;
}

static bool read_stack(struct user_unwinder *unwinder, uint64_t address, uint64_t *ret_value) {
        uint64_t offset = address - unwinder->stack_start;

        if (address < unwinder->stack_start ||
            unwinder->stack_end - unwinder->stack_start < sizeof(*ret_value) ||
            offset > unwinder->stack_end - unwinder->stack_start - sizeof(*ret_value))
                return false;
        memcpy(ret_value, (const char *)unwinder->snapshot->stack + offset, sizeof(*ret_value));
        *ret_value = strip_signature(unwinder, *ret_value);
        return true;
}

static bool read_file(struct user_unwinder *unwinder, uint64_t address, uint64_t *ret_value) {
        struct user_map *map = user_process_find(unwinder->process, address);
        uint64_t offset;

        if (!map || map->end - address < sizeof(*ret_value))
                return false;
        if (user_process_open_map(unwinder->process, unwinder->cache, map) < 0)
                return false;
        offset = map->kind == USER_MAP_VDSO ? address - map->start : address - map->start + map->offset;
        return elf_file_read(map->file, offset, ret_value, sizeof(*ret_value)) == 0;
}

/* Writable data is read as the file has it: what unwind tables refer to there (the pointer to a personality
 * routine) has to be readable, but does not matter. */
static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *arg) {
        struct user_unwinder *unwinder = arg;

        if (write)
                return -UNW_EINVAL;
        if (read_stack(unwinder, address, value) || read_file(unwinder, address, value))
                return 0;

        *value = 0;
        if (unwinder->failure == FAILURE_NONE)
                unwinder->failure =
                        address >= unwinder->stack_start && address - unwinder->stack_end < (8u << 20)
                                ? FAILURE_BEYOND
                                : FAILURE_MEMORY;
        return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *arg) {
        struct user_unwinder *unwinder = arg;

        if (write)
                return -UNW_EREADONLYREG;
        if (number < 0 || number >= N_REGISTERS)
                return -UNW_EBADREG;
        *value = strip_signature(unwinder, unwinder->registers[number]);
        return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
                        void *arg) {
        return -UNW_EINVAL;
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *ret_address, void *arg) {
        return -UNW_ENOINFO;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg) {
        return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t ip, char *name, size_t size, unw_word_t *offset,
                         void *arg) {
        return -UNW_EINVAL;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg) {
        /* libunwind frees what its own search has allocated */
}

/* The head of .eh_frame_hdr: version, three encodings, a pointer to .eh_frame, the number of entries, the
 * table. Linkers write exactly one form, the only one that libunwind searches, too. */
struct eh_frame_hdr {
        uint8_t version;           /* 1 */
        uint8_t eh_frame_encoding; /* 0x1b: pc-relative, 4 bytes */
        uint8_t count_encoding;    /* 0x03: 4 bytes */
        uint8_t table_encoding;    /* 0x3b: relative to the start of the section, 4 bytes */
        int32_t eh_frame;
        uint32_t count;
};

static int find_table(struct user_map *map, uint64_t ip, unw_dyn_info_t *ret_info) {
        uint64_t file_offset = ip - map->start + map->offset, linked, hdr, hdr_size;
        struct eh_frame_hdr head;
        uint64_t hdr_offset;

        if (map->kind == USER_MAP_VDSO)
                file_offset = ip - map->start;
        if (elf_file_address(map->file, file_offset, true, &linked) < 0 ||
            elf_file_eh_frame_hdr(map->file, &hdr, &hdr_size) < 0 || hdr_size < sizeof(head) ||
            elf_file_offset(map->file, hdr, &hdr_offset) < 0 ||
            elf_file_read(map->file, hdr_offset, &head, sizeof(head)) < 0)
                return -UNW_ENOINFO;
        if (head.version != 1 || (head.eh_frame_encoding & 0x0f) != 0x0b || head.count_encoding != 0x03 ||
            head.table_encoding != 0x3b || head.count > (hdr_size - sizeof(head)) / 8)
                return -UNW_ENOINFO;

        *ret_info = (unw_dyn_info_t){
                .start_ip = map->start,
                .end_ip = map->end,
                .format = UNW_INFO_FORMAT_REMOTE_TABLE,
                .u.rti.segbase = hdr + (ip - linked),
                .u.rti.table_data = hdr + (ip - linked) + sizeof(head),
                .u.rti.table_len = (uint64_t)head.count * 8 / sizeof(unw_word_t),
        };
        return 0;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *ret_proc,
                          int need_unwind_info, void *arg) {
        struct user_unwinder *unwinder = arg;
        struct user_map *map = user_process_find(unwinder->process, ip);
        unw_dyn_info_t info;
        int r;

        if (!map || user_process_open_map(unwinder->process, unwinder->cache, map) < 0) {
                unwinder->failure = map && map->note ? FAILURE_NO_FILE : FAILURE_NO_TABLE;
                unwinder->file_note = map ? map->note : NULL;
                return -UNW_ENOINFO;
        }

        r = find_table(map, ip, &info);
        if (r == 0)
                r = dwarf_search_unwind_table(space, ip, &info, ret_proc, need_unwind_info, arg);
        if (r < 0)
                unwinder->failure = FAILURE_NO_TABLE;
        return r;
}

int user_unwinder_new(struct user_unwinder **ret_unwinder) {
        static unw_accessors_t accessors = {
                .find_proc_info = find_proc_info,
                .put_unwind_info = put_unwind_info,
                .get_dyn_info_list_addr = get_dyn_info_list_addr,
                .access_mem = access_mem,
                .access_reg = access_reg,
                .access_fpreg = access_fpreg,
                .resume = resume,
                .get_proc_name = get_proc_name,
        };
        _cleanup_(user_unwinder_freep) struct user_unwinder *unwinder = calloc(1, sizeof(*unwinder));

        if (!unwinder)
                return -ENOMEM;
        unwinder->space = unw_create_addr_space(&accessors, 0);
        if (!unwinder->space)
                return -ENOMEM;
        unw_set_caching_policy(unwinder->space, UNW_CACHE_NONE); /* each stack is of another process */
        *ret_unwinder = TAKE_PTR(unwinder);
        return 0;
}

struct user_unwinder *user_unwinder_free(struct user_unwinder *unwinder) {
        if (!unwinder)
                return NULL;
        if (unwinder->space)
                unw_destroy_addr_space(unwinder->space);
        free(unwinder);
        return NULL;
}

/* The registers as the cursor has them: the basis for a step by frame pointer. */
static void save_registers(struct user_unwinder *unwinder, unw_cursor_t *cursor) {
        for (int i = 0; i < N_REGISTERS; i++) {
                unw_word_t value;

                if (i == REGISTER_SHADOWED)
                        continue; /* asked for it, libunwind answers with the ip */
                if (unw_get_reg(cursor, i, &value) == 0)
                        unwinder->registers[i] = value;
        }
}

/* One frame up by the chain of frame pointers: [fp] is the caller's, the word behind it the return address.
 * The new ip is one less than the return address, as libunwind would take it for a caller, and inside of the
 * call. On arm64 the two words are at the low end of a frame and nothing says where it ends; but the caller's
 * own, to which its frame pointer leads, are where its stack pointer is while it calls. */
static bool step_by_frame_pointer(struct user_unwinder *unwinder, uint64_t *ret_address) {
        uint64_t *registers = unwinder->registers, fp = registers[REGISTER_FP], next, address;

        if (fp < registers[REGISTER_SP] || fp % 8 != 0 || !read_stack(unwinder, fp, &next) ||
            !read_stack(unwinder, fp + 8, &address))
                return false;
        if (!address_is_code(unwinder, address))
                return false; /* the caller's own frame pointer may be anything: it may use the register
                                 otherwise */

        registers[REGISTER_FP] = next;
        registers[REGISTER_SP] = RETURN_ON_STACK ? fp + 16 : MAX(next, fp + 16);
        registers[REGISTER_IP] = address - 1;
        *ret_address = address;
        return true;
}

/* Execution went to where there is no code (a call through a wild pointer): the caller is on top of the
 * stack. */
static bool step_from_nowhere(struct user_unwinder *unwinder, uint64_t *ret_address) {
        uint64_t *registers = unwinder->registers, address;

        if (!RETURN_ON_STACK || address_is_code(unwinder, registers[REGISTER_IP]) ||
            !read_stack(unwinder, registers[REGISTER_SP], &address) || !address_is_code(unwinder, address))
                return false;
        registers[REGISTER_SP] += 8;
        registers[REGISTER_IP] = address - 1;
        *ret_address = address;
        return true;
}

static const char *failure_note(const struct user_unwinder *unwinder) {
        switch (unwinder->failure) {
        case FAILURE_NO_FILE:
                return unwinder->file_note;
        case FAILURE_BEYOND:
                return "callers lie beyond the bytes of stack that were recorded";
        case FAILURE_NO_TABLE:
                return "no unwind information and no frame pointer leads to the caller";
        case FAILURE_MEMORY:
        case FAILURE_NONE:
        default:
                return "the caller could not be found";
        }
}

/* Whether a step from the frame that was interrupted to "ip", with nothing taken from the stack, leads to its
 * caller. On arm64 a function that calls none, or was just entered, has its return address in the link
 * register only. Where libunwind cannot read a table it takes that register, too; but once a function has
 * called another it points back into itself. */
static bool is_caller_by_link(const unw_proc_info_t *function, unw_word_t ip) {
        return !RETURN_ON_STACK && function->end_ip > 0 &&
               (ip <= function->start_ip || ip > function->end_ip);
}

/* One step of libunwind's own, from a frame that was interrupted or one that has called. 1: *ret_address is
 * the caller's; 0: this was the outermost; negative: it failed for unwinder->failure. libunwind guesses when
 * it has no table: its guesses are not taken. */
static int step_by_table(struct user_unwinder *unwinder, unw_cursor_t *cursor, bool interrupted,
                         uint64_t *ret_address, bool *ret_exact) {
        bool is_signal = unw_is_signal_frame(cursor) > 0;
        unw_word_t sp_before = 0, sp = 0, ip = 0;
        unw_proc_info_t function = {};
        int r;

        if (interrupted && !RETURN_ON_STACK && unw_get_proc_info(cursor, &function) < 0)
                function = (unw_proc_info_t){};
        unwinder->failure = FAILURE_NONE;
        (void)unw_get_reg(cursor, REGISTER_SP, &sp_before); /* known since the frame was reached */
        r = unw_step(cursor);
        if (r < 0 || unwinder->failure == FAILURE_NO_TABLE || unwinder->failure == FAILURE_NO_FILE)
                return -ENODATA;
        if (r == 0)
                return 0;
        if (unw_get_reg(cursor, UNW_REG_IP, &ip) < 0 || unw_get_reg(cursor, REGISTER_SP, &sp) < 0)
                return -ENODATA;
        if (ip == 0)
                return 0;
        if (!is_signal && (sp < sp_before || (sp == sp_before && !is_caller_by_link(&function, ip))))
                return -ELOOP;
        if (!is_signal && !address_is_code(unwinder, ip))
                return -ENODATA; /* the frame below was not what it was taken for */

        *ret_address = ip;
        *ret_exact = is_signal;
        return 1;
}

/* The next frame by whatever leads there; r as in step_by_table(). */
static int step(struct user_unwinder *unwinder, unw_cursor_t *cursor, bool interrupted,
                struct unwound_frame *ret_frame) {
        int r;

        save_registers(unwinder, cursor);
        *ret_frame = (struct unwound_frame){};
        r = step_by_table(unwinder, cursor, interrupted, &ret_frame->address, &ret_frame->exact);
        if (r >= 0)
                return r;

        if (step_from_nowhere(unwinder, &ret_frame->address))
                ret_frame->note = "found on top of the stack: the inner frame is no code";
        else if (step_by_frame_pointer(unwinder, &ret_frame->address))
                ret_frame->note = "found by frame pointer";
        else
                return r;
        return unw_init_remote(cursor, unwinder->space, unwinder) == 0 ? 1 : -ENODATA;
}

static void unwinder_prepare(struct user_unwinder *unwinder, struct user_process *process,
                             struct elf_cache *cache, const struct user_snapshot *snapshot) {
        unwinder->process = process;
        unwinder->cache = cache;
        unwinder->snapshot = snapshot;
        unwinder->failure = FAILURE_NONE;
        memcpy(unwinder->registers, snapshot->registers, sizeof(unwinder->registers));
        unwinder->stack_start = snapshot->registers[REGISTER_SP];
        unwinder->stack_end = unwinder->stack_start + MIN(snapshot->stack_size, (size_t)USER_STACK_BYTES_MAX);
        if (unwinder->stack_end < unwinder->stack_start)
                unwinder->stack_end = unwinder->stack_start;
}

size_t user_unwind(struct user_unwinder *unwinder, struct user_process *process, struct elf_cache *cache,
                   const struct user_snapshot *snapshot, struct unwound_frame *frames, size_t n_max,
                   bool *ret_complete) {
        unw_cursor_t cursor;
        size_t n = 0;
        int r = 1;

        *ret_complete = false;
        if (snapshot->arch != unwinder_arch || !snapshot->has_registers || n_max == 0)
                return 0;
        unwinder_prepare(unwinder, process, cache, snapshot);
        frames[n++] = (struct unwound_frame){ .address = snapshot->registers[REGISTER_IP], .exact = true };
        if (unw_init_remote(&cursor, unwinder->space, unwinder) < 0)
                return n;

        while (n < n_max) {
                r = step(unwinder, &cursor, frames[n - 1].exact, &frames[n]);
                if (r <= 0)
                        break;
                n++;
        }

        *ret_complete = r == 0;
        if (r < 0)
                frames[n - 1].note = failure_note(unwinder);
        else if (r > 0)
                frames[n - 1].note = "callers beyond this depth are left out";
        return n;
}
