"""Lines and tables: columns counted as a terminal counts them, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len as columns_of

from t800.cli.line import Line, cell_len, ending, screen
from t800.cli.progress import progress
from t800.cli.table import Column, lines
from t800.cli.text import clean

TEXTS = st.text(alphabet=st.sampled_from("ab é日本→·…▍e\u0301😀"), max_size=30)


@given(text=TEXTS)
def test_columns_are_those_of_a_terminal(text: str) -> None:
    assert cell_len(text) == columns_of(text)


@given(texts=st.lists(TEXTS, max_size=4), columns=st.integers(1, 40), fill=st.booleans())
def test_a_line_that_is_fitted_fits(texts: list[str], columns: int, fill: bool) -> None:
    line = Line()
    for text in texts:
        line.append(text, "bold")
    whole = line.plain
    line.fit(columns, fill=fill)
    assert line.cell_len == columns_of(line.plain) <= columns
    assert not fill or line.cell_len == columns
    if columns_of(whole) <= columns:
        assert line.plain.rstrip() == whole.rstrip()
    else:
        assert "…" in line.plain


@given(text=TEXTS, columns=st.integers(0, 40))
def test_an_ending_is_the_longest_that_fits(text: str, columns: int) -> None:
    end = ending(text, columns)
    assert text.endswith(end)
    assert columns_of(end) <= columns


@given(rows=st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 10**6).map(str)), max_size=5))
def test_columns_of_a_table_stand_below_each_other(rows: list[tuple[str, str, str]]) -> None:
    columns = [Column("NAME", least=5), Column("X", least=3), Column("N", right=True)]
    found = [line.plain for line in lines(columns, rows, 30)]
    assert len(found) == len(rows) + 1
    assert {columns_of(line) for line in found} == {columns_of(found[0])}
    assert columns_of(found[0]) <= 30


@pytest.mark.parametrize(
    ("environ", "colours"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_are_for_terminals_and_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], colours: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert screen().colours == colours


def test_a_line_without_colours_is_its_text() -> None:
    line = Line("a", "bold red").append(clean("\x1b[1mb")).append("  ")
    assert line.rendered(colours=False) == "a[1mb"
    assert line.rendered(colours=True) == "\x1b[31m\x1b[1ma\x1b[0m[1mb  "


@pytest.mark.parametrize("count", [0, 1, 5])
def test_progress_gives_each_item_once(count: int) -> None:
    assert list(progress(list(range(count)), "counting")) == list(range(count))
