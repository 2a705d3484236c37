/* Statistics and a histogram of one numeric column of CSV files, rows filtered by a dataset.
 *
 * An application for the iExec app contract: see README.md for arguments and output. All arithmetic
 * is exact, so that every machine and every runtime writes the same bytes. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "csv.h"
#include "decimal.h"

#define MAX_BINS 1000
#define MAX_COLUMNS 64
#define MAX_VALUES 100000000u
#define BAR 50
#define WARNINGS 5

typedef struct {
    const char *columns[MAX_COLUMNS];
    int column_count;
    const char *key;
    uint32_t bins;
    char separator;
} options;

typedef struct {
    char **items;
    size_t count, room;
} key_list;

typedef struct {
    int64_t *values;
    uint32_t count, room;
    uint64_t rows, filtered, missing, invalid, too_large;
} column_data;

static void *grow(void *items, size_t count, size_t size) {
    void *grown = count > SIZE_MAX / size ? NULL : realloc(items, count * size);
    if (!grown) fail("out of memory");
    return grown;
}

static char *text(const char *format, ...) {
    char *out = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    out = grow(NULL, (size_t)length + 1, 1);
    va_start(arguments, format);
    vsnprintf(out, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return out;
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    if (!value || !*value) fail("%s is not set: run this app through a worker", name);
    return value;
}

static long number(const char *name, const char *value, long low, long high) {
    char *end;
    errno = 0;
    long parsed = strtol(value, &end, 10);
    if (errno || !*value || *end || parsed < low || parsed > high)
        fail("%s = %s: must be a number from %ld to %ld", name, value, low, high);
    return parsed;
}

static long variable_number(const char *name) { return number(name, variable(name), 0, INT32_MAX); }

/* --- options ------------------------------------------------------------------------------- */

static void split_columns(options *chosen, char *list) {
    for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        if (chosen->column_count == MAX_COLUMNS) fail("--column may name %d columns", MAX_COLUMNS);
        chosen->columns[chosen->column_count++] = name;
    }
}

static options parse_options(int count, char **arguments) {
    options chosen = {.bins = 10, .separator = ','};
    for (int i = 1; i < count; i += 2) {
        char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (!value) fail("%s: a value must follow", name);
        if (!strcmp(name, "--column")) split_columns(&chosen, value);
        else if (!strcmp(name, "--key")) chosen.key = value;
        else if (!strcmp(name, "--bins")) chosen.bins = (uint32_t)number(name, value, 1, MAX_BINS);
        else if (!strcmp(name, "--separator") && strlen(value) == 1 && !strchr("\"\r\n", *value))
            chosen.separator = *value;
        else fail("%s %s: use --column NAME[,NAME] [--bins N] [--key NAME] [--separator C]", name, value);
    }
    if (!chosen.column_count) fail("--column NAME is missing");
    return chosen;
}

/* --- dataset ------------------------------------------------------------------------------- */

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void trim(char *field) {
    size_t length = strlen(field), blank = strspn(field, " \t");
    while (length > blank && strchr(" \t", field[length - 1])) length--;
    memmove(field, field + blank, length - blank);
    field[length - blank] = 0;
}

static key_list read_keys(csv *reader, const char *path) {
    key_list keys = {0};
    csv_open(reader, path, "dataset", ',');
    while (csv_next(reader)) {
        trim(reader->fields[0]);
        if (reader->fields[0][0] == '#') continue;
        if (keys.count == keys.room) {
            keys.room = keys.room ? keys.room * 2 : 64;
            keys.items = grow(keys.items, keys.room, sizeof *keys.items);
        }
        keys.items[keys.count++] = text("%s", reader->fields[0]);
    }
    csv_close(reader);
    if (!keys.count) fail("the dataset names no key");
    qsort(keys.items, keys.count, sizeof *keys.items, compare_texts);
    return keys;
}

static int has_key(const key_list *keys, const char *key) {
    return bsearch(&key, keys->items, keys->count, sizeof *keys->items, compare_texts) != NULL;
}

/* --- input --------------------------------------------------------------------------------- */

static int find_column(const csv *reader, const char *name) {
    for (int i = 0; i < reader->count; i++)
        if (!strcmp(reader->fields[i], name)) return i;
    fail("%s: no column is called \"%s\", the first one is \"%s\"", reader->name, name,
         reader->fields[0]);
}

static void warn(const csv *reader, uint64_t before, const char *field, const char *what) {
    if (before < WARNINGS)
        fprintf(stderr, "%s line %lu: \"%.40s\" %s, ignored\n", reader->name, reader->line, field, what);
}

static void add_value(column_data *data, const csv *reader, const char *field) {
    int64_t value;
    switch (number_parse(field, &value)) {
    case NUMBER_MISSING: data->missing++; return;
    case NUMBER_INVALID: warn(reader, data->invalid++, field, "is not a number"); return;
    case NUMBER_TOO_LARGE: warn(reader, data->too_large++, field, "is 10^12 or more"); return;
    case NUMBER_OK: break;
    }
    if (data->count == data->room) {
        if (data->count >= MAX_VALUES) fail("more than %u values", MAX_VALUES);
        data->room = data->room ? data->room * 2 : 1024;
        data->values = grow(data->values, data->room, sizeof *data->values);
    }
    data->values[data->count++] = value;
}

static void read_file(csv *reader, const char *path, const char *name, const options *chosen,
                      const char *column, const key_list *keys, column_data *data) {
    csv_open(reader, path, name, chosen->separator);
    if (!csv_next(reader)) fail("%s is empty: its first line must name the columns", name);
    int width = reader->count;
    for (int i = 0; i < width; i++) trim(reader->fields[i]);
    int value_at = find_column(reader, column);
    int key_at = chosen->key ? find_column(reader, chosen->key) : 0;
    while (csv_next(reader)) {
        if (reader->count != width)
            fail("%s line %lu: has %d fields, the header has %d", name, reader->line, reader->count,
                 width);
        data->rows++;
        trim(reader->fields[key_at]);
        if (keys && !has_key(keys, reader->fields[key_at])) data->filtered++;
        else add_value(data, reader, reader->fields[value_at]);
    }
    csv_close(reader);
}

/* --- output -------------------------------------------------------------------------------- */

static FILE *create(const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) fail("cannot write %s: %s", path, strerror(errno));
    return file;
}

static void finish(FILE *file, const char *path) {
    if (ferror(file) || fclose(file)) fail("cannot write %s: %s", path, strerror(errno));
}

static void write_text(FILE *file, const char *value) {
    fputc('"', file);
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\') fprintf(file, "\\%c", c);
        else if (c < 0x20) fprintf(file, "\\u%04x", c);
        else fputc(c, file);
    }
    fputc('"', file);
}

/* Count sorted values into bins of equal width; the last one holds the maximum, too. */
static void count_bins(const column_data *data, const summary *found, uint32_t bins, uint32_t *counts) {
    __int128 range = (__int128)found->maximum - found->minimum;
    for (uint32_t i = 0; i < data->count; i++) {
        __int128 distance = (__int128)data->values[i] - found->minimum;
        uint32_t bin = range ? (uint32_t)(distance * bins / range) : 0;
        counts[bin < bins ? bin : bins - 1]++;
    }
}

static char *edge(const summary *found, uint32_t bins, uint32_t bin, char out[DECIMAL_TEXT]) {
    __int128 range = (__int128)found->maximum - found->minimum;
    return number_format((int64_t)(found->minimum + (range * bin + bins / 2) / bins), out);
}

static void write_statistics(const char *path, const char *column, const column_data *data,
                             const summary *found, uint32_t bins, const uint32_t *counts) {
    char a[DECIMAL_TEXT], b[DECIMAL_TEXT], sum[SUM_TEXT];
    FILE *file = create(path);
    fputs("{\n  \"column\": ", file);
    write_text(file, column);
    fprintf(file, ",\n  \"rows\": %" PRIu64 ",\n  \"filtered\": %" PRIu64 ",\n", data->rows, data->filtered);
    fprintf(file, "  \"missing\": %" PRIu64 ",\n  \"invalid\": %" PRIu64 ",\n", data->missing, data->invalid);
    fprintf(file, "  \"tooLarge\": %" PRIu64 ",\n  \"count\": %" PRIu32 ",\n", data->too_large, data->count);
    fprintf(file, "  \"sum\": %s,\n", sum_format(found->sum, sum));
    const struct { const char *name; int64_t value; } rows[] = {
        {"minimum", found->minimum}, {"firstQuartile", found->first_quartile},
        {"median", found->median},   {"thirdQuartile", found->third_quartile},
        {"maximum", found->maximum}, {"mean", found->mean},
        {"deviation", found->deviation},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(file, "  \"%s\": %s,\n", rows[i].name, number_format(rows[i].value, a));
    fputs("  \"histogram\": [\n", file);
    for (uint32_t i = 0; i < bins; i++)
        fprintf(file, "    {\"from\": %s, \"to\": %s, \"count\": %" PRIu32 "}%s\n",
                edge(found, bins, i, a), edge(found, bins, i + 1, b), counts[i],
                i + 1 < bins ? "," : "");
    fputs("  ]\n}\n", file);
    finish(file, path);
}

static void write_histogram(const char *path, const char *column, const summary *found,
                            uint32_t bins, const uint32_t *counts) {
    char a[DECIMAL_TEXT], b[DECIMAL_TEXT];
    uint32_t highest = 1;
    for (uint32_t i = 0; i < bins; i++)
        if (counts[i] > highest) highest = counts[i];
    FILE *file = create(path);
    fprintf(file, "%s\n", column);
    for (uint32_t i = 0; i < bins; i++) {
        fprintf(file, "%20s .. %-20s %10" PRIu32 " ", edge(found, bins, i, a),
                edge(found, bins, i + 1, b), counts[i]);
        uint32_t length = (uint32_t)((uint64_t)counts[i] * BAR / highest);
        for (uint32_t k = 0; k < length; k++) fputc('#', file);
        fputc('\n', file);
    }
    finish(file, path);
}

int main(int count, char **arguments) {
    static csv reader;
    options chosen = parse_options(count, arguments);
    const char *in = variable("IEXEC_IN"), *out = variable("IEXEC_OUT");
    const char *dataset = getenv("IEXEC_DATASET_FILENAME");
    long files = variable_number("IEXEC_INPUT_FILES_NUMBER");
    if (!files) fail("no input file: name a CSV file in iexec_input_files");
    long place = variable_number("IEXEC_BOT_TASK_INDEX") - variable_number("IEXEC_BOT_FIRST_INDEX");
    const char *column = chosen.columns[(place < 0 ? 0 : place) % chosen.column_count];

    key_list keys = {0};
    if (dataset && *dataset) keys = read_keys(&reader, text("%s/%s", in, dataset));
    column_data data = {0};
    for (long i = 1; i <= files; i++) {
        const char *name = variable(text("IEXEC_INPUT_FILE_NAME_%ld", i));
        read_file(&reader, text("%s/%s", in, name), name, &chosen, column,
                  keys.count ? &keys : NULL, &data);
    }
    if (!data.count) fail("column \"%s\" has no number in the rows that the dataset admits", column);

    summary found;
    uint32_t counts[MAX_BINS] = {0};
    summarize(data.values, data.count, &found);
    uint32_t bins = found.minimum == found.maximum ? 1 : chosen.bins;
    count_bins(&data, &found, bins, counts);

    const char *folder = text("%s/result", out);
    if (mkdir(folder, 0755)) fail("cannot create %s: %s", folder, strerror(errno));
    write_statistics(text("%s/statistics.json", folder), column, &data, &found, bins, counts);
    write_histogram(text("%s/histogram.txt", folder), column, &found, bins, counts);
    const char *computed = text("%s/computed.json", out);
    FILE *file = create(computed);
    fputs("{\"deterministic-output-path\": ", file);
    write_text(file, folder);
    fputs("}\n", file);
    finish(file, computed);

    char mean[DECIMAL_TEXT], median[DECIMAL_TEXT];
    printf("%s: %" PRIu32 " of %" PRIu64 " rows, mean %s, median %s\n", column, data.count, data.rows,
           number_format(found.mean, mean), number_format(found.median, median));
    return 0;
}
