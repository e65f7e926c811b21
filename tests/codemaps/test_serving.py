"""From the depot to the maps of a hub: what stands, beside what is shipped, and refused where it is damaged."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import lmdb
import pytest

from codemaps import image, shipped
from codemaps.depot import Depot, lifecycle, serving
from codemaps.lookup import EditionMaps
from codemaps.port import CHRONIC, NATIONAL, MapMissing, Unmapped
from tests.codemaps.builders import (
    BEGIN,
    DAY,
    JIANGSU,
    LIAONING,
    MAP,
    PUBLISHER,
    Clock,
    draft,
    outward,
    publish,
    refusal,
    reviewed,
    row,
    spoil,
)  # fmt: skip

ROW = row("A1", "M03900")


def names(maps: EditionMaps) -> set[tuple[str, str]]:
    """The editions in a set of maps."""
    return {(each.manifest.map, each.manifest.edition) for each in maps.editions}


SHIPPED = names(shipped.maps())


def test_without_a_depot_the_shipped_editions_serve():
    """A hub that has no depot answers by what came with it, or by nothing where that is not wanted."""
    assert names(serving.maps(None)) == SHIPPED
    assert names(serving.maps(None, with_shipped=False)) == set()


def test_only_what_is_published_and_stands_serves(depot: Depot):
    """Drafts, reviewed and withdrawn editions translate nothing."""
    draft(depot, row("A1", "M00101"), edition="draft")
    reviewed(depot, row("A1", "M00102"), edition="reviewed")
    publish(depot, row("A1", "M00103"), edition="gone")
    lifecycle.rollback(depot, MAP, PUBLISHER, "r")
    assert names(serving.maps(depot)) == SHIPPED
    publish(depot, ROW)
    assert names(serving.maps(depot, with_shipped=False)) == {(MAP, "2026.1")}
    assert outward(serving.maps(depot), "A1").to_code == "M03900"


def test_a_depot_map_hides_the_shipped_editions_of_its_way(depot: Depot):
    """What a hub publishes itself is never filled up from an example, on no day, but other ways keep theirs."""
    before = serving.maps(depot)
    assert outward(before, "JS-MT-0390").to_code == "M03900"
    publish(depot, ROW, begin=DAY, map="own.name")
    maps = serving.maps(depot)
    hidden = {(MAP, "2025.1"), (MAP, "2026.1")}
    assert names(maps) == (SHIPPED - hidden) | {("own.name", "2026.1")}
    with pytest.raises(Unmapped):
        outward(maps, "JS-MT-0390")
    with pytest.raises(MapMissing):
        outward(maps, "JS-MT-0390", DAY - timedelta(days=1))
    assert maps.translate(CHRONIC, "LN-MB-39", LIAONING, NATIONAL, DAY).to_code == "M03900"


def test_a_depot_catalogue_of_one_kind_hides_the_shipped_mixed_one(depot: Depot):
    """Kinds that are one field on the wire are one way: an official drug map has no example services beside it."""
    publish(depot, row("D1", "XN07AAX001A001010100001"), map="d", kind="drug")
    assert f"{JIANGSU}.catalogue" not in {map_ for map_, _ in names(serving.maps(depot))}
    assert f"{LIAONING}.catalogue" in {map_ for map_, _ in names(serving.maps(depot))}


def test_a_depot_list_hides_the_shipped_lists_of_its_system_and_kind(depot: Depot):
    """A hub's own list of national codes takes the place of the sample."""
    publish(depot, row("M00101"), map="mine", from_system="CN", to_system="", complete=True)
    lists = {each.manifest.map for each in serving.maps(depot).editions if each.manifest.is_list}
    assert lists == {"mine", "CN.catalogue", "CN.diagnosis", "CN.operation"}


def test_a_depot_map_may_bear_the_name_of_a_shipped_one(depot: Depot):
    """A name that a shipped edition uses for something else does not keep the hub from serving."""
    publish(depot, ROW, map=f"{LIAONING}.chronic")
    maps = serving.maps(depot)
    assert outward(maps, "A1").to_code == "M03900"
    assert not maps.connects(CHRONIC, LIAONING, NATIONAL)


def cut(file: Path) -> None:
    """Take the end off a file, in place."""
    file.chmod(0o644)
    os.truncate(file, file.stat().st_size - 4096)


def grown(file: Path) -> None:
    """Add to a file."""
    spoil(file, file.read_bytes() + bytes(4096))


def garbage(file: Path) -> None:
    """Other content of the same size."""
    spoil(file, b"\x5a" * file.stat().st_size)


def of_other_rows(file: Path) -> None:
    """The image of another edition of the same size."""
    size = file.stat().st_size
    other = file.with_name("other.csv")
    other.write_bytes(file.with_suffix(".csv").read_bytes().replace(b"M03900", b"M00101"))
    file.unlink()
    image.build(other, "0" * 64, file)
    assert file.stat().st_size == size


def of_another_format(file: Path) -> None:
    """The image that a later program might have built."""
    file.chmod(0o644)
    with lmdb.open(str(file), subdir=False, lock=False) as environment, environment.begin(write=True) as transaction:
        meta = transaction.get(b"\xff") or b""
        transaction.put(b"\xff", meta.replace(b'"format":1', b'"format":9'))


@pytest.mark.parametrize("harm", [Path.unlink, cut, grown, garbage, of_other_rows, of_another_format])
def test_a_damaged_image_is_refused_and_can_be_repaired(depot: Depot, harm: Callable[[Path], None]):
    """No set of maps is made of an image that is not what was built; after a rebuild it serves again."""
    record = publish(depot, ROW)
    harm(depot.image_file(record))
    refused = refusal(lambda: serving.maps(depot))
    assert refused.reason == "EDITION_BROKEN"
    assert (refused.facts["map"], refused.facts["edition"]) == record.key
    assert str(depot.directory) not in refused.zh
    assert depot.damage(record) != ""
    depot.rebuild(record, "c")
    assert outward(serving.maps(depot), "A1").to_code == "M03900"


def test_maps_in_use_go_on_while_an_image_is_rebuilt(depot: Depot):
    """A set of maps made before a rebuild answers during and after it, as does one made after."""
    record = publish(depot, ROW, row("A2", "M00101"))
    old = serving.maps(depot)
    depot.rebuild(record, "c")
    new = serving.maps(depot)
    for maps in (old, new, old):
        assert [outward(maps, code).to_code for code in ("A1", "A2")] == ["M03900", "M00101"]
    assert depot.damage(depot.find(*record.key)) == ""


def test_a_set_of_maps_is_not_changed_by_what_happens_later(depot: Depot, clock: Clock):
    """Whoever holds a set of maps finishes with it; only a new one sees what was published or withdrawn."""
    publish(depot, ROW, begin=BEGIN)
    first = serving.maps(depot)
    clock.forward(hours=1)
    publish(depot, row("A1", "M00101"), edition="2", begin=DAY)
    second = serving.maps(depot)
    lifecycle.rollback(depot, MAP, PUBLISHER, "r")
    assert [outward(maps, "A1").edition for maps in (first, second, serving.maps(depot))] == ["2026.1", "2", "2026.1"]


def test_the_whole_row_is_read_from_the_depot(depot: Depot):
    """Names and remarks of a row come from the edition's file."""
    publish(depot, row("A1", "M03900", remark="备注"))
    assert outward(serving.maps(depot), "A1").details().remark == "备注"  # type: ignore[attr-defined]
