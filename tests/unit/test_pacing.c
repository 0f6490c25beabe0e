/* test_pacing.c - when to look for garbage in cycles: the policy, told of made-up programs.
 *
 * The policy's file is included whole: it is a state machine with no public face. */
#include "base/pacing.c"

#include <string.h>

#include "helpers/cm.h"

#define KIB ((uint64_t)1 << 10)

/* A program: what it does between two looks, and a clock and a heap for it. */
struct program {
    struct ouro__pacing pacing;
    struct ouro__pace_moment now;
    uint64_t n_looks[OURO_LOOK_ASKED + 1];
};

static void
begin_as(struct program *program, int base, enum ouro__pace_manner manner)
{
    memset(program, 0, sizeof *program);
    program->now = (struct ouro__pace_moment){.cpu_ns = 20000000, .bytes = 8 * MIB};
    ouro__pacing_init(&program->pacing, base, 121 * (uint64_t)base, manner, program->now);
}

static void
begin(struct program *program, int base)
{
    begin_as(program, base, OURO_PACE_INTERPRETER);
}

/* One batch: as many objects as the threshold says, each of `bytes`; looks find `percent` of what they see. */
static enum ouro__look
run_batch(struct program *program, uint64_t bytes, uint64_t percent, uint64_t old_percent)
{
    struct ouro__pacing *pacing = &program->pacing;
    uint64_t n = (uint64_t)pacing->threshold + 1, found = 0, n_left = 0;
    uint64_t n_all = pacing->n_at_survey + pacing->n_old + n;

    program->now.cpu_ns += n * 100;
    program->now.bytes += n * bytes;
    enum ouro__look look = ouro__pacing_start(pacing, pacing->wants_full, false, n, program->now);
    program->n_looks[look]++;
    if (look == OURO_LOOK_YOUNG) {
        found = n * percent / 100;
        n_left = n - found;
        program->now.cpu_ns += n * 14;
    } else if (look == OURO_LOOK_SURVEY || look == OURO_LOOK_FULL) {
        found = n_all * old_percent / 100;
        n_left = n_all - found;
        program->now.cpu_ns += n_all * 50;
    }
    program->now.bytes -= found * bytes;
    ouro__pacing_stop(pacing, found, n_left, program->now.cpu_ns - pacing->before.cpu_ns, program->now);
    return look;
}

static void
test_building_is_left_alone(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    uint64_t began = program.now.cpu_ns, n_made = 0;
    while (n_made < 3000000) {
        n_made += (uint64_t)program.pacing.threshold + 1;
        run_batch(&program, 100, 0, 0);
    }
    assert_int_equal(program.pacing.threshold, BATCH_MAX);
    assert_true(program.n_looks[OURO_LOOK_YOUNG] * 4 < program.n_looks[OURO_LOOK_NOT]);
    assert_int_equal(program.n_looks[OURO_LOOK_FULL], 0);
    assert_true(program.n_looks[OURO_LOOK_SURVEY] >= 2);
    assert_true(program.n_looks[OURO_LOOK_SURVEY] <= 10);
    uint64_t looking = program.now.cpu_ns - began - n_made * 100;
    assert_true(looking < n_made * 2 * 100); /* the interpreter left alone: four times its own */
    assert_true(program.pacing.n_put_off > 0);
}

static void
test_garbage_brings_small_batches_back(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    for (int i = 0; i < 100; i++) {
        run_batch(&program, 100, 0, 0);
    }
    assert_int_equal(program.pacing.threshold, BATCH_MAX);
    for (int i = 0; i < 64; i++) {
        run_batch(&program, 100, 90, 0);
    }
    assert_int_equal(program.pacing.threshold, 700);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(run_batch(&program, 100, 90, 0), OURO_LOOK_YOUNG);
    }
}

static void
test_large_thresholds_are_kept(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 50000);
    for (int i = 0; i < 50; i++) {
        run_batch(&program, 10, i < 25 ? 0 : 90, 0);
        assert_int_equal(program.pacing.threshold, 50000);
    }
}

static void
test_bytes_force_a_look(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    struct ouro__pacing *pacing = &program.pacing;
    assert_false(ouro__pacing_grew(pacing, program.now.bytes + 512 * KIB));
    assert_true(ouro__pacing_grew(pacing, program.now.bytes + 2 * MIB));
    assert_false(ouro__pacing_grew(pacing, program.now.bytes + 3 * MIB)); /* it is already wanted */
    for (int i = 0; i < 18; i++) { /* even where looks are rare */
        run_batch(&program, 0, 0, 0);
    }
    assert_true(ouro__pacing_grew(pacing, program.now.bytes + 2 * MIB));
    program.now.bytes += 2 * MIB;
    assert_int_equal(ouro__pacing_start(pacing, false, false, 3, program.now), OURO_LOOK_YOUNG);
    /* What is found holds much: a few objects, all of the bytes. */
    program.now.bytes -= 2 * MIB;
    ouro__pacing_stop(pacing, 2, 1, program.now.cpu_ns - pacing->before.cpu_ns, program.now);
    assert_int_equal(pacing->clean_looks, 0);
    assert_int_equal(pacing->n_forced, 2);
}

/* A young look at as many objects as the threshold says and those kept apart: `percent` of all are garbage. */
static enum ouro__look
look_young(struct program *program, uint64_t *n_apart, uint64_t percent)
{
    struct ouro__pacing *pacing = &program->pacing;
    uint64_t n = (uint64_t)pacing->threshold + 1;
    program->now.cpu_ns += n * 100;
    enum ouro__look look = ouro__pacing_start(pacing, false, false, n, program->now);
    if (look == OURO_LOOK_YOUNG) {
        uint64_t n_seen = n + (pacing->takes_middle ? *n_apart : 0), n_found = n_seen * percent / 100;
        assert_int_equal(pacing->looked_at, n_seen);
        uint64_t n_not_seen = pacing->takes_middle ? 0 : *n_apart;
        ouro__pacing_stop(pacing, n_found, n_not_seen + n_seen - n_found,
                          program->now.cpu_ns - pacing->before.cpu_ns, program->now);
        *n_apart = pacing->keeps_middle ? n_not_seen + n_seen - n_found : 0;
    } else {
        ouro__pacing_stop(pacing, 0, n, program->now.cpu_ns - pacing->before.cpu_ns, program->now);
    }
    return look;
}

/* What a dirty look leaves is kept apart, looked at with the eleventh, and then old. */
static void
test_survivors_of_dirty_looks(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    uint64_t n_apart = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 1; i <= MIDDLE_LOOKS; i++) {
            assert_int_equal(look_young(&program, &n_apart, 40), OURO_LOOK_YOUNG);
            assert_false(program.pacing.takes_middle);
            assert_int_equal(n_apart, (uint64_t)i * (701 - 701 * 40 / 100));
        }
        assert_int_equal(look_young(&program, &n_apart, 90), OURO_LOOK_YOUNG);
        assert_true(program.pacing.takes_middle);
        assert_int_equal(n_apart, 0);
        assert_true(program.pacing.n_old <= (uint64_t)(round + 1) * 500);
    }
}

/* Clean looks leave what is old; the first of a row after a dirty one are not believed. */
static void
test_survivors_of_clean_looks(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    uint64_t n_apart = 0;
    for (int i = 0; i < 50; i++) {
        (void)look_young(&program, &n_apart, 0);
        assert_int_equal(n_apart, 0);
        assert_false(program.pacing.takes_middle);
    }
    unsigned n_kept = 0;
    while (look_young(&program, &n_apart, 30) != OURO_LOOK_YOUNG) {
    }
    for (int i = 0; i < 200; i++) {
        (void)look_young(&program, &n_apart, 0);
        n_kept += program.pacing.keeps_middle;
    }
    assert_in_range(n_kept, 1, 2 * MIDDLE_LOOKS);
    assert_int_equal(n_apart, 0);
}

/* Bytes call for a look: it sees everything that is not yet old. */
static void
test_bytes_take_what_is_apart(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    struct ouro__pacing *pacing = &program.pacing;
    uint64_t n_apart = 0;
    assert_int_equal(look_young(&program, &n_apart, 40), OURO_LOOK_YOUNG);
    assert_int_not_equal(n_apart, 0);
    program.now.bytes += 2 * MIB;
    assert_true(ouro__pacing_grew(pacing, program.now.bytes));
    assert_int_equal(ouro__pacing_start(pacing, false, false, 5, program.now), OURO_LOOK_YOUNG);
    assert_true(pacing->takes_middle);
    assert_int_equal(pacing->looked_at, 5 + n_apart);
    ouro__pacing_stop(pacing, 300, n_apart - 295, program.now.cpu_ns - pacing->before.cpu_ns,
                      program.now);
    assert_false(pacing->keeps_middle);
    assert_int_equal(pacing->n_middle, 0);
}

/* Whatever the heap's size, growth without a look stays within a quarter of what garbage may hold. */
static void
test_allowances(void **state)
{
    (void)state;
    for (uint64_t bytes = MIB; bytes < (uint64_t)1 << 40; bytes *= 2) {
        assert_true(allow_batch_bytes(bytes) * 4 <= allow_bytes(bytes));
        assert_true(allow_bytes(bytes) == larger(16 * MIB, bytes / 10));
    }
}

/* What looks stop the tracking of is cheap now and dear later: every batch is looked at. */
static void
test_batches_that_are_untracked(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    struct ouro__pacing *pacing = &program.pacing;
    for (int i = 0; i < 500; i++) {
        uint64_t n = (uint64_t)pacing->threshold + 1;
        program.now.cpu_ns += n * 100;
        enum ouro__look look = ouro__pacing_start(pacing, false, false, n, program.now);
        program.n_looks[look]++;
        ouro__pacing_stop(pacing, 0, look == OURO_LOOK_YOUNG ? n / 100 : pacing->n_old,
                          program.now.cpu_ns - pacing->before.cpu_ns, program.now);
    }
    assert_int_equal(program.n_looks[OURO_LOOK_NOT], 0);
    assert_true(program.n_looks[OURO_LOOK_YOUNG] >= 470);
    assert_int_equal(pacing->threshold, BATCH_MAX);
    assert_true(pacing->n_old < 500 * 50);
}

/* Few objects that hold much outlive their looks: a survey comes by bytes alone. */
static void
test_bytes_bring_about_a_survey(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    struct ouro__pacing *pacing = &program.pacing;
    uint64_t began = program.now.bytes;
    enum ouro__look look = OURO_LOOK_YOUNG;
    while (look == OURO_LOOK_YOUNG) {
        program.now.bytes += MIB;
        program.now.cpu_ns += 1000;
        if (ouro__pacing_grew(pacing, program.now.bytes)) {
            look = ouro__pacing_start(pacing, false, false, 2, program.now);
            assert_true(pacing->keeps_young == (look == OURO_LOOK_YOUNG));
            ouro__pacing_stop(pacing, 0, 2, program.now.cpu_ns - pacing->before.cpu_ns, program.now);
        }
        assert_true(program.now.bytes < began + 64 * MIB);
    }
    assert_int_equal(look, OURO_LOOK_SURVEY);
}

/* How far the objects have grown, in objects, when the next survey comes. */
static uint64_t
grow_until_survey(struct program *program, uint64_t bytes)
{
    uint64_t n = 0;
    do {
        n = program->pacing.n_old;
        assert_true(n < 1000000);
    } while (run_batch(program, bytes, 0, 30) != OURO_LOOK_SURVEY);
    return n;
}

/* A survey that found garbage: the next comes when the interpreter would have looked; after a clean one it comes
 * a tenth of the heap later. */
static void
test_how_long_a_survey_is_put_off(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    struct ouro__pacing *pacing = &program.pacing;
    pacing->n_at_survey = 400000;
    pacing->bytes_at_survey = program.now.bytes = 100 * MIB;
    pacing->is_dirty = true;
    uint64_t n = grow_until_survey(&program, 100);
    assert_in_range(n, 90000, 110000);
    assert_true(pacing->is_dirty);

    pacing->n_at_survey = 400000;
    while (!pacing->wants_full) { /* it found very much */
        assert_int_not_equal(run_batch(&program, 100, 0, 30), OURO_LOOK_SURVEY);
        assert_true(pacing->n_old < 120000);
    }
    assert_int_equal(run_batch(&program, 100, 0, 0), OURO_LOOK_FULL);
    assert_false(pacing->is_dirty);
    pacing->n_at_survey = 400000;
    pacing->bytes_at_survey = program.now.bytes = 100 * MIB;
    n = grow_until_survey(&program, 100);
    assert_in_range(n, 100000 + 10 * MIB / 100 - BATCH_MAX, 105000 + 11 * MIB / 100);
    assert_true(pacing->n_put_off > 0);
}

/* Heaps that have shrunk since a clean survey may grow back to what that one saw in use, no further than garbage may
 * hold, without another. */
static void
test_how_long_in_heaps_that_have_shrunk(void **state)
{
    (void)state;
    static const uint64_t sizes[][3] = {
        /* at the survey, now, and what growth is allowed beyond now and the objects that make it due, all in MiB */
        {60, 10, 16}, {90, 60, 8}, {100, 50, 16}, {400, 300, 36}, {4000, 300, 36}, {90, 100, 11},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct program program;
        begin(&program, 700);
        struct ouro__pacing *pacing = &program.pacing;
        pacing->n_at_survey = 4 * pacing->n_stock;
        pacing->bytes_at_survey = sizes[i][0] * MIB;
        program.now.bytes = sizes[i][1] * MIB;
        (void)grow_until_survey(&program, 300);
        uint64_t put_off = pacing->before.bytes - (sizes[i][1] * MIB + pacing->n_stock * 300);
        assert_in_range(put_off, sizes[i][2] * MIB, (sizes[i][2] + 4) * MIB);
        assert_int_equal(pacing->n_put_off, 1);
    }
}

/* A program that mostly does other things: surveys cost it little, so it gets them. */
static void
test_cheap_surveys_are_made(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    do {
        assert_true(program.pacing.n_old < 120000);
        program.now.cpu_ns += 1000000000;
    } while (run_batch(&program, 100, 0, 0) != OURO_LOOK_SURVEY);
    assert_true(program.pacing.n_at_survey >= program.pacing.n_stock);
}

/* The more of them were clean in a row, the cheaper they must be: 5 % of the time, then half of it each. */
static void
test_how_cheap_surveys_must_be(void **state)
{
    (void)state;
    static const uint64_t shares[] = {20, 20, 40, 80};
    for (unsigned clean = 0; clean <= CLEAN_SURVEYS_MAX; clean++) {
        struct program program;
        begin(&program, 700);
        struct ouro__pacing *pacing = &program.pacing;
        pacing->n_at_survey = 100000;
        pacing->clean_surveys = clean;
        uint64_t cost = 100000 * (uint64_t)pacing->ns_an_object;
        program.now.cpu_ns = pacing->cpu_at_survey + cost * shares[clean] - 1;
        assert_false(is_cheap(pacing, program.now));
        program.now.cpu_ns++;
        assert_true(is_cheap(pacing, program.now));
    }
}

/* Without memory for a survey, the interpreter looks itself, and then all is as before. */
static void
test_without_memory(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    struct ouro__pacing *pacing = &program.pacing;
    while (!pacing->wants_full) {
        uint64_t n = (uint64_t)pacing->threshold + 1;
        program.now.bytes += n * 100;
        program.now.cpu_ns += n * 100;
        if (ouro__pacing_start(pacing, false, false, n, program.now) == OURO_LOOK_SURVEY) {
            ouro__pacing_no_survey(pacing);
        }
        ouro__pacing_stop(pacing, 0, n, program.now.cpu_ns - pacing->before.cpu_ns, program.now);
    }
    assert_true(pacing->n_old > 0);
    assert_int_equal(run_batch(&program, 100, 0, 0), OURO_LOOK_FULL);
    assert_false(pacing->wants_full);
    assert_int_equal(pacing->n_old, 0);
}

static void
test_what_the_program_asks_teaches_nothing(void **state)
{
    (void)state;
    struct program program;
    begin(&program, 700);
    struct ouro__pacing *pacing = &program.pacing;
    assert_int_equal(ouro__pacing_start(pacing, false, true, 100, program.now), OURO_LOOK_ASKED);
    ouro__pacing_stop(pacing, 100, 0, program.now.cpu_ns - pacing->before.cpu_ns, program.now);
    assert_int_equal(pacing->threshold, 700);
    assert_int_equal(pacing->clean_looks, 0);
    assert_int_equal(ouro__pacing_start(pacing, true, true, 100, program.now), OURO_LOOK_FULL);
}

/* Ouro's own collector puts off what is clean for longer each time, and not what is dirty. */
static void
test_the_native_one_is_patient(void **state)
{
    (void)state;
    struct program program;
    begin_as(&program, 2000, OURO_PACE_NATIVE);
    uint64_t n_made = 0;
    while (n_made < 40000000) { /* at full speed: 10 ns an object, so that no look is cheap */
        n_made += (uint64_t)program.pacing.threshold + 1;
        run_batch(&program, 100, 0, 0);
        program.now.cpu_ns -= ((uint64_t)program.pacing.threshold + 1) * 90;
    }
    uint64_t n_clean = program.n_looks[OURO_LOOK_SURVEY];
    assert_true(n_clean >= 3 && n_clean <= 7); /* by quarters it would be 14 */
    assert_int_equal(program.n_looks[OURO_LOOK_FULL], 0);
    while (program.n_looks[OURO_LOOK_SURVEY] < n_clean + 2) { /* the first one finds out */
        run_batch(&program, 100, 0, 50);
    }
    assert_true(program.pacing.is_dirty);
    uint64_t n_at_survey = program.pacing.n_at_survey;
    uint64_t n_new = 0;
    while (program.n_looks[OURO_LOOK_SURVEY] < n_clean + 3) {
        n_new += (uint64_t)program.pacing.threshold + 1;
        run_batch(&program, 100, 0, 50);
    }
    assert_true(n_new >= n_at_survey / 4 && n_new <= n_at_survey / 4 + 2 * BATCH_MAX);
}

/* How much larger the heaps are at a look at everything than they were at the last one, after `n_clean` of these; batches have
 * `percent` of garbage, one in `one_in`, and cost nothing, so that no look is cheap. */
static double
grow_to_survey(unsigned n_clean, uint64_t percent, unsigned one_in)
{
    struct program program;
    begin_as(&program, 2000, OURO_PACE_NATIVE);
    program.now.bytes = 1024 * MIB;
    program.pacing.bytes_at_survey = program.now.bytes;
    program.pacing.n_at_survey = 1000000;
    program.pacing.clean_surveys = n_clean;
    program.pacing.clean_looks = 100;
    for (unsigned i = 0; program.n_looks[OURO_LOOK_SURVEY] == 0; i++) {
        run_batch(&program, 1000, i % one_in == 0 ? percent : 0, 0);
        program.now.cpu_ns = program.pacing.cpu_at_survey;
    }
    return (double)program.now.bytes / (1024 * MIB);
}

/* Only where neither looks at everything nor young ones find anything for long is Ouro's own as patient as can be. */
static void
test_patience_has_its_measure(void **state)
{
    static const struct {
        unsigned n_clean;
        uint64_t percent;
        double least, most;
    } cases[] = {{0, 0, 1.4, 1.6},  {1, 0, 1.7, 1.8}, {2, 0, 2.2, 2.3}, {3, 0, 9.1, 9.4},
                 {3, 50, 3.1, 3.4}, {3, 2, 9.1, 9.4}, {2, 50, 2.2, 2.3}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double growth = grow_to_survey(cases[i].n_clean, cases[i].percent, 4);
        assert_true(growth >= cases[i].least && growth <= cases[i].most);
    }
}

/* While a look at everything goes on beside, only the next batch is planned: as many are left out as before, never too many
 * in a row, and nothing else is touched. */
static void
test_batches_beside_a_look_at_everything(void **state)
{
    (void)state;
    struct program program;
    begin_as(&program, 2000, OURO_PACE_NATIVE);
    struct ouro__pacing *pacing = &program.pacing;
    while (pacing->clean_looks < (NATIVE_SKIP_SHIFT_MAX + 1) * CLEAN_STREAK) {
        run_batch(&program, 10, 0, 0);
    }
    unsigned most = most_skip_shift(pacing), n_looks = 0, n_left_out = 0;
    struct ouro__pacing before;
    memcpy(&before, pacing, sizeof before);
    for (unsigned i = 0; i < 32000; i++) {
        n_looks += pacing->plans_young;
        n_left_out = pacing->plans_young ? 0 : n_left_out + 1;
        assert_true(n_left_out <= 2U << most);
        ouro__pacing_go_on(pacing, 0, pacing->plans_young ? 4096 : 0);
    }
    assert_in_range(n_looks, 32000 >> most, (32000 >> most) * 2);
    before.skipped = pacing->skipped;
    before.plans_young = pacing->plans_young;
    before.random = pacing->random;
    assert_memory_equal(pacing, &before, sizeof before);
}

/* A batch that was dirty has the next ones looked at, each of them, beside a look at everything and after it; one that was
 * not, or not looked at, changes nothing. */
static void
test_a_dirty_batch_beside_a_look_at_everything(void **state)
{
    static const struct {
        uint64_t n_found, n_seen;
        bool is_dirty;
    } batches[] = {{0, 0, false},     {0, 4096, false},   {1, 4096, false}, {204, 4096, false},
                   {205, 4096, true}, {4096, 4096, true}, {1, 1, true}};
    struct program program;

    (void)state;
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        begin_as(&program, 2000, OURO_PACE_NATIVE);
        struct ouro__pacing *pacing = &program.pacing;
        while (pacing->clean_looks < 100) {
            run_batch(&program, 10, 0, 0);
        }
        unsigned clean_looks = pacing->clean_looks;
        ouro__pacing_go_on(pacing, batches[i].n_found, batches[i].n_seen);
        assert_int_equal(pacing->clean_looks, batches[i].is_dirty ? 0 : clean_looks);
        unsigned n_looks = 0;
        for (unsigned k = 0; k < 1000; k++) {
            n_looks += pacing->plans_young;
            ouro__pacing_go_on(pacing, 0, 0);
        }
        assert_true(batches[i].is_dirty ? n_looks == 1000 : n_looks < 500);
        if (batches[i].is_dirty) {
            assert_int_equal(run_batch(&program, 10, 0, 0), OURO_LOOK_YOUNG);
        }
    }
}

/* Thresholds that a program has set are obeyed to the letter. */
static void
test_counts_are_obeyed(void **state)
{
    (void)state;
    struct program program;
    begin_as(&program, 100, OURO_PACE_COUNTS);
    uint64_t n_made = 0, n_batches = 0;
    for (; n_made < 200000; n_batches++) {
        n_made += (uint64_t)program.pacing.threshold + 1;
        run_batch(&program, 100, n_batches % 2 == 0 ? 0 : 50, 0);
        assert_int_equal(program.pacing.threshold, 100);
    }
    assert_int_equal(program.n_looks[OURO_LOOK_NOT], 0);
    assert_true(program.n_looks[OURO_LOOK_SURVEY] >= 8); /* quarters of what is left */
    assert_int_equal(program.n_looks[OURO_LOOK_YOUNG] + program.n_looks[OURO_LOOK_SURVEY], n_batches);
}

/* A collector whose program switched the looks at everything off makes none, whatever happens. */
static void
test_no_survey_is_due(void **state)
{
    (void)state;
    struct program program;
    begin_as(&program, 700, OURO_PACE_NATIVE);
    ouro__pacing_init(&program.pacing, 700, UINT64_MAX, OURO_PACE_NATIVE, program.now);
    for (int i = 0; i < 2000; i++) {
        run_batch(&program, 2000, 0, 50);
    }
    assert_int_equal(program.n_looks[OURO_LOOK_SURVEY] + program.n_looks[OURO_LOOK_FULL], 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_building_is_left_alone),
        cmocka_unit_test(test_garbage_brings_small_batches_back),
        cmocka_unit_test(test_large_thresholds_are_kept),
        cmocka_unit_test(test_bytes_force_a_look),
        cmocka_unit_test(test_survivors_of_dirty_looks),
        cmocka_unit_test(test_survivors_of_clean_looks),
        cmocka_unit_test(test_bytes_take_what_is_apart),
        cmocka_unit_test(test_allowances),
        cmocka_unit_test(test_batches_that_are_untracked),
        cmocka_unit_test(test_bytes_bring_about_a_survey),
        cmocka_unit_test(test_how_long_a_survey_is_put_off),
        cmocka_unit_test(test_how_long_in_heaps_that_have_shrunk),
        cmocka_unit_test(test_cheap_surveys_are_made),
        cmocka_unit_test(test_how_cheap_surveys_must_be),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_the_native_one_is_patient),
        cmocka_unit_test(test_patience_has_its_measure),
        cmocka_unit_test(test_batches_beside_a_look_at_everything),
        cmocka_unit_test(test_a_dirty_batch_beside_a_look_at_everything),
        cmocka_unit_test(test_counts_are_obeyed),
        cmocka_unit_test(test_no_survey_is_due),
        cmocka_unit_test(test_what_the_program_asks_teaches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
