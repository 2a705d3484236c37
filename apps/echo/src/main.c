/* Show everything that a v5 app is given: arguments, input files, dataset, secrets.
 *
 * See README.md for arguments and output. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SECRETS 100

static _Noreturn void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("echo: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(1);
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    if (!value || !*value) fail("%s is not set: run this app through a worker", name);
    return value;
}

static FILE *open_file(const char *folder, const char *name, const char *mode) {
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) fail("%s: the name is too long", name);
    FILE *file = fopen(path, mode);
    if (!file) fail("%s: %s", path, strerror(errno));
    return file;
}

static void finish(FILE *file) {
    if (ferror(file) || fclose(file)) fail("cannot write: %s", strerror(errno));
}

static void show_file(FILE *result, const char *kind, const char *name) {
    char block[4096];
    size_t size;
    FILE *file = open_file(variable("IEXEC_IN"), name, "rb");
    fprintf(result, "%s %s\n", kind, name);
    while ((size = fread(block, 1, sizeof block, file))) fwrite(block, 1, size, result);
    if (ferror(file)) fail("%s: cannot be read", name);
    fclose(file);
    fputc('\n', result);
}

static void show(FILE *result, int count, char **arguments) {
    char name[64];
    for (int i = 1; i < count; i++) fprintf(result, "argument %s\n", arguments[i]);
    int files = atoi(variable("IEXEC_INPUT_FILES_NUMBER"));
    for (int i = 1; i <= files; i++) {
        snprintf(name, sizeof name, "IEXEC_INPUT_FILE_NAME_%d", i);
        show_file(result, "file", variable(name));
    }
    const char *dataset = getenv("IEXEC_DATASET_FILENAME");
    if (dataset) show_file(result, "dataset", dataset);
    const char *secret = getenv("IEXEC_APP_DEVELOPER_SECRET");
    if (secret) fprintf(result, "app secret %s\n", secret);
    for (int i = 1; i <= MAX_SECRETS; i++) {
        snprintf(name, sizeof name, "IEXEC_REQUESTER_SECRET_%d", i);
        secret = getenv(name);
        if (secret) fprintf(result, "requester secret %d %s\n", i, secret);
    }
}

int main(int count, char **arguments) {
    const char *out = variable("IEXEC_OUT");
    int callback = count > 2 && !strcmp(arguments[1], "--callback");
    if (callback && strspn(arguments[2], "0123456789abcdefABCDEFx") != strlen(arguments[2]))
        fail("--callback %s: must be 0x and hex digits", arguments[2]);

    FILE *result = open_file(out, "result.txt", "wb");
    show(result, count, arguments);
    finish(result);
    FILE *computed = open_file(out, "computed.json", "wb");
    if (callback) fprintf(computed, "{\"callback-data\": \"%s\"}\n", arguments[2]);
    else fprintf(computed, "{\"deterministic-output-path\": \"%s/result.txt\"}\n", out);
    finish(computed);
    puts("done");
    return 0;
}
