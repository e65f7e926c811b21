"""Whatever is lost, repeated or killed in whatever order: one settlement at most, and in the end one truth.

A run is a list of steps drawn by hypothesis, so a failure is told as the shortest list that still fails.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Decline
from gateway.errors.status import PeerDecline
from gateway.store.tables import Batch, State
from tests.support.window import LINES, Window
from tests.support.world import FUSHUN, WAY, ZHENJIANG, Fate, Template, World, parse
from yidi.v1.settlement_pb2 import OUTCOME_DONE, OUTCOME_NOT_RECEIVED

sends = st.tuples(
    st.just("send"), st.integers(0, 1), st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Fate)), max_size=4)
)
asks = st.tuples(
    st.just("ask"), st.integers(0, 1), st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Fate)), max_size=2)
)
kills = st.tuples(st.just("kill"), st.sampled_from(WAY))
arrivals = st.tuples(st.just("late"), st.integers(0, 3))
dead_lines = st.tuples(st.just("line"), st.integers(0, 3), st.sampled_from(Fate))
both = st.tuples(st.just("both"), st.integers(0, 3), st.sampled_from(Fate))
steps = st.lists(st.one_of(sends, sends, asks, kills, arrivals, dead_lines, both), min_size=1, max_size=10)


class Run:
    """One run: two settlement requests for the same charges, under two ids."""

    def __init__(self, world: World, requests: list[Any], window: Window) -> None:
        self.world, self.requests, self.window = world, requests, window
        self.answers: list[set[bytes]] = [set(), set()]

    async def play(self, step: Any) -> None:
        """Do one step."""
        match step:
            case ("send", which, losses):
                self._lose(losses)
                await self.send(which)
            case ("ask", which, losses):
                self._lose(losses)
                await self.ask(which)
            case ("kill", division):
                await self.world.restart(division)
            case ("late", number):
                await self.world.link(number).deliver_late()
            case ("line", number, fate):
                self.world.link(number).otherwise = fate
            case ("both", number, fate):
                self._lose([(number, fate)])
                await asyncio.gather(self.send(0), self.send(0), self.send(1), self.ask(0))
        for link in self.world.links.values():
            link.fates.clear()

    def _lose(self, losses: list[tuple[int, Fate]]) -> None:
        for number, fate in losses:
            self.world.link(number).fates.append(fate)

    async def send(self, which: int) -> str:
        """Send a request; the reason when it is refused."""
        try:
            self.answers[which].add(await self.window.send("SettleOutpatient", self.requests[which]))
        except Decline as refusal:
            assert refusal.reason != "INTERNAL"
            return refusal.reason
        except PeerDecline as refusal:
            return str(refusal.info.reason)
        return ""

    async def ask(self, which: int) -> Any:
        """Ask what became of a request; what is told must agree with what was answered."""
        told = await self.window.outcome(self.requests[which].header.msgid)
        if told.outcome == OUTCOME_DONE:
            self.answers[which].add(told.answer)
        return told

    def check_safety(self) -> None:
        """What must hold after every step, however broken the lines are."""
        ledger = self.world.rows(FUSHUN, "SELECT sum(medfee_fen), count(*) FROM book")[0]
        assert ledger[1] <= 1, "two settlements of one batch"
        for answers in self.answers:
            assert len(answers) <= 1, "two answers to one request"
        assert not (self.answers[0] and self.answers[1]), "two requests settled one batch"
        if any(self.answers):
            assert ledger[1] == 1, "a settlement was answered that the insured place does not have"

    async def heal(self) -> None:
        """Mend all lines and let the hospital do what it is told to do until it knows."""
        for number in range(4):
            self.world.link(number).otherwise = Fate.DELIVER
            await self.world.link(number).deliver_late()
        for which in (0, 1):
            await self.ask(which)
        for which in (0, 1):
            await self.send(which)
        told = [await self.ask(which) for which in (0, 1)]
        outcomes = [one.outcome for one in told]
        assert outcomes.count(OUTCOME_DONE) == 1, outcomes
        done = outcomes.index(OUTCOME_DONE)
        assert outcomes[1 - done] == OUTCOME_NOT_RECEIVED or told[1 - done].fault.reason == "ALREADY_SETTLED"
        info = parse("SettleOutpatient", told[done].answer).setlinfo
        books = self.world.books()
        assert books == [books[0]] * 5
        assert [entry[6] for entry in books[0]] == [info.setl_id]
        assert self.world.states(self.requests[done].header.msgid) == [State.DONE] * 5
        assert self.world.batch(info.mdtrt_id) == (Batch.SETTLED, "", info.setl_id)
        assert self.world.rows(ZHENJIANG, "SELECT count(*) FROM batch WHERE pending != ''") == [(0,)]


async def play(template: Template, directory: Path, script: list[Any]) -> None:
    """One run in a world of its own."""
    async with template.world(directory) as world:
        window = Window(world)
        quote = await window.quoted(LINES[:1])
        run = Run(world, [window.settlement(quote), window.settlement(quote)], window)
        for step in script:
            await run.play(step)
            run.check_safety()
        await run.heal()
        run.check_safety()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=steps)
def test_any_order_of_losses_and_repeats_settles_once(template: Template, script: list[Any]):
    """However requests and answers are lost, repeated, late or cut off by kills: one settlement, one answer, one truth."""
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(template, Path(directory), script))
