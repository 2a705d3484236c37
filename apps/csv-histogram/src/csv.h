/* Read comma-separated values (RFC 4180) of any length in bounded memory. */
#ifndef CSV_H
#define CSV_H

#include <stdio.h>

#define CSV_RECORD 65536
#define CSV_FIELDS 1024

typedef struct {
    FILE *file;
    const char *name;   /* for messages */
    char separator;
    unsigned long line; /* of the record just read, from 1 */
    unsigned long next_line;
    int count;
    char *fields[CSV_FIELDS];
    char text[CSV_RECORD];
} csv;

/* Open a file; `path` must stay valid. Ends the program when that fails. */
void csv_open(csv *reader, const char *path, const char *name, char separator);

/* Read the next record that is not blank. Lines end with LF, CRLF or CR; quoted fields may hold
 * separators, doubled quotes and line ends. Returns 0 at the end of the file. Ends the program with
 * a message that names file and line when the text breaks the format or a bound. */
int csv_next(csv *reader);

void csv_close(csv *reader);

/* Print a message to standard error and end the program with exit code 2. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
