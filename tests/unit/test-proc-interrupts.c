/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "daemon/collect/proc-interrupts.h"

#define HEADER "           CPU0       CPU5       \n"

/* Rows as "NAME [chip|hwirq|actions] 0=1 5=2;" or "NAME [||] -=1;" */
struct rows {
        char text[4096];
};

static size_t put_slice(char *out, struct text_slice slice, const char *after) {
        return (size_t)sprintf(out, "%.*s%s", (int)slice.size, slice.size > 0 ? slice.data : "", after);
}

static int add_row(const struct proc_interrupts_row *row, const struct proc_table *table, void *userdata) {
        struct rows *rows = userdata;
        char *out = rows->text + strlen(rows->text);

        out += put_slice(out, row->name, " [");
        out += put_slice(out, row->chip, "|");
        out += put_slice(out, row->hwirq, "|");
        out += put_slice(out, row->actions, "]");
        if (row->single)
                out += sprintf(out, " -=%llu", (unsigned long long)row->counts[0]);
        for (size_t i = 0; !row->single && i < table->n_cpus; i++)
                out += sprintf(out, " %i=%llu", table->cpus[i], (unsigned long long)row->counts[i]);
        sprintf(out, ";");
        return 0;
}

/* The text is copied to the heap without a NUL, so that a sanitizer sees a read beyond its end. */
static int parse_bytes(const char *text, size_t size, struct rows *rows) {
        _cleanup_(proc_table_done) struct proc_table table = {};
        _cleanup_(freep) char *copy = NULL;

        copy = malloc(size + !size);
        assert_non_null(copy);
        memcpy(copy, text, size);
        return proc_interrupts_parse(copy, size, &table, add_row, rows);
}

static void check(const char *text, const char *expected) {
        struct rows rows = {};

        assert_int_equal(parse_bytes(text, strlen(text), &rows), 0);
        assert_string_equal(rows.text, expected);
}

static void check_bad(const char *text) {
        struct rows rows = {};

        assert_int_equal(parse_bytes(text, strlen(text), &rows), -EBADMSG);
}

/* One numbered row: what follows the counts, and chip|hwirq|actions. */
static void check_description(const char *description, const char *expected) {
        char text[512], rows[512];

        snprintf(text, sizeof(text), HEADER " 24:          1          2 %s\n", description);
        snprintf(rows, sizeof(rows), "24 [%s] 0=1 5=2;", expected);
        check(text, rows);
}

static void test_x86(void **state) {
        check(HEADER
              "  0:         34          0  IR-IO-APIC   2-edge      timer\n"
              " 16: 4294967295 1000000000   IO-APIC  16-fasteoi   ehci_hcd:usb1, ahci[0000:00:1f.2], snd\n"
              "LOC:      27925      24943   Local timer interrupts\n"
              "ERR:          3\n"
              "MIS:       2019\n",
              "0 [IR-IO-APIC|2-edge|timer] 0=34 5=0;"
              "16 [IO-APIC|16-fasteoi|ehci_hcd:usb1, ahci[0000:00:1f.2], snd] 0=4294967295 5=1000000000;"
              "LOC [||Local timer interrupts] 0=27925 5=24943;"
              "ERR [||] -=3;MIS [||] -=2019;");
        check_description(" PCI-MSI 442368-edge      snd_hda_intel:card1",
                          "PCI-MSI|442368-edge|snd_hda_intel:card1");
        check_description("PCI-MSIX-0000:00:01.0   0-edge      virtio0-config",
                          "PCI-MSIX-0000:00:01.0|0-edge|virtio0-config");
        check_description("    dummy  44  rmi4_smbus", "dummy|44|rmi4_smbus");
        check_description("  PCI-MSI 98304-edge    ", "PCI-MSI|98304-edge|");
        check_description("     None    ", "None||");
}

static void test_without_domain(void **state) {
        check_description("   XT-PIC      cascade", "XT-PIC||cascade");
        check_description("   XT-PIC      3c59x", "XT-PIC||3c59x");
        check_description("   XT-PIC      NVidia nForce3", "XT-PIC||NVidia nForce3");
        check_description("  IO-APIC-edge      timer", "IO-APIC-edge||timer"); /* 3.x */
        check_description("  IO-APIC     -edge      parport0", "IO-APIC|-edge|parport0");
        check_description("  xen-dyn     Edge    -event     xenbus", "xen-dyn|Edge    -event|xenbus");
        check_description("  PCI-MSI  mlx5_async0@pci:0000:00:00.0",
                          "PCI-MSI||mlx5_async0@pci:0000:00:00.0"); /* s390 */
}

static void test_level_triggered(void **state) {
        check_description("    GICv3  30 Level     arch_timer", "GICv3|30 Level|arch_timer");
        check_description("     GPIO  38 Edge    -davinci_gpio  spi1.0",
                          "GPIO|38 Edge    -davinci_gpio|spi1.0");
        check_description("    GICv2 321 Edge      2530400.i2c", "GICv2|321 Edge|2530400.i2c");
        check_description("  ITS-MSI 134742016 Edge      nvme0q0", "ITS-MSI|134742016 Edge|nvme0q0");
        check_description("f1018100.gpio  24 Edge      gpio-keys", "f1018100.gpio|24 Edge|gpio-keys");
        check_description("    GICv3  30 Level   ", "GICv3|30 Level|");
        check_description("    GICv3  30  Level", "GICv3|30|Level"); /* an action of that name */
}

static void test_chips_with_blanks(void **state) {
        check_description(" OPAL EVT  11 Level     opal-msg", "OPAL EVT|11 Level|opal-msg");
        check_description(" RISC-V INTC   5  riscv-timer", "RISC-V INTC|5|riscv-timer");
        check_description(" Altera PCIe MSI 524288 Edge      nvme0q0", "Altera PCIe MSI|524288 Edge|nvme0q0");
        check_description("   MPIC 1  12 Level     eth0", "MPIC 1|12 Level|eth0");
        check_description(" Xilinx INTC   1-level     eth0", "Xilinx INTC|1-level|eth0");
}

static void test_left_aligned_chips(void **state) {
        check("            CPU0       CPU5       \n"
              "   0:         34          0  IR-IO-APIC                  2-edge      timer\n"
              "  33:          1          2  dummy                      44  rmi4_smbus\n"
              "  40:          1          2  -                               no-domain\n"
              "1024:          1          2  IR-PCI-MSI               442368-edge      snd\n"
              "VPMI:          0          1 Perf Guest Mediated PMI\n",
              "0 [IR-IO-APIC|2-edge|timer] 0=34 5=0;"
              "33 [dummy|44|rmi4_smbus] 0=1 5=2;"
              "40 [-||no-domain] 0=1 5=2;"
              "1024 [IR-PCI-MSI|442368-edge|snd] 0=1 5=2;"
              "VPMI [||Perf Guest Mediated PMI] 0=0 5=1;");
}

static void test_odd_actions(void **state) {
        check_description("  PCI-MSI   1-edge      a  b", "PCI-MSI|1-edge|a  b");
        check_description("  PCI-MSI   1-edge      8250 2nd: 12, 7", "PCI-MSI|1-edge|8250 2nd: 12, 7");
        check_description("  PCI-MSI   1-edge      -foo: %n \xff\x01", "PCI-MSI|1-edge|-foo: %n \xff\x01");
        check_description("  PCI-MSI   1-edge      a, , b", "PCI-MSI|1-edge|a, , b");
}

static void test_architectures(void **state) {
        /* arm64: no blank between colon and count */
        check(HEADER "IPI0:1234567890 4294967295       Rescheduling interrupts\n"
                     "IPI3:         0          0       CPU stop (for crash dump) interrupts\n"
                     "Err:          7\n",
              "IPI0 [||Rescheduling interrupts] 0=1234567890 5=4294967295;"
              "IPI3 [||CPU stop (for crash dump) interrupts] 0=0 5=0;Err [||] -=7;");
        /* 32-bit ARM: a row without counts, a 64-bit count */
        check(HEADER "FIQ:              usb_fiq\nErr: 12345678901\n", "Err [||] -=12345678901;");
        /* s390 */
        check(HEADER "EXT:      38110      40211 \n"
                     "I/O:       4321       2201 \n"
                     "  3:          7          0   PCI-MSI  mlx5\n"
                     "C15:          0          0   [I/O] 3215\n"
                     "RST:          0          1   [CPU] CPU Restart\n",
              "EXT [||] 0=38110 5=40211;I/O [||] 0=4321 5=2201;3 [PCI-MSI||mlx5] 0=7 5=0;"
              "C15 [||[I/O] 3215] 0=0 5=0;RST [||[CPU] CPU Restart] 0=0 5=1;");
        /* powerpc: the same name twice */
        check(HEADER "LOC:          1          2   Local timer interrupts for timer event device\n"
                     "LOC:          3          4   Local timer interrupts for others\n"
                     "BAD:         17\n",
              "LOC [||Local timer interrupts for timer event device] 0=1 5=2;"
              "LOC [||Local timer interrupts for others] 0=3 5=4;BAD [||] -=17;");
        /* LoongArch */
        check(HEADER "IPI0:         1          2  LoongArch  1  Rescheduling interrupts\n",
              "IPI0 [||LoongArch  1  Rescheduling interrupts] 0=1 5=2;");
        /* an architecture that would count errors per CPU */
        check(HEADER "ERR:          1          2   Errors\n", "ERR [||Errors] 0=1 5=2;");
}

static void test_digits_in_description(void **state) {
        check(HEADER "THR:          1          2   8 things of 10\n", "THR [||8 things of 10] 0=1 5=2;");
        check(HEADER "THR:          1          2  12345\n", "THR [||12345] 0=1 5=2;");
        check_bad(HEADER "THR:          1   8 things of 10\n");
        check_bad(HEADER "THR:          1  12345\n");
        check_bad(HEADER " 24:          1   8250 2-edge      ttyS0\n");
}

static void test_bad_rows(void **state) {
        check_bad(HEADER);
        check_bad(HEADER " 24:          1          2  PCI-MSI 1-edge  eth0");
        check_bad(HEADER " 24:          1  PCI-MSI 1-edge  eth0\n");
        check_bad(HEADER "NMI:          1\n");
        check_bad(HEADER "ERR:          1          2          3\n");
        check_bad(HEADER "ERR:\n");
        check_bad(HEADER "ERR: 1\n");
        check_bad(HEADER "ERR:          1 x\n");
        check_bad(HEADER "FIQ:\n");
        check_bad(HEADER " 24:          1          2          3  PCI-MSI 1-edge  eth0\n");
        check_bad(HEADER " 24:          1          2PCI-MSI 1-edge  eth0\n");
        check_bad(HEADER " 24:          1          0PCI-MSI 1-edge  eth0\n");
        check_bad(HEADER "PCI-MSI 1-edge  eth0\n");
        check_bad(HEADER "99999999999:          1          2  PCI-MSI 1-edge  eth0\n");
        check_bad(HEADER HEADER " 24:          1          2  PCI-MSI 1-edge  eth0\n");
}

static void test_order(void **state) {
        check_bad(HEADER " 24:          1          2  PCI-MSI 1-edge  a\n"
                         " 24:          1          2  PCI-MSI 1-edge  a\n");
        check_bad(HEADER " 24:          1          2  PCI-MSI 1-edge  a\n"
                         "  3:          1          2  PCI-MSI 1-edge  a\n");
}

static void test_nul(void **state) {
        static const char text[] = HEADER " 24:          1          2  PCI-MSI 1-edge  a\0b\n";
        struct rows rows = {};

        assert_int_equal(parse_bytes(text, sizeof(text) - 1, &rows), -EBADMSG);
}

/* Every proper prefix of a good file that does not end with a line is refused. */
static void test_every_truncation(void **state) {
        static const char good[] = HEADER "  0:         34          0  IR-IO-APIC   2-edge      timer\n"
                                          "LOC: 4294967295      24943   Local timer interrupts\n"
                                          "ERR:          3\n";

        for (size_t n = 0; n < sizeof(good) - 1; n++) {
                bool line_end = n > sizeof(HEADER) && good[n - 1] == '\n';
                struct rows rows = {};

                assert_int_equal(parse_bytes(good, n, &rows), line_end ? 0 : -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_x86),
                cmocka_unit_test(test_without_domain),
                cmocka_unit_test(test_level_triggered),
                cmocka_unit_test(test_chips_with_blanks),
                cmocka_unit_test(test_left_aligned_chips),
                cmocka_unit_test(test_odd_actions),
                cmocka_unit_test(test_architectures),
                cmocka_unit_test(test_digits_in_description),
                cmocka_unit_test(test_bad_rows),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_nul),
                cmocka_unit_test(test_every_truncation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
