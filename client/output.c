/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/output.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "client/message.h"
#include "common/parse.h"

enum { COLUMNS_MIN = 20, COLUMNS_MAX = 10000 };

/* 0 when stdout is no terminal. */
static unsigned find_lines(void) {
        struct winsize size = {};

        return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

/* The terminal's columns; without a terminal $COLUMNS, else unlimited: nothing is cut in files. */
static unsigned find_width(void) {
        const char *columns = getenv("COLUMNS");
        struct winsize size = {};
        uint64_t n;

        if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                return MAX(size.ws_col, (unsigned)COLUMNS_MIN);
        if (columns && parse_u64(columns, &n) == 0 && n >= COLUMNS_MIN && n <= COLUMNS_MAX)
                return (unsigned)n;

        return isatty(STDOUT_FILENO) ? 80 : 0;
}

static bool wants_colour(enum color_mode mode) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        if (mode != COLOR_AUTO)
                return mode == COLOR_ALWAYS;

        return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

/* Widths of characters need some UTF-8 locale, also where the user has none. */
static bool setup_locale(void) {
        (void)setlocale(LC_CTYPE, ""); /* what fails leaves "C" */
        if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
                return true;

        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* only for wcwidth() */
        return false;
}

static _Noreturn void exec_pager(const char *pager) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* merely tidier */
        (void)setenv("LESS", "FRSXMK", 0);
        (void)setenv("LESSCHARSET", "utf-8", 0);
        if (pager)
                (void)execlp("sh", "sh", "-c", pager, NULL);
        else {
                (void)execlp("less", "less", NULL);
                (void)execlp("more", "more", NULL);
                (void)execlp("cat", "cat", NULL);
        }
        _exit(EXIT_FAILED);
}

/* Puts a pager behind stdout. Without one the output simply goes to the terminal. */
static pid_t start_pager(void) {
        const char *pager = getenv("PAGER");
        int fds[2];
        pid_t pid;

        if (!isatty(STDOUT_FILENO) || (pager && (!*pager || strcmp(pager, "cat") == 0)))
                return 0;
        if (pipe(fds) < 0)
                return 0;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                (void)dup2(fds[0], STDIN_FILENO); /* a pager without input ends by itself */
                (void)close_safe(fds[0]);
                (void)close_safe(fds[1]);
                exec_pager(pager);
        }
        if (pid > 0) {
                /* The pager ends by the user's will: by 'q' or ^C, neither of which is our error. */
                (void)signal(SIGPIPE, SIG_IGN);
                (void)signal(SIGINT, SIG_IGN);
                if (dup2(fds[1], STDOUT_FILENO) < 0)
                        pid = 0;
        }

        (void)close_safe(fds[0]);
        (void)close_safe(fds[1]);
        return MAX(pid, 0);
}

void output_open(struct output *output, const struct options *options, enum output_flags flags) {
        /* What only the terminal knows is asked before the pager stands in front of it. */
        *output = (struct output){
                .style = {
                        .width = find_width(),
                        .colour = wants_colour(options->color),
                        .utf8 = setup_locale(),
                        .now_us = options->base.now_us,
                },
                .n_lines = find_lines(),
                .open = true,
        };

        if (!options->no_pager && !(flags & OUTPUT_NO_PAGER))
                output->pager = start_pager();
}

int output_close(struct output *output) {
        bool failed;
        int error;

        if (!output->open)
                return EXIT_DONE;

        output->open = false;
        errno = 0;
        failed = fflush(stdout) != 0 || ferror(stdout);
        error = errno;
        if (output->pager > 0) {
                (void)fclose(stdout); /* flushed above; the pager sees the end of its input */
                while (waitpid(output->pager, NULL, 0) < 0 && errno == EINTR)
                        ;
                return EXIT_DONE;
        }

        return failed ? fail_with(_("cannot write the output: %s"), strerror(error ?: EIO)) : EXIT_DONE;
}

int output_json(struct json_object *object, enum json_mode mode) {
        const char *text = json_object_to_json_string_ext(
                object, JSON_C_TO_STRING_NOSLASHESCAPE |
                                (mode == JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                                     : JSON_C_TO_STRING_PLAIN));

        if (!text)
                return -ENOMEM;

        puts(text);
        return 0;
}
