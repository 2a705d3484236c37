/* An app that means harm, in the way its first argument names. Each deed ends with exit code 0 only
 * when it was done to the end, so that the runtime and not the app decides on the outcome. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT "/iexec_out/"
#define DECLARED OUT "computed.json"

static char block[1 << 20];

static int put(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    if (!file) return 1;
    fputs(text, file);
    return fclose(file) ? 1 : 0;
}

static int declare(const char *path) {
    char text[600];
    snprintf(text, sizeof text, "{\"deterministic-output-path\": \"%s\"}", path);
    return put(DECLARED, text);
}

static int fill(const char *path, long blocks) {
    FILE *file = fopen(path, "wb");
    if (!file) return 1;
    for (long i = 0; blocks < 0 || i < blocks; i++)
        if (fwrite(block, 1, sizeof block, file) != sizeof block) return 2;
    return fclose(file) ? 3 : 0;
}

static int crowd(void) { /* more and more files */
    char path[64];
    for (long i = 0;; i++) {
        snprintf(path, sizeof path, OUT "%ld", i);
        if (put(path, "")) return 1;
    }
}

static int burrow(void) { /* folder in folder in folder, deeper than a path can say */
    int here = open("/iexec_out", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        if (here < 0 || mkdirat(here, "d", 0777)) return 1;
        int below = openat(here, "d", O_RDONLY | O_DIRECTORY);
        close(here);
        here = below;
    }
    return 0;
}

static int veil(void) { /* more and more files without a name */
    for (;;) {
        FILE *file = fopen(OUT "veiled", "wb");
        if (!file || unlink(OUT "veiled")) return 1;
        for (int i = 0; i < 32; i++)
            if (fwrite(block, 1, sizeof block, file) != sizeof block) return 2;
    }
}

static int hoard(void) { /* all the memory there is */
    for (;;) {
        char *volatile more = malloc(sizeof block);
        if (!more) return 1;
        memset(more, 1, sizeof block);
    }
}

#ifndef __wasm__
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

static _Noreturn void fork_bomb(void) {
    for (;;) (void)!fork();
}

static int zombies(void) { /* children nobody waits for, and one that outlives its parents */
    for (int i = 0; i < 20; i++)
        if (!fork()) _exit(0);
    if (!fork()) {
        setsid();
        if (!fork()) {
            sleep(1000);
            _exit(0);
        }
        _exit(0);
    }
    return 0;
}

static int reach(const char *address, int port) { /* 0 when there was an answer */
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &peer.sin_addr);
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (handle < 0) return 1;
    if (connect(handle, (struct sockaddr *)&peer, sizeof peer) && errno != EINPROGRESS) {
        close(handle);
        return 1;
    }
    fd_set writable;
    FD_ZERO(&writable);
    FD_SET(handle, &writable);
    struct timeval patience = {.tv_usec = 300000};
    int fault = 1;
    socklen_t size = sizeof fault;
    if (select(handle + 1, NULL, &writable, NULL, &patience) == 1)
        getsockopt(handle, SOL_SOCKET, SO_ERROR, &fault, &size);
    close(handle);
    return fault;
}

static int egress(int count, char **arguments) {
    for (int i = 2; i + 1 < count; i += 2)
        if (!reach(arguments[i], atoi(arguments[i + 1]))) return 1;
    return declare("/iexec_out");
}

static int unix_socket(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = OUT "socket"};
    int handle = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(handle, (struct sockaddr *)&name, sizeof name) ? 1 : declare("/iexec_out");
}

static int escape(void) { /* names what should have failed */
    static const char *closed[] = {"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/etc/passwd", "/iexec_in/new"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if (open(closed[i], O_WRONLY | O_CREAT, 0666) >= 0) puts(closed[i]);
    static const char *absent[] = {"/var/run/docker.sock", "/run/docker.sock", "/dev/mem",
        "/dev/kmsg", "/dev/sda", "/dev/vda", "/proc/1/root/root"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (!access(absent[i], F_OK)) puts(absent[i]);
    if (!mount("none", "/tmp", "tmpfs", 0, "")) puts("mount");
    if (!mount("", "/iexec_in", "", MS_REMOUNT | MS_BIND, "")) puts("remount");
    if (!unshare(CLONE_NEWUSER)) puts("user namespace");
    if (!unshare(CLONE_NEWNS)) puts("mount namespace");
    if (!chroot("/tmp")) puts("chroot");
    if (!mknod("/iexec_out/disk", S_IFBLK | 0666, makedev(254, 0))) puts("block device");
    if (!mknod("/iexec_out/null", S_IFCHR | 0666, makedev(1, 3))) puts("character device");
    if (!sethostname("x", 1)) puts("host name");
    if (!settimeofday(&(struct timeval){.tv_sec = 1}, NULL)) puts("clock");
    if (!chown("/iexec_out", 1234, 1234)) puts("chown");
    if (nice(-10) >= 0) puts("priority");
    return declare("/iexec_out");
}

static _Noreturn void deaf(void) { /* no signal but one reaches it, and nobody hears it */
    for (int i = 1; i < 32; i++) signal(i, SIG_IGN);
    for (int i = 0; i < 3; i++) close(i);
    for (;;) pause();
}

static int setuid_file(void) {
    return put(OUT "root", "x") || chmod(OUT "root", 06777) || declare("/iexec_out/root");
}
#endif

int main(int count, char **arguments) {
    const char *deed = count > 1 ? arguments[1] : "";
#define IS(name) (!strcmp(deed, name))
    if (IS("hoard")) return hoard();
    if (IS("fill")) return fill(OUT "full", -1);
    if (IS("crowd")) return crowd();
    if (IS("burrow")) return burrow() || declare("/iexec_out");
    if (IS("veil")) return veil();
    if (IS("spin"))
        for (volatile unsigned long turns = 0;; turns++) {}
    if (IS("shout"))
        for (;;) fwrite(block, 1, sizeof block, stdout);
    if (IS("exit")) return atoi(arguments[2]);
    if (IS("abort")) abort();
    if (IS("large")) return fill(OUT "large", atol(arguments[2])) || declare("/iexec_out/large");
    if (IS("sparse")) {
        int handle = open(OUT "sparse", O_WRONLY | O_CREAT, 0666);
        return ftruncate(handle, 1LL << 40) || declare("/iexec_out/sparse") ? 1 : 0;
    }
    if (IS("declare")) return put(OUT "result", "42") || declare(arguments[2]);
    if (IS("lie")) /* declares its own digest */
        return put(OUT "result", "42") ||
               put(DECLARED, "{\"deterministic-output-path\": \"/iexec_out/result\", \"result-digest\": "
                             "\"0x1111111111111111111111111111111111111111111111111111111111111111\"}");
    if (IS("nonsense")) return put(DECLARED, "{\"deterministic-output-path\": [[[[");
    if (IS("bulk")) { /* a declaration that is too large to be read */
        return fill(DECLARED, 4);
    }
    if (IS("link"))
        return symlink(arguments[3], arguments[2]) || (count > 4 && declare(arguments[4]));
    if (IS("name")) { /* a file whose name is given in hexadecimal */
        char path[512] = OUT;
        size_t end = strlen(path);
        for (const char *digits = arguments[2]; *digits; digits += 2) {
            unsigned value;
            sscanf(digits, "%2x", &value);
            path[end++] = (char)value;
        }
        return put(path, "x") || declare("/iexec_out");
    }
    if (IS("leak")) { /* the input, by a hard link that would outlive it */
        if (!link("/iexec_in/secret", OUT "secret")) return 1;
        return put(OUT "result", "42") || declare("/iexec_out/result");
    }
#ifndef __wasm__
    if (IS("fork-bomb")) fork_bomb();
    if (IS("zombies")) return zombies() || put(OUT "result", "42") || declare("/iexec_out/result");
    if (IS("egress")) return egress(count, arguments);
    if (IS("fifo")) return mkfifo(OUT "result", 0666) || declare("/iexec_out/result");
    if (IS("computed-fifo")) return mkfifo(DECLARED, 0666);
    if (IS("socket")) return unix_socket();
    if (IS("escape")) return escape();
    if (IS("deaf")) deaf();
    if (IS("kill-all")) return kill(-1, SIGKILL) || kill(1, SIGKILL) || declare("/iexec_out");
    if (IS("raise")) return raise(atoi(arguments[2])), pause();
    if (IS("setuid")) return setuid_file();
    if (IS("scratch")) return fill("/tmp/full", -1);
    if (IS("volume")) return fill("/leftover/full", -1);
    if (IS("shared-memory")) return fill("/dev/shm/full", -1);
    if (IS("closed-folder")) {
        if (mkdir(OUT "closed", 0777) || put(OUT "closed/file", "x")) return 1;
        return chmod(OUT "closed", 0) || declare("/iexec_out");
    }
#endif
    return 100;
}
