/* search.c - finding one sequence of characters in another.
 *
 * Most searches end soon by looking for the first character and comparing there.  A text can be made so that
 * this takes the product of both lengths; once the comparisons have come to more than a few times the characters
 * passed, the rest is searched by the two-way algorithm, whose time is the sum and which needs no memory.
 *
 * @source  Crochemore, Perrin, "Two-way string-matching" (1991) */
#include "types/str.h"

#include <string.h>

/* Where a character is first found at `begin` or later and before `end`; `end` when nowhere. */
static size_t
find_character(struct view text, uint32_t character, size_t begin, size_t end)
{
    if (text.width == 1) {
        if (character > 0xFF || begin >= end) {
            return end;
        }
        const char *base = text.at, *at = memchr(base + begin, (int)character, end - begin);
        return at != NULL ? (size_t)(at - base) : end;
    }
    while (begin < end && ouro__view_get(text, begin) != character) {
        begin++;
    }
    return begin;
}

/* Characters from `from` on that both have in common, `part` being laid at `at` of `text`. */
static size_t
count_common(struct view text, size_t at, struct view part, size_t from)
{
    size_t i = from;
    while (i < part.n && ouro__view_get(text, at + i) == ouro__view_get(part, i)) {
        i++;
    }
    return i - from;
}

/* Where the maximal suffix of `part` begins, in one order of characters or the opposite one, and its period. */
static size_t
maximal_suffix(struct view part, bool opposite, size_t *period)
{
    size_t suffix = 0, next = 1, k = 0, p = 1; /* as in the paper, but counted from 0 */
    while (next + k < part.n) {
        uint32_t a = ouro__view_get(part, suffix + k), b = ouro__view_get(part, next + k);
        if (a == b) {
            if (k + 1 == p) {
                next += p;
                k = 0;
            } else {
                k++;
            }
        } else if ((a > b) != opposite) {
            next += k + 1;
            k = 0;
            p = next - suffix;
        } else {
            suffix = next++;
            k = 0;
            p = 1;
        }
    }
    *period = p;
    return suffix;
}

/* Two-way: `part` is cut in two; the right half is compared from left to right, then the left one. */
static size_t
find_two_way(struct view text, struct view part, size_t begin)
{
    size_t period, other_period;
    size_t cut = maximal_suffix(part, false, &period);
    size_t other = maximal_suffix(part, true, &other_period);
    if (other > cut) {
        cut = other;
        period = other_period;
    }
    /* Is the left half repeated a period later?  Then what was seen to fit need not be compared again. */
    size_t memory = 0, remembered = 0;
    struct view left = ouro__view_part(part, 0, cut);
    if (cut + period <= part.n && ouro__view_equal(left, ouro__view_part(part, period, period + cut))) {
        memory = part.n - period;
    } else {
        period = (cut > part.n - cut ? cut : part.n - cut) + 1;
    }
    for (size_t at = begin; at + part.n <= text.n;) {
        size_t from = cut > remembered ? cut : remembered;
        size_t fits = from + count_common(text, at, part, from);
        if (fits < part.n) {
            at += fits - cut + 1;
            remembered = 0;
            continue;
        }
        size_t k = cut;
        while (k > remembered && ouro__view_get(text, at + k - 1) == ouro__view_get(part, k - 1)) {
            k--;
        }
        if (k <= remembered) {
            return at;
        }
        at += period;
        remembered = memory;
    }
    return SIZE_MAX;
}

size_t
ouro__view_find(const struct view *in, const struct view *what, size_t begin)
{
    struct view text = *in, part = *what;

    if (begin > text.n || part.n > text.n - begin || part.width > text.width) {
        return part.n == 0 && begin <= text.n ? begin : SIZE_MAX;
    }
    if (part.n == 0) {
        return begin;
    }
    uint32_t first = ouro__view_get(part, 0);
    size_t end = text.n - part.n + 1, budget = 256;
    for (size_t at = begin;; at++) {
        size_t found = find_character(text, first, at, end);
        if (found == end) {
            return SIZE_MAX;
        }
        const char *here = (const char *)text.at + found * text.width;
        if (text.width == part.width && ouro__same_bytes(here, part.at, part.n * part.width)) {
            return found;
        }
        size_t common = 1 + count_common(text, found, part, 1);
        if (common == part.n) {
            return found;
        }
        budget += 4 * (found - at);
        if (common > budget) {
            return find_two_way(text, part, found + 1);
        }
        budget -= common;
        at = found;
    }
}
