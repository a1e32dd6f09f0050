/* SPDX-License-Identifier: Apache-2.0 */

/* Devices and queues of interrupts: by their names, and by small trees of sysfs. */

#include "tests/unit/test.h"

#include <string.h>

#include "daemon/collect/irq-topology.h"
#include "tests/harness/temp-tree.h"

static void test_queue_names(void **state) {
        static const struct {
                const char *action, *device, *queue;
        } names[] = {
                { "virtio0-input.0", "eth0", "rx-0" },
                { "virtio0-output.12", "eth0", "tx-12" },
                { "virtio0-config", "eth0", "" },
                { "virtio1-req.3", "vda", "3" },
                { "virtio7", "eth7", "" },
                { "eth0-TxRx-3", "eth0", "3" },
                { "i40e-ens2f0-TxRx-15", "ens2f0", "15" },
                { "eth0-Tx-Rx-4", "eth0", "4" },
                { "eth0-rx-2", "eth0", "rx-2" },
                { "eth0-tx-9", "eth0", "tx-9" },
                { "eth10", "eth10", "" },
                { "eth1", NULL, "" },
                { "eth0-q3-tx", "eth0", "tx-3" },
                { "eth0-q3-rx", "eth0", "rx-3" },
                { "mlx5_comp7@pci:0000:3b:00.0", "ens1", "7" },
                { "mlx5_async0@pci:0000:3b:00.0", "ens1", "" },
                { "ena-mgmnt@pci:0000:00:05.0", "eth0", "" },
                { "nvme0q5", "nvme0", "5" },
                { "megasas0-msix12", "0000:18:00.0", "12" },
                { "enp2s0", "enp2s0", "" },
                { "ahci[0000:00:17.0]", "sda", "" },
                { "eth0-TxRx-1,eth0-TxRx-2", "eth0", "" },
                { "", NULL, "" },
                { "5", NULL, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char queue[IRQ_QUEUE_MAX];

                irq_queue_of_action(names[i].action, names[i].device, queue);
                if (strcmp(queue, names[i].queue) != 0)
                        fail_msg("%s of %s: \"%s\", not \"%s\"", names[i].action, names[i].device ?: "nobody",
                                 queue, names[i].queue);
        }
}

static void add_link(const struct temp_tree *tree, const char *class, const char *name, const char *target) {
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/.keep", class);
        temp_tree_write(tree, path, "");
        (void)snprintf(path, sizeof(path), "%s/%s", class, name);
        assert_int_equal(symlinkat(target, tree->fd, path), 0);
}

static void check_place(const struct irq_topology *topology, unsigned irq, const char *actions,
                        const char *device, const char *queue, const char *kind) {
        struct irq_place place;

        irq_topology_find(topology, irq, actions, &place);
        if (strcmp(place.device ?: "-", device) != 0 || strcmp(place.queue, queue) != 0 ||
            strcmp(place.kind ?: "-", kind) != 0)
                fail_msg("IRQ %u %s: %s \"%s\" %s, not %s \"%s\" %s", irq, actions, place.device ?: "-",
                         place.queue, place.kind ?: "-", device, queue, kind);
}

static void test_places(void **state) {
        _cleanup_(irq_topology_freep) struct irq_topology *topology = NULL;
        struct temp_tree tree;

        temp_tree_init(&tree);
        add_link(&tree, "sys/class/net", "eth0", "../../devices/platform/3f980000.usb/net/eth0");
        add_link(&tree, "sys/class/net", "eth1",
                 "../../devices/pci0000:00/0000:00:02.0/10000:01:00.1/net/eth1");
        add_link(&tree, "sys/class/net", "br0", "../../devices/virtual/net/br0");
        add_link(&tree, "sys/block", "vda", "../devices/platform/a003e00.virtio_mmio/virtio0/block/vda");
        add_link(&tree, "sys/block", "sda", "../devices/pci0000:00/0000:00:05.0/virtio9/host0/block/sda");
        add_link(&tree, "sys/block", "sdb", "../devices/pci0000:00/0000:00:05.0/virtio9/host0/block/sdb");
        temp_tree_write(&tree, "sys/bus/pci/devices/10000:01:00.1/msi_irqs/50", "msix\n");
        temp_tree_write(&tree, "sys/bus/pci/devices/0000:00:02.0/irq", "16\n");
        temp_tree_write(&tree, "sys/bus/pci/devices/0000:00:06.0/irq", "17\n");
        temp_tree_write(&tree, "sys/bus/pci/devices/0000:00:07.0/irq", "17\n");
        temp_tree_write(&tree, "sys/bus/pci/devices/0000:00:08.0/irq", "0\n");
        temp_tree_write(&tree, "sys/bus/pci/devices/nonsense/irq", "18\n");
        assert_int_equal(irq_topology_read(tree.fd, &topology), 0);

        check_place(topology, 50, "eth1-rx-2", "eth1", "rx-2", "net");
        check_place(topology, 50, "", "eth1", "", "net");
        check_place(topology, 16, "aerdrv", "0000:00:02.0", "", "-");
        check_place(topology, 17, "uhci_hcd:usb3", "-", "", "-"); /* of two devices */
        check_place(topology, 18, "timer", "-", "", "-");
        check_place(topology, 0, "timer", "-", "", "-");
        check_place(topology, 60, "virtio0", "vda", "", "block"); /* one line for all its queues */
        check_place(topology, 61, "virtio9-request", "virtio9", "", "block"); /* of several disks */
        check_place(topology, 62, "virtio9-req.1", "virtio9", "1", "block");
        check_place(topology, 63, "virtio1x-req.1", "-", "", "-");
        check_place(topology, 64, "nvme", "-", "", "-");
        check_place(topology, 64, "nvme3q", "nvme3", "", "block");
        check_place(topology, 65, "nvme123456789012345678901234567890q1", "-", "", "-");
        temp_tree_done(&tree);
}

/* A machine without any of the directories. */
static void test_nothing(void **state) {
        _cleanup_(irq_topology_freep) struct irq_topology *topology = NULL;
        struct temp_tree tree;

        temp_tree_init(&tree);
        assert_int_equal(irq_topology_read(tree.fd, &topology), 0);
        check_place(topology, 1, "i8042", "-", "", "-");
        check_place(topology, 2, "virtio0-input.0", "virtio0", "", "-");
        temp_tree_done(&tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_queue_names),
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
