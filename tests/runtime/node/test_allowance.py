from runtime.node.allowance import Allowance


def test_a_burst_is_taken_and_then_only_the_rate():
    allowance = Allowance(10.0, 5.0)
    assert [allowance.take(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert [allowance.take(100.25) for _ in range(3)] == [True, True, False]
    assert sum(allowance.take(200.0) for _ in range(50)) == 5


def test_a_clock_that_stands_still_gives_nothing():
    allowance = Allowance(1000.0, 1.0)
    assert allowance.take(5.0)
    assert not allowance.take(5.0) and not allowance.take(4.0)
