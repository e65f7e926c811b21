"""Whatever is lost, repeated or killed in whatever order: one settlement at most, and in the end one truth.

A run is a list of steps drawn by hypothesis, so a failure is told as the shortest list that still fails.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Decline
from gateway.errors.status import PeerDecline, reason_of
from gateway.store.tables import Batch, State
from tests.support.window import LINES, Window
from tests.support.world import FUSHUN, WAY, ZHENJIANG, Fate, Template, World, parse
from yidi.v1.settlement_pb2 import OUTCOME_DONE, OUTCOME_NOT_RECEIVED

EXAMPLES = int(os.environ.get("YIDI_EXAMPLES", "40"))
"""More of them on a quiet machine: ``YIDI_EXAMPLES=5000``."""
fates = st.sampled_from(Fate)
numbers = st.integers(0, 3)
losses = st.lists(st.tuples(numbers, fates), max_size=4)
sends = st.tuples(st.just("send"), st.integers(0, 1), losses)
asks = st.tuples(st.just("ask"), st.integers(0, 1), losses)
undos = st.tuples(st.just("undo"), losses)
kills = st.tuples(st.just("kill"), st.sampled_from(WAY))
crashes = st.tuples(st.just("crash"), numbers, st.integers(0, 1))
arrivals = st.tuples(st.just("late"), numbers)
dead_lines = st.tuples(st.just("line"), numbers, fates)
crowds = st.tuples(st.just("crowd"), numbers, fates)
settling = st.lists(
    st.one_of(sends, sends, asks, kills, crashes, arrivals, dead_lines, crowds), min_size=1, max_size=10
)
undoing = st.lists(st.one_of(sends, undos, asks, kills, crashes, arrivals, dead_lines, crowds), min_size=1, max_size=10)


class Run:
    """One run: two settlement requests for the same charges, under two ids."""

    def __init__(self, world: World, requests: list[Any], window: Window) -> None:
        self.world, self.requests, self.window = world, requests, window
        self.answers: list[set[bytes]] = [set(), set()]
        self.undoing = window.undoing(requests[0].header.msgid)
        self.undone: set[bytes] = set()

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
            case ("undo", losses):
                self._lose(losses)
                await self.undo()
            case ("crash", number, which):
                await self._crash(number, which)
            case ("crowd", number, fate):
                self._lose([(number, fate)])
                await asyncio.gather(self.send(0), self.send(0), self.send(1), self.ask(0))
        for link in self.world.links.values():
            link.fates.clear()

    def _lose(self, losses: list[tuple[int, Fate]]) -> None:
        for number, fate in losses:
            self.world.link(number).fates.append(fate)

    async def _crash(self, number: int, which: int) -> None:
        """A hub dies while a request that it has sent is on its way."""
        link = self.world.link(number)
        before = len(link.sent)
        link.gate = asyncio.Event()
        sending = self.world.start(self.send(which))
        await asyncio.wait(
            [sending, self.world.start(self.world.until(lambda: len(link.sent) > before))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        await self.world.restart(WAY[number])
        link.gate.set()
        link.gate = None
        await sending

    async def send(self, which: int) -> str:
        """Send a request; the reason when it is refused."""
        try:
            self.answers[which].add(await self.window.send("SettleOutpatient", self.requests[which]))
        except (Decline, PeerDecline) as refusal:
            return reason_of(refusal)
        return ""

    async def undo(self) -> str:
        """Undo the first request, always under the same id; the reason when that is refused."""
        try:
            self.undone.add(await self.window.send("Undo", self.undoing))
        except (Decline, PeerDecline) as refusal:
            return reason_of(refusal)
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
        await self._mend()
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

    async def _mend(self) -> None:
        for number in range(4):
            self.world.link(number).otherwise = Fate.DELIVER
            await self.world.link(number).deliver_late()

    def check_undone(self) -> None:
        """What must hold after every step when the first request may be undone."""
        entries = self.world.rows(FUSHUN, "SELECT medfee_fen FROM book ORDER BY entry")
        running_fen = 0
        for (fen,) in entries:
            running_fen += fen
            assert 0 <= running_fen <= max(abs(fen) for (fen,) in entries), "settled twice, or reversed twice"
        assert len(self.undone) <= 1, "two answers to one undo"

    async def heal_undone(self) -> None:
        """Mend all lines, undo, and then settle what is free."""
        await self._mend()
        first, second = (request.header.msgid for request in self.requests)
        assert await self.undo() == ""
        assert await self.send(0) == "REQUEST_SEALED"
        assert self.world.states(first) == [State.SEALED] * 5
        await self.ask(1)
        await self.send(1)
        told = await self.ask(1)
        books = self.world.books()
        assert books == [books[0]] * 5, books
        amounts = [entry[8] for entry in books[0]]
        if told.outcome == OUTCOME_DONE:
            assert sum(amounts) > 0
            assert self.world.states(second) == [State.DONE] * 5
            assert self.world.batch(self.requests[0].data.mdtrt_id)[0] == Batch.SETTLED
        else:
            assert sum(amounts) == 0
            assert self.world.batch(self.requests[0].data.mdtrt_id) == (Batch.OPEN, "", "")


async def play(template: Template, directory: Path, script: list[Any], *, undone: bool) -> None:
    """One run in a world of its own."""
    async with template.world(directory) as world:
        window = Window(world)
        quote = await window.quoted(LINES[:1])
        run = Run(world, [window.settlement(quote), window.settlement(quote)], window)
        check = run.check_undone if undone else run.check_safety
        for step in script:
            await run.play(step)
            check()
        await (run.heal_undone() if undone else run.heal())
        check()


calm = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@calm
@given(script=settling)
def test_any_order_of_losses_and_repeats_settles_once(template: Template, script: list[Any]):
    """However requests and answers are lost, repeated, late or cut off by kills: one settlement and one answer."""
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(template, Path(directory), script, undone=False))


@calm
@given(script=undoing)
def test_an_undo_in_any_order_leaves_balanced_books(template: Template, script: list[Any]):
    """However an undo crosses its request, its repeats and their losses: nothing of it is left in any book."""
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(template, Path(directory), script, undone=True))
