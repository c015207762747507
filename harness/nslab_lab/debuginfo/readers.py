# SPDX-License-Identifier: GPL-2.0
"""The functions that look at another task's object by the subject's accessor: which there are in
a kernel, and which of them executions have reached.

The binary's debug information tells, so a reader that a patch adds is one, too. A function that
itself returns a pointer to the object only hands it on: then its callers are the readers.
`readers.json` beside the binary keeps what gdb was asked for.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable

from nslab_lab.debuginfo import dwarf, symbols
from nslab_lab.guest.results import Points
from nslab_lab.host import files
from nslab_lab.plans import subject

# The subject with an accessor; were there two, its readers would have to be told apart.
(SUBJECT,) = (one.name for one in subject.all_subjects() if one.accessor)
_FORMAT = 2  # of readers.json

# Runs inside gdb; ACCESSORS: by function, the struct; PLACES: addresses of call instructions. Where
# a function is called, or jumped to, an instruction has how far it is to there; or, with
# -mcmodel=large, its address.
_GDB = r"""
import re
def hands_on(function):
    type = function.type.target().strip_typedefs()
    if type.code != gdb.TYPE_CODE_PTR:
        return False
    return type.target().strip_typedefs().unqualified().tag in ACCESSORS.values()
def functions(pc):
    block, found = gdb.block_for_pc(pc), []
    while block and not block.is_static and not block.is_global:
        if block.function:
            found.append(block)
        block = block.superblock
    return found
def reader(around):
    own = [block for block in around if not hands_on(block.function)]
    return [(own or around[-1:])[0].function.name, not own]
def mentions(address):
    start, end = (int(text, 16) for text in re.search(
        r'(0x\w+) - (0x\w+) is \.text$', gdb.execute('info files', to_string=True), re.M).groups())
    text = bytes(gdb.selected_inferior().read_memory(start, end - start))
    far = re.finditer(re.escape(address.to_bytes(8, 'little')), text)
    near = re.finditer(rb'(?s)(?=[\xe8\xe9](....))', text)
    return [start + found.start() for found in far] + [
        start + found.start() for found in near
        if start + found.start() + 5 + int.from_bytes(found[1], 'little', signed=True) == address]
names, entries, inlined = set(), set(), []
for accessor in ACCESSORS:
    try:
        inlined += gdb.decode_line(accessor)[1]
    except gdb.error:
        pass
for place in inlined:
    around = functions(place.pc)
    name, handed_on = reader(around)
    if handed_on:
        entries.add(around[-1].start)
    else:
        names.add(name)
for entry in entries:
    for pc in mentions(entry):
        around = functions(pc)
        if around and around[-1].start not in entries:
            names.add(reader(around)[0])
places = {}
for place, pc in PLACES.items():
    around = functions(pc)
    places[place] = reader(around) if around else [place.partition('+')[0], False]
answer = {'names': sorted(names), 'places': places}
"""


@dataclass
class _Known:
    """What gdb has told of a binary."""

    names: list[str] = field(default_factory=list)
    # By place, "vfs_read+0x1a/0x80": the reader, and whether it only hands the pointer on.
    places: dict[str, tuple[str, bool]] = field(default_factory=dict)


def names(linux: Path) -> list[str]:
    """All readers of the kernel, sorted; none where no function calls an accessor. Raises LabError(3)."""
    return _known(linux, ()).names


def kept_names(linux: Path) -> list[str]:
    """The same without asking gdb: none where it was not asked before."""
    return _kept(linux.with_name("readers.json")).names


def executions(linux: Path, met: Points) -> dict[str, int]:
    """By how many executions each reader was reached, 0 among them, sorted by name.

    Where a reader has several places, it is not known whether the same executions reached all of them:
    the number is that of the busiest, so it is never too high. Raises LabError(3).
    """
    known = _known(linux, {*met.places, *(caller for _, caller in met.calls)})
    found: Counter[str] = Counter(dict.fromkeys(known.names, 0))
    for place, count in met.places.items():
        name, handed_on = known.places[place]
        if not handed_on:
            found[name] = max(found[name], count)
    for (place, caller), count in met.calls.items():
        if known.places[place][1]:
            name, _ = known.places[caller]
            found[name] = max(found[name], count)
    return dict(sorted(found.items()))


def _known(linux: Path, places: Iterable[str]) -> _Known:
    """What is known of the binary, those places of it among it."""
    path = linux.with_name("readers.json")
    known = _kept(path)
    missing = sorted(set(places) - known.places.keys())
    if missing or not known.names:
        asked = _ask_gdb(linux, missing)
        known.names = asked["names"]
        known.places |= {place: (told[0], told[1]) for place, told in asked["places"].items()}
        data = {
            "format": _FORMAT, "accessors": _accessors(), "names": known.names,
            "places": known.places,
        }  # fmt: skip
        with contextlib.suppress(OSError):  # then gdb is asked again
            files.write(path, f"{json.dumps(data, separators=(',', ':'))}\n".encode())
    return known


def _accessors() -> dict[str, str]:
    """By function, the struct that it returns."""
    return {one.function: one.struct for one in subject.accessors()}


def _kept(path: Path) -> _Known:
    try:
        data = json.loads(path.read_bytes())
        if data["format"] != _FORMAT or data["accessors"] != _accessors():
            return _Known()
        told = data["places"].items()
        places = {place: (str(name), bool(handed_on)) for place, (name, handed_on) in told}
        return _Known([str(name) for name in data["names"]], places)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _Known()


def _ask_gdb(linux: Path, places: Iterable[str]) -> Any:
    # A return address: the call before it is meant.
    addresses = {place: symbols.address(linux, place) for place in places}
    found = {place: address for place, address in addresses.items() if address is not None}
    given = f"ACCESSORS = {json.dumps(_accessors())}\nPLACES = {json.dumps(found)}\n"
    answer = dwarf.ask(linux, "the readers", given + _GDB)
    # What binutils does not find has at least a name.
    for place in addresses.keys() - found.keys():
        answer["places"][place] = [place.partition("+")[0], False]
    return answer
