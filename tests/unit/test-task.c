/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <sys/statfs.h>

#include "daemon/symbols/container.h"
#include "daemon/symbols/task.h"
#include "tests/harness/alloc-fail.h"
#include "tests/harness/temp-tree.h"

#define ID "3f4d9bd1c1a0e6f0b2a7d4f6a9c8e7b6d5c4b3a2918070605040302010fedcba"
#define ID2 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD "a6f3c1de_0f4b_4d5a_9a27_5f6e7d8c9b0a"

static void test_containers(void **state) {
        static const struct {
                const char *cgroup, *id;
        } cases[] = {
                /* Docker: cgroupfs and systemd driver, a systemd inside */
                { "/docker/" ID, ID },
                { "/system.slice/docker-" ID ".scope", ID },
                { "/docker/" ID "/init.scope", ID },
                { "/system.slice/docker-" ID ".scope/system.slice/nginx.service", ID },
                { "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", ID },
                { "/system.slice/docker.service", NULL },
                { "/docker", NULL },
                /* nested: the innermost */
                { "/docker/" ID "/docker/" ID2, ID2 },
                /* Kubernetes with containerd, CRI-O, Docker; both drivers; disagreement about the driver */
                { "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD
                  ".slice/cri-containerd-" ID ".scope",
                  ID },
                { "/kubepods/burstable/poda6f3c1de-0f4b-4d5a-9a27-5f6e7d8c9b0a/" ID, ID },
                { "/kubepods.slice/kubepods-pod" POD ".slice/crio-" ID ".scope", ID },
                { "/kubepods.slice/kubepods-pod" POD ".slice/crio-" ID ".scope/container", ID },
                { "/kubepods.slice/kubepods-pod" POD ".slice/docker-" ID ".scope", ID },
                { "/system.slice/containerd.service/kubepods-burstable-pod" POD ".slice:cri-containerd:" ID,
                  ID },
                { "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" POD ".slice/cri-containerd-" ID
                  ".scope",
                  ID },
                { "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD ".slice", NULL },
                { "/kubepods/burstable/poda6f3c1de-0f4b-4d5a-9a27-5f6e7d8c9b0a", NULL },
                { "/kubepods.slice/kubepods-pod" POD ".slice/crio-conmon-" ID ".scope", NULL },
                /* containerd by itself */
                { "/default/" ID, ID },
                { "/system.slice/nerdctl-" ID ".scope", ID },
                { "/system.slice/containerd.service", NULL },
                /* podman */
                { "/machine.slice/libpod-" ID ".scope", ID },
                { "/machine.slice/libpod-" ID ".scope/container", ID },
                { "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
                  ID },
                { "/libpod_parent/libpod-" ID, ID },
                { "/machine.slice/libpod-conmon-" ID ".scope", NULL },
                /* ECS on EC2 and Fargate */
                { "/ecs/f2f2a2b3c4d5e6f708192a3b4c5d6e7f/" ID, ID },
                { "/ecs/f2f2a2b3c4d5e6f708192a3b4c5d6e7f/f2f2a2b3c4d5e6f708192a3b4c5d6e7f-3681984407",
                  "f2f2a2b3c4d5e6f708192a3b4c5d6e7f-3681984407" },
                { "/ecs/f2f2a2b3c4d5e6f708192a3b4c5d6e7f", NULL },
                /* LXC, LXD, Proxmox */
                { "/lxc.payload.web1", "web1" },
                { "/lxc.payload.web1/system.slice/ssh.service", "web1" },
                { "/lxc.payload/web1/init.scope", "web1" },
                { "/lxc/101/ns/system.slice/cron.service", "101" },
                { "/lxc.monitor.web1", NULL },
                { "/lxc.payload.web1/system.slice/docker-" ID ".scope", ID },
                /* machines */
                { "/machine.slice/systemd-nspawn@debian.service/payload/system.slice", "debian" },
                { "/machine.slice/machine-my\\x2dbox.scope", "my-box" },
                { "/machine.slice/machine-lxc\\x2d1234\\x2dweb.scope/libvirt", "lxc-1234-web" },
                { "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator", NULL },
                /* no containers */
                { "/", NULL },
                { "", NULL },
                { "//", NULL },
                { "/user.slice/user-1000.slice/session-2.scope", NULL },
                { "/system.slice/ssh.service", NULL },
                { "/process/7908ce66bad393d7f8f0e742f6283e32", NULL },
                { "/build/da39a3ee5e6b4b0d3255bfef95601890afd80709", NULL },
                { "/docker/" ID "0", NULL },
                { "/docker/X" ID2, NULL },
                { "/system.slice/docker-.scope", NULL },
                { "/system.slice/machine-.scope", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *id = NULL;

                assert_int_equal(cgroup_container_id(cases[i].cgroup, &id), cases[i].id ? 0 : -ENOENT);
                if (cases[i].id)
                        assert_string_equal(id, cases[i].id);
        }
}

static void test_parse(void **state) {
        static const struct {
                const char *text, *path;
        } cases[] = {
                { "0::/system.slice/ssh.service\n", "/system.slice/ssh.service" },
                { "0::/\n", "/" },
                /* hybrid: v2 says more */
                { "4:memory:/m\n1:name=systemd:/s\n0::/v2\n", "/v2" },
                /* hybrid: v2 says nothing, systemd's tree does */
                { "4:memory:/long/er/path\n1:name=systemd:/user.slice\n0::/\n", "/user.slice" },
                /* neither: the most specific */
                { "9:name=systemd:/\n5:devices:/d\n4:memory:/process/7908\n1:cpu,cpuacct:/\n0::/\n",
                  "/process/7908" },
                { "9:name=systemd:/\n4:memory:/\n0::/\n", "/" },
                { "3:cpu:/with:colon\n", "/with:colon" },
                { "0::/no/newline", "/no/newline" },
                { "", NULL },
                { "garbage\n0:\n0:x\n::\n", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *path = NULL;

                assert_int_equal(cgroup_path_parse(cases[i].text, &path), cases[i].path ? 0 : -ENODATA);
                if (cases[i].path)
                        assert_string_equal(path, cases[i].path);
        }
}

/* Without a cgroup2 mount everything comes from proc/PID/cgroup. */
static void test_by_pid(void **state) {
        struct temp_tree tree;
        _cleanup_(cgroup_resolver_freep) struct cgroup_resolver *resolver = NULL;
        _cleanup_(freep) char *path = NULL;

        temp_tree_init(&tree);
        temp_tree_write(&tree, "proc/42/cgroup", "1:name=systemd:/system.slice/a.service\n0::/\n");
        temp_tree_write(&tree, "proc/self/mountinfo",
                        "24 1 0:22 / /proc rw - proc proc rw\n"
                        "41 31 0:38 / /none/such rw shared:1 master:2 - cgroup2 cgroup2 rw\n"
                        "42 31 0:39\n");
        assert_int_equal(cgroup_resolver_new(tree.fd, &resolver), 0);
        assert_int_equal(cgroup_path_by_id(resolver, 1, &path), -ENOENT);
        assert_int_equal(cgroup_resolver_path(resolver, 1, 43, &path), -ENOENT);
        assert_int_equal(cgroup_resolver_path(resolver, 0, 0, &path), -ENOENT);
        assert_null(path);
        assert_int_equal(cgroup_resolver_path(resolver, 1, 42, &path), 0);
        assert_string_equal(path, "/system.slice/a.service");
        temp_tree_done(&tree);
}

static void test_no_memory(void **state) {
        struct temp_tree tree;
        unsigned nth = 1;

        temp_tree_init(&tree);
        temp_tree_write(&tree, "proc/self/mountinfo",
                        "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        temp_tree_write(&tree, "sys/fs/cgroup/cgroup.procs", "");
        for (;; nth++) {
                _cleanup_(cgroup_resolver_freep) struct cgroup_resolver *resolver = NULL;
                int r;

                alloc_fail_at(nth);
                r = cgroup_resolver_new(tree.fd, &resolver);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_null(resolver);
        }
        assert_true(nth > 3);
        temp_tree_done(&tree);
}

/* A cgroup that this test makes, if it may: its inode number is the id that the kernel side records. */
static void test_by_id(void **state) {
        static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        _cleanup_(cgroup_resolver_freep) struct cgroup_resolver *resolver = NULL;
        _cleanup_(closep) int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(freep) char *path = NULL, *again = NULL, *root = NULL;
        const char *mount = NULL;
        char directory[128], name[64];
        struct statfs fs;
        struct stat st;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(mounts); i++)
                if (statfs(mounts[i], &fs) == 0 && fs.f_type == 0x63677270)
                        mount = mounts[i];
        (void)snprintf(name, sizeof(name), "/irqwatch-test-%d (x)", (int)getpid());
        (void)snprintf(directory, sizeof(directory), "%s%s", mount ?: "/none", name);
        if (!mount || mkdir(directory, 0700) < 0)
                skip(); /* no cgroup2, or unprivileged */

        assert_int_equal(stat(directory, &st), 0);
        assert_int_equal(cgroup_resolver_new(root_fd, &resolver), 0);
        r = cgroup_path_by_id(resolver, st.st_ino, &path);
        assert_int_equal(rmdir(directory), 0);
        assert_int_equal(r, 0);
        assert_string_equal(path, name);

        assert_int_equal(cgroup_path_by_id(resolver, st.st_ino, &again), -ENOENT);
        assert_int_equal(stat(mount, &st), 0);
        assert_int_equal(cgroup_path_by_id(resolver, st.st_ino, &root), 0);
        assert_string_equal(root, "/");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_containers), cmocka_unit_test(test_parse),
                cmocka_unit_test(test_by_pid),     cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_by_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
