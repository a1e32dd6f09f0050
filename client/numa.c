/* SPDX-License-Identifier: Apache-2.0 */

#include "client/numa.h"

#include <dirent.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "common/fileio.h"
#include "common/parse.h"

/* The number of "node17", -1 for other names. */
static int node_number(const char *name) {
        uint64_t n;

        if (strncmp(name, "node", 4) != 0 || parse_u64(name + 4, &n) < 0 || n > 4096)
                return -1;

        return (int)n;
}

/* 1 when the node has CPUs. */
static int numa_read_node(DIR *dir, const char *name, int node, int *node_of) {
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        char path[64];
        int r;

        (void)snprintf(path, sizeof(path), "%.40s/cpulist", name);
        r = cpu_list_read(dirfd(dir), path, &cpus);
        if (r < 0)
                return r == -ENOMEM ? r : 0;

        for (int cpu = cpu_set_next(&cpus, 0); cpu >= 0; cpu = cpu_set_next(&cpus, cpu + 1))
                node_of[cpu] = node;
        return cpu_set_count(&cpus) > 0;
}

int numa_read(int root_fd, const char *path, int **ret_node_of, size_t *ret_n) {
        _cleanup_(closedirp) DIR *dir = NULL;
        _cleanup_(freep) int *node_of = NULL;
        int n_nodes = 0, r;

        *ret_node_of = NULL;
        *ret_n = 0;
        dir = opendir_at(root_fd, path);
        if (!dir)
                return 0;

        node_of = malloc(CPU_LIMIT * sizeof(*node_of));
        if (!node_of)
                return -ENOMEM;
        for (int cpu = 0; cpu < CPU_LIMIT; cpu++)
                node_of[cpu] = -1;

        for (struct dirent *entry; (entry = readdir(dir));) {
                int node = node_number(entry->d_name);

                r = node >= 0 ? numa_read_node(dir, entry->d_name, node, node_of) : 0;
                if (r < 0)
                        return r;
                n_nodes += r;
        }

        if (n_nodes > 1) {
                *ret_node_of = TAKE_PTR(node_of);
                *ret_n = CPU_LIMIT;
        }
        return n_nodes;
}
