/* cairo.h - the library that draws, loaded when something is to be drawn: with all that it brings along it takes longer to
 * load than `ouro run` takes to begin. */
#ifndef OURO_CLI_CAIRO_H
#define OURO_CLI_CAIRO_H

#include <cairo-svg.h>
#include <cairo.h>
#include <stdbool.h>

#define OURO_CAIRO_FUNCTIONS(X)                                                                        \
    X(close_path)                                                                                      \
    X(create)                                                                                          \
    X(destroy)                                                                                         \
    X(fill)                                                                                            \
    X(get_current_point)                                                                               \
    X(image_surface_create)                                                                            \
    X(line_to)                                                                                         \
    X(move_to)                                                                                         \
    X(paint)                                                                                           \
    X(rectangle)                                                                                       \
    X(select_font_face)                                                                                \
    X(set_dash)                                                                                        \
    X(set_font_size)                                                                                   \
    X(set_line_width)                                                                                  \
    X(set_source_rgb)                                                                                  \
    X(show_text)                                                                                       \
    X(status)                                                                                          \
    X(status_to_string)                                                                                \
    X(stroke)                                                                                          \
    X(surface_destroy)                                                                                 \
    X(surface_finish)                                                                                  \
    X(surface_status)                                                                                  \
    X(surface_write_to_png_stream)                                                                     \
    X(svg_surface_create_for_stream)                                                                   \
    X(text_extents)

/* Each function by its name without "cairo_". */
struct ouro__cairo {
#define MEMBER(name) __typeof__(cairo_##name) *name;
    OURO_CAIRO_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* False when it isn't there, which is said. */
bool ouro__cairo_load(struct ouro__cairo *cairo);

#endif
