/* SPDX-License-Identifier: Apache-2.0 */

#define NCURSES_WIDECHAR 1

#include "client/top-screen.h"

#include <curses.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "client/top-view.h"

static struct {
        SCREEN *screen;
        bool colour, utf8;
        struct termios saved; /* as it was before us, for a crash */
        struct top_grid shown;
        char leave[128]; /* what a crash has to send */
        FILE *out;       /* ncurses's own way to the terminal */
        int memory_fd;   /* where it leads while the screen is drawn; negative: to the terminal also then */
} terminal = { .memory_fd = -EBADF };

/* The eight steps of heat, from the colours that xterm has: from dark blue over grey to yellow, each lighter
 * than the one before. Blue and yellow are told apart with every kind of colour blindness, and the lightness
 * alone would do. */
static const short heats_256[TOP_HEATS] = { -1, 17, 24, 60, 102, 144, 185, 227 };
static const short heats_8[TOP_HEATS] = { -1,         COLOR_BLUE, COLOR_BLUE,   COLOR_BLUE,
                                          COLOR_CYAN, COLOR_CYAN, COLOR_YELLOW, COLOR_YELLOW };

enum {
        PAIR_HEADING = 1,
        PAIR_SORTED,
        PAIR_NOTICE,
        PAIR_WARNING,
        PAIR_HEAT,
        PAIR_STRIP = PAIR_HEAT + TOP_HEATS
};

static void top_init_pairs(void) {
        bool many = COLORS >= 256;

        (void)use_default_colors(); /* where there are none, black and white will do */
        (void)init_pair(PAIR_HEADING, many ? 255 : COLOR_WHITE, many ? 238 : COLOR_BLUE);
        (void)init_pair(PAIR_SORTED, many ? 16 : COLOR_BLACK, many ? 250 : COLOR_WHITE);
        (void)init_pair(PAIR_NOTICE, many ? 16 : COLOR_BLACK, many ? 153 : COLOR_CYAN);
        (void)init_pair(PAIR_WARNING, many ? 16 : COLOR_BLACK, many ? 214 : COLOR_YELLOW);
        for (int i = 1; i < TOP_HEATS; i++) {
                short paper = many ? heats_256[i] : heats_8[i];
                bool light = i >= 4;

                (void)init_pair((short)(PAIR_HEAT + i),
                                light ? (many ? 16 : COLOR_BLACK) : (many ? 231 : COLOR_WHITE), paper);
                (void)init_pair((short)(PAIR_STRIP + i), paper, paper);
        }
}

static attr_t top_attributes(unsigned attr, short *ret_pair) {
        *ret_pair = 0;
        if (attr >= TOP_HEAT) {
                unsigned heat = (attr - TOP_HEAT) % TOP_HEATS;

                if (terminal.colour && heat > 0)
                        *ret_pair = (short)((attr >= TOP_STRIP ? PAIR_STRIP : PAIR_HEAT) + (short)heat);
                /* Without colours the upper steps still stand out. */
                return terminal.colour ? A_NORMAL : heat >= 6 ? A_REVERSE : heat >= 4 ? A_BOLD : A_NORMAL;
        }

        switch (attr) {
        case TOP_DIM:
                return A_DIM;
        case TOP_BOLD:
                return A_BOLD;
        case TOP_HEADING:
                *ret_pair = terminal.colour ? PAIR_HEADING : 0;
                return terminal.colour ? A_NORMAL : A_REVERSE;
        case TOP_SORTED:
                *ret_pair = terminal.colour ? PAIR_SORTED : 0;
                return A_BOLD | (terminal.colour ? A_NORMAL : A_UNDERLINE);
        case TOP_CHOSEN:
                return A_REVERSE;
        case TOP_NOTICE:
                *ret_pair = terminal.colour ? PAIR_NOTICE : 0;
                return terminal.colour ? A_NORMAL : A_REVERSE;
        case TOP_WARNING:
                *ret_pair = terminal.colour ? PAIR_WARNING : 0;
                return A_BOLD | (terminal.colour ? A_NORMAL : A_REVERSE);
        default:
                return A_NORMAL;
        }
}

/* For the handler of a crash, where tputs() must not be called: the sequences as they are. Padding is for
 * terminals of glass and steel. */
static void top_save_sequence(char *buf, size_t size, const char *sequence) {
        size_t n = strlen(buf);

        if (!sequence || sequence == (char *)-1 || strchr(sequence, '$') || n + strlen(sequence) >= size)
                return;
        (void)strcpy(buf + n, sequence); /* fits */
}

static void top_crash(int sig) {
        int error = errno;

        if (write(STDOUT_FILENO, terminal.leave, strlen(terminal.leave)) < 0)
                errno = error; /* nothing to be done about it */
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal.saved);
        (void)raise(sig); /* SA_RESETHAND: now it does what it does */
}

static void top_catch_crashes(void) {
        static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS };
        struct sigaction action = { .sa_handler = top_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaction(signals[i], &action, NULL); /* fails for no valid signal */
}

static void top_setup(void) {
        (void)cbreak(); /* what fails here fails where the terminal is gone, which reading keys finds out */
        (void)noecho();
        (void)nonl();
        (void)keypad(stdscr, TRUE);
        (void)nodelay(stdscr, TRUE);
        (void)curs_set(0); /* a terminal that cannot hide it shows it */
        (void)leaveok(stdscr, TRUE);
        (void)set_escdelay(50); /* milliseconds in which a sequence of a key is complete */
        (void)typeahead(-1);    /* drawing is not broken off for a key */
}

/* A stream on a descriptor of ncurses's own: stdout stays as it is. */
static int top_open_out(void) {
        int fd;

        fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (fd < 0)
                return -errno;
        terminal.out = fdopen(fd, "w");
        if (!terminal.out) {
                (void)close_safe(fd);
                return -ENOMEM;
        }

        terminal.memory_fd = memfd_create("irqctl-top", MFD_CLOEXEC);
        return 0;
}

static void top_close_out(void) {
        terminal.memory_fd = close_safe(terminal.memory_fd);
        if (terminal.out)
                (void)fclose(terminal.out); /* ncurses leaves nothing in it */
        terminal.out = NULL;
}

int top_screen_open(bool colour, bool utf8) {
        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal.saved) < 0)
                return -ENOTTY;
        if (top_open_out() < 0)
                return -ENOMEM;

        terminal.screen = newterm(NULL, terminal.out, stdin);
        if (!terminal.screen) {
                top_close_out();
                return -ENXIO;
        }

        terminal.utf8 = utf8;
        terminal.colour = colour && has_colors() && start_color() == OK && COLORS >= 8;
        if (terminal.colour)
                top_init_pairs();
        top_setup();

        terminal.leave[0] = '\0';
        top_save_sequence(terminal.leave, sizeof(terminal.leave), tigetstr("sgr0"));
        top_save_sequence(terminal.leave, sizeof(terminal.leave), tigetstr("rmkx"));
        top_save_sequence(terminal.leave, sizeof(terminal.leave), tigetstr("cnorm"));
        top_save_sequence(terminal.leave, sizeof(terminal.leave), tigetstr("rmcup"));
        top_catch_crashes();
        return 0;
}

void top_screen_close(void) {
        (void)endwin();
        delscreen(terminal.screen);
        terminal.screen = NULL;
        top_close_out();
        top_grid_done(&terminal.shown);
}

void top_screen_suspend(void) {
        (void)endwin();
}

void top_screen_refresh(void) {
        struct winsize size = {};

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
                (void)resizeterm(size.ws_row, size.ws_col); /* without memory the old size stays */
        (void)clearok(curscr, TRUE);
        top_grid_done(&terminal.shown);
}

void top_screen_size(unsigned *ret_width, unsigned *ret_height) {
        *ret_width = (unsigned)MAX(COLS, 1);
        *ret_height = (unsigned)MAX(LINES, 1);
}

static wchar_t top_shown_char(uint32_t c) {
        return (wchar_t)(terminal.utf8 || c < 0x80 ? c : '?');
}

static void top_show_line(const struct top_cell *cells, unsigned y, unsigned width) {
        for (unsigned x = 0; x < width; x++) {
                wchar_t text[2] = { top_shown_char(cells[x].c), L'\0' };
                attr_t attributes;
                short pair;
                cchar_t c;

                if (cells[x].c == 0) /* ncurses has it with the first half */
                        continue;
                attributes = top_attributes(cells[x].attr, &pair);
                if (setcchar(&c, text, attributes, pair, NULL) == OK)
                        (void)mvadd_wch((int)y, (int)x,
                                        &c); /* fails for the last cell, which is drawn; and beyond the
                                              * edge: a resize is under way, the next grid fits */
        }
}

/* Keeps what was shown. Without memory for it, all is drawn each time. */
static void top_remember(const struct top_grid *grid) {
        struct top_grid *shown = &terminal.shown;

        if (top_grid_reset(shown, grid->width, grid->height) < 0) {
                top_grid_done(shown);
                return;
        }
        memcpy(shown->cells, grid->cells, (size_t)grid->width * grid->height * sizeof(*grid->cells));
}

static void top_write(const char *text, size_t size) {
        while (size > 0) {
                ssize_t n = write(STDOUT_FILENO, text, size);

                if (n < 0 && errno != EINTR)
                        return; /* a terminal that is gone: reading keys finds out */
                text += MAX(n, (ssize_t)0);
                size -= (size_t)MAX(n, (ssize_t)0);
        }
}

/* What ncurses has put into memory goes out at once. */
static void top_write_memory(size_t size) {
        char *text;

        if (size == 0)
                return;
        text = mmap(NULL, size, PROT_READ, MAP_SHARED, terminal.memory_fd, 0);
        if (text == MAP_FAILED)
                return;
        top_write(text, size);
        (void)munmap(text, size); /* cannot fail */
}

/* ncurses writes after every movement of the cursor, some twenty times for a screen: each of them wakes up
 * the terminal, which may draw what is half done. So its descriptor leads to memory for that time. */
static void top_refresh(void) {
        int fd = fileno(terminal.out);
        off_t size;

        /* After a stop it also sets the terminal's modes, through that descriptor. */
        if (terminal.memory_fd < 0 || isendwin() || dup3(terminal.memory_fd, fd, O_CLOEXEC) < 0) {
                (void)refresh();
                return;
        }

        (void)refresh();                          /* fails for no valid screen */
        (void)dup3(STDOUT_FILENO, fd, O_CLOEXEC); /* both are open */
        size = lseek(terminal.memory_fd, 0, SEEK_CUR);
        if (size > 0)
                top_write_memory((size_t)size);
        (void)lseek(terminal.memory_fd, 0, SEEK_SET); /* a file in memory can */
}

void top_screen_show(const struct top_grid *grid) {
        const struct top_grid *shown = &terminal.shown;
        bool comparable = shown->cells && shown->width == grid->width && shown->height == grid->height;

        for (unsigned y = 0; y < grid->height; y++) {
                size_t at = (size_t)y * grid->width;

                if (!comparable ||
                    memcmp(shown->cells + at, grid->cells + at, grid->width * sizeof(*grid->cells)) != 0)
                        top_show_line(grid->cells + at, y, grid->width);
        }

        top_refresh();
        top_remember(grid);
}

uint32_t top_screen_key(void) {
        static const struct {
                wint_t code;
                enum top_key key;
        } keys[] = {
                { KEY_UP, TOP_KEY_UP },         { KEY_DOWN, TOP_KEY_DOWN },
                { KEY_LEFT, TOP_KEY_LEFT },     { KEY_RIGHT, TOP_KEY_RIGHT },
                { KEY_PPAGE, TOP_KEY_PAGE_UP }, { KEY_NPAGE, TOP_KEY_PAGE_DOWN },
                { KEY_HOME, TOP_KEY_HOME },     { KEY_END, TOP_KEY_END },
                { KEY_ENTER, TOP_KEY_ENTER },   { KEY_BACKSPACE, TOP_KEY_BACKSPACE },
        };
        wint_t c = 0;
        int r;

        r = get_wch(&c);
        if (r == ERR)
                return 0;
        if (r == KEY_CODE_YES) {
                for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                        if (keys[i].code == c)
                                return keys[i].key;
                return _TOP_KEY_MAX; /* one that means nothing here */
        }

        switch (c) {
        case '\r':
        case '\n':
                return TOP_KEY_ENTER;
        case '\033':
                return TOP_KEY_ESCAPE;
        case '\t':
                return TOP_KEY_TAB;
        case '\b':
        case 0x7f:
                return TOP_KEY_BACKSPACE;
        default:
                return c > 0 && c < 0x110000 ? (uint32_t)c : _TOP_KEY_MAX;
        }
}
