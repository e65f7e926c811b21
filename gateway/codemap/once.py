"""Following the parent once, from a command."""

import click

from codemaps.depot import Depot
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
        raise click.ClickException(
            f"上级平台 {parent.division}（{parent.address}）没有应答，请检查网络后重试；已下载的部分保留。\n"
            f"The parent {parent.division} at {parent.address} did not answer. Check the line and try again; "
            "what was downloaded is kept."
        ) from None
    except PeerDecline as decline:
        raise click.ClickException(f"上级平台拒绝 the parent refused: {decline}") from None
    finally:
        await link.close()
        log.flush()
