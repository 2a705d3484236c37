#include "csv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("csv-histogram: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static _Noreturn void malformed(const csv *reader, const char *what) {
    fail("%s line %lu: %s", reader->name, reader->line, what);
}

void csv_open(csv *reader, const char *path, const char *name, char separator) {
    reader->file = fopen(path, "rb");
    if (!reader->file) fail("cannot open %s: %s", path, strerror(errno));
    reader->name = name;
    reader->separator = separator;
    reader->line = reader->next_line = 1;
    char mark[3];
    if (fread(mark, 1, 3, reader->file) != 3 || memcmp(mark, "\xEF\xBB\xBF", 3)) rewind(reader->file);
}

void csv_close(csv *reader) { fclose(reader->file); }

static int take(csv *reader) {
    int c = getc(reader->file);
    if (c == EOF && ferror(reader->file)) malformed(reader, "cannot be read");
    if (c == 0) malformed(reader, "holds a NUL byte: is this a text file?");
    if (c == '\r') {
        c = getc(reader->file);
        if (c != '\n') ungetc(c, reader->file);
        c = '\n';
    }
    if (c == '\n') reader->next_line++;
    return c;
}

static void put(csv *reader, size_t *used, char c) {
    if (*used == CSV_RECORD) malformed(reader, "record is longer than 65536 bytes");
    reader->text[(*used)++] = c;
}

/* Read what follows an opening quote up to the character behind the closing one, and return that. */
static int read_quoted(csv *reader, size_t *used) {
    for (;;) {
        int c = take(reader);
        if (c == EOF) malformed(reader, "a quote is not closed");
        if (c == '"' && (c = take(reader)) != '"') {
            if (c != reader->separator && c != '\n' && c != EOF)
                malformed(reader, "text follows a closing quote");
            return c;
        }
        put(reader, used, (char)c);
    }
}

/* Read one record; returns 0 at the end of the file. */
static int read_record(csv *reader) {
    size_t used = 0;
    reader->line = reader->next_line;
    reader->count = 0;
    int c = take(reader);
    if (c == EOF) return 0;
    for (;;) {
        if (reader->count == CSV_FIELDS) malformed(reader, "record has more than 1024 fields");
        reader->fields[reader->count++] = reader->text + used;
        if (c == '"') {
            c = read_quoted(reader, &used);
        } else {
            for (; c != reader->separator && c != '\n' && c != EOF; c = take(reader)) {
                if (c == '"') malformed(reader, "a quote stands inside an unquoted field");
                put(reader, &used, (char)c);
            }
        }
        put(reader, &used, 0);
        if (c != reader->separator) return 1;
        c = take(reader);
    }
}

static int is_blank(const csv *reader) {
    return reader->count == 1 && !reader->fields[0][strspn(reader->fields[0], " \t")];
}

int csv_next(csv *reader) {
    do {
        if (!read_record(reader)) return 0;
    } while (is_blank(reader));
    return 1;
}
