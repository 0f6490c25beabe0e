/* cfi.c - the tables that C++'s exceptions are unwound by, read for one instruction at a time.
 *
 *   .eh_frame_hdr  a table of functions' beginnings, sorted, each with
 *   .eh_frame      its description (FDE): instructions for a machine whose state is how the frame is undone,
 *                  row by row as the function goes on; they go on from those of a common one (CIE)
 *
 * A full state has a rule for each register.  To walk a stack three are enough: the stack pointer, the frame pointer, and
 * the return address; compilers describe frames by the first two alone.  A function that says anything else is not
 * followed: expressions are known by their shape, of which there are three (see match_expression).
 *
 * The tables are a library's that may be damaged: each byte is read inside of them, each loop ends with them.
 *
 * @source Linux Standard Base 5.0, "Exception Frames"; DWARF 5, 6.4; Bastian et al., "Reliable and Fast DWARF-Based Stack
 *         Unwinding" (OOPSLA 2019); Oakley and Bratus, "Exploiting the Hard-Working DWARF" (WOOT 2011), for why nothing
 *         here is a machine that tables can program */
#include "trace/cfi.h"

#include <stddef.h>
#include <string.h>

/* What is left to be read.  Behind the end everything is zero, and `failed`. */
struct reader {
    const uint8_t *at, *end;
    bool failed;
};

/* How addresses are written: the size, and what they are relative to. */
enum {
    POINTER_SIZE = 0x0F,
    POINTER_SIGNED_4 = 0x0B,
    POINTER_FROM_HERE = 0x10,
    POINTER_FROM_HEADER = 0x30,
    POINTER_RELATIVE = 0x70,
    POINTER_INDIRECT = 0x80,
    POINTER_OMITTED = 0xFF
};

/* ---- reading ---- */

static uint64_t
read_fixed(struct reader *reader, size_t size)
{
    uint64_t value = 0;
    if (reader->failed || (size_t)(reader->end - reader->at) < size) {
        reader->failed = true;
        reader->at = reader->end;
        return 0;
    }
    memcpy(&value, reader->at, size); /* little-endian, as this machine is */
    reader->at += size;
    return value;
}

static int64_t
read_signed(struct reader *reader, size_t size)
{
    unsigned shift = 64 - 8 * (unsigned)size;
    return (int64_t)(read_fixed(reader, size) << shift) >> shift;
}

/* The bits of a LEB128 number, and how many there may be; past 64 they are dropped. */
static uint64_t
read_bits(struct reader *reader, unsigned *n_bits, bool *is_negative)
{
    uint64_t value = 0;
    uint8_t byte;
    unsigned shift = 0;
    do {
        byte = (uint8_t)read_fixed(reader, 1);
        value |= shift < 64 ? (uint64_t)(byte & 0x7F) << shift : 0;
        shift += 7;
    } while ((byte & 0x80) != 0);
    *n_bits = shift;
    *is_negative = (byte & 0x40) != 0;
    return value;
}

static uint64_t
read_leb(struct reader *reader)
{
    unsigned n_bits;
    bool is_negative;
    return read_bits(reader, &n_bits, &is_negative);
}

static int64_t
read_signed_leb(struct reader *reader)
{
    unsigned n_bits;
    bool is_negative;
    uint64_t value = read_bits(reader, &n_bits, &is_negative);
    if (is_negative && n_bits < 64) {
        value |= ~(uint64_t)0 << n_bits;
    }
    return (int64_t)value;
}

static void
skip(struct reader *reader, uint64_t n)
{
    if (n > (size_t)(reader->end - reader->at)) {
        reader->failed = true;
        n = (size_t)(reader->end - reader->at);
    }
    reader->at += n;
}

/* A value in one of the ways that they are written; relative to `here` when `encoding` says so. */
static uint64_t
read_pointer(struct reader *reader, unsigned encoding)
{
    static const uint8_t sizes[] = {8, 1, 2, 4, 8}; /* kind 1 is of any length */
    uint64_t here = (uintptr_t)reader->at, value;
    unsigned kind = encoding & 7;
    if (kind == 1) {
        value = (encoding & 8) != 0 ? (uint64_t)read_signed_leb(reader) : read_leb(reader);
    } else if (kind < sizeof sizes) {
        value = (encoding & 8) != 0 ? (uint64_t)read_signed(reader, sizes[kind])
                                    : read_fixed(reader, sizes[kind]);
    } else {
        reader->failed = true;
        return 0;
    }
    return (encoding & POINTER_RELATIVE) == POINTER_FROM_HERE ? value + here : value;
}

/* An entry of .eh_frame: its length, then itself.  Empty at the end of the section. */
static struct reader
read_entry(const struct ouro__os_module *module, uintptr_t at)
{
    struct reader reader = {NULL, NULL, true};
    if (at == 0 || at < (uintptr_t)module->tables || at >= (uintptr_t)module->tables_end) {
        return reader;
    }
    reader = (struct reader){(const uint8_t *)at, module->tables_end, false};
    uint64_t length = read_fixed(&reader, 4);
    if (length == 0xFFFFFFFF) {
        length = read_fixed(&reader, 8);
    }
    if (length > (size_t)(reader.end - reader.at) || length == 0) {
        reader.failed = true;
    } else {
        reader.end = reader.at + length;
    }
    return reader;
}

/* ---- finding a function's description ---- */

struct table {
    const uint8_t *
        entries; /* 4 bytes of beginning, 4 bytes of where its description is; both from the header on */
    size_t n;
};

static bool
find_table(const struct ouro__os_module *module, struct table *table)
{
    const uint8_t *header = module->unwinding;
    struct reader reader = {header, module->tables_end, false};
    uint64_t version = read_fixed(&reader, 1), section = read_fixed(&reader, 1);
    uint64_t count = read_fixed(&reader, 1), kind = read_fixed(&reader, 1);
    if (version != 1 || count == POINTER_OMITTED || kind != (POINTER_FROM_HEADER | POINTER_SIGNED_4)) {
        return false; /* as no linker writes it today */
    }
    (void)read_pointer(&reader, (unsigned)section);
    table->n = (size_t)read_pointer(&reader, (unsigned)count);
    table->entries = reader.at;
    return !reader.failed && table->n > 0 && table->n <= (size_t)(reader.end - reader.at) / 8;
}

static int64_t
load_offset(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Where the description of the last function that begins at `address` or before it lies; 0 for none. */
static uintptr_t
find_description(const struct ouro__os_module *module, uintptr_t address)
{
    struct table table;
    uintptr_t header = (uintptr_t)module->unwinding;
    int64_t wanted = (int64_t)(address - header);
    if (!find_table(module, &table) || load_offset(table.entries) > wanted) {
        return 0;
    }
    size_t low = 0, high = table.n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (load_offset(table.entries + 8 * middle) <= wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return header + (uintptr_t)load_offset(table.entries + 8 * low + 4);
}

/* What a CIE says for all that refer to it. */
struct common {
    struct reader instructions;
    uint64_t code_unit;
    int64_t data_unit;
    uint8_t pointers; /* how addresses are written */
    bool is_signal, has_size;
};

static bool
read_common(const struct ouro__os_module *module, uintptr_t at, struct common *common)
{
    struct reader reader = read_entry(module, at);
    uint64_t id = read_fixed(&reader, 4), version = read_fixed(&reader, 1);
    const char *letters = (const char *)reader.at;
    while (read_fixed(&reader, 1) != 0) {
    }
    *common = (struct common){.pointers = 0};
    if (reader.failed || id != 0 || (version != 1 && version != 3) ||
        (letters[0] != '\0' && letters[0] != 'z')) {
        return false;
    }
    common->code_unit = read_leb(&reader);
    common->data_unit = read_signed_leb(&reader);
    uint64_t ra = version == 1 ? read_fixed(&reader, 1) : read_leb(&reader);
    common->has_size = letters[0] == 'z';
    uint64_t size = common->has_size ? read_leb(&reader) : 0;
    struct reader more = reader;
    skip(&reader, size);
    common->instructions = reader;
    more.end = reader.at;
    for (letters += common->has_size; *letters != '\0'; letters++) {
        if (*letters == 'R') {
            common->pointers = (uint8_t)read_fixed(&more, 1);
        } else if (*letters == 'P') {
            (void)read_pointer(&more, (unsigned)read_fixed(&more, 1) & ~(unsigned)POINTER_RELATIVE);
        } else if (*letters == 'L') {
            (void)read_fixed(&more, 1);
        } else if (*letters == 'S') {
            common->is_signal = true;
        } else if (*letters != 'B') {
            return false;
        }
    }
    return !reader.failed && !more.failed && ra == OURO_REGISTER_RA;
}

/* ---- expressions ---- */

enum { OP_BREG0 = 0x70, OP_DEREF = 0x06, OP_PLUS = 0x22, OP_PLUS_CONST = 0x23 };

static bool
as_base(uint64_t number, uint8_t *base)
{
    *base = number == OURO_REGISTER_FP ? OURO_BASE_FP : OURO_BASE_SP;
    return number == OURO_REGISTER_FP || number == OURO_REGISTER_SP;
}

/* Of the linker's own making: sp + 8, and 8 more where an entry has pushed, which the instruction's place tells. */
static const uint8_t linkage[] = {0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22};
enum { LINKAGE_THRESHOLD = 6, LITERAL_0 = 0x30 };

/* A CFA by expression: a register's value and something, what lies there, and something more. */
static void
match_expression(struct reader block, struct ouro__frame_rule *rule)
{
    rule->kind = OURO_FRAME_UNKNOWN;
    size_t size = (size_t)(block.end - block.at);
    if (size == sizeof linkage && memcmp(block.at, linkage, LINKAGE_THRESHOLD) == 0 &&
        memcmp(block.at + LINKAGE_THRESHOLD + 1, linkage + LINKAGE_THRESHOLD + 1,
               sizeof linkage - LINKAGE_THRESHOLD - 1) == 0) {
        rule->kind = OURO_FRAME_LINKAGE;
        rule->offset = block.at[LINKAGE_THRESHOLD] - LITERAL_0;
        return;
    }
    unsigned op = (unsigned)read_fixed(&block, 1);
    if (op < OP_BREG0 || !as_base(op - OP_BREG0, &rule->base)) {
        return;
    }
    int64_t offset = read_signed_leb(&block), then = 0;
    bool is_loaded = block.at < block.end && *block.at == OP_DEREF;
    block.at += is_loaded;
    if (block.at < block.end && *block.at == OP_PLUS_CONST) {
        block.at++;
        then = (int64_t)read_leb(&block);
    }
    if (!block.failed && block.at == block.end && offset == (int32_t)offset && then == (int32_t)then) {
        rule->kind = is_loaded ? OURO_FRAME_LOADED : OURO_FRAME_BASED;
        rule->offset = (int32_t)(is_loaded ? offset : offset + then);
        rule->then = (int32_t)then;
    }
}

/* ---- the machine ---- */

enum { STATES_MOST = 8 };

struct state {
    struct ouro__frame_rule rule;
    uint64_t base; /* number of the register that the CFA is counted from */
};

struct machine {
    const struct common *common;
    struct state state, saved[STATES_MOST];
    struct ouro__frame_rule first;
    size_t n_saved;
    uintptr_t at, wanted;
};

static void
set_cfa(struct machine *machine, uint64_t number, int64_t offset)
{
    machine->state.base = number;
    machine->state.rule.kind = as_base(number, &machine->state.rule.base) && offset == (int32_t)offset
                                   ? OURO_FRAME_BASED
                                   : OURO_FRAME_UNKNOWN;
    machine->state.rule.offset = (int32_t)offset;
}

static void
set_register(struct machine *machine, uint64_t number, uint8_t how, int64_t at)
{
    if (how == OURO_SAVED_AT && at != (int16_t)at) {
        how = OURO_SAVED_LOST;
    }
    if (number == OURO_REGISTER_FP) {
        machine->state.rule.fp = how;
        machine->state.rule.fp_at = (int16_t)at;
    } else if (number == OURO_REGISTER_RA) {
        machine->state.rule.ra = how;
        machine->state.rule.ra_at = (int16_t)at;
    }
}

static void
restore_register(struct machine *machine, uint64_t number)
{
    if (number == OURO_REGISTER_FP) {
        machine->state.rule.fp = machine->first.fp;
        machine->state.rule.fp_at = machine->first.fp_at;
    } else if (number == OURO_REGISTER_RA) {
        machine->state.rule.ra = machine->first.ra;
        machine->state.rule.ra_at = machine->first.ra_at;
    }
}

/* A function that aligns its stack keeps its caller's frame pointer where its own points to. */
static void
set_by_expression(struct machine *machine, uint64_t number, struct reader block)
{
    bool at_fp = block.end - block.at == 2 && block.at[0] == OP_BREG0 + OURO_REGISTER_FP &&
                 block.at[1] == 0 && number == OURO_REGISTER_FP;
    set_register(machine, number, at_fp ? OURO_SAVED_AT_FP : OURO_SAVED_LOST, 0);
}

static struct reader
take_block(struct reader *reader)
{
    uint64_t size = read_leb(reader);
    struct reader block = *reader;
    skip(reader, size);
    block.end = reader->at;
    return block;
}

static int64_t
scaled(const struct machine *machine, int64_t factor)
{
    return (int64_t)((uint64_t)factor * (uint64_t)machine->common->data_unit);
}

/* Instructions about the CFA; false when `op` is none. */
static bool
run_cfa(struct machine *machine, unsigned op, struct reader *reader)
{
    uint64_t number;
    switch (op) {
    case 0x0C: /* def_cfa */
        number = read_leb(reader);
        set_cfa(machine, number, (int64_t)read_leb(reader));
        return true;
    case 0x0D: /* def_cfa_register */
        set_cfa(machine, read_leb(reader), machine->state.rule.offset);
        return true;
    case 0x0E: /* def_cfa_offset */
        set_cfa(machine, machine->state.base, (int64_t)read_leb(reader));
        return true;
    case 0x0F: /* def_cfa_expression */
        machine->state.base = UINT64_MAX;
        match_expression(take_block(reader), &machine->state.rule);
        return true;
    case 0x12: /* def_cfa_sf */
        number = read_leb(reader);
        set_cfa(machine, number, scaled(machine, read_signed_leb(reader)));
        return true;
    case 0x13: /* def_cfa_offset_sf */
        set_cfa(machine, machine->state.base, scaled(machine, read_signed_leb(reader)));
        return true;
    default:
        return false;
    }
}

/* Instructions about where a register is; false when `op` is none. */
static bool
run_register(struct machine *machine, unsigned op, struct reader *reader)
{
    static const uint8_t last = 0x16;
    uint64_t number;
    if (op < 0x05 || op > last || op == 0x0A || op == 0x0B) {
        return false;
    }
    number = read_leb(reader);
    switch (op) {
    case 0x05: /* offset_extended */
        set_register(machine, number, OURO_SAVED_AT, scaled(machine, (int64_t)read_leb(reader)));
        break;
    case 0x06: /* restore_extended */
        restore_register(machine, number);
        break;
    case 0x07: /* undefined */
        set_register(machine, number, OURO_SAVED_LOST, 0);
        break;
    case 0x08: /* same_value */
        set_register(machine, number, OURO_SAVED_NOT, 0);
        break;
    case 0x09: /* register */
    case 0x14: /* val_offset */
        (void)read_leb(reader);
        set_register(machine, number, OURO_SAVED_LOST, 0);
        break;
    case 0x10: /* expression */
        set_by_expression(machine, number, take_block(reader));
        break;
    case 0x11: /* offset_extended_sf */
        set_register(machine, number, OURO_SAVED_AT, scaled(machine, read_signed_leb(reader)));
        break;
    case 0x15: /* val_offset_sf */
        (void)read_signed_leb(reader);
        set_register(machine, number, OURO_SAVED_LOST, 0);
        break;
    default: /* val_expression */
        (void)take_block(reader);
        set_register(machine, number, OURO_SAVED_LOST, 0);
        break;
    }
    return true;
}

/* The rest; false when it is not known, and nothing behind it can be understood. */
static bool
run_other(struct machine *machine, unsigned op, struct reader *reader)
{
    switch (op) {
    case 0x00: /* nop */
        return true;
    case 0x01: /* set_loc */
        machine->at = (uintptr_t)read_pointer(reader, machine->common->pointers);
        return true;
    case 0x02: /* advance_loc1 */
    case 0x03: /* advance_loc2 */
    case 0x04: /* advance_loc4 */
        machine->at +=
            (uintptr_t)(read_fixed(reader, (size_t)1 << (op - 2)) * machine->common->code_unit);
        return true;
    case 0x0A: /* remember_state */
        if (machine->n_saved == STATES_MOST) {
            return false;
        }
        machine->saved[machine->n_saved++] = machine->state;
        return true;
    case 0x0B: /* restore_state */
        if (machine->n_saved == 0) {
            return false;
        }
        machine->state = machine->saved[--machine->n_saved];
        return true;
    case 0x2D: /* negate_ra_state: return addresses are stripped of their signature anyway */
        return true;
    case 0x2E: /* GNU_args_size */
        (void)read_leb(reader);
        return true;
    default:
        return false;
    }
}

/* Run instructions up to the row that `wanted` is in; false when they can't be followed. */
static bool
run(struct machine *machine, struct reader reader)
{
    while (reader.at < reader.end && !reader.failed && machine->at <= machine->wanted) {
        unsigned op = (unsigned)read_fixed(&reader, 1), operand = op & 0x3F;
        switch (op >> 6) {
        case 1: /* advance_loc */
            machine->at += (uintptr_t)(operand * machine->common->code_unit);
            break;
        case 2: /* offset */
            set_register(machine, operand, OURO_SAVED_AT, scaled(machine, (int64_t)read_leb(&reader)));
            break;
        case 3: /* restore */
            restore_register(machine, operand);
            break;
        default:
            if (!run_cfa(machine, op, &reader) && !run_register(machine, op, &reader) &&
                !run_other(machine, op, &reader)) {
                return false;
            }
        }
    }
    return !reader.failed;
}

/* ---- a rule ---- */

/* What runs, in the order of the tables: the common instructions, then the function's own. */
static struct ouro__frame_rule
run_both(const struct common *common, struct reader own, uintptr_t begin, uintptr_t address)
{
    static const struct ouro__frame_rule none;
    struct machine machine = {.common = common, .at = begin, .wanted = address};

    if (!run(&machine, common->instructions)) {
        return none;
    }
    machine.first = machine.state.rule;
    if (!run(&machine, own)) {
        return none;
    }
    struct ouro__frame_rule rule = machine.state.rule;
    if (common->is_signal) {
        rule.kind = OURO_FRAME_SIGNAL;
    } else if (rule.ra == OURO_SAVED_LOST) {
        rule.kind = OURO_FRAME_OUTERMOST;
    }
    return rule;
}

struct ouro__frame_rule
ouro__cfi_rule(const struct ouro__os_module *module, uintptr_t address)
{
    static const struct ouro__frame_rule none;
    struct common common;
    uintptr_t at = module->unwinding != NULL ? find_description(module, address) : 0;
    struct reader reader = read_entry(module, at);
    uintptr_t here = (uintptr_t)reader.at;
    uint64_t back = read_fixed(&reader, 4);

    if (reader.failed || back == 0 || !read_common(module, here - (uintptr_t)back, &common)) {
        return none;
    }
    if ((common.pointers & POINTER_INDIRECT) != 0 || (common.pointers & POINTER_SIZE) == 1) {
        return none;
    }
    uintptr_t begin = (uintptr_t)read_pointer(&reader, common.pointers);
    uint64_t size = read_pointer(&reader, common.pointers & POINTER_SIZE);
    if (common.has_size) {
        (void)take_block(&reader);
    }
    if (reader.failed || address - begin >= size) {
        return none;
    }
    return run_both(&common, reader, begin, address);
}
