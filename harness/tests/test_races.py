# SPDX-License-Identifier: GPL-2.0
"""The table of shared words: as text, HTML and JSON."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nslab_lab.build.kernel import Kernel
from nslab_lab.plans import machinery
from nslab_lab.report import races, races_html
from nslab_lab.report.races import Access, Row, Table

HOLD = ("&new->lock", "&ids->rwsem")


def access(actor: str, how: str, function: str, line: str, source: str = "", **more: Any) -> Access:
    values: dict[str, Any] = dict(locks=(), rcu=0, irq_off=False, preempt_off=False) | more
    return Access(actor, how, function, line, source, **values)


LOOKS = access("waiter", "R", "__radix_tree_lookup", "lib/radix-tree.c:766", "node = <x> & y;", rcu=1)
WRITES = access(
    "remover", "RW", "freeary", "ipc/sem.c:1140", "list_del_init(&q->list); " + "x" * 90, locks=HOLD, preempt_off=True
)


def row(name: str, offset: int = 0, locked: str = "", **more: Any) -> Row:
    values: dict[str, Any] = dict(
        kind="cache", of="radix_tree_node", allocated="", size=8, object_size=576, new=False, accesses=(LOOKS, WRITES)
    ) | more
    return Row(name=name, offset=offset, locked=locked, **values)


TABLE = Table("sem-vs-rmid", ("waiter", "remover"), (
    *(row(f"xa_node.slots[{n}]", 40 + 8 * n) for n in (4, 5, 6)),
    row("sem_array.sem_perm.deleted", 12, kind="kmalloc", of="newary", allocated="ipc/sem.c:546", size=1, new=True),
    row("init_nsproxy.count", 0, kind="static", of="init_nsproxy", accesses=(access("waiter", "W", "f", ""),)),
    row("sem_undo.ulp", 8, locked="&new->lock", kind="kmalloc", of="find_alloc_undo"),
    row("sem_undo.semid", 16, locked="&un->lock", kind="kmalloc", of="find_alloc_undo"),
))  # fmt: skip

TEXT = """\
sem-vs-rmid: 5 shared words under no common lock, 2 more under one

xa_node.slots[4-6]
  slab cache radix_tree_node
  R  waiter   __radix_tree_lookup()  lib/radix-tree.c:766
      node = <x> & y;
      under rcu_read_lock
  RW remover  freeary()  ipc/sem.c:1140
      list_del_init(&q->list); xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
      under &new->lock, &ids->rwsem, preemption off

sem_array.sem_perm.deleted
  1 byte at 12, allocated in newary (ipc/sem.c:546), found later
  R  waiter   __radix_tree_lookup()  lib/radix-tree.c:766
      node = <x> & y;
      under rcu_read_lock
  RW remover  freeary()  ipc/sem.c:1140
      list_del_init(&q->list); xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
      under &new->lock, &ids->rwsem, preemption off

init_nsproxy.count
  8 bytes at 0, static data init_nsproxy
  W  waiter  f()
      under no lock

under a common lock (&new->lock: 1, &un->lock: 1): sem_undo.ulp, sem_undo.semid
"""


def test_text() -> None:
    assert races.text(TABLE) == TEXT
    assert max(map(len, TEXT.splitlines())) <= 80


def test_words_under_a_common_lock_one_by_one() -> None:
    text = races.text(TABLE, whole=True)
    assert text.startswith(TEXT[: TEXT.index("under a common lock (")])
    assert "\nsem_undo.ulp\n  8 bytes at 8, allocated in find_alloc_undo\n  always under &new->lock\n" in text


def test_no_words() -> None:
    assert races.text(Table("a", ("x", "y"), ())) == "a: 0 shared words under no common lock\n"


def test_what_is_left_out_is_said() -> None:
    text = races.left_out()
    assert all(one.reason in " ".join(text.split()) for one in machinery.load())
    assert max(map(len, text.splitlines())) <= 80


class Checker(HTMLParser):
    """Elements are closed, and in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html() -> None:
    page = races_html.page("Shared memory of <6.12>", [TABLE, Table("a", ("x",), ())])
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == [] and page.startswith("<!DOCTYPE html>")
    text = " ".join("".join(checker.text).split())
    for words in ("Shared memory of <6.12>", "xa_node.slots[6]", "node = <x> & y;", "2 words under a common lock"):
        assert words in text
    assert all(one.reason in text for one in machinery.load())
    # It needs nothing else, and runs nothing.
    assert "http" not in page and "<script" not in page and "src=" not in page


ACCESS = {
    "type": "object", "additionalProperties": False,
    "required": ["actor", "how", "function", "line", "source", "locks", "rcu", "irq_off", "preempt_off"],
    "properties": {
        "actor": {"type": "string"}, "how": {"enum": ["R", "W", "RW"]}, "function": {"type": "string"},
        "line": {"type": ["string", "null"]}, "source": {"type": ["string", "null"]},
        "locks": {"type": "array", "items": {"type": "string"}}, "rcu": {"type": "integer"},
        "irq_off": {"type": "boolean"}, "preempt_off": {"type": "boolean"},
    },
}  # fmt: skip
WORD = {
    "type": "object", "additionalProperties": False,
    "required": [
        "name", "kind", "of", "allocated", "offset", "size", "object_size", "locked", "new", "accesses",
    ],
    "properties": {
        "name": {"type": "string"}, "kind": {"enum": ["cache", "kmalloc", "static", "vmalloc"]},
        "of": {"type": "string"}, "allocated": {"type": ["string", "null"]}, "offset": {"type": "integer"},
        "size": {"type": "integer"}, "object_size": {"type": "integer"}, "locked": {"type": ["string", "null"]},
        "new": {"type": "boolean"}, "accesses": {"type": "array", "minItems": 1, "items": ACCESS},
    },
}  # fmt: skip
SCENARIO = {
    "type": "object", "additionalProperties": False, "required": ["actors", "words"],
    "properties": {
        "actors": {"type": "array", "items": {"type": "string"}}, "words": {"type": "array", "items": WORD},
    },
}  # fmt: skip
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["kernel", "variant", "left_out", "scenarios"],
    "properties": {
        "kernel": {"type": "string"}, "variant": {"type": "string"},
        "left_out": {
            "type": "array", "minItems": 5,
            "items": {"type": "object", "required": ["files", "reason"]},
        },
        "scenarios": {"type": "object", "minProperties": 1, "additionalProperties": SCENARIO},
    },
}  # fmt: skip


def check(data: Any) -> None:
    jsonschema.Draft4Validator(SCHEMA).validate(data)


def test_a_table_is_kept_as_one_line() -> None:
    line = races.packed(TABLE)
    assert races.unpacked(line) == TABLE and "\n" not in line


def test_json(tmp_path: Path) -> None:
    kernel = Kernel("6.12", "0123abcd", "det", tmp_path, tmp_path, tmp_path, tmp_path, {}, ())
    data = json.loads(json.dumps(races.json_of(kernel, "none", [TABLE])))
    check(data)
    words = data["scenarios"]["sem-vs-rmid"]["words"]
    assert [one["locked"] for one in words] == [None] * 5 + ["&new->lock", "&un->lock"]
    assert words[0]["accesses"][1]["locks"] == list(HOLD) and data["kernel"] == "6.12-0123abcd"
    with pytest.raises(jsonschema.ValidationError):
        check({**data, "scenarios": {"a": {"actors": [], "words": [{}]}}})
