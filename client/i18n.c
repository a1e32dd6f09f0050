/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "build-config.h"

#define DOMAIN "irqwatch"

void i18n_setup(void) {
        const char *directory = getenv("IRQWATCH_LOCALEDIR"); /* for tests, and for what is not installed */

        /* What fails leaves "C". */
        (void)setlocale(LC_CTYPE, "");
        (void)setlocale(LC_MESSAGES, "");
        (void)bindtextdomain(DOMAIN, directory ?: LOCALEDIR);
        (void)textdomain(DOMAIN);
}
