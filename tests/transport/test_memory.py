from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import ConfigError, ConnectError
from fixgw.transport.memory import MemoryNetwork

from .conftest import Recorder, Recorders


class Careful(Recorder):
    """Counts what a transport asks of a writer, and the end of the stream."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.chunks: list[int] = []

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.chunks.append(len(data))

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def eof_received(self) -> None:
        self.calls.append("eof")


async def pair(network: MemoryNetwork | None = None) -> tuple[Careful, Careful]:
    """Return the protocols of a near (connecting) and a far (accepting) end."""
    network = network or MemoryNetwork()
    near, far = Careful(), Careful()
    network.listen("venue", lambda: far)
    peer = await network.connector("venue").connect(lambda: near)
    assert (peer.address, peer.tls) == ("venue", "off")
    return near, far


async def turns(count: int = 20) -> None:
    """Let the event loop run what is due."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_bytes_pass_both_ways() -> None:
    near, far = await pair()
    near.made.result().write(b"35=A")
    near.made.result().write(memoryview(b"35=0"))
    far.made.result().writelines([b"35=", b"5"])
    assert await far.until(8) == b"35=A35=0"
    assert await near.until(4) == b"35=5"
    assert far.chunks == [8]
    assert near.made.result().get_extra_info("peername") == "venue"
    assert far.made.result().get_extra_info("peername") == "venue-client"


async def test_nothing_is_delivered_within_the_write_itself() -> None:
    near, far = await pair()
    near.made.result().write(b"35=A")
    assert far.received == b""
    await turns()
    assert far.received == b"35=A"


async def test_a_seed_gives_the_same_chunks_again() -> None:
    async def chunks(seed: int) -> list[int]:
        near, far = await pair(MemoryNetwork(chunk_seed=seed, max_chunk=5))
        near.made.result().write(bytes(100))
        await far.until(100)
        return far.chunks

    first = await chunks(7)
    assert first == await chunks(7) != await chunks(8)
    assert max(first) <= 5
    assert len(set(first)) > 1


@given(
    writes=st.lists(st.binary(max_size=40), max_size=10),
    seed=st.none() | st.integers(0, 99),
    late=st.booleans(),
)
def test_what_was_written_before_a_close_arrives_whole_and_in_order(
    writes: list[bytes], seed: int | None, late: bool
) -> None:
    async def scenario() -> None:
        near, far = await pair(MemoryNetwork(chunk_seed=seed, max_chunk=7))
        if late:
            far.made.result().pause_reading()
        for data in writes:
            near.made.result().write(data)
        near.made.result().close()
        near.made.result().write(b"too late")
        await turns()
        far.made.result().resume_reading()
        assert await far.lost is None
        assert await near.lost is None
        assert far.received == b"".join(writes)
        assert far.calls == ["eof"]

    asyncio.run(scenario())


async def test_the_end_of_one_direction_ends_both() -> None:
    near, far = await pair()
    near.made.result().close()
    far.made.result().write(b"never read")
    assert await far.lost is None
    assert await near.lost is None
    assert near.received == b""
    assert near.made.result().is_closing()
    assert far.made.result().is_closing()
    assert not near.made.result().can_write_eof()


async def test_a_second_close_changes_nothing() -> None:
    near, far = await pair()
    near.made.result().close()
    near.made.result().close()
    assert await near.lost is None
    near.made.result().abort()
    await turns()
    assert await far.lost is None


async def test_an_abort_drops_what_was_written_and_resets_the_peer() -> None:
    near, far = await pair()
    near.made.result().write(b"lost")
    near.made.result().abort()
    assert await near.lost is None
    assert isinstance(await far.lost, ConnectionResetError)
    assert far.received == b""


async def test_a_cut_network_resets_both_ends_and_can_be_dialled_again() -> None:
    network = MemoryNetwork()
    near, far = await pair(network)
    network.cut()
    assert isinstance(await near.lost, ConnectionResetError)
    assert isinstance(await far.lost, ConnectionResetError)
    again = Recorders()
    network.listen("other", again)
    await network.connector("other").connect(again)
    again.all[0].made.result().write(b"35=A")
    assert await again.all[1].until(4) == b"35=A"


async def test_a_paused_reader_holds_bytes_back_at_the_writer() -> None:
    near, far = await pair()
    reader = far.made.result()
    assert reader.is_reading()
    reader.pause_reading()
    near.made.result().write(b"35=A")
    await turns()
    assert not reader.is_reading()
    assert (len(far.received), near.made.result().get_write_buffer_size()) == (0, 4)
    reader.resume_reading()
    await turns()
    assert (len(far.received), near.made.result().get_write_buffer_size()) == (4, 0)


async def test_a_full_buffer_pauses_its_writer_once_until_it_is_low_again() -> None:
    near, far = await pair()
    writer, reader = near.made.result(), far.made.result()
    writer.set_write_buffer_limits(high=8, low=2)
    assert writer.get_write_buffer_limits() == (2, 8)
    reader.pause_reading()
    for _ in range(3):
        writer.write(b"12345")
    assert near.calls == ["pause"]
    reader.resume_reading()
    await turns()
    assert near.calls == ["pause", "resume"]
    assert far.received == b"12345" * 3


@pytest.mark.parametrize(
    ("limits", "expected"),
    [({}, (16384, 65536)), ({"low": 10}, (10, 40)), ({"high": 40}, (10, 40)), ({"high": 0}, (0, 0))],
)
async def test_write_limits_default_as_in_asyncio(limits: dict[str, int], expected: tuple[int, int]) -> None:
    near, _ = await pair()
    near.made.result().set_write_buffer_limits(**limits)
    assert near.made.result().get_write_buffer_limits() == expected


async def test_a_protocol_may_hand_over_to_another() -> None:
    near, far = await pair()
    heir = Careful()
    far.made.result().set_protocol(heir)
    assert far.made.result().get_protocol() is heir
    near.made.result().write(b"35=A")
    assert await heir.until(4) == b"35=A"


async def test_a_protocol_that_fails_loses_its_stream_and_the_loop_hears_of_it() -> None:
    class Failing(Careful):
        def data_received(self, data: bytes) -> None:
            raise LookupError("broken handler")

    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context["exception"]))
    network, far, near = MemoryNetwork(), Failing(), Careful()
    network.listen("venue", lambda: far)
    await network.connector("venue").connect(lambda: near)
    near.made.result().write(b"35=A")
    assert isinstance(await near.lost, ConnectionResetError)
    assert heard == [await far.lost]


async def test_a_name_is_listened_on_once_until_it_is_closed() -> None:
    network = MemoryNetwork()
    first = network.listen("venue", Recorders())
    with pytest.raises(ConfigError, match="venue is already listened on"):
        network.listen("venue", Recorders())
    await first.close()
    second = network.listen("venue", Recorders())
    assert first.port != second.port


async def test_a_name_that_nobody_listens_on_refuses() -> None:
    network = MemoryNetwork()
    listener = network.listen("venue", Recorders())
    await listener.close()
    never: Callable[[], asyncio.Protocol] = Recorders()
    with pytest.raises(ConnectError, match="venue: connection refused") as caught:
        await network.connector("venue").connect(never)
    assert not caught.value.fatal
