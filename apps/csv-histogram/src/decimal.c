#include "decimal.h"

#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

static int is_blank(char c) { return c == ' ' || c == '\t'; }
static int is_digit(char c) { return c >= '0' && c <= '9'; }
static char to_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static int equals(const char *text, const char *end, const char *word) {
    while (text < end && *word && to_lower(*text) == *word) text++, word++;
    return text == end && !*word;
}

static int is_missing(const char *text, const char *end) {
    static const char *const words[] = {"", "-", "na", "n/a", "nan", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (equals(text, end, words[i])) return 1;
    return 0;
}

/* Read an exponent; its size is bounded because a field is. */
static int parse_exponent(const char **cursor, const char *end, long *exponent) {
    const char *p = *cursor + 1;
    int negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || !is_digit(*p)) return 0;
    for (*exponent = 0; p < end && is_digit(*p); p++)
        if (*exponent < 1000000) *exponent = *exponent * 10 + (*p - '0');
    if (negative) *exponent = -*exponent;
    *cursor = p;
    return 1;
}

number_status number_parse(const char *text, int64_t *value) {
    const char *end = text + strlen(text);
    while (text < end && is_blank(*text)) text++;
    while (end > text && is_blank(end[-1])) end--;
    if (is_missing(text, end)) return NUMBER_MISSING;

    int negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    const char *digits = text;
    long whole = 0, seen = 0, exponent = 0;
    int point = 0;
    for (; text < end && (is_digit(*text) || (*text == '.' && !point)); text++) {
        if (*text == '.') point = 1;
        else seen++, whole += !point;
    }
    const char *stop = text;
    if (!seen) return NUMBER_INVALID;
    if (text < end && to_lower(*text) == 'e' && !parse_exponent(&text, end, &exponent))
        return NUMBER_INVALID;
    if (text != end) return NUMBER_INVALID;

    /* `place` is the power of ten of the next digit, counted in millionths. */
    long place = whole + exponent + DECIMALS - 1;
    int64_t total = 0;
    int too_large = 0;
    for (const char *p = digits; p < stop; p++) {
        if (*p == '.') continue;
        int digit = *p - '0';
        if (place >= 0) {
            if (total >= LIMIT / 10) too_large = 1;
            else total = total * 10 + digit;
        } else if (place == -1 && digit >= 5) {
            total++;
        }
        place--;
    }
    for (; place >= 0 && total && !too_large; place--) {
        if (total >= LIMIT / 10) too_large = 1;
        else total *= 10;
    }
    if (too_large || total >= LIMIT) return NUMBER_TOO_LARGE;
    *value = negative ? -total : total;
    return NUMBER_OK;
}

static char *format(u128 magnitude, int negative, char *out) {
    char reversed[SUM_TEXT];
    int length = 0, decimals = DECIMALS;
    while (decimals && magnitude % 10 == 0) magnitude /= 10, decimals--;
    int point = decimals;
    do {
        reversed[length++] = (char)('0' + (int)(magnitude % 10));
        magnitude /= 10;
        if (point && length == point) reversed[length++] = '.';
    } while (magnitude || length < (point ? point + 2 : 1));
    char *p = out;
    if (negative) *p++ = '-';
    while (length) *p++ = reversed[--length];
    *p = 0;
    return out;
}

char *number_format(int64_t value, char out[DECIMAL_TEXT]) {
    return format(value < 0 ? (u128)-value : (u128)value, value < 0, out);
}

char *sum_format(__int128 value, char out[SUM_TEXT]) {
    return format(value < 0 ? (u128)-value : (u128)value, value < 0, out);
}

static int compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Divide with halves rounded away from zero. */
static int64_t divide(__int128 value, __int128 divisor) {
    __int128 half = divisor / 2;
    return (int64_t)((value < 0 ? value - half : value + half) / divisor);
}

/* A number of 192 bits, wide enough for 2^32 squares of 128 bits. */
typedef struct {
    u128 low;
    uint64_t high;
} wide;

static void add(wide *total, u128 value) {
    total->low += value;
    total->high += total->low < value;
}

static u128 divide_wide(const wide *total, uint32_t divisor) {
    u128 quotient = 0;
    uint64_t rest = 0;
    uint32_t digits[6] = {
        (uint32_t)(total->high >> 32), (uint32_t)total->high,
        (uint32_t)(total->low >> 96),  (uint32_t)(total->low >> 64),
        (uint32_t)(total->low >> 32),  (uint32_t)total->low,
    };
    for (int i = 0; i < 6; i++) {
        rest = rest << 32 | digits[i];
        quotient = quotient << 32 | rest / divisor;
        rest %= divisor;
    }
    return quotient;
}

static int64_t square_root(u128 value) {
    u128 root = 0;
    for (u128 bit = (u128)1 << 63; bit; bit >>= 1)
        if ((root | bit) * (root | bit) <= value) root |= bit;
    return (int64_t)root;
}

/* The value at quarter `quarter` of sorted values, interpolated between its two neighbours. */
static int64_t quantile(const int64_t *sorted, uint32_t count, uint32_t quarter) {
    uint64_t place = (uint64_t)(count - 1) * quarter;
    uint64_t below = place / 4, part = place % 4;
    if (!part) return sorted[below];
    __int128 step = (__int128)sorted[below + 1] - sorted[below];
    return divide((__int128)sorted[below] * 4 + step * (int)part, 4);
}

void summarize(int64_t *values, uint32_t count, summary *out) {
    qsort(values, count, sizeof *values, compare);
    out->sum = 0;
    for (uint32_t i = 0; i < count; i++) out->sum += values[i];
    out->mean = divide(out->sum, count);
    out->minimum = values[0];
    out->maximum = values[count - 1];
    out->first_quartile = quantile(values, count, 1);
    out->median = quantile(values, count, 2);
    out->third_quartile = quantile(values, count, 3);
    /* The distances are taken from the rounded mean; what that adds is less than a millionth. */
    wide squares = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        __int128 distance = (__int128)values[i] - out->mean;
        add(&squares, (u128)(distance * distance));
    }
    out->deviation = square_root(divide_wide(&squares, count));
}
