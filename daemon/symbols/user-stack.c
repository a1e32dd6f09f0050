/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/symbols/user-stack.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "daemon/symbols/demangle.h"
#include "daemon/symbols/perf-map.h"
#include "daemon/symbols/user-process.h"
#include "daemon/symbols/user-unwind.h"

enum {
        RETURN_BYTES_MIN = 1024 * 1024, /* of symbol tables dropped: the heap is given back to the kernel */
        MAPS_OPENED_MAX = 256,          /* when a build-id is searched for among the files of a process */
};

struct user_symboliser {
        int root_fd;
        int debug_dir_fd; /* while a stack is under way */
        struct elf_cache *cache;
        struct user_unwinder *unwinder;
        uint64_t n_stacks, n_unwound;
};

int user_symboliser_new(int root_fd, const struct user_symboliser_limits *limits,
                        struct user_symboliser **ret_symboliser) {
        _cleanup_(user_symboliser_freep) struct user_symboliser *symboliser = malloc(sizeof(*symboliser));
        int r;

        if (!symboliser)
                return -ENOMEM;
        *symboliser = (struct user_symboliser){
                .root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3),
                .debug_dir_fd = -EBADF,
        };
        if (symboliser->root_fd < 0)
                return -errno;
        r = elf_cache_new(limits->n_files_max, limits->file_bytes_max, &symboliser->cache);
        if (r < 0)
                return r;
        r = user_unwinder_new(&symboliser->unwinder);
        if (r < 0)
                return r;
        *ret_symboliser = TAKE_PTR(symboliser);
        return 0;
}

struct user_symboliser *user_symboliser_free(struct user_symboliser *symboliser) {
        if (!symboliser)
                return NULL;
        elf_cache_free(symboliser->cache);
        user_unwinder_free(symboliser->unwinder);
        (void)close_safe(symboliser->root_fd);
        free(symboliser);
        return NULL;
}

void user_symboliser_drop_caches(struct user_symboliser *symboliser) {
        elf_cache_clear(symboliser->cache);
        (void)malloc_trim(0); /* whether there was something to return */
}

void user_symboliser_get_stats(const struct user_symboliser *symboliser,
                               struct user_symboliser_stats *ret_stats) {
        *ret_stats = (struct user_symboliser_stats){
                .n_files = elf_cache_n_files(symboliser->cache),
                .file_bytes = elf_cache_memory(symboliser->cache),
                .n_stacks = symboliser->n_stacks,
                .n_unwound = symboliser->n_unwound,
        };
}

/* Adds a reason to what the frame's note already says. NULL adds nothing. */
static int frame_add_note(struct frame *frame, const char *note) {
        char *text;

        if (!note)
                return 0;
        if (!frame->note) {
                frame->note = strdup(note);
                return frame->note ? 0 : -ENOMEM;
        }
        if (asprintf(&text, "%s; %s", frame->note, note) < 0)
                return -ENOMEM;
        free(frame->note);
        frame->note = text;
        return 0;
}

static int frame_set_symbol(struct frame *frame, const char *mangled, uint64_t offset) {
        int r;

        r = demangle(mangled, &frame->symbol);
        if (r < 0)
                return r;
        frame->offset = offset;
        return 0;
}

/* The name of a function in a file, without the version that symbol tables may append: "name@@GLIBC_2.34". */
static int frame_set_file_symbol(struct frame *frame, const char *name, uint64_t offset) {
        _cleanup_(freep) char *bare = NULL;
        size_t length = strcspn(name, "@");

        if (!name[length] || length == 0)
                return frame_set_symbol(frame, name, offset);
        bare = strndup(name, length);
        if (!bare)
                return -ENOMEM;
        return frame_set_symbol(frame, bare, offset);
}

static int frame_set_build_id(struct frame *frame, const uint8_t *build_id, size_t size) {
        if (size == 0)
                return 0;
        frame->build_id = malloc(2 * size + 1);
        if (!frame->build_id)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++)
                (void)sprintf(frame->build_id + 2 * i, "%02x", build_id[i]);
        return 0;
}

/* Fills in symbol, build-id and offset for a place in a file. back: 1 for return addresses. */
static int frame_set_file(struct frame *frame, struct user_symboliser *symboliser, struct elf_file *file,
                          uint64_t file_offset, uint64_t back) {
        const uint8_t *build_id;
        uint64_t address, offset;
        const char *name;
        size_t size;
        int r;

        frame->offset = file_offset + back;
        build_id = elf_file_build_id(file, &size);
        if (!frame->build_id) {
                r = frame_set_build_id(frame, build_id, size);
                if (r < 0)
                        return r;
        }
        if (elf_file_address(file, file_offset, true, &address) < 0)
                return frame_add_note(frame, "no code at this offset of the file");
        r = elf_file_symbol(file, symboliser->debug_dir_fd, address, &name, &offset);
        if (r == 0)
                return frame_set_file_symbol(frame, name, offset + back);
        return frame_add_note(frame, elf_file_note(file) ?: "no symbol in the file fits");
}

static bool map_is_generated_code(const struct user_map *map) {
        return map->executable && (map->kind == USER_MAP_ANONYMOUS ||
                                   (map->kind == USER_MAP_FILE && strncmp(map->path, "/memfd:", 7) == 0));
}

/* One frame from an address. Generated code is left to name_generated(). */
static int name_frame(struct user_symboliser *symboliser, struct user_process *process,
                      const struct unwound_frame *unwound, struct frame *frame) {
        uint64_t back = unwound->exact ? 0 : 1, address = unwound->address - back, file_offset;
        struct user_map *map = user_process_find(process, address);
        int r;

        frame->address = unwound->address;
        r = frame_add_note(frame, unwound->note);
        if (r < 0)
                return r;
        if (!map)
                return frame_add_note(frame, "nothing is mapped at this address");

        file_offset = address - map->start + (map->kind == USER_MAP_VDSO ? 0 : map->offset);
        if (map->path[0]) {
                frame->module = strdup(map->path);
                if (!frame->module)
                        return -ENOMEM;
        }
        frame->offset = file_offset + back;
        if (user_process_open_map(process, symboliser->cache, map) == 0)
                return frame_set_file(frame, symboliser, map->file, file_offset, back);
        if (map_is_generated_code(map))
                return 0;
        return frame_add_note(frame, map->note ?: "no file is mapped at this address");
}

/* A map's owner is the process's user, or root: anybody can put a file of that name into /tmp. */
static int open_perf_map(const struct user_process *process) {
        _cleanup_(closep) int fd = -EBADF;
        char path[64];
        struct stat st;
        pid_t pid;
        uid_t uid;
        int r;

        r = user_process_namespace_pid(process, &pid);
        if (r < 0)
                return r;
        r = user_process_owner(process, &uid);
        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), "tmp/perf-%d.map", (int)pid);
        fd = user_process_open_path(process, path);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        return st.st_uid == uid || st.st_uid == 0 ? TAKE_FD(fd) : -EPERM;
}

static int name_one_generated(struct frame *frame, const struct perf_map_query *query, uint64_t back,
                              int map_error) {
        static const char no_map[] = "generated code, and the process writes no /tmp/perf-PID.map";

        if (query->name)
                return frame_set_symbol(frame, query->name, query->offset + back);
        return frame_add_note(frame,
                              map_error < 0 ? no_map : "generated code that /tmp/perf-PID.map does not have");
}

static void queries_free(struct perf_map_query *queries, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(queries[i].name);
        free(queries);
}

/* All frames in generated code at once: the map file is read through for them. */
static int name_generated(struct user_process *process, const struct unwound_frame *unwound,
                          struct stack *stack) {
        struct perf_map_query *queries = calloc(stack->n_frames + 1, sizeof(*queries));
        _cleanup_(freep) size_t *indices = calloc(stack->n_frames + 1, sizeof(*indices));
        _cleanup_(closep) int fd = -EBADF;
        size_t n = 0;
        int r = 0, map_error = 0;

        if (!queries || !indices) {
                free(queries);
                return -ENOMEM;
        }
        for (size_t i = 0; i < stack->n_frames; i++) {
                uint64_t address = unwound[i].address - !unwound[i].exact;
                const struct user_map *map = user_process_find(process, address);

                if (!map || map->file || !map_is_generated_code(map))
                        continue;
                queries[n].address = address;
                indices[n++] = i;
        }

        if (n > 0) {
                fd = open_perf_map(process);
                map_error = fd < 0 ? fd : perf_map_lookup(fd, queries, n);
        }
        for (size_t i = 0; i < n && r == 0; i++)
                r = name_one_generated(&stack->frames[indices[i]], &queries[i], !unwound[indices[i]].exact,
                                       map_error);
        queries_free(queries, n);
        return r;
}

static int make_unwound_stack(struct user_symboliser *symboliser, struct user_process *process,
                              const struct unwound_frame *unwound, size_t n, struct stack **ret_stack) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        int r;

        r = stack_new(n, &stack);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = name_frame(symboliser, process, &unwound[i], &stack->frames[stack->n_frames++]);
                if (r < 0)
                        return r;
        }
        r = name_generated(process, unwound, stack);
        if (r < 0)
                return r;
        *ret_stack = TAKE_PTR(stack);
        return 0;
}

/* A file by its build-id: in the cache, or among what the process has mapped if it still exists. */
static int find_by_build_id(struct user_symboliser *symboliser, struct user_process *process,
                            const uint8_t *build_id, struct elf_file **ret_file) {
        size_t n_opened = 0;

        if (elf_cache_find_build_id(symboliser->cache, build_id, BPF_BUILD_ID_SIZE, ret_file) == 0)
                return 0;
        for (size_t i = 0; process && i < process->n_maps && n_opened < MAPS_OPENED_MAX; i++) {
                struct user_map *map = &process->maps[i];
                const uint8_t *id;
                size_t size;

                if (!map->executable || map->kind != USER_MAP_FILE)
                        continue;
                n_opened += !map->tried;
                if (user_process_open_map(process, symboliser->cache, map) < 0)
                        continue;
                id = elf_file_build_id(map->file, &size);
                if (size == BPF_BUILD_ID_SIZE && memcmp(id, build_id, size) == 0) {
                        *ret_file = elf_file_ref(map->file);
                        return 0;
                }
        }
        return -ENOENT;
}

/* One frame as the kernel recorded it; what is left of a process that is gone. */
static int name_kernel_frame(struct user_symboliser *symboliser, struct user_process *process,
                             const struct bpf_stack_build_id *recorded, bool exact, const char *reason,
                             struct frame *frame) {
        _cleanup_(elf_file_unrefp) struct elf_file *file = NULL;
        uint64_t back = exact ? 0 : 1;
        int r;

        r = frame_add_note(frame, reason);
        if (r < 0)
                return r;
        if (recorded->status != BPF_STACK_BUILD_ID_VALID) {
                struct unwound_frame unwound = { .address = recorded->ip, .exact = exact };

                if (process)
                        return name_frame(symboliser, process, &unwound, frame);
                frame->address = recorded->ip;
                return frame_add_note(frame, "only the address is known");
        }

        frame->offset = recorded->offset;
        r = frame_set_build_id(frame, recorded->build_id, BPF_BUILD_ID_SIZE);
        if (r < 0)
                return r;
        if (find_by_build_id(symboliser, process, recorded->build_id, &file) < 0)
                return frame_add_note(frame, "only build-id and offset are known");
        return frame_set_file(frame, symboliser, file, recorded->offset - back, back);
}

static int make_kernel_stack(struct user_symboliser *symboliser, struct user_process *process,
                             const struct user_snapshot *snapshot, const char *reason,
                             struct stack **ret_stack) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        size_t n = MIN(snapshot->n_frames, (size_t)USER_FRAMES_MAX);
        int r;

        r = stack_new(n, &stack);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n && snapshot->frames[i].status != BPF_STACK_BUILD_ID_EMPTY; i++) {
                r = name_kernel_frame(symboliser, process, &snapshot->frames[i], i == 0,
                                      i == 0 ? reason : NULL, &stack->frames[stack->n_frames++]);
                if (r < 0)
                        return r;
        }
        *ret_stack = TAKE_PTR(stack);
        return 0;
}

static uint64_t snapshot_ip(const struct user_snapshot *snapshot) {
        return snapshot->registers[snapshot->arch == USER_ARCH_ARM64 ? USER_REGISTER_ARM64_PC
                                                                     : USER_REGISTER_X86_64_RIP];
}

/* All that is known is the address at which the task was. */
static int make_address_stack(const struct user_snapshot *snapshot, const char *reason,
                              struct stack **ret_stack) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        int r;

        r = stack_new(1, &stack);
        if (r < 0)
                return r;
        if (snapshot->has_registers && snapshot->arch != USER_ARCH_OTHER) {
                stack->n_frames = 1;
                stack->frames[0].address = snapshot_ip(snapshot);
                r = frame_add_note(&stack->frames[0], reason);
                if (r < 0)
                        return r;
                r = frame_add_note(&stack->frames[0], "only the address is known");
                if (r < 0)
                        return r;
        }
        *ret_stack = TAKE_PTR(stack);
        return 0;
}

/* False when the innermost frame's build-id is not that of the file mapped there by now: the process has
 * executed another program since. */
static bool process_is_the_same(struct user_symboliser *symboliser, struct user_process *process,
                                const struct user_snapshot *snapshot) {
        struct user_map *map;
        const uint8_t *id;
        size_t size;

        if (!snapshot->has_registers || snapshot->arch == USER_ARCH_OTHER)
                return true;
        map = user_process_find(process, snapshot_ip(snapshot));
        if (snapshot->n_frames == 0 || snapshot->frames[0].status != BPF_STACK_BUILD_ID_VALID)
                return true;
        if (!map || user_process_open_map(process, symboliser->cache, map) < 0)
                return map && map->kind == USER_MAP_FILE; /* its file cannot be had: no evidence */
        id = elf_file_build_id(map->file, &size);
        return size == BPF_BUILD_ID_SIZE && memcmp(id, snapshot->frames[0].build_id, size) == 0;
}

static const char *process_error_note(int error) {
        return error == -ESRCH ? "process exited" : "process could not be read";
}

/* The better of what the registers and what the kernel's frames lead to. */
static int make_stack(struct user_symboliser *symboliser, struct user_process *process,
                      const struct user_snapshot *snapshot, struct stack **ret_stack) {
        _cleanup_(freep) struct unwound_frame *unwound = calloc(USER_FRAMES_MAX, sizeof(*unwound));
        bool complete;
        size_t n;

        if (!unwound)
                return -ENOMEM;
        n = user_unwind(symboliser->unwinder, process, symboliser->cache, snapshot, unwound, USER_FRAMES_MAX,
                        &complete);
        if (n == 0 || (n == 1 && !complete && snapshot->n_frames > 1))
                return make_kernel_stack(symboliser, process, snapshot,
                                         n == 0 ? "found by frame pointers" : unwound[0].note, ret_stack);
        symboliser->n_unwound++;
        return make_unwound_stack(symboliser, process, unwound, n, ret_stack);
}

static int make_best_stack(struct user_symboliser *symboliser, const struct user_snapshot *snapshot,
                           struct stack **ret_stack) {
        _cleanup_(user_process_done) struct user_process process = { .proc_fd = -EBADF };
        const char *reason = NULL;
        int r;

        r = user_process_open(symboliser->root_fd, snapshot->tgid, &process);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                reason = process_error_note(r);
        else if (!process_is_the_same(symboliser, &process, snapshot))
                reason = "the process has executed another program since";

        if (!reason)
                return make_stack(symboliser, &process, snapshot, ret_stack);
        if (snapshot->n_frames > 0)
                return make_kernel_stack(symboliser, NULL, snapshot, reason, ret_stack);
        return make_address_stack(snapshot, reason, ret_stack);
}

int user_stack_symbolise(struct user_symboliser *symboliser, const struct user_snapshot *snapshot,
                         struct stack **ret_stack) {
        _cleanup_(closep) int debug_dir_fd = -EBADF;
        struct stack *stack = NULL;
        int r;

        debug_dir_fd =
                openat(symboliser->root_fd, "usr/lib/debug/.build-id", O_PATH | O_DIRECTORY | O_CLOEXEC);
        symboliser->debug_dir_fd = debug_dir_fd;
        symboliser->n_stacks++;
        r = make_best_stack(symboliser, snapshot, &stack);
        symboliser->debug_dir_fd = -EBADF;
        if (elf_cache_trim(symboliser->cache) >= RETURN_BYTES_MIN)
                (void)malloc_trim(0);
        if (r < 0)
                return r;

        stack_seal(stack);
        *ret_stack = stack;
        return 0;
}
