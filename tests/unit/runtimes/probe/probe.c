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

#ifndef __wasm__
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

static int proxied(struct sockaddr_in *proxy) {
    char address[64];
    int port = 0;
    const char *named = getenv("HTTPS_PROXY");
    if (!named || sscanf(named, "http://%63[^:]:%d", address, &port) != 2) return 0;
    proxy->sin_family = AF_INET;
    proxy->sin_port = htons(port);
    return inet_pton(AF_INET, address, &proxy->sin_addr);
}

static int knock(int port) { /* at another port of the host that the proxy is on */
    struct sockaddr_in host = {0};
    if (!proxied(&host)) return 4;
    host.sin_port = htons(port);
    int line = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 1};
    setsockopt(line, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    puts(connect(line, (struct sockaddr *)&host, sizeof host) ? "shut" : "open");
    return 0;
}

static int call(const char *target) {
    struct sockaddr_in proxy = {0};
    char text[512];
    if (!proxied(&proxy)) return 4;
    int line = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(line, (struct sockaddr *)&proxy, sizeof proxy)) return failed(target);
    dprintf(line, "CONNECT %s HTTP/1.1\r\n\r\n", target);
    ssize_t size = read(line, text, sizeof text);
    if (size > 0) fwrite(text, 1, size, stdout);
    dprintf(line, "GET / HTTP/1.0\r\n\r\n");
    while ((size = read(line, text, sizeof text)) > 0) fwrite(text, 1, size, stdout);
    return 0;
}
#endif

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
    } else if (!strcmp(verb, "tick")) { /* one line a second on both streams */
        for (int i = 1, last = atoi(first); i <= last; i++) {
            sleep(1);
            printf("tick %d\n", i);
            fflush(stdout);
            fprintf(stderr, "tock %d\n", i);
        }
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
    } else if (!strcmp(verb, "hide")) { /* what only its owner may read, in a folder likewise */
        if (mkdir("/iexec_out/closed", 0700) || mkdir("/iexec_out/closed/deep", 0700)) return 1;
        FILE *file = fopen("/iexec_out/closed/deep/file", "wb");
        if (!file) return 2;
        fputs("hidden", file);
        if (fchmod(fileno(file), 0600) || fclose(file)) return 3;
        if (!strcmp(first, "fifo")) return mkfifo("/iexec_out/closed/fifo", 0600);
        if (!strcmp(first, "link")) return symlink("/etc/passwd", "/iexec_out/closed/link");
        if (!strcmp(first, "sparse")) return truncate("/iexec_out/closed/deep/file", 1LL << 40);
        return atoi(first) ? (int)sleep(atoi(first)) : 0;
    } else if (!strcmp(verb, "burrow")) { /* folder in folder in folder */
        for (int i = atoi(first); i; i--)
            if (mkdir(i == atoi(first) ? "/iexec_out/d" : "d", 0777) ||
                chdir(i == atoi(first) ? "/iexec_out/d" : "d")) return 1;
    } else if (!strcmp(verb, "call")) { /* host:port through the proxy, after some seconds */
        sleep(atoi(second));
        return call(first);
    } else if (!strcmp(verb, "knock")) {
        return knock(atoi(first));
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
