/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"
int main(void) { return 0; }
