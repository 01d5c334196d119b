"""SPDY/3.1 frames: what one end packs, the other unpacks, however the bytes are cut."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.apiserver.wire import spdy
from statelab.controlplane.apiserver.wire.spdy import Data, Framer, Opened, Ping, ProtocolError, Reset

names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)


def test_the_dictionary_is_the_one_of_the_specification() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


@given(
    headers=st.lists(st.dictionaries(names, st.text(max_size=20), max_size=4), min_size=1, max_size=4),
    data=st.binary(max_size=200),
    cut=st.integers(1, 50),
)
def test_streams_opened_and_written_to_come_out_as_they_went_in(
    headers: list[dict[str, str]], data: bytes, cut: int
) -> None:
    sender, receiver = Framer(), Framer()
    sent = b"".join(sender.opened(2 * number + 1, each) for number, each in enumerate(headers))
    sent += sender.data(1, data, fin=True) + sender.ping(7) + sender.reset(3)
    got = [frame for at in range(0, len(sent), cut) for frame in receiver.feed(sent[at : at + cut])]
    opened = [Opened(2 * number + 1, each, False) for number, each in enumerate(headers)]
    assert got == [*opened, Data(1, data, True), Ping(7), Reset(3)]


def test_a_reply_says_nothing_and_keeps_the_compression_going() -> None:
    server, client = Framer(), Framer()
    assert list(client.feed(server.reply(1) + server.opened(2, {"a": "b"}))) == [Opened(2, {"a": "b"}, False)]


@given(raw=st.binary(max_size=300))
def test_nonsense_is_a_protocol_error_or_nothing(raw: bytes) -> None:
    framer = Framer()
    try:
        for frame in framer.feed(raw):
            assert frame is not None
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    "raw", [b"\x80\x02\x00\x01" + bytes(100), b"\x80\x03\x00\x63" + bytes(100), b"\x00" * 5 + b"\xff" * 3]
)
def test_another_version_another_frame_and_a_frame_without_end_are_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Framer().feed(raw))


def test_headers_that_unpack_to_too_much_are_refused() -> None:
    with pytest.raises(ProtocolError):
        list(Framer().feed(Framer().opened(1, {"a": "x" * 200_000})))
