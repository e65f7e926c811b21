"""Following the parent once, from a command."""

from codemaps.depot import Depot
from codemaps.refusals import Refused
from gateway.clock import Clock
from gateway.codemap.follow import Follower
from gateway.config import Config
from gateway.delivery.grpc_link import GrpcLink
from gateway.errors.status import PeerDecline
from gateway.exchange.link import NotSent, OutcomeUnknown
from gateway.observe.log import Log
from gateway.server import TRANSPORT_MAX_BYTES


async def follow_once(config: Config, depot: Depot) -> list[tuple[str, str, str]]:
    """Take over what the parent has published: what was done to which map and edition."""
    assert config.parent is not None
    clock = Clock()
    parent = config.parent
    link = GrpcLink(parent.division, parent.address, config.tls_files(), clock, TRANSPORT_MAX_BYTES)
    log = Log(config.hub.division, clock, config.log.level)
    follower = Follower(depot, link, config.codemaps.follow or ("*",), log, clock.monotonic)
    try:
        return await follower.once()
    except (NotSent, OutcomeUnknown):
        raise Refused("PARENT_SILENT", division=parent.division, address=parent.address) from None
    except PeerDecline as decline:
        raise Refused("PARENT_REFUSED", division=parent.division, why=decline) from None
    finally:
        await link.close()
        log.flush()
