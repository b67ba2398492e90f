/* catalog_entry.h: one row of a catalogue file. Constant once its file is read; thread: any. */
#ifndef VSOC_PARSERS_CATALOG_ENTRY_H
#define VSOC_PARSERS_CATALOG_ENTRY_H

#include "core/event.h"

/* Format of rows that hold for events of any format, by their name. */
#define CATALOG_ANY_FORMAT "*"

struct context_layout;

/* One row of a file. */
struct catalog_entry {
    /* Of what: */
    struct slice tenant; /* empty: of every tenant */
    struct slice format; /* empty: of events with a sev_id; *: of events of any format */
    struct slice id;     /* with an empty format the sev_id in 2 bytes, big-endian */
    /* Of which events with that id; empty or -1: of all. */
    struct slice ecu;
    int64_t instance;      /* idsm_instance_id */
    struct slice software; /* sw_baseline, or how it begins */
    bool software_begins;
    int64_t context_version;
    /* What it says; empty, -1 or NULL: nothing. */
    struct slice name, category;
    struct slice message; /* text for people */
    int64_t severity_id;
    struct slice_list r155_threat, atm_technique;
    const struct context_layout *layout;
    /* Position in the files. */
    unsigned file; /* counted from 1, built-in ones first */
    size_t line;
    struct catalog_entry *next; /* the catalogue's own */
};

#endif
