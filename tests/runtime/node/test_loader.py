import asyncio

import pytest

from runtime.node.loader import Loader, LoadRefused
from tests.runtime.node.nodes import BUSY, ECHO, digest

BROKEN = "- {from_state: Idle, role: UAS, event: IncomingCall\n"
MISSPELT = "- {from_state: Idle, role: UAS, event: IncomingCal, next_state: Active}\n"
FAULTY = "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}\n"


class Source:
    """Texts and wishes, as a database would have them."""

    def __init__(self, *texts, **desired):
        self.texts = {digest(text): text for text in texts}
        self.wanted = {flow: digest(text) for flow, text in desired.items()}

    async def desired(self):
        return self.wanted

    async def text(self, wanted):
        return self.texts.get(wanted)


class Away:
    async def desired(self):
        raise ConnectionError("the database is away")

    async def text(self, wanted):
        raise ConnectionError("the database is away")


@pytest.fixture
def loader(tmp_path):
    return Loader(tmp_path / "flows")


async def test_a_deployed_text_is_what_new_sessions_run(loader):
    loaded = await loader.deploy("echo", digest(ECHO), ECHO, force=True)
    assert (loaded.flow, loaded.digest) == ("echo", digest(ECHO))
    assert loaded.milliseconds > 0
    assert loader.program("echo").table.digest == digest(ECHO)
    assert loader.program("other") is None


@pytest.mark.parametrize("text", [BROKEN, MISSPELT, "", "callflow: 1\n"])
async def test_a_text_that_does_not_compile_leaves_the_good_version(loader, text):
    await loader.deploy("echo", digest(ECHO), ECHO, force=True)
    with pytest.raises(LoadRefused) as refused:
        await loader.deploy("echo", digest(text), text, force=True)
    assert refused.value.findings
    assert refused.value.findings[0].code
    assert loader.deployed() == {"echo": digest(ECHO)}
    assert "echo" in loader.failures


async def test_errors_keep_a_version_out_unless_it_is_forced(loader):
    with pytest.raises(LoadRefused) as refused:
        await loader.deploy("f", digest(FAULTY), FAULTY)
    assert "line" in refused.value.reason
    assert loader.deployed() == {}
    await loader.deploy("f", digest(FAULTY), FAULTY, force=True)
    assert loader.deployed() == {"f": digest(FAULTY)}
    assert loader.failures == {}


async def test_a_text_that_is_not_what_was_announced_is_refused(loader):
    with pytest.raises(LoadRefused, match="hash"):
        await loader.deploy("echo", digest(BUSY), ECHO, force=True)


async def test_calls_go_on_while_a_large_table_compiles(loader):
    rows = "".join(
        f"- {{from_state: S{n}, role: UAS, event: IncomingCall, next_state: S{n + 1}}}\n"
        for n in range(2000)
    )
    turns = 0
    loading = asyncio.create_task(loader.deploy("big", digest(rows), rows, force=True))
    while not loading.done():
        await asyncio.sleep(0)
        turns += 1
    await asyncio.gather(loading, return_exceptions=True)
    assert turns > 10


async def test_a_start_loads_what_the_source_wants(loader):
    loaded = await loader.restore(Source(ECHO, BUSY, echo=ECHO, busy=BUSY))
    assert [one.flow for one in loaded] == ["busy", "echo"]
    assert loader.deployed() == {"echo": digest(ECHO), "busy": digest(BUSY)}


async def test_a_start_without_the_source_loads_the_local_copies(tmp_path):
    await Loader(tmp_path).deploy("echo", digest(ECHO), ECHO, force=True)
    again = Loader(tmp_path)
    await again.restore(Away())
    assert again.deployed() == {"echo": digest(ECHO)}
    assert again.failures == {}


async def test_a_damaged_local_copy_is_not_taken(tmp_path):
    await Loader(tmp_path).deploy("echo", digest(ECHO), ECHO, force=True)
    (tmp_path / f"{digest(ECHO)}.yaml").write_text(ECHO + "#")
    again = Loader(tmp_path)
    await again.restore(Away())
    assert again.deployed() == {}
    assert "nowhere" in again.failures["echo"]


async def test_a_broken_list_of_deployments_is_no_reason_not_to_start(tmp_path):
    (tmp_path / "desired.json").write_text("{")
    loader = Loader(tmp_path)
    assert await loader.restore(None) == []


async def test_one_flow_that_does_not_load_does_not_keep_out_the_others(loader):
    await loader.restore(Source(BROKEN, ECHO, a=BROKEN, b=ECHO))
    assert loader.deployed() == {"b": digest(ECHO)}
    assert "does not compile" in loader.failures["a"]


@pytest.mark.parametrize("wanted", [BROKEN, MISSPELT])
async def test_a_start_that_wants_what_does_not_compile_returns_to_the_last_good_version(
    tmp_path, wanted
):
    await Loader(tmp_path).deploy("echo", digest(ECHO), ECHO, force=True)
    for _ in range(2):
        again = Loader(tmp_path)
        loaded = await again.restore(Source(wanted, echo=wanted))
        assert [one.digest for one in loaded] == [digest(ECHO)]
        assert again.deployed() == {"echo": digest(ECHO)}
        assert "does not compile" in again.failures["echo"]
        assert f"{digest(ECHO)[:12]} goes on" in again.failures["echo"]


async def test_a_start_whose_text_is_lost_returns_to_the_last_good_version(tmp_path):
    await Loader(tmp_path).deploy("echo", digest(ECHO), ECHO, force=True)
    again = Loader(tmp_path)
    await again.restore(Source(echo=BUSY))
    assert again.deployed() == {"echo": digest(ECHO)}
    assert "nowhere" in again.failures["echo"] and "goes on" in again.failures["echo"]


async def test_a_start_that_fails_for_one_flow_forgets_nothing_of_it(tmp_path):
    await Loader(tmp_path).deploy("echo", digest(ECHO), ECHO, force=True)
    copy = tmp_path / f"{digest(ECHO)}.yaml"
    copy.rename(tmp_path / "aside")  # the source has lost it too
    await Loader(tmp_path).restore(Source(BUSY, busy=BUSY, echo=ECHO))
    (tmp_path / "aside").rename(copy)
    again = Loader(tmp_path)
    await again.restore(Away())
    assert again.deployed() == {"echo": digest(ECHO), "busy": digest(BUSY)}


async def test_a_withdrawn_flow_takes_no_more_calls_even_after_a_start(tmp_path):
    loader = Loader(tmp_path)
    await loader.deploy("echo", digest(ECHO), ECHO, force=True)
    await loader.withdraw("echo")
    assert loader.program("echo") is None
    again = Loader(tmp_path)
    await again.restore(None)
    assert again.deployed() == {}


async def test_a_folder_that_cannot_be_written_costs_only_the_copy(tmp_path):
    (tmp_path / "flows").write_text("a file where the folder should be")
    loader = Loader(tmp_path / "flows")
    await loader.deploy("echo", digest(ECHO), ECHO, force=True)
    assert loader.deployed() == {"echo": digest(ECHO)}
