/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(): libFuzzer calls
 * it with inputs that it makes up, replay.c with those that are kept in the corpus.
 *
 * A target draws all that it decides from the input, so that the same input does the same again. An
 * input that has come to its end goes on with zeros.
 */
#ifndef JPKI_TESTS_FUZZ_H
#define JPKI_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, which is what a fuzzer takes for a finding, unless CONDITION holds. */
#define fuzz_must(condition)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_fail(__FILE__, __LINE__, #condition);                                             \
    } while (0)
__attribute__((noreturn)) void fuzz_fail(const char *file, int line, const char *what);

/* Shows NAME and these bytes if the environment has FUZZ_TRACE: what an input does. */
void fuzz_trace(const char *name, const uint8_t *bytes, size_t len);

/* ---- the input ---- */

void fuzz_begin(const uint8_t *data, size_t size);
bool fuzz_more(void); /* there is input left */
uint8_t fuzz_u8(void);
uint16_t fuzz_u16(void); /* big-endian */
unsigned fuzz_below(unsigned limit);

/* N bytes into memory of their own that is not a byte longer, for the caller to free(). */
uint8_t *fuzz_bytes(size_t n);

/* The rest of the input as a text with its end; up to its first zero byte, if it has one. */
char *fuzz_text(void);

/* ---- answers of a card ---- */

/* A card that behaves; as in twin.h. */
typedef size_t fuzz_card(void *context, const uint8_t *command, size_t len, uint8_t *response);

/*
 * The answer to COMMAND, as the input says: HONEST's own, HONEST's own with something wrong in it,
 * or any bytes. The kinds stand in fuzz.c.
 */
size_t fuzz_answer(fuzz_card *honest, void *context, const uint8_t *command, size_t len,
                   uint8_t *response);

/* ---- recording: see record.c ---- */

/*
 * From now on all answers are HONEST's, and what is drawn from an input is kept, with each answer
 * put in where it was given: an input that does the same without HONEST.
 */
void fuzz_record(void);

/* What was kept of the last input; valid until the next one. */
const uint8_t *fuzz_recorded(size_t *len);

/* The commands that were sent meanwhile, as an input of fuzz_vcard. */
const uint8_t *fuzz_recorded_commands(size_t *len);

/* ---- the world ---- */

/* A folder of this process, in $TMPDIR, where the module keeps what it keeps; removed at the end.
 * The first call makes it and points the environment there. */
const char *fuzz_folder(void);

/* Empties it, but for the card's folder. */
void fuzz_folder_clear(void);

/* Writes the file fuzz_folder()/NAME, with mode 0600; NAME may have one folder in front. */
void fuzz_write(const char *name, const void *data, size_t len);

/* ---- faults of memory, in faults.c ---- */

/* From now on one allocation in 400 fails, by a generator that starts from SEED; 0: none does. Only
 * calls from our own objects are seen, not those inside of libraries. */
void fuzz_faults(unsigned seed);

/* While somebody else than the module is at work, such as the card, which has its own memory. May
 * be nested. */
void fuzz_faults_pause(void);
void fuzz_faults_resume(void);

/* Memory that never fails, for what is handed to the module; for the caller to free(). */
void *fuzz_alloc(size_t size);

#endif
