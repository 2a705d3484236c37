/* Average scans over the regions of an atlas, as an app of the third contract (v3) does it.
 *
 * See README.md for formats. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REGIONS 1000
#define MAX_NAME 40

typedef struct {
    char name[MAX_NAME + 1];
    long first, last;
    long long sum, count;
} region;

static _Noreturn void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("v3-nilearn: ", stderr);
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

static int read_atlas(FILE *atlas, region *regions) {
    int count = 0;
    for (region *next = regions; ; next++, count++) {
        *next = (region){0};
        int found = fscanf(atlas, " %40s %ld %ld", next->name, &next->first, &next->last);
        if (found == EOF) break;
        if (found != 3 || next->first < 0 || next->last < next->first)
            fail("atlas line %d: must be a name, a first and a last voxel", count + 1);
        if (count == MAX_REGIONS) fail("an atlas may have %d regions", MAX_REGIONS);
    }
    if (!count) fail("the atlas is empty");
    return count;
}

static void add_scan(FILE *scan, const char *name, region *regions, int count) {
    long value, voxel = 0;
    int found;
    for (; (found = fscanf(scan, " %9ld", &value)) == 1; voxel++)
        for (region *each = regions; each < regions + count; each++)
            if (each->first <= voxel && voxel <= each->last) each->sum += value, each->count++;
    if (found != EOF) fail("%s: voxel %ld is not a number", name, voxel);
}

int main(void) {
    static region regions[MAX_REGIONS + 1];
    const char *in = variable("IEXEC_INPUT_FILES_FOLDER");
    FILE *atlas = open_file(in, variable("IEXEC_DATASET_FILENAME"), "rb");
    int count = read_atlas(atlas, regions), scans = atoi(variable("IEXEC_NB_INPUT_FILES"));
    fclose(atlas);
    if (scans < 1) fail("no scan was given as an input file");
    for (int i = 1; i <= scans; i++) {
        char name[64];
        snprintf(name, sizeof name, "IEXEC_INPUT_FILE_NAME_%d", i);
        FILE *scan = open_file(in, variable(name), "rb");
        add_scan(scan, variable(name), regions, count);
        fclose(scan);
    }
    FILE *table = open_file("/iexec_out", "regions.tsv", "wb");
    FILE *determinism = open_file("/iexec_out", "determinism.iexec", "wb");
    for (region *each = regions; each < regions + count; each++) {
        double mean = each->count ? (double)each->sum / (double)each->count : 0;
        fprintf(table, "%s\t%.3f\n", each->name, mean);
        fprintf(determinism, "%s %lld/%lld\n", each->name, each->sum, each->count);
    }
    finish(table);
    finish(determinism);
    printf("%d regions of %d scans\n", count, scans);
    return 0;
}
