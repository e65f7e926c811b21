"""``yidi demo --keep``: how to call the network that is left running."""

import shlex
import signal
import sys
from pathlib import Path

from rich.console import Console

from gateway.demo.network import HOSPITAL, OTHER_HOSPITAL, Network
from gateway.demo.show import hub_name
from gateway.tls import server_name

SNIPPET = '''\
"""Ask Fushun who 示范甲 is, from the window of a hospital in Zhenjiang, with the generated stubs alone."""

import time
from pathlib import Path

import grpc
from yidi.v1 import eligibility_pb2, eligibility_pb2_grpc

here = Path({directory!r})
credentials = grpc.ssl_channel_credentials(
    (here / "authority.pem").read_bytes(),
    (here / "institution-{institution}.key").read_bytes(),
    (here / "institution-{institution}.pem").read_bytes(),
)
options = [("grpc.ssl_target_name_override", "{name}")]
with grpc.secure_channel("{address}", credentials, options) as channel:
    request = eligibility_pb2.GetPersonRequest()
    request.header.msgid = "{institution}" + time.strftime("%Y%m%d%H%M%S") + "9001"
    request.header.mdtrtarea_admvs, request.header.insuplc_admdvs = "321100", "210400"
    request.header.fixmedins_code, request.header.infver = "{institution}", "V1.0"
    # China time, without a zone
    request.header.inf_time = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600))
    request.data.mdtrt_cert_type, request.data.mdtrt_cert_no = "02", "DEMO-0001"
    print(eligibility_pb2_grpc.EligibilityServiceStub(channel).GetPerson(request, timeout=20))
'''


def until_stopped(out: Console, network: Network) -> None:
    """Tell how to call the network, then wait for Ctrl-C or SIGTERM."""
    _tell(out, network)
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        out.print("\nstopping the hubs ...")


def _tell(out: Console, network: Network) -> None:
    directory = network.directory
    example = directory / "call.py"
    treat = network.hubs["321100"]
    example.write_text(
        SNIPPET.format(
            directory=str(directory),
            institution=HOSPITAL,
            name=server_name("321100"),
            address=f"127.0.0.1:{treat.port}",
        ),
        encoding="utf-8",
    )
    out.print("\n网络继续运行，按 Ctrl-C 停止 the network goes on running until Ctrl-C\n", style="bold")
    out.print("gRPC, health and metrics of each hub:")
    for hub in network.hubs.values():
        out.print(
            f"  127.0.0.1:{hub.port:<6} 127.0.0.1:{hub.admin_port:<6} http://127.0.0.1:{hub.metrics_port}/metrics  "
            f"{hub_name(hub.plan.division)}  log {hub.log}",
            soft_wrap=True,
        )
    out.print("\ncertificates:")
    out.print(f"  authority  {directory / 'authority.pem'}", soft_wrap=True)
    for code in (HOSPITAL, OTHER_HOSPITAL):
        out.print(f"  hospital   {directory / f'institution-{code}'}.pem and .key", soft_wrap=True)
    out.print(f"  hub        the certificate of 321100 names {server_name('321100')}")
    out.print("\ncommands:")
    for command in _commands(network, example):
        out.print(f"  {command}", soft_wrap=True)
    out.print(f"\nthe last one is this program, {example}:\n", soft_wrap=True)
    out.print(example.read_text(encoding="utf-8"), soft_wrap=True)


def _commands(network: Network, example: Path) -> list[str]:
    """Commands that can be pasted into a shell."""
    installed = Path(sys.executable).with_name("yidi")
    yidi = shlex.quote(str(installed)) if installed.exists() else f"{shlex.quote(sys.executable)} -m gateway"
    treat = network.hubs["321100"]
    config = shlex.quote(str(treat.config))
    every = shlex.quote(str(network.directory))
    return [
        f"{yidi} health --config {config}",
        f"{yidi} route explain --config {config} --from 321100 --to 210400",
        f"{yidi} route explain $(printf -- '--config %s ' {every}/*/hub.toml) --from 321100 --to 210400",
        f"curl -s http://127.0.0.1:{treat.metrics_port}/metrics | grep '^yidi_exchanges'",
        f"{shlex.quote(sys.executable)} {shlex.quote(str(example))}",
    ]
