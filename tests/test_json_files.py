import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_lm import json_files
from transformer_lm.json_files import construct, parse_object, read_object
from transformer_lm.registry import UserError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@dataclasses.dataclass(frozen=True)
class Inner:
    size: int
    share: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str | None
    parts: dict[str, list[Inner]]


@given(st.dictionaries(st.text(), JSON))
def test_what_json_wrote_is_read(value):
    content = json.dumps(value, ensure_ascii=False).encode()
    assert parse_object(content, "x", "y") == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"a": 1,\n\n "b" 2}',
            r"x\.json:3: damaged \(Expecting ':' delimiter\); mend",
        ),
        (b'{"a":\n"\xff"}', r"x\.json:2: damaged \('utf-8' codec"),
        (b'{"a": ' + b"9" * 5000 + b"}", r"x\.json:1: damaged \(Exceeds the limit"),
        (b'{"a":' * 50_000, r"x\.json:1: damaged \(nested too deeply\)"),
        (b'{"a": ' + b"[" * 150 + b"]" * 150 + b"}", "nested too deeply"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b"[]", r"x\.json holds list where a JSON object is needed; mend"),
        (b"", r"x\.json:1: damaged"),
    ],
)
def test_what_is_no_object_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_object(tmp_path / "x.json", "mend it")


def test_a_long_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(json_files, "LARGEST_BYTES", 10)
    (tmp_path / "x.json").write_text('{"a": "1234"}')
    with pytest.raises(UserError, match="has 13 bytes"):
        read_object(tmp_path / "x.json", "mend it")


def test_objects_become_dataclasses_all_the_way():
    values = {"name": None, "parts": {"a": [{"size": 1, "share": 1}]}}
    assert construct(Outer, values, "x", "y") == Outer(None, {"a": [Inner(1, 1)]})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": None}, "parts is missing"),
        ({"name": "a", "parts": {}, "more": 1}, "more is unknown"),
        ({"name": 1, "parts": {}}, "name is 1 and no str"),
        ({"name": None, "parts": []}, r"parts is \[\] and no dict"),
        (
            {"name": None, "parts": {"a": [{"size": True, "share": 1}]}},
            r"parts\['a'\]\[0\]\.size is True and no int",
        ),
        ([], r"it is \[\] and no object"),
    ],
)
def test_what_does_not_fit_is_named(values, message):
    with pytest.raises(UserError, match=f"x is damaged: {message}; mend it"):
        construct(Outer, values, "x", "mend it")
