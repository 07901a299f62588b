"""Which edges of a drawing lead back: what is left without them goes in one direction."""

from __future__ import annotations

from collections import defaultdict, deque


def back_edges(
    initial: str, names: list[str], edges: list[tuple[str, str]]
) -> set[tuple[str, str]]:
    """The edges that lead back: inside a circle of states, to one nearer to the initial state.

    An edge that leaves its circle for good is no way back, however long the way was. What is left
    without these edges has no circle, so it can be laid out in one direction.
    """
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        following[source].append(target)
    layer = _layers([initial, *names], following)
    order = {name: (layer[name], position) for position, name in enumerate(names)}
    circle = _circles(names, following)
    return {
        (source, target)
        for source, target in edges
        if circle[source] == circle[target] and order[target] < order[source]
    }


def _layers(starts: list[str], following: dict[str, list[str]]) -> dict[str, int]:
    """The number of steps from the initial state; what it does not reach begins anew at 0."""
    layer: dict[str, int] = {}
    for start in starts:
        if start in layer:
            continue
        layer[start] = 0
        queue = deque([start])
        while queue:
            name = queue.popleft()
            for target in following[name]:
                if target not in layer:
                    layer[target] = layer[name] + 1
                    queue.append(target)
    return layer


def _circles(names: list[str], following: dict[str, list[str]]) -> dict[str, int]:
    """Number the strongly connected components (Kosaraju's two walks, without recursion)."""
    preceding: dict[str, list[str]] = defaultdict(list)
    for source, targets in following.items():
        for target in targets:
            preceding[target].append(source)
    finished: list[str] = []
    seen: set[str] = set()
    for name in names:
        _walk(name, following, seen, finished)
    number: dict[str, int] = {}
    seen = set()
    for index, name in enumerate(reversed(finished)):
        members: list[str] = []
        _walk(name, preceding, seen, members)
        number.update(dict.fromkeys(members, index))
    return number


def _walk(start: str, following: dict[str, list[str]], seen: set[str], done: list[str]) -> None:
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(following[start]))]
    while stack:
        name, rest = stack[-1]
        for target in rest:
            if target not in seen:
                seen.add(target)
                stack.append((target, iter(following[target])))
                break
        else:
            stack.pop()
            done.append(name)
