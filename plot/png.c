/* plot/png.c - a canvas as the bytes of a PNG file, through libpng. */
#include "internal.h"

#include <png.h>
#include <string.h>

typedef struct {
    const char *function; /* for messages */
    uint8_t *bytes;
    size_t size, capacity;
    bool reported;     /* an error of memory */
    char message[160]; /* libpng's, when it gives up */
} output;

static void *allocate(output *out, size_t bytes) {
    void *memory = at_allocate(out->function, bytes);
    out->reported = out->reported || !memory;
    return memory;
}

/* libpng and zlib free without saying how much. */
typedef union {
    size_t bytes;
    max_align_t alignment;
} block_head;

static png_voidp allocate_block(png_structp png, png_alloc_size_t size) {
    block_head *head = allocate(png_get_mem_ptr(png), sizeof *head + size);
    if (!head) return NULL;
    head->bytes = sizeof *head + size;
    return head + 1;
}

static void free_block(png_structp png, png_voidp memory) {
    (void)png;
    block_head *head = memory;
    if (head) at_free(head - 1, head[-1].bytes);
}

static void append(png_structp png, png_bytep bytes, size_t size) {
    output *out = png_get_io_ptr(png);
    if (out->capacity - out->size < size) {
        size_t capacity = 2 * (out->size + size);
        uint8_t *larger = allocate(out, capacity);
        if (!larger) png_error(png, "out of memory");
        if (out->bytes) memcpy(larger, out->bytes, out->size);
        at_free(out->bytes, out->capacity);
        out->bytes = larger;
        out->capacity = capacity;
    }
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

/* LCOV_EXCL_START: libpng calls it only when asked to flush */
static void flush(png_structp png) { (void)png; }
/* LCOV_EXCL_STOP */

static void keep_message(png_structp png, const char *message) {
    output *out = png_get_error_ptr(png);
    strncpy(out->message, message, sizeof out->message - 1);
    png_longjmp(png, 1);
}

/* LCOV_EXCL_START: there is nothing to warn of in what atled writes */
static void ignore_warning(png_structp png, const char *message) {
    (void)png;
    (void)message;
}
/* LCOV_EXCL_STOP */

/* Unfiltered rows of a figure repeat each other, which zlib finds at a low level: 1.5 ms and 32 kB for a figure, where
 * its default level takes 3.3 ms for 29 kB, and PNG's filters make the file larger. */
static void write_header(png_structp png, png_infop info, const pl_canvas *canvas) {
    const int level = 3;
    const png_uint_32 per_metre = (png_uint_32)(PL_DOTS_PER_INCH / 0.0254 + 0.5);
    png_set_compression_level(png, level);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
    png_set_IHDR(png, info, (png_uint_32)canvas->width, (png_uint_32)canvas->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_pHYs(png, info, per_metre, per_metre, PNG_RESOLUTION_METER);
    png_write_info(png, info);
}

/* A function of its own, because libpng may leave it by longjmp: it has no variables that could be lost. */
static bool encode(output *out, const pl_canvas *canvas, png_structp png, png_infop info) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_user_limits(png, PL_MAX_SIZE, PL_MAX_SIZE);
    png_set_write_fn(png, out, append, flush);
    write_header(png, info, canvas);
    for (int y = 0; y < canvas->height; y++) png_write_row(png, canvas->rgb + 3 * (size_t)y * (size_t)canvas->width);
    png_write_end(png, info);
    return true;
}

bool pl_write_png(const char *function, const char *path, const pl_canvas *canvas) {
    output out = {.function = function};
    png_structp png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &out, keep_message, ignore_warning, &out,
                                                allocate_block, free_block);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool encoded = info && encode(&out, canvas, png, info);
    png_destroy_write_struct(&png, &info);
    const at_contents contents = {.body = out.bytes, .body_bytes = out.size};
    bool written = encoded && at_write_file(function, path, &contents);
    at_free(out.bytes, out.capacity);
    if (!encoded && !out.reported)
        at_fail(AT_ERROR_VALUE, "%s: libpng cannot compress the picture: %s", function, /* LCOV_EXCL_LINE: it can */
                out.message);
    return written;
}
