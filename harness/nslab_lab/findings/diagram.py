# SPDX-License-Identifier: GPL-2.0
"""A trace as an interleaving for people: who did what, what it was preempted by, where.

A step that is a scheduling point is recorded before anybody else runs, and what it announces
(an access, a free, the end of a read section) is done when its actor runs again. The rows are
in the order in which things were done.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator, Sequence

from nslab_lab.findings.trace import duration
from nslab_lab.guest.results import OTHER

if TYPE_CHECKING:
    from nslab_lab.guest.results import Step
    from nslab_lab.guest.verdict import Verdict

LineOf = Callable[[str, bool], "str | None"]  # as symbols.line_of, of one kernel
FieldOf = Callable[[str, int, int], str]  # as layout.namer returns

WIDTH = 80
FAIL, SWITCH, BAR, MORE, HERE = "✗", "~", "│", "…", "▶"
_GAP = "  "
_MAX_COLUMNS = 3  # actors that have columns side by side; of more, all share one
_FOLD = 3  # steps left out in a row before it is said how many

_LOCK, _UNLOCK = "rcu_read_lock", "rcu_read_unlock"


@dataclass(frozen=True)
class Row:
    """One line of the diagram."""

    number: int  # from 1; 0 for a row that is no step
    step: int  # in the trace; 0 if there is none
    actor: int  # index in Diagram.actors
    kind: str  # of the step, or "preempted", "fold", "verdict"
    texts: tuple[str, ...]  # what was done, from the longest wording to the shortest
    depth: tuple[int, ...]  # of each actor's RCU read sections, at this row
    where: str = ""  # "utsns_get+0x1a/0x80"
    line: str = ""  # "kernel/utsname.c:126"
    source: str = ""  # that line's text
    count: int = 1  # equal steps in this row; of a fold: how many it stands for
    failing: bool = False
    nesting: int = 0  # of the actor's RCU read sections
    object: int = 0  # the number of what is accessed, allocated or freed
    field: str = ""  # "nsproxy.uts_ns"
    write: bool = False

    @property
    def function(self) -> str:
        """Without the offset."""
        return self.where.partition("+")[0]


@dataclass(frozen=True)
class Diagram:
    """An interleaving, ready to be shown."""

    actors: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    verdict: str = ""  # one line, "" if the execution passed
    steps: int = 0  # of the trace
    preemptions: int = 0


# === From a trace to rows ===


def build(
    steps: Sequence[Step],
    verdict: Verdict | None = None,
    *,
    line_of: LineOf | None = None,
    field_of: FieldOf | None = None,
    tree: Path | None = None,
    full: bool = False,
) -> Diagram:
    """The diagram of one execution.

    @line_of: names the source line of a frame; @field_of: the member that was accessed;
    @tree: the kernel's sources, to quote them. @full: every step, not only those by which the
    actors meet.
    """
    moments = _in_order(steps)
    last = [_last_to_run(moments)] if moments else []
    actors = tuple(dict.fromkeys([*(moment.step.actor for moment in moments), *last]))
    words = _Words(moments, field_of)
    failing = _failing(moments, verdict)
    rows = _Rows(actors, words, full)
    if full:
        wanted = [True] * len(moments)
    else:
        wanted = _wanted(moments)
        if failing:
            wanted[-1] = True
    for moment, show in zip(moments, wanted):
        rows.add(moment, show)
    rows.fold()
    found = rows.rows
    if failing and found:
        found[-1] = replace(found[-1], failing=True)
    elif verdict and verdict.function and last:
        # Where it went wrong is no point, so the trace knows only who was running.
        found.append(rows.verdict(last[0], verdict.function))
    sources = _Sources(line_of, tree)
    return Diagram(
        actors=tuple(map(printable, actors)),
        rows=tuple(sources.located(row, verdict) for row in found),
        verdict=_sentence(verdict, line_of) if verdict else "",
        steps=len(steps),
        preemptions=sum(moment.preempted for moment in moments),
    )


@dataclass(frozen=True)
class _Moment:
    """Something happens: a step is done, or its actor is preempted at it."""

    step: Step
    preempted: bool = False
    leaves: bool = False  # the next moment is another actor's because it was decided so

    @property
    def key(self) -> tuple[str, str]:
        return self.step.kind, self.step.point


def position(diagram: Diagram, steps: Sequence[Step]) -> int | None:
    """The last row of @diagram that is reached in @steps, the first ones of its trace."""
    reached = {(moment.step.step, moment.preempted) for moment in _in_order(steps)}
    rows = enumerate(diagram.rows)
    found = [index for index, row in rows if (row.step, row.kind == "preempted") in reached]
    return found[-1] if found else None


def _is_announced(step: Step) -> bool:
    """Whether the step is recorded before it is done."""
    return step.kind in ("access", "free") or (step.kind, step.point) == ("point", _UNLOCK)


def _in_order(steps: Sequence[Step]) -> list[_Moment]:
    moments: list[_Moment] = []
    announced: dict[str, Step] = {}

    def goes_on(actor: str) -> None:
        if actor in announced:
            moments.append(_Moment(announced.pop(actor)))

    for step in steps:
        if step.kind == "begin" or not step.actor:
            continue
        goes_on(step.actor)
        leaves = step.local > 0 and step.next not in ("", step.actor)
        if leaves and _is_announced(step):
            announced[step.actor] = step
        else:
            moments.append(_Moment(step, leaves=leaves))
        if leaves:
            if not step.free:
                moments.append(_Moment(step, preempted=True, leaves=True))
            goes_on(step.next)
    return moments


def _last_to_run(moments: Sequence[_Moment]) -> str:
    last = moments[-1]
    return last.step.next if last.leaves else last.step.actor


def _failing(moments: Sequence[_Moment], verdict: Verdict | None) -> bool:
    """Whether the last moment is what the verdict is about."""
    if not moments or verdict is None or verdict.function is None or moments[-1].leaves:
        return False
    last = moments[-1].step
    function = last.where.partition("+")[0]
    return last.kind in ("access", "free") and function == verdict.function.partition("+")[0]


# === What matters ===


def _wanted(moments: Sequence[_Moment]) -> list[bool]:
    """Which moments are shown when not all are."""
    conflicts = _conflicts([moment.step for moment in moments])
    shared = _shared([moment.step for moment in moments])
    wanted = []
    for moment in moments:
        step = moment.step
        wanted.append(
            moment.preempted
            or moment.leaves
            or step.delay_ns > 0
            or step.kind in ("fault", "block", "resume", "end")
            or step.kind in ("access", "free")
            and (step.object == 0 or id(step) in conflicts)
            or step.kind == "alloc"
            and step.object in shared
        )
    for index, moment in enumerate(moments[:-1]):
        after = moments[index + 1]
        # Without a strategy the actor changes where nothing was decided.
        if after.step.actor != moment.step.actor:
            wanted[index] = True
        # It waited for none of the others.
        elif moment.step.kind == "block" and after.step.kind == "resume":
            wanted[index] = wanted[index + 1] = False
    _want_sections(moments, wanted)
    return wanted


def _shared(steps: Sequence[Step]) -> set[int]:
    """The objects that more than one actor touches."""
    by: dict[int, set[str]] = {}
    for step in steps:
        if step.object and step.kind in ("access", "free"):
            by.setdefault(step.object, set()).add(step.actor)
    return {number for number, actors in by.items() if len(actors) > 1}


@dataclass(frozen=True)
class _Touch:
    """Bytes of an object, and what is done to them."""

    actor: str
    start: int
    end: int
    write: bool

    def depends_on(self, other: _Touch) -> bool:
        return (
            self.actor != other.actor
            and (self.write or other.write)
            and self.start < other.end
            and other.start < self.end
        )


def _conflicts(steps: Sequence[Step]) -> set[int]:
    """The accesses, by id(), that touch what another actor writes or frees, or the reverse."""
    touches: dict[int, dict[_Touch, list[int]]] = {}
    for step in steps:
        if not step.object or step.kind not in ("access", "free"):
            continue
        if step.kind == "free":
            touch = _Touch(step.actor, 0, 2**32, True)
        else:
            touch = _Touch(step.actor, step.offset, step.offset + max(step.size, 1), step.write)
        touches.setdefault(step.object, {}).setdefault(touch, []).append(id(step))
    return {
        one
        for by_touch in touches.values()
        for touch, ones in by_touch.items()
        if any(touch.depends_on(other) for other in by_touch)
        for one in ones
    }


def _want_sections(moments: Sequence[_Moment], wanted: list[bool]) -> None:
    """An outermost read section is shown if something is while it lasts."""
    opened: dict[str, int] = {}
    used: set[str] = set()
    for index, moment in enumerate(moments):
        actor = moment.step.actor
        if moment.key == ("point", _UNLOCK) and moment.step.nesting <= 1 and not moment.preempted:
            start = opened.pop(actor, None)
            if start is not None and actor in used:
                wanted[start] = wanted[index] = True
            used.discard(actor)
        elif wanted[index]:
            used.update(opened)  # also by what others do meanwhile
        if moment.key == ("point", _LOCK) and moment.step.nesting <= 1 and not moment.preempted:
            opened[actor] = index
            if wanted[index]:
                used.add(actor)
    for actor in used:
        if actor in opened:
            wanted[opened[actor]] = True


# === Rows ===


@dataclass
class _Rows:
    actors: tuple[str, ...]
    words: _Words
    full: bool
    rows: list[Row] = field(default_factory=list)
    depths: dict[str, int] = field(default_factory=dict)
    hidden: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def add(self, moment: _Moment, show: bool) -> None:
        step = moment.step
        # At its ends a section counts from outside.
        end = moment.key in (("point", _LOCK), ("point", _UNLOCK)) and not moment.preempted
        self.depths[step.actor] = max(step.nesting - end, 0)
        texts = self.words.of(moment)
        if show:
            self.fold()
            last = self.rows[-1] if self.rows else None
            kind = "preempted" if moment.preempted else step.kind
            row = Row(
                0, step.step, self.actors.index(step.actor), kind, texts, self._depth(),
                "" if moment.preempted else step.where, nesting=step.nesting,
                **self.words.accessed(step),
            )  # fmt: skip
            if (
                last and not self.full and kind == "access" == last.kind
                and (last.actor, last.texts, last.where) == (row.actor, texts, row.where)
            ):  # fmt: skip
                self.rows[-1] = replace(last, count=last.count + 1)
            elif moment.preempted:
                self.rows.append(row)
            else:
                self.number += 1
                self.rows.append(replace(row, number=self.number))
        elif step.kind != "start":
            self.hidden[step.actor] += 1
        if moment.key == ("point", _LOCK):
            self.depths[step.actor] = max(step.nesting, 1)

    def fold(self) -> None:
        """Say how many steps were left out here."""
        for actor, count in self.hidden.items():
            if count >= _FOLD:
                texts = (f"{MORE} {count} steps", f"{MORE} {count}")
                index = self.actors.index(actor)
                self.rows.append(Row(0, 0, index, "fold", texts, self._depth(), count=count))
        self.hidden.clear()

    def verdict(self, actor: str, function: str) -> Row:
        name = function.partition("+")[0]
        self.number += 1
        return Row(
            self.number, 0, self.actors.index(actor), "verdict", (f"{name}()", name),
            self._depth(), where=function, failing=True,
        )  # fmt: skip

    def _depth(self) -> tuple[int, ...]:
        depths = (self.depths.get(actor, 0) for actor in self.actors)
        return tuple(depth if self.full else min(depth, 1) for depth in depths)


class _Words:
    """What to say of a step."""

    def __init__(self, moments: Sequence[_Moment], field_of: FieldOf | None) -> None:
        self._field_of = field_of
        self._values: dict[tuple[int, int], int] = {}  # what pointers point to, as last seen
        self._last: dict[str, Step] = {}  # of each actor
        tasks = {
            moment.step.object
            for moment in moments
            if _struct(moment.step) == "task" and moment.step.of != moment.step.actor
        }
        self._one_task = len(tasks) <= 1

    def of(self, moment: _Moment) -> tuple[str, ...]:
        """The wordings, the longest first."""
        step = moment.step
        if moment.preempted:
            texts = [f"{SWITCH} preempted"]
            if _is_announced(step):
                texts[:0] = [f"{SWITCH} preempted before {text}" for text in self._announced(step)]
        else:
            texts = [text + self._delay(step) for text in self._done(step)]
            self._last[step.actor] = step
            if step.kind == "access" and _pointee(step):
                self._values[step.object, step.offset] = _pointee(step)
            elif step.kind == "access" and step.write:
                self._values.pop((step.object, step.offset), None)
        return tuple(dict.fromkeys(printable(text) for text in texts))

    @staticmethod
    def _delay(step: Step) -> str:
        return f" +{duration(step.delay_ns)}" if step.delay_ns else ""

    def _announced(self, step: Step) -> list[str]:
        """What is not done yet has no result."""
        if step.kind == "point":
            return [f"{step.point}()", step.point]
        if step.kind != "access":
            return self._done(step)
        if step.write and "." in _watch(step):
            return [f"writing {what}" for what in self._what(step)]
        return self._what(step)

    def _done(self, step: Step) -> list[str]:
        function = step.where.partition("+")[0]
        match step.kind:
            case "point":
                known = step.point in (_LOCK, _UNLOCK)
                return [f"{step.point}()" if known else step.point]
            case "fault":
                name = function or "?"
                return [f"! {step.point} in {name}()", f"! {function or step.point} fails"]
            case "access":
                return self._access(step)
            case "alloc" | "free":
                return [f"{step.kind} {what}" for what in _object(step)]
            case "block":
                return self._waits(step, function)
            case "resume":
                return ["goes on"]
            case "lock" | "unlock":
                return [f"{step.kind} #{step.object}"]
        return [step.kind]

    def _waits(self, step: Step, function: str) -> list[str]:
        last = self._last.get(step.actor)
        if function:
            return [f"waits in {function}()", "waits"]
        if last and last.kind == "point" and last.point == "switch_before_gp":
            return ["waits for a grace period", "waits for readers", "waits"]
        return ["waits"]

    def _access(self, step: Step) -> list[str]:
        pointer = "." in _watch(step) and step.size == 8
        value = _pointee(step)
        target = f"#{value}" if value else "another" if step.value else "NULL"
        if step.write and pointer:
            member = _watch(step).partition(".")[2]
            before = self._values.get((step.object, step.offset))
            old = f", was #{before}" if before else ""
            # Of NULL there is no kind.
            kind = f"{member} " if value else ""
            return [f"publish {kind}{target}{old}", f"publish {target}{old}", f"publish {target}"]
        if step.write and value:
            return [f"{what} = {target}" for what in self._what(step)]
        if step.write:
            return [f"write {what}" for what in self._what(step)]
        if value or pointer:
            return [f"{what} → {target}" for what in self._what(step)]
        return self._what(step)

    def accessed(self, step: Step) -> dict[str, Any]:
        """What of which object, and how, for programs; {} if the step is no access."""
        if step.kind not in ("access", "alloc", "free"):
            return {}
        watch = _watch(step)
        name = self._field_of(watch, step.offset, step.size) if self._field_of else ""
        struct = watch.partition(".")[0]
        whole = step.kind != "access"
        field = struct if whole else f"{struct}.{name or f'+{step.offset:#x}'}"
        return {"object": step.object, "field": field, "write": step.write}

    def _what(self, step: Step) -> list[str]:
        """The member of the object."""
        name = self._field_of(_watch(step), step.offset, step.size) if self._field_of else ""
        name = name or _watch(step).partition(".")[2] or f"+{step.offset:#x}"
        member = name if name.startswith("+") else f"->{name}"
        if _struct(step) != "task":
            return [f"{what}{member}" for what in _object(step)]
        if step.of and step.of == step.actor:
            return [f"current{member}"]
        if self._one_task:
            return [f"task{member}"]
        return [f"{step.of}{member}" if step.of else f"task #{step.object}{member}"]


def _watch(step: Step) -> str:
    """The name of the watch, "" if it has none."""
    return step.watch if isinstance(step.watch, str) else ""


def _pointee(step: Step) -> int:
    """The object that the pointer points to, 0 for none that is watched."""
    return step.value if step.value != OTHER else 0


def _struct(step: Step) -> str:
    """How an object of the step's watch is called."""
    return _watch(step).partition(".")[0].removesuffix("_struct") or "object"


def _object(step: Step) -> list[str]:
    number = f"#{step.object}" if step.object else "?"
    return [f"{_struct(step)} {number}", number]


# === Where ===


class _Sources:
    """Finds lines, each once."""

    def __init__(self, line_of: LineOf | None, tree: Path | None) -> None:
        self._line_of = line_of
        self._tree = tree
        self._lines: dict[tuple[str, bool], str] = {}
        self._texts: dict[str, list[str]] = {}

    def located(self, row: Row, verdict: Verdict | None) -> Row:
        """The row with its line."""
        if not row.where or self._line_of is None:
            return row
        # At a fault of the processor the instruction itself is meant, else the one before.
        returns = not (row.kind == "verdict" and verdict and verdict.oracle == "oops")
        key = row.where, returns
        if key not in self._lines:
            self._lines[key] = printable(self._line_of(*key) or "")
        line = self._lines[key]
        return replace(row, line=line, source=self._text(line))

    def _text(self, line: str) -> str:
        name, _, number = line.rpartition(":")
        if self._tree is None or not name or not number.isdecimal():
            return ""
        if name not in self._texts:
            try:
                self._texts[name] = (self._tree / name).read_text(errors="replace").split("\n")
            except (OSError, ValueError):
                self._texts[name] = []
        lines = self._texts[name]
        index = int(number) - 1
        return printable(" ".join(lines[index].split())) if 0 <= index < len(lines) else ""


def _sentence(verdict: Verdict, line_of: LineOf | None) -> str:
    text = verdict.headline
    line = None
    if verdict.function and line_of:
        line = line_of(verdict.function, verdict.oracle != "oops")
    if verdict.function and line:
        text = text.replace(verdict.function, verdict.function.partition("+")[0])
        text += f" ({line})"
    return printable(" ".join(text.split()))


# === Text ===


def text(diagram: Diagram, here: int | None = None) -> str:
    """The diagram in at most 80 columns; "" if there is nothing to show.

    @here: the row, from 0, that a debugger has come to.
    """
    if not diagram.rows:
        return ""
    narrow = len(diagram.actors) > _MAX_COLUMNS
    lines = list(_one_column(diagram, here) if narrow else _columns(diagram, here))
    lines += verdict_lines(diagram.verdict, WIDTH)
    legend = list(_legend(diagram.rows))
    if legend:
        lines += ["", *legend]
    return "\n".join(lines) + "\n"


def shorten(words: str, width: int) -> str:
    """At most @width characters: the head and the tail, with "…" for what is between."""
    if len(words) <= width:
        return words
    if width <= 1:
        return MORE[:width]
    tail = (width - 1) // 3
    return words[: width - 1 - tail] + MORE + (words[-tail:] if tail else "")


def fit(texts: Sequence[str], width: int) -> str:
    """The longest wording that fits, or the shortest one shortened."""
    return next((words for words in texts if len(words) <= width), shorten(texts[-1], width))


def wording(row: Row, width: int) -> str:
    """What a row says in at most @width characters, with its mark."""
    mark = f"{FAIL} " if row.failing else ""
    many = f" ×{row.count}" if row.count > 1 and row.kind != "fold" else ""
    room = max(width - len(mark) - len(many), 1)
    return shorten(mark + fit(row.texts, room) + many, width)


def printable(words: str) -> str:
    """One line that a terminal and XML can take."""
    return "".join(char if char.isprintable() else "?" for char in words)


def verdict_lines(verdict: str, width: int) -> list[str]:
    """The verdict, wrapped and marked."""
    if not verdict:
        return []
    return textwrap.wrap(f"{FAIL} {verdict}", width, subsequent_indent="  ", break_on_hyphens=False)


def _columns(diagram: Diagram, here: int | None) -> Iterator[str]:
    number = _number_width(diagram.rows) + (here is not None)
    width = (WIDTH - number) // len(diagram.actors) - len(_GAP)
    yield _line("", number, [shorten(actor, width) for actor in diagram.actors], width)
    for index, row in enumerate(diagram.rows):
        cells = [BAR * min(depth, width) for depth in row.depth]
        bars = f"{BAR} " * min(row.depth[row.actor], width // 4)
        cells[row.actor] = bars + wording(row, width - len(bars))
        yield _line(_number(row, number, index == here), number, cells, width)


def _one_column(diagram: Diagram, here: int | None) -> Iterator[str]:
    number = _number_width(diagram.rows) + (here is not None)
    letters = [chr(ord("A") + index % 26) for index in range(len(diagram.actors))]
    names = [f"{letter} {actor}" for letter, actor in zip(letters, diagram.actors)]
    yield from textwrap.wrap(", ".join(names), WIDTH)
    width = WIDTH - number - 2 * len(_GAP) - 1
    for index, row in enumerate(diagram.rows):
        bars = f"{BAR} " * min(row.depth[row.actor], width // 4)
        cell = f"{letters[row.actor]}{_GAP}{bars}{wording(row, width - len(bars))}"
        yield _line(_number(row, number, index == here), number, [cell], 0)


def _number(row: Row, width: int, here: bool) -> str:
    number = str(row.number or "")
    return HERE + number.rjust(width - 1) if here else number


def _number_width(rows: Sequence[Row]) -> int:
    return max(2, len(str(max(row.number for row in rows))))


def _line(number: str, number_width: int, cells: Sequence[str], width: int) -> str:
    return _GAP.join([number.rjust(number_width), *(cell.ljust(width) for cell in cells)]).rstrip()


def _legend(rows: Sequence[Row]) -> Iterator[str]:
    """Where the rows are in the source; those of one place share a line."""
    places: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.number and (row.line or row.function):
            places.setdefault((row.line, row.function), []).append(row)
    if not places:
        return
    numbers = [",".join(str(row.number) for row in found) for found in places.values()]
    left = min(max(2, *map(len, numbers)), 11)
    middle = min(max(len(line) for line, _ in places), 32)
    for number, ((line, function), found) in zip(numbers, places.items()):
        cells = [_list(number, left).rjust(left)]
        if middle:
            cells.append(shorten(line, middle).ljust(middle))
        source = f": {found[0].source}" if found[0].source else ""
        used = len(_GAP.join(cells)) + len(_GAP)
        words = f"{printable(function)}(){source}" if function else found[0].source
        cells.append(words if len(words) <= WIDTH - used else f"{words[: WIDTH - used - 1]}{MORE}")
        yield _GAP.join(cells).rstrip()


def _list(numbers: str, width: int) -> str:
    """ "1,2,3,…": no number is cut."""
    if len(numbers) <= width:
        return numbers
    return numbers[: numbers[:width].rindex(",") + 1] + MORE if "," in numbers[:width] else MORE


# === For programs ===


def json_of(diagram: Diagram) -> dict[str, Any]:
    """The diagram for json.dumps().

    actors: names. verdict: one line or null. steps: how many the trace has. preemptions: how
    many. rows: in the order in which things were done, each with
        number: from 1, as the text has it; null for what is no step
        step: its number in the trace, null for a fold or what no step told of
        actor: a name
        kind: of the step ("point", "access", "alloc", "free", ...), or "preempted", "fold"
            (count steps are left out), "verdict" (it failed where no step was)
        text: what was done
        count: so many equal steps in a row
        depth: of each actor, in the order of actors, its depth of RCU read sections
        where, line, source: "utsns_get+0x1a/0x80", "kernel/utsname.c:126", that line's text;
            null where it is not known
        failing: whether the verdict is about this row
        nesting: of rcu_read_lock() where it was done
        object, field, write: of an access the number of the object, "nsproxy.uts_ns", whether
            it writes; else null
    """
    rows = []
    for row in diagram.rows:
        data = asdict(row)
        data["text"] = data.pop("texts")[0]
        data["actor"] = diagram.actors[row.actor]
        data["depth"] = list(row.depth)
        for key in ("number", "step", "where", "line", "source", "field", "object"):
            data[key] = data[key] or None
        if not row.object:
            data["write"] = None
        rows.append(data)
    return {
        "actors": list(diagram.actors),
        "rows": rows,
        "verdict": diagram.verdict or None,
        "steps": diagram.steps,
        "preemptions": diagram.preemptions,
    }
