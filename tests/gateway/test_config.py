"""Configuration errors name the file, the key and what was expected."""

from pathlib import Path

import pytest

from gateway.certificates import Authority
from gateway.config import Config, ConfigError, load
from gateway.demo.network import Network
from gateway.explain import explain

GOOD = """\
[hub]
division = "321100"
name = "镇江市"
level = "city"
code_system = "CN-320000"

[listen]
address = "127.0.0.1:7001"
admin = "127.0.0.1:7002"
metrics = "127.0.0.1:7003"

[tls]
certificate = "hub-321100.pem"
key = "hub-321100.key"
authorities = "authority.pem"

[store]
path = "hub.db"

[parent]
division = "320000"
address = "127.0.0.1:7010"

[catalogue]
file = "example:zhenjiang"

[[institutions]]
code = "H32110000001"
name = "示范医院"
division = "321100"
hosp_lv = "02"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with certificates."""
    authority = Authority()
    authority.write(tmp_path)
    authority.hub(tmp_path, "321100")
    return tmp_path


def read(folder: Path, text: str) -> Config:
    """Write a configuration and read it."""
    file = folder / "hub.toml"
    file.write_text(text, encoding="utf-8")
    return load(str(file))


def test_a_good_file_is_read(folder: Path):
    """Everything in the file is there, and what is not has its default."""
    config = read(folder, GOOD)
    assert config.hub.division == "321100"
    assert config.institutions[0].hosp_lv == "02"
    assert config.limits.in_flight == 512
    assert config.path("hub.db") == folder / "hub.db"
    assert config.code_systems() == {"321100": "CN-320000", "320000": "CN-320000"}


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('division = "321100"\nname', 'divison = "321100"\nname', "hub.divison"),
        ('level = "city"', 'level = "town"', "hub.level"),
        ('level = "city"\n', "", "hub.level"),
        ('level = "city"', 'level = "nation"', "hub.level"),
        ('name = "镇江市"', "name = 5", "hub.name"),
        ('division = "321100"\nname', 'division = "329999"\nname', "hub.division"),
        ('[store]\npath = "hub.db"\n', "", "store"),
        ('path = "hub.db"', 'path = "hub.db"\nkind = "x"', "store.kind"),
        ('address = "127.0.0.1:7001"', 'address = "7001"', "listen.address"),
        ('admin = "127.0.0.1:7002"', 'admin = "0.0.0.0:7002"', "listen.admin"),
        ('[parent]\ndivision = "320000"\naddress = "127.0.0.1:7010"\n', "", "parent"),
        ('[parent]\ndivision = "320000"', '[parent]\ndivision = "210000"', "parent.division"),
        ('division = "321100"\nhosp_lv', 'division = "320100"\nhosp_lv', "institutions[0].division"),
        ('code = "H32110000001"', 'code = "H321100000012345"', "institutions[0].code"),
        ('[catalogue]\nfile = "example:zhenjiang"\n', "", "catalogue"),
        ('certificate = "hub-321100.pem"', 'certificate = "missing.pem"', "tls.certificate"),
        ("[store]", "[limits]\nin_flight = 0\n\n[store]", "limits"),
        ("[store]", '[limits]\nin_flight = "many"\n\n[store]', "limits.in_flight"),
        ("[store]", '[log]\nlevel = "loud"\n\n[store]', "log.level"),
        ("[hub]", 'file = "x"\n[hub]', "file"),
    ],
)
def test_a_bad_key_is_named(folder: Path, before: str, after: str, key: str):
    """An error says which file, which key and what was expected or found."""
    assert before in GOOD
    with pytest.raises(ConfigError) as caught:
        read(folder, GOOD.replace(before, after, 1))
    text = str(caught.value)
    assert text.startswith(str(folder / "hub.toml"))
    assert key in text
    assert "Traceback" not in text


def test_all_problems_are_told_at_once(folder: Path):
    """Several wrong keys are reported together."""
    text = GOOD.replace('certificate = "hub-321100.pem"', 'certificate = "a.pem"').replace('"127.0.0.1:7001"', '"x"')
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    assert len(str(caught.value).splitlines()) >= 2


def test_a_file_that_is_not_there_or_not_toml_is_said(folder: Path):
    """A missing and a broken file are told apart."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load(str(folder / "none.toml"))
    with pytest.raises(ConfigError, match="not TOML"):
        read(folder, "[hub\n")


# --- yidi route explain -----------------------------------------------------------------------------------------


@pytest.fixture
def configs(tmp_path: Path) -> list[Config]:
    """The configurations of the demonstration."""
    network = Network(tmp_path / "network")
    return [load(str(hub.config)) for hub in network.hubs.values()]


def test_the_way_through_configured_hubs_is_explained(configs: list[Config]):
    """Every hop is told, with its reason and that its configuration was read."""
    hops = explain(configs, "321100", "210400")
    assert [hop.division for hop in hops] == ["321100", "320000", "100000", "210000", "210400"]
    assert {hop.known for hop in hops} == {"configured"}
    assert all(hop.why for hop in hops)


def test_the_way_beyond_configured_hubs_is_expected(configs: list[Config]):
    """Hubs whose configuration is not given are expected by the order of divisions."""
    hops = explain(configs[:1], "321100", "210400")
    assert [(hop.division, hop.known) for hop in hops] == [
        ("321100", "configured"),
        ("320000", "expected"),
        ("100000", "expected"),
        ("210000", "expected"),
        ("210400", "expected"),
    ]


@pytest.mark.parametrize(
    ("treat", "insured", "way"),
    [
        ("321181", "210411", ["321100", "320000", "100000", "210000", "210400"]),
        ("110105", "310115", ["110000", "100000", "310000"]),
        ("460100", "540102", ["460000", "100000", "540000"]),
        ("500103", "660000", ["500000", "100000", "660000"]),
        ("321100", "320500", ["321100", "320000", "320500"]),
        ("321100", "321102", ["321100"]),
    ],
)
def test_the_order_of_divisions_is_known(treat: str, insured: str, way: list[str]):
    """Without any configuration the way follows the divisions; provinces that pool have one hub."""
    assert [hop.division for hop in explain([], treat, insured)] == way


@pytest.mark.parametrize(("treat", "insured"), [("999999", "210400"), ("321100", "000000"), ("321100", "710000")])
def test_a_place_that_is_none_is_refused(treat: str, insured: str):
    """Divisions that do not exist or have no insurance have no way."""
    with pytest.raises(ValueError, match=r"\d{6}"):
        explain([], treat, insured)


def test_a_place_that_a_configured_hub_does_not_serve_is_told(configs: list[Config]):
    """Where a configured hub has no route, its file is named."""
    with pytest.raises(ValueError, match=r"hub\.toml"):
        explain(configs, "321100", "330100")
