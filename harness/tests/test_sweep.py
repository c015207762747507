# SPDX-License-Identifier: GPL-2.0
"""The parts of a sweep that need no guest: rule, results file, who is new, how long it is kept."""

from __future__ import annotations

import datetime
import os
import random
import sqlite3
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from nslab_lab.build import catalog
from nslab_lab.build.guest_program import Guest
from nslab_lab.build.own_scenarios import Own
from nslab_lab.guest import verdict
from nslab_lab.host.errors import LabError
from nslab_lab.sweeps import (
    description,
    durations,
    gather,
    judge,
    known,
    notify,
    retention,
    schema,
    text,
)
from nslab_lab.sweeps.one_writer import alone
from nslab_lab.sweeps.rows import DONE, LEFT
from nslab_lab.sweeps.rule import Choice, Chooser, Limits, Outcome
from nslab_lab.sweeps.sketch import K, Sketch, hash_of
from nslab_lab.sweeps.store import Store
from sweeplab import cell_rows, commit, night, outcome, results, sweep_row

HARNESS = Path(__file__).resolve().parents[1]


def error_of(function: Callable[..., Any] | type[Any], *args: Any, **more: bool) -> LabError:
    with pytest.raises(LabError) as caught:
        function(*args, **more)
    assert "\n" not in caught.value.message
    return caught.value


# === Durations ===


@pytest.mark.parametrize(
    ("text", "seconds"), [("45", 45), ("90s", 90), ("10m", 600), ("8h", 28800), ("30d", 2592000)]
)
def test_durations(text: str, seconds: int) -> None:
    assert durations.parse("budget", text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "-1h", "10 m", "1.5h", "8hours", "9999999d", "٣m"])
def test_what_is_no_duration(text: str) -> None:
    error = error_of(durations.parse, "budget", text)
    assert (
        error.status == 2
        and error.message == f"budget={text}: not a duration such as 90s, 10m, 8h or 30d"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (1800, "30 min"), (4800, "1 h 20 min"), (7200, "2 h"),
     (604800, "7 days")],
)  # fmt: skip
def test_durations_for_people(seconds: float, shown: str) -> None:
    assert durations.shown(seconds) == shown


# === How many different ones ===


def test_a_sketch_is_exact_while_it_is_small() -> None:
    sketch = Sketch()
    sketch.add([5, 7, 5])
    sketch.add([7, 9])
    assert sketch.count == 3 and Sketch.unpack(sketch.pack()).lowest == {5, 7, 9}


def test_a_sketch_is_near_when_it_is_large() -> None:
    hashes = [hash_of(f"{number:016x}") for number in range(100_000)]
    sketch = Sketch(hashes)
    assert len(sketch.lowest) == K and abs(sketch.count - 100_000) < 10_000


def test_a_sketch_does_not_depend_on_the_order() -> None:
    dice = random.Random(1)
    hashes = [dice.getrandbits(64) for _ in range(5000)]
    whole = Sketch(hashes).pack()
    dice.shuffle(hashes)
    parts = Sketch()
    for start in range(0, 5000, 70):
        parts.add(Sketch(hashes[start : start + 100]).lowest)
    assert parts.pack() == whole


# === The rule ===


def chosen(
    limits: list[Limits],
    results: Callable[..., Any],
    order: random.Random,
    ahead: int = 4,
    count: int = 40,
) -> list[int]:
    """The cells of the first @count batches, whose outcomes come in as @order shuffles them."""
    chooser = Chooser(limits, ahead)
    cells: list[int] = []
    waiting: list[Any] = []
    while len(cells) < count:
        if chooser.ready:
            choice = chooser.next()
            if choice is None:
                break
            assert choice.n == len(cells) + 1
            cells.append(choice.cell)
            waiting.append(choice)
        elif waiting:
            one = waiting.pop(order.randrange(len(waiting)))
            chooser.outcome(one.n, results(one))
    return cells


def nothing(choice: Choice) -> Outcome:
    return Outcome(False)


def test_the_fewest_executions_come_first() -> None:
    cells = chosen([Limits(10), Limits(10), Limits(30)], nothing, random.Random(1), count=14)
    assert cells == [0, 1, 2, 0, 1, 0, 1, 0, 1, 2, 0, 1, 0, 1]


def test_a_cell_that_found_something_comes_before_others_with_as_many() -> None:
    def third(choice: Choice) -> Outcome:
        return Outcome(choice.cell == 2)

    cells = chosen([Limits(10)] * 4, third, random.Random(1), ahead=4, count=12)
    assert cells[:4] == [0, 1, 2, 3]
    # A batch that a finding cut short counts in full: no cell gets more than its share.
    assert cells[8:12] == [2, 0, 1, 3] and sorted(cells[4:8]) == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_does_not_depend_on_who_comes_in_first(seed: int) -> None:
    def some(choice: Choice) -> Outcome:
        return Outcome((choice.n * 7919) % 5 == 0, error=choice.n == 9)

    limits = [Limits(10), Limits(10, 3), Limits(25), Limits(10)]
    assert chosen(limits, some, random.Random(seed)) == chosen(limits, some, random.Random(99))


def test_a_cell_has_an_end() -> None:
    assert chosen([Limits(10, 2), Limits(10, 1)], nothing, random.Random(1)) == [0, 1, 0]


def test_a_cell_that_cannot_be_run_is_left_out() -> None:
    def first(choice: Choice) -> Outcome:
        return Outcome(False, error=choice.cell == 0)

    cells = chosen([Limits(10), Limits(10)], first, random.Random(1), ahead=2, count=8)
    assert cells == [0, 1, 1, 1, 1, 1, 1, 1]


def test_going_on_chooses_what_would_have_been_chosen() -> None:
    limits = [Limits(10)] * 3

    def some(choice: Choice) -> Outcome:
        return Outcome(choice.n % 4 == 0)

    whole = chosen(limits, some, random.Random(1), count=30)
    chooser = Chooser(limits, 4)
    numbers = [0, 0, 0]
    for n, cell in enumerate(whole[:20], 1):
        chooser.again(Choice(n, cell, numbers[cell], 10))
        numbers[cell] += 1
        if n not in (18, 20):  # they were lost
            chooser.outcome(n, some(Choice(n, cell, 0, 10)))
    assert chooser.whole == 17 and chooser.planned == 200
    assert chooser.next().cell == whole[20]
    assert not chooser.ready


# === Descriptions ===

ITEM = [catalog.Scenario("one", "", ("a", "b")), catalog.Scenario("two", "", ("a", "b"))]
PROGRAM = catalog.Program(
    ITEM, [catalog.Item(name, "") for name in ("none", "random", "pct", "pos", "bounded", "replay")]
)
GUEST = Guest(Path("init"), PROGRAM)
GOOD = 'about = "x"\nbudget = "1m"\n'


def described(folder: Path, toml: Any, name: str = "mine.toml") -> description.Description | None:
    path = folder / name
    path.write_text(toml)
    return description.read(path, GUEST)


def test_a_file_of_the_users_own_is_named_from_the_description(tmp_path: Path) -> None:
    own = Own((tmp_path / "mine.c").resolve(), "0123abcd", {"mine.c": b""})
    mine = catalog.Scenario("mine+0123abcd", "")
    program = replace(PROGRAM, scenarios=[*PROGRAM.scenarios, mine])
    guest = replace(GUEST, program=program, own={mine.name: own})

    def scenarios(text: Any) -> Any:
        path = tmp_path / "mine.toml"
        path.write_text(f"{GOOD}[cells.a]\nscenarios = {text}\n")
        return [cell.scenario for cell in description.read(path, guest).cells]

    assert scenarios('["./mine.c"]') == ["mine+0123abcd"]
    assert scenarios('["mine.c", "one"]') == ["one", "mine+0123abcd"]
    names = [one.name for one in PROGRAM.scenarios]
    assert scenarios('["all"]') == names
    assert scenarios('["all", "./mine.c"]') == [*names, "mine+0123abcd"]


def test_cells_are_all_combinations(tmp_path: Path) -> None:
    made = described(
        tmp_path,
        'about = "x"\nexecutions = 1_000\nbatch = 20\n[cells.a]\nprofiles = ["delay", "mixed"]\nseeds = 2\n'
        '[cells.b]\nscenarios = ["two"]\nstrategies = ["random", "none"]\nvariants = ["none", "plain-get"]\n',
    )  # fmt: skip
    assert (made.name, made.executions, made.budget_s, made.batch) == ("mine", 1000, None, 20)
    cells = [(one.scenario, one.strategy, one.profile, one.variant, one.seed) for one in made.cells]
    assert cells[:4] == [
        ("one", "none", "delay", "none", 1), ("one", "none", "delay", "none", 2),
        ("two", "none", "delay", "none", 1), ("two", "none", "delay", "none", 2),
    ]  # fmt: skip
    # What is there twice is one cell; the profile is the strategy's default.
    assert len(cells) == 8 + 4 - 1 and ("two", "random", "none", "plain-get", 1) in cells


@pytest.mark.parametrize("name", ["smoke", "nightly"])
def test_those_that_come_with_the_lab(name: Any, scenarios_init: Path) -> None:
    made = description.read(
        description.path_of(name), Guest(scenarios_init, catalog.from_init(scenarios_init))
    )
    assert made.name == name and made.budget_s and {cell.scenario for cell in made.cells}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("about = 1", "mine.toml:1: about: has to be a string"),
        ("about", "mine.toml:1: not TOML"),
        ('about = "x"\n', "mine.toml:1: budget: is missing, and so is executions"),
        (GOOD, "mine.toml:1: cells: is missing"),
        (GOOD + "bugdet = 1\n", "mine.toml:3: bugdet: no such key, there are: about, ahead, "),
        ('about = "x"\nbudget = "soon"\n', "mine.toml:2: budget: not a duration such as"),
        (GOOD + "batch = 0\n[cells.a]\n", "mine.toml:3: batch: 0 is not between 1 and"),
        (GOOD + 'batch = "a"\n[cells.a]\nseeds = 1\n', "mine.toml:3: batch: has to be a whole number"),
        (GOOD + "[cells.a]\n", "mine.toml:3: cells.a: has to be a table with something in it"),
        (GOOD + '[cells.a]\nscenario = ["one"]\n', "mine.toml:4: cells.a.scenario: no such key"),
        (GOOD + '[cells.a]\nscenarios = ["onne"]\n',
         "mine.toml:4: cells.a.scenarios: no scenario 'onne': is 'one' meant?"),
        (GOOD + "[cells.a]\nscenarios = []\n", "mine.toml:4: cells.a.scenarios: is empty"),
        (GOOD + '[cells.a]\nscenarios = "one"\n', "mine.toml:4: cells.a.scenarios: has to be a list"),
        (GOOD + '[cells.a]\nkernels = ["5.1"]\n', "mine.toml:4: cells.a.kernels: no kernel '5.1'"),
        (GOOD + '[cells.a]\nvariants = ["x"]\n', "mine.toml:4: cells.a.variants: no variant 'x'"),
        (GOOD + '[cells.a]\nprofiles = ["x"]\n', "mine.toml:4: cells.a.profiles: no profile 'x'"),
        (GOOD + '[cells.a]\nstrategies = ["replay"]\n', "mine.toml:4: cells.a.strategies: replay is no strategy for"),
        (GOOD + '[cells.a]\nstrategies = ["random"]\nprofiles = ["delay"]\n',
         "mine.toml:5: cells.a.profiles: profile delay delays actors, but strategy random itself decides"),
        (GOOD + "[cells.a]\nseeds = 9000\n[cells.b]\nseeds = 10_000\n"
         "profiles = ['none', 'delay', 'mixed', 'failslab', 'access']\n",
         "mine.toml:3: cells: more than 100,000 combinations"),
    ],
)  # fmt: skip
def test_wrong_descriptions(tmp_path: Path, text: str, message: str) -> None:
    error = error_of(described, tmp_path, text)
    assert error.status == 2 and message in error.message, error.message


def test_a_description_that_is_not_there(tmp_path: Path) -> None:
    assert (
        "no sweep 'nihgtly' in harness/sweeps: there is nightly, smoke"
        in error_of(description.path_of, "nihgtly").message
    )
    path = description.path_of(str(tmp_path / "no.toml"))
    assert "No such file" in error_of(description.read, path, GUEST).message
    assert "named after its file" in error_of(described, tmp_path, GOOD, "my sweep.toml").message


# === The results file ===


def test_what_was_committed_is_there(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        row = night(store, "a", "b", "a")
    with Store(tmp_path / "results.sqlite", writable=False) as store:
        assert [one.id for one in store.sweeps()] == ["nightly-1"] and row.seeds == "nightly-1"
        assert store.rows("SELECT sum(executions), sum(failures) FROM cells") == [(19, 3)]
        assert store.rows("SELECT name, executions FROM coverage WHERE kind = 'point' ORDER BY 1") == [
            ("exit_notify", 0), ("rcu_read_lock", 19),
        ]  # fmt: skip
        assert store.rows("SELECT signature, n FROM findings ORDER BY 1") == [("a", 3), ("b", 4)]


def test_nothing_is_counted_twice(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        row = store.begin(sweep_row(), cell_rows())
        commit(store, row, 1, outcome())
        before = store.rows("SELECT * FROM cells")
        with pytest.raises(LabError, match="batch 1 of sweep 1 is there already"):
            store.commit(row.sweep, cell_rows()[0], 1, outcome(), Sketch(), 1.0)
        assert store.rows("SELECT * FROM cells") == before


def test_the_first_batch_speaks_for_a_finding_whichever_comes_in_first(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        row = store.begin(sweep_row(), cell_rows())
        for n in (3, 1, 2):
            commit(store, row, n, outcome(n, "a"))
        assert store.rows("SELECT n FROM findings") == [(1,)]


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        row = store.begin(sweep_row(), cell_rows())
        with pytest.raises(KeyError), store.transaction():
            store.execute("DELETE FROM cells")
            raise KeyError
        assert len(store.cells(row.sweep)) == 2


def test_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of an older schema is brought up to date, and keeps what it has."""
    with results(tmp_path) as store:
        night(store, "a")
    more = "CREATE TABLE notes (text TEXT) STRICT;\nALTER TABLE sweeps ADD COLUMN note TEXT;\n"
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, more])
    with results(tmp_path) as store:
        assert store.rows("PRAGMA user_version") == [(len(schema.MIGRATIONS),)]
        assert store.rows("SELECT id, note FROM sweeps") == [("nightly-1", None)]
        assert store.rows("SELECT * FROM notes") == []


def test_causes_of_a_file_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1 knew signatures only: the consoles that it has kept say the causes."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with results(tmp_path) as store:
            row = store.begin(sweep_row(), cell_rows())
            store.execute("UPDATE cells SET variant = 'bad' WHERE cell = 1")
            console = (HARNESS / "tests/consoles/kasan-utsns.txt").read_text()
            judged = verdict.of_console(console)
            for cell, signed in enumerate(("", "bad: ")):
                for signature, oracle, said in (
                    (judged.signature, "kasan", console), ("assertion:a.c:#: b", "assertion", ""),
                ):  # fmt: skip
                    n = store.rows("SELECT count(*) FROM findings")[0][0] + 1
                    values = (row.sweep, n, 1, cell, signed + signature, "token", "solo")
                    store.execute(
                        "INSERT INTO failures (sweep, n, execution, cell, signature, token, reproduced) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)", *values,
                    )  # fmt: skip
                    store.execute(
                        "INSERT INTO findings (sweep, signature, n, oracle, headline, token, reproduced, "
                        "console, through, small, told) VALUES (?, ?, ?, ?, '', 't', 'solo', ?, 1, 's', 1)",
                        row.sweep, signed + signature, n, oracle, zlib.compress(said.encode()),
                    )  # fmt: skip
    with Store(tmp_path / "results.sqlite", writable=False) as store:
        assert store.rows("PRAGMA user_version") == [(len(schema.MIGRATIONS),)]
        found = store.rows("SELECT cause, small, told, n FROM findings ORDER BY n")
        assert found == [
            ("nsproxy released by switch_task_namespaces", "s", 1, 1), ("a.c:#: b", "s", 1, 2),
            ("bad: nsproxy released by switch_task_namespaces", "s", 1, 3), ("bad: a.c:#: b", "s", 1, 4),
        ]  # fmt: skip
        assert store.rows("SELECT cause FROM failures ORDER BY n") == [(one[0],) for one in found]
        assert len(judge.findings(store, store.sweeps(), {})) == 4


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with results(tmp_path) as store:
        night(store, "a")
    monkeypatch.setattr(
        schema, "MIGRATIONS", [*schema.MIGRATIONS, "CREATE TABLE x (y);\nnonsense;\n"]
    )
    assert error_of(results, tmp_path).status == 3
    monkeypatch.undo()
    with results(tmp_path) as store:
        assert store.rows("PRAGMA user_version") == [(len(schema.MIGRATIONS),)]
        assert not store.rows("SELECT * FROM sqlite_schema WHERE name = 'x'")


def test_a_newer_schema(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        store.execute("PRAGMA user_version = 7")
    error = error_of(results, tmp_path)
    assert error.status == 2
    assert (
        "results.sqlite was written by a newer nslab (schema 7, this one knows 3): update"
        in error.message
    )


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name)")
    other.close()
    before = path.read_bytes()
    error = error_of(results, tmp_path)
    assert (
        error.status == 2
        and "is a database of something else: give another file, DB=FILE" in error.message
    )
    assert path.read_bytes() == before
    path.write_text("Dear diary, " * 1000)
    error = error_of(results, tmp_path)
    assert (
        error.status == 2
        and "is no results file of nslab's: give another one, DB=FILE" in error.message
    )


def test_a_damaged_file(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        for number in range(20):
            night(store, *(f"a{number}-{n}" for n in range(20)))
    path = tmp_path / "results.sqlite"
    data = bytearray(path.read_bytes())
    for at in range(3 * 4096, len(data) - 4096, 2 * 4096):
        data[at : at + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    error = error_of(results, tmp_path)
    assert error.status == 3 and "is damaged (" in error.message and "move it away" in error.message


def test_two_sweeps_at_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "results.sqlite"
    with alone(path):
        error = error_of(alone(path).__enter__)
    assert error.status == 2 and "another sweep is writing to " in error.message
    with alone(path):
        pass


def test_no_results_to_report_of(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    assert "there is no results file " in error_of(Store, path, writable=False).message
    assert not path.exists()
    path.touch()
    assert "there is no sweep in " in error_of(Store, path, writable=False).message


def in_namespace(command: list[str], mount: str, code: str, folder: Path) -> str:
    """Run Python by @command where @mount was done before; stderr."""
    script = f'{mount} && exec {sys.executable} -c "$1" "$2"'
    done = subprocess.run(
        [*command, "sh", "-c", script, "sh", code, folder],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": f"{HARNESS}:{HARNESS / 'tests'}"},
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    return done.stderr


_RUN = """
import sys
import zlib
from pathlib import Path
from nslab_lab.host.errors import LabError
from nslab_lab.sweeps.one_writer import alone
from sweeplab import *
try:
    with alone(Path(sys.argv[1]) / 'results.sqlite'), results(Path(sys.argv[1])) as store:
        done = 0
        for number in range(1000):
            night(store, *('finding %d' % n for n in range(20)))
            done = number
except LabError as error:
    print(done if 'done' in globals() else -1, file=sys.stderr)
    print(error.message, file=sys.stderr)
    if done:
        (Path(sys.argv[1]) / 'ballast').unlink()
        with results(Path(sys.argv[1])) as store:
            print(len([one for one in store.sweeps() if one.state == 'done']), file=sys.stderr)
    sys.exit(error.status)
"""


def test_a_full_disk(tmp_path: Path, mount_namespace: list[str]) -> None:
    """What was committed is there, and the message says what to do."""
    mount = 'mount -t tmpfs -o size=8m none "$2" && head -c 1000000 /dev/zero > "$2/ballast"'
    said = in_namespace(mount_namespace, mount, _RUN, tmp_path).splitlines()
    done, message, kept = said
    assert int(kept) in (int(done) + 1, int(done) + 2) and int(kept) > 1
    assert "results.sqlite: no space left; what was committed is safe: free some and go on with RESUME=1" in message \
        or "the disk fails" in message  # fmt: skip


def test_a_read_only_folder(tmp_path: Path, mount_namespace: list[str]) -> None:
    said = in_namespace(
        mount_namespace,
        'mount -t tmpfs -o ro none "$2"',
        _RUN.replace("if done:", "if False:"),
        tmp_path,
    )
    assert (
        "results.sqlite cannot be written (Read-only file system): make its folder writable, or give DB=FILE"
        in said
    )


# === New, known, gone ===


def statuses(store: Store, *numbers: int, reasons: tuple[()] = ()) -> dict[str, str]:
    rows = store.sweeps()
    found = judge.findings(store, [rows[number] for number in numbers or (-1,)], dict(reasons))
    return {one.cause: one.status for one in found}


def test_three_nights(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a", "b")
        assert statuses(store) == {"a": "new", "b": "new"}
        night(store, "b", "c")
        assert statuses(store) == {"a": "gone", "b": "known", "c": "new"}
        night(store)
        assert statuses(store) == {"b": "gone", "c": "gone"}
        night(store, "a")
        # It was there once.
        assert statuses(store) == {"a": "known"}
        # As if they were one.
        assert statuses(store, 0, 1, 2, 3) == {"a": "new", "b": "new", "c": "new"} | statuses(
            store, 0, 1, 2, 3
        )
        assert statuses(store, 1, 2) == {"b": "gone", "c": "gone"}


def test_gone_is_only_what_a_whole_sweep_of_that_name_did_not_find(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a")
        night(store, name="smoke")
        assert statuses(store) == {}
        night(store, done=False)
        assert statuses(store) == {}
        night(store, "a", name="smoke")
        assert statuses(store) == {"a": "known"}


def test_gone_is_only_what_was_looked_for(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "in cell 1", "in cell 0")
        night(store, whole=False)
        assert statuses(store) == {"in cell 0": "gone"}
        assert [one.gone for one in gather.report(store, store.sweeps(), {}).nights] == [0, 1]
        # And so it is still open.
        night(store, started=YOUNG, whole=False)
        store.execute("UPDATE sweeps SET started = ? WHERE sweep = 1", OLD)
        retention.apply(store, 30 * DAY, NOW)
        assert store.rows("SELECT signature FROM findings") == [("in cell 1",)]


def test_a_list_of_known_ones(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a", "b")
        (one, other) = judge.findings(store, store.sweeps(), {"b": "a fix waits"})
        assert (one.cause, one.status, one.reason) == ("a", "new", None)
        assert (other.cause, other.status, other.reason) == ("b", "known", "a fix waits")


def test_readers_of_one_cause_are_one_finding(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a@C", "b@C", "a@C", "a@D")
        one, other = judge.findings(store, store.sweeps(), {})
        assert (one.status, one.cause, one.failures) == ("new", "C", 3) and not one.also
        assert [(of.signature, of.failures, of.fresh) for of in one.signatures] == [
            ("a", 2, False), ("b", 1, False),
        ]  # fmt: skip
        # Cells in which it came are counted once: here both of them.
        assert (one.executions, [of.executions for of in one.signatures]) == (22, [11, 11])
        assert (other.cause, [of.signature for of in other.signatures]) == ("D", ["a"])
        assert text.headline([one, other]) == "2 new findings"
        (course,) = gather.report(store, store.sweeps(), {}).nights
        assert course.new == 2 and store.rows("SELECT max(findings) FROM moments") == [(2,)]


def test_a_reader_that_is_new_does_not_make_a_known_cause_new(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a@C")
        night(store, "a@C", "b@C")
        (one,) = judge.findings(store, store.sweeps()[-1:], {})
        assert one.status == "known" and [of.signature for of in one.also] == ["b"]
        lines = text.document([one], [])
        assert lines[1:] == [
            "known: C", "  also seen as: 1 time: KASAN: b (a.c:1)",
            text.command_of(one.also[0], "replay"),
        ]  # fmt: skip
        # Next time it is known that it shows so; and it is not gone while it shows in any way.
        night(store, "b@C")
        (one,) = judge.findings(store, store.sweeps()[-1:], {})
        assert one.status == "known" and not one.also and text.document([one], [])[1:] == ["known: KASAN: b (a.c:1)"]
        night(store)
        (one,) = judge.findings(store, store.sweeps()[-1:], {})
        assert (one.status, [of.signature for of in one.signatures]) == ("gone", ["b"])
        assert [(one.new, one.known, one.gone) for one in gather.report(store, store.sweeps(), {}).nights] == [
            (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1),
        ]  # fmt: skip


def test_a_reader_that_is_known_does_not_make_a_new_cause_known(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a@C")
        night(store, "a@D")
        assert statuses(store) == {"D": "new", "C": "gone"}


@pytest.mark.parametrize(("listed", "also"), [("C", []), ("a", ["b"]), ("b", ["a"])])
def test_a_list_names_a_cause_or_a_signature(tmp_path: Path, listed: Any, also: Any) -> None:
    path = tmp_path / "known.toml"
    key = "cause" if listed == "C" else "signature"
    path.write_text(f'[[known]]\n{key} = "{listed}"\nreason = "a fix waits"\n')
    with results(tmp_path) as store:
        night(store, "a@C", "b@C")
        (one,) = judge.findings(store, store.sweeps(), known.read(path))
        assert (one.status, one.reason) == ("known", "a fix waits")
        assert [of.signature for of in one.also] == also
        (course,) = gather.report(store, store.sweeps(), known.read(path)).nights
        assert (course.new, course.known) == (0, 1)


def test_what_a_sweep_says_of_one_cause(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, *(f"{name * 30}@C" for name in "abcdefghijkl"), "a" * 30 + "@C")
        lines = text.document(judge.findings(store, store.sweeps(), {}), [])
    assert lines[1:4] == [
        "NEW kasan", "C", "in 13 of 49 executions: one none+delay and 1 other cell; 12 signatures:",
    ]  # fmt: skip
    assert lines[4] == f"  2 times: KASAN: {'a' * 30} (a.c:1)"
    assert len([line for line in lines if line.startswith("make replay TOKEN=")]) == 10
    assert lines[-1] == "  and 2 more: see the report"
    assert all(len(line) <= 80 for line in lines if not line.startswith("make "))


def test_findings_say_how_often(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a", "b", "a")
        one, other = judge.findings(store, store.sweeps(), {})
        assert (one.cause, one.failures, one.executions) == ("a", 2, 11)
        best = one.best
        assert best.minimal and best.console and best.picture.startswith("<svg")
        assert one.first == "nightly-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[known]]\nsignature = "a"\n', "known.toml:1: known.reason: is missing, or not text"),
        (
            '[[known]]\nsignature = "a"\nreason = " "\n',
            "known.toml:3: known.reason: is missing, or not text",
        ),
        (
            '[[known]]\nsignature = "a"\nreason = "b"\nwhen = 1\n',
            "known.toml:4: known.when: no such key",
        ),
        ('[known]\nsignature = "a"\n', "known: is to be written [[known]]"),
        ('known = ["a"]\n', "known: is to be written [[known]]"),
        ("[[knwon]]\n", "knwon: no such key, there is [[known]]"),
        (
            '[[known]]\nsignature = "a"\nreason = "b"\n' * 2,
            "known.toml:5: known.signature: is there twice",
        ),
        ('[[known]]\nreason = "b"\n', "known.toml:1: known: cause or signature is missing"),
        (
            '[[known]]\ncause = "a"\nsignature = "a"\nreason = "b"\n',
            "known.toml:1: known: cause or signature has both: leave one out",
        ),
        ('[[known]]\ncause = ""\nreason = "b"\n', "known.toml:2: known.cause: is missing, or not text"),
        ("[[known", "known.toml:1: not TOML"),
    ],
)
def test_wrong_lists(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "known.toml"
    path.write_text(text)
    error = error_of(known.read, path)
    assert error.status == 2 and message in error.message, error.message


def test_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text("# nothing yet\n")
    assert known.read(path) == {}
    assert "No such file" in error_of(known.read, tmp_path / "no.toml").message


# === How long it is kept ===

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
DAY = 86400
OLD, YOUNG = "2026-01-01T22:00:00+00:00", "2026-02-20T22:00:00+00:00"


def test_old_sweeps_go(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a", started=OLD)
        night(store, started=OLD)
        night(store, started=YOUNG)
        assert retention.apply(store, 30 * DAY, NOW) == 2
        assert [row.id for row in store.sweeps()] == ["nightly-3"]
        for table in (
            "cells",
            "batches",
            "failures",
            "findings",
            "coverage",
            "sketches",
            "moments",
        ):
            assert {sweep for (sweep,) in store.rows(f"SELECT DISTINCT sweep FROM {table}")} <= {3}
        # The next one does not take a number that was there.
        assert night(store).id == "nightly-4"


def test_the_last_occurrence_of_an_open_finding_stays(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, "a", "open", started=OLD)
        night(store, "a", started=OLD, done=False)
        store.end(2, LEFT, 1.0)
        night(store, started=YOUNG, name="other")
        night(store, started=OLD, done=False, name="nightly")
        assert retention.apply(store, 30 * DAY, NOW) == 0
        assert store.rows("SELECT sweep, signature FROM findings ORDER BY 1") == [
            (1, "open"),
            (2, "a"),
        ]
        assert store.rows("SELECT count(*) FROM batches WHERE sweep < 3") == [(0,)]
        (one,) = judge.findings(store, store.sweeps()[:1], {})
        assert one.cause == "open" and one.failures == 1 and one.best.picture
        # It is known when it comes again.
        night(store, "open", "a", started=YOUNG)
        assert statuses(store) == {"open": "known", "a": "known"}
        # And once it is gone, so is what was kept of it.
        night(store, started=YOUNG)
        retention.apply(store, 30 * DAY, NOW)
        assert [row.sweep for row in store.sweeps()] == [3, 5, 6]


def test_the_latest_sweep_of_a_name_stays(tmp_path: Path) -> None:
    with results(tmp_path) as store:
        night(store, started=OLD)
        assert retention.apply(store, DAY, NOW) == 0
        assert store.sweeps()[0].state == DONE


# === Telling a command ===


def test_a_command_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notify.tell(f"cat > '{tmp_path}/told'", {"headline": "ü"})
    assert '"headline": "\\u00fc"' in (tmp_path / "told").read_text()
    # One that does not read is no error.
    assert notify.tell("true", {"report": "x" * 200_000})
    assert capsys.readouterr().err == ""


def test_a_command_that_fails_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not notify.tell("echo no such list >&2; exit 4", {})
    assert (
        capsys.readouterr().err
        == "nslab: NOTIFY=echo no such list >&2; exit 4: status 4: no such list\n"
    )
    monkeypatch.setattr(notify, "TIMEOUT_S", 0.2)
    assert not notify.tell("sleep 60", {})
    assert "was still running after 0.2 s, and was ended" in capsys.readouterr().err
