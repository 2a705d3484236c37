/* Make a grey movie of a coloured one, as an app of the oldest contract (v2) does it.
 *
 * See README.md for arguments and formats. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSENSUS "/iexec/consensus.iexec"
#define MAX_SIDE 16384u

static _Noreturn void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("v2-transcode: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(1);
}

static FILE *open_file(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (!file) fail("%s: %s", path, strerror(errno));
    return file;
}

static void finish(FILE *file, const char *path) {
    if (ferror(file) || fclose(file)) fail("cannot write %s: %s", path, strerror(errno));
}

/* Read a number of the header of a frame; 0 is none. */
static unsigned number(FILE *movie) {
    unsigned value;
    return fscanf(movie, " %5u", &value) == 1 ? value : 0;
}

/* Copy one frame in grey; return the sum of its luminance, or -1 at the end of the movie. */
static int64_t copy_frame(FILE *movie, FILE *grey, unsigned long frame) {
    char kind[3];
    if (fscanf(movie, " %2s", kind) != 1) return -1;
    unsigned width = number(movie), height = number(movie), depth = number(movie);
    if (strcmp(kind, "P6") || !width || !height || width > MAX_SIDE || height > MAX_SIDE || depth != 255)
        fail("frame %lu: must be a P6 image of at most %u by %u pixels and 255 shades", frame,
             MAX_SIDE, MAX_SIDE);
    fgetc(movie);
    fprintf(grey, "P5\n%u %u\n255\n", width, height);
    int64_t sum = 0;
    for (uint64_t i = 0; i < (uint64_t)width * height; i++) {
        unsigned char pixel[3];
        if (fread(pixel, 1, 3, movie) != 3) fail("frame %lu: ends too early", frame);
        int shade = (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000;
        fputc(shade, grey);
        sum += shade;
    }
    return sum;
}

int main(int count, char **arguments) {
    if (count != 4 || strcmp(arguments[1], "-i")) fail("use -i INPUT OUTPUT");
    FILE *movie = open_file(arguments[2], "rb"), *grey = open_file(arguments[3], "wb");
    FILE *consensus = open_file(CONSENSUS, "wb");
    unsigned long frames = 0;
    for (int64_t sum; (sum = copy_frame(movie, grey, frames + 1)) >= 0; frames++)
        fprintf(consensus, "frame %lu luminance %lld\n", frames + 1, (long long)sum);
    if (!frames) fail("%s: holds no frame", arguments[2]);
    fclose(movie);
    finish(grey, arguments[3]);
    finish(consensus, CONSENSUS);
    printf("%lu frames\n", frames);
    return 0;
}
