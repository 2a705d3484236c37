/* An app that does what a test asks of it, to see what a runtime lets it do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int copy(FILE *from, FILE *to) {
    char block[4096];
    size_t size;
    while ((size = fread(block, 1, sizeof block, from))) fwrite(block, 1, size, to);
    return 0;
}

static int failed(const char *path) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 9;
}

int main(int count, char **arguments) {
    const char *verb = count > 1 ? arguments[1] : "";
    const char *first = count > 2 ? arguments[2] : "";
    const char *second = count > 3 ? arguments[3] : "";
    if (!strcmp(verb, "print")) {
        for (int i = 2; i < count; i++) printf("[%s]\n", arguments[i]);
    } else if (!strcmp(verb, "complain")) {
        fprintf(stderr, "%s\n", first);
    } else if (!strcmp(verb, "env")) {
        for (char **entry = environ; *entry; entry++) puts(*entry);
    } else if (!strcmp(verb, "exit")) {
        return atoi(first);
    } else if (!strcmp(verb, "abort")) {
        abort();
    } else if (!strcmp(verb, "spin")) {
        for (volatile unsigned long turns = 0;; turns++) {}
    } else if (!strcmp(verb, "sleep")) {
        puts("asleep");
        fflush(stdout);
        sleep(1000);
    } else if (!strcmp(verb, "read")) {
        FILE *file = fopen(first, "rb");
        return file ? copy(file, stdout) : failed(first);
    } else if (!strcmp(verb, "write")) {
        FILE *file = fopen(first, "wb");
        if (!file) return failed(first);
        fputs(second, file);
        return fclose(file) ? failed(first) : 0;
    } else if (!strcmp(verb, "link")) {
        return symlink(second, first) ? failed(first) : 0;
    } else if (!strcmp(verb, "fill")) { /* write without end */
        static char block[1 << 20];
        FILE *file = fopen(first, "wb");
        if (!file) return failed(first);
        for (;;) fwrite(block, 1, sizeof block, file);
    } else if (!strcmp(verb, "flood")) {
        for (long i = 0, lines = atol(first); i < lines; i++) printf("line %08ld\n", i);
    } else if (!strcmp(verb, "allocate")) {
        for (long i = 0, blocks = atol(first); i < blocks; i++) {
            char *volatile block = malloc(1 << 20); /* volatile, or the compiler drops it all */
            if (!block) return 3;
            memset(block, 1 + (int)i, 1 << 20);
        }
#ifndef __wasm__
    } else if (!strcmp(verb, "fork")) { /* how many children may there be? */
        int children = 0;
        for (pid_t child; children < 5000 && (child = fork()) >= 0; children++)
            if (!child) return sleep(1000) ? 0 : 0;
        printf("%d\n", children);
#endif
    } else {
        return 100;
    }
    return 0;
}
