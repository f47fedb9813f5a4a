/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/report.h"

/* One certificate, valid from 2026-04-01 to 2031-05-31. */
static enum report_certificate on(const char *today)
{
    return report_judge("20260401", "20310531", today);
}

static void test_days(void **state)
{
    (void)state;
    assert_int_equal(on("20260331"), REPORT_EARLY);
    assert_int_equal(on("20260401"), REPORT_VALID);
    assert_int_equal(on("20310227"), REPORT_VALID);
    assert_int_equal(on("20310301"), REPORT_ENDING); /* there is no 31st of February */
    assert_int_equal(on("20310531"), REPORT_ENDING); /* its last day counts */
    assert_int_equal(on("20310601"), REPORT_EXPIRED);
}

/* Three months before an end in January to March lie in the year before. */
static void test_over_new_year(void **state)
{
    (void)state;
    assert_int_equal(report_judge("20260401", "20310210", "20301109"), REPORT_VALID);
    assert_int_equal(report_judge("20260401", "20310210", "20301110"), REPORT_ENDING);
    assert_int_equal(report_judge("20260401", "20310331", "20301230"), REPORT_VALID);
    assert_int_equal(report_judge("20260401", "20310331", "20301231"), REPORT_ENDING);
    assert_int_equal(report_judge("20260401", "20310430", "20310129"), REPORT_VALID);
    assert_int_equal(report_judge("20260401", "20310430", "20310130"), REPORT_ENDING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_over_new_year),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
