/* SPDX-License-Identifier: Apache-2.0 */

#include "client/phrases.h"

#include <stddef.h>

#include "client/i18n.h"

/*
 * The daemon's sentences as patterns: the texts and advice of daemon/query/finding-*.c with what varies in them
 * numbered. tests/harness/check-translation tells when they no longer are what the daemon says.
 */

/* Whole texts. The first that fits is taken: the longer before the shorter. */
const char *const phrases_sentences[] = {
        P_("%1$s ran with interrupts off for %2$s in %3$s"),
        P_("%1$s was held by an interrupt handler for %2$s in %3$s"),
        P_("%1$s was held by a softirq for %2$s in %3$s"),
        P_("%1$s was held by a call from another CPU for %2$s in %3$s"),
        P_("%1$s took its timer interrupts late by %2$s, and the evidence does not say why%3$s"),
        P_("%1$s stood still for %2$s because the hypervisor ran something else in its place%3$s"),
        P_("%1$s stood still for %2$s: something below the kernel held it, the hypervisor, firmware or a "
           "device that was accessed%3$s"),
        P_("%1$s took its timer interrupt late by %2$s though other interrupts came in: the timer itself "
           "was late, as an emulated one is whose host is busy%3$s"),
        P_("%1$s and others stood still over the same moment, for %2$s: something below the kernel held "
           "the whole machine%3$s"),
        P_("%1$s left idle late by %2$s"),
        P_("%1$s spent %2$s in one run of the interrupt handler %3$s"),
        P_("%1$s spent %2$s in one run of the softirq %3$s"),
        P_("%1$s let the softirq %2$s wait for %3$s while %4$s (pid %5$s) ran%6$s"),
        P_("%1$s let the softirq %2$s wait for %3$s"),
        P_("CPU %1$s is isolated, but was interrupted up to %2$s times per second by IRQ %3$s"),
        P_("Interrupts were moved, last %1$s, and %2$s more times"),
        P_("Moved to other CPUs: %1$s"),
        P_("SYN flood: %1$s"),
        P_("UDP flood: %1$s"),
        P_("Many small packets: %1$s"),
        P_("CPU %1$s took %2$s %% of the interrupts of %3$s (up to %4$s per second), although %5$s of "
           "its queues were in use"),
        P_("CPU %1$s took %2$s %3$s per second%4$s; meanwhile it was busy for %5$s %% of the time; RPS sent "
           "it packets %6$s times per second"),
        P_("CPU %1$s took %2$s %3$s per second%4$s; meanwhile it was busy for %5$s %% of the time"),
        P_("CPU %1$s took %2$s %3$s per second, %4$s are usual"),
        P_("CPU %1$s took %2$s %3$s per second; what is usual is not known"),
        P_("CPU %1$s took %2$s %3$s per second"),
        P_("CPU %1$s did %2$s %% of all %3$s softirqs (%4$s of %5$s per second), with %6$s CPUs online; "
           "in interrupts for up to %7$s %% of its time"),
        P_("CPU %1$s did %2$s %% of all %3$s softirqs (%4$s of %5$s per second), with %6$s CPUs online"),
        P_("%1$s: as little as %2$s %% of the time was observed; a window in the rest would not have "
           "been seen"),
        P_("%1$s more windows or slow runs were found but not recorded (%2$s above the limit of events "
           "per second, %3$s because the kernel's buffer was full): all counts and totals of events are "
           "too low by these"),
        P_("%1$s more window or slow run was found but not recorded (%2$s above the limit of events per "
           "second, %3$s because the kernel's buffer was full): all counts and totals of events are too "
           "low by these"),
        P_("The collector %1$s recorded nothing for %2$s of the span, in %3$s gap: %4$s"),
        P_("The collector %1$s recorded nothing for %2$s of the span, in %3$s gaps: %4$s"),
        P_("The first %1$s of the span are not on record: irqwatchd was not yet watching, or its history "
           "no longer reaches back that far"),
        P_("The collector %1$s fails: %2$s"),
        P_("The collector %1$s does less than configured: %2$s"),
        P_("%1$s interrupts went to no handler or were in error (%2$s in /proc/interrupts), up to %3$s "
           "per second"),
        P_("%1$s interrupts were lost by the I/O APIC and repeated (%2$s in /proc/interrupts), up to "
           "%3$s per second"),
        P_("%1$s interrupts had no valid number (%2$s in /proc/interrupts), up to %3$s per second"),
        P_("%1$s interrupts went to no handler or were in error (%2$s in /proc/interrupts), less than one "
           "per second"),
        P_("%1$s interrupts were lost by the I/O APIC and repeated (%2$s in /proc/interrupts), less than "
           "one per second"),
        P_("%1$s interrupts had no valid number (%2$s in /proc/interrupts), less than one per second"),
        P_("%1$s dropped %2$s received packets because the backlog was full, up to %3$s per second on "
           "CPU %4$s, which processed %5$s per second"),
        P_("CPU %1$s stopped receiving %2$s times per second with packets still waiting, after %3$s "
           "packets on average"),
        P_("ksoftirqd/%1$s used %2$s %% of CPU %3$s, waited for it for %4$s %%; most frequent there: "
           "%5$s"),
        P_("ksoftirqd/%1$s used %2$s %% of CPU %3$s, waited for it for %4$s %%"),
        P_("\"cat /proc/irq/%1$s/smp_affinity_list\" (free) says where it may go; writing a list without "
           "the isolated CPUs moves it at once. Managed interrupts (NVMe) refuse that and follow the CPU "
           "that does the I/O: keep the I/O away, or boot with isolcpus=managed_irq. If irqbalance runs, "
           "tell it with IRQBALANCE_BANNED_CPULIST."),
        P_("\"irqctl events --kind affinity\" (free) lists all of them with their times. %1$s"),
        P_("\"tcpdump -nc 50 -i %1$s 'tcp[tcpflags] == tcp-syn'\" (50 packets, free) shows sources and "
           "port. Keep \"sysctl net.ipv4.tcp_syncookies\" at 1: clients get through, without TCP options "
           "while it lasts. Drop it before the stack: nftables in an ingress hook or \"meter\" per "
           "source (a lookup per packet; useless against forged addresses), XDP, best upstream. RPS "
           "(/sys/class/net/DEV/queues/rx-0/rps_cpus) shares the load over CPUs meanwhile."),
        P_("\"tcpdump -nc 50 -i %1$s udp\" (50 packets, free) shows sources and port. If nobody wants "
           "it, drop it before the stack: nftables with a netdev ingress hook (a lookup per packet), "
           "XDP, best upstream. If it is wanted, the program needs larger batches (recvmmsg) or several "
           "sockets (SO_REUSEPORT), the CPU help from RPS (/sys/class/net/DEV/queues/rx-0/rps_cpus)."),
        P_("\"tcpdump -nc 50 -i %1$s\" (50 packets, free) shows what they are. Each costs as much as a "
           "large one: GRO (\"ethtool -k\") merges those of a TCP flow, \"ethtool -C rx-usecs\" their "
           "interrupts, more queues or RPS share them over CPUs."),
        P_("\"irqctl rates timers --latency\" (free) names the timers' functions: hrtimer_wakeup is a "
           "program that sleeps for microseconds, which \"perf trace -s -e "
           "clock_nanosleep,epoll_wait,futex -a -- sleep 5\" (a few percent meanwhile) finds."),
        P_("\"irqctl rates calls --latency\" (free) and \"perf record -e sched:sched_wakeup -a -g -- "
           "sleep 2\" (a few percent meanwhile) show who wakes whom across CPUs. Pinning both sides to "
           "one CPU or cache (\"taskset -pc\") ends it."),
        P_("\"irqctl rates calls --latency\" (free) names the functions that other CPUs were made to "
           "run; membarrier(), memory that is unmapped by threads, and perf are usual causes. \"perf "
           "record -e 'csd:*' -a -g -- sleep 2\" (Linux 6.5 or newer) shows the callers."),
        P_("Threads of one process unmap or protect memory at a high rate. \"perf trace -s -e "
           "munmap,mprotect,madvise -a -- sleep 5\" (a few percent meanwhile) names it."),
        P_("\"irqctl rates hardirqs --latency\" (free) has what its handler costs, "
           "/proc/irq/%1$s/spurious whether anybody wanted them. Network queues merge interrupts with "
           "\"ethtool -C DEV adaptive-rx on\" or rx-usecs, for some latency; a device that never stops "
           "has a fault or a driver that does not acknowledge it."),
        P_("\"irqctl rates interrupts --cpu %1$s\" (free) shows it beside the others; \"perf record -C "
           "%2$s -g -- sleep 5\" (about a percent) shows what runs meanwhile."),
        P_("\"grep . /proc/irq/*/smp_affinity_list\" (free) shows where they may go: give each queue a "
           "CPU of its own there, which takes effect at once, or let irqbalance do it. Interrupts that "
           "refuse are managed by their driver."),
        P_("\"dmesg -T | grep -iE 'irq|apic'\" (free) may name the line: hardware, firmware or a "
           "hypervisor that raises interrupts which no handler is registered for. A few around a reset "
           "or hotplug mean nothing."),
        P_("\"irqctl rates interrupts --cpu %1$s\" (free) names the device whose interrupts lead there. "
           "Its /proc/irq/NUMBER/smp_affinity_list moves them; managed interrupts of NVMe and the like "
           "refuse that."),
        P_("\"irqctl rates interrupts --cpu %1$s\" names the device and \"ethtool -l DEV\" says whether "
           "it has more queues (both free). More queues (\"ethtool -L\", resets the link for a moment on "
           "some drivers) or another /proc/irq/NUMBER/smp_affinity_list spread the work in hardware; "
           "with one queue, RPS (/sys/class/net/DEV/queues/rx-0/rps_cpus) does it in software for one "
           "IPI per batch of packets. One single flow stays on one CPU whatever is set."),
        P_("\"irqctl status\" says whether the collector does less than configured and why. In passive "
           "mode an idle CPU has no tick to watch by; \"irqctl set irq-delay.mode=active\" watches "
           "always, for one extra timer interrupt per heartbeat and CPU."),
        P_("The histograms have counted them all. Higher thresholds keep the records for the long ones: "
           "\"irqctl set irq-delay.threshold=...\" for windows, irq-delay.hardirq-threshold, "
           "softirq-threshold and softirq-wait-threshold for runs (free, until the next restart)."),
        P_("\"irqctl status\" shows the collector's state and how many passes failed; \"journalctl -u "
           "irqwatchd\" has what it said at the time."),
        P_("Nothing is known about that time, good or bad; ask for a later \"--since\" to see only what "
           "was watched."),
        P_("Meanwhile this CPU took no other interrupt. \"irqctl rates hardirqs --latency\" (free) shows "
           "whether this handler is always slow or was once; \"irqctl show %1$s\" has this run. Always "
           "slow is the driver's or the device's fault: look for a newer driver or firmware. Until then "
           "/proc/irq/NUMBER/smp_affinity_list keeps it off CPUs that must not wait."),
        P_("Meanwhile no other softirq and no task ran there. %1$s \"irqctl show %2$s\" has %3$s."),
        P_("Either code that runs with softirqs disabled took that long, or the work was left to "
           "ksoftirqd and that task got no CPU. \"irqctl show %1$s\" has who ran instead, \"irqctl rates "
           "softirqs --latency\" the share that ksoftirqd runs (both free). If a real-time task holds "
           "the CPU (\"ps -eLo psr,cls,rtprio,comm\"), move either that or the interrupts to another."),
        P_("\"sysctl net.core.netdev_max_backlog\" (free) is the queue's length in packets: if it is "
           "below 1000, raise it, which costs memory and, while it is full, latency. If the CPU is busy "
           "all the time, a longer queue only delays the loss: spread the work with RPS "
           "(/sys/class/net/DEV/queues/rx-0/rps_cpus, one IPI per batch) or find out who sends."),
        P_("Common on a machine that receives at full speed, and harmless as long as nothing is dropped. "
           "\"sysctl net.core.netdev_budget net.core.netdev_budget_usecs\" (free) are the limits."),
        P_("\"sysctl net.core.netdev_budget net.core.netdev_budget_usecs\" (free) are the limits: the "
           "defaults are 300 packets and 2 jiffies. Larger ones let a poll run longer, at the price of "
           "other softirqs and tasks on that CPU."),
        P_("\"irqctl rates softirqs --cpu %1$s\" and \"irqctl rates interrupts --cpu %2$s\" (both free) "
           "say which work and which device lead there. Packets are spread over CPUs with more queues "
           "(\"ethtool -L\"), interrupts with smp_affinity_list, or RPS; tasks that share that CPU are "
           "better off elsewhere meanwhile (\"taskset -pc\")."),
        P_("\"irqctl status\" shows what it does now and what it has lost; \"journalctl -u irqwatchd\" "
           "has when that began. What it would have seen since is not in this report."),
        P_("See the whole stack and task with \"irqctl show %1$s\"%2$s"),
        P_("%1$s \"irqctl show %2$s\" has the evidence for the worst one."),
        P_("not on record: irqwatchd was not yet watching, or its history no longer reaches back that "
           "far"),
        NULL,
};

/* What may stand in the place of a number above, or in one here. */
const char *const phrases_parts[] = {
        P_("%1$s; another CPU was late over the same moment, so that the cause may lie below the kernel"),
        P_("%1$s; %2$s such windows on %3$s, at least %4$s in total"),
        P_("%1$s; %2$s such windows, at least %3$s in total"),
        P_("%1$s; %2$s such runs on %3$s, %4$s in total"),
        P_("%1$s; %2$s such runs, %3$s in total"),
        P_("%1$s; %2$s such waits on %3$s"),
        P_("%1$s; %2$s such waits"),
        P_("%1$s; %2$s interrupts do such things"),
        P_("%1$s, called by the idle task"),
        P_("%1$s, called by %2$s (pid %3$s)"),
        P_("%1$s, while the idle task was running"),
        P_("%1$s, while %2$s (pid %3$s) was running"),
        P_("%1$s under %2$s"),
        P_("%1$s, seen in code that has no name, as filters of packet sockets"),
        P_("%1$s; one of %2$s was seen in %3$s"),
        P_("%1$s, seen in %2$s"),
        P_("%1$s in ksoftirqd"),
        P_("%1$s of IRQ %2$s"),
        P_("%1$s. CPU %2$s ran %3$s NET_RX per second%4$s"),
        P_("%1$s, ksoftirqd/%2$s %3$s %%"),
        P_("%1$s and spent %2$s %% of its time in softirqs"),
        P_(" (the others %1$s on average)"),
        P_("%1$s; %2$s per second were lost because the program was slow"),
        P_("%1$s; %2$s datagrams per second went to closed ports"),
        P_("%1$s; %2$s requests per second were dropped"),
        P_("%1$s; %2$s handshakes per second failed, %3$s succeeded"),
        P_("%1$s; %2$s SYN cookies per second were sent, %3$s came back"),
        P_("%1$s, of a sample %2$s %% TCP SYNs to port %3$s"),
        P_("%1$s, of a sample %2$s %% TCP SYNs"),
        P_("%1$s, of a sample %2$s %% UDP to port %3$s"),
        P_("%1$s, of a sample %2$s %% UDP"),
        P_("%1$s received %2$s packets per second of %3$s bytes on average"),
        P_("no device on record received them"),
        P_(", %1$s are usual"),
        P_("; what is usual is not known"),
        P_("timer interrupts (%1$s)"),
        P_("wake-ups by other CPUs (%1$s)"),
        P_("function calls from other CPUs (%1$s)"),
        P_("TLB shootdowns from other CPUs (%1$s)"),
        P_("interrupts of IRQ %1$s"),
        P_("interrupts (%1$s)"),
        P_("%1$s from %2$s to %3$s"),
        P_("irqbalance runs and does this by design: IRQBALANCE_BANNED_INTERRUPTS or _BANNED_CPULIST "
           "keep it away from some."),
        P_("Where irqbalance does not run it was tuned, ethtool, a driver, or a CPU that went offline."),
        P_("The stack was taken when interrupts came back and may still point at the cause."),
        P_("Nothing inside this machine caused it. \"vmstat 1\" (column st, costs nothing) shows whether "
           "it goes on; then ask whoever runs the host about overcommitted CPUs and CPU quotas, or move "
           "to an instance with CPUs of its own."),
        P_("In a virtual machine, compare the time with migrations, snapshots and backups on the host. "
           "On hardware, suspect firmware: \"turbostat --show SMI\" counts SMIs for next to nothing; the "
           "hwlat tracer measures them but keeps CPUs busy with interrupts off, so not in production."),
        P_("Nothing ran late but the wake-up itself. If that matters, \"cpupower idle-info\" (free) "
           "shows the exit latencies; a process that holds /dev/cpu_dma_latency open forbids the deep "
           "states, at the price of power and turbo headroom."),
        P_("One run ends when net.core.netdev_budget packets or netdev_budget_usecs are used up, but "
           "never within a driver's poll or a packet's way through netfilter, tc and XDP: long rule "
           "lists there are the usual cause."),
        P_("\"irqctl rates timers --latency\" (free) names the callback."),
        P_("\"irqctl rates tasklets --latency\" (free) names the tasklet."),
        P_("Many objects were freed at once. The boot parameter rcu_nocbs=LIST moves that work off CPUs "
           "that must not wait, into threads."),
        P_("\"irqctl rates softirqs --latency\" (free) shows whether its runs are always long or were "
           "once."),
        P_("the backlog, where packets of veth, loopback and RPS wait"),
        P_("%1$s \"ss -0pb\" (free) lists packet sockets with their filters."),
        P_("the stack that was taken inside this run"),
        P_("this run"),
        P_(" and whose code it is with \"modinfo %1$s\"%2$s"),
        P_(" and whose program it is with \"bpftool prog show\"%1$s"),
        P_(" (both only read what is there). If it comes back, \"perf record -e cycles %1$s -g -- sleep "
           "10\" while it happens shows where the time goes: it costs about a percent of that CPU, and "
           "sees code that runs with interrupts off only where the PMU raises NMIs, so rarely in virtual "
           "machines."),
        P_("."),
        P_("a function that could not be named"),
        P_("a handler that could not be named"),
        P_("a softirq that could not be named"),
        P_("that is not known"),
        P_("it does not say why"),
        P_("%1$s for %2$s"),
        P_(" in %1$s"),
        P_("CPUs %1$s"),
        P_("A CPU"),
        NULL,
};
