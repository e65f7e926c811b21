"""The request as the next hub gets it, and what its codes count in the statistics."""

from time import perf_counter

from gateway.codemap.uses import KINDS, Way
from gateway.errors import Decline
from gateway.exchange.case import case_of, home_day
from gateway.exchange.state import Exchange, Hub
from gateway.exchange.translate import Translator


def made(hub: Hub, exchange: Exchange, peer: str) -> bytes:
    """The bytes that leave: translated, with our hop and our translations in the header.

    Raises EntitlementNeeded, which counts nothing: the request begins again once that is known.
    """
    began = perf_counter()
    header = exchange.header
    given, psn_no, exchange.medfee_fen = case_of(exchange.request, header)
    known = exchange.entitlements if psn_no else ()  # without a person there is nobody to ask for
    translator = exchange.translator = hub.translator(exchange.identity, peer, given, known)
    translator.undoing(exchange.undone)
    try:
        header.translations.extend(translator.outward(exchange.request, home_day(header)))
    except Decline:
        _tell_failures(hub, exchange, translator)
        raise
    finally:
        hub.observer.stage("translate", perf_counter() - began)
    _tell_results(hub, translator)
    header.hops.append(hub.division)
    outgoing: bytes = exchange.request.SerializeToString()
    return outgoing


def count(hub: Hub, exchange: Exchange) -> None:
    """A command was carried out: its codes are traffic."""
    translator = exchange.translator
    if translator is not None and translator.ours != translator.theirs:
        way = Way(translator.ours, translator.theirs, "translated")
        hub.uses.add(way, translator.translated(exchange.medfee_fen))


def _tell_results(hub: Hub, translator: Translator) -> None:
    for (map_id, result), number in translator.results().items():
        hub.observer.translated(map_id, result, number)


def _tell_failures(hub: Hub, exchange: Exchange, translator: Translator) -> None:
    _tell_results(hub, translator)
    for result, used in translator.failed(exchange.medfee_fen):
        hub.uses.add(Way(translator.ours, translator.theirs, result), (used,))
        (kind, _, _), _, amount_fen = used
        hub.observer.missing(KINDS[kind], amount_fen)
