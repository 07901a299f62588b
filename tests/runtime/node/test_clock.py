import asyncio

from runtime.node.clock import Clock, Timers


class Sleeper:
    def __init__(self, log, name):
        self.armed = None
        self.log = log
        self.name = name

    def due(self):
        self.log.append(self.name)


class Hands:
    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


def test_the_clock_never_goes_back():
    clock = Clock()
    times = [clock.now() for _ in range(100)]
    assert times == sorted(times)


def test_the_clock_follows_the_wall_after_a_suspend_only_when_it_is_told_to():
    wall, steady = Hands(), Hands()
    clock = Clock(wall, steady)
    wall.time += 3600  # asleep: monotonic time stands still
    assert clock.now() == 1000
    clock.follow_wall()
    assert clock.now() == 4600
    wall.time += 0.5  # too little to be worth a jump
    clock.follow_wall()
    assert clock.now() == 4600


async def test_sleepers_wake_in_the_order_of_their_times():
    hands, log = Hands(), []
    timers = Timers(hands)
    a, b, c = (Sleeper(log, name) for name in "abc")
    timers.arm(a, 1010)
    timers.arm(b, 1005)
    timers.arm(c, 1020)
    hands.time = 1011
    timers.fire()
    assert log == ["b", "a"]
    assert len(timers) == 1
    timers.close()


async def test_a_moved_or_disarmed_deadline_does_not_fire():
    hands, log = Hands(), []
    timers = Timers(hands)
    a, b = Sleeper(log, "a"), Sleeper(log, "b")
    timers.arm(a, 1010)
    timers.arm(a, 1030)
    timers.arm(b, 1010)
    timers.arm(b, None)
    hands.time = 1020
    timers.fire()
    assert log == []
    hands.time = 1031
    timers.fire()
    assert log == ["a"]
    assert len(timers) == 0


async def test_the_heap_does_not_grow_with_deadlines_that_moved():
    hands = Hands()
    timers = Timers(hands)
    sleeper = Sleeper([], "a")
    for n in range(10_000):
        timers.arm(sleeper, 2000 + n)
    assert len(timers._heap) < 100
    timers.close()


async def test_the_loop_fires_the_timer_by_itself():
    clock = Clock()
    timers = Timers(clock.now)
    woken = asyncio.Event()

    class Waiter:
        armed = None

        def due(self):
            woken.set()

    timers.arm(Waiter(), clock.now() + 0.01)
    async with asyncio.timeout(5):
        await woken.wait()
