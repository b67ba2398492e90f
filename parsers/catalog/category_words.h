/* category_words.h: a category from the words of a product's event name. Thread: any. */
#ifndef VSOC_PARSERS_CATEGORY_WORDS_H
#define VSOC_PARSERS_CATEGORY_WORDS_H

#include "core/slice.h"

/* A guess for names without category and catalogue row; empty: no word of the list occurs. Static.
 */
struct slice category_of_words(struct slice name);

#endif
