"""Places for live prices: counted by person over processes, kept by leases, and without Redis by the process alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.test import override_settings

from assets import live
from assets.places import Limits, Places
from core.testing import PATIENCE

if TYPE_CHECKING:
    from portfolio_site.testing import Broker

ALICE, BOB = 1, 2
SMALL = Limits(sockets=2, assets=3)
Two = Callable[[Places, Places], Coroutine[Any, Any, None]]


@dataclass(eq=False)
class Ear:
    name: str
    user_id: int = ALICE

    def offer(self, move: live.Move) -> None:
        raise AssertionError("nothing moves here")

    def tell(self, state: str, detail: str) -> None:
        return


def run(broker: Broker, work: Two) -> None:
    """With the places of two processes, whose leases do not run out meanwhile."""

    async def both() -> None:
        with override_settings(LIVE_LEASE=600.0):
            one, other = Places("one", broker.url), Places("other", broker.url)
        try:
            await work(one, other)
        finally:
            await one.rest()
            await other.rest()

    asyncio.run(both())


def test_sockets_of_a_person_are_counted_over_processes(broker: Broker) -> None:
    async def work(one: Places, other: Places) -> None:
        assert await one.take(ALICE, "a", [], SMALL) == set()
        assert await other.take(ALICE, "a", [], SMALL) == set()  # names are of a process
        assert await one.take(ALICE, "c", [], SMALL) is None
        assert await other.take(ALICE, "c", [], SMALL) is None
        assert await one.take(BOB, "c", [], SMALL) == set()
        await other.leave(ALICE, "a")
        assert await one.take(ALICE, "c", [], SMALL) == set()
        await other.leave(ALICE, "never there")
        assert await other.take(ALICE, "d", [], SMALL) is None

    run(broker, work)


def test_an_asset_that_several_sockets_follow_counts_once(broker: Broker) -> None:
    async def work(one: Places, other: Places) -> None:
        assert await one.take(ALICE, "a", [1, 2], SMALL) == {1, 2}
        assert await other.take(ALICE, "b", [4, 2, 1, 5, 4], SMALL) == {4, 2, 1}
        assert await one.take(ALICE, "a", [1], SMALL) == {1}  # the other one still follows 2
        assert await one.take(ALICE, "a", [1, 6], SMALL) == {1}
        assert await other.take(ALICE, "b", [4], SMALL) == {4}
        assert await one.take(ALICE, "a", [1, 6], SMALL) == {1, 6}
        await one.leave(ALICE, "a")
        assert await other.take(ALICE, "b", [4, 7, 8, 9], SMALL) == {4, 7, 8}

    run(broker, work)


def test_all_or_nothing(broker: Broker) -> None:
    async def work(one: Places, other: Places) -> None:
        assert await one.take(ALICE, "a", [1], SMALL) == {1}
        assert await other.take(ALICE, "b", [2], SMALL) == {2}
        assert await other.take(ALICE, "b", [2, 3, 4], SMALL, whole=True) == {2}
        assert await one.take(ALICE, "a", [1, 3], SMALL, whole=True) == {1, 3}
        assert await other.take(ALICE, "b", [2, 4], SMALL) == {2}

    run(broker, work)


def test_what_a_dead_process_took_is_free_when_its_lease_has_run_out(broker: Broker, settings: Any) -> None:
    async def work(one: Places, other: Places) -> None:
        settings.LIVE_LEASE = 0.2
        dead, brief = Places("one", broker.url), Places("other", broker.url)
        await dead.take(ALICE, "a", [1, 2, 3], SMALL)
        await dead.take(ALICE, "b", [3], SMALL)
        await brief.take(BOB, "c", [1], SMALL)
        await other.renew(BOB, {"c": [1]})  # this one lives
        await asyncio.sleep(0.4)
        for places in (dead, brief):
            await places.rest()
        assert await other.take(BOB, "d", [2], SMALL) == {2}
        assert await other.take(BOB, "e", [2], SMALL) is None
        assert await other.take(ALICE, "d", [4, 5, 6], SMALL) == {4, 5, 6}
        await one.renew(ALICE, {"a": [1], "b": []})  # it was only slow, and what it has counts again
        assert await other.take(ALICE, "e", [], Limits(sockets=3, assets=9)) is None
        assert await other.take(ALICE, "d", [1, 4, 5], Limits(sockets=3, assets=3)) == {1, 4, 5}
        assert await other.take(ALICE, "d", [4, 5, 6], Limits(sockets=3, assets=3)) == {4, 5}

    run(broker, work)


def test_many_at_once_never_take_more_than_there_is(broker: Broker) -> None:
    async def work(one: Places, other: Places) -> None:
        wanted = [(one if n % 2 else other).take(ALICE, f"s{n}", [n, n + 1], SMALL) for n in range(40)]
        found = [granted for granted in await asyncio.gather(*wanted) if granted is not None]
        assert len(found) == 2
        assert len(set().union(*found)) <= 3

    run(broker, work)


def test_a_hub_that_was_silent_for_too_long_takes_its_places_anew(settings: Any) -> None:
    settings.LIVE_LEASE, settings.LIVE_SOCKETS_PER_PERSON, settings.LIVE_SYMBOLS_PER_PERSON = 600.0, 1, 2

    async def work() -> None:
        hub, other = live.Hub(), Places("other")
        settings.LIVE_LEASE = 0.1  # it renews every thirtieth of a second what is granted for long
        ear = Ear("a")
        assert await hub.admit(ear)
        assert await hub.follow(ear, [1, 2, 3]) == {1, 2}
        await hub._places._redis.flushdb()
        async with asyncio.timeout(PATIENCE):
            while not await hub._places._redis.hlen(f"portfolio-live:places:{{{ALICE}}}:sockets"):
                await asyncio.sleep(0.01)
        assert await other.take(ALICE, "b", [], Limits(1, 2)) is None
        assert await other.take(ALICE, "b", [1, 2, 3], Limits(2, 2)) == {1, 2}
        await hub.dismiss(ear)
        assert not hub._tasks
        assert await other.take(ALICE, "c", [], Limits(2, 2)) == set()

    asyncio.run(work())


def test_a_place_that_could_not_be_given_back_is_free_with_the_next_renewal(broker: Broker, settings: Any) -> None:
    settings.REDIS_URL, settings.LIVE_LEASE = broker.url, 600.0
    settings.LIVE_SOCKETS_PER_PERSON, settings.LIVE_SYMBOLS_PER_PERSON = 2, 3

    async def work() -> None:
        hub, other = live.Hub(), Places("other", broker.url)
        gone, stays = Ear("gone"), Ear("stays")
        for ear, assets in ((gone, [1, 2]), (stays, [2, 3])):
            assert await hub.admit(ear)
            assert await hub.follow(ear, assets) == set(assets)
        there, hub._places = hub._places, Places(hub._name, "redis://127.0.0.1:1/0")  # nobody listens there
        await hub.dismiss(gone)
        hub._places = there
        assert await other.take(ALICE, "new", [], SMALL) is None
        await there.renew(ALICE, hub._here(ALICE))
        assert await other.take(ALICE, "new", [7, 8], SMALL) == {7}
        await hub.dismiss(stays)
        assert await other.take(ALICE, "new", [7, 8, 9], SMALL) == {7, 8, 9}
        await other.rest()

    asyncio.run(work())


def test_whoever_leaves_while_places_are_renewed_has_none(broker: Broker, settings: Any) -> None:
    settings.REDIS_URL, settings.LIVE_LEASE = broker.url, 600.0
    settings.LIVE_SOCKETS_PER_PERSON, settings.LIVE_SYMBOLS_PER_PERSON = 100, 100

    async def work() -> None:
        hub = live.Hub()
        settings.LIVE_LEASE = 0.03  # a renewal every hundredth of a second
        stays, others = Ear("stays"), [Ear(f"s{number}") for number in range(20)]
        for ear in (stays, *others):
            assert await hub.admit(ear)
            assert await hub.follow(ear, [1, 2])
        await hub._places._redis.flushdb()
        await asyncio.gather(*(hub.dismiss(ear) for ear in others))
        settings.LIVE_LEASE = 600.0
        await hub._places.renew(ALICE, hub._here(ALICE))
        fields = await hub._places._redis.hkeys(f"portfolio-live:places:{{{ALICE}}}:sockets")
        assert fields == [f"{hub._name}:stays".encode()]
        counts = await hub._places._redis.hgetall(f"portfolio-live:places:{{{ALICE}}}:assets")
        assert counts == {b"1": b"1", b"2": b"1"}
        await hub.dismiss(stays)

    asyncio.run(work())


def test_without_redis_a_process_counts_its_own(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # nobody listens there
    settings.LIVE_SOCKETS_PER_PERSON, settings.LIVE_SYMBOLS_PER_PERSON = 2, 3

    async def work() -> None:
        hub = live.Hub()
        first, second, third, bob = Ear("a"), Ear("b"), Ear("c"), Ear("d", BOB)
        assert [await hub.admit(each) for each in (first, second, third, bob)] == [True, True, False, True]
        assert await hub.follow(first, [1, 2]) == {1, 2}
        assert await hub.follow(second, [1, 3, 4]) == {1, 3}
        assert await hub.follow(second, [1, 3, 4], whole=True) == {1, 3}
        assert await hub.follow(bob, [7, 8, 9]) == {7, 8, 9}
        await hub.dismiss(first)
        assert await hub.follow(second, [1, 3, 4]) == {1, 3, 4}
        assert await hub.admit(third)
        for each in (second, third, bob):
            await hub.dismiss(each)

    asyncio.run(work())
