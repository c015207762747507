# SPDX-License-Identifier: GPL-2.0
"""Fault profiles: what they come to, and each way of getting one wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from nslab_lab.host.errors import LabError
from nslab_lab.host.paths import shown
from nslab_lab.plans import profile_schema, profiles

GOOD = 'about = "x"\n[faults.failslab]\nprobability = 5\n'


@pytest.fixture
def profile(tmp_path: Path) -> Callable[..., Any]:
    """Reads a profile with that text."""

    def read(text: bytes | str, name: str = "x.toml") -> profiles.Profile | None:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return profiles.load(str(path))

    return read


@pytest.fixture
def error(profile: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """The one line said about a profile with that text, without the folder."""

    def read(text: bytes | str, name: str = "x.toml") -> str:
        with pytest.raises(LabError) as caught:
            profile(text, name)
        assert caught.value.status == 2
        assert "\n" not in caught.value.message
        return caught.value.message.replace(f"{shown(tmp_path)}/", "")

    return read


@pytest.mark.parametrize("name", profiles.names())
def test_shipped_profiles_are_right(name: str) -> None:
    profile = profiles.load(name)
    assert profile.name == name
    assert not profile.is_own
    assert (profile.knobs == ()) == (name in ("none", "access", "named", "reuse"))
    assert profile.named_points == (name != "access")
    assert profile.delays == (name in ("delay", "mixed", "kmemleak"))
    assert (profiles.KMEMLEAK in profile.knobs) == (name == "kmemleak")
    assert profile.watch == (() if name == "named" else None)


def test_the_shipped_profiles() -> None:
    assert profiles.names() == [
        "access", "delay", "fail-nth", "failslab", "kmemleak", "mixed", "named", "none", "reuse",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["delay", "mixed", "kmemleak"])
def test_delays_are_at_the_points_of_every_subject(name: str) -> None:
    """So a class of points that a subject adds has a line in each of these profiles."""
    own = {knob.path.partition("/")[0] for knob in profiles.load(name).knobs}
    assert {one for one in own if one.startswith("delay_")} == {
        one for one in profile_schema.KNOBS if one.startswith("delay_")
    }


def test_knobs_come_with_defaults_and_probability_last(profile: Callable[..., Any]) -> None:
    text = 'about = "x"\n[faults.failslab]\nprobability = 5\nignore_gfp_wait = false\n'
    assert [str(knob) for knob in profile(text).knobs] == [
        "failslab/task-filter=Y",
        "failslab/verbose=0",
        "failslab/interval=1",
        "failslab/times=-1",
        "failslab/space=0",
        "failslab/ignore-gfp-wait=N",
        "failslab/probability=5",
    ]


@pytest.mark.parametrize(
    "given, low, high",
    [
        ("", 0, 0),
        ("min_delay_ns = 5\n", 5, 5),
        ("max_delay_ns = 7\n", 0, 7),
        ("min_delay_ns = 5\nmax_delay_ns = 7\n", 5, 7),
    ],
)
def test_delay_bounds(profile: Callable[..., Any], given: str, low: int, high: int) -> None:
    knobs = profile(f'about = "x"\n[faults.delay_exit]\nprobability = 1\n{given}').knobs
    values = {knob.path: knob.value for knob in knobs}
    assert values["delay_exit/min-delay-ns"] == str(low)
    assert values["delay_exit/max-delay-ns"] == str(high)


def test_digest_is_of_the_meaning(profile: Callable[..., Any]) -> None:
    a = profile(GOOD)
    b = profile('# c\nfaults = { failslab = {interval = 1, probability = 0x5} }\nabout = "y"\n')
    c = profile(GOOD.replace("5", "6"))
    assert a.digest == b.digest != c.digest
    assert len(a.digest) == 6


def test_points_and_watches_are_part_of_the_digest(profile: Callable[..., Any]) -> None:
    def digest(more: str) -> str:
        return str(profile(f'about = "x"\n{more}').digest)

    plain = digest("")
    assert plain == profiles.load("none").digest == "e3b0c4"
    # What is so by default may be said or not.
    assert digest("named_points = true\n") == plain
    assert digest("named_points = false\n") == profiles.load("access").digest
    assert digest("watch = []\n") == profiles.load("named").digest
    others = [
        digest(more)
        for more in (
            "named_points = false\n", "watch = []\n", 'watch = ["nsproxy"]\n', 'watch = ["cred"]\n',
            'watch = ["nsproxy"]\nnamed_points = false\n', 'watch = "shared"\n',
            'points = "all"\n', 'points = "shared"\n', "reuse = true\n",
        )
    ]  # fmt: skip
    assert len({plain, *others}) == 10
    assert digest("reuse = false\n") == plain and digest("reuse = true\n") == profiles.load("reuse").digest
    assert digest('watch = ["shared"]\n') == digest('watch = "shared"\n')
    assert digest('watch = ["cred", "nsproxy"]\n') == digest('watch = ["nsproxy", "cred"]\n')


def test_what_is_watched_and_where_points_are(profile: Callable[..., Any]) -> None:
    plain, other = profile(GOOD), profile('about = "x"\nnamed_points = false\nwatch = ["b", "a"]\n')
    assert (plain.named_points, plain.watch, plain.points) == (True, None, "")
    # What is shared, and what the subject of the scenario wants to see in any case.
    assert plain.watch_of("nsproxy") == ("shared", "nsproxy", "task_struct.nsproxy")
    assert plain.watch_of("ipc") == plain.watch_of("") == ("shared",)
    assert other.watch_of("nsproxy") == ("b", "a")
    assert profile('about = "x"\nwatch = "shared"\npoints = "all"\n').watch_of("nsproxy") == ("shared",)
    assert profile('about = "x"\npoints = "all"\n').points == "all"
    assert (other.named_points, other.watch, other.knobs) == (False, ("b", "a"), ())


@pytest.mark.parametrize("fault", ["delay_rcu_read_lock", "delay_switch_task_namespaces", "delay_exit"])
def test_profiles_that_delay(profile: Callable[..., Any], fault: str) -> None:
    assert profile(f'about = "x"\n[faults.{fault}]\nprobability = 1\n').delays
    assert not profile(GOOD).delays


def test_each_allocation_fails_once(profile: Callable[..., Any], error: Callable[..., Any]) -> None:
    one = profile('about = "x"\n[faults.fail_nth]\n')
    assert one.fail_nth and not one.delays
    knobs = dict(str(knob).split("=") for knob in one.knobs)
    # Whatever the flags of an allocation are, it is asked for, and of actors alone.
    for fault in ("failslab", "fail_page_alloc"):
        assert knobs[f"{fault}/probability"] == "100" and knobs[f"{fault}/ignore-gfp-wait"] == "N"
        assert knobs[f"{fault}/task-filter"] == "Y" and knobs[f"{fault}/times"] == "-1"
    assert knobs["fail_percpu/probability"] == "100" and knobs["fail_percpu/task-filter"] == "Y"
    assert knobs["fail_page_alloc/min-order"] == "0"
    assert knobs["fail_page_alloc/ignore-gfp-highmem"] == "N"
    assert not profile(GOOD).fail_nth and profiles.load("fail-nth").digest == one.digest
    assert profile('about = "x"\n[faults.fail_nth]\n[faults.delay_exit]\nprobability = 1\n').delays
    assert error(GOOD + "[faults.fail_nth]\n") == (
        "x.toml:2: faults.failslab: allocations fail one by one already, by faults.fail_nth: take one"
    )
    assert "faults.fail_nth.probability: no such key" in error(
        'about = "x"\n[faults.fail_nth]\nprobability = 5\n'
    )


def test_per_cpu_allocations(profile: Callable[..., Any], error: Callable[..., Any]) -> None:
    one = profile('about = "x"\n[faults.fail_percpu]\nprobability = 7\n')
    assert "fail_percpu/probability=7" in map(str, one.knobs)
    assert "faults.fail_percpu.ignore_gfp_wait: no such key" in error(
        'about = "x"\n[faults.fail_percpu]\nprobability = 7\nignore_gfp_wait = true\n'
    )


def test_order_of_tables_does_not_matter(profile: Callable[..., Any]) -> None:
    one = "[faults.failslab]\nprobability = 1\n"
    two = "[faults.delay_exit]\nprobability = 2\n"
    about = 'about = "x"\n'
    assert profile(about + one + two).knobs == profile(about + two + one).knobs


def test_a_file_of_ones_own(profile: Callable[..., Any]) -> None:
    own = profile(GOOD, "mine.toml")
    assert own.name == "mine" and own.is_own


@pytest.mark.parametrize(
    "text, message",
    [
        (
            'about = "x"\n\n[faults.failslab]\ninterval = 1\nprobability = 400\n',
            "x.toml:5: faults.failslab.probability: 400 is more than the maximum of 100",
        ),
        (
            'about = "x"\n[faults]\nfailslab.probability = -1\n',
            "x.toml:3: faults.failslab.probability: -1 is less than the minimum of 0",
        ),
        (
            'about = "x"\n[faults]\nfailslab = { interval = 1, probability = true }\n',
            "x.toml:3: faults.failslab.probability: true is not a whole number",
        ),
        (
            'about = "x"\n[faults.failslab]\nprobability = 10.0\n',
            "x.toml:3: faults.failslab.probability: 10.0 is not a whole number",
        ),
        (
            'about = "x"\r\n\r\n[faults.failslab]\r\nprobability = "5"\r\n',
            'x.toml:4: faults.failslab.probability: "5" is not a whole number',
        ),
        (
            'about = "x"\n[faults.failslab]\nprobability = [\n 1,\n 2\n]\n',
            "x.toml:3: faults.failslab.probability: an array is not a whole number",
        ),
        (
            'about = "x"\n[faults.failslab]\nprobability = 1\ntask_filter = 1\n',
            "x.toml:4: faults.failslab.task_filter: 1 is not true or false",
        ),
        (
            'about = "x"\n[faults.failslab]\nprobability = 1\n\ntask-filter = true\n',
            "x.toml:5: faults.failslab.task-filter: no such key; is 'task_filter' meant?",
        ),
        (
            'about = "x"\n[faults.fail_slab]\nprobability = 1\n',
            "x.toml:2: faults.fail_slab: no such key; is 'failslab' meant?",
        ),
        (
            'about = "x"\nzzz = 1\n',
            "x.toml:2: zzz: no such key; there is about, named_points, kmemleak, watch, points, reuse, faults",
        ),
        (
            'about = "x"\n# no probability\n[faults.failslab]\ninterval = 1\n',
            "x.toml:3: faults.failslab.probability: missing, and there is no default",
        ),
        (
            "\n[faults.failslab]\nprobability = 1\n",
            "x.toml:1: about: missing, and there is no default",
        ),
        ("about = 3\n", "x.toml:1: about: 3 is not a string"),
        ("\nabout = '''two\nlines'''\n", "x.toml:2: about: not one line of 1 to 100 characters"),
        ('about = ""\n', "x.toml:1: about: not one line of 1 to 100 characters"),
        ('about = "x"\nfaults = 1\n', "x.toml:2: faults: 1 is not a table"),
        (
            'about = "x"\n[faults.delay_exit]\nprobability = 1\nmin_delay_ns = 9\nmax_delay_ns = 8\n',
            "x.toml:4: faults.delay_exit.min_delay_ns: 9 is more than max_delay_ns, 8",
        ),
        (
            'about = "x"\n[faults.failslab]\nprobability = 1\nrequire_start = 9\nrequire_end = 8\n',
            "x.toml:4: faults.failslab.require_start: 9 is more than require_end, 8",
        ),
        # The first of two errors.
        (
            'about = "x"\n[faults.failslab]\nprobability = 101\nnope = 1\n',
            "x.toml:3: faults.failslab.probability: 101 is more than the maximum of 100",
        ),
        (b'about = "x"\n\xff\n', "x.toml:2: not UTF-8 text"),
        ('about = "x"\nnamed_points = 1\n', "x.toml:2: named_points: 1 is not true or false"),
        (
            'about = "x"\nnamed-points = true\n',
            "x.toml:2: named-points: no such key; is 'named_points' meant?",
        ),
        ('about = "x"\nwatch = 5\n', "x.toml:2: watch: 5 is not a string or an array"),
        ('about = "x"\nwatch = ""\n', "x.toml:2: watch: not one line of 1 to 100 characters"),
        ('about = "x"\npoints = "some"\n', 'x.toml:2: points: "some" is not "shared" or "all"'),
        ('about = "x"\nwatch = [\n "nsproxy",\n 5\n]\n', "x.toml:2: watch.1: 5 is not a string"),
        ('about = "x"\nwatch = [""]\n', "x.toml:2: watch.0: not one line of 1 to 100 characters"),
        (
            f'about = "x"\nwatch = ["{"n" * 101}"]\n',
            "x.toml:2: watch.0: not one line of 1 to 100 characters",
        ),
        (
            'about = "x"\n\nwatch = ["a", "b", "a"]\n',
            "x.toml:3: watch: more than 16 entries, or one of them twice",
        ),
        (
            f'about = "x"\nwatch = {[f"c{n}" for n in range(17)]}\n',
            "x.toml:2: watch: more than 16 entries, or one of them twice",
        ),
    ],
)
def test_errors_name_file_line_and_key(
    error: Callable[..., Any], text: bytes | str, message: str
) -> None:
    assert error(text) == message


@pytest.mark.parametrize(
    "text, line",
    [
        ('about = "x"\nabout = "y"\n', 2),
        ('about = "x"\nfaults = [\n', 2),
        ('about = "x\n', 1),
        ("\n\nabout\n", 3),
    ],
)
def test_syntax_errors_name_file_and_line(error: Callable[..., Any], text: str, line: int) -> None:
    # What follows is tomllib's own text.
    assert error(text).startswith(f"x.toml:{line}: not TOML: ")


def test_delay_knobs_belong_to_delays(error: Callable[..., Any]) -> None:
    text = 'about = "x"\n[faults.failslab]\nprobability = 1\nmin_delay_ns = 1\n'
    assert error(text).startswith("x.toml:4: faults.failslab.min_delay_ns: no such key; there is")


def test_a_file_name_that_is_no_name(error: Callable[..., Any]) -> None:
    assert error(GOOD, "a.b.toml").startswith("a.b.toml: a profile is named after its file")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="No such file or directory") as caught:
        profiles.load(str(tmp_path / "no.toml"))
    assert caught.value.status == 2


@pytest.mark.parametrize("name", ["nope", "", "..", "-", "no ne"])
def test_a_name_that_is_not_there(name: str) -> None:
    with pytest.raises(LabError, match="there is access, delay, fail-nth, failslab, kmemleak, ") as caught:
        profiles.load(name)
    assert caught.value.status == 2
