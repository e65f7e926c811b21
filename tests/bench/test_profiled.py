"""Functions of a profile are grouped by stage."""

from gateway.bench.profiled import by_stage, stage_of


def test_files_and_c_functions_have_stages():
    """A Python function belongs to the stage of its file, a C function to that of its name."""
    assert stage_of(("/src/gateway/exchange/translate.py", 1, "outward")) == "translate"
    assert stage_of(("<check yidi.v1.SettlementLine>", 1, "check")) == "identify and check"
    assert stage_of(("~", 0, "<method 'execute' of 'pysqlite3.dbapi2.Cursor' objects>")) == "store"
    assert stage_of(("~", 0, "<built-in method FromString>")) == "protobuf"
    assert stage_of(("~", 0, "<built-in method builtins.len>")) == "other"


def test_what_is_no_stages_own_counts_where_it_is_called():
    """The time of len and its like is that of whoever calls them."""
    admit, route = ("exchange/admit.py", 1, "admit"), ("exchange/route.py", 1, "find")
    length = ("~", 0, "<built-in method builtins.len>")
    stats = {
        admit: (1, 1, 1.0, 1.5, {}),
        route: (1, 1, 2.0, 2.25, {}),
        length: (3, 3, 0.75, 0.75, {admit: (2, 2, 0.5, 0.5), route: (1, 1, 0.25, 0.25)}),
    }
    assert by_stage(stats) == {"route": 2.25, "admit": 1.5}
