/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lets a fixture machine live: the counters in the files that make-machine.py made grow at rates of their
 * own. What is idle, what is busy, and when, is told by the names of rows: a machine is the same in every
 * run. A quarter of the interrupts of devices is silent, many fire now and then, some in bursts of minutes;
 * at night all of them do less. Numbers wrap where the kernel's do.
 *
 * move-machine DIR [--interval SECONDS] [--seconds N] [--hot LIST]: moves it every SECONDS (default: 1) as if
 * that time had passed, until it is killed or N seconds are over. CPUs of LIST take most of NET_RX and its
 * interrupts. move-machine DIR --clock FD: as a clock demands that is faster than time, see fast-clock.c.
 */

#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/cpulist.h"

enum {
        ROW_NAME_MAX = 64,
        NUMBER_MAX = 20,
        FILES_MAX = 8192,
        BURST_SECONDS = 300,
        PHASES = 4,  /* bursts begin at different moments */
        TICKS = 100, /* a second, of /proc/stat */
        STAT_MODES = 10,
};
#define DAY 86400.0

/* A number in a file that moves; what stands before it is kept as it is. */
struct cell {
        size_t literal; /* where that begins in the file's text; it ends where the number began */
        size_t number;
        unsigned width; /* that it is padded to */
        unsigned digits;
        bool hexadecimal, is_wide; /* more than 32 bits */
        double value, rate;        /* a second */
        unsigned burst;            /* which sort of bursts; 0: none */
        bool by_day;
};

struct file {
        int fd;
        char *text, *out;
        size_t size, out_size, tail; /* tail: what follows the last number */
        struct cell *cells;
        size_t n_cells;
};

struct machine {
        struct file *files;
        size_t n_files;
        struct cpu_set hot;
        uint64_t random;
};

typedef void (*rate_fn)(const struct machine *machine, const char *row, int cpu, struct cell *cell);

/* splitmix64 */
static uint64_t mix(uint64_t z) {
        z += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* In [0, 1), the same for the same name and number. */
static double trait(const char *name, unsigned number) {
        uint64_t hash = number;

        for (; *name; name++)
                hash = mix(hash ^ (uint8_t)*name);
        return (double)(mix(hash) >> 11) / (double)(UINT64_C(1) << 53);
}

static double draw(struct machine *machine) {
        machine->random = mix(machine->random);
        return (double)(machine->random >> 11) / (double)(UINT64_C(1) << 53);
}

/* Of devices: the CPU that it fired on most is the one that it fires on. */
static void rate_device(const struct machine *machine, const char *row, int cpu, struct cell *cell) {
        double kind = trait(row, 0);

        if (cell->value < 1000)
                return;
        if (cpu_set_contains(&machine->hot, cpu)) {
                cell->rate = 20000 * (1 + trait(row, 1));
                return;
        }

        cell->by_day = true;
        if (kind < 0.25)
                cell->rate = 0;
        else if (kind < 0.6)
                cell->rate = pow(10, -3 + 3 * trait(row, 1)); /* up to one a second */
        else
                cell->rate = pow(10, 3 * trait(row, 1));
        if (kind > 0.75)
                cell->burst = 1 + (unsigned)(trait(row, 2) * PHASES);
}

struct known_row {
        const char *name;
        double rate; /* of a CPU, about */
};

/* As seen on a server at work. What is not named here does not move. */
static const struct known_row known_rows[] = {
        { "LOC", 250 },     { "RES", 15 },       { "CAL", 25 },     { "TLB", 6 },      { "MCP", 1. / 300 },
        { "IWI", 0.1 },     { "PMI", 1 },        { "NMI", 1 },      { "TIMER", 90 },   { "SCHED", 120 },
        { "RCU", 80 },      { "HRTIMER", 0.05 }, { "NET_RX", 150 }, { "NET_TX", 0.3 }, { "BLOCK", 8 },
        { "TASKLET", 0.2 }, { "HI", 0.01 },
};

static void rate_row(const struct machine *machine, const char *row, int cpu, struct cell *cell) {
        bool hot = cpu_set_contains(&machine->hot, cpu);

        if (isdigit((unsigned char)*row)) {
                rate_device(machine, row, cpu, cell);
                return;
        }

        for (size_t i = 0; i < ELEMENTSOF(known_rows); i++)
                if (strcmp(known_rows[i].name, row) == 0)
                        cell->rate = known_rows[i].rate * pow(10, trait(row, 7 + (unsigned)cpu) - 0.5);
        cell->by_day = true;
        if (hot && strcmp(row, "NET_RX") == 0)
                cell->rate = 60000;
        if (hot && (strcmp(row, "RES") == 0 || strcmp(row, "CAL") == 0))
                cell->rate = 9000;
}

/* "cpuN user nice system idle iowait irq softirq steal ...": in ticks. */
static void rate_stat(const struct machine *machine, const char *row, int column, struct cell *cell) {
        static const double shares[STAT_MODES] = { 0.12, 0, 0.05, 0.8, 0.005, 0.002, 0.02, 0.001 };

        if (strncmp(row, "cpu", 3) != 0 || !row[3])
                return; /* the sum is nobody's business here */
        cell->is_wide = true;
        if (column < STAT_MODES)
                cell->rate = TICKS * shares[column] * (0.5 + trait(row, (unsigned)column));
}

/* packets, drops, squeezes, ...: hexadecimal. */
static void rate_softnet(const struct machine *machine, const char *row, int column, struct cell *cell) {
        cell->hexadecimal = true;
        cell->by_day = true;
        if (column == 0)
                cell->rate = 200 * pow(10, trait("softnet", (unsigned)cell->number) - 0.5);
        else if (column == 2)
                cell->rate = 0.01;
}

/* Bytes and packets, received and sent. */
static void rate_device_file(const struct machine *machine, const char *row, int column, struct cell *cell) {
        static const double rates[] = { [0] = 9e6, [1] = 9e3, [7] = 0.2, [8] = 4e6, [9] = 6e3 };

        cell->is_wide = true;
        cell->by_day = true;
        if ((size_t)column < ELEMENTSOF(rates))
                cell->rate = rates[column];
}

/* Ip, Tcp, Udp: those that grow on every machine. */
static void rate_protocol(const struct machine *machine, const char *row, int column, struct cell *cell) {
        cell->is_wide = true;
        cell->by_day = true;
        if (cell->value > 1000)
                cell->rate = pow(10, 3 * trait(row, (unsigned)column));
}

/* ns that a thread ran, and waited. */
static void rate_thread(const struct machine *machine, const char *row, int column, struct cell *cell) {
        cell->is_wide = true;
        cell->burst = 1 + (unsigned)cell->value % PHASES;
        if (column < 2)
                cell->rate = column == 0 ? 2e5 : 5e4;
}

/* A file's columns are CPUs where its first line says so. Row names are words that end in a colon, or what
 * the line begins with. */
struct columns {
        int cpus[CPU_LIMIT];
        int n;
};

static void read_columns(const char *text, struct columns *columns) {
        int cpu, n;

        columns->n = 0;
        while (columns->n < CPU_LIMIT && sscanf(text, " CPU%d%n", &cpu, &n) == 1) {
                columns->cpus[columns->n++] = cpu;
                text += n;
        }
}

static bool is_number(const char *p, size_t n, bool hexadecimal) {
        for (size_t i = 0; i < n; i++)
                if (!(hexadecimal ? isxdigit((unsigned char)p[i]) : isdigit((unsigned char)p[i])))
                        return false;

        return n > 0 && n < NUMBER_MAX;
}

static void add_cell(struct file *file, const struct cell *cell) {
        file->cells = reallocarray(file->cells, file->n_cells + 1, sizeof(*file->cells));
        if (!file->cells)
                abort();
        file->cells[file->n_cells++] = *cell;
}

/* A line's numbers; in a table, as many as it has columns. */
static void read_line(const struct machine *machine, struct file *file, size_t begin, size_t end,
                      const struct columns *columns, bool hexadecimal, rate_fn rate) {
        size_t at = begin, n = strcspn(file->text + begin, ":\n");
        bool named = file->text[begin + n] == ':';
        char row[ROW_NAME_MAX] = "";

        at += strspn(file->text + at, " ");
        if (named || isalpha((unsigned char)file->text[at]) || columns->n > 0) {
                size_t size = strcspn(file->text + at, " :\n");

                if (!hexadecimal) {
                        (void)snprintf(row, sizeof(row), "%.*s", (int)size, file->text + at);
                        at += size + named;
                }
        }

        for (int column = 0; at < end && (columns->n == 0 || column < columns->n); column++) {
                size_t before = at;
                struct cell cell;

                at += strspn(file->text + at, " ");
                n = strcspn(file->text + at, " \n");
                if (n == 0)
                        return;
                if (!is_number(file->text + at, n, hexadecimal)) {
                        at += n; /* as the -1 of Tcp's MaxConn */
                        continue;
                }
                cell = (struct cell){
                        .number = at,
                        .width = columns->n > 0 ? (unsigned)(at + n - before) - 1
                                 : hexadecimal  ? 8
                                                : 0,
                        .digits = (unsigned)n,
                        .value = (double)strtoull(file->text + at, NULL, hexadecimal ? 16 : 10),
                };
                rate(machine, row, columns->n > 0 ? columns->cpus[column] : column, &cell);
                at += n;
                if (cell.rate > 0)
                        add_cell(file, &cell);
        }
}

/* False: there is no such file. */
static bool read_file(struct file *file, const char *dir, const char *path) {
        _cleanup_(freep) char *name = NULL;
        struct stat st;

        if (asprintf(&name, "%s/%s", dir, path) < 0)
                abort();
        file->fd = open(name, O_RDWR | O_CLOEXEC);
        if (file->fd < 0)
                return false;
        if (fstat(file->fd, &st) < 0 || !(file->text = calloc(1, (size_t)st.st_size + 1)) ||
            read(file->fd, file->text, (size_t)st.st_size) != st.st_size) {
                perror(name);
                exit(EXIT_FAILURE);
        }

        file->size = (size_t)st.st_size;
        return true;
}

static void add_file(struct machine *machine, const char *dir, const char *path, rate_fn rate) {
        bool hexadecimal = rate == rate_softnet;
        struct file *file = &machine->files[machine->n_files];
        static struct columns columns;

        if (machine->n_files == FILES_MAX || !read_file(file, dir, path))
                return;

        read_columns(file->text, &columns);
        for (size_t at = 0; at < file->size;) {
                size_t end = at + strcspn(file->text + at, "\n");

                read_line(machine, file, at, end, &columns, hexadecimal, rate);
                at = end + 1;
        }
        for (size_t i = 0; i < file->n_cells; i++) {
                struct cell *cell = &file->cells[i];

                cell->literal = file->tail;
                /* Its spaces belong to the number. */
                cell->number -= cell->width > cell->digits && !hexadecimal ? cell->width - cell->digits : 0;
                file->tail = cell->number + MAX(cell->width, cell->digits);
        }
        file->out = malloc(file->size + file->n_cells * NUMBER_MAX + 1);
        if (!file->out)
                abort();
        machine->n_files++;
}

static char *put_number(char *p, const struct cell *cell) {
        uint64_t value = cell->is_wide ? (uint64_t)cell->value : (uint32_t)(uint64_t)cell->value;
        unsigned base = cell->hexadecimal ? 16 : 10, n = 0;
        char digits[NUMBER_MAX + 1];

        do
                digits[n++] = "0123456789abcdef"[value % base];
        while ((value /= base) > 0);
        for (unsigned i = n; i < cell->width; i++)
                *p++ = cell->hexadecimal ? '0' : ' ';
        while (n > 0)
                *p++ = digits[--n];
        return p;
}

static void write_file(struct file *file) {
        char *p = file->out;

        for (size_t i = 0; i < file->n_cells; i++) {
                const struct cell *cell = &file->cells[i];

                p = mempcpy(p, file->text + cell->literal, cell->number - cell->literal);
                p = put_number(p, cell);
        }
        p = mempcpy(p, file->text + file->tail, file->size - file->tail);

        /* In one write: nobody sees half of it. */
        if (pwrite(file->fd, file->out, (size_t)(p - file->out), 0) < 0 ||
            ((size_t)(p - file->out) < file->out_size && ftruncate(file->fd, p - file->out) < 0)) {
                perror("move-machine");
                exit(EXIT_FAILURE);
        }
        file->out_size = (size_t)(p - file->out);
}

static void move(struct machine *machine, double now, double seconds) {
        double by_day = 0.55 - 0.45 * cos(2 * M_PI * fmod(now, DAY) / DAY); /* 0.1 at midnight, 1 at noon */
        bool bursts[PHASES + 1] = { true };

        for (unsigned i = 1; i <= PHASES; i++)
                bursts[i] = mix((uint64_t)(now / BURST_SECONDS) * PHASES + i) % 3 == 0;

        for (size_t i = 0; i < machine->n_files; i++) {
                struct file *file = &machine->files[i];
                bool moved = false;

                for (size_t j = 0; j < file->n_cells; j++) {
                        struct cell *cell = &file->cells[j];
                        double mean = cell->rate * seconds * (cell->by_day ? by_day : 1);

                        if (!bursts[cell->burst])
                                continue;
                        /* Whole numbers, also of what happens once an hour. */
                        mean = floor(mean * (0.7 + 0.6 * draw(machine)) + draw(machine));
                        cell->value += mean;
                        moved |= mean > 0;
                }
                if (moved)
                        write_file(file);
        }
}

static double real_now(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int move_by_clock(struct machine *machine, int fd, double interval) {
        double last = 0;
        uint64_t now_ns;

        while (read(fd, &now_ns, sizeof(now_ns)) == sizeof(now_ns)) {
                double now = (double)now_ns / 1e9;

                if (last == 0 || now - last >= interval / 2) {
                        move(machine, now, last == 0 ? interval : now - last);
                        last = now;
                }
                if (write(fd, &now_ns, sizeof(now_ns)) != sizeof(now_ns))
                        return EXIT_FAILURE;
        }

        return EXIT_SUCCESS;
}

static void move_by_time(struct machine *machine, double interval, double seconds) {
        double start = real_now(), next = start;

        while (seconds <= 0 || next < start + seconds) {
                double wait;

                move(machine, next, interval);
                next += interval;
                wait = next - real_now();
                if (wait > 0)
                        (void)usleep((useconds_t)(wait * 1e6)); /* what is late is made up for */
        }
}

static bool is_ksoftirqd(const char *dir, int pid) {
        char *name = NULL, comm[16] = "";
        FILE *f;

        if (asprintf(&name, "%s/proc/%i/comm", dir, pid) < 0)
                abort();
        f = fopen(name, "re");
        free(name);
        if (!f)
                return false;

        (void)!fgets(comm, sizeof(comm), f); /* else it stays empty */
        (void)fclose(f);
        return strncmp(comm, "ksoftirqd/", strlen("ksoftirqd/")) == 0;
}

static void find_files(struct machine *machine, const char *dir) {
        static const struct {
                const char *path;
                rate_fn rate;
        } known[] = {
                { "proc/interrupts", rate_row },
                { "proc/softirqs", rate_row },
                { "proc/stat", rate_stat },
                { "proc/net/softnet_stat", rate_softnet },
                { "proc/net/dev", rate_device_file },
                { "proc/net/snmp", rate_protocol },
                { "proc/net/netstat", rate_protocol },
        };
        char path[64];

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                add_file(machine, dir, known[i].path, known[i].rate);
        for (int pid = 1; pid < FILES_MAX; pid++) {
                (void)snprintf(path, sizeof(path), "proc/%i/schedstat", pid);
                if (is_ksoftirqd(dir, pid))
                        add_file(machine, dir, path, rate_thread);
        }
}

static int usage(void) {
        (void)fprintf(
                stderr,
                "usage: move-machine DIR [--interval SECONDS] [--seconds N] [--hot LIST] [--clock FD]\n");
        return 2;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "interval", required_argument, NULL, 'i' },
                { "seconds", required_argument, NULL, 's' },
                { "hot", required_argument, NULL, 'h' },
                { "clock", required_argument, NULL, 'c' },
                {},
        };
        struct machine machine = { .random = 1 };
        double interval = 1, seconds = 0;
        int clock_fd = -1, c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (c == 'i')
                        interval = strtod(optarg, NULL);
                else if (c == 's')
                        seconds = strtod(optarg, NULL);
                else if (c == 'c')
                        clock_fd = atoi(optarg);
                else if (c != 'h' || cpu_list_parse(optarg, &machine.hot) < 0)
                        return usage();
        if (optind + 1 != argc || interval <= 0)
                return usage();

        machine.files = calloc(FILES_MAX, sizeof(*machine.files));
        if (!machine.files)
                return EXIT_FAILURE;
        find_files(&machine, argv[optind]);
        if (machine.n_files == 0) {
                (void)fprintf(stderr,
                              "move-machine: nothing in %s moves: make-machine.py makes such a directory\n",
                              argv[optind]);
                return EXIT_FAILURE;
        }

        if (clock_fd >= 0)
                return move_by_clock(&machine, clock_fd, interval);
        move_by_time(&machine, interval, seconds);
        return EXIT_SUCCESS;
}
