# SPDX-License-Identifier: GPL-2.0
"""Tokens: there and back, and what is said of those that are none."""

from __future__ import annotations

import dataclasses
import re

import pytest

from nslab_lab.host.errors import LabError
from nslab_lab.plans import token
from nslab_lab.plans.token import Token

TEXT = "NSLAB1.6.12-0123abcd.ns-readlink-vs-unshare.no-grace-period.delay-00ff00.none.1f.7.9"
TOKEN = Token(
    "6.12", "0123abcd", "ns-readlink-vs-unshare", "no-grace-period",
    "delay", "00ff00", "none", 0x1F, 7, 9,
)  # fmt: skip


def test_there_and_back() -> None:
    assert token.parse(TEXT) == TOKEN
    assert str(TOKEN) == TEXT


def test_characters_need_no_quoting() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+", TEXT)


def test_prefix_and_number_make_the_token() -> None:
    assert f"{TOKEN.prefix}.{TOKEN.n}" == TEXT


def test_solo() -> None:
    assert str(TOKEN.solo) == TEXT.replace(".7.9", ".9.9")


def test_blanks_around_do_not_matter() -> None:
    assert token.parse(f" {TEXT}\n") == TOKEN


def test_dashes_in_names() -> None:
    text = TEXT.replace("delay-00ff00", "my-own-delay-00ff00").replace("6.12-", "7.3-")
    assert token.parse(text).profile == "my-own-delay"
    assert token.parse(text).kernel == "7.3"
    assert str(token.parse(text)) == text


@pytest.mark.parametrize(
    "strategy",
    ["none", "random", "pos", "pct-3-400", "bounded-2", "replay-0", f"replay-{'a12bb3a' * 200}-a7"],
)
def test_strategies_with_parameters(strategy: str) -> None:
    text = TEXT.replace(".none.", f".{strategy}.")
    assert token.parse(text) == dataclasses.replace(TOKEN, strategy=strategy)
    assert str(token.parse(text)) == text
    assert re.fullmatch(r"[A-Za-z0-9._-]+", text)


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "it is empty; copy the one that a finding ends with"),
        ("hello", "it has to begin with 'NSLAB1.'"),
        (TEXT.replace("NSLAB1", "NSLAB2"), "another version of the lab, this one reads NSLAB1"),
        (TEXT[:40], "it is cut short, it has the form NSLAB1.KERNEL."),
        (TEXT.replace("0123abcd", "0123abc"), "it is not of the form NSLAB1.KERNEL."),
        (TEXT.replace("00ff00", "00FF00"), "it is not of the form"),
        (TEXT.replace(".1f.", ".1ffffffffffffffff."), "it is not of the form"),
        (TEXT.replace(".7.9", ".0.9"), "it is not of the form"),
        (TEXT.replace(".7.9", ".7.9 x"), "it is not of the form"),
        (TEXT.replace(".7.9", ".9.7"), "its executions end at 7 before they begin at 9"),
        (TEXT.replace("none", "no;ne"), "it is not of the form"),
        (TEXT.replace(".none.", ".fair."), "'fair' is no strategy as a token names it, such as"),
        (TEXT.replace(".none.", ".pct-3."), "'pct-3' is no strategy as a token names it, such as"),
        (TEXT.replace(".none.", ".replay-a5."), "'a5' is no schedule: it reads like a12bb3a"),
        (TEXT.replace(".none.", f".replay-{'a5b' * 300}x."), "is no strategy as a token names it"),
    ],
)
def test_errors(text: str, why: str) -> None:
    with pytest.raises(LabError) as caught:
        token.parse(text)
    assert caught.value.status == 2
    assert why in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "grown", [("sem_array:296:8",), ("@foo.isra.0:24:8", "=count.3:0:4"), ("UNIX-STREAM:0:8",)]
)
def test_what_was_found_later_is_part_of_a_token(grown: tuple[str, ...]) -> None:
    one = dataclasses.replace(token.parse(TEXT), grown=grown)
    assert token.parse(str(one)) == one and str(one) != TEXT
    assert str(one).count(".") == TEXT.count(".")
    assert token.parse(TEXT).grown == ()


def test_a_token_with_a_watch_as_people_see_it() -> None:
    text = TEXT.replace("00ff00", "00ff00+sem_array:296:8")
    assert token.parse(text).grown == ("sem_array:296:8",) and str(token.parse(text)) == text
    for wrong in ("+", "+sem_array", "+sem_array:8", "+a b:0:8", "+!a:0:8", "+a:0:8+"):
        with pytest.raises(LabError):
            token.parse(TEXT.replace("00ff00", f"00ff00{wrong}"))


def test_a_scenario_of_the_users_own_has_a_hash() -> None:
    text = "NSLAB1.6.12-0123abcd.mine+1a2b3c4d.none.none-e3b0c4.replay-0.1.1.1"
    assert token.parse(text).scenario == "mine+1a2b3c4d" and str(token.parse(text)) == text
    for wrong in ("mine+1a2b3c4", "mine+", "mine+1a2b3c4d+1a2b3c4d", "+1a2b3c4d"):
        with pytest.raises(LabError):
            token.parse(text.replace("mine+1a2b3c4d", wrong))
