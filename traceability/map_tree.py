"""The map's nodes: changed in batches at every checkpoint, kept in memory or fetched from where they are stored.

A node's place is the number `1 << depth | first bits of the path`: the root is 1, the children of n are 2n and 2n + 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from traceability.lot_map import EMPTY, PATH_BITS, MapEntry, MapProof, bit_of, inner, path_of

# A place's hash and, where one subject stands there alone, its name; inner nodes have "".
Node = tuple[bytes, str]
NOTHING: Node = (EMPTY, "")
Load = Callable[[Sequence[int]], Mapping[int, Node]]
ROOT = 1


def no_nodes(_places: Sequence[int]) -> Mapping[int, Node]:
    """Load nothing: the tree lives in memory."""
    return {}


class MapTree:
    """A map of which `load(places)` fetches stored nodes; what `put` changes waits in `changed`."""

    def __init__(self, load: Load = no_nodes) -> None:
        self.changed: dict[int, Node] = {}
        self._nodes: dict[int, Node] = {}
        self._load = load
        self._stored = load is not no_nodes

    def root(self) -> bytes:
        """Return the root over everything in the map."""
        self._fetch([ROOT])
        return self._nodes.get(ROOT, NOTHING)[0]

    def nodes(self) -> Iterator[tuple[int, Node]]:
        """Yield every node that is not empty, with its place."""
        yield from self._nodes.items()

    def put(self, entries: Iterable[MapEntry]) -> bytes:
        """Set subjects to new counts and heads and return the root; several for one subject are not allowed."""
        items = sorted((path_of(e.subject), e.subject, e.leaf()) for e in entries)
        if self._stored:
            self._fetch_for([path for path, _, _ in items])
        return self._put(ROOT, 0, items) if items else self.root()

    def siblings(self, subject: str) -> tuple[list[bytes], Node]:
        """Return the hashes beside the way to a subject's place, the deepest first, and what stands at that place."""
        path = path_of(subject)
        if self._stored:
            self._fetch_for([path])
        place, depth = ROOT, 0
        found: list[bytes] = []
        while True:
            node = self._nodes.get(place, NOTHING)
            if node[1] or node[0] == EMPTY:
                return found[::-1], node
            bit = bit_of(path, depth)
            found.append(self._nodes.get(2 * place + (1 - bit), NOTHING)[0])
            place, depth = 2 * place + bit, depth + 1

    def _put(self, place: int, depth: int, items: list[tuple[int, str, bytes]]) -> bytes:
        """Put `items` (in the order of their paths, all below this place) and return the place's new hash."""
        kept, there = self._nodes.get(place, NOTHING)
        if there and all(subject != there for _, subject, _ in items):
            # Whoever stood here alone moves down beside the new ones.
            items = sorted([*items, (path_of(there), there, kept)])
        if len(items) == 1 and (there or kept == EMPTY):
            node = (items[0][2], items[0][1])
        else:
            shift = PATH_BITS - 1 - depth
            cut = next((k for k, item in enumerate(items) if item[0] >> shift & 1), len(items))
            left, right = items[:cut], items[cut:]
            node = (
                inner(
                    self._put(2 * place, depth + 1, left) if left else self._nodes.get(2 * place, NOTHING)[0],
                    self._put(2 * place + 1, depth + 1, right) if right else self._nodes.get(2 * place + 1, NOTHING)[0],
                ),
                "",
            )
        self._nodes[place] = node
        if self._stored:
            self.changed[place] = node
        return node[0]

    def _fetch_for(self, paths: Sequence[int]) -> None:
        """Fetch every stored node on the ways of these paths, level by level, and those beside them."""
        ways = dict.fromkeys(paths, ROOT)
        self._fetch([ROOT])
        depth = 0
        while ways:
            on = {path: place for path, place in ways.items() if self._goes_on(place)}
            below = {2 * place + side for place in on.values() for side in (0, 1)}
            self._fetch(sorted(below))
            ways = {path: 2 * place + bit_of(path, depth) for path, place in on.items()}
            depth += 1

    def _goes_on(self, place: int) -> bool:
        hashed, there = self._nodes.get(place, NOTHING)
        return not there and hashed != EMPTY

    def _fetch(self, places: Sequence[int]) -> None:
        wanted = [p for p in places if p not in self._nodes]
        if wanted and self._stored:
            found = self._load(wanted)
            for place in wanted:
                self._nodes[place] = found.get(place, NOTHING)


def proof_of(tree: MapTree, subject: str, entry_of: Callable[[str], MapEntry]) -> tuple[MapEntry | None, MapProof]:
    """Return a subject's entry with its proof, or None with the proof that there is none. `entry_of` names who stands at a place."""
    siblings, (_, there) = tree.siblings(subject)
    if there == subject:
        return entry_of(subject), MapProof(tuple(siblings))
    return None, MapProof(tuple(siblings), entry_of(there) if there else None)
