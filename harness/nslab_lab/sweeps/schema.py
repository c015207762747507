# SPDX-License-Identifier: GPL-2.0
"""The tables of the results file, version by version.

Each entry of MIGRATIONS brings a file from its index to the next version; what was released is
never changed, only added to. The statements may call the functions of FUNCTIONS.
"""

from __future__ import annotations

import zlib
from typing import Any, Callable

from nslab_lab.guest import cause

APPLICATION_ID = 0x6E736C62  # "nslb": told apart from other programs' SQLite files

_1 = """
CREATE TABLE sweeps (
	sweep INTEGER PRIMARY KEY,      -- in the order in which they began
	id TEXT NOT NULL UNIQUE,        -- "nightly-3"
	name TEXT NOT NULL,             -- "nightly"
	seeds TEXT NOT NULL,            -- the id that the seeds derive from
	about TEXT NOT NULL,
	executions INTEGER,             -- planned ones after which it ends
	budget REAL,                    -- or seconds
	batch INTEGER NOT NULL,
	search INTEGER NOT NULL,
	ahead INTEGER NOT NULL,
	state TEXT NOT NULL,            -- "running", "done", "left" when it cannot go on any more
	started TEXT NOT NULL,          -- UTC; for people, and how long it is kept
	seconds REAL NOT NULL           -- spent so far
) STRICT;
CREATE TABLE kernels (
	id TEXT PRIMARY KEY,            -- 8 hex digits
	name TEXT NOT NULL,
	config BLOB NOT NULL,           -- zlib
	versions TEXT NOT NULL,         -- JSON
	patches TEXT NOT NULL           -- the user's, their paths with blanks between
) STRICT;
CREATE TABLE cells (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	cell INTEGER NOT NULL,          -- from 0
	scenario TEXT NOT NULL,
	strategy TEXT NOT NULL,
	profile TEXT NOT NULL,          -- its name, or its path
	digest TEXT NOT NULL,           -- of the profile
	variant TEXT NOT NULL,
	kernel TEXT NOT NULL,
	kernel_id TEXT NOT NULL,
	seed INTEGER NOT NULL,          -- its number among the seeds
	batches INTEGER NOT NULL DEFAULT 0,     -- these sum up the batches that are through
	executions INTEGER NOT NULL DEFAULT 0,
	points INTEGER NOT NULL DEFAULT 0,
	faults INTEGER NOT NULL DEFAULT 0,
	failures INTEGER NOT NULL DEFAULT 0,
	seconds REAL NOT NULL DEFAULT 0,
	error TEXT,                     -- why it could not be run
	PRIMARY KEY (sweep, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE batches (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	n INTEGER NOT NULL,             -- from 1
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,        -- in the cell, from 0
	planned INTEGER NOT NULL,       -- executions
	executions INTEGER,             -- NULL: begun, and not through
	failed INTEGER,
	error INTEGER,
	PRIMARY KEY (sweep, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE failures (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	n INTEGER NOT NULL,             -- batch
	execution INTEGER NOT NULL,
	cell INTEGER NOT NULL,
	signature TEXT NOT NULL,
	token TEXT NOT NULL,
	hash TEXT,
	reproduced TEXT NOT NULL,
	PRIMARY KEY (sweep, n, execution)
) STRICT, WITHOUT ROWID;
CREATE TABLE findings (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	signature TEXT NOT NULL,        -- with the variant before it, if it is one
	n INTEGER NOT NULL,             -- the first batch that had it
	oracle TEXT NOT NULL,
	headline TEXT NOT NULL,
	token TEXT NOT NULL,
	reproduced TEXT NOT NULL,
	console BLOB NOT NULL,          -- zlib
	through INTEGER NOT NULL DEFAULT 0,     -- 1: made smaller, as far as that goes
	minimal INTEGER NOT NULL DEFAULT 0,
	small TEXT,                     -- its smallest token
	preemptions INTEGER,
	picture BLOB,                   -- zlib, SVG
	interleaving TEXT,              -- the same as text
	report TEXT,                    -- the kernel's
	told INTEGER NOT NULL DEFAULT 0,        -- 1: the user's command was told
	PRIMARY KEY (sweep, signature)
) STRICT;
CREATE TABLE coverage (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	kind TEXT NOT NULL,             -- "point", "reader"
	name TEXT NOT NULL,
	executions INTEGER NOT NULL,
	PRIMARY KEY (sweep, kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE sketches (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	scenario TEXT NOT NULL,
	lowest BLOB NOT NULL,           -- see sketch.py
	PRIMARY KEY (sweep, scenario)
) STRICT, WITHOUT ROWID;
CREATE TABLE moments (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	slot INTEGER NOT NULL,          -- of time spent, see store.py
	seconds REAL NOT NULL,
	executions INTEGER NOT NULL,
	findings INTEGER NOT NULL,
	traces INTEGER NOT NULL,        -- different ones
	points INTEGER NOT NULL,        -- that were reached
	readers INTEGER NOT NULL,
	PRIMARY KEY (sweep, slot)
) STRICT, WITHOUT ROWID;
"""

# The same signature may have several causes, and so several rows.
_2 = """
CREATE TABLE findings_2 (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	cause TEXT NOT NULL,            -- with the variant before it, if it is one
	signature TEXT NOT NULL,        -- likewise
	n INTEGER NOT NULL,             -- the first batch that had it
	oracle TEXT NOT NULL,
	headline TEXT NOT NULL,
	token TEXT NOT NULL,
	reproduced TEXT NOT NULL,
	console BLOB NOT NULL,          -- zlib
	through INTEGER NOT NULL DEFAULT 0,     -- 1: made smaller, as far as that goes
	minimal INTEGER NOT NULL DEFAULT 0,
	small TEXT,                     -- its smallest token
	preemptions INTEGER,
	picture BLOB,                   -- zlib, SVG
	interleaving TEXT,              -- the same as text
	report TEXT,                    -- the kernel's
	told INTEGER NOT NULL DEFAULT 0,        -- 1: the user's command was told of its cause
	PRIMARY KEY (sweep, cause, signature)
) STRICT;
INSERT INTO findings_2 SELECT sweep, nslab_cause((
		SELECT variant FROM failures JOIN cells USING (sweep, cell)
		WHERE failures.sweep = findings.sweep AND failures.signature = findings.signature
	), oracle, signature, console), signature, n, oracle, headline, token, reproduced, console, through,
	minimal, small, preemptions, picture, interleaving, report, told FROM findings;
DROP TABLE findings;
ALTER TABLE findings_2 RENAME TO findings;
ALTER TABLE failures ADD COLUMN cause TEXT NOT NULL DEFAULT '';
UPDATE failures SET cause = coalesce((
	SELECT cause FROM findings
	WHERE findings.sweep = failures.sweep AND findings.signature = failures.signature
), signature);
"""

# What the actors of a scenario share, as the first boot that knew it told it.
_3 = """
CREATE TABLE words (
	sweep INTEGER NOT NULL REFERENCES sweeps ON DELETE CASCADE,
	scenario TEXT NOT NULL,
	kernel_id TEXT NOT NULL,
	cell INTEGER NOT NULL,          -- the lowest that told it
	words BLOB NOT NULL,            -- zlib, JSON as report/races.py has it
	PRIMARY KEY (sweep, scenario, kernel_id)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS = [_1, _2, _3]


def _cause(variant: str | None, oracle: str, signature: str, console: bytes) -> str:
    """The cause of a finding of version 1."""
    signed = f"{variant}: " if signature.startswith(f"{variant}: ") else ""
    text = zlib.decompress(console).decode()
    return signed + cause.of(oracle, signature.removeprefix(signed), text)


# By name, with the number of arguments.
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {"nslab_cause": (4, _cause)}
