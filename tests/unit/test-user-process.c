/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/symbols/elf-cache.h"
#include "daemon/symbols/perf-map.h"
#include "daemon/symbols/user-process.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

static const char maps_text[] =
        "00400000-00401000 r--p 00000000 fe:01 1234                               /usr/bin/my program\n"
        "00401000-00402000 r-xp 00001000 fe:01 1234                               /usr/bin/my program\n"
        "00500000-00600000 rw-p 00000000 00:00 0                                  [heap]\n"
        "7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
        "7f0000002000-7f0000003000 r-xp 00003000 00:2a 77                         /tmp/gone (deleted)\n"
        "7f0000004000-7f0000005000 r-xs 00000000 00:01 99                         /memfd:jit (deleted)\n"
        "7f0000006000-7f0000007000 r-xp 00000000 00:00 0                          [anon:v8]\n"
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n"
        "7ffc00100000-7ffc00104000 r--p 00000000 00:00 0                          [vvar]\n"
        "7ffc00104000-7ffc00106000 r-xp 00000000 00:00 0                          [vdso]\n"
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static void test_maps(void **state) {
        static const struct {
                enum user_map_kind kind;
                bool executable, deleted;
                const char *path;
        } expected[] = {
                { USER_MAP_FILE, false, false, "/usr/bin/my program" },
                { USER_MAP_FILE, true, false, "/usr/bin/my program" },
                { USER_MAP_ANONYMOUS, false, false, "[heap]" },
                { USER_MAP_ANONYMOUS, true, false, "" },
                { USER_MAP_FILE, true, true, "/tmp/gone" },
                { USER_MAP_FILE, true, true, "/memfd:jit" },
                { USER_MAP_ANONYMOUS, true, false, "[anon:v8]" },
                { USER_MAP_STACK, false, false, "[stack]" },
                { USER_MAP_OTHER, false, false, "[vvar]" },
                { USER_MAP_VDSO, true, false, "[vdso]" },
                { USER_MAP_OTHER, true, false, "[vsyscall]" },
        };
        struct user_process process = { .proc_fd = -EBADF };

        assert_int_equal(user_maps_parse(maps_text, &process.maps, &process.n_maps), 0);
        assert_int_equal(process.n_maps, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_int_equal(process.maps[i].kind, expected[i].kind);
                assert_int_equal(process.maps[i].executable, expected[i].executable);
                assert_int_equal(process.maps[i].deleted, expected[i].deleted);
                assert_string_equal(process.maps[i].path, expected[i].path);
        }
        assert_int_equal(process.maps[1].offset, 0x1000);
        assert_int_equal(process.maps[4].inode, 77);
        assert_int_equal(process.maps[4].device_minor, 0x2a);

        assert_null(user_process_find(&process, 0x3fffff));
        assert_ptr_equal(user_process_find(&process, 0x400000), &process.maps[0]);
        assert_ptr_equal(user_process_find(&process, 0x401fff), &process.maps[1]);
        assert_null(user_process_find(&process, 0x402000));
        assert_ptr_equal(user_process_find(&process, 0xffffffffff600000), &process.maps[10]);
        assert_null(user_process_find(&process, UINT64_MAX));
        user_process_done(&process);
}

static void test_bad_maps(void **state) {
        static const char *const bad[] = {
                "garbage\n",
                "00400000-00401000 r--p\n00401000-00402000 r-xp 00001000 fe:01 1234 /x\n",
                "00401000-00401000 r-xp 00001000 fe:01 1234 /x\n",
                "\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct user_map *maps = NULL;
                size_t n;

                assert_int_equal(user_maps_parse(bad[i], &maps, &n), -EBADMSG);
                assert_null(maps);
        }
}

static void test_maps_no_memory(void **state) {
        for (unsigned nth = 1;; nth++) {
                struct user_map *maps = NULL;
                size_t n = 0;
                int r;

                alloc_fail_at(nth);
                r = user_maps_parse(maps_text, &maps, &n);
                if (!alloc_fail_end()) {
                        user_maps_free(maps, n);
                        break;
                }
                assert_int_equal(r, -ENOMEM);
                assert_null(maps);
        }
}

/* This process: its program is found, and its own root cannot be left by a path of its own. */
static void test_this_process(void **state) {
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(user_process_done) struct user_process process = { .proc_fd = -EBADF };
        _cleanup_(elf_cache_freep) struct elf_cache *cache = NULL;
        _cleanup_(closep) int fd = -EBADF;
        struct user_map *map;
        pid_t pid;

        assert_int_equal(elf_cache_new(4, 1024 * 1024, &cache), 0);
        assert_int_equal(user_process_open(root_fd, getpid(), &process), 0);
        map = user_process_find(&process, (uint64_t)(uintptr_t)test_this_process);
        assert_non_null(map);
        assert_true(map->executable);
        assert_int_equal(user_process_open_map(&process, cache, map), 0);
        assert_int_equal(elf_cache_n_files(cache), 1);
        assert_int_equal(user_process_namespace_pid(&process, &pid), 0);
        assert_int_equal(pid, getpid());

        fd = user_process_open_path(&process, "../../../proc/self/exe");
        assert_true(fd < 0); /* a magic link */
        assert_int_equal(user_process_open_path(&process, "/dev/null"), -ENOEXEC);
        assert_int_equal(user_process_open_path(&process, "/tmp"), -ENOEXEC);
        assert_int_equal(user_process_open_path(&process, "/none/such"), -ENOENT);
}

static void test_perf_map(void **state) {
        struct temp_tree tree;
        struct perf_map_query queries[] = { { .address = 0x1010 },
                                            { .address = 0x2fff },
                                            { .address = 0x3000 },
                                            { .address = 0x5000 },
                                            { .address = 0x7001 } };
        _cleanup_(closep) int fd = -EBADF;

        temp_tree_init(&tree);
        temp_tree_write(&tree, "perf.map",
                        "1000 100 JS:~first file.js:1:1\n"
                        "2000 1000 LazyCompile:~with many words in it /a/b.js:10\n"
                        "junk\n"
                        "\n"
                        "4000 100\n"
                        "5000 zz bad\n"
                        "1000 20 JS:*first again\n"
                        "0x7000 0x10 hex\n"
                        "3000 10 unfinished");
        fd = openat(tree.fd, "perf.map", O_RDONLY | O_CLOEXEC);
        assert_int_equal(perf_map_lookup(fd, queries, ELEMENTSOF(queries)), 0);
        assert_string_equal(queries[0].name, "JS:*first again");
        assert_int_equal(queries[0].offset, 0x10);
        assert_string_equal(queries[1].name, "LazyCompile:~with many words in it /a/b.js:10");
        assert_int_equal(queries[1].offset, 0xfff);
        assert_null(queries[2].name); /* its line is not finished */
        assert_null(queries[3].name);
        assert_string_equal(queries[4].name, "hex");
        for (size_t i = 0; i < ELEMENTSOF(queries); i++)
                free(queries[i].name);
        temp_tree_done(&tree);
}

/* Longer than any buffer, with lines across its borders and one that is longer than it. */
static void test_long_perf_map(void **state) {
        struct temp_tree tree;
        struct perf_map_query queries[2] = { { .address = 0x100000 + 9999 * 16 + 3 }, { .address = 0x16 } };
        char *text = calloc(1, 1000000), *p = text;
        _cleanup_(closep) int fd = -EBADF;

        assert_non_null(text);
        temp_tree_init(&tree);
        for (unsigned i = 0; i < 10000; i++) {
                p += sprintf(p, "%x 10 function_%u\n", 0x100000 + i * 16, i);
                if (i == 5000) {
                        p += sprintf(p, "10 10 ");
                        memset(p, 'y', 200000);
                        p += 200000;
                        *p++ = '\n';
                }
        }
        temp_tree_write(&tree, "perf.map", text);
        free(text);
        fd = openat(tree.fd, "perf.map", O_RDONLY | O_CLOEXEC);
        assert_int_equal(perf_map_lookup(fd, queries, 2), 0);
        assert_string_equal(queries[0].name, "function_9999");
        assert_int_equal(queries[0].offset, 3);
        free(queries[0].name);
        free(queries[1].name);
        temp_tree_done(&tree);
}

/* Files that are no ELF, cut off anywhere, or with any byte wrong: refused or read, never a crash. */
static void test_broken_files(void **state) {
        static unsigned char original[65536], broken[65536];
        _cleanup_(closep) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        struct temp_tree tree;
        ssize_t size = pread(self, original, sizeof(original), 0);

        assert_true(size > 4096);
        temp_tree_init(&tree);
        for (unsigned i = 0; i < 300; i++) {
                _cleanup_(elf_file_unrefp) struct elf_file *file = NULL;
                _cleanup_(closep) int fd = openat(tree.fd, "x", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
                size_t n = i < 100 ? i * 61 : (size_t)size;
                uint64_t offset, word;
                const char *name;

                memcpy(broken, original, sizeof(broken));
                if (i >= 100)
                        broken[(i - 100) * 4] ^= 0xff;
                assert_int_equal(write(fd, broken, n), n);
                if (elf_file_new(&fd, &file) < 0)
                        continue;
                (void)elf_file_symbol(file, -EBADF, 0x1234, &name, &offset);
                (void)elf_file_read(file, 4000, &word, sizeof(word));
                assert_int_equal(elf_file_read(file, UINT64_MAX - 4, &word, sizeof(word)), -EFAULT);
        }
        temp_tree_done(&tree);
}

static int open_copy(const struct temp_tree *tree, const char *name) {
        static unsigned char bytes[4096];
        _cleanup_(closep) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        int fd = openat(tree->fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0700);

        for (ssize_t n; (n = read(self, bytes, sizeof(bytes))) > 0;)
                assert_int_equal(write(fd, bytes, (size_t)n), n);
        return fd;
}

static void test_cache_limits(void **state) {
        _cleanup_(elf_cache_freep) struct elf_cache *cache = NULL;
        struct elf_file *files[3], *again;
        struct temp_tree tree;

        temp_tree_init(&tree);
        assert_int_equal(elf_cache_new(2, 1, &cache), 0);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                char name[8] = { (char)('a' + i) };
                int fd = open_copy(&tree, name);

                assert_int_equal(elf_cache_get(cache, &fd, &files[i]), 0);
                assert_true(fd < 0);
        }
        assert_int_equal(elf_cache_n_files(cache), 2); /* the first was dropped */
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                char name[8] = { (char)('a' + i) };
                int fd = openat(tree.fd, name, O_RDONLY | O_CLOEXEC);

                assert_int_equal(elf_cache_get(cache, &fd, &again), 0);
                if (i == 0)
                        assert_ptr_not_equal(again, files[i]);
                elf_file_unref(again);
        }
        elf_cache_trim(cache); /* above one byte */
        assert_int_equal(elf_cache_n_files(cache), 0);
        assert_int_equal(elf_cache_memory(cache), 0);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                elf_file_unref(files[i]);
        temp_tree_done(&tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_maps),           cmocka_unit_test(test_bad_maps),
                cmocka_unit_test(test_maps_no_memory), cmocka_unit_test(test_this_process),
                cmocka_unit_test(test_perf_map),       cmocka_unit_test(test_long_perf_map),
                cmocka_unit_test(test_broken_files),   cmocka_unit_test(test_cache_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
