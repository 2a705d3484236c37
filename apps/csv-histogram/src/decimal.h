/* Exact decimal arithmetic: every number is a count of millionths in 64 bits. */
#ifndef DECIMAL_H
#define DECIMAL_H

#include <stdint.h>

#define DECIMALS 6
#define SCALE 1000000LL
#define LIMIT (1000000000000LL * SCALE) /* numbers lie strictly between -10^12 and 10^12 */

/* Room for a sign, 13 digits, a point, 6 decimals and the end. */
#define DECIMAL_TEXT 24
#define SUM_TEXT 48

typedef enum { NUMBER_OK, NUMBER_MISSING, NUMBER_INVALID, NUMBER_TOO_LARGE } number_status;

/* Read a decimal number such as "-12.5" or "1.2e3". Blanks around it do not count; an empty text,
 * "NA", "N/A", "NaN", "null" and "-" are missing values. More than six decimals are rounded, halves
 * away from zero. */
number_status number_parse(const char *text, int64_t *value);

/* Write a number without needless zeros, for example "-12.5"; returns its argument `out`. */
char *number_format(int64_t value, char out[DECIMAL_TEXT]);

/* The statistics of a column, in millionths. */
typedef struct {
    int64_t minimum, maximum, mean, median, deviation, first_quartile, third_quartile;
    __int128 sum;
} summary;

/* Sort `values` and summarise them; `count` is at least 1. The deviation is that of a whole
 * population, rounded down; mean and medians are rounded, halves away from zero. */
void summarize(int64_t *values, uint32_t count, summary *out);

/* Write a sum of numbers, likewise. */
char *sum_format(__int128 value, char out[SUM_TEXT]);

#endif
