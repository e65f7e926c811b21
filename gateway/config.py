"""The configuration of a hub: one TOML file.

Unknown keys are refused; errors name the file, the key and what was expected. Paths are relative to the file.
"""

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from codemaps import divisions
from codemaps.port import NATIONAL
from gateway.exchange.route import prefix_of
from gateway.tls import TlsFiles

NATION = "100000"


class ConfigError(Exception):
    """A configuration that cannot be used; the text says where and what was expected."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every table of the file refuses keys it does not know."""


class HubPart(_Part, frozen=True):
    """[hub]: what this hub is."""

    division: str
    level: Literal["city", "province", "nation"]
    name: str
    code_system: str
    """Code system spoken by its institutions, its core and its children, such as CN-320000."""


class ListenPart(_Part, frozen=True):
    """[listen]: where it listens. The admin port serves health, reflection and channelz, on loopback only."""

    address: str
    admin: str
    metrics: str


class TlsPart(_Part, frozen=True):
    """[tls]: PEM files."""

    certificate: str
    key: str
    authorities: str


class StorePart(_Part, frozen=True):
    """[store]: the database file."""

    path: str


class ParentPart(_Part, frozen=True):
    """[parent]: the hub above."""

    division: str
    address: str
    code_system: str = ""
    """Empty: national codes when the parent is the nation, else the same as ours."""


class ChildPart(_Part, frozen=True):
    """[[children]]: a hub below."""

    division: str
    address: str
    code_system: str = ""
    """Empty: national codes when we are the nation, else the same as ours."""


class InstitutionPart(_Part, frozen=True):
    """[[institutions]]: a hospital this hub serves."""

    code: str
    name: str
    division: str
    hosp_lv: str = ""


class CataloguePart(_Part, frozen=True):
    """[catalogue]: the treat place's catalogue."""

    file: str
    """A CSV file, or ``example:zhenjiang`` for the shipped example."""


class CodeMapsPart(_Part, frozen=True):
    """[codemaps]: where the editions of this hub are."""

    depot: str = ""
    """Directory that ``yidi codemap`` keeps; empty: the shipped editions only."""
    shipped: bool = True
    """Whether the examples and collected tables that come with Yidi are used where the depot has nothing."""
    follow: tuple[str, ...] = ()
    """Maps to take over from the parent by themselves, such as CN-320000.drug; ``*`` for all it has."""


class CorePart(_Part, frozen=True):
    """[core]: who computes the benefits, by the name of an adapter."""

    adapter: str
    settings: dict[str, Any] = {}


class LimitsPart(_Part, frozen=True):
    """[limits]: how much at once, and how long."""

    in_flight: int = 512
    """Most exchanges at once; more are refused with OVERLOADED."""
    default_deadline_s: float = 60.0
    """For callers that give none. Settlements are slow: see handbook, national-interface.md section 1."""
    drain_s: float = 30.0
    """How long a stopping hub waits for what is in flight."""


class LogPart(_Part, frozen=True):
    """[log]: what is written to standard error."""

    level: Literal["debug", "info", "warning"] = "info"


class Config(_Part, frozen=True):
    """The whole file."""

    hub: HubPart
    listen: ListenPart
    tls: TlsPart
    store: StorePart
    parent: ParentPart | None = None
    children: tuple[ChildPart, ...] = ()
    institutions: tuple[InstitutionPart, ...] = ()
    catalogue: CataloguePart | None = None
    codemaps: CodeMapsPart = CodeMapsPart()
    core: CorePart | None = None
    limits: LimitsPart = LimitsPart()
    log: LogPart = LogPart()
    file: str = ""

    def path(self, relative: str) -> Path:
        """A path of the file, which is relative to the file."""
        return Path(self.file).parent / relative

    def code_systems(self) -> dict[str, str]:
        """The code system spoken with each neighbouring hub, and with our own side under our own division."""
        own = self.hub.code_system
        systems = {self.hub.division: own}
        for hub in (*self.children, *((self.parent,) if self.parent else ())):
            systems[hub.division] = hub.code_system or (NATIONAL if hub.division == NATION else own)
        return systems

    def tls_files(self) -> TlsFiles:
        """The TLS files."""
        return TlsFiles(self.path(self.tls.certificate), self.path(self.tls.key), self.path(self.tls.authorities))


def load(file: str | Path) -> Config:
    """Read and check a configuration file."""
    path = Path(file)
    try:
        raw = msgspec.toml.decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    if isinstance(raw, dict) and "file" in raw:
        raise ConfigError(f"{path}: key `file`: unknown key")
    try:
        config = msgspec.convert({**raw, "file": str(path)}, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_readable(str(error))}") from None
    problems = list(_problems(config))
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return config


def _readable(error: str) -> str:
    """A message of msgspec, ``Expected `int`, got `str` - at `$.limits.in_flight```, with the key in front."""
    found = re.fullmatch(r"(?s)(.*?)(?: - at `\$\.?(.*)`)?", error)
    assert found is not None
    what, key = found[1], found[2] or ""
    table = _part_at(key)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        return f"key `{_join(key, unknown[1])}`: unknown key, expected one of {', '.join(_keys_of(table))}"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return f"key `{_join(key, missing[1])}`: expected, but it is missing"
    if what.startswith("Invalid enum value"):
        parent, _, name = key.rpartition(".")
        values = get_args(get_type_hints(_part_at(parent))[name])
        return f"key `{key}`: expected one of {', '.join(values)}, got {what.removeprefix('Invalid enum value ')}"
    return f"key `{key}`: {what[:1].lower()}{what[1:]}" if key else what


def _join(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key


def _keys_of(part: Any) -> list[str]:
    return [name for name in part.__struct_fields__ if name != "file" or part is not Config]


def _part_at(key: str) -> Any:
    """The struct that a path such as ``children[...]`` or ``core.settings`` leads to."""
    part: Any = Config
    for name in filter(None, re.sub(r"\[.*?\]", "", key).split(".")):
        hint = get_type_hints(part).get(name)
        structs = [each for each in (hint, *get_args(hint)) if hasattr(each, "__struct_fields__")]
        if not structs:
            break
        part = structs[0]
    return part


def _problems(config: Config) -> "list[str]":
    problems = [
        *_division_problems(config),
        *_neighbour_problems(config),
        *_address_problems(config),
        *_file_problems(config),
    ]
    if config.hub.level == "city" and config.parent is None:
        problems.append("table [parent]: a city hub needs the hub of its province above it")
    if config.institutions and config.catalogue is None:
        problems.append(
            "table [catalogue]: a hub that serves institutions splits their fee lines and needs a catalogue"
        )
    if config.limits.in_flight < 1 or config.limits.default_deadline_s <= 0 or config.limits.drain_s < 0:
        problems.append("table [limits]: expected positive numbers")
    return problems


def _division_problems(config: Config) -> list[str]:
    named = [("hub.division", config.hub.division)]
    named += [("parent.division", config.parent.division)] if config.parent else []
    named += [(f"children[{i}].division", child.division) for i, child in enumerate(config.children)]
    named += [(f"institutions[{i}].division", item.division) for i, item in enumerate(config.institutions)]
    problems = [
        f"key `{key}`: expected six digits of an existing division, got `{division}`"
        for key, division in named
        if division != NATION and not divisions.is_known(division)
    ]
    if (config.hub.level == "nation") != (config.hub.division == NATION):
        problems.append("key `hub.level`: expected nation for division 100000, and for no other")
    return problems


def _neighbour_problems(config: Config) -> list[str]:
    problems, own = [], prefix_of(config.hub.division)
    seen: set[str] = set()
    for i, child in enumerate(config.children):
        if not prefix_of(child.division).startswith(own) or prefix_of(child.division) == own:
            problems.append(f"key `children[{i}].division`: expected a division inside {own or 'the nation'}")
        if child.division in seen:
            problems.append(f"key `children[{i}].division`: {child.division} is there twice")
        seen.add(child.division)
    if config.parent and not own.startswith(prefix_of(config.parent.division)):
        problems.append(f"key `parent.division`: expected a division that contains {config.hub.division}")
    codes: set[str] = set()
    for i, item in enumerate(config.institutions):
        if not item.division.startswith(own):
            problems.append(f"key `institutions[{i}].division`: expected a division inside {own}")
        if not item.code or len(item.code) > 12 or item.code in codes:
            problems.append(f"key `institutions[{i}].code`: expected a code of its own, at most 12 characters")
        codes.add(item.code)
    return problems


_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}")
_LOOPBACK = ("127.", "localhost", "[::1]")


def _address_problems(config: Config) -> list[str]:
    named = [("listen.address", config.listen.address), ("listen.admin", config.listen.admin)]
    named += [("listen.metrics", config.listen.metrics)]
    named += [("parent.address", config.parent.address)] if config.parent else []
    named += [(f"children[{i}].address", child.address) for i, child in enumerate(config.children)]
    problems = [f"key `{k}`: expected host:port, got `{a}`" for k, a in named if not _ADDRESS.fullmatch(a)]
    if not config.listen.admin.startswith(_LOOPBACK):
        problems.append(f"key `listen.admin`: expected a loopback address, got `{config.listen.admin}`")
    return problems


def _file_problems(config: Config) -> list[str]:
    named = [
        ("tls.certificate", config.tls.certificate),
        ("tls.key", config.tls.key),
        ("tls.authorities", config.tls.authorities),
    ]
    if config.catalogue and not config.catalogue.file.startswith("example:"):
        named.append(("catalogue.file", config.catalogue.file))
    problems = [
        f"key `{key}`: no such file: {config.path(name)}" for key, name in named if not config.path(name).is_file()
    ]
    if config.codemaps.follow and not (config.codemaps.depot and config.parent):
        problems.append("key `codemaps.follow`: expected only with a depot to keep them in and a parent to follow")
    return problems
